//! The client with which directories and webhooks are spoken to.

use std::time::Duration;

use http::StatusCode;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};

/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(30);

/// A client that follows no redirect and no proxy. `ca` are the certificates that may vouch for the other side's own; none:
/// those that the system trusts.
///
/// # Errors
/// When there is no telling whom to trust: neither `ca` nor the system has a certificate.
pub(in crate::directory) fn client(ca: &[Certificate]) -> Result<Client, reqwest::Error> {
    // The client panics without one. In the gateway it is there already, and this changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client = Client::builder()
        .redirect(Policy::none())
        .referer(false)
        // A proxy of the environment would read contacts.
        .no_proxy()
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(8)
        .user_agent(concat!("otpgate/", env!("CARGO_PKG_VERSION")));
    if !ca.is_empty() {
        client = client.tls_certs_only(ca.iter().cloned());
    }
    client.build()
}

/// Whether another try may go better.
pub(in crate::directory) fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

/// Why there is no answer; the error itself repeats the address.
pub(in crate::directory) fn reason(error: &reqwest::Error) -> &'static str {
    match error.is_connect() {
        true if is_tls(error) => "its certificate or the TLS handshake is not as it should be",
        true => "no connection",
        false => "the connection broke",
    }
}

/// Whether TLS is what went wrong. An error of the operating system's kind hides what it wraps from `source`.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || wrapped.is_some_and(|wrapped| is_tls(wrapped)) || error.source().is_some_and(is_tls)
}
