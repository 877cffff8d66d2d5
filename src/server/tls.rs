//! Certificates: chosen by the name that a client asks for, and replaced without dropping a connection. Those that clients
//! show are in `clients.rs`.

mod clients;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, NoServerSessionStorage, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::proxy::PeerCertificate;
use crate::server::{CertificateFiles, ClientFiles};

pub(in crate::server) use clients::verifier;

/// The certificates of one listener.
#[derive(Debug)]
pub struct Certificates(ArcSwap<Loaded>);

/// Certificates as they were read from their files.
pub struct Loaded {
    files: Vec<CertificateFiles>,
    client_files: Option<ClientFiles>,
    /// When each file was last changed.
    changed: Vec<Option<SystemTime>>,
    config: Arc<ServerConfig>,
    /// Verifies the certificates of clients.
    clients: Option<Arc<dyn ClientCertVerifier>>,
}

/// The listener's own certificates and their keys.
#[derive(Debug)]
struct Keys(Vec<Arc<CertifiedKey>>);

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
    /// The process has no cryptography that can do it, which ring always has.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
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
        let clients = held.client_files.as_ref();
        if changed(&held.files, clients) == held.changed {
            Ok(None)
        } else {
            Loaded::read(&held.files, clients).map(Some)
        }
    }

    /// What a handshake is to be made by now.
    pub fn loaded(&self) -> Arc<Loaded> {
        self.0.load_full()
    }

    /// What a client has shown in a handshake by `loaded`, where that asks for anything.
    pub fn shown(
        self: &Arc<Self>,
        chain: &[CertificateDer<'static>],
        loaded: &Arc<Loaded>,
    ) -> Option<Arc<dyn PeerCertificate>> {
        loaded.clients.as_ref()?;
        let shown = clients::Shown::new(chain, Arc::clone(self), loaded)?;
        Some(Arc::new(shown))
    }
}

// === impl Keys ===

impl ResolvesServerCert for Keys {
    /// The first certificate for the name that the client asks for; without a name, or for one that none is for, the
    /// first of all, as other servers do: the client then says what it thinks of it.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let named = name.and_then(|name| self.0.iter().find(|key| is_for(key, &name)));
        named.or_else(|| self.0.first()).cloned()
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
    /// Reads certificates and their keys, and what is said of those of clients.
    ///
    /// # Errors
    /// When a file cannot be read, or a key does not belong to its certificate.
    pub fn read(files: &[CertificateFiles], client_files: Option<&ClientFiles>) -> Result<Self, BadCertificate> {
        // Taken before reading, so that a change meanwhile is seen as one.
        let changed = changed(files, client_files);
        let keys = files.iter().map(|files| load(files).map(Arc::new)).collect::<Result<_, _>>()?;
        let clients = client_files.map(verifier).transpose()?;
        let config = Arc::new(server_config(Keys(keys), clients.clone())?);
        Ok(Self { files: files.to_vec(), client_files: client_files.cloned(), changed, config, clients })
    }

    /// How a handshake is made.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// Whether clients are asked for certificates.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.clients.is_some()
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Loaded({:?}, {:?})", self.files, self.client_files)
    }
}

/// What a TLS listener speaks: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, with tickets for resumption and without early data.
/// Where clients show certificates nothing is resumed: a resumed session verifies none, so that a revoked one would go on.
fn server_config(keys: Keys, clients: Option<Arc<dyn ClientCertVerifier>>) -> Result<ServerConfig, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?;
    let resumes = clients.is_none();
    let builder = match clients {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(keys));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    if resumes {
        config.ticketer = ring::Ticketer::new()?;
    } else {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(config)
}

fn changed(files: &[CertificateFiles], clients: Option<&ClientFiles>) -> Vec<Option<SystemTime>> {
    let own = files.iter().flat_map(|files| [&files.certificate, &files.key]);
    let theirs = clients.into_iter().flat_map(|files| files.authorities.iter().chain(&files.revoked));
    let moment = |path: &PathBuf| std::fs::metadata(path).and_then(|found| found.modified()).ok();
    own.chain(theirs).map(moment).collect()
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
