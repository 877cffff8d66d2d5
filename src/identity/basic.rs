//! The `basic` source: the name in `Authorization: Basic`, once the application has accepted these very credentials.
//!
//! The name in the header is nobody's word but the client's. So the application is asked for a protected path of its own,
//! with the header as it came; and, when it accepts them, once more without any: a path that is open to everybody would
//! make everybody somebody. Passwords are only passed on: what is remembered goes by a keyed hash of the whole header.

pub mod settings;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use zeroize::Zeroizing;

use crate::identity::{Answer, Keep, Question, Unanswered};
use crate::request::CanonicalRequest;
use crate::words::Subject;

/// Believes credentials that the application accepts.
#[derive(Debug)]
pub struct Basic {
    /// All of the settings that an answer depends on: no answer is taken for that of another source.
    pub id: String,
    /// Path and query that the application answers with 401 unless it accepts the credentials, as they go over the wire.
    pub target: String,
    /// How long an acceptance is remembered.
    pub keep: Keep,
    /// How long the application may take for each answer.
    pub timeout: Duration,
    /// What visitors without credentials are told that these are for; the site's key if `None`.
    pub realm: Option<String>,
}

/// What a request presents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented<'h> {
    /// No credentials, or of another scheme.
    Nothing,
    /// What the application could read otherwise than the gateway does.
    Unclear,
    /// Credentials of this scheme, which were not looked at yet.
    Credentials(&'h HeaderValue),
}

/// The longest header, in bytes, as of tokens: some clients send one in the place of a password.
const LONGEST: usize = 8 * 1024;

// === impl Basic ===

impl Basic {
    /// The credentials of a request. Of two headers nobody can tell which one the application reads (H05).
    #[must_use]
    pub fn presented(headers: &HeaderMap) -> Presented<'_> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let Some(value) = values.next() else { return Presented::Nothing };
        let scheme = value.as_bytes().split(|byte| !byte.is_ascii_alphanumeric()).next().unwrap_or_default();
        if values.next().is_some() || scheme.is_empty() {
            Presented::Unclear
        } else if scheme.eq_ignore_ascii_case(b"basic") {
            Presented::Credentials(value)
        } else {
            Presented::Nothing
        }
    }

    /// Whom the credentials in a header of this scheme are said to be of (RFC 7617, section 2). `None` when an application
    /// could read another name there: it is not in base64 as it must be written, no UTF-8, or nobody's (H21).
    #[must_use]
    pub fn user(value: &HeaderValue) -> Option<Subject> {
        let bytes = value.as_bytes();
        let token = bytes.get("basic".len()..).filter(|_| bytes.len() <= LONGEST)?.strip_prefix(b" ")?;
        // Padded, and with no bits left over: each text has one spelling.
        let plain = Zeroizing::new(STANDARD.decode(token.trim_ascii()).ok()?);
        let text = std::str::from_utf8(&plain).ok().filter(|text| !text.chars().any(char::is_control))?;
        // A name cannot have a colon, and a password may.
        let (user, _) = text.split_once(':')?;
        Subject::parse(user).ok()
    }

    /// The question, with credentials or without any.
    #[must_use]
    pub fn question(&self, request: &CanonicalRequest, credentials: Option<&HeaderValue>) -> Question {
        let authorization = credentials.map(|value| {
            let mut value = value.clone();
            value.set_sensitive(true);
            value
        });
        Question {
            target: self.target.clone(),
            host: request.authority.to_string(),
            client: request.client.ip,
            accept: "*/*",
            cookie: None,
            authorization,
            // Wrong passwords are counted by the address that they come from, and it is not the gateway's.
            scheme: request.scheme,
            timeout: self.timeout,
        }
    }

    /// Whether the application accepts the credentials that it was asked with.
    ///
    /// # Errors
    /// When its answer does not tell.
    pub fn accepts(answer: &Answer) -> Result<bool, Unanswered> {
        match answer.status {
            status if status.is_success() => Ok(true),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Ok(false),
            _ => Err(Unanswered::Unreadable("its status is neither 2xx nor 401 or 403")),
        }
    }

    /// Makes sure of an answer to a question without credentials: that others were accepted says nothing otherwise.
    ///
    /// # Errors
    /// When it is anything but 401.
    pub fn is_closed(answer: &Answer) -> Result<(), Unanswered> {
        match answer.status {
            StatusCode::UNAUTHORIZED => Ok(()),
            _ => Err(Unanswered::Unreadable(
                "without credentials its status is not 401: the `path` of `basic` proves nothing",
            )),
        }
    }

    /// The `WWW-Authenticate` by which a visitor is asked for credentials (RFC 7617, section 2.1).
    #[must_use]
    pub fn challenge(&self, site: &str) -> HeaderValue {
        let realm = self.realm.as_deref().unwrap_or(site);
        HeaderValue::try_from(format!("Basic realm=\"{realm}\", charset=\"UTF-8\""))
            .unwrap_or_else(|_| HeaderValue::from_static("Basic realm=\"otpgate\", charset=\"UTF-8\""))
    }
}
