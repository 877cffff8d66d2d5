//! What a message says of a challenge, besides its code. Of the request it takes neither the path nor, on a site with a
//! wildcard, the host name: those are not the operator's choice (O35).

use http::HeaderMap;

use crate::challenge::Particulars;
use crate::delivery::{Aim, LANGUAGES, SiteName};
use crate::gate::HostPattern;
use crate::request::preferred_language;
use crate::stepup::{Site, Visit};
use crate::words::Language;

/// What the code is for.
pub(super) const fn aim(particulars: &Particulars) -> Aim {
    if particulars.is_limited() {
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

/// In which language somebody is told: the one that the directory has for the subject, else the one that the browser wants,
/// as far as there are messages in it.
pub(super) fn language(particulars: &Particulars, headers: &HeaderMap) -> Option<Language> {
    let known = particulars.language.clone().filter(|language| LANGUAGES.contains(&language.primary()));
    known.or_else(|| preferred_language(headers, &LANGUAGES))
}

/// The operator's name for the host that is asked.
fn own_host<'a>(hosts: &'a [HostPattern], asked: &str) -> &'a str {
    let pattern = hosts.iter().find(|pattern| pattern.matches(asked)).or_else(|| hosts.first());
    pattern.map_or("", HostPattern::name)
}

#[cfg(test)]
mod tests;
