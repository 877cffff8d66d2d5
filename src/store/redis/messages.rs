//! Messages: what the scripts are told of them, and what they answer.

use redis::ScriptInvocation;

use super::scripts;
use super::wire::{self, Reply};
use crate::store::{NewMessage, Report, Reported, Repriced, SiteKey, StoreError, TakenMessage, TrackedMessage, Which};
use crate::words::{Amount, ChallengeId, MessageId, Progress, Reference, Timestamp};

/// The prefix of the keys of messages. No host name has an asterisk.
const MESSAGES: &str = "otpgate:{*messages}:";

pub(super) fn track(message: &NewMessage<'_>) -> ScriptInvocation<'static> {
    let mut script = scripts::TRACK.key(MESSAGES);
    script
        .arg(message.id.to_string())
        .arg(message.site.as_str())
        .arg(message.challenge.to_string())
        .arg(message.send)
        .arg(message.reference.to_string())
        .arg(message.provider)
        .arg(message.channel.as_str())
        .arg(message.country.map(|country| country.to_string()).unwrap_or_default())
        .arg(message.charged.millionths())
        .arg(message.words)
        .arg(wire::millis(message.ttl).max(1));
    script
}

pub(super) fn taken(taken: &TakenMessage<'_>) -> ScriptInvocation<'static> {
    let mut script = scripts::TAKEN.key(MESSAGES);
    script
        .arg(taken.id.to_string())
        .arg(taken.theirs.map(|theirs| theirs.to_string()).unwrap_or_default())
        .arg(taken.progress.to_text())
        .arg(taken.progress.rank())
        .arg(price_of(taken.price));
    script
}

fn price_of(price: Option<Amount>) -> String {
    price.map(|price| price.millionths().to_string()).unwrap_or_default()
}

/// Reads what changed about a price: what was charged before stands there when it was told for the first time.
pub(super) fn repriced(reply: &mut Reply, price: Option<Amount>) -> Result<Option<Repriced>, StoreError> {
    let charged = reply.optional(str::parse)?.map(Amount::from_millionths);
    Ok(charged.zip(price).map(|(from, to)| Repriced { from, to }))
}

pub(super) fn message(id: MessageId) -> ScriptInvocation<'static> {
    let mut script = scripts::MESSAGE.key(MESSAGES);
    script.arg(id.to_string());
    script
}

pub(super) fn keep_words(id: MessageId, words: &[u8]) -> ScriptInvocation<'static> {
    let mut script = scripts::KEEP_WORDS.key(MESSAGES);
    script.arg(id.to_string()).arg(words);
    script
}

pub(super) fn words(id: MessageId) -> ScriptInvocation<'static> {
    let mut script = scripts::WORDS.key(MESSAGES);
    script.arg(id.to_string());
    script
}

pub(super) fn take_words(id: MessageId) -> ScriptInvocation<'static> {
    let mut script = scripts::TAKE_WORDS.key(MESSAGES);
    script.arg(id.to_string());
    script
}

pub(super) fn report(report: &Report<'_>) -> ScriptInvocation<'static> {
    let mut script = scripts::REPORT.key(MESSAGES);
    match report.which {
        Which::Ours(id) => script.arg("ours").arg(id.to_string()),
        Which::Theirs(name) => script.arg("theirs").arg(name.to_string()),
    };
    let nonce = report.nonce.map(|(nonce, ttl)| (nonce.to_string(), wire::millis(ttl).max(1)));
    script
        .arg(report.provider)
        .arg(report.progress.to_text())
        .arg(report.progress.rank())
        .arg(price_of(report.price))
        .arg(nonce.unwrap_or_default());
    script
}

/// Notes on a send how far its message came; the provider is told when the message only now becomes the send's.
pub(super) fn carry(
    site: &SiteKey,
    (challenge, send): (ChallengeId, u32),
    message: MessageId,
    provider: Option<&str>,
    progress: Progress,
) -> ScriptInvocation<'static> {
    let mut script = scripts::CARRY.key(super::prefix(site));
    script
        .arg(challenge.to_string())
        .arg(send)
        .arg(message.to_string())
        .arg(provider.unwrap_or_default())
        .arg(progress.to_text())
        .arg(progress.rank());
    script
}

/// Reads what became of a report.
pub(super) fn reported(mut reply: Reply, report: &Report<'_>) -> Result<Reported, StoreError> {
    let outcome = reply.text()?;
    match outcome.as_str() {
        "unknown" => return Ok(Reported::Unknown),
        "replayed" => return Ok(Reported::Replayed),
        "moved" | "stands" => {}
        _ => return Err(wire::wrong("an answer")),
    }
    let id = reply.parsed(MessageId::parse)?;
    let message = Box::new(tracked(id, reply.within()?)?.ok_or_else(|| wire::wrong("a message"))?);
    let before = reply.progress()?;
    let repriced = repriced(&mut reply, report.price)?;
    Ok(match outcome.as_str() {
        "moved" => Reported::Moved(message, before, repriced),
        _ => Reported::Stands(message, repriced),
    })
}

/// Reads a message; `None` when there is none.
pub(super) fn tracked(id: MessageId, mut reply: Reply) -> Result<Option<TrackedMessage>, StoreError> {
    if reply.is_empty() {
        return Ok(None);
    }
    Ok(Some(TrackedMessage {
        id,
        site: SiteKey::new(&reply.text()?),
        challenge: reply.parsed(ChallengeId::parse)?,
        send: reply.parsed(str::parse)?,
        reference: reply.parsed(Reference::parse)?,
        provider: reply.text()?,
        channel: reply.parsed(str::parse)?,
        country: reply.optional(str::parse)?,
        charged: reply.amount()?,
        at: Timestamp::from_millis(reply.parsed(str::parse)?),
        progress: reply.progress()?,
        age: reply.time()?,
    }))
}
