//! The files and addresses behind the signals of an address: read at load, and again when they change.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::risk::pace::Pace;
use crate::risk::source::{self, Held, Watched};
use crate::risk::{
    AddressList, AddressRisk, Content, Database, Field, Listed, Meaning, Means, PrefixTable, Source, TooManyLists,
    Unreadable,
};
use crate::words::Timestamp;

/// A database and its file.
#[derive(Debug)]
pub struct DatabaseFile {
    name: &'static str,
    file: Watched,
    database: ArcSwap<Database>,
}

/// A list of addresses and where it comes from.
#[derive(Debug)]
pub struct ListFile {
    list: AddressList,
    source: Source,
    content: Content,
    /// How many entries it had when it was read last.
    entries: AtomicUsize,
}

/// What was read again.
#[derive(Debug)]
pub struct Renewed {
    /// Its file, or the host of its address.
    pub from: String,
    /// What is wrong with it, if anything: then what was read before goes on.
    pub result: Result<(), Unreadable>,
}

/// A list as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListState {
    /// Its name in the config.
    pub name: Arc<str>,
    /// Its file, or the host of its address.
    pub from: String,
    /// How many entries it has.
    pub entries: usize,
    /// When its file changed, or its address last said that this is the newest; `None` of an address that has never had one.
    pub updated: Option<Timestamp>,
}

/// A database as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseState {
    /// Its key under `risk.geoip`.
    pub name: &'static str,
    /// Its file.
    pub from: PathBuf,
    /// Its type, as its publisher calls it.
    pub kind: String,
    /// What it can say.
    pub fields: Vec<Field>,
    /// When it was built.
    pub built: Timestamp,
}

/// From how many days on a database is old. Publishers make them anew at least monthly; after three of those, addresses have
/// been sold and moved.
const OLD: u64 = 90;

/// How long readers of an old table are waited for at most; a look-up takes less than a thousandth of a second.
const READERS: (u32, Duration) = (1000, Duration::from_millis(2));

/// Whether one of these databases has `field`.
pub(super) fn tell(databases: &[DatabaseFile], field: Field) -> bool {
    databases.iter().any(|database| database.load().fields().any(|known| known == field))
}

// === impl DatabaseState ===

impl DatabaseState {
    /// How many days ago it was built; 0 when that lies in the future.
    #[must_use]
    pub fn days(&self, now: Timestamp) -> u64 {
        now.since(self.built).unwrap_or_default().as_secs() / (24 * 60 * 60)
    }

    /// Whether it should be replaced: it is more than 90 days old.
    #[must_use]
    pub fn is_old(&self, now: Timestamp) -> bool {
        self.days(now) > OLD
    }
}

// === impl DatabaseFile ===

impl DatabaseFile {
    /// Reads the database in a file.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(path: PathBuf) -> Result<Self, Unreadable> {
        let file = Watched::new(path);
        let database = ArcSwap::from_pointee(Database::parse(file.read()?)?);
        Ok(Self { name: "geoip", file, database })
    }

    /// The same, by its key under `risk.geoip`.
    #[must_use]
    pub fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// The database as it was read last.
    #[must_use]
    pub fn load(&self) -> arc_swap::Guard<Arc<Database>> {
        self.database.load()
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self) -> DatabaseState {
        let database = self.load();
        let (kind, fields, built) = (database.kind().to_owned(), database.fields().collect(), database.built());
        DatabaseState { name: self.name, from: self.file.path().clone(), kind, fields, built }
    }

    fn renew(&self) -> Result<(), Unreadable> {
        swap(&self.database, Database::parse_at(self.file.read()?, &Pace::gentle())?);
        Ok(())
    }
}

// === impl ListFile ===

impl ListFile {
    /// A list of addresses in a file.
    #[must_use]
    pub fn of_addresses(list: AddressList, path: PathBuf) -> Self {
        let content = Self::networks(list.means);
        Self::new(list, content, Source::file(path))
    }

    /// A list of autonomous systems in a file.
    #[must_use]
    pub fn of_systems(list: AddressList, path: PathBuf) -> Self {
        Self::new(list, Content::Systems, Source::file(path))
    }

    /// A list of `content`, which is of addresses or of systems, from a file or an address.
    #[must_use]
    pub const fn new(list: AddressList, content: Content, source: Source) -> Self {
        Self { list, source, content, entries: AtomicUsize::new(0) }
    }

    /// What a list of networks may hold, by what being on it means.
    #[must_use]
    pub fn networks(means: Means) -> Content {
        Content::Networks(if means == Means::Allow { Meaning::Trusted } else { Meaning::Suspect })
    }

    /// Reads it; `None` of an address that has never had a list, or whose kept version is of no use any more.
    ///
    /// # Errors
    /// When it cannot be used.
    fn read(&self, pace: &Pace) -> Result<Option<Held>, Unreadable> {
        let Some(text) = self.source.read()? else { return Ok(None) };
        match (self.content.addresses(&text, pace), self.source.as_remote()) {
            (Ok(held), _) => {
                self.entries.store(held.0.len() + held.1.len(), Ordering::Relaxed);
                Ok(Some(held))
            }
            (Err(_), Some(remote)) => {
                remote.forget();
                Ok(None)
            }
            (Err(error), None) => Err(error),
        }
    }

    fn state(&self) -> ListState {
        let (name, from, updated) = (Arc::clone(&self.list.name), self.source.origin(), self.source.updated());
        ListState { name, from, entries: self.entries.load(Ordering::Relaxed), updated }
    }
}

/// The table of these lists. Nothing is on a list that was never had: a gateway starts without a network, too.
///
/// # Errors
/// When one of them cannot be used.
pub(super) fn table(files: &[ListFile]) -> Result<Listed, (usize, Unreadable)> {
    let pace = Pace::fast();
    let held: Vec<Held> = files
        .iter()
        .enumerate()
        .map(|(at, file)| file.read(&pace).map(Option::unwrap_or_default).map_err(|error| (at, error)))
        .collect::<Result<_, _>>()?;
    listed(files, &held, &pace).map_err(|error| (PrefixTable::MOST_LISTS, error.into()))
}

fn listed(files: &[ListFile], held: &[Held], pace: &Pace) -> Result<Listed, TooManyLists> {
    let lists = files.iter().zip(held);
    let lists = lists.map(|(file, (networks, systems))| (file.list.clone(), networks.as_slice(), systems.as_slice()));
    Listed::at(lists, pace)
}

/// Puts a new value in the place of the old one, and frees that here: a reader that is the last to look at it would pay for it.
pub(super) fn swap<T>(place: &ArcSwap<T>, new: T) {
    let old = place.swap(Arc::new(new));
    let (times, pause) = READERS;
    for _ in 0..times {
        if Arc::strong_count(&old) == 1 {
            break;
        }
        std::thread::sleep(pause);
    }
}

// === impl AddressRisk ===

impl AddressRisk {
    /// Reads again what has changed. What cannot be used is left as it was, and told once. Takes a while: call it where
    /// nobody waits. While one call is under way, another does nothing.
    pub fn renew(&self) -> Vec<Renewed> {
        let mut renewed = Vec::new();
        let _guard = match self.renewing.try_lock() {
            Ok(guard) => guard,
            Err(std::sync::TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
            Err(std::sync::TryLockError::WouldBlock) => return renewed,
        };
        for database in self.databases.iter().filter(|database| database.file.has_changed()) {
            renewed.push(Renewed { from: database.file.path().display().to_string(), result: database.renew() });
        }
        let pace = Pace::gentle();
        let mut fresh: Vec<Option<Held>> = Vec::with_capacity(self.files.len());
        for file in &self.files {
            let (held, result) = match file.source.has_changed().then(|| file.read(&pace)) {
                None | Some(Ok(None)) => (None, None),
                Some(Ok(Some(held))) => (Some(held), Some(Ok(()))),
                Some(Err(error)) => (None, Some(Err(error))),
            };
            fresh.push(held);
            renewed.extend(result.map(|result| Renewed { from: file.source.origin(), result }));
        }
        if fresh.iter().any(Option::is_some) {
            // One table is of all lists; those that have not changed, or are bad now, are as they were.
            let held: Vec<Held> = {
                let now = self.lists.load();
                (0_u8..).zip(fresh).map(|(number, fresh)| fresh.unwrap_or_else(|| now.held(number, &pace))).collect()
            };
            // There are no more lists than when they were first put into one.
            if let Ok(listed) = listed(&self.files, &held, &pace) {
                swap(&self.lists, listed);
            }
        }
        renewed
    }

    /// How its lists stand.
    pub fn list_states(&self) -> impl Iterator<Item = ListState> {
        self.files.iter().map(ListFile::state)
    }

    /// Its lists that come from addresses.
    pub(super) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.files.iter().map(|file| &file.source)
    }

    /// Goes on with what another config knows of the same addresses. Gives whether there is something to be read again.
    pub(super) fn take_over(&mut self, old: &Self) -> bool {
        self.dns.take_over(&old.dns);
        source::take_over(self.files.iter_mut().map(|file| &mut file.source), &old.sources().collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests;
