//! The sites of a gateway, and which of them a host is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::audit::SiteMetrics;
use crate::directory::{Directories, Webhook};
use crate::gate::{HostPattern, Routes};
use crate::grant::SiteRevoked;
use crate::identity::{Answers, Sessions, Source};
use crate::request::{CanonicalPath, CanonicalRequest, IdentityHeaders, PathRules, Query};
use crate::stepup::flags::SiteFlags;
use crate::stepup::{Shared, SignIn};
use crate::store::SiteKey;
use crate::words::{ContactRule, Country, Policy, Subject};

/// A site, as the config gives it.
#[derive(Debug)]
pub struct SiteSpec {
    /// Its host names, at least one.
    pub hosts: Vec<HostPattern>,
    /// Its key in the store.
    pub key: SiteKey,
    /// Its name for people.
    pub name: Arc<str>,
    /// Where a visitor turns who cannot go on: a line of text, an address or an e-mail address.
    pub support: Option<Arc<str>>,
    /// Its routes.
    pub routes: Routes,
    /// Whether what would be stopped is only told, and goes on.
    pub observe: bool,
    /// Its identity sources, in order.
    pub sources: Vec<Source>,
    /// Where a visitor without a subject is sent.
    pub sign_in: Option<SignIn>,
    /// Its directories, in order.
    pub directories: Directories,
    /// For how long a contact that is new to an account is not offered; `None` is no cool-down.
    pub contact_cooldown: Option<Duration>,
    /// Who is told of each contact of a directory's that a visitor proved.
    pub webhook: Option<Arc<Webhook>>,
    /// Identity headers that its peers may set.
    pub identity_headers: IdentityHeaders,
    /// Where telephone numbers without a country code are from.
    pub country: Option<Country>,
    /// Whether its application takes subjects that differ by case alone for one (`subjects: case_insensitive`).
    pub case_insensitive: bool,
}

/// A site of a running gateway.
#[derive(Debug)]
pub struct Site {
    /// What the config says.
    pub spec: SiteSpec,
    /// How its paths are read.
    pub path_rules: PathRules,
    /// The longest `max_age` of its policies: no proof is kept longer.
    pub longest: Duration,
    /// How long ago anything may have been proved that counts: in a grant, or by the directory's word.
    pub reach: Duration,
    /// What is counted of its requests.
    pub metrics: SiteMetrics,
    pub(super) sessions: Arc<Sessions>,
    pub(super) answers: Arc<Answers>,
    pub(super) revoked: Arc<SiteRevoked>,
    pub(super) flags: Arc<SiteFlags>,
}

/// Sites by host name.
#[derive(Debug, Default)]
pub struct Hosts {
    exact: HashMap<String, Arc<Site>>,
    /// Wildcards, the longest first.
    below: Vec<(HostPattern, Arc<Site>)>,
}

// === impl SiteSpec ===

impl SiteSpec {
    /// How the paths of the site are read.
    #[must_use]
    pub fn path_rules(&self) -> PathRules {
        PathRules { parameters_allowed: !self.routes.protect_anything() }
    }

    /// Whether a request needs no subject, since it may be a sign-in. Not one whose route asks for the query: applications
    /// that serve every page at one path sign in there too, and such a route means another of their pages (I1).
    #[must_use]
    pub fn may_sign_in(&self, request: &CanonicalRequest) -> bool {
        self.is_sign_in(request.path.decoded()) && !self.routes.is_told_by_query(request)
    }

    /// Whether a path needs no subject: signing in is how one gets one.
    #[must_use]
    pub fn is_sign_in(&self, path: &str) -> bool {
        self.sign_in.as_ref().map(SignIn::path) == Some(path)
            || self.sources.iter().any(|source| matches!(source, Source::Login(login) if login.is_login(path)))
    }
}

// === impl Site ===

impl Site {
    pub(super) fn new(mut spec: SiteSpec, shared: &Shared) -> Self {
        let site = spec.key.as_str();
        spec.directories = spec.directories.watched(site, &shared.clock, &shared.audit.metrics);
        let step_ups = || {
            spec.routes.policies().filter_map(|policy| match policy {
                Policy::StepUp(policy) => Some(policy),
                Policy::Bypass | Policy::Deny => None,
            })
        };
        let longest = step_ups().map(|policy| policy.max_age).max().unwrap_or_default();
        let reach = step_ups().filter_map(|policy| policy.recheck()).max().unwrap_or_default().max(longest);
        let path_rules = spec.path_rules();
        let (sessions, revoked) = (shared.sessions(&spec.key), shared.revoked.site(&spec.key));
        let (answers, flags) = (shared.answers(&spec.key), shared.flags.site(&spec.key));
        let metrics = shared.audit.metrics.site(spec.key.as_str());
        Self { spec, path_rules, longest, reach, metrics, sessions, answers, revoked, flags }
    }

    /// The one spelling of a subject on this site, which every counter, grant and directory goes by (H19).
    pub(super) fn spelling(&self, subject: Subject) -> Subject {
        if self.spec.case_insensitive { subject.folded() } else { subject }
    }

    /// Whether `path` (decoded) can be opened by anybody, as far as `like`'s client and host go.
    #[must_use]
    pub fn is_open(&self, like: &CanonicalRequest, path: &str) -> bool {
        let Ok(path) = CanonicalPath::parse(path.as_bytes(), self.path_rules) else { return false };
        let request = CanonicalRequest { method: http::Method::GET, path, query: Query::default(), ..like.clone() };
        matches!(self.spec.routes.find(&request).1, Policy::Bypass)
    }

    /// Whether `path` (decoded) can be opened by anybody, or has the form of a policy that proves what is typed there.
    pub(super) fn opens_form(&self, like: &CanonicalRequest, path: &str) -> bool {
        let Ok(path) = CanonicalPath::parse(path.as_bytes(), self.path_rules) else { return false };
        let request = CanonicalRequest { method: http::Method::GET, path, query: Query::default(), ..like.clone() };
        match self.spec.routes.find(&request).1 {
            Policy::Bypass => true,
            Policy::StepUp(policy) => matches!(policy.contact, ContactRule::Form(_)),
            Policy::Deny => false,
        }
    }

    /// Whether a path needs no subject: signing in is how one gets one.
    pub(super) fn is_sign_in(&self, path: &str) -> bool {
        self.spec.is_sign_in(path)
    }
}

// === impl Hosts ===

impl Hosts {
    pub(super) fn new(sites: impl Iterator<Item = Arc<Site>>) -> Self {
        let mut hosts = Self::default();
        for site in sites {
            for pattern in &site.spec.hosts {
                match pattern {
                    HostPattern::Exact(name) => {
                        hosts.exact.insert(name.clone(), Arc::clone(&site));
                    }
                    HostPattern::Below(_) => hosts.below.push((pattern.clone(), Arc::clone(&site))),
                }
            }
        }
        hosts.below.sort_by_key(|(pattern, _)| match pattern {
            HostPattern::Exact(text) | HostPattern::Below(text) => std::cmp::Reverse(text.len()),
        });
        hosts
    }

    pub(super) fn find(&self, host: &str) -> Option<&Arc<Site>> {
        self.exact
            .get(host)
            .or_else(|| self.below.iter().find(|(pattern, _)| pattern.matches(host)).map(|(_, site)| site))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Site>> {
        let mut seen: Vec<&SiteKey> = Vec::new();
        self.exact.values().chain(self.below.iter().map(|(_, site)| site)).filter(move |site| {
            let fresh = !seen.contains(&&site.spec.key);
            seen.push(&site.spec.key);
            fresh
        })
    }
}
