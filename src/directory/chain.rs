//! The directories of a site, asked in order.

use std::sync::Arc;

use crate::directory::{Directory, DirectoryError, Entry};
use crate::words::Subject;

/// The directories of a site, in order.
#[derive(Debug, Clone, Default)]
pub struct Directories(Vec<Arc<dyn Directory>>);

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
    /// These, in order.
    #[must_use]
    pub const fn new(directories: Vec<Arc<dyn Directory>>) -> Self {
        Self(directories)
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

    /// The directory at a place.
    #[must_use]
    pub fn get(&self, directory: usize) -> Option<&Arc<dyn Directory>> {
        self.0.get(directory)
    }

    /// Each of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Directory>> {
        self.0.iter()
    }
}
