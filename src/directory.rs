//! Directories: what maps a subject to contacts.
//!
//! May use: `words`, `config`. Start at [`Directory`].

mod file;
pub mod settings;

pub use file::{BadDirectoryFile, FileDirectory, Problem};

use crate::words::{Contact, Language, Subject};

/// What a directory knows of a subject.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// Its contacts, in order.
    pub contacts: Vec<Contact>,
    /// In which language it wants to be spoken to.
    pub language: Option<Language>,
}

/// Why a directory has no answer.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// It cannot be asked.
    #[error("the directory cannot be asked: {0}")]
    Unreachable(String),
}

/// Maps subjects to contacts.
#[async_trait::async_trait]
pub trait Directory: Send + Sync + std::fmt::Debug {
    /// What is known of `subject`; `None` when the directory has no such subject.
    ///
    /// # Errors
    /// When it cannot be asked: nothing is known then (D10).
    async fn find(&self, subject: &Subject) -> Result<Option<Entry>, DirectoryError>;
}
