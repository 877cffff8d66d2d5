//! One field of a request's form: for the login form, and for a contact that a visitor types.
//!
//! The threat: somebody who knows a victim's password sends a body in which the application reads the victim and this
//! reads him. So whatever could be read in two ways names nobody: the field twice, in any spelling that an application
//! folds into one, in the query or a cookie too, or in a body whose kind or framing is not exactly what browsers send.
//! Start at [`FieldName::read`]; each kind of body is a file of its own.

use std::sync::Arc;

use http::{HeaderMap, header};
use zeroize::Zeroizing;

mod json;
mod kind;
mod multipart;
mod name;
mod urlencoded;

use kind::Kind;
use name::Match;

/// Which field: a name, or a JSON pointer (RFC 6901), which starts with `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldName(Arc<str>);

/// What a request says in a field.
#[derive(Clone, PartialEq, Eq)]
pub enum Said {
    /// The request surely has no such field: it is another form.
    Nothing,
    /// This.
    Text(Zeroizing<String>),
    /// It cannot be told what an application reads in it.
    Unclear,
}

/// The most fields of a form: PHP and Django read the first 1000 of them, and drop or refuse the rest.
const MOST_FIELDS: usize = 500;

// === impl FieldName ===

impl FieldName {
    /// The field of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a request with this query (as it goes over the wire) and this whole body says in the field.
    ///
    /// The method does not count here: who takes posts alone looks at it.
    #[must_use]
    pub fn read(&self, query: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Said {
        let wanted = name::Wanted::new(&self.0);
        // Java's `getParameter` and PHP's `$_REQUEST` look into the query as well, and either may win.
        if query.is_some_and(|query| urlencoded::mentions(&wanted, query.as_bytes())) {
            return Said::Unclear;
        }
        let said = match Kind::of(headers) {
            _ if body.is_empty() => Said::Nothing,
            Kind::UrlEncoded => urlencoded::read(&wanted, body),
            Kind::Multipart(boundary) => multipart::read(&wanted, &boundary, body),
            Kind::Json => json::read(&wanted, body),
            Kind::Other => Said::Unclear,
        };
        if self.stands_in_a_cookie(&wanted, headers, &said) { Said::Unclear } else { said }
    }

    /// Whether a cookie has the field's name and says something else: PHP without a `php.ini` has cookies in
    /// `$_REQUEST`, and ASP.NET in `Request["…"]`. One that says the same is how applications remember who it was.
    fn stands_in_a_cookie(&self, wanted: &name::Wanted, headers: &HeaderMap, said: &Said) -> bool {
        let lines = headers.get_all(header::COOKIE).iter();
        lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b';')).any(|pair| {
            let (name, value) = urlencoded::split(pair);
            let Some(name) = urlencoded::decode(name) else { return false };
            if wanted.matches(&name) == Match::Other {
                return false;
            }
            let Said::Text(text) = said else { return true };
            value != text.as_bytes() && urlencoded::decode(value).as_deref() != Some(text.as_str())
        })
    }
}

// === impl Said ===

impl Said {
    /// Text that every application reads alike: without control characters, which some cut at or drop.
    fn plain(text: String) -> Self {
        let text = Zeroizing::new(text);
        if text.chars().any(char::is_control) { Self::Unclear } else { Self::Text(text) }
    }
}

impl std::fmt::Debug for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Text(_) => "Text(…)",
            Self::Unclear => "Unclear",
        })
    }
}

#[cfg(test)]
mod tests;
