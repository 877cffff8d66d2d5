//! Seeing that a file has changed, and taking it over.
//!
//! Looked at when it is asked, at most once a second. A new version is read in the background once it has stopped
//! changing, and taken over whole; a version that cannot be read is told, and the last good one goes on (I11).

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};

use super::{BadDirectoryFile, Contents};
use crate::directory::settings::Manner;

/// How often the file is looked at, at most.
const EVERY: Duration = Duration::from_secs(1);
/// How long a file must not have changed before it is read: a program may be writing it.
const SETTLED: Duration = Duration::from_millis(100);
/// How often that is waited for: a file that changes all the time is read as it is, and again a second later.
const WAITS: usize = 20;
/// How long the one who finds a change waits for it: long enough for all but huge files.
const PATIENCE: Duration = Duration::from_secs(1);

/// A file that is watched.
pub(super) struct Watched {
    path: PathBuf,
    name: String,
    manner: Manner,
    contents: ArcSwap<Contents>,
    trouble: ArcSwapOption<String>,
    /// When it was looked at.
    looked: Mutex<Instant>,
    /// The version that was read last, well or not. Who holds it is the one who reads.
    version: tokio::sync::Mutex<Option<Version>>,
}

/// What tells two versions of a file apart: when it was written, when it was replaced or touched, its size, which one it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    modified: (i64, i64),
    changed: (i64, i64),
    size: u64,
    inode: u64,
}

// === impl Version ===

impl Version {
    /// The version that stands at `path`; `None` when nothing can be read there.
    fn at(path: &Path) -> Option<Self> {
        let found = std::fs::metadata(path).ok()?;
        Some(Self {
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
            size: found.size(),
            inode: found.ino(),
        })
    }
}

// === impl Watched ===

impl Watched {
    pub(super) fn load(path: &Path, manner: Manner) -> Result<Self, BadDirectoryFile> {
        // Looked at before it is read: what is written meanwhile counts as a change.
        let version = Version::at(path);
        let contents = Contents::read(path, manner)?;
        let shown = path.file_name().unwrap_or(path.as_os_str());
        Ok(Self {
            path: path.to_owned(),
            name: format!("file {}", shown.to_string_lossy()),
            manner,
            contents: ArcSwap::from_pointee(contents),
            trouble: ArcSwapOption::empty(),
            looked: Mutex::new(Instant::now()),
            version: tokio::sync::Mutex::new(version),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn manner(&self) -> Manner {
        self.manner
    }

    pub(super) fn contents(&self) -> Arc<Contents> {
        self.contents.load_full()
    }

    /// Why the version that stands there is not the one in memory.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.load().as_deref().cloned()
    }

    /// Looks whether the file has changed, if that is due, and takes over what changed.
    pub(super) async fn look(self: &Arc<Self>) {
        if !self.is_due() {
            return;
        }
        // A task of its own: who asks may go away, and need not wait for ever.
        let taking_over = tokio::spawn(Arc::clone(self).take_over());
        let _ = tokio::time::timeout(PATIENCE, taking_over).await;
    }

    fn is_due(&self) -> bool {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = looked.elapsed() >= EVERY;
        if is_due {
            *looked = Instant::now();
        }
        is_due
    }

    async fn take_over(self: Arc<Self>) {
        let Ok(mut known) = self.version.try_lock() else { return };
        let mut seen = self.version_there().await;
        if seen == *known {
            return;
        }
        for _ in 0..WAITS {
            tokio::time::sleep(SETTLED).await;
            let now = self.version_there().await;
            if now == seen {
                break;
            }
            seen = now;
        }
        let read = {
            let watched = Arc::clone(&self);
            tokio::task::spawn_blocking(move || Contents::read(&watched.path, watched.manner)).await
        };
        // What was written while it was read may be half of it.
        if self.version_there().await != seen {
            return;
        }
        *known = seen;
        match read {
            Ok(Ok(contents)) if contents.entries.is_empty() && !self.contents().entries.is_empty() => {
                self.keep("it has no entries any more; a reload of the config takes it as it is");
            }
            Ok(Ok(contents)) => self.replace(contents),
            Ok(Err(error)) => self.keep(&error.to_string()),
            Err(_) => self.keep("reading it broke off"),
        }
    }

    async fn version_there(self: &Arc<Self>) -> Option<Version> {
        let watched = Arc::clone(self);
        tokio::task::spawn_blocking(move || Version::at(&watched.path)).await.ok().flatten()
    }

    fn replace(&self, contents: Contents) {
        let (directory, subjects) = (&self.name, contents.entries.len());
        tracing::info!(directory, subjects, "the directory file has changed, and was read");
        contents.warnings.iter().for_each(|warning| tracing::warn!(directory, "{warning}"));
        self.contents.store(Arc::new(contents));
        self.trouble.store(None);
    }

    fn keep(&self, why: &str) {
        tracing::error!(directory = self.name, why, "the directory file has changed, and the last good one goes on");
        let trouble = format!("the file has changed and cannot be used, the last good one goes on: {why}");
        self.trouble.store(Some(Arc::new(trouble)));
    }
}
