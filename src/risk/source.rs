//! Where the text of a list comes from: a file that may change, or an address that is asked again and again.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use ipnetwork::IpNetwork;

use crate::risk::pace::Pace;
use crate::risk::{BadDatabase, BadList, BadNetlist, ListKind, Meaning, Remote, TooManyLists, list, netlist};
use crate::words::Timestamp;

/// Where the text of a list comes from.
#[derive(Debug)]
pub enum Source {
    /// A file.
    File(Watched),
    /// An address.
    Remote(RemoteText),
}

/// A file that may change while it is used.
#[derive(Debug)]
pub struct Watched {
    path: PathBuf,
    seen: Mutex<Option<Stamp>>,
}

/// The text of an address, of which one version was read.
#[derive(Debug)]
pub struct RemoteText {
    remote: Arc<Remote>,
    seen: Mutex<Option<String>>,
}

/// What a list is of, and so how its text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Networks.
    Networks(Meaning),
    /// Autonomous systems.
    Systems,
    /// Contacts.
    Contacts(ListKind),
}

/// What one list of addresses holds.
pub(super) type Held = (Vec<IpNetwork>, Vec<u32>);

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
    /// It is no list of addresses.
    #[error(transparent)]
    List(#[from] BadNetlist),
    /// It is no list of contacts.
    #[error(transparent)]
    Contacts(#[from] BadList),
    /// There are too many.
    #[error(transparent)]
    TooMany(#[from] TooManyLists),
}

/// What tells one state of a file from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
}

/// The largest file that is read: above every database and list that is published.
const MOST_BYTES: u64 = 1024 * 1024 * 1024;

// === impl Source ===

impl Source {
    /// A file.
    #[must_use]
    pub const fn file(path: PathBuf) -> Self {
        Self::File(Watched::new(path))
    }

    /// An address.
    #[must_use]
    pub const fn remote(remote: Arc<Remote>) -> Self {
        Self::Remote(RemoteText { remote, seen: Mutex::new(None) })
    }

    /// Its text; `None` of an address that has never had one.
    pub(super) fn read(&self) -> Result<Option<Vec<u8>>, Unreadable> {
        match self {
            Self::File(file) => file.read().map(Some),
            Self::Remote(RemoteText { remote, seen }) => {
                let (text, version) = remote.read().unzip();
                *seen.lock().unwrap_or_else(PoisonError::into_inner) = version;
                Ok(text)
            }
        }
    }

    /// Whether it is another than when it was read last. A file that is gone is no change: it may be about to be replaced.
    pub(super) fn has_changed(&self) -> bool {
        match self {
            Self::File(file) => file.has_changed(),
            Self::Remote(RemoteText { remote, seen }) => {
                let version = remote.version();
                version.is_some() && *seen.lock().unwrap_or_else(PoisonError::into_inner) != version
            }
        }
    }

    /// What it is, for logs: the file, or the host of the address.
    #[must_use]
    pub fn origin(&self) -> String {
        match self {
            Self::File(file) => file.path.display().to_string(),
            Self::Remote(text) => text.remote.host().to_owned(),
        }
    }

    /// When its text was made, as far as is known: when the file changed, or when the address last said that this is the newest.
    #[must_use]
    pub fn updated(&self) -> Option<Timestamp> {
        match self {
            Self::File(file) => file.modified(),
            Self::Remote(text) => text.remote.checked(),
        }
    }

    /// The address, if it is one.
    #[must_use]
    pub const fn as_remote(&self) -> Option<&Arc<Remote>> {
        match self {
            Self::File(_) => None,
            Self::Remote(text) => Some(&text.remote),
        }
    }

    /// Goes on with what another config knows of the same address.
    pub(super) fn take_over(&mut self, old: &Self) {
        if let (Self::Remote(mine), Self::Remote(theirs)) = (&mut *self, old)
            && mine.remote.is_same(&theirs.remote)
        {
            mine.remote = theirs.remote.again(&mine.remote);
        }
    }
}

// === impl Watched ===

impl Watched {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path, seen: Mutex::new(None) }
    }

    pub(super) fn read(&self) -> Result<Vec<u8>, Unreadable> {
        // Taken before reading, so that a change meanwhile is seen as one.
        let stamp = self.stamp();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = stamp;
        if stamp.is_some_and(|stamp| stamp.length > MOST_BYTES) {
            return Err(Unreadable::TooLarge);
        }
        Ok(std::fs::read(&self.path)?)
    }

    /// Whether it is another than when it was read last. A file that is gone is no change: it may be about to be replaced.
    pub(super) fn has_changed(&self) -> bool {
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        self.stamp().is_some_and(|stamp| Some(stamp) != seen)
    }

    pub(super) const fn path(&self) -> &PathBuf {
        &self.path
    }

    fn modified(&self) -> Option<Timestamp> {
        let since = self.stamp()?.modified?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(Timestamp::from_millis(u64::try_from(since.as_millis()).ok()?))
    }

    fn stamp(&self) -> Option<Stamp> {
        let about = std::fs::metadata(&self.path).ok()?;
        Some(Stamp { modified: about.modified().ok(), length: about.len() })
    }
}

// === impl Content ===

impl Content {
    /// Reads the text of a list of addresses; nothing is in one of contacts.
    ///
    /// # Errors
    /// When it cannot be used.
    pub(super) fn addresses(self, text: &[u8], pace: &Pace) -> Result<Held, Unreadable> {
        let text = utf8(text)?;
        Ok(match self {
            Self::Networks(meaning) => (netlist::networks_at(text, meaning, pace)?, Vec::new()),
            Self::Systems => (Vec::new(), netlist::systems(text)?),
            Self::Contacts(_) => Held::default(),
        })
    }

    /// How many entries a text has.
    ///
    /// # Errors
    /// When it cannot be used.
    pub(super) fn count(self, text: &[u8], pace: &Pace) -> Result<usize, Unreadable> {
        if let Self::Contacts(kind) = self {
            return Ok(list::entries(kind, utf8(text)?)?.len());
        }
        let (networks, systems) = self.addresses(text, pace)?;
        Ok(networks.len() + systems.len())
    }
}

/// A text, without the mark that some begin with.
pub(super) fn utf8(text: &[u8]) -> Result<&str, Unreadable> {
    let text = std::str::from_utf8(text).map_err(|_| Unreadable::NoText)?;
    Ok(text.trim_start_matches('\u{feff}'))
}
