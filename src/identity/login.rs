//! The `login` source: watches the application's own login form.
//!
//! The request's body streams through untouched. A bounded copy is kept until its one field is read, then wiped: it
//! has the password in it.

use http::{HeaderMap, StatusCode, header};
use zeroize::Zeroizing;

use crate::request::cookies;
use crate::words::Subject;

/// The application's own login form.
#[derive(Debug, Clone)]
pub struct Login {
    /// Decoded paths to which the form posts, exactly.
    pub paths: Vec<String>,
    /// The form's field that names the subject.
    pub field: String,
    /// The name of the application's session cookie.
    pub session_cookie: String,
    /// What tells that a login went well.
    pub success: Success,
    /// Decoded paths that log out, exactly.
    pub logout: Vec<String>,
}

/// What tells that a login went well: all that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct Success {
    /// The answer's status is one of these; empty means any below 400.
    pub status: Vec<u16>,
    /// The path that the answer redirects to is none of these.
    pub location_not: Vec<String>,
    /// The path that the answer redirects to is one of these.
    pub location: Vec<String>,
}

/// A login form on its way to the application.
#[derive(Debug)]
pub struct Watched {
    copy: Zeroizing<Vec<u8>>,
    too_long: bool,
}

/// The most of a login form that is looked at, in bytes.
const MAX_FORM: usize = 64 * 1024;

// === impl Login ===

impl Login {
    /// Whether a form post to `path` is a login, and `watch`ed.
    #[must_use]
    pub fn is_login(&self, path: &str) -> bool {
        self.paths.iter().any(|known| known == path)
    }

    /// Whether a request to `path` logs out.
    #[must_use]
    pub fn is_logout(&self, path: &str) -> bool {
        self.logout.iter().any(|known| known == path)
    }

    /// The application's session cookie in a request; `None` when it is absent, empty or comes twice.
    #[must_use]
    pub fn session<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        cookies::find(headers, &self.session_cookie).filter(|value| !value.is_empty())
    }

    /// What an answer does to the session cookie: `None` leaves it, `Some("")` clears it, `Some(value)` sets it.
    #[must_use]
    pub fn session_set<'h>(&self, answer: &'h HeaderMap) -> Option<&'h str> {
        let mut set = None;
        for line in answer.get_all(header::SET_COOKIE) {
            let Ok(line) = line.to_str() else { continue };
            let mut parts = line.split(';');
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            if name.trim() != self.session_cookie {
                continue;
            }
            let cleared = parts.any(|part| {
                let (name, value) = part.split_once('=').unwrap_or((part, ""));
                let (name, value) = (name.trim(), value.trim());
                name.eq_ignore_ascii_case("max-age") && (value.starts_with('-') || value == "0")
                    || name.eq_ignore_ascii_case("expires") && value.contains("1970")
            });
            let value = value.trim().trim_matches('"');
            set = Some(if cleared { "" } else { value });
        }
        set
    }
}

// === impl Success ===

impl Success {
    /// Whether an answer tells that the login went well.
    #[must_use]
    pub fn is_met(&self, status: StatusCode, answer: &HeaderMap) -> bool {
        let status_met =
            if self.status.is_empty() { status.as_u16() < 400 } else { self.status.contains(&status.as_u16()) };
        let location = answer.get(header::LOCATION).and_then(|value| value.to_str().ok()).map(path_of);
        status_met
            && !location.is_some_and(|path| self.location_not.iter().any(|unwanted| path_of(unwanted) == path))
            && (self.location.is_empty()
                || location.is_some_and(|path| self.location.iter().any(|wanted| path_of(wanted) == path)))
    }
}

/// The path of a `Location`: without scheme and host, query and fragment.
fn path_of(location: &str) -> &str {
    let location = location.split(['?', '#']).next().unwrap_or("");
    let rest = location.split_once("://").map_or(location, |(_, rest)| rest);
    if rest.len() == location.len() && !location.starts_with("//") {
        return location;
    }
    let rest = rest.trim_start_matches('/');
    rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/")
}

// === impl Watched ===

impl Watched {
    /// Starts to watch a form post; `None` when the body is no URL-encoded form.
    #[must_use]
    pub fn start(headers: &HeaderMap) -> Option<Self> {
        let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let kind = kind.split(';').next().unwrap_or("").trim();
        let encoded = headers.contains_key(header::CONTENT_ENCODING);
        (kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") && !encoded)
            .then(|| Self { copy: Zeroizing::new(Vec::new()), too_long: false })
    }

    /// Takes note of a piece of the body.
    pub fn chunk(&mut self, bytes: &[u8]) {
        if self.too_long || self.copy.len() + bytes.len() > MAX_FORM {
            self.too_long = true;
            self.copy.clear();
        } else {
            self.copy.extend_from_slice(bytes);
        }
    }

    /// The subject in the form's `field`; `None` when the field is missing, comes twice, or names nobody: an upstream
    /// could read another one.
    #[must_use]
    pub fn subject(&self, field: &str) -> Option<Subject> {
        let mut values = url::form_urlencoded::parse(&self.copy).filter(|(name, _)| name == field);
        let (_, value) = values.next()?;
        if self.too_long || values.next().is_some() { None } else { Subject::parse(&value).ok() }
    }
}

#[cfg(test)]
mod tests;
