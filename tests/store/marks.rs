//! Marks that wait in a queue for all gateways. Each case has a store of its own, since the queue is no site's.

use std::collections::BTreeSet;
use std::time::Duration;

use otpgate::store::{NewMark, TakenMark, TakenMarks};
use otpgate::words::{KeyedHash, MarkId};

use crate::bench::{Bench, LONG, TICK, hash, random};
use crate::races::at_once;

/// More than any case queues.
const ROOMY: usize = 1000;

fn id() -> MarkId {
    MarkId::from_random(random())
}

fn ids(taken: &TakenMarks) -> Vec<MarkId> {
    taken.marks.iter().map(|mark| mark.id).collect()
}

impl Bench {
    async fn put(&self, id: MarkId) {
        let mark = NewMark { id, sealed: b"\x00sealed\xff", of: None };
        assert_eq!(self.store.put_marks(&[mark], LONG, ROOMY).await.unwrap(), 0);
    }

    async fn queued(&self) -> MarkId {
        let id = id();
        self.put(id).await;
        id
    }

    async fn take(&self, most: usize, lease: Duration) -> TakenMarks {
        self.store.take_marks(most, lease).await.unwrap()
    }

    /// The only mark that is due.
    async fn only(&self, lease: Duration) -> TakenMark {
        let mut taken = self.take(10, lease).await;
        assert_eq!(taken.marks.len(), 1, "{taken:?}");
        taken.marks.remove(0)
    }

    async fn nothing_is_due(&self) {
        let taken = self.take(10, LONG).await;
        assert_eq!(taken.marks, [], "{taken:?}");
    }
}

pub async fn the_oldest_mark_is_taken_first(t: Bench) {
    let mut queued = Vec::new();
    for _ in 0..3 {
        queued.push(t.queued().await);
        t.wait(Duration::from_millis(5)).await;
    }
    let first = t.take(2, LONG).await;
    assert_eq!(ids(&first), queued[..2]);
    assert_eq!(first.next, Some(Duration::ZERO), "the third is due");
    assert_eq!((first.marks[0].sealed.as_slice(), first.marks[0].tries), (&b"\x00sealed\xff"[..], 1));
    assert!(first.marks[0].age >= Duration::from_millis(10), "{first:?}");
    let second = t.take(2, LONG).await;
    assert_eq!(ids(&second), queued[2..]);
    let third = t.take(2, LONG).await;
    assert_eq!(third.marks, []);
    assert!(t.is(third.next.unwrap(), LONG), "{third:?}");
    assert_eq!(t.take(0, LONG).await.marks, []);
    // So that a key of each kind is there.
    t.store.mark_done(queued[0]).await.unwrap();
    t.store.put_marks(&[NewMark { id: id(), sealed: b"sealed", of: Some(hash()) }], LONG, ROOMY).await.unwrap();
}

pub async fn a_mark_is_queued_once(t: Bench) {
    assert_eq!(t.take(10, LONG).await, TakenMarks::default());
    let id = t.queued().await;
    t.put(id).await;
    assert_eq!(t.only(LONG).await.id, id);
    t.put(id).await;
    t.nothing_is_due().await;
    t.store.mark_done(id).await.unwrap();
    t.put(id).await;
    assert_eq!(t.take(10, LONG).await, TakenMarks::default(), "it was done already");
    t.store.mark_done(id).await.unwrap();
}

pub async fn a_lease_runs_out(t: Bench) {
    let id = t.queued().await;
    assert_eq!(t.only(TICK).await.tries, 1);
    t.nothing_is_due().await;
    t.wait(TICK + TICK / 10).await;
    let again = t.only(LONG).await;
    assert_eq!((again.id, again.tries), (id, 2));
    assert!(again.age >= TICK);
}

pub async fn a_mark_comes_later(t: Bench) {
    let id = t.queued().await;
    let taken = t.only(LONG).await;
    t.store.mark_later(id, taken.tries, TICK).await.unwrap();
    let none = t.take(10, LONG).await;
    assert_eq!(none.marks, []);
    assert!(t.is(none.next.unwrap(), TICK), "{none:?}");
    t.wait(TICK + TICK / 10).await;
    let taken = t.only(LONG).await;
    assert_eq!(taken.tries, 2);
    // A gateway that stops gives it back.
    t.store.mark_later(id, taken.tries, Duration::ZERO).await.unwrap();
    assert_eq!(t.only(LONG).await.tries, 3);
}

pub async fn whose_lease_ran_out_moves_nothing(t: Bench) {
    let id = t.queued().await;
    let first = t.only(TICK / 10).await;
    t.wait(TICK / 5).await;
    let second = t.only(LONG).await;
    t.store.mark_later(id, first.tries, Duration::ZERO).await.unwrap();
    t.nothing_is_due().await;
    // It told, however late.
    t.store.mark_done(id).await.unwrap();
    t.store.mark_later(id, second.tries, Duration::ZERO).await.unwrap();
    assert_eq!(t.take(10, LONG).await, TakenMarks::default());
    t.store.mark_later(self::id(), 1, Duration::ZERO).await.unwrap();
    assert_eq!(t.take(10, LONG).await, TakenMarks::default());
}

pub async fn a_full_queue_takes_no_more(t: Bench) {
    let all: Vec<MarkId> = (0..5).map(|_| id()).collect();
    let marks: Vec<NewMark<'_>> = all.iter().map(|&id| NewMark { id, sealed: b"sealed", of: None }).collect();
    assert_eq!(t.store.put_marks(&marks, LONG, 3).await.unwrap(), 2);
    assert_eq!(t.store.put_marks(&marks[..3], LONG, 3).await.unwrap(), 0, "these are queued");
    let known: BTreeSet<_> = ids(&t.take(10, LONG).await).into_iter().collect();
    assert_eq!(known, all[..3].iter().copied().collect(), "the newest give way");
    assert_eq!(t.store.put_marks(&marks[3..], LONG, 3).await.unwrap(), 2, "one that was taken has its place still");
    t.store.mark_done(all[0]).await.unwrap();
    assert_eq!(t.store.put_marks(&marks[3..], LONG, 3).await.unwrap(), 1);
    assert_eq!(t.only(LONG).await.id, all[3]);
}

/// What comes later must not say something older.
pub async fn only_the_newest_of_its_kind_waits(t: Bench) {
    let (alice, bob) = (Some(hash()), Some(hash()));
    let put = async |id: MarkId, of: Option<KeyedHash>, most: usize| {
        t.store.put_marks(&[NewMark { id, sealed: b"sealed", of }], LONG, most).await.unwrap()
    };
    let (first, second, third, other) = (id(), id(), id(), id());
    assert_eq!(put(first, alice, 1).await, 0);
    assert_eq!(put(second, alice, 1).await, 0, "it takes the first one's place");
    assert_eq!(put(other, bob, 2).await, 0);
    // Whoever does not know that the first was queued says so again.
    assert_eq!(put(first, alice, ROOMY).await, 0);
    let taken = t.take(10, LONG).await;
    let known: BTreeSet<_> = ids(&taken).into_iter().collect();
    assert_eq!(known, [second, other].into_iter().collect());

    // One that is just being told gives way, too.
    assert_eq!(put(third, alice, ROOMY).await, 0);
    assert_eq!(t.only(LONG).await.id, third);
    for mark in taken.marks.iter().filter(|mark| mark.id == second) {
        t.store.mark_later(mark.id, mark.tries, Duration::ZERO).await.unwrap();
    }
    t.nothing_is_due().await;
    t.store.mark_done(third).await.unwrap();
    let fourth = id();
    assert_eq!(put(fourth, alice, ROOMY).await, 0, "after one that is done, too");
    assert_eq!(t.only(LONG).await.id, fourth);
}

pub async fn marks_leave_with_their_time(t: Bench) {
    let marks: Vec<MarkId> = (0..30).map(|_| id()).collect();
    let marks: Vec<NewMark<'_>> = marks.iter().map(|&id| NewMark { id, sealed: b"sealed", of: None }).collect();
    assert_eq!(t.store.put_marks(&marks, TICK, ROOMY).await.unwrap(), 0);
    let lasting = t.queued().await;
    t.wait(TICK + TICK / 10).await;
    assert_eq!(t.only(LONG).await.id, lasting);
    assert_eq!(t.store.put_marks(&marks[..1], LONG, 2).await.unwrap(), 0, "their places are free");
}

pub async fn a_mark_is_taken_by_one(t: Bench) {
    let marks: Vec<MarkId> = (0..100).map(|_| id()).collect();
    let marks: Vec<NewMark<'_>> = marks.iter().map(|&id| NewMark { id, sealed: b"sealed", of: None }).collect();
    t.store.put_marks(&marks, LONG, ROOMY).await.unwrap();
    let taken = at_once(50, || {
        let t = t.clone();
        async move { ids(&t.take(3, LONG).await) }
    })
    .await;
    let all: Vec<MarkId> = taken.into_iter().flatten().collect();
    let each: BTreeSet<_> = all.iter().copied().collect();
    assert_eq!((all.len(), each.len()), (100, 100));
}

pub async fn a_mark_that_many_queue_is_one(t: Bench) {
    let id = id();
    at_once(50, || {
        let t = t.clone();
        async move { t.put(id).await }
    })
    .await;
    assert_eq!(t.only(LONG).await.id, id);
}
