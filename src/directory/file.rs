//! A directory in a file, YAML or CSV.
//!
//! The whole file is read into memory when the config is, and again when it changed: a look-up asks nobody. An entry that
//! cannot be what the operator meant is an error; a contact that no code can go to is skipped with a warning, so that one
//! bad number does not lock out everybody.
//!
//! Start at [`FileDirectory`]; `watch.rs` is how a change is seen and taken over.

mod alike;
mod builder;
mod csv;
mod watch;
mod yaml;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use watch::Watched;

use crate::directory::settings::Manner;
use crate::directory::{Directory, DirectoryError, Entry};
use crate::words::{BadSubject, Subject};

/// A directory in a file, and in memory.
pub struct FileDirectory(Arc<Watched>);

/// What a file says.
struct Contents {
    entries: HashMap<Subject, Entry>,
    warnings: Vec<String>,
}

/// Why a file is no directory, and where. Carries nobody's contact or name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadDirectoryFile {
    place: Option<Place>,
    problem: Problem,
}

/// A place in a file, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    line: u64,
    /// In characters. A file of rows has none.
    column: Option<u64>,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It cannot be read.
    #[error("the directory file cannot be read: {0}")]
    Unreadable(String),
    /// It is in another encoding.
    #[error("the directory file is not UTF-8: save it as UTF-8")]
    NotUtf8,
    /// It is no YAML, or no CSV.
    #[error("{0}")]
    Syntax(String),
    /// Another shape was expected.
    #[error("{0}")]
    Shape(&'static str),
    /// A subject that nobody can have.
    #[error("{0}: write it as the application names its users")]
    Subject(#[from] BadSubject),
    /// Two entries that are one subject.
    #[error("this subject stands on line {0} already: put its contacts into one entry{why}", why = folded(*.1))]
    Twice(u64, bool),
    /// A key that means nothing here.
    #[error("unknown key{}: the keys of an entry are {KEYS}", named(.key, .meant))]
    UnknownKey {
        /// The key, unless it could be a name or an address.
        key: Option<String>,
        /// What was probably meant.
        meant: Option<&'static str>,
    },
    /// The same key twice in one entry.
    #[error("`{0}` stands in this entry twice: write its values as a list, [first, second]")]
    KeyTwice(&'static str),
    /// A first line without the column of subjects, or with columns that mean nothing here.
    #[error(
        "the first line must name the columns subject,email,sms,voice,language, with commas between them; `subject` must \
         be among them, the others may be left out, and phone, id, country, label, verified_at and changed_at may be added"
    )]
    Header,
}

/// The keys of an entry, for people.
const KEYS: &str = "email, sms, voice, phone, language, country and id";

fn folded(fold: bool) -> &'static str {
    if fold { " (the site's subjects are case-insensitive)" } else { "" }
}

fn named(key: &Option<String>, meant: &Option<&'static str>) -> String {
    let key = key.as_ref().map(|key| format!(" `{key}`")).unwrap_or_default();
    meant.map_or(key.clone(), |meant| format!("{key}, did you mean `{meant}`?"))
}

// === impl FileDirectory ===

impl FileDirectory {
    /// Reads `path`: CSV if its name ends in `.csv`, else YAML.
    ///
    /// # Errors
    /// When it cannot be read, is malformed, or two entries are one subject.
    pub fn load(path: &Path, manner: Manner) -> Result<Self, BadDirectoryFile> {
        Ok(Self(Arc::new(Watched::load(path, manner)?)))
    }

    /// What is odd about the file but no error: contacts that were skipped, and why, and subjects that look alike, with
    /// line numbers. Carries nobody's contact or name.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.0.contents().warnings.clone()
    }

    /// The number of subjects.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.contents().entries.len()
    }

    /// Whether it knows nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[async_trait::async_trait]
impl Directory for FileDirectory {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn find(&self, subject: &Subject) -> Result<Option<Entry>, DirectoryError> {
        self.0.look().await;
        Ok(self.0.contents().find(subject, self.0.manner().fold))
    }

    fn trouble(&self) -> Option<String> {
        self.0.trouble()
    }

    fn tells_verified(&self) -> bool {
        let contents = self.0.contents();
        let mut listed = contents.entries.values().flat_map(|entry| &entry.contacts);
        listed.any(|listed| listed.verified_at.is_some())
    }
}

impl fmt::Debug for FileDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileDirectory({} subjects)", self.len())
    }
}

// === impl Contents ===

impl Contents {
    fn read(path: &Path, manner: Manner) -> Result<Self, BadDirectoryFile> {
        let bytes = std::fs::read(path).map_err(|error| Problem::Unreadable(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count() as u64;
            Problem::NotUtf8.at(Place { line, column: None })
        })?;
        // What Windows programs put before UTF-8.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        if is_csv { csv::read(text, manner) } else { yaml::read(text, manner) }
    }

    fn find(&self, subject: &Subject, fold: bool) -> Option<Entry> {
        let found = if fold { self.entries.get(&subject.folded()) } else { self.entries.get(subject) };
        found.cloned()
    }
}

// === impl BadDirectoryFile ===

impl BadDirectoryFile {
    /// The line, counted from 1, and where it is known the column in characters, counted from 1.
    #[must_use]
    pub fn place(&self) -> Option<(u64, Option<u64>)> {
        self.place.map(|place| (place.line, place.column))
    }

    /// What is wrong, without the place.
    #[must_use]
    pub const fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl From<Problem> for BadDirectoryFile {
    fn from(problem: Problem) -> Self {
        Self { place: None, problem }
    }
}

impl Problem {
    const fn at(self, place: Place) -> BadDirectoryFile {
        BadDirectoryFile { place: Some(place), problem: self }
    }
}

impl fmt::Display for BadDirectoryFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { line, column }) = self.place {
            write!(f, "line {line}")?;
            column.iter().try_for_each(|column| write!(f, ", column {column}"))?;
            f.write_str(": ")?;
        }
        self.problem.fmt(f)
    }
}

impl std::error::Error for BadDirectoryFile {}

#[cfg(test)]
mod tests;
