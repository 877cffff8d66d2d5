//! The config's `policies`, `definitions` and the `routes` of a site.

mod policy;
mod reach;
mod route;

pub use policy::{Policies, PolicySettings};
pub use route::{Definitions, QuerySettings, RouteSettings, Rule, Rules};

use crate::config::{Fault, Placed};
use crate::gate::HostPattern;
use crate::request::Authority;

/// A host name of the config, or `*.` and one.
///
/// # Errors
/// When it is neither.
pub fn host_pattern(host: &Placed<String>) -> Result<HostPattern, Fault> {
    let name = host.value.strip_prefix("*.").unwrap_or(&host.value);
    if name.contains('*') {
        return Err(host.fault("`*` stands for whole labels at the start: write `*.example.com`"));
    }
    if name.contains("//") || name.contains(':') && !name.starts_with('[') {
        return Err(host.fault("write the host name alone, without scheme and port"));
    }
    if !name.is_ascii() {
        return Err(host.fault("write the host name as it goes over the wire, in ASCII: `xn--…`"));
    }
    match Authority::parse(name.as_bytes()) {
        Ok(authority) if authority.port().is_none() && !name.ends_with('.') => Ok(HostPattern::new(&host.value)),
        Ok(_) => Err(host.fault("write the host name without port and without a dot at its end")),
        Err(error) => Err(host.fault(error.to_string())),
    }
}
