//! The kinds of identity source.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName};

use crate::identity::{Basic, ClientCertificate, Jwt, Login, Whoami};
use crate::request::Networks;
use crate::words::{BadSubject, EmailAddress, Subject};

/// An identity source of a site.
#[derive(Debug, Clone)]
pub enum Source {
    /// The application's own login form, watched.
    Login(Login),
    /// A header that named peers set themselves.
    Header(HeaderSource),
    /// A JSON Web Token of an identity provider.
    Jwt(Arc<Jwt>),
    /// The visitor types an e-mail address that the operator has allowed.
    Ask(Ask),
    /// The application itself, asked with the visitor's session.
    Whoami(Arc<Whoami>),
    /// Name and password of the request itself, which the application accepts.
    Basic(Arc<Basic>),
    /// The certificate that the visitor's connection was made with.
    ClientCertificate(ClientCertificate),
}

/// A header that named peers set themselves; nobody else's is believed (I5).
#[derive(Debug, Clone)]
pub struct HeaderSource {
    /// Its name.
    pub name: HeaderName,
    /// The peers.
    pub from: Networks,
}

/// The visitor types an e-mail address. One that is not allowed is answered like one that is (O25).
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// Domains of which every address is allowed, lower case.
    pub domains: Vec<String>,
    /// Addresses that are allowed, lower case.
    pub addresses: Vec<String>,
}

// === impl HeaderSource ===

impl HeaderSource {
    /// The subject that the header names; `None` without the header, or from another peer.
    ///
    /// # Errors
    /// When the header comes twice, is no UTF-8, or names nobody: then nobody is believed (H05).
    pub fn subject(&self, headers: &HeaderMap, peer: IpAddr) -> Result<Option<Subject>, BadSubject> {
        if !self.from.contains(peer) {
            return Ok(None);
        }
        let mut values = headers.get_all(&self.name).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(BadSubject::Control);
        }
        let text = std::str::from_utf8(value.as_bytes()).map_err(|_| BadSubject::Control)?;
        // An empty header is how many single sign-on proxies say "nobody".
        if text.trim().is_empty() { Ok(None) } else { Subject::parse(text).map(Some) }
    }
}

// === impl Ask ===

impl Ask {
    /// Whether codes may go to `address`. Domains and allowed addresses are compared without regard to ASCII case.
    #[must_use]
    pub fn allows(&self, address: &EmailAddress) -> bool {
        self.domains.iter().any(|domain| domain.eq_ignore_ascii_case(address.domain()))
            || self.addresses.iter().any(|allowed| allowed.eq_ignore_ascii_case(address.reveal()))
    }

    /// The subject that an address names: lower case, since nobody else tells its spellings apart and counters must
    /// not (H19).
    ///
    /// # Errors
    /// When the address is too long for a subject.
    pub fn subject(address: &EmailAddress) -> Result<Subject, BadSubject> {
        Subject::parse(&address.reveal().to_ascii_lowercase())
    }
}
