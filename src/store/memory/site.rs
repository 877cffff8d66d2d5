//! What is remembered of one site. Every function here is one step, taken under the store's lock; `redis/*.lua` are the
//! same steps.

mod answers;
mod contacts;
mod devices;
mod provers;
mod sends;

use std::collections::HashMap;
use std::time::Duration;

use super::counts::Counts;
use super::expiring::Expiring;
use super::kept::{Family, KeptChallenge, KeptParked, size_of, size_of_challenge};
use super::pumping::Pumping;
use super::spending::Spending;
use super::tallies::Tallies;
use crate::store::tallies::failures_of;
use crate::store::{Challenge, Confirmed, Destination, Found, NewChallenge, Opened, Parking, Resumable, Scope, State};
use crate::words::{ChallengeId, DeviceId, KeyedHash, ParkedId, Timestamp};

#[derive(Debug)]
pub(super) struct Site {
    challenges: Expiring<ChallengeId, KeptChallenge>,
    parked: Expiring<ParkedId, KeptParked>,
    browsers: Expiring<KeyedHash, Family>,
    /// The live challenges of each family, oldest first.
    families: Expiring<Family, Vec<ChallengeId>>,
    /// Bytes kept, in all and of each subject.
    used: u64,
    used_by: HashMap<KeyedHash, u64>,
    counts: Counts,
    pub(super) tallies: Tallies,
    /// Wrong codes in a row.
    in_a_row: Expiring<KeyedHash, u32>,
    locks: Expiring<KeyedHash, Lasting>,
    confirmations: Expiring<KeyedHash, (Vec<Destination>, Timestamp)>,
    tokens: Expiring<KeyedHash, Token>,
    sessions: Expiring<KeyedHash, Vec<u8>>,
    /// Who proved a contact lately, oldest first.
    provers: Expiring<KeyedHash, Vec<(KeyedHash, Timestamp)>>,
    /// The contacts of accounts.
    contacts: Expiring<KeyedHash, Vec<contacts::Known>>,
    devices: Expiring<DeviceId, devices::Turns>,
    /// Where subjects were last, sealed.
    places: Expiring<KeyedHash, Vec<u8>>,
    pub(super) spending: Spending,
    pumping: Pumping,
}

/// How long a lock of a subject lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lasting {
    ToItsEnd,
    UntilUnlocked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    For(ParkedId),
    Used,
}

/// Entries that a map of a site holds. Challenges, and so their browsers, are limited by the budget instead. Of
/// confirmations, tokens and sessions those that would end first give way, which closes a door and opens none.
const MOST: usize = 1_000_000;

/// How long a lock "until unlocked" outlives the last look at it, and a count of wrong codes in a row the last one.
const YEAR: Duration = Duration::from_secs(366 * 24 * 60 * 60);

// === impl Site ===

impl Site {
    /// Forgets what is counted of somebody, and of an address the wrong codes that lock it.
    pub(super) fn forget_tallies(&mut self, scope: Scope, whom: KeyedHash) {
        self.tallies.forget(scope, whom);
        if let Some(failures) = failures_of(scope, whom) {
            self.counts.forget(&failures);
        }
    }

    pub(super) fn new() -> Self {
        Self {
            challenges: Expiring::new(usize::MAX),
            parked: Expiring::new(usize::MAX),
            browsers: Expiring::new(usize::MAX),
            families: Expiring::new(usize::MAX),
            used: 0,
            used_by: HashMap::new(),
            counts: Counts::new(),
            tallies: Tallies::new(),
            in_a_row: Expiring::new(MOST),
            locks: Expiring::new(MOST),
            confirmations: Expiring::new(MOST),
            tokens: Expiring::new(MOST),
            sessions: Expiring::new(MOST),
            provers: Expiring::new(MOST),
            contacts: Expiring::new(MOST),
            devices: Expiring::new(MOST),
            places: Expiring::new(MOST),
            spending: Spending::default(),
            pumping: Pumping::new(),
        }
    }

    /// Frees what is gone.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        for challenge in self.challenges.sweep(now) {
            self.release(challenge.subject, challenge.size());
        }
        for parked in self.parked.sweep(now) {
            self.release(parked.subject, parked.size());
        }
        self.browsers.sweep(now);
        self.families.sweep(now);
        self.counts.sweep(now);
        self.tallies.sweep(now);
        self.in_a_row.sweep(now);
        self.locks.sweep(now);
        self.confirmations.sweep(now);
        self.tokens.sweep(now);
        self.sessions.sweep(now);
        self.provers.sweep(now);
        self.contacts.sweep(now);
        self.devices.sweep(now);
        self.places.sweep(now);
        self.pumping.sweep(now);
    }

    pub(super) fn open(&mut self, new: &NewChallenge<'_>, now: Timestamp) -> Opened {
        let family = self.browsers.get(&new.browser, now).copied().unwrap_or(new.id);
        let mut live = self.live_of(family, now);
        let same = live.iter().find(|id| {
            let challenge = self.challenges.get(*id, now);
            challenge.is_some_and(|known| known.likeness == new.likeness && known.subject == new.subject)
        });
        if let Some(&id) = same {
            return Opened::Same(id);
        }
        let is_ours = |parked: &KeptParked| parked.family == family;
        match new.parked {
            Parking::Adopt(id)
                if !self
                    .parked
                    .get(&id, now)
                    .is_some_and(|parked| is_ours(parked) && parked.subject == new.subject) =>
            {
                return Opened::Full;
            }
            Parking::Inherit(id) if !self.parked.get(&id, now).is_some_and(is_ours) => {
                return self.open(&NewChallenge { parked: Parking::None, ..new.clone() }, now);
            }
            _ => {}
        }
        let most = usize::try_from(new.budget.per_browser).unwrap_or(usize::MAX).max(1);
        let leaving: Vec<_> = live.drain(..(live.len() + 1).saturating_sub(most)).collect();
        if !self.has_room(new, &leaving, now) {
            return Opened::Full;
        }
        for id in &leaving {
            self.forget_challenge(id, new.parked, now);
        }

        let ending = now.after(new.ttl);
        let parked = self.park(new, family, now, ending);
        let challenge = KeptChallenge::new(new, family, parked, ending);
        self.reserve(new.subject, challenge.size());
        self.challenges.insert(new.id, challenge, ending);
        live.push(new.id);
        let families_end = self.families.end(&family).map_or(ending, |known| known.max(ending));
        self.families.insert(family, live, families_end);
        let browsers_end = self.browsers.end(&new.browser).map_or(ending, |known| known.max(ending));
        self.browsers.insert(new.browser, family, browsers_end);
        Opened::New
    }

    /// Whether the budget has room for a new challenge once `leaving` have given way to it.
    fn has_room(&self, new: &NewChallenge<'_>, leaving: &[ChallengeId], now: Timestamp) -> bool {
        let (mut of_subject, mut in_all) = (0, 0);
        for id in leaving {
            let Some(challenge) = self.challenges.get(id, now) else { continue };
            let parked = self.parked_of(id, challenge, now).filter(|parked| !is_adopted(*parked, new.parked));
            let parked = parked.and_then(|parked| self.parked.get(&parked, now));
            let size = challenge.size() + parked.map_or(0, KeptParked::size);
            in_all += size;
            of_subject += if challenge.subject == new.subject { size } else { 0 };
        }
        let mut more = size_of_challenge(new.sealed);
        if let Parking::New(_, sealed) = new.parked {
            more += size_of(sealed);
        }
        let used_by = self.used_by.get(&new.subject).copied().unwrap_or_default();
        used_by.saturating_sub(of_subject) + more <= new.budget.per_subject
            && self.used.saturating_sub(in_all) + more <= new.budget.total
    }

    /// Parks the request of a new challenge, or moves one to it.
    fn park(&mut self, new: &NewChallenge<'_>, family: Family, now: Timestamp, ending: Timestamp) -> Option<ParkedId> {
        match new.parked {
            Parking::None => None,
            Parking::New(id, sealed) => {
                let parked = KeptParked { family, subject: new.subject, owner: new.id, sealed: sealed.to_vec() };
                self.reserve(new.subject, parked.size());
                self.parked.insert(id, parked, ending);
                Some(id)
            }
            Parking::Adopt(id) | Parking::Inherit(id) => {
                let mut parked = self.parked.remove(&id)?;
                if let Some(owner) = self.challenges.get_mut(&parked.owner, now) {
                    owner.parked = None;
                }
                self.release(parked.subject, parked.size());
                self.reserve(new.subject, parked.size());
                (parked.owner, parked.subject) = (new.id, new.subject);
                self.parked.insert(id, parked, ending);
                Some(id)
            }
        }
    }

    pub(super) fn find(&mut self, browser: KeyedHash, id: Option<ChallengeId>, now: Timestamp) -> Found {
        let Some(&family) = self.browsers.get(&browser, now) else { return Found::None };
        let id = match id {
            Some(id) => id,
            None => match self.live_of(family, now)[..] {
                [] => return Found::None,
                [only] => only,
                _ => return Found::Several,
            },
        };
        let known = self.challenges.get(&id, now).filter(|challenge| challenge.family == family);
        let Some(challenge) = known else { return Found::None };
        let state = match (challenge.state(now), self.lock(challenge.subject, now)) {
            (State::Passed, _) => State::Passed,
            (_, Some(lock)) => State::Locked(lock),
            (state, None) => state,
        };
        Found::One(Box::new(Challenge {
            id,
            subject: challenge.subject,
            sealed: challenge.sealed.clone(),
            parked: self.parked_of(&id, challenge, now),
            reference: challenge.reference,
            state,
            tries_left: challenge.tries_left(),
            sent: challenge.sends(),
            expires_in: challenge.expires_in(now),
            resend_in: challenge.resend_in(now),
        }))
    }

    pub(super) fn spend(&mut self, binding: KeyedHash, now: Timestamp) -> Option<Confirmed> {
        self.confirmations.get(&binding, now)?;
        self.confirmations.remove(&binding).map(|(sent, at)| Confirmed { sent, at })
    }

    pub(super) fn resumable(&self, token: KeyedHash, now: Timestamp) -> Resumable {
        let parked = match self.tokens.get(&token, now) {
            None => return Resumable::Unknown,
            Some(Token::Used) => return Resumable::Used,
            Some(Token::For(parked)) => *parked,
        };
        self.parked.get(&parked, now).map_or(Resumable::Unknown, |kept| Resumable::Ready {
            parked,
            subject: kept.subject,
            sealed: kept.sealed.clone(),
        })
    }

    pub(super) fn take(&mut self, token: KeyedHash, now: Timestamp) -> bool {
        let Some(known) = self.tokens.get_mut(&token, now) else { return false };
        let Token::For(parked) = *known else { return false };
        if self.parked.get(&parked, now).is_none() {
            return false;
        }
        *known = Token::Used;
        self.forget_parked(&parked);
        true
    }

    pub(super) fn bind_session(&mut self, session: KeyedHash, sealed: &[u8], end: Timestamp) {
        self.sessions.insert(session, sealed.to_vec(), end);
    }

    pub(super) fn restore_session(&mut self, session: KeyedHash, sealed: &[u8], end: Timestamp, now: Timestamp) {
        if self.sessions.get(&session, now).is_none() {
            self.bind_session(session, sealed, end);
        }
    }

    pub(super) fn forget_session(&mut self, session: KeyedHash) {
        self.sessions.remove(&session);
    }

    pub(super) fn session(&self, session: KeyedHash, now: Timestamp) -> Option<Vec<u8>> {
        self.sessions.get(&session, now).cloned()
    }

    fn is_of(&self, id: &ChallengeId, browser: KeyedHash, subject: KeyedHash, now: Timestamp) -> bool {
        let family = self.browsers.get(&browser, now);
        let challenge = self.challenges.get(id, now);
        challenge.is_some_and(|challenge| Some(&challenge.family) == family && challenge.subject == subject)
    }

    /// The live challenges of a family, oldest first.
    fn live_of(&mut self, family: Family, now: Timestamp) -> Vec<ChallengeId> {
        let Some(known) = self.families.get_mut(&family, now) else { return Vec::new() };
        known.retain(|id| self.challenges.get(id, now).is_some_and(|challenge| challenge.is_live(now)));
        known.clone()
    }

    /// The parked request of a challenge, while it is kept.
    fn parked_of(&self, id: &ChallengeId, challenge: &KeptChallenge, now: Timestamp) -> Option<ParkedId> {
        challenge.parked.filter(|parked| self.parked.get(parked, now).is_some_and(|parked| parked.owner == *id))
    }

    /// Forgets a challenge and its parked request, but for the one that `parking` adopts.
    fn forget_challenge(&mut self, id: &ChallengeId, parking: Parking<'_>, now: Timestamp) {
        let parked = self.challenges.get(id, now).and_then(|challenge| self.parked_of(id, challenge, now));
        if let Some(challenge) = self.challenges.remove(id) {
            self.release(challenge.subject, challenge.size());
        }
        if let Some(parked) = parked.filter(|parked| !is_adopted(*parked, parking)) {
            self.forget_parked(&parked);
        }
    }

    fn forget_parked(&mut self, id: &ParkedId) {
        if let Some(parked) = self.parked.remove(id) {
            self.release(parked.subject, parked.size());
        }
    }

    fn reserve(&mut self, subject: KeyedHash, size: u64) {
        self.used += size;
        *self.used_by.entry(subject).or_default() += size;
    }

    fn release(&mut self, subject: KeyedHash, size: u64) {
        self.used = self.used.saturating_sub(size);
        if let Some(used) = self.used_by.get_mut(&subject) {
            *used = used.saturating_sub(size);
            if *used == 0 {
                self.used_by.remove(&subject);
            }
        }
    }
}

fn is_adopted(id: ParkedId, parking: Parking<'_>) -> bool {
    matches!(parking, Parking::Adopt(adopted) | Parking::Inherit(adopted) if adopted == id)
}
