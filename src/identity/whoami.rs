//! The `whoami` source: asks the application itself, with the visitor's own session cookie, who that is.
//!
//! For applications whose sessions outlive the gateway's memory, or whose login is not theirs alone. What is sent is in
//! [`application`](crate::identity::application); how the answer is read, in [`Reading`].

mod reading;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use percent_encoding::percent_decode;

pub use reading::{BadReading, Reading};

use crate::identity::{Answer, Keep, Named, Question, Unanswered};
use crate::request::{CanonicalRequest, cookies};
use crate::words::Subject;

/// Asks the application who a visitor is.
#[derive(Debug)]
pub struct Whoami {
    /// All of the settings that an answer depends on: no answer is taken for that of another source.
    pub id: String,
    /// Path and query of the question, as they go over the wire.
    pub target: String,
    /// How the answer is read.
    pub reading: Reading,
    /// The application's session cookie.
    pub session_cookie: String,
    /// Further cookies that the application wants to see.
    pub cookies: Vec<String>,
    /// How long an answer is remembered.
    pub keep: Keep,
    /// How long the application may take.
    pub timeout: std::time::Duration,
    /// Folded paths at which somebody else may sign in on the same session, whatever the method; `None` is everywhere, but
    /// only with methods that change something.
    pub changes_at: Option<Vec<String>>,
}

// === impl Whoami ===

impl Whoami {
    /// The session cookie of a request; `None` when it is absent, empty, or comes twice in any spelling that an application
    /// could take for it.
    #[must_use]
    pub fn session<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        sole_cookie(headers, &self.session_cookie)
    }

    /// Every value that an application could take for its session.
    pub fn sessions<'h>(&self, headers: &'h HeaderMap) -> impl Iterator<Item = &'h str> {
        alike(headers, &self.session_cookie).filter_map(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The `Cookie` of the question: the session, and the other cookies that are named; `None` without a session.
    #[must_use]
    pub fn cookie(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut line = format!("{}={}", self.session_cookie, self.session(headers)?);
        for name in &self.cookies {
            if let Some(value) = sole_cookie(headers, name) {
                line.push_str("; ");
                line.push_str(name);
                line.push('=');
                line.push_str(value);
            }
        }
        HeaderValue::try_from(line).ok()
    }

    /// The question with its cookies.
    #[must_use]
    pub fn question(&self, request: &CanonicalRequest, cookie: HeaderValue) -> Question {
        Question {
            target: self.target.clone(),
            host: request.authority.to_string(),
            client: request.client.ip,
            accept: self.reading.accept(),
            cookie: Some(cookie),
            authorization: None,
            scheme: request.scheme,
            timeout: self.timeout,
        }
    }

    /// Whom an answer names. No session, and a sign-in page to go to, is nobody; whatever else is no plain answer says
    /// nothing.
    ///
    /// # Errors
    /// When the answer does not tell.
    pub fn named(&self, answer: &Answer) -> Named {
        match answer.status {
            StatusCode::OK => {}
            StatusCode::NO_CONTENT | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
                return Ok(None);
            }
            status if status.is_redirection() && status != StatusCode::NOT_MODIFIED => return Ok(None),
            _ => return Err(Unanswered::Unreadable("its status is neither 200 nor one that means nobody")),
        }
        let Some(text) = self.reading.text(answer).map_err(Unanswered::Unreadable)? else { return Ok(None) };
        let subject = Subject::parse(&text);
        subject.map(Some).map_err(|_| Unanswered::Unreadable("what it names can be no subject"))
    }

    /// Whether a request may change who is signed in on its session.
    #[must_use]
    pub fn may_change(&self, request: &CanonicalRequest) -> bool {
        match &self.changes_at {
            // In any case, and with a slash at the end or not: applications take more than one spelling.
            Some(paths) => {
                let path = bare(request.path.folded());
                paths.iter().any(|known| bare(known) == path)
            }
            None => !request.method.is_safe(),
        }
    }

    /// What an answer to a visitor makes of the session cookie: the values that it sets, an empty one when it clears it.
    pub fn set<'h>(&self, answer: &'h HeaderMap) -> impl Iterator<Item = &'h str> {
        answer.get_all(header::SET_COOKIE).iter().filter_map(|line| {
            let (name, rest) = line.to_str().ok()?.split_once('=')?;
            (name.trim() == self.session_cookie).then(|| rest.split(';').next().unwrap_or_default().trim())
        })
    }
}

fn bare(path: &str) -> &str {
    path.trim_end_matches('/')
}

/// The one cookie of a name; `None` when another stands there that an application could take for it (C03).
fn sole_cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut found = alike(headers, name);
    let (spelled, value) = found.next()?;
    let is_sole = spelled == name.as_bytes() && found.next().is_none();
    std::str::from_utf8(value).ok().filter(|value| is_sole && !value.is_empty())
}

/// The cookies that an application could take for `name`: names are read without regard to case (ASP.NET), with escapes
/// (PHP before 7.2.34), and with `_` for what a variable cannot have (PHP).
fn alike<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = (&'h [u8], &'h [u8])> {
    cookies::pairs(headers).filter(move |(spelled, _)| folded(spelled).eq(folded(name.as_bytes())))
}

fn folded(name: &[u8]) -> impl Iterator<Item = u8> {
    percent_decode(name).map(|byte| match byte {
        b'.' | b' ' | b'[' => b'_',
        byte => byte.to_ascii_lowercase(),
    })
}
