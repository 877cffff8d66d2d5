//! What tells a directory of a site from its others, whatever place it has in the config.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::directory::Directory;

/// What tells a directory of a site from its others: a digest of its kind, of where it looks and of what it asks. Where it
/// is told of proved contacts, and how, is no part of it: an operator may put that right while marks wait.
///
/// What it is made of may hold a secret, which its digest could be guessed by: kept sealed, and shown nowhere.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DirectoryId(String);

// === impl DirectoryId ===

impl DirectoryId {
    pub(super) fn of(directory: &dyn Directory) -> Self {
        Self(URL_SAFE_NO_PAD.encode(digest(&SHA256, directory.identity().as_bytes())))
    }

    /// Its text, for what is kept sealed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reads [`DirectoryId::as_str`] back.
impl From<String> for DirectoryId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for DirectoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DirectoryId(…)")
    }
}
