//! Which certificates of an SMTP server are trusted.

use std::path::Path;

use lettre::transport::smtp::client::{Certificate, TlsParameters};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};

use crate::delivery::BadSmtp;

/// TLS 1.2 or newer with the server at `host`: verified against the system's certificates and those in `ca`, or with
/// `verify` off not at all.
pub(super) fn parameters(host: &str, ca: Option<&Path>, verify: bool) -> Result<TlsParameters, BadSmtp> {
    if ServerName::try_from(host).is_err() {
        return Err(BadSmtp::Host);
    }
    let mut builder = TlsParameters::builder(host.to_owned())
        .dangerous_accept_invalid_certs(!verify)
        .dangerous_accept_invalid_hostnames(!verify);
    if let Some(ca) = ca {
        for certificate in certificates(ca)? {
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(|error| match ca {
        Some(ca) => BadSmtp::Ca(ca.to_owned(), error.to_string()),
        None => BadSmtp::Tls(error.to_string()),
    })
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, BadSmtp> {
    let bad = |problem: String| BadSmtp::Ca(path.to_owned(), problem);
    let pem = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
    let mut all = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let der = certificate.map_err(|error| bad(error.to_string()))?;
        all.push(Certificate::from_der(der.to_vec()).map_err(|error| bad(error.to_string()))?);
    }
    if all.is_empty() { Err(bad("there is no certificate in PEM form in it".to_owned())) } else { Ok(all) }
}
