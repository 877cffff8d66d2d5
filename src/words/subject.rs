//! The subject: who the application says the visitor is.

use std::fmt;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization as _;

/// Who the application says the visitor is, in its one canonical spelling: trimmed, NFC, otherwise exact.
///
/// It is never folded by itself, since two users of an application may differ by case alone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject(Arc<str>);

/// Why a text names nobody. Never carries the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSubject {
    /// Nothing but white space.
    #[error("the subject is empty")]
    Empty,
    /// More than 256 bytes.
    #[error("the subject is longer than {} bytes", Subject::MAX)]
    TooLong,
    /// A control, format or unassigned-looking character that a log, a query or a screen could misread.
    #[error("the subject contains a control or invisible character")]
    Control,
}

// === impl Subject ===

impl Subject {
    /// The longest subject, in bytes of UTF-8.
    pub const MAX: usize = 256;

    /// The canonical spelling of `text`.
    ///
    /// # Errors
    /// When `text` is empty, too long, or has control or invisible characters (H18).
    pub fn parse(text: &str) -> Result<Self, BadSubject> {
        if text.len() > 4 * Self::MAX {
            return Err(BadSubject::TooLong);
        }
        let canonical: String = text.trim().nfc().collect();
        if canonical.is_empty() {
            Err(BadSubject::Empty)
        } else if canonical.len() > Self::MAX {
            Err(BadSubject::TooLong)
        } else if canonical.chars().any(is_invisible) {
            Err(BadSubject::Control)
        } else {
            Ok(Self(canonical.into()))
        }
    }

    /// The spelling for a site whose subjects are case-insensitive.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self(self.0.to_lowercase().nfc().collect::<String>().into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The subject as it may be logged: its first character and `***` (I9).
    #[must_use]
    pub fn masked(&self) -> String {
        self.0.chars().take(1).chain("***".chars()).collect()
    }
}

/// Control characters, and the zero-width and bidirectional marks by which two subjects could look alike.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subject({})", self.masked())
    }
}

#[cfg(test)]
mod tests;
