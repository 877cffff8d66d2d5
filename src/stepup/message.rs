//! The message that carries a code.

use std::time::Duration;

use crate::challenge::Particulars;
use crate::delivery::{Aim, Message, SiteName};
use crate::gate::HostPattern;
use crate::seal::Code;
use crate::stepup::{Gateway, Site, Visit};
use crate::store::Challenge;
use crate::words::Contact;

impl Gateway {
    /// What a challenge has to say to a contact. Of the request it takes the client address and nothing else: neither
    /// its path nor, on a site with a wildcard, its host name is the operator's choice (O35).
    #[allow(clippy::too_many_arguments)]
    pub(super) fn message(
        &self,
        site: &Site,
        visit: &Visit,
        challenge: &Challenge,
        particulars: &Particulars,
        to: Contact,
        code: Code,
        expires_in: Duration,
    ) -> Message {
        let aim = if particulars.is_typed() {
            Aim::Prove
        } else if particulars.binding.is_some() {
            Aim::Confirm
        } else {
            Aim::Open
        };
        Message {
            to,
            code,
            site: SiteName::new(&site.spec.name, own_host(&site.spec.hosts, visit.request.authority.host())),
            aim,
            expires_in,
            reference: challenge.reference,
            client: Some(visit.request.client.ip),
        }
    }
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
