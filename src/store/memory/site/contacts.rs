//! Which contacts an account has, and since when.

use super::Site;
use crate::store::{Seen, SeenContact, Sighting, StoreError};
use crate::words::{KeyedHash, Timestamp};

/// A contact that is or was an account's.
#[derive(Debug, Clone)]
pub(super) struct Known {
    contact: KeyedHash,
    sealed: Vec<u8>,
    first: Timestamp,
    gone: Option<Timestamp>,
    from_start: bool,
    /// Whether it has a notice to come.
    owed: bool,
    is_new: bool,
}

// === impl Site ===

impl Site {
    pub(in crate::store::memory) fn contacts_seen(
        &mut self,
        ask: &Sighting<'_>,
        now: Timestamp,
    ) -> Result<Seen, StoreError> {
        self.check_room()?;
        let before = self.contacts.get(&ask.account, now).cloned();
        let is_first = before.is_none();
        let mut known = before.unwrap_or_default();
        known.retain(|known| known.gone.is_none_or(|gone| gone.after(ask.keep) > now));
        if ask.is_vouched {
            let changed = known.iter().any(|known| !known.is_as_ever(ask, now));
            let listed = ask.listed.iter().take(Sighting::MOST_LISTED);
            let known: Vec<Known> = listed.map(|(contact, sealed)| Known::always(*contact, sealed)).collect();
            let contacts = known.iter().map(|known| known.told(now, false)).collect();
            self.contacts.insert(ask.account, known, now.after(ask.keep));
            return Ok(Seen { contacts, changed });
        }
        let mut changed = false;
        for known in &mut known {
            known.is_new = false;
            let is_listed = ask.listed.iter().take(Sighting::MOST_LISTED).any(|(listed, _)| *listed == known.contact);
            if !is_listed && known.gone.is_none() {
                known.gone = Some(now);
                changed = true;
            }
        }
        for (contact, sealed) in ask.listed.iter().take(Sighting::MOST_LISTED) {
            match known.iter_mut().find(|known| known.contact == *contact) {
                Some(known) => {
                    known.sealed.clone_from(sealed);
                    if let Some(gone) = known.gone {
                        // Whoever was away for long, or not there for long before, begins anew.
                        if gone.after(ask.cooldown) <= now || !known.told(gone, false).is_settled(ask.cooldown) {
                            (known.first, known.from_start) = (now, false);
                        }
                        (known.gone, known.is_new, changed) = (None, true, true);
                    }
                }
                None => {
                    changed |= !is_first;
                    known.push(Known {
                        contact: *contact,
                        sealed: sealed.clone(),
                        first: now,
                        gone: None,
                        from_start: is_first,
                        owed: false,
                        is_new: !is_first,
                    });
                }
            }
        }
        if changed {
            for known in known.iter_mut().filter(|known| !known.is_new) {
                let is_settled = known.told(now, false).is_settled(ask.cooldown);
                known.owed |= match known.gone {
                    Some(gone) => gone == now || is_settled && gone.after(ask.cooldown) > now,
                    None => true,
                };
            }
        }
        forget_oldest(&mut known, ask, now);
        let mut contacts = Vec::new();
        for known in &mut known {
            let count = Sighting::counted(known.contact);
            let notify = known.owed && self.counts.full_for(&count, ask.per_contact, now).is_zero();
            if notify {
                self.counts.count(&count, ask.per_contact, (ask.notice, 0), now);
                known.owed = false;
            }
            contacts.push(known.told(now, notify));
        }
        self.contacts.insert(ask.account, known, now.after(ask.keep));
        Ok(Seen { contacts, changed })
    }
}

/// Of what is gone the oldest give way, and first of all what was never there for long: nobody pushes out an older contact
/// by one change after another.
fn forget_oldest(known: &mut Vec<Known>, ask: &Sighting<'_>, now: Timestamp) {
    let mut gone: Vec<(bool, Timestamp, KeyedHash)> = known
        .iter()
        .filter_map(|known| Some((known.told(now, false).is_settled(ask.cooldown), known.gone?, known.contact)))
        .collect();
    gone.sort_unstable_by_key(|&(is_settled, gone, contact)| (is_settled, gone, *contact.as_bytes()));
    let over = gone.len().saturating_sub(Sighting::MOST_GONE);
    let over = gone.get(..over).unwrap_or_default();
    known.retain(|known| !over.iter().any(|(_, _, contact)| *contact == known.contact));
}

// === impl Known ===

impl Known {
    /// What an account always had.
    fn always(contact: KeyedHash, sealed: &[u8]) -> Self {
        let first = Timestamp::default();
        Self { contact, sealed: sealed.to_vec(), first, gone: None, from_start: true, owed: false, is_new: false }
    }

    /// Whether it is listed as before, and old enough.
    fn is_as_ever(&self, ask: &Sighting<'_>, now: Timestamp) -> bool {
        let is_listed = ask.listed.iter().take(Sighting::MOST_LISTED).any(|(listed, _)| *listed == self.contact);
        is_listed && self.gone.is_none() && self.told(now, false).is_settled(ask.cooldown)
    }

    fn told(&self, now: Timestamp, notify: bool) -> SeenContact {
        SeenContact {
            contact: self.contact,
            sealed: self.sealed.clone(),
            since: now.since(self.first).unwrap_or_default(),
            from_start: self.from_start,
            gone: self.gone.map(|gone| now.since(gone).unwrap_or_default()),
            is_new: self.is_new,
            notify,
        }
    }
}
