//! Who proved a contact lately.

use super::Site;
use crate::store::Provers;
use crate::words::Timestamp;

impl Site {
    pub(in crate::store::memory) fn provers(&mut self, ask: &Provers<'_>, now: Timestamp) -> u32 {
        let mut known = self.provers.get(&ask.contact, now).cloned().unwrap_or_default();
        known.retain(|(_, at)| at.after(ask.within) > now);
        if ask.note {
            known.retain(|(by, _)| *by != ask.by);
            known.push((ask.by, now));
            let most = usize::try_from(Provers::MOST).unwrap_or(usize::MAX);
            known.drain(..known.len().saturating_sub(most));
            self.provers.insert(ask.contact, known.clone(), now.after(ask.within));
        }
        let others = known.iter().filter(|(by, _)| *by != ask.by).count();
        u32::try_from(others).unwrap_or(u32::MAX)
    }
}
