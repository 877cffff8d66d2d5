//! Where codes for a subject can go: what the directory knows, as far as the policy accepts it and providers carry it.

use crate::delivery::{Delivery, NotTaken};
use crate::directory::{DirectoryError, DirectoryId, Found};
use crate::stepup::{Gateway, Site};
use crate::words::{Channel, Contact, Language, StepUp, Subject};

/// What is known of a subject.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The contacts on which the policy can be answered.
    pub contacts: Vec<Contact>,
    /// In which language it wants to be spoken to.
    pub language: Option<Language>,
    /// The directory's own name for whom it is.
    pub account: Option<Subject>,
    /// What tells the directory that knows it from the site's others.
    pub directory: Option<DirectoryId>,
}

impl Gateway {
    /// The contacts on which `policy` can be answered, in the order of its channels, and what else the directory knows of
    /// the subject.
    pub(super) async fn contacts(
        &self,
        site: &Site,
        policy: &StepUp,
        subject: Option<&Subject>,
    ) -> Result<Known, DirectoryError> {
        let Some(subject) = subject else { return Ok(Known::default()) };
        let Some(Found { entry, directory }) = site.spec.directories.find(subject).await? else {
            return Ok(Known::default());
        };
        let contacts: Vec<Contact> = entry.contacts().cloned().collect();
        Ok(Known {
            contacts: usable(&contacts, policy, &self.delivery),
            language: entry.language,
            account: entry.id,
            directory: site.spec.directories.get(directory).map(|directory| directory.id()),
        })
    }
}

/// A contact that no message would reach is not offered. A fixed line among the numbers for text messages is called,
/// where the policy accepts a call.
pub(super) fn usable(contacts: &[Contact], policy: &StepUp, delivery: &Delivery) -> Vec<Contact> {
    let mut usable: Vec<Contact> = Vec::new();
    for channel in policy.channels.iter().filter(|&channel| delivery.can(channel)) {
        if channel == Channel::Hosted {
            usable.extend(hosted(contacts, policy, delivery));
            continue;
        }
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

/// The addresses that can be proved on a provider's page, each once: those of the policy's other channels, so that the page
/// proves nothing that the policy would not take otherwise. Of a policy that takes nothing else, all.
fn hosted(contacts: &[Contact], policy: &StepUp, delivery: &Delivery) -> Vec<Contact> {
    let is_alone = policy.channels.iter().all(|channel| channel == Channel::Hosted);
    let mut pages: Vec<Contact> = Vec::new();
    for contact in contacts.iter().filter(|contact| is_alone || policy.channels.contains(contact.channel())) {
        let Some(page) = contact.on(Channel::Hosted) else { continue };
        let is_new = !pages.iter().any(|known| known.reveal().eq_ignore_ascii_case(page.reveal()));
        if is_new && delivery.takes(&page).is_ok() {
            pages.push(page);
        }
    }
    pages
}
