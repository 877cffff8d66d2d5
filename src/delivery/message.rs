//! What is to be said, and to whom.

use std::net::IpAddr;
use std::time::Duration;

use crate::seal::Code;
use crate::words::{Contact, Language, Reference};

/// What is to be said, and to whom.
///
/// It has no field for a path, a user name or anything else that somebody other than the operator could have written:
/// whoever makes the gateway send a message must not choose its words (O35).
#[derive(Debug)]
pub struct Message {
    /// To whom.
    pub to: Contact,
    /// The code; a notice ([`Aim::Changed`]) has none.
    pub code: Option<Code>,
    /// Which site asks.
    pub site: SiteName,
    /// What the code is for.
    pub aim: Aim,
    /// How long the code still lives.
    pub expires_in: Duration,
    /// What the visitor reads out to support.
    pub reference: Reference,
    /// In which language; `None` when nobody knows.
    pub language: Option<Language>,
    /// The client address from which the code was asked for; told in e-mails.
    pub client: Option<IpAddr>,
}

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// To open a protected page.
    Open,
    /// To confirm one request.
    Confirm,
    /// To prove that an address that was typed can be read by who typed it.
    Prove,
    /// To tell that a contact of the account was changed: a notice, without a code (O27).
    Changed,
}

/// A site as messages name it: its name for people and its host name, each on one line and without anything that could
/// be taken for a link with a scheme or for a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteName {
    name: String,
    host: String,
    support: Option<String>,
}

// === impl Aim ===

impl Aim {
    /// Those of codes.
    pub(super) const ALL: [Self; 3] = [Self::Open, Self::Confirm, Self::Prove];

    /// Its word in templates.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Confirm => "confirm",
            Self::Prove => "prove",
            Self::Changed => "changed",
        }
    }
}

// === impl SiteName ===

impl SiteName {
    /// The longest name, in characters.
    pub const MAX: usize = 60;

    /// A site of this name and this canonical host name. A name with nothing printable in it gives way to the host.
    #[must_use]
    pub fn new(name: &str, host: &str) -> Self {
        let host: String = host
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']'))
            .collect();
        let name = cleaned(name.strip_prefix("*.").unwrap_or(name));
        Self { name: if name.is_empty() { host.clone() } else { name }, host, support: None }
    }

    /// The same, with where its people turn for help: the operator's line, told in e-mails.
    #[must_use]
    pub fn with_support(self, support: Option<&str>) -> Self {
        Self { support: support.map(str::to_owned), ..self }
    }

    /// Where its people turn for help.
    pub(super) fn support(&self) -> Option<&str> {
        self.support.as_deref()
    }

    /// The name for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The host name.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// One line of visible text, at most [`SiteName::MAX`] characters. `://` and runs of digits as long as a code are broken.
fn cleaned(text: &str) -> String {
    let visible: String = text
        .chars()
        .take(4 * SiteName::MAX)
        .map(|c| if c.is_control() || is_format(c) { ' ' } else { c })
        .collect::<String>()
        .replace("://", " ");
    let words: Vec<&str> = visible.split_whitespace().collect();
    let mut out = String::new();
    let mut rest = words.join(" ");
    while let Some((before, run, after)) = next_digits(&rest) {
        out.push_str(before);
        out.push_str(if run.chars().filter(|c| c.is_numeric()).count() >= SHORTEST_CODE { "…" } else { run });
        rest = after.to_owned();
    }
    out.push_str(&rest);
    if out.chars().count() > SiteName::MAX {
        out = out.chars().take(SiteName::MAX - 1).chain(['…']).collect();
    }
    out
}

/// The fewest digits of a code ([`crate::seal::CodeShape`]).
const SHORTEST_CODE: usize = 6;

/// The first run of digits of any script, with the blanks and hyphens inside it, and what stands before and behind it.
fn next_digits(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.find(char::is_numeric)?;
    let (before, from) = text.split_at_checked(start)?;
    let end = from.find(|c: char| !(c.is_numeric() || matches!(c, ' ' | '-'))).unwrap_or(from.len());
    let run = from.get(..end)?.trim_end_matches([' ', '-']);
    Some((before, run, from.get(run.len()..)?))
}

/// Zero-width and bidirectional marks, line separators, tags and letters for private use: what could reorder or break a
/// line, or is not seen.
const fn is_format(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{e000}'..='\u{f8ff}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{10ffff}'
    )
}

#[cfg(test)]
mod tests;
