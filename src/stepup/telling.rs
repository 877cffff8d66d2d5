//! Telling of marks: a task of every gateway that takes marks out of the queue in the store and tells whom each names.
//!
//! Woken by a mark of its own gateway, else it looks every few seconds. A mark that is not taken comes later, after a second
//! at first and after an hour at last, for seven days. Start at [`Teller::round`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::oneshot;
use tokio::task::{Id, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use crate::audit::MarkOutcome;
use crate::directory::{Directory as _, Kept, MarkError, Verified, Webhook};
use crate::stepup::Gateway;
use crate::stepup::mark::{KEPT, To, Told};
use crate::store::{StoreError, TakenMark};
use crate::words::{MarkId, Timestamp};

/// The task that tells, of a running gateway.
#[derive(Debug)]
pub struct Telling {
    stop: oneshot::Sender<Duration>,
    task: JoinHandle<()>,
}

/// Takes marks and tells of them, under the config of the moment.
pub struct Teller {
    gateway: Arc<ArcSwap<Gateway>>,
    running: JoinSet<Option<Duration>>,
    held: HashMap<Id, (Arc<Gateway>, TakenMark)>,
    resting: Arc<Resting>,
    /// Whether more may be due than there was room for.
    is_full: bool,
    /// Whether the store did not answer when it was last asked.
    is_lost: bool,
}

/// Until when nobody need be told who did not take a mark a moment ago: one that is away keeps no other one waiting.
#[derive(Default)]
struct Resting(Mutex<HashMap<(String, To), Timestamp>>);

/// Whom a mark names.
enum Receiver<'a> {
    Webhook(&'a Webhook),
    Directory(&'a Kept),
}

/// What becomes of a mark.
enum Fate {
    Taken,
    Later(String),
    /// Not even tried: who is to be told did not take another one a moment ago.
    Resting,
    Never(String),
}

/// The most marks that are told of at a time.
const AT_ONCE: usize = 32;
/// How long a mark is one gateway's: longer than any directory or webhook may take.
const LEASE: Duration = Duration::from_secs(60);
/// Between two looks when nothing is known to be due.
const CALM: Duration = Duration::from_secs(5);
/// For how long a mark stays whose site, directory or secret this gateway does not know: another gateway may have a newer
/// config.
const UNKNOWN: Duration = Duration::from_secs(10 * 60);
/// The longest that somebody is let alone who did not take a mark.
const REST: Duration = Duration::from_secs(30);
/// The step to the longest wait: half of it may come on top.
const LONGEST: Duration = Duration::from_secs(40 * 60);
/// How often the store is told that a mark is done, should it not answer.
const DONE_TRIES: u32 = 3;

// === impl Telling ===

impl Telling {
    /// Starts to tell of marks, under whatever config `gateway` has at a time.
    #[must_use]
    pub fn start(gateway: Arc<ArcSwap<Gateway>>) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { stop, task: tokio::spawn(Teller::new(gateway).run(stopped)) }
    }

    /// Takes no more marks, and ends what is under way within `grace`: what is not told by then is given back.
    pub async fn stop(self, grace: Duration) {
        // An error says that it has ended already.
        let _ = self.stop.send(grace);
        let _ = self.task.await;
    }
}

// === impl Teller ===

impl Teller {
    /// A teller under whatever config `gateway` has at a time.
    #[must_use]
    pub fn new(gateway: Arc<ArcSwap<Gateway>>) -> Self {
        Self {
            gateway,
            running: JoinSet::new(),
            held: HashMap::new(),
            resting: Arc::default(),
            is_full: false,
            is_lost: false,
        }
    }

    /// Takes the marks that are due, as far as there is room, and begins to tell of them. Gives how long until the next look.
    pub async fn round(&mut self) -> Duration {
        let gateway = self.gateway.load_full();
        let room = AT_ONCE.saturating_sub(self.running.len());
        self.is_full = room == 0;
        if self.is_full {
            return CALM;
        }
        match gateway.shared.store.take_marks(room, LEASE).await {
            Ok(taken) => {
                self.is_lost = false;
                self.is_full = taken.marks.len() == room;
                for mark in taken.marks {
                    let telling = tell(Arc::clone(&gateway), mark.clone(), Arc::clone(&self.resting));
                    let task = self.running.spawn(telling);
                    self.held.insert(task.id(), (Arc::clone(&gateway), mark));
                }
                taken.next.map_or(CALM, |next| next.min(CALM))
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_lost, true) {
                    tracing::warn!(%error, "marks of proved contacts cannot be taken out of the store; trying again");
                }
                CALM
            }
        }
    }

    /// Waits until what was begun is over.
    pub async fn settle(&mut self) {
        while !self.running.is_empty() {
            self.ended().await;
        }
    }

    /// One of those under way is over: gives how long until its mark is due again.
    async fn ended(&mut self) -> Option<Duration> {
        let ended = self.running.join_next_with_id().await?;
        let (id, wait) = match ended {
            Ok((id, wait)) => (id, wait),
            // It panicked: its mark is due again when its lease runs out.
            Err(error) => (error.id(), None),
        };
        self.held.remove(&id);
        wait
    }

    async fn run(mut self, mut stop: oneshot::Receiver<Duration>) {
        loop {
            let mut look = Instant::now() + self.round().await;
            loop {
                let shared = Arc::clone(&self.gateway.load().shared);
                tokio::select! {
                    grace = &mut stop => return self.end(grace.unwrap_or_default()).await,
                    () = shared.marks.queued.notified() => break,
                    () = sleep_until(look) => break,
                    wait = self.ended(), if !self.running.is_empty() => {
                        if self.is_full {
                            break;
                        }
                        look = wait.map_or(look, |wait| look.min(Instant::now() + wait));
                    }
                }
            }
        }
    }

    async fn end(mut self, grace: Duration) {
        let shared = Arc::clone(&self.gateway.load().shared);
        let (queued, _) = tokio::join!(timeout(grace, shared.marks.settle()), timeout(grace, self.settle()));
        if queued.is_err() {
            tracing::error!("the end came before the store took what is to be told of proved contacts: nobody is told");
        }
        self.running.shutdown().await;
        for (gateway, mark) in self.held.into_values() {
            // Without an answer the lease runs out.
            let _ = gateway.shared.store.mark_later(mark.id, mark.tries, Duration::ZERO).await;
        }
    }
}

impl std::fmt::Debug for Teller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Teller({} under way)", self.running.len())
    }
}

/// Tells of one mark, and the store what became of it. Gives how long until it is due again.
async fn tell(gateway: Arc<Gateway>, mark: TakenMark, resting: Arc<Resting>) -> Option<Duration> {
    let told = gateway.read_mark(mark.id, &mark.sealed);
    let (site, to) = told.as_ref().map_or(("none", "unknown"), |told| (&told.site, told.to.name()));
    let (metrics, store) = (&gateway.shared.audit.metrics, &gateway.shared.store);
    let wait = wait_after(mark.tries, u16::from_be_bytes(gateway.shared.random.bytes()));
    let fate = match &told {
        Some(told) => gateway.tell(&mark, told, wait, &resting).await,
        None => unknown(&mark, "it is sealed under a secret that this gateway does not have"),
    };
    let fate = match fate {
        Fate::Later(why) if mark.age + wait >= KEPT => Fate::Never(format!("it was not taken for seven days: {why}")),
        Fate::Resting if mark.age + wait >= KEPT => Fate::Never("it was not taken for seven days".to_owned()),
        fate => fate,
    };
    let is_later = matches!(fate, Fate::Later(_) | Fate::Resting);
    match &fate {
        Fate::Taken => metrics.marked(site, to, MarkOutcome::Taken),
        Fate::Later(why) => {
            metrics.marked(site, to, MarkOutcome::Later);
            tracing::warn!(why, site, to, ?wait, "a proved contact could not be told yet");
        }
        Fate::Resting => metrics.marked(site, to, MarkOutcome::Later),
        Fate::Never(why) => {
            metrics.marked(site, to, MarkOutcome::Dropped);
            tracing::warn!(why, site, to, "a proved contact is not told any more");
            if let Some((told, reference)) = told.as_ref().and_then(|told| Some((told, told.reference()?))) {
                gateway.note(gateway.not_told(told, reference).reason(why)).await;
            }
        }
    }
    let noted = match is_later {
        true => store.mark_later(mark.id, mark.tries, wait).await,
        false => done(&gateway, mark.id).await,
    };
    if let Err(error) = noted {
        tracing::warn!(%error, site, to, "what became of a mark could not be noted: its receiver may be told again");
    }
    is_later.then_some(wait)
}

/// Notes that a mark is done. While the store does not know it, it would be told again.
async fn done(gateway: &Gateway, id: MarkId) -> Result<(), StoreError> {
    for _ in 1..DONE_TRIES {
        if gateway.shared.store.mark_done(id).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    gateway.shared.store.mark_done(id).await
}

/// What becomes of a mark of which this gateway cannot say whom it names.
fn unknown(mark: &TakenMark, why: &str) -> Fate {
    if mark.age < UNKNOWN { Fate::Later(why.to_owned()) } else { Fate::Never(why.to_owned()) }
}

/// How long a mark waits that was taken so often in vain: a second at first, twice as long each time, and an hour at last;
/// up to half of it more, by `random`, so that marks which failed together do not come again together.
fn wait_after(tries: u32, random: u16) -> Duration {
    let step = Duration::from_secs(1 << tries.saturating_sub(1).min(20)).min(LONGEST);
    step + step / 2 * u32::from(random) / (u32::from(u16::MAX) + 1)
}

impl Gateway {
    /// Tells whom a mark names. Should that fail, it comes again after `wait`.
    async fn tell(&self, mark: &TakenMark, told: &Told, wait: Duration, resting: &Resting) -> Fate {
        let receiver = self.sites().find(|site| site.spec.key.as_str() == told.site).and_then(|site| match &told.to {
            To::Webhook => site.spec.webhook.as_deref().map(Receiver::Webhook),
            To::Directory { id, .. } => {
                let directory = site.spec.directories.identified(id).filter(|directory| directory.takes_marks());
                directory.map(|directory| Receiver::Directory(directory))
            }
        });
        let Some(receiver) = receiver else {
            return unknown(mark, "its site, directory or webhook is not in this gateway's config");
        };
        let Some(said) = told.mark() else { return unknown(mark, "this version cannot read it") };
        let now = self.shared.clock.now();
        if resting.is_resting(told, now) {
            return Fate::Resting;
        }
        let outcome = match receiver {
            Receiver::Webhook(webhook) => {
                let account = told.account.as_deref();
                webhook.tell(&Verified { id: mark.id, site: &told.site, account, mark: &said }, now).await
            }
            Receiver::Directory(directory) => directory.mark(&said).await,
        };
        match outcome {
            Ok(()) => {
                resting.wakes(told);
                Fate::Taken
            }
            Err(MarkError::Later(why)) => {
                resting.rests(told, now.after((wait / 2).min(REST)));
                Fate::Later(why)
            }
            Err(MarkError::Never(why)) => Fate::Never(why),
        }
    }
}

// === impl Resting ===

impl Resting {
    fn is_resting(&self, told: &Told, now: Timestamp) -> bool {
        let until = self.all().get(&(told.site.clone(), told.to.clone())).copied();
        until.is_some_and(|until| now < until)
    }

    fn rests(&self, told: &Told, until: Timestamp) {
        self.all().insert((told.site.clone(), told.to.clone()), until);
    }

    fn wakes(&self, told: &Told) {
        self.all().remove(&(told.site.clone(), told.to.clone()));
    }

    fn all(&self) -> MutexGuard<'_, HashMap<(String, To), Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_a_second_to_an_hour() {
        let seconds =
            |tries| [0, u16::MAX].map(|random| (wait_after(tries, random).as_secs_f64() * 10.0).round() / 10.0);
        assert_eq!(seconds(0), [1.0, 1.5]);
        assert_eq!(seconds(1), [1.0, 1.5]);
        assert_eq!(seconds(2), [2.0, 3.0]);
        assert_eq!(seconds(5), [16.0, 24.0]);
        assert_eq!(seconds(12), [2048.0, 3072.0]);
        for tries in [13, 40, u32::MAX] {
            assert_eq!(seconds(tries), [2400.0, 3600.0], "{tries}");
        }
    }
}
