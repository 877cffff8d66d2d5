//! Asking the site's own application: what a source sends it, and what may come back.
//!
//! A question goes straight to the upstream's servers, past the routes of the site: its path may well be protected. It is
//! `GET` with `Host`, `User-Agent: otpgate/…`, `Accept`, `Connection: close`, and either the cookies that the source names
//! or the visitor's `Authorization`, then with the client's address and scheme as the gateway knows them. Nothing else of
//! the client goes along: no header that it could have forged, none of the gateway's own cookies (I5). No redirect is
//! followed.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::request::Scheme;

/// The servers of a site's application, as far as identity sources need them.
#[async_trait]
pub trait Application: fmt::Debug + Send + Sync {
    /// Asks once, and tries another server only while nothing was sent. The asker bounds the time: dropping the future
    /// ends the exchange.
    ///
    /// # Errors
    /// When no whole answer of at most [`MOST`] bytes came.
    async fn get(&self, question: &Question) -> Result<Answer, Unanswered>;
}

/// What the application is asked.
#[derive(Clone)]
pub struct Question {
    /// Path and query, as they go over the wire.
    pub target: String,
    /// The host, and the port if there is one, that the visitor asked for; an upstream with a `host_header` gets that.
    pub host: String,
    /// The visitor's address: a site that keeps visitors at one server is asked there.
    pub client: IpAddr,
    /// What kind of answer can be read.
    pub accept: &'static str,
    /// The visitor's cookies that the source names.
    pub cookie: Option<HeaderValue>,
    /// The visitor's credentials.
    pub authorization: Option<HeaderValue>,
    /// The visitor's scheme. The application is told that and the visitor's address, as with a request of the visitor's own:
    /// many send plain HTTP away, and count wrong passwords by address.
    pub scheme: Scheme,
    /// How long all of it may take.
    pub timeout: Duration,
}

/// What the application said.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// The longest answer that is read, in bytes.
pub const MOST: usize = 1024 * 1024;

/// Why the application said nothing that could be used. Never carries a piece of what it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// No server took the connection.
    #[error("the application cannot be reached")]
    Unreachable,
    /// The time was over, perhaps while too many others were asking.
    #[error("the application did not answer in time")]
    TimedOut,
    /// The connection broke, or what came was no HTTP.
    #[error("the application's answer broke off")]
    Broken,
    /// The answer is longer than what is read.
    #[error("the application's answer is larger than 1 MiB")]
    TooLarge,
    /// It is an answer, but says nothing about who is asking.
    #[error("the application's answer cannot be read: {0}")]
    Unreadable(&'static str),
}

// === impl Question ===

impl fmt::Debug for Question {
    /// Without cookies and credentials (I9).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Question({} at {})", self.target, self.host)
    }
}
