//! What stands around every directory: its answers are kept for a while, two who ask at once ask it once, and whether it
//! answers is noted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::OnceCell;

use crate::audit::{DirectoryMetrics, Lookup};
use crate::directory::{Directory, DirectoryError, DirectoryId, Entry, Mark, MarkError};
use crate::words::{Clock, Subject, SystemClock, Timestamp};

/// For how long answers of a directory are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// How long an answer holds. "Not known" holds five seconds at most.
    pub fresh: Duration,
    /// How old an answer may be that is taken while the directory is down; `fresh` or more. Zero: none (D10).
    pub stale: Duration,
}

/// A directory, and what is known of it.
pub struct Kept {
    directory: Arc<dyn Directory>,
    /// `None` for a directory that answers out of memory: it is asked each time.
    keep: Option<Keep>,
    answers: Cache<Subject, Answer>,
    flights: Mutex<HashMap<Subject, Flight>>,
    /// How often something was to be forgotten: an answer to a question from before is not kept.
    forgotten: AtomicU64,
    health: Mutex<Health>,
    clock: Arc<dyn Clock>,
    metrics: DirectoryMetrics,
}

/// How a directory fares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// When it last answered as it should.
    pub answered: Option<Timestamp>,
    /// Since when it has not, and why. `None` while it does.
    pub failing: Option<(Timestamp, String)>,
    /// What is wrong with it although it answers.
    pub trouble: Option<String>,
    /// When it last did not answer as it should, however it fared since.
    tried: Option<Timestamp>,
}

/// An answer, and when it was asked for.
#[derive(Debug, Clone)]
struct Answer {
    entry: Option<Arc<Entry>>,
    at: Timestamp,
}

/// A question that is being asked, for all who want to know.
type Flight = Arc<OnceCell<Result<Option<Entry>, DirectoryError>>>;

/// How many answers are kept: some megabytes.
const ANSWERS: u64 = 10_000;
/// How long "not known" holds at most: who has just signed up wants to go on.
const UNKNOWN: Duration = Duration::from_secs(5);
/// How long a directory that failed is not asked for whom older contacts may be taken (`stale`).
const REST: Duration = Duration::from_secs(5);

// === impl Keep ===

impl Keep {
    /// Of a directory elsewhere, unless the config says otherwise: long enough for all requests of one step-up, and
    /// short enough that whoever changes an address need not wait.
    pub const REMOTE: Self = Self { fresh: Duration::from_secs(30), stale: Duration::ZERO };
}

// === impl Kept ===

impl Kept {
    /// A directory whose answers are kept, until it is told otherwise by the system's clock and counted nowhere.
    #[must_use]
    pub fn new(directory: Arc<dyn Directory>, keep: Option<Keep>) -> Self {
        Self::over(directory, keep, Arc::new(SystemClock), DirectoryMetrics::default())
    }

    fn over(
        directory: Arc<dyn Directory>,
        keep: Option<Keep>,
        clock: Arc<dyn Clock>,
        metrics: DirectoryMetrics,
    ) -> Self {
        let longest = keep.map_or(Duration::ZERO, |keep| keep.fresh.max(keep.stale));
        // Contacts do not stay in memory for longer than they can be of use.
        let answers = Cache::builder().max_capacity(ANSWERS).time_to_live(longest).build();
        Self {
            directory,
            keep,
            answers,
            flights: Mutex::default(),
            forgotten: AtomicU64::new(0),
            health: Mutex::default(),
            clock,
            metrics,
        }
    }

    /// The same directory by this clock, and counted there.
    #[must_use]
    pub fn watched(&self, clock: Arc<dyn Clock>, metrics: DirectoryMetrics) -> Self {
        Self::over(Arc::clone(&self.directory), self.keep, clock, metrics)
    }

    /// Forgets what is known of `subject`: the next one who wants to know asks.
    pub fn forget(&self, subject: &Subject) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.flights().remove(subject);
        self.answers.invalidate(subject);
    }

    /// What tells it from the other directories of its site.
    #[must_use]
    pub fn id(&self) -> DirectoryId {
        DirectoryId::of(&*self.directory)
    }

    /// How it fares.
    #[must_use]
    pub fn health(&self) -> Health {
        let health = self.health.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Health { trouble: self.directory.trouble(), ..health }
    }

    /// What is known of `subject` now: an answer that was given of late does not hold.
    ///
    /// # Errors
    /// As [`Directory::find`].
    pub async fn find_anew(&self, subject: &Subject) -> Result<Option<Entry>, DirectoryError> {
        let Some(keep) = self.keep else { return self.ask(subject).await };
        if self.is_resting()
            && let Some(entry) = self.stale(subject, keep)
        {
            return Ok(Some(entry));
        }
        let outcome = self.ask_once(subject).await;
        if matches!(outcome, Err(DirectoryError::Unreachable(_) | DirectoryError::Wrong(_)))
            && let Some(entry) = self.stale(subject, keep)
        {
            return Ok(Some(entry));
        }
        outcome
    }

    /// The answer that was given of late, if it still holds.
    fn fresh(&self, subject: &Subject, keep: Keep) -> Option<Option<Entry>> {
        let answer = self.answers.get(subject)?;
        let holds = if answer.entry.is_some() { keep.fresh } else { keep.fresh.min(UNKNOWN) };
        // A clock that was set back makes an answer older than it can tell.
        let age = self.clock.now().since(answer.at)?;
        (age < holds).then(|| answer.entry.as_deref().cloned())
    }

    /// The contacts of before, for as long as the operator takes them while the directory is down.
    fn stale(&self, subject: &Subject, keep: Keep) -> Option<Entry> {
        let answer = self.answers.get(subject)?;
        let age = self.clock.now().since(answer.at)?;
        let entry = answer.entry.filter(|_| age < keep.stale).as_deref().cloned()?;
        self.metrics.looked_up(Lookup::Stale);
        Some(entry)
    }

    /// Whether it failed so short a time ago that whoever has older contacts need not wait for it to fail again.
    fn is_resting(&self) -> bool {
        let health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        let since = health.tried.filter(|_| health.failing.is_some()).and_then(|at| self.clock.now().since(at));
        since.is_some_and(|since| since < REST)
    }

    /// Asks, together with all who ask for the same subject at this moment (X11: and for no other).
    async fn ask_once(&self, subject: &Subject) -> Result<Option<Entry>, DirectoryError> {
        let flight = Arc::clone(self.flights().entry(subject.clone()).or_default());
        // Who asks may go away: another one asks then, and the last one clears up.
        let _landing = Landing { kept: self, subject, flight: &flight };
        let asking = async {
            let (at, forgotten) = (self.clock.now(), self.forgotten.load(Ordering::SeqCst));
            let outcome = self.ask(subject).await;
            if let Ok(entry) = &outcome {
                let entry = entry.clone().map(Arc::new);
                self.answers.insert(subject.clone(), Answer { entry, at });
                if self.forgotten.load(Ordering::SeqCst) != forgotten {
                    self.answers.invalidate(subject);
                }
            }
            outcome
        };
        flight.get_or_init(|| asking).await.clone()
    }

    async fn ask(&self, subject: &Subject) -> Result<Option<Entry>, DirectoryError> {
        let outcome = self.directory.find(subject).await;
        self.metrics.looked_up(match &outcome {
            Ok(Some(_)) => Lookup::Found,
            Ok(None) => Lookup::Unknown,
            Err(DirectoryError::Unreachable(_)) => Lookup::Unreachable,
            Err(DirectoryError::Wrong(_)) => Lookup::Wrong,
            Err(DirectoryError::Ambiguous) => Lookup::Ambiguous,
        });
        match &outcome {
            // It is the subject that is not as it should be.
            Ok(_) | Err(DirectoryError::Ambiguous) => self.answered(),
            Err(error) => self.failed(error),
        }
        outcome
    }

    fn answered(&self) {
        self.metrics.is_up(self.directory.trouble().is_none());
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.answered = Some(self.clock.now());
        if health.failing.take().is_some() {
            tracing::info!(directory = self.name(), "the directory answers again");
        }
    }

    fn failed(&self, error: &DirectoryError) {
        self.metrics.is_up(false);
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        let since = match &health.failing {
            Some((since, _)) => *since,
            None => {
                tracing::error!(directory = self.name(), %error, "the directory does not answer as it should");
                self.clock.now()
            }
        };
        health.tried = Some(self.clock.now());
        health.failing = Some((since, error.to_string()));
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<Subject, Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl Directory for Kept {
    fn name(&self) -> &str {
        self.directory.name()
    }

    fn identity(&self) -> String {
        self.directory.identity()
    }

    async fn find(&self, subject: &Subject) -> Result<Option<Entry>, DirectoryError> {
        let Some(keep) = self.keep else { return self.ask(subject).await };
        if let Some(answer) = self.fresh(subject, keep) {
            self.metrics.looked_up(Lookup::Cached);
            return Ok(answer);
        }
        self.find_anew(subject).await
    }

    fn trouble(&self) -> Option<String> {
        self.directory.trouble()
    }

    fn tells_verified(&self) -> bool {
        self.directory.tells_verified()
    }

    fn takes_marks(&self) -> bool {
        self.directory.takes_marks()
    }

    async fn mark(&self, mark: &Mark) -> Result<(), MarkError> {
        let outcome = self.directory.mark(mark).await;
        // What it says of the contact is another thing now, or may be.
        self.forget(&mark.subject);
        outcome
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kept({:?})", self.directory)
    }
}

/// One who waits for an answer.
struct Landing<'a> {
    kept: &'a Kept,
    subject: &'a Subject,
    flight: &'a Flight,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        let mut flights = self.kept.flights();
        let is_known = flights.get(self.subject).is_some_and(|known| Arc::ptr_eq(known, self.flight));
        // Two hold it when nobody else waits: the table, and this one.
        if is_known && (self.flight.initialized() || Arc::strong_count(self.flight) <= 2) {
            flights.remove(self.subject);
        }
    }
}
