//! Sends: resends, waits, limits, and what gives them back.

use std::time::Duration;

use otpgate::store::{Answered, Limits, Permit, Resend, SendLimits, State, TypedLimits, Window};
use otpgate::words::ChallengeId;

use crate::bench::{
    Answering, Bench, EMAIL, LONG, Opening, RIGHT, SMS, Sending, TICK, Visitor, WRONG, hash, no_failures, no_limits,
    places, window,
};

/// Sends the code of a new challenge of a new browser.
async fn send_anew(t: &Bench, visitor: Visitor, sending: &Sending) -> Permit {
    let visitor = Visitor { browser: hash(), ..visitor };
    let id = t.open(visitor, &Opening::new()).await;
    t.send(visitor, id, sending).await
}

fn too_many(permit: &Permit) -> (&'static str, Duration) {
    match permit {
        Permit::TooMany { limit, retry_after } => (limit, *retry_after),
        other => panic!("{other:?}"),
    }
}

fn is_sent(permit: &Permit) -> bool {
    matches!(permit, Permit::Send { .. })
}

/// O22, O23: late messages still work, and nothing is gained by resending.
pub async fn a_resend_has_the_same_code_and_expiry(t: Bench) {
    let visitor = Visitor::new();
    let id = t.open(visitor, &Opening::new()).await;
    let first = Sending { code_ttl: TICK * 3, ..Sending::new() };
    t.sent(visitor, id, &first).await;
    t.wait(TICK).await;
    let second = Sending { code: hash(), sealed: b"another", code_ttl: LONG, to: SMS, ..first.clone() };
    let permit = t.send(visitor, id, &second).await;
    let Permit::Send { send: 2, sealed, expires_in, .. } = permit else { panic!("{permit:?}") };
    assert_eq!(sealed, b"sealed code");
    assert!(t.is(expires_in, TICK * 2), "{expires_in:?}");
    let challenge = t.challenge(visitor, id).await;
    assert_eq!(places(&challenge.sent), [EMAIL, SMS]);
    assert!(t.is(challenge.expires_in, TICK * 2));
    assert!(matches!(t.answer(visitor, id, second.code, &no_failures()).await, Answered::Wrong { .. }));
    t.wait(TICK * 2).await;
    assert_eq!(t.answer(visitor, id, RIGHT, &no_failures()).await, Answered::Expired);
}

/// O21: the waits in their order, the last one for all that follow, and then no resend is left.
pub async fn resends_wait_and_run_out(t: Bench) {
    let visitor = Visitor::new();
    let id = t.open(visitor, &Opening::new()).await;
    let resend = Resend { max: 3, wait: vec![TICK, TICK * 2] };
    let sending = Sending { resend, code_ttl: LONG / 2, ..Sending::new() };
    for (number, wait) in [(1, TICK), (2, TICK * 2), (3, TICK * 2)] {
        let permit = t.send(visitor, id, &sending).await;
        let Permit::Send { send, sends_left, resend_in, .. } = permit else { panic!("{permit:?}") };
        assert_eq!((send, sends_left, resend_in), (number, 4 - number, wait));
        let permit = t.send(visitor, id, &sending).await;
        let Permit::Wait { retry_after } = permit else { panic!("{permit:?}") };
        assert!(t.is(retry_after, wait), "{retry_after:?}");
        assert!(t.is(t.challenge(visitor, id).await.resend_in, wait));
        if t.is_exact() {
            t.wait(wait - Duration::from_millis(1)).await;
            let one = Permit::Wait { retry_after: Duration::from_millis(1) };
            assert_eq!(t.send(visitor, id, &sending).await, one);
            t.wait(Duration::from_millis(1)).await;
        } else {
            t.wait(wait).await;
        }
        assert_eq!(t.challenge(visitor, id).await.resend_in, Duration::ZERO);
    }
    let permit = t.send(visitor, id, &sending).await;
    let Permit::Send { send: 4, sends_left: 0, .. } = permit else { panic!("{permit:?}") };
    // No wait is told that leads to nothing.
    let permit = t.send(visitor, id, &sending).await;
    let Permit::Exhausted { retry_after } = permit else { panic!("{permit:?}") };
    let expires_in = t.challenge(visitor, id).await.expires_in;
    assert!(t.is(expires_in, retry_after), "{retry_after:?} {expires_in:?}");
    assert_eq!(t.challenge(visitor, id).await.sent.len(), 4);
}

/// D01: every limit by its name: two are sent, the third is not, whatever else is new about it.
pub async fn each_limit_holds_at_its_edge(t: Bench) {
    let two = || vec![window(2, 3000)];
    let none = no_limits();
    let sends = |sends: SendLimits| Limits { sends, ..none.clone() };
    let typed = |typed: TypedLimits| Limits { typed, ..none.clone() };
    let cases = [
        ("per_subject", sends(SendLimits { per_subject: two(), ..none.sends.clone() })),
        ("per_contact", sends(SendLimits { per_contact: two(), ..none.sends.clone() })),
        ("per_ip", sends(SendLimits { per_ip: two(), ..none.sends.clone() })),
        ("per_network", sends(SendLimits { per_network: two(), ..none.sends.clone() })),
        ("per_country", sends(SendLimits { per_country: two(), ..none.sends.clone() })),
        ("typed.per_ip", typed(TypedLimits { per_ip: two(), ..none.typed.clone() })),
        ("typed.per_network", typed(TypedLimits { per_network: two(), ..none.typed.clone() })),
    ];
    for (name, limits) in cases {
        let (fixed, fixed_visitor) = (Sending::new(), Visitor::new());
        // Another visitor, but for what is limited.
        let next = |same: bool| {
            let new = Visitor::new();
            let subject = if same && name == "per_subject" { fixed_visitor.subject } else { new.subject };
            let ip = if same && name.ends_with("per_ip") { fixed_visitor.ip } else { new.ip };
            let sending = Sending {
                contact: if same && name == "per_contact" { fixed.contact } else { hash() },
                network: if same && name.ends_with("per_network") { fixed.network } else { hash() },
                country: if same { Some("60") } else { Some("65") },
                typed: name.starts_with("typed"),
                limits: limits.clone(),
                ..Sending::new()
            };
            (Visitor { subject, ip, ..new }, sending)
        };
        for _ in 0..2 {
            let (visitor, sending) = next(true);
            assert!(is_sent(&send_anew(&t, visitor, &sending).await), "{name}");
        }
        let (visitor, sending) = next(true);
        let (limit, retry_after) = too_many(&send_anew(&t, visitor, &sending).await);
        assert_eq!(limit, name);
        assert!(t.is(retry_after, TICK * 3000), "{name}: {retry_after:?}");
        // What is vouched for is not typed; an e-mail goes to no country.
        let exempt = Sending { typed: false, country: None, ..sending };
        let is_exempt = name.starts_with("typed") || name == "per_country";
        assert_eq!(is_sent(&send_anew(&t, visitor, &exempt).await), is_exempt, "{name}");
        let (visitor, sending) = next(false);
        assert!(is_sent(&send_anew(&t, visitor, &sending).await), "{name}: another one");
    }
}

/// Exactly: each send leaves the window by itself, to the millisecond.
pub async fn windows_slide(t: Bench) {
    let limits = Limits { sends: SendLimits { per_subject: vec![window(2, 2)], ..no_limits().sends }, ..no_limits() };
    let (visitor, sending) = (Visitor::new(), Sending { limits, ..Sending::new() });
    assert!(is_sent(&send_anew(&t, visitor, &sending).await));
    t.wait(TICK).await;
    assert!(is_sent(&send_anew(&t, visitor, &sending).await));
    let (_, retry_after) = too_many(&send_anew(&t, visitor, &sending).await);
    assert!(t.is(retry_after, TICK), "{retry_after:?}");
    if t.is_exact() {
        t.wait(TICK - Duration::from_millis(1)).await;
        let (_, retry_after) = too_many(&send_anew(&t, visitor, &sending).await);
        assert_eq!(retry_after, Duration::from_millis(1));
        t.wait(Duration::from_millis(1)).await;
    } else {
        t.wait(TICK).await;
    }
    assert!(is_sent(&send_anew(&t, visitor, &sending).await), "the first has left");
    let (_, retry_after) = too_many(&send_anew(&t, visitor, &sending).await);
    assert!(t.is(retry_after, TICK), "not before the second leaves: {retry_after:?}");
}

/// Of all the windows that are full, the time after which one more fits.
pub async fn the_limit_that_holds_longest_is_told(t: Bench) {
    let limits = Limits {
        sends: SendLimits {
            per_subject: vec![window(1, 1000)],
            per_contact: vec![window(1, 10), window(1, 3000)],
            per_ip: vec![window(1, 2000)],
            ..no_limits().sends
        },
        ..no_limits()
    };
    let (visitor, sending) = (Visitor::new(), Sending { limits, ..Sending::new() });
    assert!(is_sent(&send_anew(&t, visitor, &sending).await));
    let (limit, retry_after) = too_many(&send_anew(&t, visitor, &sending).await);
    assert_eq!(limit, "per_contact");
    assert!(t.is(retry_after, TICK * 3000));
    let other_contact = Sending { contact: hash(), ..sending };
    let (limit, retry_after) = too_many(&send_anew(&t, visitor, &other_contact).await);
    assert_eq!(limit, "per_ip");
    assert!(t.is(retry_after, TICK * 2000));
}

/// All the limits are looked at before one is counted.
pub async fn what_is_refused_is_not_counted(t: Bench) {
    let one = |count| vec![window(count, 3000)];
    let limits =
        Limits { sends: SendLimits { per_subject: one(2), per_contact: one(1), ..no_limits().sends }, ..no_limits() };
    let (visitor, sending) = (Visitor::new(), Sending { limits, ..Sending::new() });
    let id = t.open(visitor, &Opening::new()).await;
    t.sent(visitor, id, &sending).await;
    for _ in 0..3 {
        assert_eq!(too_many(&t.send(visitor, id, &sending).await).0, "per_contact");
    }
    assert_eq!(t.challenge(visitor, id).await.sent.len(), 1);
    // Nor is one that comes too early.
    let waiting = Sending { resend: Resend { max: 9, wait: vec![LONG] }, contact: hash(), ..sending.clone() };
    let early = t.open(visitor, &Opening::new()).await;
    t.sent(visitor, early, &waiting).await;
    assert!(matches!(t.send(visitor, early, &waiting).await, Permit::Wait { .. }));
    assert_eq!(too_many(&send_anew(&t, visitor, &Sending { contact: hash(), ..sending }).await).0, "per_subject");
}

/// Whoever passes may ask again: what counts is what nobody answered.
pub async fn a_passed_challenge_gives_its_sends_back(t: Bench) {
    let two = || vec![window(2, 3000)];
    let limits = Limits {
        sends: SendLimits {
            per_subject: two(),
            per_contact: two(),
            per_ip: two(),
            per_network: two(),
            per_country: two(),
        },
        typed: TypedLimits { per_ip: two(), per_network: two() },
        ..no_limits()
    };
    let sending = Sending { limits, typed: true, country: Some("60"), ..Sending::new() };
    let mut visitor = Visitor::new();
    for _ in 0..3 {
        let id = t.open(visitor, &Opening::new()).await;
        t.sent(visitor, id, &sending).await;
        t.sent(visitor, id, &sending).await;
        too_many(&t.send(visitor, id, &sending).await);
        t.answer(visitor, id, WRONG, &no_failures()).await;
        visitor = t.pass(visitor, id, &Answering::new()).await;
    }
    // Giving one back again changes nothing.
    let (one, two) = (t.open(visitor, &Opening::new()).await, t.open(visitor, &Opening::new()).await);
    let send = t.sent(visitor, one, &sending).await;
    let visitor = t.pass(visitor, one, &Answering::new()).await;
    t.store.give_back(&t.site, one, send).await.unwrap();
    assert_eq!(places(&t.challenge(visitor, one).await.sent), [EMAIL]);
    t.sent(visitor, two, &sending).await;
    t.sent(visitor, two, &sending).await;
    too_many(&t.send(visitor, two, &sending).await);
}

/// D03: exactly that send, its count, its resend and its wait; once.
pub async fn a_send_that_reached_nobody_is_given_back(t: Bench) {
    let limits = Limits {
        sends: SendLimits { per_subject: vec![window(2, 3000)], per_ip: vec![window(2, 3000)], ..no_limits().sends },
        ..no_limits()
    };
    let resend = Resend { max: 2, wait: vec![Duration::ZERO, LONG / 4] };
    let (visitor, sending) = (Visitor::new(), Sending { limits, resend, ..Sending::new() });
    let id = t.open(visitor, &Opening::new()).await;
    let back = async |send: u32| t.store.give_back(&t.site, id, send).await.unwrap();

    // The only one: the challenge is as before it, and the next one may have another code.
    let first = t.sent(visitor, id, &sending).await;
    back(first).await;
    let challenge = t.challenge(visitor, id).await;
    assert_eq!((challenge.state, challenge.sent.len(), challenge.expires_in), (State::Open, 0, Duration::ZERO));
    assert_eq!(t.answer(visitor, id, RIGHT, &no_failures()).await, Answered::NotSent);
    let code = hash();
    let again = Sending { code, sealed: b"again", ..sending };
    let permit = t.send(visitor, id, &again).await;
    let Permit::Send { send: second, sealed, sends_left: 2, .. } = permit else { panic!("{permit:?}") };
    assert_eq!(sealed, b"again");
    assert_ne!(first, second);

    // The last of two: its wait is gone, the code stays, and what was given back is not given back again.
    let third = t.sent(visitor, id, &again).await;
    assert!(matches!(t.send(visitor, id, &again).await, Permit::Wait { .. }));
    back(third).await;
    for unknown in [first, third, 77] {
        back(unknown).await;
    }
    assert_eq!(t.challenge(visitor, id).await.resend_in, Duration::ZERO);
    let permit = t.send(visitor, id, &again).await;
    assert!(matches!(permit, Permit::Send { sends_left: 1, .. }), "{permit:?}");
    assert_eq!(too_many(&send_anew(&t, visitor, &again).await).0, "per_subject");
    t.store.give_back(&t.site, ChallengeId::from_random([9; 16]), 1).await.unwrap();

    // The first of two: the later message still works.
    back(second).await;
    let challenge = t.challenge(visitor, id).await;
    assert_eq!((challenge.state, challenge.sent.len()), (State::Sent, 1));
    let answered = t.answer(visitor, id, code, &no_failures()).await;
    assert!(matches!(answered, Answered::Passed { .. }), "{answered:?}");
}

pub async fn a_code_cannot_outlive_its_challenge(t: Bench) {
    let visitor = Visitor::new();
    let id = t.open(visitor, &Opening { ttl: TICK * 2, ..Opening::new() }).await;
    let permit = t.send(visitor, id, &Sending { code_ttl: LONG, ..Sending::new() }).await;
    let Permit::Send { expires_in, .. } = permit else { panic!("{permit:?}") };
    assert!(t.is(expires_in, TICK * 2), "{expires_in:?}");
}

/// What [`window`] makes is what a config may say.
#[test]
fn windows_are_the_config_s() {
    assert_eq!("5/10s".parse(), Ok(window(5, 10)));
    assert_eq!(Window { count: 1, span: TICK }.to_string(), "1/1s");
}
