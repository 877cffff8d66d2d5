//! What a message says of a challenge, besides its code. Of the request it takes neither the path nor, on a site with a
//! wildcard, the host name: those are not the operator's choice (O35).

use crate::challenge::Particulars;
use crate::delivery::{Aim, SiteName};
use crate::gate::HostPattern;
use crate::stepup::{Site, Visit};

/// What the code is for.
pub(super) const fn aim(particulars: &Particulars) -> Aim {
    if particulars.is_typed() {
        Aim::Prove
    } else if particulars.binding.is_some() {
        Aim::Confirm
    } else {
        Aim::Open
    }
}

/// The site as the operator names it.
pub(super) fn site_name(site: &Site, visit: &Visit) -> SiteName {
    SiteName::new(&site.spec.name, own_host(&site.spec.hosts, visit.request.authority.host()))
}

/// The operator's name for the host that is asked: of `*.example.com` it is `example.com`, with which a browser takes
/// every name below it for the same site.
fn own_host<'a>(hosts: &'a [HostPattern], asked: &str) -> &'a str {
    let pattern = hosts.iter().find(|pattern| pattern.matches(asked)).or_else(|| hosts.first());
    match pattern {
        Some(HostPattern::Exact(name)) => name,
        Some(HostPattern::Below(suffix)) => suffix.trim_start_matches('.'),
        None => "",
    }
}

#[cfg(test)]
mod tests;
