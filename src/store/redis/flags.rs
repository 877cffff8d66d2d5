//! Counts and flags: how they are written to Redis, and read back.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use redis::ScriptInvocation;

use super::wire::{self, Reply};
use super::{FEED, prefix, scripts};
use crate::store::tallies::{MOST_FLAGS, failures_of, tally_name};
use crate::store::{Change, Flag, Scope, Sign, SiteKey, StoreError, Tally};
use crate::words::KeyedHash;

pub(super) fn tally(site: &SiteKey, tallies: &[Tally]) -> ScriptInvocation<'static> {
    let mut script = scripts::TALLY.key(prefix(site));
    for tally in tallies {
        script
            .arg(tally.name())
            .arg(tally.most())
            .arg(wire::millis(tally.limit.span).max(1))
            .arg(tally.member.to_string());
    }
    script
}

pub(super) fn raise(epoch: String, flags: &[(&Flag, Duration)]) -> ScriptInvocation<'static> {
    let mut script = scripts::RAISE.key(FEED);
    script.arg(epoch).arg(MOST_FLAGS);
    for (flag, ttl) in flags {
        script
            .arg(format!("{} {}", flag.sign.as_str(), whom(flag.scope, flag.whom)))
            .arg(format!("{} {} {}", flag.count, wire::millis(flag.span), URL_SAFE_NO_PAD.encode(&flag.sealed)))
            .arg(flag.site.as_str())
            .arg(wire::millis(*ttl).max(1));
    }
    script
}

pub(super) fn flags(mut reply: Reply) -> Result<Vec<(Flag, Duration)>, StoreError> {
    let mut flags = Vec::new();
    while !reply.is_empty() {
        let (name, text, left) = (reply.text()?, reply.text()?, reply.time()?);
        match parse(&name, &text) {
            Some(flag) => flags.push((flag, left)),
            None => tracing::warn!("a flag in the store is of a kind that this version does not know"),
        }
    }
    Ok(flags)
}

/// Forgets what is counted of somebody.
pub(super) fn untally(site: &SiteKey, scope: Scope, whom: KeyedHash) -> ScriptInvocation<'static> {
    let mut script = scripts::UNTALLY.key(prefix(site));
    for sign in Sign::ALL {
        script.arg(format!("t:{}", tally_name(sign, scope, whom)));
    }
    if let Some(failures) = failures_of(scope, whom) {
        script.arg(format!("w:{failures}"));
    }
    script
}

/// Takes down every flag of somebody, in the order of [`Sign::ALL`].
pub(super) fn lower(epoch: String, site: &SiteKey, scope: Scope, of: KeyedHash) -> ScriptInvocation<'static> {
    let mut script = scripts::LOWER.key(FEED);
    script.arg(epoch).arg(whom(scope, of)).arg(site.as_str());
    for sign in Sign::ALL {
        script.arg(sign.as_str());
    }
    script
}

/// A published flag, `flag ` left out: `failures address <whom> <count> <window> <sealed> <site>`.
pub(super) fn parse_flagged(rest: &str) -> Option<Flag> {
    let mut parts = rest.splitn(7, ' ');
    let mut next = || parts.next();
    let (sign, scope, whom) = (next()?, next()?, next()?);
    let (count, span, sealed) = (next()?, next()?, next()?);
    let site = next()?;
    parse(&format!("{sign} {scope} {whom} {site}"), &format!("{count} {span} {sealed}"))
}

/// A published end of a flag, `lifted ` left out: `address <whom> <site>`.
pub(super) fn parse_lifted(rest: &str) -> Option<Change> {
    let mut parts = rest.splitn(3, ' ');
    let (scope, whom, site) = (parts.next()?, parts.next()?, parts.next()?);
    let (scope, whom) = (Scope::parse(scope)?, KeyedHash::parse(whom).ok()?);
    Some(Change::Lifted { site: SiteKey::new(site), scope, whom })
}

fn whom(scope: Scope, whom: KeyedHash) -> String {
    format!("{} {whom}", scope.as_str())
}

fn parse(name: &str, text: &str) -> Option<Flag> {
    let mut name = name.splitn(4, ' ');
    let (sign, scope, whom, site) = (name.next()?, name.next()?, name.next()?, name.next()?);
    let mut text = text.splitn(3, ' ');
    let (count, span, sealed) = (text.next()?, text.next()?, text.next()?);
    Some(Flag {
        site: SiteKey::new(site),
        sign: Sign::parse(sign)?,
        scope: Scope::parse(scope)?,
        whom: KeyedHash::parse(whom).ok()?,
        sealed: URL_SAFE_NO_PAD.decode(sealed).ok()?,
        count: count.parse().ok()?,
        span: Duration::from_millis(span.parse().ok()?),
    })
}
