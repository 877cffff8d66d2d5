//! Lists of what is known to be bad: one entry a line, `#` begins a comment.

use std::collections::HashSet;
use std::sync::Arc;

use crate::words::{Address, Contact, PhoneNumber};

/// A list, held in memory.
#[derive(Debug)]
pub struct List {
    name: Arc<str>,
    kind: ListKind,
    points: u8,
    entries: HashSet<Box<str>>,
}

/// What a list is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind {
    /// Domains of e-mail addresses, each with everything below it.
    EmailDomain,
    /// Phone numbers in E.164.
    Phone,
}

/// Why a list cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is no {what}")]
pub struct BadList {
    /// The line, from 1.
    pub line: usize,
    what: &'static str,
}

// === impl List ===

impl List {
    /// Reads the text of a list.
    ///
    /// # Errors
    /// When a line is nothing of its kind: a list that is half understood protects half.
    pub fn parse(name: &str, kind: ListKind, points: u8, text: &str) -> Result<Self, BadList> {
        let entries = entries(kind, text)?;
        Ok(Self { name: name.into(), kind, points, entries })
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What it is of.
    #[must_use]
    pub const fn kind(&self) -> ListKind {
        self.kind
    }

    /// Its points, 0 to 100.
    #[must_use]
    pub const fn points(&self) -> u8 {
        self.points
    }

    /// How many entries it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is on it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether `contact` is on it.
    #[must_use]
    pub fn has(&self, contact: &Contact) -> bool {
        match (self.kind, contact.address()) {
            (ListKind::EmailDomain, Address::Email(address)) => {
                let domain = address.domain().to_ascii_lowercase();
                let mut above = Some(domain.as_str());
                while let Some(name) = above {
                    if self.entries.contains(name) {
                        return true;
                    }
                    above = name.split_once('.').map(|(_, rest)| rest);
                }
                false
            }
            (ListKind::Phone, Address::Phone(number)) => self.entries.contains(number.reveal()),
            _ => false,
        }
    }
}

/// The entries of the text of a list.
///
/// # Errors
/// When a line is nothing of its kind.
pub(super) fn entries(kind: ListKind, text: &str) -> Result<HashSet<Box<str>>, BadList> {
    let mut entries = HashSet::new();
    for (index, line) in text.lines().enumerate() {
        let entry = line.split('#').next().unwrap_or_default().trim();
        if entry.is_empty() {
            continue;
        }
        let (read, what) = match kind {
            ListKind::EmailDomain => (domain(entry), "domain such as example.com"),
            ListKind::Phone => (phone(entry), "phone number in E.164 such as +60123456789"),
        };
        entries.insert(read.ok_or(BadList { line: index + 1, what })?);
    }
    Ok(entries)
}

/// A domain in small letters, without the marks by which some lists say "and all below".
fn domain(entry: &str) -> Option<Box<str>> {
    let name = entry.trim_start_matches("*.").trim_start_matches(['@', '.']).trim_end_matches('.').to_ascii_lowercase();
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    name.split('.').all(is_label).then(|| name.into())
}

fn phone(entry: &str) -> Option<Box<str>> {
    PhoneNumber::parse(entry).ok().map(|number| number.reveal().into())
}
