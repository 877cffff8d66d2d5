//! The cool-down after a change of contacts: what the store remembers of an account's contacts, and the notice to those that
//! it had before (O27).
//!
//! The notices stand beside the road: the visitor waits for nothing of them. The store says which gateway sends them.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use crate::audit::{Event, Kind};
use crate::challenge::{Reach, fresh_for};
use crate::delivery::{Aim, Delivery, Message, Order, SiteName};
use crate::directory::Entry;
use crate::seal::Purpose;
use crate::stepup::carry::tally;
use crate::stepup::gateway::Shared;
use crate::stepup::judge::about;
use crate::stepup::message::site_name;
use crate::stepup::{Gateway, Outage, Site, Visit};
use crate::store::{MoneyBudget, Seen, SeenContact, Sighting, SiteKey, StoreError};
use crate::words::{ChallengeId, Channel, Contact, KeyedHash, Language, Subject, Timestamp};

/// The contacts of an account, by their age.
#[derive(Debug, Clone, Default)]
pub(super) struct Settled {
    /// Those of the directory that may be used.
    pub contacts: Vec<Contact>,
    /// Those that may not yet, and how long not.
    pub fresh: Vec<(Contact, Duration)>,
    /// Those that were there long enough and are there no longer, each address on its channels, and since when.
    pub earlier: Vec<(Vec<Contact>, Duration)>,
}

/// Which contacts of a listing might be used a moment ago.
#[derive(Debug)]
pub(super) struct Calm(Cache<KeyedHash, (Timestamp, Arc<[KeyedHash]>)>);

/// For how long it is not asked again which contacts of a listing may be used.
const CALM: Duration = Duration::from_secs(60);
/// The most listings that are kept; each is below 1 KiB.
const MOST: u64 = 10_000;

/// How long contacts are remembered beyond a cool-down.
const REMEMBERED: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How long a provider may try to reach a telephone with a notice.
const LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long to wait each time that no provider took a notice.
const WAITS: [Duration; 3] = [Duration::from_secs(10), Duration::from_secs(60), Duration::from_secs(300)];

// === impl Calm ===

impl Default for Calm {
    fn default() -> Self {
        Self(Cache::new(MOST))
    }
}

impl Gateway {
    /// Takes down which contacts the directory lists now, tells whoever is to be told of a change, and says which of them
    /// may be used.
    pub(super) async fn settle(
        &self,
        site: &Site,
        visit: &Visit,
        subject: &Subject,
        entry: &Entry,
        cooldown: Duration,
    ) -> Result<Settled, StoreError> {
        let account = self.subject_hash(site, entry.id.as_ref().unwrap_or(subject));
        let notice = self.shared.challenge_id();
        let seen = self.sight(site, account, entry, (notice, cooldown), false).await?;
        self.tell_change(site, visit, subject, entry.language.clone(), account, notice, &seen);
        let now = self.shared.clock.now();
        let mut settled = Settled::default();
        for listed in &entry.contacts {
            let hash = self.contact_hash(&listed.contact);
            let known = seen.contacts.iter().find(|seen| seen.contact == hash);
            match fresh_for(listed, known, cooldown, now) {
                Duration::ZERO => settled.contacts.push(listed.contact.clone()),
                left => settled.fresh.push((listed.contact.clone(), left)),
            }
        }
        let earlier = seen.contacts.iter().filter(|seen| seen.is_settled(cooldown));
        let earlier = earlier.filter_map(|seen| Some((self.unsealed(account, seen), seen.gone?)));
        settled.earlier = earlier.collect();
        Ok(settled)
    }

    /// An operator vouches for the contacts that the directory lists now: none of them is new any more, and what was there
    /// before is forgotten. True when that changed anything. A directory that does not answer is no hindrance to the rest of
    /// what an operator does: then nothing is changed.
    pub(super) async fn vouch_for(&self, site: &Site, subject: &Subject) -> Result<bool, StoreError> {
        let Some(cooldown) = site.spec.contact_cooldown else { return Ok(false) };
        let entry = match site.spec.directories.find_anew(subject).await {
            Ok(Some(found)) => found.entry,
            Ok(None) => return Ok(false),
            Err(error) => {
                tracing::warn!(%error, "the contacts of a subject cannot be looked up: their cool-down goes on");
                return Ok(false);
            }
        };
        let account = self.subject_hash(site, entry.id.as_ref().unwrap_or(subject));
        let seen = self.sight(site, account, &entry, (self.shared.challenge_id(), cooldown), true).await?;
        self.shared.calm.0.invalidate_all();
        Ok(seen.changed)
    }

    async fn sight(
        &self,
        site: &Site,
        account: KeyedHash,
        entry: &Entry,
        (notice, cooldown): (ChallengeId, Duration),
        is_vouched: bool,
    ) -> Result<Seen, StoreError> {
        let listed = self.addresses(entry, account);
        let sighting = Sighting {
            site: &site.spec.key,
            account,
            listed: &listed,
            cooldown,
            keep: cooldown + REMEMBERED,
            notice,
            per_contact: &self.rules.limits.sends.per_contact,
            is_vouched,
        };
        self.shared.store.contacts_seen(&sighting).await
    }

    /// The contacts of an entry that may be used, hashed; asked again after a minute at most, since this is asked for every
    /// request that goes on by the directory's word.
    pub(super) async fn older_contacts(
        &self,
        site: &Site,
        visit: &Visit,
        subject: &Subject,
        entry: &Entry,
        cooldown: Duration,
    ) -> Result<Arc<[KeyedHash]>, Outage> {
        let now = self.shared.clock.now();
        let mut listing = self.subject_hash(site, subject).as_bytes().to_vec();
        for listed in &entry.contacts {
            listing.extend(self.contact_hash(&listed.contact).as_bytes());
            listing.extend(listed.changed_at.map_or(0, Timestamp::as_millis).to_be_bytes());
        }
        let key = self.keys.hash("calm", &[&listing]);
        if let Some((at, older)) = self.shared.calm.0.get(&key)
            && now.since(at).is_some_and(|age| age < CALM.min(cooldown))
        {
            return Ok(older);
        }
        // What is taken down is what the directory says now, not what it said to this gateway a while ago.
        let older: Arc<[KeyedHash]> = match site.spec.directories.find_anew(subject).await? {
            Some(found) => {
                let settled = self.settle(site, visit, subject, &found.entry, cooldown).await?;
                settled.contacts.iter().map(|contact| self.contact_hash(contact)).collect()
            }
            None => Arc::default(),
        };
        self.shared.calm.0.insert(key, (now, Arc::clone(&older)));
        Ok(older)
    }

    /// Every address of an entry, hashed, and sealed with its channels.
    fn addresses(&self, entry: &Entry, account: KeyedHash) -> Vec<(KeyedHash, Vec<u8>)> {
        let mut addresses: Vec<(KeyedHash, Vec<Reach>)> = Vec::new();
        for contact in entry.contacts() {
            let hash = self.contact_hash(contact);
            match addresses.iter_mut().find(|(known, _)| *known == hash) {
                Some((_, channels)) => channels.push(Reach::new(contact)),
                None => addresses.push((hash, vec![Reach::new(contact)])),
            }
        }
        let seal = |(hash, channels): (KeyedHash, Vec<Reach>)| {
            let plain = serde_json::to_vec(&channels).unwrap_or_default();
            let sealed = self.keys.seal(Purpose::Contact, &context(account, hash), &plain, &*self.shared.random);
            (hash, sealed)
        };
        addresses.into_iter().map(seal).collect()
    }

    /// An address on its channels; none when it was sealed under a secret that was dropped.
    fn unsealed(&self, account: KeyedHash, seen: &SeenContact) -> Vec<Contact> {
        let plain = self.keys.open(Purpose::Contact, &context(account, seen.contact), &seen.sealed);
        let channels: Vec<Reach> = plain.and_then(|plain| serde_json::from_slice(&plain).ok()).unwrap_or_default();
        channels.iter().filter_map(Reach::contact).collect()
    }

    /// Records a change, and sends the notices of it, beside the road.
    #[expect(clippy::too_many_arguments, reason = "what a notice is made of, in one place and asked for once")]
    fn tell_change(
        &self,
        site: &Site,
        visit: &Visit,
        subject: &Subject,
        language: Option<Language>,
        account: KeyedHash,
        notice: ChallengeId,
        seen: &Seen,
    ) {
        let reference = self.shared.reference();
        let event = |kind| about(site, visit, self.naming(site, Some(subject), Event::new(kind, reference)));
        let changed = seen.changed.then(|| {
            let told = |seen: &SeenContact, what| {
                let contact = self.unsealed(account, seen).into_iter().next();
                contact.map(|contact| format!("{what} {} {}", contact.channel(), contact.masked()))
            };
            let changes = seen.contacts.iter().filter_map(|seen| match seen.gone {
                None if seen.is_new => told(seen, "new"),
                Some(Duration::ZERO) => told(seen, "gone"),
                _ => None,
            });
            event(Kind::ContactChanged).reasons(changes)
        });
        let mut notices = Vec::new();
        for seen in seen.contacts.iter().filter(|seen| seen.notify) {
            let channels = self.unsealed(account, seen);
            let to = by_notice(&channels, &self.delivery);
            let named = to.as_ref().or_else(|| channels.first());
            let told = event(Kind::ContactNotice);
            notices.push((to.clone(), named.map_or_else(|| told.clone(), |named| told.clone().contact(named))));
        }
        if changed.is_none() && notices.is_empty() {
            return;
        }
        let sending = Notices {
            shared: Arc::clone(&self.shared),
            delivery: Arc::clone(&self.delivery),
            site: site.spec.key.clone(),
            name: site_name(site, visit).with_support(site.spec.support.as_deref()),
            reference,
            language,
            id: notice,
            budget: self.rules.limits.money,
        };
        tokio::spawn(async move {
            if let Some(changed) = changed {
                sending.shared.note(changed).await;
            }
            for (to, event) in notices {
                let event = match to {
                    Some(to) => event.reason(sending.send(to).await),
                    None => event.reason("no channel reaches it"),
                };
                sending.shared.note(event).await;
            }
        });
    }
}

/// What the notices of one change are sent with.
struct Notices {
    shared: Arc<Shared>,
    delivery: Arc<Delivery>,
    site: SiteKey,
    name: SiteName,
    reference: crate::words::Reference,
    language: Option<Language>,
    id: ChallengeId,
    budget: MoneyBudget,
}

impl Notices {
    /// Sends one; gives what became of it, in words for an event. A provider that did not take it is asked again for some
    /// minutes.
    async fn send(&self, to: Contact) -> String {
        let channel = to.channel();
        let message = Message {
            to,
            code: None,
            site: self.name.clone(),
            aim: Aim::Changed,
            expires_in: LIFE,
            reference: self.reference,
            language: self.language.clone(),
            client: None,
        };
        let (site, budget) = (&self.site, &self.budget);
        let order = Order { message: &message, site, challenge: self.id, send: 0, budget, avoid: None };
        let mut waits = WAITS.iter();
        loop {
            let outcome = self.delivery.send(&order).await;
            tally(&self.shared.audit.metrics, channel, &outcome);
            let error = match outcome {
                Ok(delivered) => return delivered.provider,
                Err(error) => error,
            };
            let wait = waits.next().filter(|_| error.surely_not_sent() && !error.recipient_refused());
            let Some(wait) = wait else {
                tracing::error!(%error, "a notice of a changed contact could not be sent");
                return error.to_string();
            };
            tracing::warn!(%error, "a notice of a changed contact could not be sent yet");
            tokio::time::sleep(*wait).await;
        }
    }
}

/// The channel of an address on which a notice goes: of a telephone a text message rather than a call.
fn by_notice(channels: &[Contact], delivery: &Delivery) -> Option<Contact> {
    let address = channels.first()?;
    let ways = [Channel::Email, Channel::Sms, Channel::Voice].into_iter().filter_map(|channel| address.on(channel));
    let mut taken = ways.filter(|way| delivery.can(way.channel()) && delivery.takes(way).is_ok());
    taken.next()
}

fn context(account: KeyedHash, contact: KeyedHash) -> Vec<u8> {
    [account.as_bytes().as_slice(), contact.as_bytes()].concat()
}
