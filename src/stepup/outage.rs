//! What cannot be asked now, though nothing is wrong with the request: nothing protected goes on meanwhile (I2).

use crate::directory::DirectoryError;
use crate::identity::Unanswered;
use crate::identity::jwt::Unkeyed;
use crate::store::StoreError;

/// What cannot be asked now. Never carries a secret.
#[derive(Debug, thiserror::Error)]
pub enum Outage {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys of a token's issuer.
    #[error(transparent)]
    Keys(#[from] Unkeyed),
    /// The application, who its visitor is.
    #[error(transparent)]
    Application(#[from] Unanswered),
    /// The directory, what it knows of the visitor.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl Outage {
    /// What does not answer, in words for a log.
    #[must_use]
    pub const fn what(&self) -> &'static str {
        match self {
            Self::Store(_) => "the store does not answer",
            Self::Keys(_) => "a token cannot be checked",
            Self::Application(_) => "the application does not say who is asking",
            Self::Directory(_) => "the directory does not answer",
        }
    }

    /// The word for events.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Store(_) => "store_unavailable",
            Self::Keys(_) => "keys_unavailable",
            Self::Application(_) => "application_unavailable",
            Self::Directory(_) => "directory",
        }
    }
}
