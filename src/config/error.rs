//! What can be wrong with a config, and what is odd about one.

use std::fmt;
use std::path::PathBuf;

use serde::de;

use crate::config::hint::did_you_mean;

/// A place in a config file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// What is wrong with a config, and where. Says what to write instead, and never carries a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    place: Option<Place>,
    message: String,
    kind: Kind,
}

/// What is wrong with a config file: one root error, `file:line:column: message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, as it was named on the command line.
    pub file: PathBuf,
    /// Where in it; `None` when it is the whole file.
    pub place: Option<Place>,
    /// What is wrong and what to write instead.
    pub message: String,
}

/// What is odd about a config, but no error: `file:line:column: warning: text`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The file, as it was named on the command line.
    pub file: PathBuf,
    /// Where in it.
    pub place: Place,
    /// What is odd and what it means.
    pub text: String,
}

/// What a reader further up may still add to a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    /// The key at which it happened belongs to later work: its name is added there.
    NotYet,
}

// === impl Place ===

impl Place {
    /// The start of a file.
    pub const START: Self = Self { line: 1, column: 1 };

    /// The place right behind `text`, which starts the file.
    pub(super) fn behind(text: &[u8]) -> Self {
        let line = text.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let last = text.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
        let column = String::from_utf8_lossy(last).chars().count() + 1;
        Self { line: u32::try_from(line).unwrap_or(u32::MAX), column: u32::try_from(column).unwrap_or(u32::MAX) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

// === impl Fault ===

impl Fault {
    /// A fault whose place is not known yet.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { place: None, message: message.into(), kind: Kind::Plain }
    }

    /// The use of a key that belongs to later work.
    pub(super) const fn not_yet() -> Self {
        Self { place: None, message: String::new(), kind: Kind::NotYet }
    }

    /// The fault at `place`, unless a nearer one is known.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }

    /// The fault of the value of `key`, which stands at `place`.
    pub(super) fn under(mut self, key: &str, place: Place) -> Self {
        if self.kind == Kind::NotYet {
            self.kind = Kind::Plain;
            self.message = format!("`{key}` is not available yet");
            self.place = Some(place);
        }
        self
    }

    /// The fault as the error of `file`.
    #[must_use]
    pub fn of(self, file: impl Into<PathBuf>) -> ConfigError {
        ConfigError { file: file.into(), place: self.place, message: self.message }
    }

    /// What is wrong and what to write instead.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where, as far as that is known.
    #[must_use]
    pub const fn place(&self) -> Option<Place> {
        self.place
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

/// How derived code reports what it did not expect. Values are never repeated: one of them may be a secret.
impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(format!("expected {expected}"))
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(format!("expected {expected}"))
    }

    fn unknown_field(key: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("unknown key `{key}`{}", did_you_mean(key, expected.iter().copied())))
    }

    fn unknown_variant(word: &str, expected: &'static [&'static str]) -> Self {
        let hint = did_you_mean(word, expected.iter().copied());
        if hint.is_empty() {
            Self::new(format!("unknown word `{word}`: expected one of {}", expected.join(", ")))
        } else {
            Self::new(format!("unknown word `{word}`{hint}"))
        }
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(format!("the key `{key}` is missing"))
    }

    fn duplicate_field(key: &'static str) -> Self {
        Self::new(format!("the key `{key}` stands here twice"))
    }
}

// === impl ConfigError, Warning ===

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(place) = self.place {
            write!(f, "{place}:")?;
        }
        write!(f, " {}", self.message)
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: warning: {}", self.file.display(), self.place, self.text)
    }
}
