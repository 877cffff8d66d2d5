//! What both kinds of file are built with: entries, and what is odd about them.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use super::{BadDirectoryFile, FileDirectory, Place, Problem};
use crate::directory::reading::LABEL;
use crate::directory::{Entry, Listed};
use crate::words::{Channel, Contact, Language, Subject};

/// A directory in the making.
pub(super) struct Builder {
    entries: HashMap<Subject, (Entry, u64)>,
    warnings: Vec<String>,
    unsaid: usize,
    fold: bool,
}

/// What an entry can say of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Contact(Channel),
    Language,
}

/// The most warnings that are told one by one.
const TOLD: usize = 50;

// === impl Field ===

impl Field {
    /// The field of this name. What is proved on a provider's page is one of the other addresses: it has no field.
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name.parse() {
            Ok(Channel::Hosted) => None,
            Ok(channel) => Some(Self::Contact(channel)),
            Err(()) => (name == "language").then_some(Self::Language),
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Contact(channel) => channel.as_str(),
            Self::Language => "language",
        }
    }
}

// === impl Builder ===

impl Builder {
    pub(super) fn new(fold: bool) -> Self {
        Self { entries: HashMap::new(), warnings: Vec::new(), unsaid: 0, fold }
    }

    /// The canonical subject of an entry.
    pub(super) fn subject(&self, text: &str) -> Result<Subject, Problem> {
        let subject = Subject::parse(text)?;
        Ok(if self.fold { subject.folded() } else { subject })
    }

    /// Adds an entry that starts at `place`.
    pub(super) fn add(&mut self, subject: Subject, entry: Entry, place: Place) -> Result<(), BadDirectoryFile> {
        match self.entries.entry(subject) {
            Slot::Vacant(slot) => {
                slot.insert((entry, place.line));
                Ok(())
            }
            Slot::Occupied(slot) => Err(Problem::Twice(slot.get().1, self.fold).at(place)),
        }
    }

    /// Adds a contact to those of an entry, or says why not.
    pub(super) fn contact(
        &mut self,
        contacts: &mut Vec<Listed>,
        channel: Channel,
        address: &str,
        label: Option<&str>,
        line: u64,
    ) {
        let contact = match Contact::parse(channel, address) {
            Ok(contact) => contact,
            Err(error) => return self.warn(line, format_args!("`{channel}` is {error}. This contact is skipped")),
        };
        if contacts.iter().any(|known| known.contact.is_same(&contact)) {
            return self.warn(line, format_args!("`{channel}` names the same contact twice"));
        }
        let contact = match label.map(str::trim) {
            None | Some("") => contact,
            Some(label) if label.chars().count() > LABEL || label.contains(char::is_control) => {
                self.warn(
                    line,
                    format_args!("the label is longer than {LABEL} characters or no line of text, and left out"),
                );
                contact
            }
            Some(label) => contact.labelled(label),
        };
        contacts.push(contact.into());
    }

    /// The language of an entry, unless it is none.
    pub(super) fn language(&mut self, text: &str, line: u64) -> Option<Language> {
        let language = text.parse().ok();
        if language.is_none() {
            self.warn(line, format_args!("`language` is no language tag such as en or pt-BR, and left out"));
        }
        language
    }

    pub(super) fn warn(&mut self, line: u64, text: std::fmt::Arguments<'_>) {
        if self.warnings.len() < TOLD {
            self.warnings.push(format!("line {line}: {text}"));
        } else {
            self.unsaid += 1;
        }
    }

    pub(super) fn finish(mut self) -> FileDirectory {
        if self.unsaid > 0 {
            self.warnings.push(format!("and {} more of this kind", self.unsaid));
        }
        if self.entries.is_empty() {
            self.warnings.push("the file has no entries: nobody can be sent a code".to_owned());
        }
        let entries = self.entries.into_iter().map(|(subject, (entry, _))| (subject, entry)).collect();
        FileDirectory { entries, warnings: self.warnings, fold: self.fold }
    }
}
