//! Client certificates: which ones are taken in a handshake, and whether one that was taken is good still.
//!
//! A connection lives on when its certificate is revoked, or the authorities are replaced. So each certificate is verified
//! once more when the files have changed, before the next request counts as its owner's.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use crate::identity::CertificateNames;
use crate::proxy::PeerCertificate;
use crate::server::ClientFiles;
use crate::server::tls::{BadCertificate, Certificates, Loaded};
use crate::words::Timestamp;

/// A certificate that a client has shown, and that was good in the handshake.
#[derive(Debug)]
pub(super) struct Shown {
    /// It, and those that vouch for it.
    chain: Vec<CertificateDer<'static>>,
    names: Arc<CertificateNames>,
    certificates: Arc<Certificates>,
    checked: ArcSwap<Checked>,
}

/// What became of it last.
#[derive(Debug)]
struct Checked {
    /// By what it was verified.
    by: Weak<Loaded>,
    is_good: bool,
}

// === impl Shown ===

impl Shown {
    /// What a client has shown in a handshake by `loaded`; `None` when that cannot be read.
    pub(super) fn new(
        chain: &[CertificateDer<'static>],
        certificates: Arc<Certificates>,
        loaded: &Arc<Loaded>,
    ) -> Option<Self> {
        let names = Arc::new(CertificateNames::parse(chain.first()?)?);
        let checked = ArcSwap::from_pointee(Checked { by: Arc::downgrade(loaded), is_good: true });
        Some(Self { chain: chain.to_vec(), names, certificates, checked })
    }
}

impl PeerCertificate for Shown {
    fn names(&self, now: Timestamp) -> Option<Arc<CertificateNames>> {
        let (loaded, checked) = (self.certificates.0.load(), self.checked.load());
        let is_good = if std::ptr::eq(checked.by.as_ptr(), Arc::as_ptr(&loaded)) {
            checked.is_good
        } else {
            let is_good = loaded.clients.as_ref().is_some_and(|verifier| is_taken(&**verifier, &self.chain, now));
            self.checked.store(Arc::new(Checked { by: Arc::downgrade(&loaded), is_good }));
            is_good
        };
        (is_good && self.names.is_valid_at(now)).then(|| Arc::clone(&self.names))
    }
}

/// Whether a certificate would be taken in a handshake now.
fn is_taken(verifier: &dyn ClientCertVerifier, chain: &[CertificateDer<'static>], now: Timestamp) -> bool {
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now.as_secs()));
    chain.split_first().is_some_and(|(own, others)| verifier.verify_client_cert(own, others, now).is_ok())
}

/// Verifies certificates of clients: signed by one of the authorities, for clients, within its time, and on none of the
/// revocation lists. With any list, every certificate must be covered by one that has not run out.
///
/// # Errors
/// When a file cannot be read, or holds nothing of use.
pub(in crate::server) fn verifier(files: &ClientFiles) -> Result<Arc<dyn ClientCertVerifier>, BadCertificate> {
    let bad = |path: &Path, why: String| BadCertificate::File { path: path.to_owned(), why };
    let mut roots = RootCertStore::empty();
    for path in &files.authorities {
        for certificate in all::<CertificateDer<'static>>(path, "certificate")? {
            roots.add(certificate).map_err(|error| bad(path, format!("a certificate cannot be used: {error}")))?;
        }
    }
    let mut lists = Vec::new();
    for path in &files.revoked {
        lists.extend(all::<CertificateRevocationListDer<'static>>(path, "revocation list (X509 CRL)")?);
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(ring::default_provider()))
        .with_crls(lists)
        .enforce_revocation_expiration();
    let builder = if files.required { builder } else { builder.allow_unauthenticated() };
    let first = files.revoked.first().or_else(|| files.authorities.first());
    let built = builder.build().map(|verifier| verifier as _);
    built.map_err(|error| {
        bad(first.map_or_else(|| Path::new(""), PathBuf::as_path), format!("it cannot be used: {error}"))
    })
}

/// Everything of one kind in a PEM file.
fn all<T: PemObject>(path: &Path, what: &str) -> Result<Vec<T>, BadCertificate> {
    let bad = |why| BadCertificate::File { path: path.to_owned(), why };
    let found = T::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<T>, _>>);
    match found {
        Ok(found) if found.is_empty() => Err(bad(format!("there is no {what} in PEM in it"))),
        Ok(found) => Ok(found),
        Err(pem::Error::Io(error)) => Err(bad(format!("it cannot be read: {error}"))),
        // What else is wrong could quote the file.
        Err(_) => Err(bad(format!("there is no {what} in PEM in it"))),
    }
}
