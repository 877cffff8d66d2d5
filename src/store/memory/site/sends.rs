//! Sends: the limits on them, what becomes of them, and what gives them back.

use std::time::Duration;

use super::Site;
use crate::store::memory::kept::{KeptCode, KeptSend};
use crate::store::memory::pumping::Stop;
use crate::store::{Paused, Permit, PumpingMode, SendAsk, State, StoreError};
use crate::words::{ChallengeId, KeyedHash, MessageId, Progress, Timestamp};

impl Site {
    pub(in crate::store::memory) fn permit_send(
        &mut self,
        ask: &SendAsk<'_>,
        now: Timestamp,
    ) -> Result<Permit, StoreError> {
        self.check_room()?;
        let (id, resends) = (ask.challenge, usize::try_from(ask.resend.max).unwrap_or(usize::MAX));
        if !self.is_of(&id, ask.browser, ask.subject, now) {
            return Ok(Permit::Missing);
        }
        if let Some(lock) = self.locked_by_failures(ask.subject, &ask.limits.failures, now) {
            return Ok(Permit::Locked(lock));
        }
        let Some(challenge) = self.challenges.get_mut(&id, now) else { return Ok(Permit::Missing) };
        match challenge.state(now) {
            State::Locked(lock) => return Ok(Permit::Locked(lock)),
            State::Passed => return Ok(Permit::Passed),
            State::Expired => return Ok(Permit::Expired),
            State::Open | State::Sent => {}
        }
        let count = challenge.sends.len();
        if count > resends {
            return Ok(Permit::Exhausted { retry_after: challenge.expires_in(now) });
        }
        let retry_after = challenge.resend_in(now);
        if retry_after > Duration::ZERO {
            return Ok(Permit::Wait { retry_after });
        }
        // All the limits before anything is counted. The one that holds longest is told: then one more fits.
        let counted = ask.counted();
        let mut longest = (Duration::ZERO, "");
        for limit in &counted {
            let left = self.counts.full_for(&limit.key, limit.windows, now);
            if left > longest.0 {
                longest = (left, limit.name);
            }
        }
        let (retry_after, limit) = longest;
        if retry_after > Duration::ZERO {
            return Ok(Permit::TooMany { limit, retry_after });
        }
        let stop = self.pumping.stop(ask, now);
        if let Some(Stop { guard, retry_after, begins }) = stop
            && ask.limits.pumping.mode == PumpingMode::Block
        {
            return Ok(Permit::Paused { guard, retry_after, begins });
        }

        let send = challenge.last_send + 1;
        for limit in &counted {
            self.counts.count(&limit.key, limit.windows, (id, send), now);
        }
        // A code cannot outlive its challenge.
        let ending = now.after(ask.code_ttl).min(challenge.ending);
        let code =
            challenge.code.get_or_insert_with(|| KeptCode { hash: ask.code.0, sealed: ask.code.1.to_vec(), ending });
        let sealed = code.sealed.clone();
        let sends = u32::try_from(count + 1).unwrap_or(u32::MAX);
        let wait = ask.resend.wait_after(sends);
        let counted = counted.into_iter().map(|limit| limit.key).collect();
        challenge.sends.push(KeptSend {
            number: send,
            to: ask.destination,
            again: now.after(wait),
            counted,
            tried: self.pumping.tried(ask, now),
            carried: None,
            progress: Progress::Handed,
        });
        challenge.last_send = send;
        Ok(Permit::Send {
            send,
            sealed,
            sends_left: ask.resend.max.saturating_add(1).saturating_sub(sends),
            resend_in: wait,
            expires_in: challenge.expires_in(now),
            // A guard that only observes tells so once for each pause.
            suspicious: stop.filter(|stop| stop.begins).map(|stop| stop.guard),
        })
    }

    pub(in crate::store::memory) fn give_back(&mut self, id: ChallengeId, send: u32, now: Timestamp) {
        // One that is passed gave all its sends back.
        let Some(challenge) = self.challenges.get_mut(&id, now).filter(|challenge| !challenge.is_passed) else {
            return;
        };
        let Some(place) = challenge.sends.iter().position(|known| known.number == send) else { return };
        let gone = challenge.sends.remove(place);
        if challenge.sends.is_empty() {
            // Nobody has the code: the next send is the first one again.
            challenge.code = None;
        }
        self.pumping.untried(&gone.tried, now);
        for name in &gone.counted {
            self.counts.uncount(name, (id, send), now);
        }
    }

    /// Notes on a send how far its message came; the provider is told when the message only now becomes the send's.
    pub(in crate::store::memory) fn carry(
        &mut self,
        (id, send): (ChallengeId, u32),
        message: MessageId,
        provider: Option<&str>,
        progress: Progress,
        now: Timestamp,
    ) {
        let Some(challenge) = self.challenges.get_mut(&id, now) else { return };
        let Some(send) = challenge.sends.iter_mut().find(|known| known.number == send) else { return };
        let is_carried = send.carried.as_ref().is_some_and(|(_, known)| *known == message);
        if is_carried && send.progress.moves_to(progress) {
            send.progress = progress;
        } else if let (false, Some(provider)) = (is_carried, provider) {
            (send.carried, send.progress) = (Some((provider.to_owned(), message)), progress);
        }
    }

    pub(in crate::store::memory) fn sealed_code(
        &self,
        browser: KeyedHash,
        id: ChallengeId,
        now: Timestamp,
    ) -> Option<Vec<u8>> {
        let challenge = self.challenges.get(&id, now)?;
        let takes_an_answer = challenge.state(now) == State::Sent && self.lock(challenge.subject, now).is_none();
        let code =
            challenge.code.as_ref().filter(|_| takes_an_answer && self.is_of(&id, browser, challenge.subject, now));
        code.map(|code| code.sealed.clone())
    }

    pub(in crate::store::memory) fn paused(&self, ask: &Paused<'_>, now: Timestamp) -> Option<&'static str> {
        self.pumping.paused(ask, now)
    }
}
