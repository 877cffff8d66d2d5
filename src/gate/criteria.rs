//! What a route asks of a request, besides its path.

use crate::request::{CanonicalRequest, Networks};
use crate::words::Country;

/// The criteria of a route. All that are given must hold; an empty list means "any".
#[derive(Debug, Clone, Default)]
pub struct Criteria {
    /// Host names.
    pub hosts: Vec<HostPattern>,
    /// Methods, upper case.
    pub methods: Vec<http::Method>,
    /// Query names and the values asked of them.
    pub query: Vec<QueryCriterion>,
    /// Networks of the client; `None` is any client.
    pub networks: Option<Networks>,
    /// Countries of the client. One that is not known is any of them for a route that protects, and none for one that does not.
    pub countries: Vec<Country>,
}

/// A host name, or every name below one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// Exactly this name.
    Exact(String),
    /// Every name that ends in this, which starts with a dot: `*.example.com` is `.example.com`.
    Below(String),
}

/// A query name and the values asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryCriterion {
    /// The name, decoded.
    pub name: String,
    /// Any of these values, decoded; empty means that any value will do.
    pub values: Vec<String>,
}

// === impl Criteria ===

impl Criteria {
    /// Whether a request that is to be protected meets them: whatever an upstream could take for a match is one.
    pub(super) fn met_by_protected(&self, request: &CanonicalRequest) -> bool {
        let method = &request.method;
        self.host_met(request)
            && self
                .networks
                .as_ref()
                .is_none_or(|networks| request.client.uncertain || networks.contains(request.client.ip))
            && (self.countries.is_empty()
                || request.client.country.is_none_or(|country| self.countries.contains(&country)))
            && (self.methods.is_empty()
                || self.methods.contains(method)
                || (method == http::Method::HEAD && self.methods.contains(&http::Method::GET)))
            && self.query.iter().all(|wanted| request.query.any(&wanted.name, |value| wanted.takes(value)))
    }

    /// Whether a request that is to pass unprotected meets them: only what every upstream takes for a match is one.
    pub(super) fn met_by_bypassing(&self, request: &CanonicalRequest) -> bool {
        self.host_met(request)
            && self
                .networks
                .as_ref()
                .is_none_or(|networks| !request.client.uncertain && networks.contains(request.client.ip))
            && (self.countries.is_empty()
                || request.client.country.is_some_and(|country| self.countries.contains(&country)))
            && (self.methods.is_empty() || self.methods.contains(&request.method))
            && self.query.iter().all(|wanted| request.query.all(&wanted.name, |value| wanted.takes(value)))
    }

    fn host_met(&self, request: &CanonicalRequest) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|pattern| pattern.matches(request.authority.host()))
    }
}

impl HostPattern {
    /// The pattern `text`, lower-cased: a name, or `*.` and a name.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        match text.strip_prefix('*') {
            Some(rest) => Self::Below(rest.to_owned()),
            None => Self::Exact(text),
        }
    }

    /// The name that stands for it: of `*.example.com` it is `example.com`, with which a browser takes every name below it
    /// for the same site.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Exact(name) => name,
            Self::Below(suffix) => suffix.trim_start_matches('.'),
        }
    }

    /// Whether the canonical `host` is meant. A wildcard stands for at least one label.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => name == host,
            Self::Below(suffix) => host.len() > suffix.len() && host.ends_with(suffix.as_str()),
        }
    }
}

impl QueryCriterion {
    fn takes(&self, value: &str) -> bool {
        self.values.is_empty() || self.values.iter().any(|wanted| wanted == value)
    }
}
