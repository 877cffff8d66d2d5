//! What an operator does: revoke, unlock, look up.

use std::time::Duration;

use crate::audit::{Event, Kind};
use crate::stepup::{Gateway, Site};
use crate::store::{Revocation, StoreError};
use crate::words::{KeyedHash, Reference, Subject};

/// What an operator's order did, on each site that it named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operated {
    /// The first host of the site.
    pub site: String,
    /// Whether anything changed: a subject that is not locked cannot be unlocked.
    pub changed: bool,
    /// Where the event can be looked up.
    pub reference: Reference,
}

impl Gateway {
    /// Makes every proof of `subject` void, on every gateway within two seconds (I10): on the site with `host`, or on
    /// every site.
    ///
    /// # Errors
    /// When the store does not answer; sites before the failing one stay revoked, and it can be said again.
    pub async fn revoke(&self, host: Option<&str>, subject: &Subject) -> Result<Vec<Operated>, StoreError> {
        let mut done = Vec::new();
        for (site, subject) in self.meant(host, subject) {
            let subject = &subject;
            // An operator who revokes may have changed the directory a moment ago.
            site.spec.directories.forget(subject);
            let (now, key) = (self.shared.clock.now(), site.spec.key.clone());
            // Nothing counts for longer than the longest policy says, but a new config may lengthen that.
            let ttl = site.reach.max(self.scoring.subject.remember).max(Duration::from_secs(24 * 60 * 60));
            for subject in self.counted(site, subject).await {
                let revocation = Revocation::Subject { site: key.clone(), subject, until: now };
                self.shared.store.revoke(&revocation, ttl).await?;
                self.shared.revoked.add(&revocation, ttl, now);
            }
            done.push(self.operated(site, subject, Kind::Revoked, true).await);
        }
        Ok(done)
    }

    /// Unlocks `subject`: forgets its failures, on the site with `host`, or on every site.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn unlock(&self, host: Option<&str>, subject: &Subject) -> Result<Vec<Operated>, StoreError> {
        let mut done = Vec::new();
        for (site, subject) in self.meant(host, subject) {
            let subject = &subject;
            site.spec.directories.forget(subject);
            let mut was_locked = false;
            for hash in self.counted(site, subject).await {
                self.shared.locks.forget(&site.spec.key, hash);
                was_locked |= self.shared.store.unlock(&site.spec.key, hash, &self.rules.limits.failures).await?;
            }
            done.push(self.operated(site, subject, Kind::Unlocked, was_locked).await);
        }
        Ok(done)
    }

    /// Ends the cool-down of the contacts that the directory lists for `subject` now, and forgets those from before: on the
    /// site with `host`, or on every site. Whoever orders it vouches for these contacts.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn trust_contacts(&self, host: Option<&str>, subject: &Subject) -> Result<Vec<Operated>, StoreError> {
        let mut done = Vec::new();
        for (site, subject) in self.meant(host, subject) {
            let changed = self.vouch_for(site, &subject).await?;
            done.push(self.operated(site, &subject, Kind::ContactsTrusted, changed).await);
        }
        Ok(done)
    }

    /// Everything known under a reference, as lines of masked JSON, oldest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn lookup(&self, reference: Reference) -> Result<Vec<String>, StoreError> {
        let stored = self.shared.store.noted(reference).await?;
        Ok(self.shared.audit.lookup(reference, stored))
    }

    /// The hashes under which a subject may be counted: its own, and that of the directory's name for whom it is. A
    /// directory that does not answer is no hindrance: the operator may name that name.
    async fn counted(&self, site: &Site, subject: &Subject) -> Vec<KeyedHash> {
        let account = match site.spec.directories.find(subject).await {
            Ok(found) => found.and_then(|found| found.entry.id),
            Err(error) => {
                tracing::warn!(%error, "a subject is meant by its own name alone");
                None
            }
        };
        [Some(subject), account.as_ref()].into_iter().flatten().map(|name| self.subject_hash(site, name)).collect()
    }

    /// Whom an operator means, on which sites. An address that a visitor types is one in any case, so where addresses are
    /// asked for, the small letters of a subject are meant, too.
    fn meant<'a>(&'a self, host: Option<&'a str>, subject: &Subject) -> Vec<(&'a std::sync::Arc<Site>, Subject)> {
        let mut meant = Vec::new();
        for site in self.sites_at(host) {
            let (spelled, folded) = (site.spelling(subject.clone()), subject.folded());
            if site.asks() && folded != spelled {
                meant.push((site, folded));
            }
            meant.push((site, spelled));
        }
        meant
    }

    pub(super) fn sites_at<'a>(&'a self, host: Option<&'a str>) -> impl Iterator<Item = &'a std::sync::Arc<Site>> {
        let named = host.and_then(|host| self.site(host));
        let all = if host.is_none() { Some(self.sites()) } else { None };
        named.into_iter().chain(all.into_iter().flatten())
    }

    async fn operated(&self, site: &Site, subject: &Subject, kind: Kind, changed: bool) -> Operated {
        let reference = self.shared.reference();
        let event = Event::new(kind, reference).site(site.spec.key.as_str());
        self.note(self.naming(site, Some(subject), event)).await;
        Operated { site: site.spec.key.to_string(), changed, reference }
    }
}
