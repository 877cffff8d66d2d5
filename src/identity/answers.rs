//! What the application said lately: a bounded cache in memory, which asks once for all who wait.
//!
//! An answer is worth nothing any more once its session has changed since it was asked for, however late it comes. So every
//! question and every change takes a number of one count, and the greater one holds.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use moka::notification::RemovalCause;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::sync::Semaphore;

use crate::identity::{Answer, Application, Question, Unanswered};
use crate::words::{Clock, KeyedHash, Subject, Timestamp};

/// What one site's application said.
pub struct Answers {
    known: Cache<KeyedHash, Known>,
    /// When each session changed last.
    changed: Cache<KeyedHash, u64>,
    /// Nothing that was asked for at this number or before it counts.
    floor: Arc<AtomicU64>,
    count: AtomicU64,
    flights: Mutex<HashMap<KeyedHash, Flying>>,
    /// How many requests are on their way that may change whose a session is.
    changing: Mutex<HashMap<KeyedHash, u32>>,
    permits: Semaphore,
}

/// Whom the application named, or nobody.
pub type Named = Result<Option<Subject>, Unanswered>;

/// What is asked for: the answer's own name, and the session whose change makes it worthless.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// A keyed hash of everything that the answer depends on (X12).
    pub key: KeyedHash,
    /// The session, hashed; or the key once more where there is none.
    pub session: KeyedHash,
}

/// How long answers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// One that names somebody. At most [`Keep::LONGEST`].
    pub somebody: Duration,
    /// One that names nobody.
    pub nobody: Duration,
}

#[derive(Debug, Clone)]
struct Known {
    said: Option<Subject>,
    asked: u64,
    until: Timestamp,
}

/// A question on its way, which lives as long as anybody waits for it.
struct Flying {
    asked: u64,
    flight: WeakShared<BoxFuture<'static, Named>>,
}

/// Takes a question off the list when it is answered, or when nobody waits for it any more.
struct Landing {
    answers: Arc<Answers>,
    key: KeyedHash,
    asked: u64,
}

/// The most answers that are kept per site, and the most changes that are remembered.
const MOST: u64 = 100_000;
/// The most questions per site that are on their way to its application at a time.
const AT_ONCE: usize = 64;
/// How long a change is remembered: longer than any answer is kept and any question may take.
const CHANGED: Duration = Duration::from_secs(10 * 60);

// === impl Keep ===

impl Keep {
    /// The longest time that an answer may be kept.
    pub const LONGEST: Duration = Duration::from_secs(5 * 60);
    /// How long an answer is kept when nothing else is said and nobody has said where other users sign in.
    pub const BLIND: Duration = Duration::from_secs(30);
    /// The longest time that nobody is kept: who has just signed in somewhere else must not wait long.
    const NOBODY: Duration = Duration::from_secs(5);

    /// Keeps answers that name somebody for `time`, and nobody for 5 seconds at most.
    #[must_use]
    pub fn of(time: Duration) -> Self {
        let somebody = time.min(Self::LONGEST);
        Self { somebody, nobody: somebody.min(Self::NOBODY) }
    }
}

// === impl Answers ===

impl Default for Answers {
    fn default() -> Self {
        let floor = Arc::new(AtomicU64::new(0));
        let raised = Arc::clone(&floor);
        // A change that is no longer remembered still holds for all that was asked for before it.
        let forgotten = move |_, number: u64, cause| {
            if cause == RemovalCause::Size {
                raised.fetch_max(number, Ordering::AcqRel);
            }
        };
        Self {
            known: Cache::builder().max_capacity(MOST).time_to_live(Keep::LONGEST).build(),
            changed: Cache::builder()
                .max_capacity(MOST)
                .eviction_policy(EvictionPolicy::lru())
                .time_to_live(CHANGED)
                .eviction_listener(forgotten)
                .build(),
            floor,
            count: AtomicU64::new(0),
            flights: Mutex::default(),
            changing: Mutex::default(),
            permits: Semaphore::new(AT_ONCE),
        }
    }
}

impl Answers {
    /// What the application said, as far as it still counts: `Some(None)` is nobody.
    #[must_use]
    pub fn get(&self, about: About, now: Timestamp) -> Option<Option<Subject>> {
        let known = self.known.get(&about.key)?;
        (now < known.until && self.holds(about.session, known.asked)).then_some(known.said)
    }

    /// What the application says now. Who asks the same while it is being asked waits for that one answer. Failures are not
    /// remembered, and answers only while nothing happened that could make them wrong.
    ///
    /// # Errors
    /// When the application does not say.
    pub async fn ask(
        self: &Arc<Self>,
        about: About,
        keep: Keep,
        clock: Arc<dyn Clock>,
        asking: impl Future<Output = Named> + Send + 'static,
    ) -> Named {
        self.flight(about, keep, clock, asking).await
    }

    fn flight(
        self: &Arc<Self>,
        about: About,
        keep: Keep,
        clock: Arc<dyn Clock>,
        asking: impl Future<Output = Named> + Send + 'static,
    ) -> Shared<BoxFuture<'static, Named>> {
        let mut flights = lock(&self.flights);
        let flying = flights.get(&about.key).filter(|flying| self.holds(about.session, flying.asked));
        if let Some(flight) = flying.and_then(|flying| flying.flight.upgrade()) {
            return flight;
        }
        let landing = Landing { answers: Arc::clone(self), key: about.key, asked: self.next() };
        let asked = landing.asked;
        let flight = async move {
            let said = asking.await;
            if let Ok(said) = &said {
                landing.answers.remember(about, said.clone(), asked, keep, clock.now());
            }
            said
        };
        let flight = flight.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            flights.insert(about.key, Flying { asked, flight: weak });
        }
        flight
    }

    fn remember(&self, about: About, said: Option<Subject>, asked: u64, keep: Keep, now: Timestamp) {
        let until = now.after(if said.is_some() { keep.somebody } else { keep.nobody });
        if !lock(&self.changing).contains_key(&about.session) && self.holds(about.session, asked) {
            self.known.insert(about.key, Known { said, asked, until });
        }
    }

    /// Asks the application itself, of which only so many may be on their way: who comes on top of them waits, but not
    /// longer than for an answer.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn exchange(&self, application: &dyn Application, question: &Question) -> Result<Answer, Unanswered> {
        let exchange = async {
            let _permit = self.permits.acquire().await.map_err(|_| Unanswered::Unreachable)?;
            application.get(question).await
        };
        tokio::time::timeout(question.timeout, exchange).await.unwrap_or(Err(Unanswered::TimedOut))
    }

    /// Whose a session is may have changed: what was said of it before, or is being asked for, counts no more.
    pub fn changed(&self, session: KeyedHash) {
        let number = self.next();
        self.changed.insert(session, number);
    }

    /// The application has just refused what an answer is about: no other counts. Tells whether somebody was believed until
    /// now. What nothing is known of leaves no trace.
    pub fn refused(&self, about: About) -> bool {
        let known = self.known.get(&about.key).filter(|known| self.holds(about.session, known.asked));
        let is_believed = known.is_some_and(|known| known.said.is_some());
        let is_asked = lock(&self.flights).contains_key(&about.key);
        if is_believed || is_asked {
            self.changed(about.session);
        }
        is_believed
    }

    /// A request is on its way that may change whose a session is: until [`Answers::changes_end`] nothing is remembered.
    pub fn changes_begin(&self, session: KeyedHash) {
        *lock(&self.changing).entry(session).or_default() += 1;
        self.changed(session);
    }

    /// The end of what began with [`Answers::changes_begin`].
    pub fn changes_end(&self, session: KeyedHash) {
        self.changed(session);
        let mut changing = lock(&self.changing);
        if let Some(number) = changing.get_mut(&session) {
            *number -= 1;
            if *number == 0 {
                changing.remove(&session);
            }
        }
    }

    /// Changes may have been missed: nothing that was said until now counts.
    pub fn forget_all(&self) {
        self.floor.fetch_max(self.next(), Ordering::AcqRel);
        self.known.invalidate_all();
    }

    fn next(&self) -> u64 {
        self.count.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Whether what was asked for at this number still counts.
    fn holds(&self, session: KeyedHash, asked: u64) -> bool {
        asked > self.floor.load(Ordering::Acquire) && self.changed.get(&session).is_none_or(|changed| asked > changed)
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answers({} known)", self.known.entry_count())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Landing ===

impl Drop for Landing {
    fn drop(&mut self) {
        let mut flights = lock(&self.answers.flights);
        if flights.get(&self.key).is_some_and(|flying| flying.asked == self.asked) {
            flights.remove(&self.key);
        }
    }
}
