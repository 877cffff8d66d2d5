//! Certificates: chosen by the name that a client asks for, and replaced without dropping a connection.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::server::CertificateFiles;

/// The certificates of one listener.
pub struct Certificates(ArcSwap<Loaded>);

/// Certificates as they were read from their files.
pub struct Loaded {
    files: Vec<CertificateFiles>,
    keys: Vec<Arc<CertifiedKey>>,
    /// When each file was last changed.
    changed: Vec<Option<SystemTime>>,
}

/// Why certificates cannot be used. Never carries key material.
#[derive(Debug, thiserror::Error)]
pub enum BadCertificate {
    /// A file cannot be read or holds nothing of use.
    #[error("{path}: {why}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A key that does not belong to its certificate.
    #[error("{key} is not the key of {certificate}", key = .key.display(), certificate = .certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
}

// === impl Certificates ===

impl Certificates {
    /// The certificates of a listener.
    #[must_use]
    pub fn new(loaded: Loaded) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(loaded)))
    }

    /// Puts others in their place. New connections get these; open ones go on.
    pub fn replace(&self, loaded: Loaded) {
        self.0.store(Arc::new(loaded));
    }

    /// What the files hold by now; `None` when they have not changed since they were read.
    ///
    /// # Errors
    /// As [`Loaded::read`].
    pub fn read_changed(&self) -> Result<Option<Loaded>, BadCertificate> {
        let held = self.0.load();
        if changed(&held.files) == held.changed { Ok(None) } else { Loaded::read(&held.files).map(Some) }
    }

    /// What a TLS listener with these certificates speaks: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, with tickets for
    /// resumption and without early data.
    ///
    /// # Errors
    /// When the process has no cryptography that can do it, which ring always has.
    pub fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, rustls::Error> {
        let resolver: Arc<Self> = Arc::clone(self);
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.ticketer = ring::Ticketer::new()?;
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificates {
    /// The first certificate for the name that the client asks for; without a name, or for one that none is for, the
    /// first of all, as other servers do: the client then says what it thinks of it.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let held = self.0.load();
        let name = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let named = name.and_then(|name| held.keys.iter().find(|key| is_for(key, &name)));
        named.or_else(|| held.keys.first()).cloned()
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificates({:?})", self.0.load().files)
    }
}

fn is_for(key: &CertifiedKey, name: &ServerName<'_>) -> bool {
    key.end_entity_cert()
        .ok()
        .and_then(|certificate| ParsedCertificate::try_from(certificate).ok())
        .is_some_and(|certificate| rustls::client::verify_server_name(&certificate, name).is_ok())
}

// === impl Loaded ===

impl Loaded {
    /// Reads certificates and their keys.
    ///
    /// # Errors
    /// When a file cannot be read, or a key does not belong to its certificate.
    pub fn read(files: &[CertificateFiles]) -> Result<Self, BadCertificate> {
        // Taken before reading, so that a change meanwhile is seen as one.
        let changed = changed(files);
        let keys = files.iter().map(|files| load(files).map(Arc::new)).collect::<Result<_, _>>()?;
        Ok(Self { files: files.to_vec(), keys, changed })
    }
}

fn changed(files: &[CertificateFiles]) -> Vec<Option<SystemTime>> {
    let moment = |path: &Path| std::fs::metadata(path).and_then(|found| found.modified()).ok();
    files.iter().flat_map(|files| [moment(&files.certificate), moment(&files.key)]).collect()
}

fn load(files: &CertificateFiles) -> Result<CertifiedKey, BadCertificate> {
    let bad = |path: &Path, why: String| BadCertificate::File { path: path.to_owned(), why };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| bad(&files.certificate, format!("no certificates in PEM can be read: {error}")))?;
    if chain.is_empty() {
        return Err(bad(&files.certificate, "there is no certificate in it".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| bad(&files.key, format!("no private key in PEM can be read: {error}")))?;
    let key = ring::sign::any_supported_type(&key).map_err(|_| {
        bad(&files.key, "this kind of key is not supported: use ECDSA P-256, Ed25519 or RSA".to_owned())
    })?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(certified),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(BadCertificate::Mismatch { certificate: files.certificate.clone(), key: files.key.clone() })
        }
        Err(error) => Err(bad(&files.certificate, format!("it cannot be used: {error}"))),
    }
}
