//! Re-checks: under `contact: {recheck: …}` nobody is asked while the directory says that a contact was proved lately.
//!
//! Its word is no proof of this browser's: it goes into no grant, and is asked for only when no proof there is good.

use std::time::Duration;

use moka::sync::Cache;

use crate::audit::{Event, Kind, rfc3339};
use crate::directory::Listed;
use crate::gate::Vouched;
use crate::stepup::identify::Who;
use crate::stepup::judge::Case;
use crate::stepup::{Gateway, Outage, Site, Visit};
use crate::words::{KeyedHash, StepUp, Subject, Timestamp};

/// Whose passing by the directory's word was recorded lately: a page with fifty pictures is one event, not fifty.
#[derive(Debug)]
pub(super) struct Told(Cache<KeyedHash, Timestamp>);

/// The most that are remembered; each is below 100 bytes.
const MOST: u64 = 10_000;

// === impl Told ===

impl Default for Told {
    fn default() -> Self {
        Self(Cache::new(MOST))
    }
}

impl Told {
    /// Whether this was not told within the last so long. It is told now.
    fn is_news(&self, what: KeyedHash, within: Duration, now: Timestamp) -> bool {
        let known = self.0.get(&what).and_then(|told| now.since(told));
        let is_news = known.is_none_or(|age| age > within);
        if is_news {
            self.0.insert(what, now);
        }
        is_news
    }
}

impl Gateway {
    /// What the directory vouches for: when the contacts of `subject` were proved. What came before a revocation is void, as
    /// a proof from then is, and a contact under a cool-down does not count.
    pub(super) async fn vouched(&self, site: &Site, visit: &Visit, subject: &Subject) -> Result<Vec<Vouched>, Outage> {
        let Some(found) = site.spec.directories.find(subject).await? else { return Ok(Vec::new()) };
        let entry = found.entry;
        let void = self.void_until(site, subject, entry.id.as_ref());
        let counts = |listed: &&Listed| listed.verified_at.is_some_and(|at| void.is_none_or(|until| at > until));
        let mut proved: Vec<&Listed> = entry.contacts.iter().filter(counts).collect();
        if let Some(cooldown) = site.spec.contact_cooldown
            && !proved.is_empty()
        {
            let older = self.older_contacts(site, visit, subject, &entry, cooldown).await?;
            proved.retain(|listed| older.contains(&self.contact_hash(&listed.contact)));
        }
        let vouched = |listed: &Listed| Some(Vouched { channel: listed.contact.channel(), at: listed.verified_at? });
        Ok(proved.into_iter().filter_map(vouched).collect())
    }

    /// The moment up to which whatever was proved of a subject is void, by its own name or by the directory's for it.
    fn void_until(&self, site: &Site, subject: &Subject, account: Option<&Subject>) -> Option<Timestamp> {
        if !site.revoked.has_subjects() {
            return None;
        }
        let until = |name: &Subject| site.revoked.void_until(self.subject_hash(site, name));
        until(subject).max(account.and_then(until))
    }

    /// Records that a request goes on by the directory's word: as often as its subject would be asked for a code otherwise.
    pub(super) fn note_vouched(&self, case: &Case<'_>, policy: &StepUp, who: &Who, vouched: Vouched) {
        let Some(subject) = &who.subject else { return };
        let counted = self.subject_hash(case.site, subject);
        let at = vouched.at.as_millis().to_be_bytes();
        let what = self.keys.hash("vouched", &[counted.as_bytes(), policy.name.as_bytes(), &at]);
        if self.shared.told.is_news(what, policy.max_age, self.shared.clock.now()) {
            let event: Event = self.event(Kind::Vouched, case, policy).channel(vouched.channel);
            let event = event.reason(format!("proved {}", rfc3339(vouched.at)));
            self.shared.audit.record(event.subject(subject, counted));
        }
    }
}
