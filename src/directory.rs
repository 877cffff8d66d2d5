//! Directories: what maps a subject to contacts, and who is told of a contact that was proved.
//!
//! May use: `words`, `config`, `audit`. Start at [`Directories`], which a site asks; each kind of directory is a file of its
//! own that implements [`Directory`] and makes its [`Entry`] with [`Reading`], so that all of them read numbers, times and
//! labels alike. A [`Webhook`] is no directory: it is told, and never asked.

mod chain;
mod entry;
mod file;
mod http;
mod id;
mod identity;
mod kept;
pub mod ldap;
mod mark;
mod reading;
pub mod settings;
pub mod sql;
mod webhook;

pub use chain::{Directories, Found};
pub use entry::{Entry, Listed};
pub use file::{BadDirectoryFile, FileDirectory, Problem};
pub use http::{HttpDirectory, HttpSpec, MarkSpec};
pub use id::DirectoryId;
pub use identity::IdentityDirectory;
pub use kept::{Health, Keep, Kept};
pub use mark::{Mark, MarkError};
pub use reading::{Field, Reading};
pub use webhook::{Verified, Webhook, WebhookSpec};

use crate::words::Subject;

/// Why a directory has no answer. Never carries a contact, a subject or a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// It cannot be asked, or did not answer in time.
    #[error("the directory cannot be asked: {0}")]
    Unreachable(String),
    /// It answered with something that cannot be an entry.
    #[error("the directory gave a wrong answer: {0}")]
    Wrong(String),
    /// It knows more than one entry that the subject could mean (H19).
    #[error("the directory has more than one entry for one subject")]
    Ambiguous,
}

/// Maps subjects to contacts.
#[async_trait::async_trait]
pub trait Directory: Send + Sync + std::fmt::Debug {
    /// What it is called in logs, metrics and health: its kind, and what tells it from others of its kind. No secret.
    fn name(&self) -> &str;

    /// What tells it from every other directory of its site: where it looks, and what it asks. May hold a secret.
    fn identity(&self) -> String {
        self.name().to_owned()
    }

    /// What is known of `subject`; `None` when the directory has no such subject.
    ///
    /// # Errors
    /// When it cannot be asked, or its answer means nothing: nothing is known then (D10).
    async fn find(&self, subject: &Subject) -> Result<Option<Entry>, DirectoryError>;

    /// What is wrong with it although it answers, such as a file whose newest version cannot be read. No secret.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Whether it can say when a contact was proved (`verified_at`), as it is set up.
    fn tells_verified(&self) -> bool {
        true
    }

    /// Whether it wants to be told of contacts that were proved.
    fn takes_marks(&self) -> bool {
        false
    }

    /// Is told that a contact was proved. Telling it twice does no harm.
    ///
    /// # Errors
    /// When it did not take the mark.
    async fn mark(&self, mark: &Mark) -> Result<(), MarkError> {
        let _ = mark;
        Err(MarkError::Never("this directory takes no marks".to_owned()))
    }
}
