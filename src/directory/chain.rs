//! The directories of a site, asked in order.

use std::sync::Arc;

use crate::audit::Metrics;
use crate::directory::{Directory, DirectoryError, DirectoryId, Entry, Keep, Kept};
use crate::words::{Clock, Subject};

/// The directories of a site, in order.
#[derive(Debug, Clone, Default)]
pub struct Directories(Vec<Arc<Kept>>);

/// What was found, and where.
#[derive(Debug, Clone)]
pub struct Found {
    /// What is known of the subject.
    pub entry: Entry,
    /// The place of the directory that knows it, from 0.
    pub directory: usize,
}

// === impl Directories ===

impl Directories {
    /// These, in order, each asked each time.
    #[must_use]
    pub fn new(directories: Vec<Arc<dyn Directory>>) -> Self {
        Self::kept(directories.into_iter().map(|directory| (directory, None)))
    }

    /// These, in order, each with for how long its answers are kept.
    pub fn kept(directories: impl IntoIterator<Item = (Arc<dyn Directory>, Option<Keep>)>) -> Self {
        Self(directories.into_iter().map(|(directory, keep)| Arc::new(Kept::new(directory, keep))).collect())
    }

    /// The same directories as those of `site`, by this clock, and counted there.
    #[must_use]
    pub fn watched(&self, site: &str, clock: &Arc<dyn Clock>, metrics: &Metrics) -> Self {
        let watched = |directory: &Arc<Kept>| {
            Arc::new(directory.watched(Arc::clone(clock), metrics.directory(site, directory.name())))
        };
        Self(self.0.iter().map(watched).collect())
    }

    /// What the first directory that knows `subject` says of it.
    ///
    /// # Errors
    /// When one that is asked cannot answer: another one after it is not asked then, since it could know an older or
    /// another contact (D10).
    pub async fn find(&self, subject: &Subject) -> Result<Option<Found>, DirectoryError> {
        for (directory, asked) in self.0.iter().enumerate() {
            if let Some(entry) = asked.find(subject).await? {
                return Ok(Some(Found { entry, directory }));
            }
        }
        Ok(None)
    }

    /// The same, without answers that were given of late.
    ///
    /// # Errors
    /// As [`Directories::find`].
    pub async fn find_anew(&self, subject: &Subject) -> Result<Option<Found>, DirectoryError> {
        for (directory, asked) in self.0.iter().enumerate() {
            if let Some(entry) = asked.find_anew(subject).await? {
                return Ok(Some(Found { entry, directory }));
            }
        }
        Ok(None)
    }

    /// Forgets what was kept of `subject`.
    pub fn forget(&self, subject: &Subject) {
        self.0.iter().for_each(|directory| directory.forget(subject));
    }

    /// The directory at a place.
    #[must_use]
    pub fn get(&self, directory: usize) -> Option<&Arc<Kept>> {
        self.0.get(directory)
    }

    /// The directory that `id` tells from the others; `None` when there is none, or more than one.
    #[must_use]
    pub fn identified(&self, id: &DirectoryId) -> Option<&Arc<Kept>> {
        let mut all = self.0.iter().filter(|directory| directory.id() == *id);
        all.next().filter(|_| all.next().is_none())
    }

    /// Each of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Kept>> {
        self.0.iter()
    }
}
