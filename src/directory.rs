//! Directories.
use crate::words::*;
pub struct Entry {
    pub contacts: Vec<Contact>,
}
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct DirectoryError;
#[async_trait::async_trait]
pub trait Directory: Send + Sync + std::fmt::Debug {
    async fn find(&self, s: &Subject) -> Result<Option<Entry>, DirectoryError>;
}
