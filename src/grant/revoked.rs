//! What no longer counts, held in memory: learned from the store's feed, asked on the hot path without a lock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::store::{Revocation, SiteKey};
use crate::words::{DeviceId, GrantId, KeyedHash, Timestamp};

/// The revocations of every site.
#[derive(Debug, Default)]
pub struct Revoked {
    sites: Mutex<HashMap<SiteKey, Arc<SiteRevoked>>>,
}

/// The revocations of one site.
#[derive(Debug, Default)]
pub struct SiteRevoked(ArcSwap<Lists>);

#[derive(Debug, Clone, Default)]
struct Lists {
    /// Proofs up to the first moment are void; kept until the second.
    subjects: HashMap<KeyedHash, (Timestamp, Timestamp)>,
    grants: HashMap<GrantId, Timestamp>,
    devices: HashMap<DeviceId, Timestamp>,
}

// === impl Revoked ===

impl Revoked {
    /// The revocations of `site`, to be asked without a lock from then on.
    #[must_use]
    pub fn site(&self, site: &SiteKey) -> Arc<SiteRevoked> {
        let mut sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(sites.entry(site.clone()).or_default())
    }

    /// Takes in a revocation that is kept for `ttl`. The same one twice is once.
    pub fn add(&self, revocation: &Revocation, ttl: Duration, now: Timestamp) {
        let site = match revocation {
            Revocation::Subject { site, .. } | Revocation::Grant { site, .. } | Revocation::Device { site, .. } => {
                self.site(site)
            }
        };
        // Read, copy and update under the lock of `sites`, so that two writers do not lose each other's entry.
        let _writer = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lists = Lists::clone(&site.0.load());
        lists.drop_expired(now);
        let keep = now.after(ttl);
        match revocation {
            Revocation::Subject { subject, until, .. } => {
                let entry = lists.subjects.entry(*subject).or_insert((*until, keep));
                *entry = (entry.0.max(*until), entry.1.max(keep));
            }
            Revocation::Grant { grant, .. } => {
                let entry = lists.grants.entry(*grant).or_insert(keep);
                *entry = (*entry).max(keep);
            }
            Revocation::Device { device, .. } => {
                let entry = lists.devices.entry(*device).or_insert(keep);
                *entry = (*entry).max(keep);
            }
        }
        site.0.store(Arc::new(lists));
    }

    /// Every revocation held, with what is left of its time, to publish again when the store lost them.
    #[must_use]
    pub fn all(&self, now: Timestamp) -> Vec<(Revocation, Duration)> {
        let sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = Vec::new();
        for (site, revoked) in sites.iter() {
            let lists = revoked.0.load();
            all.extend(lists.subjects.iter().filter_map(|(&subject, &(until, keep))| {
                Some((Revocation::Subject { site: site.clone(), subject, until }, keep.since(now)?))
            }));
            all.extend(lists.grants.iter().filter_map(|(&grant, &keep)| {
                Some((Revocation::Grant { site: site.clone(), grant }, keep.since(now)?))
            }));
            all.extend(lists.devices.iter().filter_map(|(&device, &keep)| {
                Some((Revocation::Device { site: site.clone(), device }, keep.since(now)?))
            }));
        }
        all
    }
}

// === impl SiteRevoked ===

impl SiteRevoked {
    /// Whether the grant `id` was ended.
    #[must_use]
    pub fn is_ended(&self, id: GrantId) -> bool {
        self.0.load().grants.contains_key(&id)
    }

    /// Whether a copy of this device was found.
    #[must_use]
    pub fn is_stolen(&self, id: DeviceId) -> bool {
        self.0.load().devices.contains_key(&id)
    }

    /// Whether anything was revoked for any subject: mostly not, and then no subject need be hashed.
    #[must_use]
    pub fn has_subjects(&self) -> bool {
        !self.0.load().subjects.is_empty()
    }

    /// The moment up to which proofs of `subject` are void, if any.
    #[must_use]
    pub fn void_until(&self, subject: KeyedHash) -> Option<Timestamp> {
        self.0.load().subjects.get(&subject).map(|&(until, _)| until)
    }
}

// === impl Lists ===

impl Lists {
    fn drop_expired(&mut self, now: Timestamp) {
        self.subjects.retain(|_, &mut (_, keep)| keep >= now);
        self.grants.retain(|_, &mut keep| keep >= now);
        self.devices.retain(|_, &mut keep| keep >= now);
    }
}

#[cfg(test)]
mod tests;
