//! Listeners, their certificates, and the admin listener.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use crate::admin::AdminToken;
use crate::admin::settings::AdminSettings;
use crate::config::{Credential, Fault, Placed, Surroundings};
use crate::server::plan::{AdminPlan, CertificateFiles, ClientFiles, ListenerPlan};
use crate::server::settings::{CertificateSettings, ClientCertificatesSettings, ListenerSettings};
use crate::server::tls::verifier;

/// What a request's headers may take: browsers and applications stay far below it, and pingora's own limit is 1 MiB.
const MAX_HEADER: u64 = 32 * 1024;

pub(super) fn listeners(
    settings: &[Placed<ListenerSettings>],
    around: &Surroundings<'_>,
) -> Result<Vec<ListenerPlan>, Fault> {
    let mut plans: Vec<ListenerPlan> = Vec::new();
    for listener in settings.iter().map(|listener| &listener.value) {
        let address = listener.address.value.0;
        if plans.iter().any(|known| known.address == address && address.port() != 0) {
            return Err(listener.address.fault(format!("`{address}` is listened on twice")));
        }
        if let Some(proxy) = listener.proxy_protocol.filter(|proxy| proxy.value) {
            return Err(proxy.fault("`proxy_protocol: true` is not available yet"));
        }
        let max_header = match listener.max_header_size {
            Some(size) if !(4 * 1024..=256 * 1024).contains(&size.value.0) => {
                return Err(size.fault("expected a size from 4KiB to 256KiB"));
            }
            size => size.map_or(MAX_HEADER, |size| size.value.0),
        };
        let tls = listener.tls.iter().map(|files| certificate(files, around)).collect::<Result<_, _>>()?;
        let clients = match &listener.client_certificates {
            Some(written) if listener.tls.is_empty() => {
                return Err(written.fault("certificates are shown in TLS alone: add `tls` to this listener"));
            }
            written => written.as_ref().map(|written| clients(written, around)).transpose()?,
        };
        plans.push(ListenerPlan {
            address,
            tls,
            clients,
            max_header: usize::try_from(max_header).unwrap_or(usize::MAX),
        });
    }
    Ok(plans)
}

/// Looks into both files, since a listener without a certificate could only fail.
fn certificate(settings: &CertificateSettings, around: &Surroundings<'_>) -> Result<CertificateFiles, Fault> {
    let files = CertificateFiles {
        certificate: around.path(&settings.certificate.value),
        key: around.path(&settings.key.value),
    };
    pem(&settings.certificate, &files.certificate, "certificate", |path| first(CertificateDer::pem_file_iter(path)?))?;
    pem(&settings.key, &files.key, "private key", |path| PrivateKeyDer::from_pem_file(path).map(drop))?;
    Ok(files)
}

/// Looks into all files, as for the listener's own.
fn clients(settings: &Placed<ClientCertificatesSettings>, around: &Surroundings<'_>) -> Result<ClientFiles, Fault> {
    let ClientCertificatesSettings { ca, crl, required } = &settings.value;
    let paths = |written: &[Placed<PathBuf>]| written.iter().map(|path| around.path(&path.value)).collect();
    let files = ClientFiles {
        authorities: paths(ca),
        revoked: paths(crl),
        required: required.is_some_and(|required| required.value),
    };
    for (written, path) in ca.iter().zip(&files.authorities) {
        pem(written, path, "certificate", |path| first(CertificateDer::pem_file_iter(path)?))?;
    }
    for (written, path) in crl.iter().zip(&files.revoked) {
        pem(written, path, "revocation list", |path| first(CertificateRevocationListDer::pem_file_iter(path)?))?;
    }
    match verifier(&files) {
        Ok(_) => Ok(files),
        Err(bad) => Err(settings.fault(bad.to_string())),
    }
}

fn first<T>(mut all: impl Iterator<Item = Result<T, pem::Error>>) -> Result<(), pem::Error> {
    all.next().unwrap_or(Err(pem::Error::NoItemsFound)).map(drop)
}

fn pem(
    written: &Placed<PathBuf>,
    path: &Path,
    what: &str,
    read: impl FnOnce(&Path) -> Result<(), pem::Error>,
) -> Result<(), Fault> {
    let shown = written.value.display();
    read(path).map_err(|error| match error {
        pem::Error::Io(error) => written.fault(format!("`{shown}` cannot be read: {error}")),
        // What else is wrong could quote the file.
        _ => written.fault(format!("`{shown}` has no {what} in PEM")),
    })
}

pub(super) fn admin(
    settings: Option<&AdminSettings>,
    listeners: &[ListenerPlan],
    around: &Surroundings<'_>,
) -> Result<Option<AdminPlan>, Fault> {
    let Some(settings) = settings else { return Ok(None) };
    let address: SocketAddr = settings.address.value.0;
    if listeners.iter().any(|listener| listener.address == address && address.port() != 0) {
        return Err(settings.address.fault("visitors are listened for here: the admin listener needs its own address"));
    }
    let token = |written: &Placed<Credential>| {
        AdminToken::parse(written.reveal(around)?.reveal()).map_err(|bad| written.fault(bad.to_string()))
    };
    let token = settings.token.as_ref().map(token).transpose()?;
    if token.is_none() && !address.ip().is_loopback() {
        return Err(settings.address.fault("an admin listener that others can reach needs a `token`"));
    }
    Ok(Some(AdminPlan { address, token }))
}
