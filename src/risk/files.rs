//! The files behind the signals of an address: read at load, and again when they change.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use ipnetwork::IpNetwork;

use crate::risk::{
    AddressList, AddressRisk, BadDatabase, BadNetlist, Database, Listed, Meaning, Means, PrefixTable, TooManyLists,
    netlist,
};

/// A database and its file.
#[derive(Debug)]
pub struct DatabaseFile {
    file: Watched,
    database: ArcSwap<Database>,
}

/// A list of addresses and its file.
#[derive(Debug)]
pub struct ListFile {
    list: AddressList,
    file: Watched,
    /// Whether it is of autonomous systems.
    of_systems: bool,
}

/// What a file held that was read again.
#[derive(Debug)]
pub struct Renewed {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it, if anything: then what was read before goes on.
    pub result: Result<(), Unreadable>,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is larger than anything that is meant.
    #[error("it is larger than {MOST_BYTES} bytes")]
    TooLarge,
    /// It is no text.
    #[error("it is no text in UTF-8")]
    NoText,
    /// It is no database.
    #[error(transparent)]
    Database(#[from] BadDatabase),
    /// It is no list.
    #[error(transparent)]
    List(#[from] BadNetlist),
    /// There are too many.
    #[error(transparent)]
    TooMany(#[from] TooManyLists),
}

/// A file that may change while it is used.
#[derive(Debug)]
struct Watched {
    path: PathBuf,
    seen: Mutex<Option<Stamp>>,
}

/// What tells one state of a file from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
}

/// What one list holds.
type Held = (Vec<IpNetwork>, Vec<u32>);

/// The largest file that is read: above every database and list that is published.
const MOST_BYTES: u64 = 1024 * 1024 * 1024;

// === impl DatabaseFile ===

impl DatabaseFile {
    /// Reads the database in a file.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(path: PathBuf) -> Result<Self, Unreadable> {
        let file = Watched::new(path);
        let database = ArcSwap::from_pointee(Database::parse(file.read()?)?);
        Ok(Self { file, database })
    }

    /// The database as it was read last.
    #[must_use]
    pub fn load(&self) -> arc_swap::Guard<Arc<Database>> {
        self.database.load()
    }

    fn renew(&self) -> Result<(), Unreadable> {
        self.database.store(Arc::new(Database::parse(self.file.read()?)?));
        Ok(())
    }
}

// === impl ListFile ===

impl ListFile {
    /// A list of addresses in a file.
    #[must_use]
    pub fn of_addresses(list: AddressList, path: PathBuf) -> Self {
        Self { list, file: Watched::new(path), of_systems: false }
    }

    /// A list of autonomous systems in a file.
    #[must_use]
    pub fn of_systems(list: AddressList, path: PathBuf) -> Self {
        Self { list, file: Watched::new(path), of_systems: true }
    }

    /// Reads it.
    ///
    /// # Errors
    /// When it cannot be used.
    fn read(&self) -> Result<Held, Unreadable> {
        let text = String::from_utf8(self.file.read()?).map_err(|_| Unreadable::NoText)?;
        let meaning = if self.list.means == Means::Allow { Meaning::Trusted } else { Meaning::Suspect };
        Ok(if self.of_systems {
            (Vec::new(), netlist::systems(&text)?)
        } else {
            (netlist::networks(&text, meaning)?, Vec::new())
        })
    }
}

/// The table of these lists.
///
/// # Errors
/// When one of them cannot be used.
pub(super) fn table(files: &[ListFile]) -> Result<Listed, (usize, Unreadable)> {
    let held: Vec<Held> = files
        .iter()
        .enumerate()
        .map(|(at, file)| file.read().map_err(|error| (at, error)))
        .collect::<Result<_, _>>()?;
    listed(files, &held).map_err(|error| (PrefixTable::MOST_LISTS, error.into()))
}

fn listed(files: &[ListFile], held: &[Held]) -> Result<Listed, TooManyLists> {
    let lists = files.iter().zip(held);
    Listed::new(lists.map(|(file, (networks, systems))| (file.list.clone(), networks.as_slice(), systems.as_slice())))
}

// === impl AddressRisk ===

impl AddressRisk {
    /// Reads again what has changed. What cannot be used is left as it was, and told once. Takes a while: call it where
    /// nobody waits.
    pub fn renew(&self) -> Vec<Renewed> {
        let mut renewed = Vec::new();
        for database in self.databases.iter().filter(|database| database.file.has_changed()) {
            renewed.push(Renewed { path: database.file.path.clone(), result: database.renew() });
        }
        let mut fresh: Vec<Option<Held>> = Vec::with_capacity(self.files.len());
        for file in &self.files {
            let (held, result) = match file.file.has_changed().then(|| file.read()) {
                None => (None, None),
                Some(Ok(held)) => (Some(held), Some(Ok(()))),
                Some(Err(error)) => (None, Some(Err(error))),
            };
            fresh.push(held);
            renewed.extend(result.map(|result| Renewed { path: file.file.path.clone(), result }));
        }
        if fresh.iter().any(Option::is_some) {
            // One table is of all lists; those that have not changed, or are bad now, are as they were.
            let now = self.lists.load();
            let held = (0_u8..).zip(fresh).map(|(number, fresh)| fresh.unwrap_or_else(|| now.held(number)));
            // There are no more lists than when they were first put into one.
            if let Ok(listed) = listed(&self.files, &held.collect::<Vec<_>>()) {
                self.lists.store(Arc::new(listed));
            }
        }
        renewed
    }
}

// === impl Watched ===

impl Watched {
    const fn new(path: PathBuf) -> Self {
        Self { path, seen: Mutex::new(None) }
    }

    fn read(&self) -> Result<Vec<u8>, Unreadable> {
        // Taken before reading, so that a change meanwhile is seen as one.
        let stamp = self.stamp();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = stamp;
        if stamp.is_some_and(|stamp| stamp.length > MOST_BYTES) {
            return Err(Unreadable::TooLarge);
        }
        Ok(std::fs::read(&self.path)?)
    }

    /// Whether it is another than when it was read last. A file that is gone is no change: it may be about to be replaced.
    fn has_changed(&self) -> bool {
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        self.stamp().is_some_and(|stamp| Some(stamp) != seen)
    }

    fn stamp(&self) -> Option<Stamp> {
        let about = std::fs::metadata(&self.path).ok()?;
        Some(Stamp { modified: about.modified().ok(), length: about.len() })
    }
}
