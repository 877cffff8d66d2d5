//! Where codes for a subject can go: what the directory knows, as far as the policy accepts it and providers carry it.

use crate::delivery::{Delivery, NotTaken};
use crate::directory::DirectoryError;
use crate::stepup::{Gateway, Site};
use crate::words::{Channel, Contact, StepUp, Subject};

impl Gateway {
    /// The contacts on which `policy` can be answered, in the order of its channels.
    pub(super) async fn contacts(
        &self,
        site: &Site,
        policy: &StepUp,
        subject: Option<&Subject>,
    ) -> Result<Vec<Contact>, DirectoryError> {
        let Some(subject) = subject else { return Ok(Vec::new()) };
        for directory in &site.spec.directories {
            if let Some(entry) = directory.find(subject).await? {
                return Ok(usable(&entry.contacts, policy, &self.delivery));
            }
        }
        Ok(Vec::new())
    }
}

/// A contact that no message would reach is not offered. A fixed line among the numbers for text messages is called,
/// where the policy accepts a call.
fn usable(contacts: &[Contact], policy: &StepUp, delivery: &Delivery) -> Vec<Contact> {
    let mut usable: Vec<Contact> = Vec::new();
    for channel in policy.channels.iter().filter(|&channel| delivery.can(channel)) {
        for contact in contacts {
            let called = || channel == Channel::Voice && delivery.takes(contact) == Err(NotTaken::Landline);
            let Some(contact) = (contact.channel() == channel).then(|| contact.clone()).or_else(|| {
                let line = called().then(|| contact.on(channel)).flatten();
                line.filter(|line| !contacts.iter().any(|known| known.is_same(line)))
            }) else {
                continue;
            };
            match delivery.takes(&contact) {
                Ok(()) => usable.push(contact),
                Err(why) => tracing::debug!(%channel, to = contact.masked(), %why, "a contact is not offered"),
            }
        }
    }
    usable
}
