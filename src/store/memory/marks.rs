//! Marks that wait.

use std::collections::BTreeSet;
use std::time::Duration;

use super::expiring::Expiring;
use crate::store::{NewMark, TakenMark, TakenMarks};
use crate::words::{KeyedHash, MarkId, Timestamp};

/// The queue of marks.
#[derive(Debug)]
pub(super) struct Marks {
    kept: Expiring<MarkId, KeptMark>,
    /// By when they are due.
    queue: BTreeSet<(Timestamp, MarkId)>,
    done: Expiring<MarkId, ()>,
    /// The newest of those of which only the newest counts.
    newest: Expiring<KeyedHash, MarkId>,
}

#[derive(Debug)]
struct KeptMark {
    id: MarkId,
    sealed: Vec<u8>,
    tries: u32,
    at: Timestamp,
    due: Timestamp,
}

/// Names of marks that are done. Those that would be forgotten first give way.
const DONE: usize = 100_000;

// === impl Marks ===

impl Marks {
    pub(super) fn new() -> Self {
        // How many are kept says who queues them.
        Self {
            kept: Expiring::new(usize::MAX),
            queue: BTreeSet::new(),
            done: Expiring::new(DONE),
            newest: Expiring::new(usize::MAX),
        }
    }

    fn sweep(&mut self, now: Timestamp) {
        for gone in self.kept.sweep(now) {
            self.queue.remove(&(gone.due, gone.id));
        }
        self.done.sweep(now);
        self.newest.sweep(now);
    }

    pub(super) fn put(&mut self, marks: &[NewMark<'_>], ttl: Duration, most: usize, now: Timestamp) -> usize {
        self.sweep(now);
        let mut full = 0;
        for NewMark { id, sealed, of } in marks {
            if self.kept.get(id, now).is_some() || self.done.get(id, now).is_some() {
                continue;
            }
            if let Some(older) = of.and_then(|of| self.newest.get(&of, now).copied()) {
                self.done(older, now);
            }
            if self.queue.len() >= most {
                full += 1;
                continue;
            }
            let mark = KeptMark { id: *id, sealed: sealed.to_vec(), tries: 0, at: now, due: now };
            self.kept.insert(*id, mark, now.after(ttl));
            self.queue.insert((now, *id));
            if let Some(of) = of {
                self.newest.insert(*of, *id, now.after(ttl));
            }
        }
        full
    }

    pub(super) fn take(&mut self, most: usize, lease: Duration, now: Timestamp) -> TakenMarks {
        self.sweep(now);
        let due: Vec<_> = self.queue.iter().take_while(|(due, _)| *due <= now).take(most).copied().collect();
        let mut marks = Vec::with_capacity(due.len());
        for (_, id) in due {
            self.move_to(id, now.after(lease), now);
            let Some(mark) = self.kept.get_mut(&id, now) else { continue };
            mark.tries = mark.tries.saturating_add(1);
            let age = now.since(mark.at).unwrap_or_default();
            marks.push(TakenMark { id, sealed: mark.sealed.clone(), tries: mark.tries, age });
        }
        let next = self.queue.first().map(|(due, _)| due.since(now).unwrap_or_default());
        TakenMarks { marks, next }
    }

    pub(super) fn done(&mut self, id: MarkId, now: Timestamp) {
        self.sweep(now);
        if let Some(mark) = self.kept.remove(&id) {
            self.queue.remove(&(mark.due, id));
            self.done.insert(id, (), now.after(TakenMark::REMEMBERED));
        }
    }

    pub(super) fn later(&mut self, id: MarkId, tries: u32, wait: Duration, now: Timestamp) {
        if self.kept.get(&id, now).is_some_and(|mark| mark.tries == tries) {
            self.move_to(id, now.after(wait), now);
        }
    }

    fn move_to(&mut self, id: MarkId, due: Timestamp, now: Timestamp) {
        if let Some(mark) = self.kept.get_mut(&id, now) {
            self.queue.remove(&(mark.due, id));
            mark.due = due;
            self.queue.insert((due, id));
        }
    }
}
