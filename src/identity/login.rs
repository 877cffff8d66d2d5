//! The `login` source: watches the application's own login form.
//!
//! The request's body streams through untouched. A bounded copy is kept until its one field is read, then wiped: it
//! has the password in it. Start at [`Login`]; what an answer does to the session cookie is [`Change`].

use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use zeroize::Zeroizing;

use crate::identity::{FieldName, Said};
use crate::words::Subject;

mod cookie;

pub use cookie::Change;

/// The application's own login form.
#[derive(Debug, Clone)]
pub struct Login {
    /// Decoded paths to which the form posts, exactly.
    pub paths: Vec<String>,
    /// The form's field that names the subject.
    pub field: FieldName,
    /// The name of the application's session cookie.
    pub session_cookie: String,
    /// What tells that a login went well.
    pub success: Success,
    /// Decoded paths that log out, exactly.
    pub logout: Vec<String>,
    /// Whether a subject goes along when the application changes its cookie outside a login.
    pub follow_rotation: bool,
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
    /// The answer sets a cookie of this name to something.
    pub cookie: Option<String>,
    /// The answer has this header once, and with this value if there is one.
    pub header: Option<(HeaderName, Option<String>)>,
}

/// A request to a login path on its way to the application.
#[derive(Debug, Default)]
pub struct Watched {
    copy: Zeroizing<Vec<u8>>,
    too_long: bool,
    whole: bool,
}

/// Somebody tried to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// As whom; `None` when an application could read another name than this does.
    pub who: Option<Subject>,
    /// Whether the answer tells that it went well.
    pub well: bool,
    /// Whether nothing but a login can have had this answer. A redirect alone may be the answer to whoever is signed in
    /// already, whatever name was posted.
    pub sure: bool,
}

/// The most of a login form that is looked at, in bytes.
const MAX_FORM: usize = 64 * 1024;

// === impl Login ===

impl Login {
    /// Whether a form post to `path` is a login.
    #[must_use]
    pub fn is_login(&self, path: &str) -> bool {
        self.paths.iter().any(|known| known == path)
    }

    /// Whether `path` is a login path, or one that many applications take for it: in another case, with slashes at its
    /// end, or with more behind a script. No name is learned there, but a sign-in does not go unseen.
    #[must_use]
    pub fn is_near_login(&self, path: &str) -> bool {
        let bare = path.trim_end_matches('/');
        self.paths.iter().any(|known| {
            let known = known.trim_end_matches('/');
            let starts = bare.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known));
            let is_script = known.rsplit('/').next().is_some_and(|last| last.contains('.'));
            starts && (bare.len() == known.len() || is_script && bare.as_bytes().get(known.len()) == Some(&b'/'))
        })
    }

    /// Whether a request to `path` logs out.
    #[must_use]
    pub fn is_logout(&self, path: &str) -> bool {
        self.logout.iter().any(|known| known == path)
    }

    /// What a request to `path` and its answer tell; `None` when nobody tried to sign in.
    #[must_use]
    pub fn attempt(&self, request: &Request<'_>, status: StatusCode, answer: &HeaderMap) -> Option<Attempt> {
        if !self.is_near_login(request.path) {
            return None;
        }
        let who = match request.said(&self.field) {
            Said::Nothing => return None,
            Said::Text(text) if request.method == Method::POST && self.is_login(request.path) => {
                Subject::parse(&text).ok()
            }
            Said::Text(_) | Said::Unclear => None,
        };
        let well = self.success.is_met(status, answer);
        // The session cookie is set for whoever has none, and by some applications with every answer.
        let by_cookie = self.success.cookie.as_ref().is_some_and(|name| *name != self.session_cookie);
        Some(Attempt { who, well, sure: well && (by_cookie || self.success.header.is_some()) })
    }
}

/// A request to what may be a login path.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its path, decoded.
    pub path: &'a str,
    /// Its query, as it goes over the wire.
    pub query: Option<&'a str>,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// What was seen of its body.
    pub body: &'a Watched,
}

// === impl Request ===

impl Request<'_> {
    fn said(&self, field: &FieldName) -> Said {
        let Watched { copy, too_long, whole } = self.body;
        // The application may have answered before the end, but not to what it had not yet got; still, who sends half a
        // form is no browser.
        if *too_long || (!whole && self.has_body()) {
            return Said::Unclear;
        }
        field.read(self.query, self.headers, copy)
    }

    fn has_body(&self) -> bool {
        let length = self.headers.get(header::CONTENT_LENGTH);
        !self.body.copy.is_empty()
            || self.headers.contains_key(header::TRANSFER_ENCODING)
            || length.is_some_and(|length| length.as_bytes() != b"0")
    }
}

// === impl Attempt ===

impl Attempt {
    /// What two forms that share a path and a session see together: whom both name.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let who = if self.who == other.who { self.who } else { None };
        Self { who, well: self.well || other.well, sure: self.sure && other.sure }
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
            && self.cookie.as_ref().is_none_or(|name| matches!(Change::of(name, answer), Change::Set(_)))
            && self.header.as_ref().is_none_or(|(name, value)| {
                let mut there = answer.get_all(name).iter();
                let (first, second) = (there.next(), there.next());
                second.is_none()
                    && first
                        .is_some_and(|there| value.as_ref().is_none_or(|value| value.as_bytes() == there.as_bytes()))
            })
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
    /// Takes note of a piece of the body, and of its end.
    pub fn chunk(&mut self, bytes: &[u8], end: bool) {
        self.whole |= end;
        if self.too_long || self.copy.len() + bytes.len() > MAX_FORM {
            self.too_long = true;
            self.copy = Zeroizing::default();
        } else {
            self.copy.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests;
