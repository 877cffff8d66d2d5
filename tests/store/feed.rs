//! Revocations, and how gateways hear of what others did.

use std::time::{Duration, Instant};

use otpgate::store::{Change, Cursor, Flag, Revocation, SiteKey};
use otpgate::words::Timestamp;

use crate::bench::{Bench, LONG, TICK, grant_id, hash};

/// The site that a change is about: the feed is one for all.
fn site(change: &Change) -> &SiteKey {
    match change {
        Change::Revoked(
            Revocation::Subject { site, .. } | Revocation::Grant { site, .. } | Revocation::Device { site, .. },
            _,
        )
        | Change::Moved { site, .. }
        | Change::Session { site, .. }
        | Change::Flagged(Flag { site, .. }, _)
        | Change::Lifted { site, .. }
        | Change::Unlocked { site, .. } => site,
    }
}

/// The changes of this site since `cursor`: as many as `count`, or those of three looks.
pub async fn heard(t: &Bench, cursor: &mut Cursor, count: usize) -> Vec<Change> {
    let mut all = Vec::new();
    let started = Instant::now();
    while all.len() < count && started.elapsed() < Duration::from_secs(3) {
        let changes = t.store.changes(cursor.clone()).await.unwrap();
        assert!(!changes.lost);
        all.extend(changes.changes.into_iter().filter(|change| *site(change) == t.site));
        *cursor = changes.cursor;
    }
    all
}

pub async fn now(t: &Bench) -> Cursor {
    t.store.changes(Cursor::default()).await.unwrap().cursor
}

/// C02, I10.
pub async fn revocations_are_kept_and_told(t: Bench) {
    let until = Timestamp::from_millis(1_732_457_000_123);
    let subject = Revocation::Subject { site: t.site.clone(), subject: hash(), until };
    let grant = Revocation::Grant { site: t.site.clone(), grant: grant_id() };
    let brief = Revocation::Grant { site: t.site.clone(), grant: grant_id() };
    let kept = async || {
        let all = t.store.revocations().await.unwrap();
        let of_site = |revocation: &Revocation| match revocation {
            Revocation::Subject { site, .. } | Revocation::Grant { site, .. } | Revocation::Device { site, .. } => {
                *site == t.site
            }
        };
        all.into_iter().filter(|(revocation, _)| of_site(revocation)).collect::<Vec<_>>()
    };
    let mut cursor = now(&t).await;
    t.store.revoke(&subject, LONG).await.unwrap();
    t.store.revoke(&grant, LONG * 2).await.unwrap();
    t.store.revoke(&brief, TICK * 2).await.unwrap();
    let changes = heard(&t, &mut cursor, 3).await;
    for (change, (revocation, ttl)) in changes.iter().zip([(&subject, LONG), (&grant, LONG * 2), (&brief, TICK * 2)]) {
        let Change::Revoked(told, left) = change else { panic!("{change:?}") };
        assert_eq!(told, revocation, "in their order");
        assert!(t.is(*left, ttl), "{left:?}");
    }
    assert_eq!((changes.len(), kept().await.len()), (3, 3));

    // Said again for longer it is kept for longer; for less, no less.
    t.store.revoke(&subject, LONG * 3).await.unwrap();
    t.store.revoke(&grant, TICK).await.unwrap();
    t.wait(TICK * 2).await;
    let kept = kept().await;
    assert_eq!(kept.len(), 2, "{kept:?}");
    let left = |wanted: &Revocation| kept.iter().find(|(revocation, _)| revocation == wanted).unwrap().1;
    assert!(t.is(left(&subject) + TICK * 2, LONG * 3));
    assert!(t.is(left(&grant) + TICK * 2, LONG * 2));
}

/// I10: whoever waits hears of it at once, or at the next look.
pub async fn a_change_is_told_at_once(t: Bench) {
    let mut cursor = now(&t).await;
    let (session, grant) = (hash(), grant_id());
    let waiting = {
        let t = t.clone();
        tokio::spawn(async move {
            let changes = heard(&t, &mut cursor, 1).await;
            (changes, Instant::now(), cursor)
        })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    t.store.revoke(&Revocation::Grant { site: t.site.clone(), grant }, LONG).await.unwrap();
    let told = Instant::now();
    let (changes, at, mut cursor) = waiting.await.unwrap();
    assert!(matches!(&changes[..], [Change::Revoked(Revocation::Grant { grant: known, .. }, _)] if *known == grant));
    assert!(at.saturating_duration_since(told) < Duration::from_millis(1500));

    t.store.bind_session(&t.site, session, b"alice", LONG).await.unwrap();
    t.store.forget_session(&t.site, session).await.unwrap();
    let changed = Change::Session { site: t.site.clone(), session };
    assert_eq!(heard(&t, &mut cursor, 2).await, [changed.clone(), changed]);
}

pub async fn a_reader_starts_at_the_present(t: Bench) {
    t.store.bind_session(&t.site, hash(), b"alice", LONG).await.unwrap();
    let mut cursor = Cursor::default();
    assert_eq!(heard(&t, &mut cursor, 1).await, [], "nothing from before");
    // Whoever was away for a while hears of everything since.
    for _ in 0..1200 {
        t.store.forget_session(&t.site, hash()).await.unwrap();
    }
    assert_eq!(heard(&t, &mut cursor, 1200).await.len(), 1200);
}

/// A cursor that this store never gave: changes may have been missed.
pub async fn a_cursor_of_another_store_is_lost(t: Bench) {
    let other = otpgate::store::memory::MemoryStore::new(std::sync::Arc::new(otpgate::words::SystemClock));
    let other: std::sync::Arc<dyn otpgate::store::Store> = std::sync::Arc::new(other);
    let elsewhere = Bench { store: other, ..t.clone() };
    let _ = now(&elsewhere).await;
    for _ in 0..3 {
        elsewhere.store.forget_session(&t.site, hash()).await.unwrap();
    }
    let foreign = now(&elsewhere).await;
    let changes = t.store.changes(foreign).await.unwrap();
    assert!(changes.lost);
    assert!(!t.store.changes(changes.cursor).await.unwrap().lost, "once");
}
