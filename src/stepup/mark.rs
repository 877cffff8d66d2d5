//! Queueing marks: that the directory that knew a contact, and the site's webhook, are to be told that it was proved.
//!
//! Stands beside the road: the visitor's success waits for nothing of it, and never fails by it. From the queue in the store
//! on nothing is lost with a gateway; `telling.rs` is what takes marks out of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::audit::{Event, Kind, MarkOutcome};
use crate::challenge::Particulars;
use crate::directory::{Directory as _, DirectoryId, Mark};
use crate::seal::Purpose;
use crate::stepup::{Gateway, Shared, Site};
use crate::store::{NewMark, SiteKey};
use crate::words::{Channel, Contact, KeyedHash, MarkId, Reference, Subject, Timestamp};

/// How long a mark that nobody takes is kept.
pub(super) const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The most marks that wait, of all sites together: some tens of megabytes.
const MOST: usize = 100_000;

/// How long to wait after each time that the store did not answer.
const WAITS: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(15), Duration::from_secs(60)];

/// What a mark says, as the store keeps it sealed.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Told {
    pub to: To,
    pub site: String,
    /// As the directory was asked.
    subject: String,
    /// The directory's own name for whom it is, where it has one.
    pub account: Option<String>,
    channel: Channel,
    address: String,
    at: Timestamp,
    /// The challenge's reference.
    reference: String,
}

/// Who is to be told.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum To {
    /// The webhook that the site has when it is told.
    Webhook,
    /// A directory of the site.
    Directory {
        /// What it was called, for people.
        name: String,
        /// What tells it from the others, wherever it stands by now.
        id: DirectoryId,
    },
}

/// Marks on their way into the queue. Outlives a reload.
#[derive(Default)]
pub(super) struct Queueing {
    /// Wakes this gateway's teller.
    pub queued: Notify,
    running: Mutex<JoinSet<()>>,
}

/// A mark about to be queued.
struct Waiting {
    id: MarkId,
    told: Told,
    sealed: Vec<u8>,
    of: Option<KeyedHash>,
    /// What happened, should it find no way into the queue.
    lost: Event,
}

impl Gateway {
    /// The subject of a challenge has proved `contact`: the directory that knew it and the site's webhook are to be told, if
    /// they want to be. Nobody has vouched for a typed contact, and an earlier one is the subject's no longer, so of such a
    /// one nobody is told.
    pub(super) fn mark(&self, site: &Site, particulars: &Particulars, contact: &Contact, reference: Reference) {
        if particulars.is_earlier {
            return;
        }
        let (Some(subject), Some(known_by)) = (particulars.subject(), particulars.known_by.clone()) else { return };
        let id = DirectoryId::from(known_by);
        let directories = &site.spec.directories;
        let directory = directories.identified(&id);
        if directory.is_none() && directories.iter().any(|directory| directory.takes_marks()) {
            tracing::warn!(
                site = site.spec.key.as_str(),
                "the directory that knew a proved contact is gone, or there are two that look alike: none is told"
            );
        }
        let directory = directory.filter(|directory| directory.takes_marks());
        let directory = directory.map(|directory| To::Directory { name: directory.name().to_owned(), id });
        let webhook = site.spec.webhook.as_ref().map(|_| To::Webhook);
        let told = |to| Told {
            to,
            site: site.spec.key.as_str().to_owned(),
            subject: subject.as_str().to_owned(),
            account: particulars.account.clone(),
            channel: contact.channel(),
            address: contact.reveal().to_owned(),
            at: self.shared.clock.now(),
            reference: reference.to_string(),
        };
        let marks: Vec<Waiting> =
            directory.into_iter().chain(webhook).map(told).map(|told| self.waiting(told, reference)).collect();
        if !marks.is_empty() {
            self.shared.marks.run(queue(Arc::clone(&self.shared), marks));
        }
    }

    fn waiting(&self, told: Told, reference: Reference) -> Waiting {
        let random = &*self.shared.random;
        let id = MarkId::from_random(random.bytes());
        let plain = serde_json::to_vec(&told).unwrap_or_default();
        let sealed = self.keys.seal(Purpose::Mark, id.as_bytes(), &plain, random);
        let lost = self.not_told(&told, reference);
        Waiting { id, of: self.only_the_newest(&told), told, sealed, lost }
    }

    /// A directory has one time at which a contact was proved: an older one that comes after a newer one would take its
    /// place. A webhook hears of each.
    fn only_the_newest(&self, told: &Told) -> Option<KeyedHash> {
        let To::Directory { id, .. } = &told.to else { return None };
        let parts = [&told.site, id.as_str(), &told.subject, told.channel.as_str(), &told.address];
        Some(self.keys.hash("mark", &parts.map(str::as_bytes)))
    }

    /// What a mark says; `None` when it was sealed under a secret that is unknown here, or written by a newer version.
    pub(super) fn read_mark(&self, id: MarkId, sealed: &[u8]) -> Option<Told> {
        let plain = self.keys.open(Purpose::Mark, id.as_bytes(), sealed)?;
        serde_json::from_slice(&plain).ok()
    }

    /// That somebody is not told of a contact any more.
    pub(super) fn not_told(&self, told: &Told, reference: Reference) -> Event {
        let event = Event::new(Kind::NotTold, reference).site(&told.site).reason(told.to.name());
        let Some(mark) = told.mark() else { return event };
        let counted = told.account.as_deref().and_then(|account| Subject::parse(account).ok());
        let counted = counted.as_ref().unwrap_or(&mark.subject);
        let hash = self.subject_hash_at(&SiteKey::new(&told.site), counted);
        event.contact(&mark.contact).subject(&mark.subject, hash)
    }
}

/// Puts marks into the queue.
async fn queue(shared: Arc<Shared>, marks: Vec<Waiting>) {
    let new: Vec<_> = marks.iter().map(|mark| NewMark { id: mark.id, sealed: &mark.sealed, of: mark.of }).collect();
    let mut waits = WAITS.iter();
    let (lost, why) = loop {
        match shared.store.put_marks(&new, KEPT, MOST).await {
            // The newest found no room.
            Ok(full) => break (full, "too many marks wait already".to_owned()),
            Err(error) => match waits.next() {
                Some(wait) => {
                    tracing::warn!(%error, "a mark of a proved contact could not be queued yet");
                    tokio::time::sleep(*wait).await;
                }
                None => break (marks.len(), error.to_string()),
            },
        }
    };
    shared.marks.queued.notify_one();
    let queued = marks.len().saturating_sub(lost);
    for Waiting { told, lost, .. } in marks.into_iter().skip(queued) {
        tracing::error!(why, site = told.site, to = told.to.name(), "nobody is told of a proved contact");
        shared.audit.metrics.marked(&told.site, told.to.name(), MarkOutcome::Dropped);
        shared.audit.record(lost.reason(&why));
    }
}

// === impl Queueing ===

impl Queueing {
    fn run(&self, queueing: impl Future<Output = ()> + Send + 'static) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        while running.try_join_next().is_some() {}
        running.spawn(queueing);
    }

    /// Waits until everything is in the queue that was to be put into it before.
    pub(super) async fn settle(&self) {
        let running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        running.join_all().await;
    }
}

// === impl Told ===

impl Told {
    /// What a directory is told; `None` when this version does not take the contact for one.
    pub(super) fn mark(&self) -> Option<Mark> {
        let subject = Subject::parse(&self.subject).ok()?;
        let contact = Contact::parse(self.channel, &self.address).ok()?;
        Some(Mark { subject, contact, at: self.at })
    }

    /// The reference of the challenge.
    pub(super) fn reference(&self) -> Option<Reference> {
        Reference::parse(&self.reference).ok()
    }
}

// === impl To ===

impl To {
    /// What it is called in logs and metrics.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Webhook => "webhook",
            Self::Directory { name, .. } => name,
        }
    }
}
