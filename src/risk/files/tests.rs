use std::sync::mpsc::{Sender, channel};
use std::thread::{self, ThreadId};

use super::*;

/// Says by which thread it is freed.
struct Told(Sender<ThreadId>);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.send(thread::current().id());
    }
}

/// A request that looks at an old table while it is replaced does not pay for freeing it.
#[test]
fn an_old_table_is_freed_by_who_replaces_it() {
    let (freed, freed_by) = channel();
    let (held, is_held) = channel();
    let place = ArcSwap::from_pointee(Told(freed));
    thread::scope(|scope| {
        scope.spawn(|| {
            let old = place.load();
            held.send(()).unwrap();
            while Arc::ptr_eq(&old, &place.load()) {
                thread::yield_now();
            }
        });
        is_held.recv().unwrap();
        swap(&place, Told(channel().0));
    });
    assert_eq!(freed_by.recv().unwrap(), thread::current().id());
}
