//! The guard against pumping: numbers that were tried are held against those that came back.

use std::time::Duration;

use otpgate::store::{Guard, Limits, Paused, Permit, PumpingMode, PumpingRules, Resend, SendLimits, State};
use otpgate::words::{ChallengeId, KeyedHash};

use crate::bench::{Answering, Bench, EMAIL, LONG, Opening, SMS, Sending, TICK, Visitor, hash, no_limits, window};

/// Four others, less than half of which come back, and no grace.
pub const RULES: PumpingRules = PumpingRules {
    mode: PumpingMode::Block,
    window: LONG,
    grace: Duration::ZERO,
    at_least: 4,
    verified_below: 50,
    sequence: 5,
    pause: LONG,
};

pub fn range(prefix: &str, rules: &PumpingRules) -> Guard {
    Guard {
        name: "range",
        prefix: prefix.to_owned(),
        grace: rules.grace,
        at_least: rules.at_least,
        verified_below: rules.verified_below,
    }
}

/// A message to a number of its own, under these rules.
pub fn sending(rules: &PumpingRules, guards: Vec<Guard>) -> Sending {
    Sending { to: SMS, guards, limits: Limits { pumping: rules.clone(), ..no_limits() }, ..Sending::new() }
}

/// Somebody whose code was sent, and the challenge.
type Sent = (Visitor, ChallengeId);

/// Asks for a message to `contact`, as a new visitor.
async fn ask(t: &Bench, sending: &Sending, contact: KeyedHash) -> (Permit, Sent) {
    let visitor = Visitor::new();
    let id = t.open(visitor, &Opening::new()).await;
    (t.send(visitor, id, &Sending { contact, ..sending.clone() }).await, (visitor, id))
}

/// Sends to a new number, which must be permitted, and without suspicion.
async fn tried(t: &Bench, sending: &Sending) -> Sent {
    let (permit, sent) = ask(t, sending, hash()).await;
    assert!(matches!(permit, Permit::Send { suspicious: None, .. }), "{permit:?}");
    sent
}

async fn verified(t: &Bench, sending: &Sending) {
    let (visitor, id) = tried(t, sending).await;
    t.pass(visitor, id, &Answering::new()).await;
}

/// Asks for a message to a new number, which must be stopped: by what, for how long, and whether that begins.
async fn stopped(t: &Bench, sending: &Sending) -> (&'static str, Duration, bool) {
    paused(&ask(t, sending, hash()).await.0)
}

fn paused(permit: &Permit) -> (&'static str, Duration, bool) {
    match permit {
        Permit::Paused { guard, retry_after, begins } => (guard, *retry_after, *begins),
        other => panic!("{other:?}"),
    }
}

fn is_sent(permit: &Permit) -> bool {
    matches!(permit, Permit::Send { .. })
}

/// D01: nothing is sent and nothing counted, until the pause is over.
pub async fn a_prefix_that_collapses_is_paused(t: Bench) {
    let rules = PumpingRules { pause: TICK, ..RULES };
    let limits = Limits {
        sends: SendLimits { per_country: vec![window(5, 3000)], ..no_limits().sends },
        pumping: rules.clone(),
        ..no_limits()
    };
    let pumped = Sending { limits, country: Some("60"), ..sending(&rules, vec![range("6012345", &rules)]) };
    for _ in 0..4 {
        tried(&t, &pumped).await;
    }
    let (permit, (visitor, id)) = ask(&t, &pumped, hash()).await;
    let (guard, retry_after, begins) = paused(&permit);
    assert_eq!((guard, begins), ("range", true));
    assert!(t.is(retry_after, TICK), "{retry_after:?}");
    let challenge = t.challenge(visitor, id).await;
    assert_eq!((challenge.state, challenge.sent.len(), challenge.resend_in), (State::Open, 0, Duration::ZERO));
    let (guard, retry_after, begins) = stopped(&t, &pumped).await;
    assert_eq!((guard, begins), ("range", false), "it begins once");
    assert!(t.is(retry_after, TICK), "{retry_after:?}");
    // Other numbers, and what is no number, go on; other sites know nothing of it.
    tried(&t, &sending(&rules, vec![range("6012346", &rules)])).await;
    tried(&t, &sending(&rules, vec![])).await;
    let other = Bench { site: otpgate::store::SiteKey::new(&format!("other.{}", t.site)), ..t.clone() };
    tried(&other, &pumped).await;
    // It has not recovered when the pause is over; what was stopped was no try.
    t.wait(TICK + TICK / 20).await;
    let patient = PumpingRules { at_least: 5, ..rules.clone() };
    tried(&t, &Sending { guards: vec![range("6012345", &patient)], ..pumped.clone() }).await;
    // Limits come first: the five of this country are used up.
    let (permit, _) = ask(&t, &pumped, hash()).await;
    assert!(matches!(permit, Permit::TooMany { limit: "per_country", .. }), "{permit:?}");
    let unlimited = Sending { country: None, ..pumped };
    assert!(stopped(&t, &unlimited).await.2, "it begins again");
}

/// The share of those that come back, to the number.
pub async fn numbers_that_come_back_keep_a_prefix_open(t: Bench) {
    let sending = sending(&RULES, vec![range("6012345", &RULES)]);
    for _ in 0..2 {
        tried(&t, &sending).await;
        verified(&t, &sending).await;
    }
    // Two of four is no less than half; two of five is.
    tried(&t, &sending).await;
    assert_eq!(stopped(&t, &sending).await, ("range", LONG, true));
}

/// A number that came back is one of a person, and its next message is none of the others'.
pub async fn a_number_that_came_back_is_let_through(t: Bench) {
    let country = Guard { name: "country", prefix: "60".to_owned(), ..range("", &RULES) };
    let sending = sending(&RULES, vec![country, range("6012345", &RULES)]);
    let person = hash();
    let (permit, (visitor, id)) = ask(&t, &sending, person).await;
    assert!(is_sent(&permit));
    t.pass(visitor, id, &Answering::new()).await;
    for _ in 0..3 {
        tried(&t, &sending).await;
    }
    // One of four came back; three others than the person's did not.
    assert_eq!(stopped(&t, &sending).await, ("country", LONG, true), "the widest guard first");
    let (permit, (visitor, id)) = ask(&t, &sending, person).await;
    assert!(matches!(permit, Permit::Send { suspicious: None, .. }), "{permit:?}");
    assert!(!stopped(&t, &sending).await.2);
    // Coming back lifts no pause.
    t.pass(visitor, id, &Answering::new()).await;
    assert!(!stopped(&t, &sending).await.2);
}

/// Whoever only asks after a pause changes nothing.
pub async fn a_pause_is_told_to_who_asks(t: Bench) {
    let sending = sending(&RULES, vec![range("6012345", &RULES)]);
    let person = hash();
    let pause = async |contact, prefix| {
        let guards = [range("elsewhere", &RULES), range(prefix, &RULES)];
        let ask = Paused { site: &t.site, contact, guards: &guards, window: LONG };
        t.store.paused(&ask).await.unwrap()
    };
    let (permit, (visitor, id)) = ask(&t, &sending, person).await;
    assert!(is_sent(&permit));
    t.pass(visitor, id, &Answering::new()).await;
    for _ in 0..3 {
        assert_eq!(pause(hash(), "6012345").await, None);
        tried(&t, &sending).await;
    }
    assert!(stopped(&t, &sending).await.2);
    assert_eq!(pause(hash(), "6012345").await, Some("range"));
    assert_eq!(pause(person, "6012345").await, None, "a person's");
    assert_eq!(pause(hash(), "6012346").await, None, "another range");
    assert!(!stopped(&t, &sending).await.2, "as it was");
}

/// A visitor who asks again is not two, and does not stop himself.
pub async fn a_resend_is_no_other_number(t: Bench) {
    let sending = sending(&RULES, vec![range("6012345", &RULES)]);
    let visitor = Visitor::new();
    let id = t.open(visitor, &Opening::new()).await;
    for _ in 0..6 {
        assert!(is_sent(&t.send(visitor, id, &sending).await));
    }
    for _ in 0..3 {
        tried(&t, &sending).await;
    }
    // Three others than his own; four for everybody else.
    assert!(is_sent(&t.send(visitor, id, &sending).await));
    assert!(stopped(&t, &sending).await.2);
    assert!(!paused(&t.send(visitor, id, &sending).await).2, "a pause holds for all who did not come back");
}

/// Numbers that could not have come back yet say nothing.
pub async fn the_grace_is_waited_for(t: Bench) {
    let rules = PumpingRules { grace: TICK * 2, ..RULES };
    let sending = sending(&rules, vec![range("6012345", &rules)]);
    for _ in 0..6 {
        tried(&t, &sending).await;
    }
    if t.is_exact() {
        t.wait(TICK * 2 - Duration::from_millis(1)).await;
        tried(&t, &sending).await;
        t.wait(Duration::from_millis(1)).await;
    } else {
        t.wait(TICK * 2).await;
    }
    assert!(stopped(&t, &sending).await.2);
}

/// What was tried before the window, and what came back then, counts no more.
pub async fn the_window_slides(t: Bench) {
    let rules = PumpingRules { window: TICK * 3, pause: TICK / 10, ..RULES };
    let sending = sending(&rules, vec![range("6012345", &rules)]);
    verified(&t, &sending).await;
    verified(&t, &sending).await;
    t.wait(TICK).await;
    for _ in 0..3 {
        tried(&t, &sending).await;
    }
    // Two of five.
    assert!(stopped(&t, &sending).await.2);
    t.wait(TICK * 2).await;
    // Those that came back have left: three are too few to judge.
    tried(&t, &sending).await;
    t.wait(TICK).await;
    // The three have left, too.
    for _ in 0..3 {
        tried(&t, &sending).await;
    }
    assert!(stopped(&t, &sending).await.2);
}

/// D01: five others of the same hundred, and none came back.
pub async fn a_run_of_numbers_is_paused(t: Bench) {
    let rules = PumpingRules { at_least: 1000, grace: LONG, ..RULES };
    let to = |number: &str| sending(&rules, rules.guards(number, "60"));
    for last in 0..5 {
        tried(&t, &to(&format!("+601234567{last}3"))).await;
        tried(&t, &to(&format!("+6012345{last}678"))).await;
    }
    assert_eq!(
        rules.guards("+60123456789", "60").iter().map(|guard| (guard.name, guard.prefix.as_str())).collect::<Vec<_>>(),
        [("country", "60"), ("range", "6012345"), ("sequence", "601234567")]
    );
    assert_eq!(stopped(&t, &to("+60123456799")).await, ("sequence", LONG, true));
    tried(&t, &to("+60123456899")).await;
    // One that came back clears the run.
    for last in 0..7 {
        let (visitor, id) = tried(&t, &to(&format!("+601299900{last}4"))).await;
        if last == 4 {
            t.pass(visitor, id, &Answering::new()).await;
        }
    }
}

/// What only observes stops nothing, and tells of a pause once.
pub async fn a_guard_that_observes_tells_once(t: Bench) {
    let rules = PumpingRules { mode: PumpingMode::Observe, pause: TICK, ..RULES };
    let sending = sending(&rules, vec![range("6012345", &rules)]);
    for _ in 0..4 {
        tried(&t, &sending).await;
    }
    let (permit, _) = ask(&t, &sending, hash()).await;
    assert!(matches!(permit, Permit::Send { suspicious: Some("range"), .. }), "{permit:?}");
    tried(&t, &sending).await;
    t.wait(TICK + TICK / 20).await;
    let (permit, _) = ask(&t, &sending, hash()).await;
    assert!(matches!(permit, Permit::Send { suspicious: Some("range"), .. }), "{permit:?}");
    // The pause stands, should the operator make it block now.
    let block = Limits { pumping: PumpingRules { mode: PumpingMode::Block, ..rules }, ..no_limits() };
    assert!(!stopped(&t, &Sending { limits: block, ..sending }).await.2);
}

pub async fn a_guard_that_is_off_does_nothing(t: Bench) {
    let off = PumpingRules { mode: PumpingMode::Off, ..RULES };
    assert!(off.guards("+60123456789", "60").is_empty());
    for rules in [off, RULES] {
        let sending = sending(&rules, vec![range("6012345", &rules)]);
        for _ in 0..4 {
            tried(&t, &sending).await;
        }
    }
}

/// D03: what surely reached nobody was no try, unless the number is known otherwise.
pub async fn a_send_that_is_given_back_was_no_try(t: Bench) {
    let sending = sending(&RULES, vec![range("6012345", &RULES)]);
    let back = async |id, send| t.store.give_back(&t.site, id, send).await.unwrap();
    for _ in 0..6 {
        let (_, id) = tried(&t, &sending).await;
        back(id, 1).await;
    }
    // A resend did not set the mark, and takes none away.
    let visitor = Visitor::new();
    let id = t.open(visitor, &Opening::new()).await;
    for send in 1..=2 {
        assert_eq!(t.sent(visitor, id, &sending).await, send);
    }
    back(id, 2).await;
    for _ in 0..3 {
        tried(&t, &sending).await;
    }
    assert!(stopped(&t, &sending).await.2, "four others");

    // A number whose mark was taken away and that comes back all the same is one that came back.
    let sending = Sending { guards: vec![range("6012347", &RULES)], ..sending };
    for _ in 0..2 {
        let visitor = Visitor::new();
        let id = t.open(visitor, &Opening::new()).await;
        for send in 1..=2 {
            assert_eq!(t.sent(visitor, id, &sending).await, send);
        }
        back(id, 1).await;
        t.pass(visitor, id, &Answering::new()).await;
    }
    for _ in 0..3 {
        tried(&t, &sending).await;
    }
    assert!(stopped(&t, &sending).await.2, "two of five");

    // Nor is one taken away of a number that came back meanwhile.
    let sending = Sending { guards: vec![range("6012346", &RULES)], ..sending };
    let person = hash();
    let (_, (_, early)) = ask(&t, &sending, person).await;
    let (_, (visitor, id)) = ask(&t, &sending, person).await;
    t.pass(visitor, id, &Answering::new()).await;
    back(early, 1).await;
    verified(&t, &sending).await;
    for _ in 0..3 {
        tried(&t, &sending).await;
    }
    assert!(stopped(&t, &sending).await.2, "two of five");
}

/// Whoever answers has all the numbers that the code went to.
pub async fn all_numbers_of_a_challenge_come_back(t: Bench) {
    let guards = [range("6012345", &RULES), range("6598765", &RULES)];
    let [here, there] = guards.map(|guard| sending(&RULES, vec![guard]));
    let visitor = Visitor::new();
    let id = t.open(visitor, &Opening::new()).await;
    for sending in [&here, &there, &Sending { to: EMAIL, guards: vec![], ..here.clone() }] {
        assert!(is_sent(&t.send(visitor, id, sending).await));
    }
    t.pass(visitor, id, &Answering::new()).await;
    for sending in [here, there] {
        verified(&t, &sending).await;
        for _ in 0..3 {
            tried(&t, &sending).await;
        }
        assert!(stopped(&t, &sending).await.2, "two of five: one less and it had been stopped before");
    }
}

/// Of several pauses the one that holds longest is told; a shorter one does not begin meanwhile.
pub async fn the_pause_that_holds_longest_is_told(t: Bench) {
    let long = PumpingRules { pause: LONG * 2, ..RULES };
    let [one, two] = [range("6012345", &RULES), range("6012346", &RULES)];
    let [first, second] = [sending(&RULES, vec![one.clone()]), sending(&long, vec![two.clone()])];
    for sending in [&first, &second] {
        for _ in 0..4 {
            tried(&t, sending).await;
        }
        assert!(stopped(&t, sending).await.2);
    }
    let both = sending(&RULES, vec![one, two]);
    let (_, retry_after, begins) = stopped(&t, &both).await;
    assert!(!begins && t.is(retry_after, LONG * 2), "{retry_after:?}");
    // A wait comes before it: whoever is told to wait need not know.
    let resend = Resend { max: 9, wait: vec![LONG] };
    let (visitor, sending) = (Visitor::new(), Sending { resend, ..sending(&RULES, vec![]) });
    let id = t.open(visitor, &Opening::new()).await;
    assert!(is_sent(&t.send(visitor, id, &sending).await));
    let again = Sending { guards: both.guards, ..sending };
    assert!(matches!(t.send(visitor, id, &again).await, Permit::Wait { .. }));
}
