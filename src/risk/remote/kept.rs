//! The last good version of a list, on disk: two files, its text and what is known of it, each replaced whole.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::risk::Content;
use crate::words::Timestamp;

/// Where the last good version of a list is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    folder: PathBuf,
    /// The name of its files, without their endings: of the address itself, which may hold a key, nothing can be read from it.
    name: String,
}

/// What is known of a version.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Had {
    /// Its `ETag` (RFC 9110, section 8.8.3).
    pub etag: Option<String>,
    /// Its `Last-Modified`, as it was sent.
    pub modified: Option<String>,
    /// When it was fetched, in milliseconds since 1970.
    pub fetched: u64,
    /// When it was last found to be the newest.
    pub checked: u64,
    /// How many entries it has.
    pub entries: usize,
    /// The SHA-256 of its text.
    pub digest: String,
}

// === impl Had ===

impl Had {
    /// When it was last found to be the newest.
    pub(super) const fn checked(&self) -> Timestamp {
        Timestamp::from_millis(self.checked)
    }
}

// === impl Kept ===

impl Kept {
    pub(super) fn new(folder: &Path, url: &Url, content: Content) -> Self {
        let mut name = digest(format!("{content:?} {url}").as_bytes());
        name.truncate(32);
        Self { folder: folder.to_owned(), name }
    }

    /// What is known of the version that is here.
    pub(super) fn had(&self) -> Option<Had> {
        let known: Had = serde_json::from_slice(&fs::read(self.path("json")).ok()?).ok()?;
        self.path("list").is_file().then_some(known)
    }

    /// The text of the version that is here.
    pub(super) fn text(&self) -> io::Result<Vec<u8>> {
        fs::read(self.path("list"))
    }

    /// Keeps a version. The text comes first: what is known of another text is of no use, and found out by its digest.
    pub(super) fn keep(&self, text: &[u8], had: &Had) -> io::Result<()> {
        self.make_folder()?;
        replace(&self.path("list"), text)?;
        self.note(had)
    }

    /// Keeps what is known of the version that is here.
    pub(super) fn note(&self, had: &Had) -> io::Result<()> {
        replace(&self.path("json"), &serde_json::to_vec(had)?)
    }

    /// Nobody else may write there: a list decides who is let in.
    fn make_folder(&self) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt as _;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)
    }

    fn path(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.name))
    }
}

/// The SHA-256 of a text, in hexadecimal digits.
pub(super) fn digest(text: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Puts a file in place whole: who reads it meanwhile gets the old one or the new one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    let written = fs::File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let moved = written.and_then(|()| fs::rename(&beside, path));
    if moved.is_err() {
        let _ = fs::remove_file(&beside);
    }
    moved
}
