//! Wrong codes: how they count, and what locks.

use std::time::Duration;

use otpgate::store::{Answered, Change, FailureLimits, Held, Limits, Lock, Permit, State};
use otpgate::words::KeyedHash;

use crate::bench::{
    Answering, Bench, LONG, Opening, RIGHT, Sending, TICK, Visitor, WRONG, hash, no_failures, no_limits, window,
};
use crate::feed::{heard, now};

/// A wrong code in a new challenge.
async fn fail(t: &Bench, visitor: Visitor, limits: &FailureLimits) -> Answered {
    let id = t.sent_to(visitor, &Opening::new()).await;
    t.answer(visitor, id, WRONG, limits).await
}

fn locked_for(answered: &Answered) -> Duration {
    match answered {
        Answered::Locked(Lock::For(time)) => *time,
        other => panic!("{other:?}"),
    }
}

async fn lock_of(t: &Bench, subject: KeyedHash) -> Option<Lock> {
    t.store.lock(&t.site, subject).await.unwrap()
}

/// O08, O09, O36: after its tries a challenge gives one answer to all codes, and a resend brings none back.
pub async fn a_challenge_takes_its_tries(t: Bench) {
    let (visitor, none) = (Visitor::new(), no_failures());
    let id = t.sent_to(visitor, &Opening { tries: 3, ..Opening::new() }).await;
    assert_eq!(t.answer(visitor, id, WRONG, &none).await, Answered::Wrong { tries_left: 2 });
    t.sent(visitor, id, &Sending::new()).await;
    assert_eq!(t.answer(visitor, id, WRONG, &none).await, Answered::Wrong { tries_left: 1 });
    let over = Answered::Locked(Lock::Challenge);
    assert_eq!(t.answer(visitor, id, WRONG, &none).await, over, "the one that used up the last try looks alike");
    for code in [RIGHT, WRONG] {
        assert_eq!(t.answer(visitor, id, code, &none).await, over);
    }
    assert_eq!(t.send(visitor, id, &Sending::new()).await, Permit::Locked(Lock::Challenge));
    let challenge = t.challenge(visitor, id).await;
    assert_eq!((challenge.state, challenge.tries_left), (State::Locked(Lock::Challenge), 0));
    assert_eq!(lock_of(&t, visitor.subject).await, None);
    // A new one may be opened now, and takes its own tries.
    let id = t.sent_to(visitor, &Opening { tries: 1, ..Opening::new() }).await;
    t.pass(visitor, id, &Answering::new()).await;
}

/// O09, O10, I4: another challenge, browser or address is no new chance.
pub async fn wrong_codes_of_a_subject_count_everywhere(t: Bench) {
    let limits = FailureLimits { per_subject: vec![window(4, 3000)], ..no_failures() };
    let visitor = Visitor::new();
    let waiting = t.sent_to(visitor, &Opening::new()).await;
    for place in [visitor, visitor, visitor.elsewhere()] {
        assert_eq!(fail(&t, place, &limits).await, Answered::Wrong { tries_left: 4 });
    }
    let last = fail(&t, visitor.elsewhere(), &limits).await;
    assert!(t.is(locked_for(&last), TICK * 3000), "{last:?}");

    // Right and wrong look alike, in an old challenge and in a new one, and nothing is sent.
    let elsewhere = visitor.elsewhere();
    let fresh = t.open(elsewhere, &Opening::new()).await;
    for (place, id) in [(visitor, waiting), (elsewhere, fresh)] {
        for code in [RIGHT, WRONG] {
            assert!(t.is(locked_for(&t.answer(place, id, code, &limits).await), TICK * 3000));
        }
        let sending = Sending { limits: Limits { failures: limits.clone(), ..no_limits() }, ..Sending::new() };
        assert!(matches!(t.send(place, id, &sending).await, Permit::Locked(Lock::For(_))));
        assert!(matches!(t.challenge(place, id).await.state, State::Locked(Lock::For(_))));
    }
    assert!(matches!(lock_of(&t, visitor.subject).await, Some(Lock::For(_))));
    // Others at the same address go on.
    let neighbour = Visitor { ip: visitor.ip, ..Visitor::new() };
    assert_eq!(fail(&t, neighbour, &limits).await, Answered::Wrong { tries_left: 4 });

    assert!(t.store.unlock(&t.site, visitor.subject, &limits).await.unwrap());
    assert_eq!(lock_of(&t, visitor.subject).await, None);
    assert!(!t.store.unlock(&t.site, visitor.subject, &limits).await.unwrap(), "it was not locked any more");
    assert_eq!(t.answer(visitor, waiting, WRONG, &limits).await, Answered::Wrong { tries_left: 4 });
    t.pass(visitor, waiting, &Answering { limits, ..Answering::new() }).await;
}

/// The window slides: each failure that leaves it makes room for one.
pub async fn a_locked_subject_is_let_go_when_the_window_is(t: Bench) {
    let limits = FailureLimits { per_subject: vec![window(2, 3)], ..no_failures() };
    let visitor = Visitor::new();
    let id = t.sent_to(visitor, &Opening::new()).await;
    assert_eq!(t.answer(visitor, id, WRONG, &limits).await, Answered::Wrong { tries_left: 4 });
    t.wait(TICK).await;
    let last = t.answer(visitor, id, WRONG, &limits).await;
    assert!(t.is(locked_for(&last), TICK * 2), "until the first leaves: {last:?}");
    if t.is_exact() {
        t.wait(TICK * 2 - Duration::from_millis(1)).await;
        let one = Some(Lock::For(Duration::from_millis(1)));
        assert_eq!(lock_of(&t, visitor.subject).await, one);
        assert_eq!(t.answer(visitor, id, RIGHT, &limits).await, Answered::Locked(Lock::For(Duration::from_millis(1))));
        t.wait(Duration::from_millis(1)).await;
    } else {
        t.wait(TICK * 2).await;
    }
    assert_eq!(lock_of(&t, visitor.subject).await, None);
    let again = t.answer(visitor, id, WRONG, &limits).await;
    assert!(t.is(locked_for(&again), TICK), "until the second leaves: {again:?}");
    t.wait(TICK).await;
    t.pass(visitor, id, &Answering { limits, ..Answering::new() }).await;
}

pub async fn every_window_of_a_list_holds(t: Bench) {
    let limits = FailureLimits { per_subject: vec![window(1, 1), window(2, 1000)], ..no_failures() };
    let visitor = Visitor::new();
    let first = fail(&t, visitor, &limits).await;
    assert!(t.is(locked_for(&first), TICK), "{first:?}");
    t.wait(TICK).await;
    let second = fail(&t, visitor, &limits).await;
    assert!(t.is(locked_for(&second), TICK * 999), "{second:?}");
}

/// O11: one address, many subjects.
pub async fn wrong_codes_of_an_address_count_for_all_subjects(t: Bench) {
    let limits = FailureLimits { per_ip: vec![window(3, 3000)], ..no_failures() };
    let ip = hash();
    let at_ip = || Visitor { ip, ..Visitor::new() };
    for _ in 0..2 {
        assert_eq!(fail(&t, at_ip(), &limits).await, Answered::Wrong { tries_left: 4 });
    }
    assert!(t.is(locked_for(&fail(&t, at_ip(), &limits).await), TICK * 3000));
    let visitor = at_ip();
    let id = t.sent_to(visitor, &Opening::new()).await;
    for code in [RIGHT, WRONG] {
        assert!(t.is(locked_for(&t.answer(visitor, id, code, &limits).await), TICK * 3000));
    }
    // The subject is not locked: from elsewhere its code is right.
    assert_eq!(lock_of(&t, visitor.subject).await, None);
    t.pass(Visitor { ip: hash(), ..visitor }, id, &Answering { limits, ..Answering::new() }).await;
}

/// NIST SP 800-63B-4, 3.2.2: no window lets these go.
pub async fn wrong_codes_in_a_row_lock_until_unlocked(t: Bench) {
    let limits = FailureLimits { consecutive: 3, ..no_failures() };
    let visitor = Visitor::new();
    let id = t.sent_to(visitor, &Opening { tries: 100, ..Opening::new() }).await;
    for _ in 0..2 {
        assert!(matches!(t.answer(visitor, id, WRONG, &limits).await, Answered::Wrong { .. }));
    }
    // A right code starts the count anew.
    let visitor = t.pass(visitor, id, &Answering { limits: limits.clone(), ..Answering::new() }).await;
    for _ in 0..2 {
        assert!(matches!(fail(&t, visitor, &limits).await, Answered::Wrong { .. }));
    }
    let forever = Answered::Locked(Lock::UntilUnlocked);
    let id = t.sent_to(visitor, &Opening::new()).await;
    for code in [WRONG, RIGHT, WRONG] {
        assert_eq!(t.answer(visitor, id, code, &limits).await, forever);
    }
    assert_eq!(lock_of(&t, visitor.subject).await, Some(Lock::UntilUnlocked));
    assert_eq!(t.challenge(visitor, id).await.state, State::Locked(Lock::UntilUnlocked));
    assert_eq!(t.send(visitor, id, &Sending::new()).await, Permit::Locked(Lock::UntilUnlocked));
    if t.is_exact() {
        t.wait(LONG * 24 * 30).await;
        assert_eq!(lock_of(&t, visitor.subject).await, Some(Lock::UntilUnlocked));
    }
    assert!(t.store.unlock(&t.site, visitor.subject, &limits).await.unwrap());
    assert_eq!(lock_of(&t, visitor.subject).await, None);
    assert!(matches!(fail(&t, visitor, &limits).await, Answered::Wrong { .. }), "the count starts anew");
}

/// C18: a lock that a gateway held holds again, for what was left of it, and shortens no other.
pub async fn a_lock_is_restored(t: Bench) {
    let restore = async |subject, lock| t.store.restore(&t.site, Held::Lock { subject, lock }).await.unwrap();
    let (visitor, forever) = (Visitor::new(), hash());
    let id = t.sent_to(visitor, &Opening::new()).await;
    restore(visitor.subject, Lock::Challenge).await;
    assert_eq!(lock_of(&t, visitor.subject).await, None);
    for time in [TICK * 2000, TICK * 3000, TICK * 1000] {
        restore(visitor.subject, Lock::For(time)).await;
    }
    for code in [RIGHT, WRONG] {
        assert!(t.is(locked_for(&t.answer(visitor, id, code, &no_failures()).await), TICK * 3000));
    }
    assert!(matches!(t.send(visitor, id, &Sending::new()).await, Permit::Locked(Lock::For(_))));
    for lock in [Lock::UntilUnlocked, Lock::For(TICK)] {
        restore(forever, lock).await;
        assert_eq!(lock_of(&t, forever).await, Some(Lock::UntilUnlocked));
    }
    // Whoever unlocks tells every gateway, which then holds the lock no more.
    let mut cursor = now(&t).await;
    assert!(t.store.unlock(&t.site, visitor.subject, &no_failures()).await.unwrap());
    let told = heard(&t, &mut cursor, 1).await;
    assert_eq!(told, [Change::Unlocked { site: t.site.clone(), subject: visitor.subject }]);
    t.pass(visitor, id, &Answering::new()).await;
}

/// O13: whatever the challenge's own state, a locked subject hears of the lock and nothing else.
pub async fn the_lock_comes_first(t: Bench) {
    let limits = FailureLimits { per_subject: vec![window(2, 3000)], ..no_failures() };
    let visitor = Visitor::new();
    let expired = t.open(visitor, &Opening::new()).await;
    t.sent(visitor, expired, &Sending { code_ttl: TICK, ..Sending::new() }).await;
    let unsent = t.open(visitor, &Opening::new()).await;
    let used_up = t.sent_to(visitor, &Opening { tries: 1, ..Opening::new() }).await;
    t.answer(visitor, used_up, WRONG, &limits).await;
    t.wait(TICK).await;
    let right = t.sent_to(visitor, &Opening::new()).await;
    fail(&t, visitor, &limits).await;
    let sending = Sending { limits: Limits { failures: limits.clone(), ..no_limits() }, ..Sending::new() };
    for id in [expired, unsent, used_up, right] {
        for code in [RIGHT, WRONG] {
            locked_for(&t.answer(visitor, id, code, &limits).await);
        }
        assert!(matches!(t.send(visitor, id, &sending).await, Permit::Locked(Lock::For(_))));
        assert!(matches!(t.challenge(visitor, id).await.state, State::Locked(Lock::For(_))));
    }
}

/// A reload that tightens the limits holds for what was counted before it.
pub async fn limits_of_a_new_config_hold_at_once(t: Bench) {
    let visitor = Visitor::new();
    let id = t.sent_to(visitor, &Opening::new()).await;
    let wide = FailureLimits { per_subject: vec![window(10, 3000)], ..no_failures() };
    for tries_left in [4, 3] {
        assert_eq!(t.answer(visitor, id, WRONG, &wide).await, Answered::Wrong { tries_left });
    }
    let tight = FailureLimits { per_subject: vec![window(2, 3000)], ..no_failures() };
    locked_for(&t.answer(visitor, id, RIGHT, &tight).await);
    // The lock is known to those who do not know the limits, and stays when they are widened again.
    assert!(matches!(lock_of(&t, visitor.subject).await, Some(Lock::For(_))));
    locked_for(&t.answer(visitor, id, RIGHT, &wide).await);
    assert!(t.store.unlock(&t.site, visitor.subject, &wide).await.unwrap());
    t.pass(visitor, id, &Answering { limits: wide, ..Answering::new() }).await;
}
