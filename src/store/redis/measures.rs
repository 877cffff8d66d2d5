//! Measures: what the scripts are told of them, and what they answer.

use std::collections::BTreeMap;

use redis::ScriptInvocation;

use super::scripts;
use super::wire::{self, Reply};
use crate::store::{Bucket, Grain, Measure, Measured, StoreError, What};

/// The prefix of the keys of measures. No host name has an asterisk.
const MEASURES: &str = "otpgate:{*measures}:";

pub(super) fn measure(measures: &[Measure]) -> ScriptInvocation<'static> {
    let mut script = scripts::MEASURE.key(MEASURES);
    script.arg(
        [Grain::Fine, Grain::Coarse]
            .map(|grain| format!("{},{},{}", name(grain), span(grain), grain.buckets()))
            .join(" "),
    );
    for measure in measures.iter().filter(|measure| measure.add > 0) {
        script
            .arg(field(&measure.of, measure.what))
            // Scripts and their host count exactly up to 2^53.
            .arg(measure.add.min(1 << 53))
            .arg(measure.at.map(|at| at.as_millis().to_string()).unwrap_or_default());
    }
    script
}

pub(super) fn measured(grain: Grain, buckets: u32) -> ScriptInvocation<'static> {
    let mut script = scripts::MEASURED.key(MEASURES);
    script.arg(name(grain)).arg(span(grain)).arg(buckets.min(grain.buckets()));
    script
}

/// Reads buckets.
pub(super) fn buckets(mut reply: Reply) -> Result<Vec<Bucket>, StoreError> {
    let mut buckets = Vec::new();
    while !reply.is_empty() {
        let (age, mut fields) = (reply.time()?, reply.within()?);
        let mut counts = BTreeMap::<_, [u64; What::ALL.len()]>::new();
        while !fields.is_empty() {
            let (field, count) = (fields.text()?, fields.parsed(str::parse)?);
            // What a newer gateway counts is none of ours.
            if let Some((of, what)) = parse_field(&field) {
                counts.entry(of).or_default()[what.index()] = count;
            }
        }
        if !counts.is_empty() {
            buckets.push(Bucket { age, counts: counts.into_iter().collect() });
        }
    }
    Ok(buckets)
}

const fn name(grain: Grain) -> &'static str {
    match grain {
        Grain::Fine => "fine",
        Grain::Coarse => "coarse",
    }
}

fn span(grain: Grain) -> u64 {
    wire::millis(grain.span())
}

const fn word(what: What) -> &'static str {
    match what {
        What::Sent => "sent",
        What::Accepted => "accepted",
        What::Delivered => "delivered",
        What::Failed => "failed",
        What::Verified => "verified",
        What::ReceiptMillis => "receipt_ms",
        What::VerifyMillis => "verify_ms",
        What::Priced => "priced",
        What::Price => "price",
    }
}

/// What is counted, as it is kept: `sms:MY:delivered:tw`. The provider stands last: nothing is known of its characters.
fn field(of: &Measured, what: What) -> String {
    let country = of.country.map(|country| country.to_string()).unwrap_or_default();
    format!("{}:{country}:{}:{}", of.channel, word(what), of.provider)
}

/// Reads [`field`] back.
fn parse_field(field: &str) -> Option<(Measured, What)> {
    let mut parts = field.splitn(4, ':');
    let channel = parts.next()?.parse().ok()?;
    let country = match parts.next()? {
        "" => None,
        country => Some(country.parse().ok()?),
    };
    let counted = parts.next()?;
    let what = What::ALL.into_iter().find(|what| word(*what) == counted)?;
    Some((Measured { provider: parts.next()?.to_owned(), channel, country }, what))
}
