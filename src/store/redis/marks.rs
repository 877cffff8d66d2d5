//! Marks: what the scripts are told of them, and what they answer.

use std::time::Duration;

use redis::ScriptInvocation;

use super::scripts;
use super::wire::{self, Reply};
use crate::store::{NewMark, StoreError, TakenMark, TakenMarks};
use crate::words::MarkId;

/// The prefix of the keys of marks. No host name has an asterisk.
const MARKS: &str = "otpgate:{*marks}:";

pub(super) fn put(marks: &[NewMark<'_>], ttl: Duration, most: usize) -> ScriptInvocation<'static> {
    let mut script = scripts::PUT_MARKS.key(MARKS);
    script.arg(wire::millis(ttl).max(1)).arg(most).arg(wire::millis(TakenMark::REMEMBERED));
    for mark in marks {
        script.arg(mark.id.to_string()).arg(mark.sealed);
        script.arg(mark.of.map(|of| of.to_string()).unwrap_or_default());
    }
    script
}

pub(super) fn take(most: usize, lease: Duration) -> ScriptInvocation<'static> {
    let mut script = scripts::TAKE_MARKS.key(MARKS);
    // Without any lease one would be taken twice by one call.
    script.arg(most).arg(wire::millis(lease).max(1));
    script
}

/// Reads marks that were taken.
pub(super) fn taken(mut reply: Reply) -> Result<TakenMarks, StoreError> {
    let next = u64::try_from(reply.number()?).ok().map(Duration::from_millis);
    let (mut all, mut marks) = (reply.within()?, Vec::new());
    while !all.is_empty() {
        let mut mark = all.within()?;
        marks.push(TakenMark {
            id: mark.parsed(MarkId::parse)?,
            sealed: mark.bytes()?,
            tries: mark.count()?,
            age: mark.time()?,
        });
    }
    Ok(TakenMarks { marks, next })
}

pub(super) fn done(id: MarkId) -> ScriptInvocation<'static> {
    let mut script = scripts::MARK_DONE.key(MARKS);
    script.arg(id.to_string()).arg(wire::millis(TakenMark::REMEMBERED));
    script
}

pub(super) fn later(id: MarkId, tries: u32, wait: Duration) -> ScriptInvocation<'static> {
    let mut script = scripts::MARK_LATER.key(MARKS);
    script.arg(id.to_string()).arg(tries).arg(wire::millis(wait));
    script
}
