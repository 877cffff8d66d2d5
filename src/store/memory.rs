//! The store of one process.
//!
//! Everything lies behind one lock that is never held across an await, so each operation is one step. Nothing outlives
//! its time or grows without limit: what is over is freed by the next operation on its site, challenges and parked
//! requests have their budget, every other map has a greatest
//! size. Start at `memory/site.rs`: the steps themselves.

mod counts;
mod expiring;
mod feed;
mod kept;
mod marks;
mod measures;
mod messages;
mod pumping;
mod site;
mod spending;
mod tallies;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::timeout;

use self::expiring::Expiring;
use self::feed::Feed;
use self::marks::Marks;
use self::measures::Measures;
use self::messages::Messages;
use self::site::Site;
use super::{
    Answer, Answered, Bucket, Changes, Charge, Charged, Confirmed, Cursor, DeviceTurn, DeviceTurned, FailureLimits,
    Flag, Found, Grain, Held, Lock, Measure, NewChallenge, NewMark, NewMessage, NewPlace, Opened, Paused, Permit,
    Provers, Raised, Report, Reported, Repriced, Resumable, Revocation, Scope, Seen, SendAsk, Sighting, SiteKey, Spent,
    Store, StoreError, TakenMarks, TakenMessage, Tally, TrackedMessage,
};
use crate::words::{Amount, ChallengeId, Clock, KeyedHash, MarkId, MessageId, Reference, Timestamp};

/// The store of one process. What it remembers ends with it.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    memory: Mutex<Memory>,
    /// Wakes those who wait for changes.
    changed: Notify,
}

struct Memory {
    /// As many as the config has.
    sites: HashMap<SiteKey, Site>,
    feed: Feed,
    notes: Expiring<String, VecDeque<String>>,
    messages: Messages,
    measures: Measures,
    marks: Marks,
}

/// How long [`Store::changes`] waits when nothing happens.
const LISTEN: Duration = Duration::from_secs(1);

/// References whose events are kept, and the events under each.
const REFERENCES: usize = 20_000;
const EVENTS: usize = 100;

// === impl MemoryStore ===

impl MemoryStore {
    /// An empty store that takes its time from `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let memory = Memory {
            sites: HashMap::new(),
            feed: Feed::new(),
            notes: Expiring::new(REFERENCES),
            messages: Messages::new(),
            measures: Measures::default(),
            marks: Marks::new(),
        };
        Self { clock, memory: Mutex::new(memory), changed: Notify::new() }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a step on a site.
    fn on<T>(&self, site: &SiteKey, step: impl FnOnce(&mut Site, Timestamp) -> T) -> T {
        let mut memory = self.memory();
        let now = self.clock.now();
        step(memory.site(site, now), now)
    }

    /// Takes a step on the messages, and maybe on their sites.
    fn on_messages<T>(&self, step: impl FnOnce(&mut Memory, Timestamp) -> T) -> T {
        let mut memory = self.memory();
        let now = self.clock.now();
        memory.messages.sweep(now);
        step(&mut memory, now)
    }

    fn since(&self, cursor: &Cursor) -> Changes {
        self.memory().feed.since(cursor, self.clock.now())
    }

    fn session_changed(&self, site: &SiteKey, session: KeyedHash) {
        self.memory().feed.session_changed(site, session);
        self.changed.notify_waiters();
    }
}

// === impl Memory ===

impl Memory {
    /// A site, without what is gone.
    fn site(&mut self, key: &SiteKey, now: Timestamp) -> &mut Site {
        let site = self.sites.entry(key.clone()).or_insert_with(Site::new);
        site.sweep(now);
        site
    }
}

// === impl MemoryStore: the operations ===

#[async_trait]
impl Store for MemoryStore {
    async fn open(&self, new: &NewChallenge<'_>) -> Result<Opened, StoreError> {
        Ok(self.on(new.site, |site, now| site.open(new, now)))
    }

    async fn find(&self, site: &SiteKey, browser: KeyedHash, id: Option<ChallengeId>) -> Result<Found, StoreError> {
        Ok(self.on(site, |site, now| site.find(browser, id, now)))
    }

    async fn permit_send(&self, ask: &SendAsk<'_>) -> Result<Permit, StoreError> {
        self.on(ask.site, |site, now| site.permit_send(ask, now))
    }

    async fn give_back(&self, site: &SiteKey, challenge: ChallengeId, send: u32) -> Result<(), StoreError> {
        self.on(site, |site, now| site.give_back(challenge, send, now));
        Ok(())
    }

    async fn answer(&self, answer: &Answer<'_>) -> Result<Answered, StoreError> {
        self.on(answer.site, |site, now| site.answer(answer, now))
    }

    async fn spend(&self, site: &SiteKey, binding: KeyedHash) -> Result<Option<Confirmed>, StoreError> {
        Ok(self.on(site, |site, now| site.spend(binding, now)))
    }

    async fn resumable(&self, site: &SiteKey, token: KeyedHash) -> Result<Resumable, StoreError> {
        Ok(self.on(site, |site, now| site.resumable(token, now)))
    }

    async fn take(&self, site: &SiteKey, token: KeyedHash) -> Result<bool, StoreError> {
        Ok(self.on(site, |site, now| site.take(token, now)))
    }

    async fn bind_session(
        &self,
        site: &SiteKey,
        session: KeyedHash,
        sealed: &[u8],
        ttl: Duration,
    ) -> Result<(), StoreError> {
        self.on(site, |site, now| site.bind_session(session, sealed, now.after(ttl)));
        self.session_changed(site, session);
        Ok(())
    }

    async fn forget_session(&self, site: &SiteKey, session: KeyedHash) -> Result<(), StoreError> {
        self.on(site, |site, _| site.forget_session(session));
        self.session_changed(site, session);
        Ok(())
    }

    async fn session(&self, site: &SiteKey, session: KeyedHash) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.on(site, |site, now| site.session(session, now)))
    }

    async fn revoke(&self, revocation: &Revocation, ttl: Duration) -> Result<(), StoreError> {
        self.memory().feed.revoke(revocation, ttl, self.clock.now())?;
        self.changed.notify_waiters();
        Ok(())
    }

    async fn revocations(&self) -> Result<Vec<(Revocation, Duration)>, StoreError> {
        Ok(self.memory().feed.revocations(self.clock.now()))
    }

    async fn changes(&self, cursor: Cursor) -> Result<Changes, StoreError> {
        // Listens before it looks, so that nothing falls between.
        let mut changed = Box::pin(self.changed.notified());
        changed.as_mut().enable();
        let before = self.since(&cursor);
        if before.lost || !before.changes.is_empty() {
            return Ok(before);
        }
        // Woken or not, what happened in the meantime is told.
        let _ = timeout(LISTEN, changed).await;
        Ok(self.since(&before.cursor))
    }

    async fn lock(&self, site: &SiteKey, subject: KeyedHash) -> Result<Option<Lock>, StoreError> {
        Ok(self.on(site, |site, now| site.lock(subject, now)))
    }

    async fn unlock(&self, site: &SiteKey, subject: KeyedHash, limits: &FailureLimits) -> Result<bool, StoreError> {
        let was_locked = self.on(site, |site, now| site.unlock(subject, limits, now));
        self.memory().feed.unlocked(site, subject);
        self.changed.notify_waiters();
        Ok(was_locked)
    }

    async fn restore(&self, site: &SiteKey, held: Held<'_>) -> Result<(), StoreError> {
        self.on(site, |site, now| match held {
            Held::Session { session, sealed, ttl } => site.restore_session(session, sealed, now.after(ttl), now),
            Held::Lock { subject, lock } => site.restore_lock(subject, lock, now),
        });
        Ok(())
    }

    async fn note(&self, reference: Reference, event: &str, ttl: Duration) -> Result<(), StoreError> {
        let mut memory = self.memory();
        let now = self.clock.now();
        memory.notes.sweep(now);
        let reference = reference.to_string();
        let mut events = memory.notes.remove(&reference).unwrap_or_default();
        if events.len() == EVENTS {
            events.pop_front();
        }
        events.push_back(event.to_owned());
        memory.notes.insert(reference, events, now.after(ttl));
        Ok(())
    }

    async fn noted(&self, reference: Reference) -> Result<Vec<String>, StoreError> {
        let events = self.memory().notes.get(&reference.to_string(), self.clock.now()).cloned();
        Ok(events.map(Vec::from).unwrap_or_default())
    }

    async fn sealed_code(
        &self,
        site: &SiteKey,
        browser: KeyedHash,
        challenge: ChallengeId,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.on(site, |site, now| site.sealed_code(browser, challenge, now)))
    }

    async fn track(&self, message: &NewMessage<'_>) -> Result<(), StoreError> {
        self.on_messages(|memory, now| memory.messages.track(message, now));
        Ok(())
    }

    async fn taken(&self, taken: &TakenMessage<'_>) -> Result<Option<Repriced>, StoreError> {
        Ok(self.on_messages(|memory, now| {
            let (progress, repriced) = memory.messages.taken(taken, now);
            let send = (taken.challenge, taken.send);
            memory.site(taken.site, now).carry(send, taken.id, Some(taken.provider), progress, now);
            repriced
        }))
    }

    async fn message(&self, id: MessageId) -> Result<Option<TrackedMessage>, StoreError> {
        Ok(self.on_messages(|memory, now| memory.messages.message(id, now)))
    }

    async fn keep_words(&self, id: MessageId, words: &[u8]) -> Result<(), StoreError> {
        self.on_messages(|memory, now| memory.messages.keep_words(id, words, now));
        Ok(())
    }

    async fn words(&self, id: MessageId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.on_messages(|memory, now| memory.messages.words(id, now)))
    }

    async fn take_words(&self, id: MessageId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.on_messages(|memory, now| memory.messages.take_words(id, now)))
    }

    async fn report(&self, report: &Report<'_>) -> Result<Reported, StoreError> {
        Ok(self.on_messages(|memory, now| {
            let reported = memory.messages.report(report, now);
            if let Reported::Moved(message, ..) = &reported {
                let send = (message.challenge, message.send);
                memory.site(&message.site, now).carry(send, message.id, None, message.progress, now);
            }
            reported
        }))
    }

    async fn measure(&self, measures: &[Measure]) -> Result<(), StoreError> {
        self.memory().measures.measure(measures, self.clock.now());
        Ok(())
    }

    async fn measured(&self, grain: Grain, buckets: u32) -> Result<Vec<Bucket>, StoreError> {
        Ok(self.memory().measures.measured(grain, buckets, self.clock.now()))
    }

    async fn charge(&self, charge: &Charge<'_>) -> Result<Charged, StoreError> {
        Ok(self.on(charge.site, |site, now| site.spending.charge(charge, now)))
    }

    async fn correct(&self, site: &SiteKey, from: Amount, to: Amount) -> Result<(), StoreError> {
        self.on(site, |site, now| site.spending.correct(from, to, now));
        Ok(())
    }

    async fn spent(&self, site: &SiteKey) -> Result<Spent, StoreError> {
        Ok(self.on(site, |site, now| site.spending.spent(now)))
    }

    async fn provers(&self, ask: &Provers<'_>) -> Result<u32, StoreError> {
        Ok(self.on(ask.site, |site, now| site.provers(ask, now)))
    }

    async fn contacts_seen(&self, ask: &Sighting<'_>) -> Result<Seen, StoreError> {
        self.on(ask.site, |site, now| site.contacts_seen(ask, now))
    }

    async fn paused(&self, ask: &Paused<'_>) -> Result<Option<&'static str>, StoreError> {
        Ok(self.on(ask.site, |site, now| site.paused(ask, now)))
    }
    async fn turn_device(&self, turn: &DeviceTurn<'_>) -> Result<DeviceTurned, StoreError> {
        Ok(self.on(turn.site, |site, now| site.turn_device(turn, now)))
    }

    async fn put_place(&self, place: &NewPlace<'_>) -> Result<(), StoreError> {
        self.on(place.site, |site, now| site.put_place(place.subject, place.sealed, now.after(place.ttl)));
        if place.tell {
            self.memory().feed.moved(place.site, place.subject);
            self.changed.notify_waiters();
        }
        Ok(())
    }

    async fn place(&self, site: &SiteKey, subject: KeyedHash) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.on(site, |site, now| site.place(subject, now)))
    }

    async fn put_marks(&self, marks: &[NewMark<'_>], ttl: Duration, most: usize) -> Result<usize, StoreError> {
        Ok(self.memory().marks.put(marks, ttl, most, self.clock.now()))
    }

    async fn take_marks(&self, most: usize, lease: Duration) -> Result<TakenMarks, StoreError> {
        Ok(self.memory().marks.take(most, lease, self.clock.now()))
    }

    async fn mark_done(&self, id: MarkId) -> Result<(), StoreError> {
        self.memory().marks.done(id, self.clock.now());
        Ok(())
    }

    async fn mark_later(&self, id: MarkId, tries: u32, wait: Duration) -> Result<(), StoreError> {
        self.memory().marks.later(id, tries, wait, self.clock.now());
        Ok(())
    }

    async fn tally(&self, site: &SiteKey, tallies: &[Tally]) -> Result<Vec<Raised>, StoreError> {
        let mut raised = Vec::new();
        {
            let mut memory = self.memory();
            let now = self.clock.now();
            for tally in tallies {
                let count = memory.site(site, now).tallies.count(tally, now);
                let flag = tally.flag(site, count);
                raised.extend(flag.and_then(|flag| memory.feed.raise(flag, tally.flag_for, now)));
            }
        }
        if !raised.is_empty() {
            self.changed.notify_waiters();
        }
        Ok(raised)
    }

    async fn raise(&self, flags: &[(&Flag, Duration)]) -> Result<(), StoreError> {
        let now = self.clock.now();
        for &(flag, ttl) in flags {
            self.memory().feed.raise(flag.clone(), ttl, now);
        }
        self.changed.notify_waiters();
        Ok(())
    }

    async fn flags(&self) -> Result<Vec<(Flag, Duration)>, StoreError> {
        Ok(self.memory().feed.flags(self.clock.now()))
    }

    async fn lift(&self, site: &SiteKey, scope: Scope, whom: KeyedHash) -> Result<bool, StoreError> {
        let was_banned = {
            let mut memory = self.memory();
            let now = self.clock.now();
            memory.site(site, now).forget_tallies(scope, whom);
            memory.feed.lower(site, scope, whom, now)
        };
        self.changed.notify_waiters();
        Ok(was_banned)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryStore")
    }
}
