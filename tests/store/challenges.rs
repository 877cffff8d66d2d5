//! The life of a challenge, and what is remembered beside it.

use std::time::Duration;

use otpgate::store::{Answered, Confirmed, Found, Held, Permit, State};
use otpgate::words::Reference;

use crate::bench::{
    Answering, Bench, EMAIL, LONG, Opening, RIGHT, SMS, Sending, TICK, Visitor, WRONG, hash, no_failures, places,
    random,
};

/// O01, O15: open, sent, passed; and not passed again.
pub async fn a_challenge_lives_from_open_to_passed(t: Bench) {
    let (visitor, none) = (Visitor::new(), no_failures());
    let id = t.open(visitor, &Opening { tries: 3, ..Opening::new() }).await;
    let open = t.challenge(visitor, id).await;
    assert_eq!((open.id, open.subject, &open.sealed[..]), (id, visitor.subject, &b"particulars"[..]));
    assert_eq!((open.state, open.tries_left, open.parked), (State::Open, 3, None));
    assert_eq!((open.sent, open.expires_in, open.resend_in), (vec![], Duration::ZERO, Duration::ZERO));
    assert_eq!(t.answer(visitor, id, RIGHT, &none).await, Answered::NotSent);

    let sending = Sending { code_ttl: LONG / 4, ..Sending::new() };
    let permit = t.send(visitor, id, &sending).await;
    let Permit::Send { send: 1, sealed, sends_left: 1000, expires_in, .. } = permit else { panic!("{permit:?}") };
    assert_eq!(sealed, b"sealed code");
    assert!(t.is(expires_in, LONG / 4));
    let sent = t.challenge(visitor, id).await;
    assert_eq!((sent.state, places(&sent.sent)), (State::Sent, vec![EMAIL]));
    assert!(t.is(sent.expires_in, LONG / 4));
    t.sent(visitor, id, &Sending { to: SMS, ..sending }).await;

    assert_eq!(t.answer(visitor, id, WRONG, &none).await, Answered::Wrong { tries_left: 2 });
    assert_eq!(t.challenge(visitor, id).await.tries_left, 2);
    let answering = Answering::new();
    let passed = t.answer_with(visitor, id, RIGHT, &answering).await;
    let Answered::Passed { sent, resumes: false, .. } = passed else { panic!("{passed:?}") };
    assert_eq!(sent, [EMAIL, SMS]);

    let renamed = visitor.named(answering.new_browser);
    let passed = t.challenge(renamed, id).await;
    assert_eq!((passed.state, places(&passed.sent)), (State::Passed, vec![EMAIL, SMS]));
    for code in [RIGHT, WRONG] {
        assert_eq!(t.answer(renamed, id, code, &none).await, Answered::Spent);
    }
    assert_eq!(t.challenge(renamed, id).await.tries_left, 2, "nothing was counted");
    assert_eq!(t.send(renamed, id, &Sending::new()).await, Permit::Passed);
}

/// O06, I3: nobody else finds, sends or answers it.
pub async fn a_challenge_is_its_browser_s_and_its_subject_s(t: Bench) {
    let visitor = Visitor::new();
    let id = t.sent_to(visitor, &Opening::new()).await;
    let stranger = visitor.elsewhere();
    assert_eq!(t.find(stranger, Some(id)).await, Found::None);
    assert_eq!(t.find(stranger, None).await, Found::None);
    let somebody_else = Visitor { subject: hash(), ..visitor };
    for other in [stranger, somebody_else] {
        assert_eq!(t.answer(other, id, RIGHT, &no_failures()).await, Answered::Missing);
        assert_eq!(t.answer(other, id, WRONG, &no_failures()).await, Answered::Missing);
        assert_eq!(t.send(other, id, &Sending::new()).await, Permit::Missing);
    }
    // A stranger with a challenge of his own gets no further.
    t.sent_to(stranger, &Opening::new()).await;
    assert_eq!(t.find(stranger, Some(id)).await, Found::None);
    assert_eq!(t.answer(stranger, id, RIGHT, &no_failures()).await, Answered::Missing);
    // Nor does the same name at another site.
    let elsewhere = Bench { site: otpgate::store::SiteKey::new("other.example"), ..t.clone() };
    assert_eq!(elsewhere.find(visitor, Some(id)).await, Found::None);
    let challenge = t.challenge(visitor, id).await;
    assert_eq!((challenge.tries_left, challenge.sent.len()), (5, 1), "nothing was counted");
}

/// X07.
pub async fn the_same_request_opens_one_challenge(t: Bench) {
    use otpgate::store::Opened;
    let visitor = Visitor::new();
    let opening = Opening { tries: 1, ..Opening::new() };
    let id = t.open(visitor, &opening).await;
    assert_eq!(t.try_open(visitor, &opening).await.1, Opened::Same(id));
    t.sent(visitor, id, &Sending::new()).await;
    assert_eq!(t.try_open(visitor, &opening).await.1, Opened::Same(id));

    // Another browser's, another subject's and another request's are others.
    t.open(visitor.elsewhere(), &opening).await;
    t.open(Visitor { subject: hash(), ..visitor }, &opening).await;
    t.open(visitor, &Opening::new()).await;

    // One that is over is opened anew: locked, passed, expired.
    t.answer(visitor, id, WRONG, &no_failures()).await;
    let second = t.open(visitor, &opening).await;
    t.sent(visitor, second, &Sending::new()).await;
    let visitor = t.pass(visitor, second, &Answering::new()).await;
    let third = t.open(visitor, &opening).await;
    t.sent(visitor, third, &Sending { code_ttl: TICK, ..Sending::new() }).await;
    t.wait(TICK).await;
    t.open(visitor, &opening).await;
}

pub async fn without_an_id_the_only_live_one_is_found(t: Bench) {
    let visitor = Visitor::new();
    let is = |found: Found| match found {
        Found::One(challenge) => Some(challenge.id),
        _ => None,
    };
    assert_eq!(t.find(visitor, None).await, Found::None);
    let first = t.open(visitor, &Opening { tries: 1, ..Opening::new() }).await;
    assert_eq!(is(t.find(visitor, None).await), Some(first));
    let second = t.sent_to(visitor, &Opening::new()).await;
    assert_eq!(t.find(visitor, None).await, Found::Several);

    // One that is over is found by its name alone.
    t.sent(visitor, first, &Sending::new()).await;
    t.answer(visitor, first, WRONG, &no_failures()).await;
    assert_eq!(is(t.find(visitor, None).await), Some(second));
    assert_eq!(is(t.find(visitor, Some(first)).await), Some(first));
    let visitor = t.pass(visitor, second, &Answering::new()).await;
    assert_eq!(t.find(visitor, None).await, Found::None);
    assert_eq!(is(t.find(visitor, Some(second)).await), Some(second));
}

/// O05.
pub async fn a_code_is_good_for_its_challenge_only(t: Bench) {
    let visitor = Visitor::new();
    let first = t.sent_to(visitor, &Opening::new()).await;
    let second = t.open(visitor, &Opening::new()).await;
    let other = hash();
    t.sent(visitor, second, &Sending { code: other, ..Sending::new() }).await;
    assert_eq!(t.answer(visitor, second, RIGHT, &no_failures()).await, Answered::Wrong { tries_left: 4 });
    assert_eq!(t.answer(visitor, first, other, &no_failures()).await, Answered::Wrong { tries_left: 4 });
    t.pass(visitor, first, &Answering::new()).await;
}

/// O07: from its expiry on no code is right, and nothing is counted or sent.
pub async fn a_code_expires(t: Bench) {
    let visitor = Visitor::new();
    let id = t.open(visitor, &Opening { tries: 1, ..Opening::new() }).await;
    let sending = Sending { code_ttl: TICK, ..Sending::new() };
    t.sent(visitor, id, &sending).await;
    if t.is_exact() {
        t.wait(TICK - Duration::from_millis(1)).await;
        assert_eq!(t.challenge(visitor, id).await.state, State::Sent);
        t.wait(Duration::from_millis(1)).await;
    } else {
        t.wait(TICK).await;
    }
    let challenge = t.challenge(visitor, id).await;
    assert_eq!((challenge.state, challenge.expires_in), (State::Expired, Duration::ZERO));
    for code in [WRONG, RIGHT] {
        assert_eq!(t.answer(visitor, id, code, &no_failures()).await, Answered::Expired);
    }
    assert_eq!(t.send(visitor, id, &sending).await, Permit::Expired);
    assert_eq!(t.challenge(visitor, id).await.tries_left, 1);
    assert_eq!(t.find(visitor, None).await, Found::None, "it is live no more");
}

pub async fn a_challenge_is_forgotten_in_the_end(t: Bench) {
    let visitor = Visitor::new();
    let unsent = t.open(visitor, &Opening { ttl: TICK, ..Opening::new() }).await;
    let sent = t.sent_to(visitor, &Opening { ttl: TICK, ..Opening::new() }).await;
    let later = t.open(visitor, &Opening::new()).await;
    t.wait(TICK).await;
    for id in [unsent, sent] {
        assert_eq!(t.find(visitor, Some(id)).await, Found::None);
        assert_eq!(t.answer(visitor, id, RIGHT, &no_failures()).await, Answered::Missing);
        assert_eq!(t.send(visitor, id, &Sending::new()).await, Permit::Missing);
    }
    // What was opened later by the same browser is still its own.
    assert_eq!(t.challenge(visitor, later).await.state, State::Open);
}

/// C01, O20: success gives the browser a new name. The old one is dead, and every other challenge goes along.
pub async fn a_browser_gets_a_new_name_with_all_its_challenges(t: Bench) {
    let visitor = Visitor::new();
    let [first, second] = [t.sent_to(visitor, &Opening::new()).await, t.sent_to(visitor, &Opening::new()).await];
    let locked = t.sent_to(visitor, &Opening { tries: 1, ..Opening::new() }).await;
    t.answer(visitor, locked, WRONG, &no_failures()).await;
    let renamed = t.pass(visitor, first, &Answering::new()).await;
    for id in [first, second, locked] {
        assert_eq!(t.find(visitor, Some(id)).await, Found::None);
        assert_eq!(t.answer(visitor, id, RIGHT, &no_failures()).await, Answered::Missing);
        assert_eq!(t.challenge(renamed, id).await.id, id);
    }
    let again = t.pass(renamed, second, &Answering::new()).await;
    assert_eq!(t.challenge(again, first).await.state, State::Passed);
    // Whoever planted the old name in a browser starts anew with it.
    let planted = t.open(visitor, &Opening::new()).await;
    assert_eq!(t.find(again, Some(planted)).await, Found::None);
}

/// O29, O30: a confirmation is good for one request, for a time.
pub async fn a_confirmation_is_spent_once(t: Bench) {
    let visitor = Visitor::new();
    let id = t.sent_to(visitor, &Opening::new()).await;
    let binding = hash();
    let answering = Answering { confirm: Some((binding, LONG)), ..Answering::new() };
    t.answer_with(visitor, id, WRONG, &answering).await;
    assert_eq!(t.store.spend(&t.site, binding).await.unwrap(), None, "a wrong code leaves nothing");
    let passed = t.answer_with(visitor, id, RIGHT, &answering).await;
    let Answered::Passed { at, .. } = passed else { panic!("{passed:?}") };
    assert_eq!(t.store.spend(&t.site, hash()).await.unwrap(), None);
    assert_eq!(t.store.spend(&t.site, binding).await.unwrap(), Some(Confirmed { sent: vec![EMAIL], at }));
    assert_eq!(t.store.spend(&t.site, binding).await.unwrap(), None);

    let visitor = visitor.named(answering.new_browser);
    let id = t.sent_to(visitor, &Opening::new()).await;
    t.pass(visitor, id, &Answering { confirm: Some((binding, TICK)), ..Answering::new() }).await;
    t.wait(TICK + TICK / 20).await;
    assert_eq!(t.store.spend(&t.site, binding).await.unwrap(), None, "its time is over");
}

pub async fn notes_are_kept_under_their_reference(t: Bench) {
    let (one, other) = (Reference::from_random(random()), Reference::from_random(random()));
    for number in 0..120 {
        t.store.note(one, &format!("{{\"event\":{number}}}"), LONG).await.unwrap();
    }
    t.store.note(other, "{}", TICK).await.unwrap();
    let noted = t.store.noted(one).await.unwrap();
    assert_eq!(noted.len(), 100, "the last hundred");
    assert_eq!((noted[0].as_str(), noted[99].as_str()), ("{\"event\":20}", "{\"event\":119}"));
    assert_eq!(t.store.noted(other).await.unwrap(), ["{}"]);
    t.wait(TICK + TICK / 20).await;
    assert_eq!(t.store.noted(other).await.unwrap(), Vec::<String>::new());
}

/// C18: what a gateway held is better than nothing, and no better than what the store knows.
pub async fn a_session_is_restored_where_none_is_known(t: Bench) {
    let (lost, known) = (hash(), hash());
    let of = async |session| t.store.session(&t.site, session).await.unwrap();
    let restore = async |session, sealed: &[u8]| {
        let held = Held::Session { session, sealed, ttl: TICK };
        t.store.restore(&t.site, held).await.unwrap();
    };
    t.store.bind_session(&t.site, known, b"bob", LONG).await.unwrap();
    restore(lost, b"alice").await;
    restore(known, b"alice").await;
    assert_eq!(of(lost).await.as_deref(), Some(&b"alice"[..]));
    assert_eq!(of(known).await.as_deref(), Some(&b"bob"[..]));
    t.wait(TICK + TICK / 20).await;
    assert_eq!(of(lost).await, None);
}

pub async fn sessions_are_bound_and_forgotten(t: Bench) {
    let (session, brief) = (hash(), hash());
    let of = async |session| t.store.session(&t.site, session).await.unwrap();
    assert_eq!(of(session).await, None);
    t.store.bind_session(&t.site, session, b"alice\0\xff", LONG).await.unwrap();
    t.store.bind_session(&t.site, brief, b"bob", TICK).await.unwrap();
    assert_eq!(of(session).await.as_deref(), Some(&b"alice\0\xff"[..]));
    t.store.bind_session(&t.site, session, b"carol", LONG).await.unwrap();
    assert_eq!(of(session).await.as_deref(), Some(&b"carol"[..]));
    t.store.forget_session(&t.site, session).await.unwrap();
    assert_eq!(of(session).await, None);
    assert_eq!(of(brief).await.as_deref(), Some(&b"bob"[..]));
    t.wait(TICK + TICK / 20).await;
    assert_eq!(of(brief).await, None);
}
