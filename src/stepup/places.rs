//! Where each subject was last, for whoever cannot have come from there: in memory, and in the store for the other gateways.
//!
//! The store is asked when a process sees a subject first, or has not for a while; nothing waits for what is written. A place
//! takes the place of the last one when one can have come there, or when a code was answered there: a thief's elsewhere
//! leaves the honest place as it is. After a day it is forgotten: nobody needs longer to any place on earth.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;

use crate::risk::{Risk, Trip, is_elsewhere, is_possible};
use crate::seal::Purpose;
use crate::stepup::{Gateway, Site, Visit};
use crate::store::{NewPlace, StoreError};
use crate::words::{KeyedHash, Spot, Timestamp};

/// The places of subjects, by their hashes.
pub(super) struct Places {
    last: Cache<KeyedHash, Arc<Last>>,
    /// How many moves were heard of: an answer of the store from before one is not kept.
    heard: AtomicU64,
    /// Until when a store that does not answer is not asked again.
    quiet: AtomicU64,
}

/// Where a subject was last; nowhere that is known for a place of which nothing is.
struct Last {
    spot: Spot,
    /// When they were there.
    at: AtomicU64,
    /// When that was known to be the newest.
    known: AtomicU64,
    /// When the store was told.
    told: AtomicU64,
}

/// The most subjects whose places are kept in memory; each takes less than 200 bytes.
const MOST: u64 = 100_000;
/// How long a place is kept: at the speed that counts as impossible it is 20 hours to the other side of the earth.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a process that sees nothing of a subject goes by what it knows.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// How old the time of a place in the store may be.
const TOLD: Duration = Duration::from_secs(10 * 60);
/// How long a store that did not answer is not asked again, so that no visitor waits for each request.
const QUIET: Duration = Duration::from_secs(2);

// === impl Places ===

impl Default for Places {
    fn default() -> Self {
        let last = Cache::builder().max_capacity(MOST).time_to_idle(KEPT).build();
        Self { last, heard: AtomicU64::new(0), quiet: AtomicU64::new(0) }
    }
}

impl Places {
    /// Another gateway saw the subject elsewhere.
    pub(super) fn forget(&self, subject: KeyedHash) {
        self.heard.fetch_add(1, Ordering::SeqCst);
        self.last.invalidate(&subject);
    }

    /// Others may have seen any subject elsewhere.
    pub(super) fn forget_all(&self) {
        self.heard.fetch_add(1, Ordering::SeqCst);
        self.last.invalidate_all();
    }
}

// === impl Last ===

impl Last {
    fn new(spot: Spot, at: Timestamp, now: Timestamp) -> Self {
        let [at, now] = [at, now].map(|moment| AtomicU64::new(moment.as_millis()));
        Self { spot, told: AtomicU64::new(at.load(Ordering::Relaxed)), at, known: now }
    }

    fn since(moment: &AtomicU64, now: Timestamp) -> Duration {
        now.since(Timestamp::from_millis(moment.load(Ordering::Relaxed))).unwrap_or_default()
    }

    fn trip(&self, now: Timestamp) -> Option<Trip> {
        (!self.spot.is_unknown()).then(|| Trip { from: self.spot, took: Self::since(&self.at, now) })
    }
}

impl Gateway {
    /// Where the subject was last, before this request that comes from where `risk` says: what the present place is compared
    /// with. It is the present place from then on, if they can have come there.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub(super) async fn trip(&self, site: &Site, subject: KeyedHash, risk: &Risk) -> Result<Option<Trip>, StoreError> {
        let now = self.shared.clock.now();
        let last = self.last(site, subject, now).await?;
        let trip = last.trip(now);
        let here = risk.at.spot();
        if risk.is_where_it_says() && trip.is_none_or(|trip| is_possible(&trip.from, &here, trip.took)) {
            if last.spot.is_unknown() || is_elsewhere(&last.spot, &here) {
                let moved = self.stays(subject, here, now);
                self.tell_place(site, subject, moved, now, true);
            } else {
                last.at.store(now.as_millis(), Ordering::Relaxed);
                last.known.store(now.as_millis(), Ordering::Relaxed);
                let told = last.told.load(Ordering::Relaxed);
                let is_due = Last::since(&last.told, now) > TOLD && !self.is_quiet(now);
                // One of several requests at once tells.
                if is_due
                    && last.told.compare_exchange(told, now.as_millis(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
                {
                    self.tell_place(site, subject, last, now, false);
                }
            }
        }
        Ok(trip)
    }

    /// A code was answered here: that is where the subject is, from wherever they came.
    pub(super) fn arrived(&self, site: &Site, visit: &Visit, subject: KeyedHash) {
        if !self.scoring.subject.follows_places() {
            return;
        }
        let risk = self.scoring.of(&visit.request, &visit.headers);
        if !risk.is_where_it_says() {
            return;
        }
        let (here, now) = (risk.at.spot(), self.shared.clock.now());
        let before = self.shared.places.last.get(&subject);
        let is_elsewhere = before.is_none_or(|before| is_elsewhere(&before.spot, &here));
        let last = self.stays(subject, here, now);
        self.tell_place(site, subject, last, now, is_elsewhere);
    }

    async fn last(&self, site: &Site, subject: KeyedHash, now: Timestamp) -> Result<Arc<Last>, StoreError> {
        let places = &self.shared.places;
        if let Some(last) = places.last.get(&subject)
            && Last::since(&last.known, now) < FRESH
        {
            return Ok(last);
        }
        if self.is_quiet(now) {
            return Err(StoreError::Unreachable("it did not answer a moment ago".to_owned()));
        }
        let heard = places.heard.load(Ordering::SeqCst);
        let sealed = self.shared.store.place(&site.spec.key, subject).await.inspect_err(|_| {
            places.quiet.store(now.after(QUIET).as_millis(), Ordering::Relaxed);
        })?;
        let opened = sealed.and_then(|sealed| self.keys.open(Purpose::Place, subject.as_bytes(), &sealed));
        let (spot, at) = opened.and_then(|opened| read(&opened)).unwrap_or_default();
        let last = Arc::new(Last::new(spot, at, now));
        if places.heard.load(Ordering::SeqCst) == heard {
            places.last.insert(subject, Arc::clone(&last));
        }
        Ok(last)
    }

    fn stays(&self, subject: KeyedHash, here: Spot, now: Timestamp) -> Arc<Last> {
        let last = Arc::new(Last::new(here, now, now));
        self.shared.places.last.insert(subject, Arc::clone(&last));
        last
    }

    /// Tells the store beside the road. What it does not learn costs a signal at another gateway.
    fn tell_place(&self, site: &Site, subject: KeyedHash, last: Arc<Last>, now: Timestamp, is_elsewhere: bool) {
        let plain = [&last.spot.to_bytes()[..], &now.as_millis().to_le_bytes()].concat();
        let sealed = self.keys.seal(Purpose::Place, subject.as_bytes(), &plain, &*self.shared.random);
        let (shared, site) = (Arc::clone(&self.shared), site.spec.key.clone());
        tokio::spawn(async move {
            let place = NewPlace { site: &site, subject, sealed: &sealed, ttl: KEPT, tell: is_elsewhere };
            if let Err(error) = shared.store.put_place(&place).await {
                tracing::warn!(%error, "where a subject is could not be kept for the other gateways");
                shared.places.quiet.store(shared.clock.now().after(QUIET).as_millis(), Ordering::Relaxed);
                last.told.store(0, Ordering::Relaxed);
            }
        });
    }

    fn is_quiet(&self, now: Timestamp) -> bool {
        self.shared.places.quiet.load(Ordering::Relaxed) > now.as_millis()
    }
}

/// A place and its time, as [`Gateway::tell`] seals them.
fn read(bytes: &[u8]) -> Option<(Spot, Timestamp)> {
    let (spot, at) = bytes.split_first_chunk::<{ Spot::BYTES }>()?;
    Some((Spot::from_bytes(*spot), Timestamp::from_millis(u64::from_le_bytes(at.try_into().ok()?))))
}
