//! Answers: the comparison, the counting, and the locks that follow from it.

use std::time::Duration;

use subtle::ConstantTimeEq as _;

use super::{Lasting, Site, Token, YEAR};
use crate::store::counted::failures_of_subject;
use crate::store::{Answer, Answered, FailureLimits, Lock, State, StoreError};
use crate::words::{KeyedHash, Timestamp};

impl Site {
    pub(in crate::store::memory) fn answer(
        &mut self,
        answer: &Answer<'_>,
        now: Timestamp,
    ) -> Result<Answered, StoreError> {
        self.check_room()?;
        let id = answer.challenge;
        if !self.is_of(&id, answer.browser, answer.subject, now) {
            return Ok(Answered::Missing);
        }
        if let Some(lock) = self.locked_out(answer, now) {
            return Ok(Answered::Locked(lock));
        }
        let Some(challenge) = self.challenges.get_mut(&id, now) else { return Ok(Answered::Missing) };
        match challenge.state(now) {
            State::Locked(lock) => return Ok(Answered::Locked(lock)),
            State::Passed => return Ok(Answered::Spent),
            State::Open => return Ok(Answered::NotSent),
            State::Expired => return Ok(Answered::Expired),
            State::Sent => {}
        }
        let is_right =
            challenge.code.as_ref().is_some_and(|code| code.hash.as_bytes().ct_eq(answer.code.as_bytes()).into());
        if is_right {
            return Ok(self.pass(answer, now));
        }
        challenge.failed += 1;
        let (event, tries_left) = ((id, challenge.failed), challenge.tries_left());
        self.counts.count(&failures_of_subject(answer.subject), &answer.limits.per_subject, event, now);
        self.counts.count(&answer.failures_of_ip(), &answer.limits.per_ip, event, now);
        let in_a_row = self.in_a_row.get(&answer.subject, now).copied().unwrap_or_default().saturating_add(1);
        self.in_a_row.insert(answer.subject, in_a_row, now.after(YEAR));
        Ok(match (self.locked_out(answer, now), tries_left) {
            (Some(lock), _) => Answered::Locked(lock),
            (None, 0) => Answered::Locked(Lock::Challenge),
            (None, tries_left) => Answered::Wrong { tries_left },
        })
    }

    /// A right code came in.
    fn pass(&mut self, answer: &Answer<'_>, now: Timestamp) -> Answered {
        let id = answer.challenge;
        let Some(challenge) = self.challenges.get_mut(&id, now) else { return Answered::Missing };
        challenge.is_passed = true;
        challenge.code = None;
        let (sent, message) = (challenge.sent(), challenge.message());
        for send in &challenge.sends {
            self.pumping.verified(&send.tried, now);
            for name in &send.counted {
                self.counts.uncount(name, (id, send.number), now);
            }
        }
        self.in_a_row.remove(&answer.subject);
        if let (Some(end), Some(family)) = (self.browsers.end(&answer.browser), self.browsers.remove(&answer.browser)) {
            self.browsers.insert(answer.new_browser, family, end);
        }
        if let Some((binding, ttl)) = answer.confirm {
            self.confirmations.insert(binding, (sent.clone(), now), now.after(ttl));
        }
        let parked = self.challenges.get(&id, now).and_then(|challenge| self.parked_of(&id, challenge, now));
        let resumes = match (answer.resume, parked) {
            (Some((token, ttl)), Some(parked)) => {
                self.tokens.insert(token, Token::For(parked), now.after(ttl));
                true
            }
            _ => false,
        };
        Answered::Passed { sent, at: now, message, resumes }
    }

    /// The subject's lock as it was written down.
    pub(in crate::store::memory) fn lock(&self, subject: KeyedHash, now: Timestamp) -> Option<Lock> {
        match self.locks.get(&subject, now)? {
            Lasting::UntilUnlocked => Some(Lock::UntilUnlocked),
            Lasting::ToItsEnd => self.locks.end(&subject)?.since(now).map(Lock::For),
        }
    }

    /// Locks a subject again for as long as a gateway knew it to be, unless it is locked for longer.
    pub(in crate::store::memory) fn restore_lock(&mut self, subject: KeyedHash, lock: Lock, now: Timestamp) {
        let known = self.lock(subject, now);
        match (known, lock) {
            (Some(Lock::UntilUnlocked), _) | (_, Lock::Challenge) => {}
            (Some(Lock::For(known)), Lock::For(left)) if known >= left => {}
            (_, Lock::For(left)) => self.locks.insert(subject, Lasting::ToItsEnd, now.after(left)),
            (_, Lock::UntilUnlocked) => self.locks.insert(subject, Lasting::UntilUnlocked, now.after(YEAR)),
        }
    }

    pub(in crate::store::memory) fn unlock(
        &mut self,
        subject: KeyedHash,
        limits: &FailureLimits,
        now: Timestamp,
    ) -> bool {
        let lock = self.locked_by_failures(subject, limits, now);
        self.locks.remove(&subject);
        self.in_a_row.remove(&subject);
        self.counts.forget(&failures_of_subject(subject));
        lock.is_some()
    }

    /// The subject's lock or the client address's, whichever holds longer.
    fn locked_out(&mut self, answer: &Answer<'_>, now: Timestamp) -> Option<Lock> {
        let of_ip = self.counts.full_for(&answer.failures_of_ip(), &answer.limits.per_ip, now);
        match self.locked_by_failures(answer.subject, answer.limits, now) {
            Some(Lock::For(time)) => Some(Lock::For(time.max(of_ip))),
            None if of_ip > Duration::ZERO => Some(Lock::For(of_ip)),
            lock => lock,
        }
    }

    /// The lock as the failures make it, written down for those who do not know the limits.
    pub(super) fn locked_by_failures(
        &mut self,
        subject: KeyedHash,
        limits: &FailureLimits,
        now: Timestamp,
    ) -> Option<Lock> {
        let known = self.lock(subject, now);
        let in_a_row = self.in_a_row.get(&subject, now).copied().unwrap_or_default();
        if known == Some(Lock::UntilUnlocked) || in_a_row >= limits.in_a_row() {
            self.locks.insert(subject, Lasting::UntilUnlocked, now.after(YEAR));
            return Some(Lock::UntilUnlocked);
        }
        let left = self.counts.full_for(&failures_of_subject(subject), &limits.per_subject, now);
        match known {
            Some(Lock::For(time)) if time >= left => known,
            _ if left > Duration::ZERO => {
                self.locks.insert(subject, Lasting::ToItsEnd, now.after(left));
                Some(Lock::For(left))
            }
            _ => known,
        }
    }

    /// Makes sure that failures and sends can be counted: a count or a lock that gave way to others would be a limit
    /// forgotten (I4), so when a flood from very many addresses or subjects fills the memory, nothing more is permitted.
    pub(super) fn check_room(&self) -> Result<(), StoreError> {
        if self.counts.is_full() || self.in_a_row.is_full() || self.locks.is_full() {
            return Err(StoreError::Wrong("it counts a million things: use Redis for so many visitors".to_owned()));
        }
        Ok(())
    }
}
