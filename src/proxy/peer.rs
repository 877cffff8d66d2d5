//! The certificate of a connection, from the listener to each request on it.
//!
//! pingora keeps nothing of a client's certificate that names could be read from. What it does carry along, from the bare
//! connection to every request over HTTP/1.1 and HTTP/2, is the data of a proxy; a [`Peer`] travels as that.

use std::fmt;
use std::sync::{Arc, OnceLock};

use http::StatusCode;
use pingora::http::ResponseHeader;
use pingora::protocols::Digest;
use pingora::protocols::raw_connect::ProxyDigest;

use crate::identity::CertificateNames;
use crate::words::Timestamp;

/// A certificate that was good in the handshake of its connection.
pub trait PeerCertificate: fmt::Debug + Send + Sync {
    /// Its names, as long as it is good still.
    fn names(&self, now: Timestamp) -> Option<Arc<CertificateNames>>;
}

/// What becomes known of the other end of a connection.
#[derive(Debug, Clone, Default)]
pub struct Peer(Arc<OnceLock<Arc<dyn PeerCertificate>>>);

// === impl Peer ===

impl Peer {
    /// What the connection is given before its handshake.
    ///
    /// # Errors
    /// When pingora cannot make it, which it always can.
    pub fn digest(&self) -> pingora::Result<ProxyDigest> {
        let response = ResponseHeader::build(StatusCode::OK, None)?;
        Ok(ProxyDigest::new(Box::new(response), Some(Box::new(self.clone()))))
    }

    /// Is told the certificate, once, when the handshake has succeeded.
    pub fn shows(&self, certificate: Arc<dyn PeerCertificate>) {
        // There is but one handshake: what is set stays.
        let _ = self.0.set(certificate);
    }

    /// The names in the certificate of a request's connection.
    pub(super) fn names(connection: Option<&Digest>, now: Timestamp) -> Option<Arc<CertificateNames>> {
        let data = connection?.proxy_digest.as_ref()?.user_data.as_deref()?;
        data.downcast_ref::<Self>()?.0.get()?.names(now)
    }
}
