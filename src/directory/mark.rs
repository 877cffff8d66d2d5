//! Telling a directory that a contact was proved.

use crate::words::{Contact, Subject, Timestamp};

/// A contact that was proved to be a subject's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Whose it is, as the directory was asked.
    pub subject: Subject,
    /// The contact.
    pub contact: Contact,
    /// When the right code came in.
    pub at: Timestamp,
}

/// Why a mark was not taken. Never carries a contact, a subject or a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarkError {
    /// It may be taken later.
    #[error("it was not taken, and is tried again: {0}")]
    Later(String),
    /// It will never be taken.
    #[error("it will not be taken: {0}")]
    Never(String),
}
