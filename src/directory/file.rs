//! A directory in a file, YAML or CSV.

use std::path::Path;

use crate::directory::{Directory, DirectoryError, Entry};
use crate::words::Subject;

/// A directory read from a file.
#[derive(Debug)]
pub struct FileDirectory {}

/// Why a file is no directory.
#[derive(Debug, thiserror::Error)]
pub enum BadDirectoryFile {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Read(String),
}

impl FileDirectory {
    /// Reads `path`. With `fold`, subjects are case-insensitive (`subjects: case_insensitive` of the site).
    ///
    /// # Errors
    /// When it cannot be read, is malformed, or two entries are one subject.
    pub fn load(_path: &Path, _fold: bool) -> Result<Self, BadDirectoryFile> {
        Ok(Self {})
    }

    /// What is odd about the file but no error: contacts that were skipped, and why, with line numbers.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &[]
    }
}

#[async_trait::async_trait]
impl Directory for FileDirectory {
    async fn find(&self, _subject: &Subject) -> Result<Option<Entry>, DirectoryError> {
        Ok(None)
    }
}
