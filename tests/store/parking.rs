//! Parked requests: resumed once, adopted, and within their budget.

use otpgate::store::{Answered, Budget, Found, Opened, Parking, Resumable};
use otpgate::words::KeyedHash;

use crate::bench::{Answering, Bench, LONG, Opening, RIGHT, ROOMY, Sending, TICK, Visitor, hash, parked_id};

async fn resumable(t: &Bench, token: KeyedHash) -> Resumable {
    t.store.resumable(&t.site, token).await.unwrap()
}

async fn take(t: &Bench, token: KeyedHash) -> bool {
    t.store.take(&t.site, token).await.unwrap()
}

const BODY: &[u8] = b"POST /transfer\0\xff sealed";

/// I8, R12: looked at often, taken once, and remembered as taken.
pub async fn a_parked_request_is_resumed_once(t: Bench) {
    let (visitor, parked, token) = (Visitor::new(), parked_id(), hash());
    let id = t.sent_to(visitor, &Opening { parked: Parking::New(parked, BODY), ..Opening::new() }).await;
    assert_eq!(t.challenge(visitor, id).await.parked, Some(parked));
    let answering = Answering { resume: Some((token, TICK)), ..Answering::new() };
    t.answer_with(visitor, id, hash(), &answering).await;
    assert_eq!(resumable(&t, token).await, Resumable::Unknown, "a wrong code leaves no token");
    assert!(!take(&t, token).await);

    let passed = t.answer_with(visitor, id, RIGHT, &answering).await;
    assert!(matches!(passed, Answered::Passed { resumes: true, .. }), "{passed:?}");
    let visitor = visitor.named(answering.new_browser);
    assert_eq!(t.challenge(visitor, id).await.parked, Some(parked));
    let ready = Resumable::Ready { parked, subject: visitor.subject, sealed: BODY.to_vec() };
    for _ in 0..2 {
        assert_eq!(resumable(&t, token).await, ready);
    }
    assert!(take(&t, token).await);
    assert!(!take(&t, token).await);
    assert_eq!(resumable(&t, token).await, Resumable::Used);
    assert_eq!(t.challenge(visitor, id).await.parked, None);
    t.wait(TICK + TICK / 20).await;
    assert_eq!(resumable(&t, token).await, Resumable::Unknown, "its time is over");
    assert!(!take(&t, token).await);

    // Without a parked request, or without being asked, no token is left.
    let id = t.sent_to(visitor, &Opening::new()).await;
    let passed = t.answer_with(visitor, id, RIGHT, &answering).await;
    assert!(matches!(passed, Answered::Passed { resumes: false, .. }), "{passed:?}");
    assert_eq!(resumable(&t, token).await, Resumable::Unknown);
}

/// A new challenge takes the parked request along, for a full time again.
pub async fn a_parked_request_is_adopted(t: Bench) {
    let (visitor, parked, token) = (Visitor::new(), parked_id(), hash());
    let parking = Opening { parked: Parking::New(parked, BODY), ttl: TICK * 2, ..Opening::new() };
    let first = t.sent_to(visitor, &parking).await;
    t.wait(TICK).await;
    let adopting = Opening { parked: Parking::Adopt(parked), ttl: TICK * 2, ..Opening::new() };
    let second = t.sent_to(visitor, &adopting).await;
    assert_eq!(t.challenge(visitor, first).await.parked, None, "it moved");
    assert_eq!(t.challenge(visitor, second).await.parked, Some(parked));

    // The first one's end is not its end, and the first one's answer does not resume it.
    let answering = Answering { resume: Some((token, LONG)), ..Answering::new() };
    let passed = t.answer_with(visitor, first, RIGHT, &answering).await;
    assert!(matches!(passed, Answered::Passed { resumes: false, .. }), "{passed:?}");
    let visitor = visitor.named(answering.new_browser);
    t.wait(TICK).await;
    assert_eq!(t.find(visitor, Some(first)).await, Found::None);
    let passed = t.answer_with(visitor, second, RIGHT, &answering).await;
    assert!(matches!(passed, Answered::Passed { resumes: true, .. }), "{passed:?}");
    let visitor = visitor.named(answering.new_browser);
    assert!(matches!(resumable(&t, token).await, Resumable::Ready { .. }));

    // A passed challenge's may be adopted too: judged again, it was challenged again. The old token leads to it still,
    // and whoever takes it first takes it.
    let third = t.sent_to(visitor, &adopting).await;
    let later = Answering { resume: Some((hash(), LONG)), ..Answering::new() };
    t.pass(visitor, third, &later).await;
    assert!(take(&t, later.resume.unwrap().0).await);
    assert!(!take(&t, token).await);
    assert_eq!(resumable(&t, token).await, Resumable::Unknown);
}

/// R11.
pub async fn only_its_own_browser_and_subject_adopt_it(t: Bench) {
    let (visitor, parked) = (Visitor::new(), parked_id());
    let id = t.open(visitor, &Opening { parked: Parking::New(parked, BODY), ..Opening::new() }).await;
    let adopting = Opening { parked: Parking::Adopt(parked), ..Opening::new() };
    for other in [visitor.elsewhere(), Visitor { subject: hash(), ..visitor }] {
        let (opened_id, opened) = t.try_open(other, &adopting).await;
        assert_eq!(opened, Opened::Full);
        assert_eq!(t.find(other, Some(opened_id)).await, Found::None);
    }
    assert_eq!(t.challenge(visitor, id).await.parked, Some(parked));
    let gone = Opening { parked: Parking::Adopt(parked_id()), ..Opening::new() };
    assert_eq!(t.try_open(visitor, &gone).await.1, Opened::Full);
}

/// What was parked before anybody said who it is goes to whoever types an address on that browser, slips included.
pub async fn nobodys_parked_request_is_inherited(t: Bench) {
    let (nobody, parked, token) = (Visitor::new(), parked_id(), hash());
    t.open(nobody, &Opening { parked: Parking::New(parked, BODY), ..Opening::new() }).await;
    let inheriting = Opening { parked: Parking::Inherit(parked), ..Opening::new() };
    let (slip, typed) = (Visitor { subject: hash(), ..nobody }, Visitor { subject: hash(), ..nobody });
    t.open(slip, &inheriting).await;
    let id = t.sent_to(typed, &inheriting).await;
    assert_eq!(t.challenge(typed, id).await.parked, Some(parked));

    // Another browser's is none of its business: the challenge is opened without it (R11).
    let elsewhere = typed.elsewhere();
    let foreign = t.open(elsewhere, &inheriting).await;
    assert_eq!(t.challenge(elsewhere, foreign).await.parked, None);

    let answering = Answering { resume: Some((token, LONG)), ..Answering::new() };
    t.pass(typed, id, &answering).await;
    let found = resumable(&t, token).await;
    assert!(matches!(found, Resumable::Ready { subject, .. } if subject == typed.subject), "{found:?}");
}

/// What a challenge with `parked` bytes counts for.
fn size(parked: usize) -> u64 {
    Budget::CHALLENGE + (b"particulars".len() + parked) as u64
}

/// R13: to the byte; and what does not fit changes nothing.
pub async fn the_budget_holds(t: Bench) {
    let body = vec![7_u8; 5000];
    let budget = Budget { per_subject: 2 * size(5000), total: 3 * size(5000) - 1, per_browser: 100 };
    let parking = || Opening { parked: Parking::New(parked_id(), &body), budget, ..Opening::new() };
    let visitor = Visitor::new();
    let first = t.open(visitor, &parking()).await;
    t.open(visitor.elsewhere(), &parking()).await;
    let plain = Opening { budget, ..Opening::new() };
    assert_eq!(t.try_open(visitor, &plain).await.1, Opened::Full, "per subject");
    let other = Visitor::new();
    assert_eq!(t.try_open(other, &parking()).await.1, Opened::Full, "in all");
    t.open(other, &Opening { parked: Parking::New(parked_id(), &body[1..]), budget, ..Opening::new() }).await;
    assert_eq!(t.try_open(Visitor::new(), &plain).await.1, Opened::Full, "in all");
    assert!(t.challenge(visitor, first).await.parked.is_some());

    // What is resumed frees its bytes, the challenge itself does not.
    let token = hash();
    t.sent(visitor, first, &Sending::new()).await;
    let visitor = t.pass(visitor, first, &Answering { resume: Some((token, LONG)), ..Answering::new() }).await;
    assert_eq!(t.try_open(visitor, &plain).await.1, Opened::Full);
    assert!(take(&t, token).await);
    t.open(visitor, &plain).await;
    assert_eq!(t.try_open(visitor, &parking()).await.1, Opened::Full);
}

pub async fn what_is_over_frees_its_bytes(t: Bench) {
    let body = vec![7_u8; 1000];
    let budget = Budget { per_subject: size(1000), total: size(1000) + size(0), per_browser: 100 };
    let visitor = Visitor::new();
    let parked = parked_id();
    t.open(visitor, &Opening { ttl: TICK, parked: Parking::New(parked, &body), budget, ..Opening::new() }).await;
    let plain = Opening { budget, ..Opening::new() };
    assert_eq!(t.try_open(visitor, &plain).await.1, Opened::Full);
    t.wait(TICK).await;
    let adopting = Opening { parked: Parking::Adopt(parked), budget, ..Opening::new() };
    assert_eq!(t.try_open(visitor, &adopting).await.1, Opened::Full, "it is gone");
    t.open(visitor, &Opening { parked: Parking::New(parked_id(), &body), budget, ..Opening::new() }).await;
    assert_eq!(t.try_open(visitor, &plain).await.1, Opened::Full);
    t.open(Visitor::new(), &plain).await;
    assert_eq!(t.try_open(Visitor::new(), &plain).await.1, Opened::Full);
}

/// C11, X07: a browser cannot fill the store, nor its own subject's budget.
pub async fn the_oldest_of_a_browser_gives_way(t: Bench) {
    let body = vec![7_u8; 1000];
    let budget = Budget { per_subject: 3 * size(1000), per_browser: 3, ..ROOMY };
    let visitor = Visitor::new();
    let parking = || Opening { parked: Parking::New(parked_id(), &body), budget, ..Opening::new() };
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(t.open(visitor, &parking()).await);
    }
    for (place, id) in ids.iter().enumerate() {
        assert_eq!(t.find(visitor, Some(*id)).await == Found::None, place < 3, "{place}");
    }
    // Nobody gives way to what does not fit.
    let large = vec![7_u8; 9000];
    let too_large = Opening { parked: Parking::New(parked_id(), &large), budget, ..Opening::new() };
    assert_eq!(t.try_open(visitor, &too_large).await.1, Opened::Full);
    assert_eq!(t.challenge(visitor, ids[3]).await.id, ids[3]);

    // The oldest hands its parked request on before it goes.
    let parked = t.challenge(visitor, ids[3]).await.parked.unwrap();
    let adopting = Opening { parked: Parking::Adopt(parked), budget, ..Opening::new() };
    let heir = t.open(visitor, &adopting).await;
    assert_eq!(t.find(visitor, Some(ids[3])).await, Found::None);
    assert_eq!(t.challenge(visitor, heir).await.parked, Some(parked));

    // Those that are over do not count as live: none gives way for them.
    t.sent(visitor, ids[4], &Sending::new()).await;
    let visitor = t.pass(visitor, ids[4], &Answering::new()).await;
    t.open(visitor, &Opening { budget: Budget { per_browser: 3, ..ROOMY }, ..Opening::new() }).await;
    assert_eq!(t.challenge(visitor, ids[5]).await.id, ids[5]);
}
