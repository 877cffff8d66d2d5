//! Where codes for a subject can go: what the directory knows, as far as the policy accepts it and providers carry it.

use std::time::Duration;

use crate::delivery::{Delivery, NotTaken};
use crate::directory::{DirectoryId, Found};
use crate::stepup::cooldown::Settled;
use crate::stepup::{Gateway, Outage, Site, Visit};
use crate::words::{Channel, Contact, Language, StepUp, Subject};

/// What is known of a subject.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The contacts on which the policy can be answered.
    pub contacts: Vec<Contact>,
    /// Whether these are contacts that the subject had before: those of now are too fresh.
    pub is_earlier: bool,
    /// How long until a contact that is too fresh may be used, where there is no older one of now.
    pub usable_in: Option<Duration>,
    /// In which language it wants to be spoken to.
    pub language: Option<Language>,
    /// The directory's own name for whom it is.
    pub account: Option<Subject>,
    /// What tells the directory that knows it from the site's others.
    pub directory: Option<DirectoryId>,
}

impl Gateway {
    /// The contacts on which `policy` can be answered, in the order of its channels, and what else the directory knows of
    /// the subject. Under a cool-down the directory is asked anew: what is taken down is what it says now.
    pub(super) async fn contacts(
        &self,
        site: &Site,
        visit: &Visit,
        policy: &StepUp,
        subject: Option<&Subject>,
    ) -> Result<Known, Outage> {
        let Some(subject) = subject else { return Ok(Known::default()) };
        let (directories, cooldown) = (&site.spec.directories, site.spec.contact_cooldown);
        let found = match cooldown {
            Some(_) => directories.find_anew(subject).await?,
            None => directories.find(subject).await?,
        };
        let Some(Found { entry, directory }) = found else { return Ok(Known::default()) };
        let known = match cooldown {
            Some(cooldown) => self.older(policy, self.settle(site, visit, subject, &entry, cooldown).await?),
            None => {
                let contacts: Vec<Contact> = entry.contacts().cloned().collect();
                Known { contacts: usable(&contacts, policy, &self.delivery), ..Known::default() }
            }
        };
        let directory = directories.get(directory).map(|directory| directory.id());
        Ok(Known { language: entry.language, account: entry.id, directory, ..known })
    }

    /// Of contacts under a cool-down those that a code may go to: the older ones of now; without any, those that were there
    /// last before the fresh ones.
    fn older(&self, policy: &StepUp, settled: Settled) -> Known {
        let usable = |contacts: &[Contact]| usable(contacts, policy, &self.delivery);
        let contacts = usable(&settled.contacts);
        if !contacts.is_empty() {
            return Known { contacts, ..Known::default() };
        }
        let fresh = settled.fresh.iter().filter(|(contact, _)| !usable(std::slice::from_ref(contact)).is_empty());
        let Some(usable_in) = fresh.map(|(_, left)| *left).min() else { return Known::default() };
        let earlier: Vec<_> = settled.earlier.iter().map(|(contacts, gone)| (usable(contacts), *gone)).collect();
        let earlier = || earlier.iter().filter(|(contacts, _)| !contacts.is_empty());
        // Whoever had the account's contact before that one has nothing to say any more.
        let last = earlier().map(|(_, gone)| *gone).min();
        let earlier = earlier().filter(|(_, gone)| Some(*gone) == last).flat_map(|(contacts, _)| contacts.clone());
        let contacts: Vec<Contact> = earlier.collect();
        Known { is_earlier: !contacts.is_empty(), contacts, usable_in: Some(usable_in), ..Known::default() }
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
