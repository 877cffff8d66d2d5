//! A directory file that changes while it is in use (I11).

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use otpgate::directory::settings::Manner;
use otpgate::directory::{Directory as _, FileDirectory};
use otpgate::words::Subject;
use tempfile::TempDir;

struct World {
    folder: TempDir,
    directory: FileDirectory,
}

impl World {
    fn new(text: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("contacts.yaml"), text).unwrap();
        let directory = FileDirectory::load(&folder.path().join("contacts.yaml"), Manner::default()).unwrap();
        Self { folder, directory }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("contacts.yaml")
    }

    async fn alice(&self) -> Option<String> {
        let entry = self.directory.find(&Subject::parse("alice").unwrap()).await.unwrap()?;
        Some(entry.contacts().next().unwrap().reveal().to_owned())
    }

    /// Asks until `is_so`.
    async fn until(&self, what: &str, is_so: impl Fn(Option<&str>, Option<&str>) -> bool) {
        let started = Instant::now();
        loop {
            let (alice, trouble) = (self.alice().await, self.directory.trouble());
            if is_so(alice.as_deref(), trouble.as_deref()) {
                return;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "{what}: {alice:?}, {trouble:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

const GOOD: &str = "alice: {email: alice@example.com}\n";
const NEW: &str = "alice: {email: alice@work.example}\nbob: {}\n";

#[tokio::test]
async fn a_changed_file_is_taken_over_however_it_was_written() {
    let world = World::new(GOOD);
    assert_eq!(world.alice().await.as_deref(), Some("alice@example.com"));
    fs::write(world.path(), NEW).unwrap();
    world.until("written in place", |alice, _| alice == Some("alice@work.example")).await;
    assert_eq!(world.directory.len(), 2);
    // As `mv` and careful editors do, to a text of the same length.
    let beside = world.folder.path().join("new");
    fs::write(&beside, NEW.replace("work", "home")).unwrap();
    fs::rename(&beside, world.path()).unwrap();
    world.until("replaced", |alice, _| alice == Some("alice@home.example")).await;
}

#[tokio::test]
async fn i11_a_file_that_cannot_be_used_leaves_the_last_good_one() {
    let world = World::new(GOOD);
    let told = |wanted: &'static str| {
        move |alice: Option<&str>, trouble: Option<&str>| {
            assert_eq!(alice, Some("alice@example.com"));
            trouble.is_some_and(|trouble| trouble.contains(wanted))
        }
    };
    fs::write(world.path(), "alice: {email: [a@b.example\n").unwrap();
    world.until("a broken one", told("no YAML")).await;
    assert!(!world.directory.trouble().unwrap().contains("a@b.example"), "I9");
    fs::remove_file(world.path()).unwrap();
    world.until("none", told("cannot be read")).await;
    fs::write(world.path(), "").unwrap();
    world.until("an empty one", told("no entries any more")).await;
    fs::write(world.path(), NEW).unwrap();
    world.until("a good one", |alice, trouble| alice == Some("alice@work.example") && trouble.is_none()).await;
}

/// A program writes for a while: half of its file, valid as it is, is never taken for the whole.
#[tokio::test]
async fn a_file_that_is_being_written_is_read_when_it_is_whole() {
    let world = World::new(GOOD);
    let path = world.path();
    let writer = std::thread::spawn(move || {
        use std::io::Write as _;
        let mut file = fs::File::create(path).unwrap();
        for n in 0..60 {
            writeln!(file, "user{n}: {{}}").unwrap();
            std::thread::sleep(Duration::from_millis(30));
        }
        file.write_all(NEW.as_bytes()).unwrap();
    });
    world
        .until("the whole of it", |alice, _| {
            assert!(alice.is_some(), "half of it was taken over");
            alice == Some("alice@work.example")
        })
        .await;
    writer.join().unwrap();
    assert_eq!(world.directory.len(), 62);
}
