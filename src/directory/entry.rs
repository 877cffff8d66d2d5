//! What a directory knows of a subject.

use crate::words::{Contact, Country, Language, Subject, Timestamp};

/// What a directory knows of a subject.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// The directory's own name for whom the subject is, where it has one: two subjects with one `id` are one person, by
    /// which counters, grants and locks go.
    pub id: Option<Subject>,
    /// Its contacts, in order.
    pub contacts: Vec<Listed>,
    /// In which language it wants to be spoken to.
    pub language: Option<Language>,
    /// Where it lives.
    pub country: Option<Country>,
}

/// A contact as a directory lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The contact.
    pub contact: Contact,
    /// When it was last proved to be the subject's.
    pub verified_at: Option<Timestamp>,
    /// When it was last changed.
    pub changed_at: Option<Timestamp>,
}

// === impl Entry ===

impl Entry {
    /// The contacts alone, in order.
    pub fn contacts(&self) -> impl Iterator<Item = &Contact> {
        self.contacts.iter().map(|listed| &listed.contact)
    }
}

impl From<Contact> for Listed {
    fn from(contact: Contact) -> Self {
        Self { contact, verified_at: None, changed_at: None }
    }
}
