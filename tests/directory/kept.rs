//! What stands around every directory: its answers are kept, and it is asked once (D10, X11). Time is passed in.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use otpgate::audit::DirectoryMetrics;
use otpgate::directory::{Directory, DirectoryError, Entry, Keep, Kept, Mark, MarkError};
use otpgate::words::{Channel, Clock, Contact, Subject, TestClock, Timestamp};
use tokio::sync::Semaphore;

/// Knows everybody but `nobody`, under an address of their own, and counts how often it is asked.
#[derive(Debug)]
struct Counting {
    asked: AtomicUsize,
    is_down: AtomicBool,
    error: Mutex<DirectoryError>,
    /// Who may go on: a test that wants to look in between takes the permits away.
    gate: Semaphore,
}

#[async_trait::async_trait]
impl Directory for Counting {
    fn name(&self) -> &str {
        "counting"
    }

    async fn find(&self, subject: &Subject) -> Result<Option<Entry>, DirectoryError> {
        let nth = self.asked.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.unwrap().forget();
        self.gate.add_permits(1);
        if self.is_down.load(Ordering::SeqCst) {
            return Err(self.error.lock().unwrap().clone());
        }
        let address = format!("{}-{nth}@example.com", subject.as_str());
        let contact = Contact::parse(Channel::Email, &address).unwrap();
        Ok((subject.as_str() != "nobody").then(|| Entry { contacts: vec![contact.into()], ..Entry::default() }))
    }

    fn takes_marks(&self) -> bool {
        true
    }

    async fn mark(&self, _mark: &Mark) -> Result<(), MarkError> {
        Ok(())
    }
}

struct World {
    counting: Arc<Counting>,
    kept: Arc<Kept>,
    clock: Arc<TestClock>,
}

impl World {
    fn new(fresh: u64, stale: u64) -> Self {
        let counting = Arc::new(Counting {
            asked: AtomicUsize::new(0),
            is_down: AtomicBool::new(false),
            error: Mutex::new(DirectoryError::Unreachable("no connection".to_owned())),
            gate: Semaphore::new(1),
        });
        let clock = Arc::new(TestClock::at(Timestamp::from_millis(1_795_780_800_000)));
        let keep = Keep { fresh: Duration::from_secs(fresh), stale: Duration::from_secs(stale) };
        let directory: Arc<dyn Directory> = Arc::<Counting>::clone(&counting);
        let by: Arc<dyn Clock> = Arc::<TestClock>::clone(&clock);
        let kept = Arc::new(Kept::new(directory, Some(keep)).watched(by, DirectoryMetrics::default()));
        Self { counting, kept, clock }
    }

    async fn find(&self, subject: &str) -> Result<Option<String>, DirectoryError> {
        let found = self.kept.find(&Subject::parse(subject).unwrap()).await?;
        Ok(found.map(|entry| entry.contacts().next().unwrap().reveal().to_owned()))
    }

    fn asked(&self) -> usize {
        self.counting.asked.load(Ordering::SeqCst)
    }

    fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    fn fail(&self, error: DirectoryError) {
        *self.counting.error.lock().unwrap() = error;
        self.counting.is_down.store(true, Ordering::SeqCst);
    }
}

fn unreachable() -> DirectoryError {
    DirectoryError::Unreachable("no connection".to_owned())
}

#[tokio::test]
async fn an_answer_holds_for_its_time() {
    let world = World::new(60, 0);
    for _ in 0..3 {
        assert_eq!(world.find("alice").await.unwrap().as_deref(), Some("alice-0@example.com"));
    }
    assert_eq!(world.find("bob").await.unwrap().as_deref(), Some("bob-1@example.com"), "X11");
    world.later(59);
    assert_eq!(world.find("alice").await.unwrap().as_deref(), Some("alice-0@example.com"));
    world.later(1);
    assert_eq!(world.find("alice").await.unwrap().as_deref(), Some("alice-2@example.com"));
    // A clock that is set back makes nothing younger.
    world.clock.set(Timestamp::from_millis(1));
    assert_eq!(world.find("alice").await.unwrap().as_deref(), Some("alice-3@example.com"));
}

#[tokio::test]
async fn who_is_not_known_may_have_signed_up_a_moment_later() {
    let world = World::new(60, 0);
    assert_eq!((world.find("nobody").await, world.find("nobody").await), (Ok(None), Ok(None)));
    assert_eq!(world.asked(), 1);
    world.later(5);
    assert_eq!(world.find("nobody").await, Ok(None));
    assert_eq!(world.asked(), 2);
}

#[tokio::test]
async fn with_no_time_at_all_it_is_asked_each_time() {
    let world = World::new(0, 0);
    for _ in 0..3 {
        world.find("alice").await.unwrap();
    }
    assert_eq!(world.asked(), 3);
}

#[tokio::test]
async fn d10_a_directory_that_is_down_knows_nobody_beyond_its_time() {
    let world = World::new(60, 0);
    world.find("alice").await.unwrap();
    world.fail(unreachable());
    assert!(world.find("alice").await.unwrap().is_some(), "within its time");
    assert_eq!(world.find("bob").await, Err(unreachable()), "never: unknown");
    world.later(60);
    assert_eq!(world.find("alice").await, Err(unreachable()));
    // An error is not kept: it mends itself.
    world.counting.is_down.store(false, Ordering::SeqCst);
    assert!(world.find("bob").await.unwrap().is_some());
}

#[tokio::test]
async fn d10_contacts_of_before_are_taken_only_where_the_operator_says_so() {
    let world = World::new(60, 3600);
    world.find("alice").await.unwrap();
    world.find("nobody").await.unwrap();
    world.later(3590);
    for error in [unreachable(), DirectoryError::Wrong("it answered 403".to_owned())] {
        world.fail(error.clone());
        assert_eq!(world.find("alice").await.unwrap().as_deref(), Some("alice-0@example.com"));
        assert_eq!(world.find("nobody").await, Err(error), "that somebody was not known is no contact");
    }
    // It just failed: who has contacts does not wait for it, and it is asked again soon.
    let asked = world.asked();
    world.find("alice").await.unwrap();
    assert_eq!(world.asked(), asked);
    world.later(5);
    // Whom a subject means has become unclear: that is an answer.
    world.fail(DirectoryError::Ambiguous);
    assert_eq!(world.find("alice").await, Err(DirectoryError::Ambiguous));
    world.fail(unreachable());
    world.later(4);
    assert!(world.find("alice").await.unwrap().is_some());
    world.later(1);
    assert_eq!(world.find("alice").await, Err(unreachable()));
}

#[tokio::test]
async fn x11_two_subjects_at_once_get_their_own_and_one_is_asked_for_once() {
    let world = World::new(60, 0);
    let permit = world.counting.gate.acquire().await.unwrap();
    let askers: Vec<_> = (0..40)
        .map(|n| {
            let (kept, name) = (Arc::clone(&world.kept), if n % 2 == 0 { "alice" } else { "bob" });
            tokio::spawn(async move {
                let entry = kept.find(&Subject::parse(name).unwrap()).await.unwrap().unwrap();
                (name, entry.contacts().next().unwrap().reveal().to_owned())
            })
        })
        .collect();
    while world.asked() < 2 {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    drop(permit);
    for asker in askers {
        let (name, address) = asker.await.unwrap();
        assert!(address.starts_with(&format!("{name}-")), "{name}: {address}");
    }
    assert_eq!(world.asked(), 2);
}

/// The visitor who asked first closes the page: whoever waits for the same answer gets it all the same.
#[tokio::test]
async fn who_goes_away_takes_nobody_along() {
    let world = World::new(60, 0);
    let permit = world.counting.gate.acquire().await.unwrap();
    let ask = |kept: Arc<Kept>| tokio::spawn(async move { kept.find(&Subject::parse("alice").unwrap()).await });
    let first = ask(Arc::clone(&world.kept));
    while world.asked() < 1 {
        tokio::task::yield_now().await;
    }
    let second = ask(Arc::clone(&world.kept));
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.is_err());
    drop(permit);
    assert!(second.await.unwrap().unwrap().is_some());
    assert_eq!(world.find("alice").await.unwrap().as_deref(), Some("alice-1@example.com"));
}

#[tokio::test]
async fn what_is_to_be_forgotten_is_asked_again() {
    let world = World::new(60, 0);
    let alice = Subject::parse("alice").unwrap();
    world.find("alice").await.unwrap();
    world.kept.forget(&alice);
    assert_eq!(world.find("alice").await.unwrap().as_deref(), Some("alice-1@example.com"));
    let contact = Contact::parse(Channel::Email, "alice-1@example.com").unwrap();
    world.kept.mark(&Mark { subject: alice.clone(), contact, at: world.clock.now() }).await.unwrap();
    assert_eq!(world.find("alice").await.unwrap().as_deref(), Some("alice-2@example.com"));

    // What was asked before it was to be forgotten is not kept.
    world.kept.forget(&alice);
    let permit = world.counting.gate.acquire().await.unwrap();
    let kept = Arc::clone(&world.kept);
    let asking = tokio::spawn(async move { kept.find(&Subject::parse("alice").unwrap()).await });
    while world.asked() < 4 {
        tokio::task::yield_now().await;
    }
    world.kept.forget(&alice);
    drop(permit);
    assert!(asking.await.unwrap().unwrap().is_some());
    assert_eq!(world.find("alice").await.unwrap().as_deref(), Some("alice-4@example.com"));
}

#[tokio::test]
async fn how_it_fares_is_known_since_it_was_last_asked() {
    let world = World::new(0, 0);
    assert_eq!(world.kept.health(), otpgate::directory::Health::default());
    world.find("alice").await.unwrap();
    let health = world.kept.health();
    assert_eq!((health.answered, health.failing), (Some(world.clock.now()), None));
    world.later(10);
    let down_since = world.clock.now();
    world.fail(unreachable());
    world.find("alice").await.unwrap_err();
    world.later(10);
    world.find("alice").await.unwrap_err();
    let (since, why) = world.kept.health().failing.unwrap();
    assert_eq!(since, down_since);
    assert_eq!(why, "the directory cannot be asked: no connection");
    // Who the subject is may be unclear in a directory that answers as it should.
    world.fail(DirectoryError::Ambiguous);
    world.find("alice").await.unwrap_err();
    assert_eq!(world.kept.health().failing, None);
}
