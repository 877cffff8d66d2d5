//! A directory of the test's own: it knows what it is told, now, and can be down.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use otpgate::directory::{Directory, DirectoryError, Entry, Keep, Listed, Mark, MarkError};
use otpgate::words::{Channel, Contact, Subject, Timestamp};

/// A directory elsewhere.
#[derive(Debug, Default)]
pub struct Crm {
    entries: Mutex<HashMap<Subject, Entry>>,
    pub is_down: AtomicBool,
    /// Whether it wants to be told of proved contacts, and says so then.
    pub takes_marks: AtomicBool,
    /// How often it was asked.
    pub asked: AtomicUsize,
    /// How often it was told.
    pub told: AtomicUsize,
}

// === impl Crm ===

impl Crm {
    /// Puts these contacts in the place of what was known of somebody.
    pub fn set(&self, subject: &str, contacts: Vec<Listed>) {
        let entry = Entry { contacts, ..Entry::default() };
        self.entries.lock().unwrap().insert(Subject::parse(subject).unwrap(), entry);
    }

    /// The same, with the directory's own name for whom it is and the language of the subject.
    pub fn set_account(&self, subject: &str, id: &str, language: &str, contacts: Vec<Listed>) {
        let id = Some(Subject::parse(id).unwrap());
        let entry = Entry { id, contacts, language: language.parse().ok(), ..Entry::default() };
        self.entries.lock().unwrap().insert(Subject::parse(subject).unwrap(), entry);
    }

    /// When the contacts of somebody were proved.
    pub fn verified_at(&self, subject: &str) -> Vec<Option<Timestamp>> {
        let entries = self.entries.lock().unwrap();
        entries[&Subject::parse(subject).unwrap()].contacts.iter().map(|listed| listed.verified_at).collect()
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub fn down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    /// How a site lists it.
    pub fn listed(self: &Arc<Self>, keep: Option<Keep>) -> otpgate::directory::Directories {
        let directory: Arc<dyn Directory> = self.clone();
        otpgate::directory::Directories::kept([(directory, keep)])
    }
}

#[async_trait::async_trait]
impl Directory for Crm {
    fn name(&self) -> &str {
        "crm"
    }

    async fn find(&self, subject: &Subject) -> Result<Option<Entry>, DirectoryError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.is_down.load(Ordering::SeqCst) {
            return Err(DirectoryError::Unreachable("down".to_owned()));
        }
        Ok(self.entries.lock().unwrap().get(subject).cloned())
    }

    fn takes_marks(&self) -> bool {
        self.takes_marks.load(Ordering::SeqCst)
    }

    async fn mark(&self, mark: &Mark) -> Result<(), MarkError> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(MarkError::Later("down".to_owned()));
        }
        let mut entries = self.entries.lock().unwrap();
        let entry = entries.get_mut(&mark.subject).unwrap();
        let marked = entry.contacts.iter_mut().filter(|listed| listed.contact.is_same(&mark.contact));
        marked.for_each(|listed| listed.verified_at = Some(mark.at));
        self.told.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// A contact of which nothing is said.
pub fn plain(channel: Channel, address: &str) -> Listed {
    Contact::parse(channel, address).unwrap().into()
}

pub fn verified(channel: Channel, address: &str, at: Timestamp) -> Listed {
    Listed { verified_at: Some(at), ..plain(channel, address) }
}
