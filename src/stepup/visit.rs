//! A request as it came in, and its body.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;

use crate::identity::CertificateNames;
use crate::request::{CanonicalRequest, OwnCookie, OwnOrigin, own_origin};
use crate::words::BrowserId;

/// One request as it came in.
#[derive(Debug, Clone)]
pub struct Visit {
    /// What is judged and forwarded.
    pub request: CanonicalRequest,
    /// Its headers, as they came.
    pub headers: HeaderMap,
    /// The names in the certificate of its connection, where one was shown and is good.
    pub certificate: Option<Arc<CertificateNames>>,
}

/// A request's body, read only when the conductor must: to park it, or to bind a confirmation to it.
#[async_trait]
pub trait RequestBody: Send {
    /// The declared length in bytes; `None` when none was declared but a body may follow.
    fn declared(&self) -> Option<u64>;

    /// The whole body.
    ///
    /// # Errors
    /// When it is longer than `limit` bytes (what follows stays unread), or broke off.
    async fn read(&mut self, limit: usize) -> Result<Bytes, BodyError>;

    /// Is told before [`RequestBody::read`] that this very request may go on with what is read.
    fn keep(&mut self) {}
}

/// Why a body could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is longer than the limit.
    #[error("the body is too large to be kept")]
    TooLarge,
    /// It broke off, or took too long.
    #[error("the body broke off")]
    Broken,
}

/// The body of a request that has none, or of one that was read already.
#[derive(Debug, Default)]
pub struct NoBody(pub Bytes);

/// The cookie that names the browser.
pub(super) const BROWSER: OwnCookie = OwnCookie::named("browser");
/// The cookie that carries the grant.
pub(super) const GRANT: OwnCookie = OwnCookie::named("grant");
/// The cookie by which a browser is known again.
pub(super) const DEVICE: OwnCookie = OwnCookie::named("device");
/// The cookie that carries the resume token and, behind dots, the digest of the address it is for and that of whom it was
/// given.
pub(super) const RESUME: OwnCookie = OwnCookie::named("resume");

// === impl Visit ===

impl Visit {
    /// The browser that the request's cookie names.
    #[must_use]
    pub fn browser(&self) -> Option<BrowserId> {
        BROWSER.find(&self.headers, self.request.scheme).and_then(|value| BrowserId::parse(value).ok())
    }

    /// Whether the request was made by a page of the site itself, as far as its headers tell.
    #[must_use]
    pub fn origin(&self) -> OwnOrigin {
        own_origin(&self.headers, self.request.scheme, &self.request.authority)
    }

    /// The target as it goes over the wire. Bytes of a query that are no UTF-8 are escaped: the same target for an
    /// upstream, and a text.
    #[must_use]
    pub fn target(&self) -> String {
        let bytes = self.request.target();
        match std::str::from_utf8(&bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes
                .iter()
                .map(|&byte| if byte.is_ascii() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
                .collect(),
        }
    }
}

// === impl NoBody ===

#[async_trait]
impl RequestBody for NoBody {
    fn declared(&self) -> Option<u64> {
        Some(self.0.len() as u64)
    }

    async fn read(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        if self.0.len() > limit { Err(BodyError::TooLarge) } else { Ok(self.0.clone()) }
    }
}
