//! Listeners, their certificates, and the admin listener.

use std::net::SocketAddr;
use std::path::Path;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::admin::AdminToken;
use crate::admin::settings::AdminSettings;
use crate::config::{Credential, Fault, Placed, Surroundings};
use crate::server::plan::{AdminPlan, CertificateFiles, ListenerPlan};
use crate::server::settings::{CertificateSettings, ListenerSettings};

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
        plans.push(ListenerPlan { address, tls, max_header: usize::try_from(max_header).unwrap_or(usize::MAX) });
    }
    Ok(plans)
}

/// Looks into both files, since a listener without a certificate could only fail.
fn certificate(settings: &CertificateSettings, around: &Surroundings<'_>) -> Result<CertificateFiles, Fault> {
    let files = CertificateFiles {
        certificate: around.path(&settings.certificate.value),
        key: around.path(&settings.key.value),
    };
    pem(&settings.certificate, &files.certificate, "certificate", |path| {
        CertificateDer::pem_file_iter(path)?
            .next()
            .unwrap_or(Err(rustls::pki_types::pem::Error::NoItemsFound))
            .map(drop)
    })?;
    pem(&settings.key, &files.key, "private key", |path| PrivateKeyDer::from_pem_file(path).map(drop))?;
    Ok(files)
}

fn pem(
    written: &Placed<std::path::PathBuf>,
    path: &Path,
    what: &str,
    read: impl FnOnce(&Path) -> Result<(), rustls::pki_types::pem::Error>,
) -> Result<(), Fault> {
    use rustls::pki_types::pem::Error;
    let shown = written.value.display();
    read(path).map_err(|error| match error {
        Error::Io(error) => written.fault(format!("`{shown}` cannot be read: {error}")),
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
