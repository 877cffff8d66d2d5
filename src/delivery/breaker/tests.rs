use super::*;

const START: u64 = 1_800_000_000;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis((START + seconds) * 1000)
}

fn down() -> Failure {
    Failure::Unreachable("connection refused".to_owned())
}

fn declined(class: FailureClass, retry_after: Option<u64>) -> Failure {
    Failure::Declined { class, code: "1".to_owned(), retry_after: retry_after.map(Duration::from_secs) }
}

fn fail(breaker: &Breaker, failure: &Failure, seconds: u64) -> Option<Change> {
    breaker.leave(at(seconds), false).unwrap().failed(failure, at(seconds))
}

/// A breaker that opened at 0.
fn open() -> Breaker {
    let breaker = Breaker::default();
    for _ in 1..FAILURES {
        assert_eq!(fail(&breaker, &down(), 0), None);
        assert!(breaker.open_since(at(0)).is_none());
    }
    assert_eq!(fail(&breaker, &down(), 0), Some(Change::Opened(FIRST)));
    breaker
}

#[test]
fn failures_in_a_row_open_it_and_an_answer_between_them_does_not() {
    let breaker = open();
    assert_eq!(breaker.open_since(at(29)), Some(at(0)));
    assert!(breaker.leave(at(29), false).is_none());
    let breaker = Breaker::default();
    for _ in 0..3 {
        for _ in 1..FAILURES {
            assert_eq!(fail(&breaker, &down(), 0), None);
        }
        assert_eq!(breaker.leave(at(0), false).unwrap().answered(), None);
    }
}

#[test]
fn after_a_while_one_message_tries_it_and_an_answer_closes_it() {
    let breaker = open();
    assert!(breaker.open_since(at(30)).is_none());
    let trial = breaker.leave(at(30), false).unwrap();
    assert!(breaker.open_since(at(31)).is_some(), "one at a time");
    assert!(breaker.leave(at(31), false).is_none());
    assert_eq!(trial.answered(), Some(Change::Closed));
    assert!(breaker.leave(at(31), false).is_some() && breaker.leave(at(31), false).is_some());
}

#[test]
fn each_failed_trial_doubles_the_time_up_to_five_minutes() {
    let breaker = open();
    let (mut now, mut spans) = (30, Vec::new());
    for _ in 0..5 {
        assert_eq!(fail(&breaker, &down(), now), None, "told once");
        let shut = (now..).take_while(|second| breaker.open_since(at(*second)).is_some()).count() as u64;
        spans.push(shut);
        now += shut;
    }
    assert_eq!(spans, [60, 120, 240, 300, 300]);
    assert_eq!(breaker.open_since(at(now - 1)), Some(at(0)), "open since it first opened");
    assert_eq!(breaker.leave(at(now), false).unwrap().answered(), Some(Change::Closed));
    for _ in 1..FAILURES {
        assert_eq!(fail(&breaker, &down(), now), None);
    }
    assert_eq!(fail(&breaker, &down(), now), Some(Change::Opened(FIRST)), "and it starts again");
}

#[test]
fn what_was_on_its_way_when_it_opened_changes_nothing() {
    let breaker = Breaker::default();
    let stragglers: Vec<_> = (0..20).map(|_| breaker.leave(at(0), false).unwrap()).collect();
    for straggler in stragglers {
        straggler.failed(&down(), at(10));
    }
    assert!(breaker.open_since(at(39)).is_some() && breaker.open_since(at(40)).is_none());
    // Whoever insists has leave, and shortens or lengthens nothing.
    let insisting = breaker.leave(at(20), true).unwrap();
    assert_eq!(insisting.failed(&down(), at(39)), None);
    assert!(breaker.open_since(at(40)).is_none());
    assert_eq!(breaker.leave(at(20), true).unwrap().answered(), Some(Change::Closed));
}

#[test]
fn a_trial_that_is_given_up_leaves_the_next_one_to_try() {
    let breaker = open();
    drop(breaker.leave(at(30), false).unwrap());
    assert!(breaker.leave(at(30), false).is_some());
}

#[test]
fn what_an_operator_must_mend_opens_it_at_once() {
    use FailureClass as C;
    for (class, opens) in [
        (C::InsufficientBalance, true),
        (C::AuthConfig, true),
        (C::SenderConfig, true),
        (C::ProviderDown, false),
        (C::RateLimited, false),
    ] {
        let breaker = Breaker::default();
        assert_eq!(fail(&breaker, &declined(class, None), 0).is_some(), opens, "{class}");
    }
}

#[test]
fn a_rest_that_a_provider_asks_for_is_kept() {
    let breaker = Breaker::default();
    let change = fail(&breaker, &declined(FailureClass::RateLimited, Some(7)), 0);
    assert_eq!(change, Some(Change::Opened(Duration::from_secs(7))));
    assert!(breaker.open_since(at(6)).is_some() && breaker.open_since(at(7)).is_none());
    assert_eq!(fail(&breaker, &declined(FailureClass::RateLimited, Some(90)), 7), None);
    assert!(breaker.open_since(at(96)).is_some() && breaker.open_since(at(97)).is_none());
    let breaker = Breaker::default();
    fail(&breaker, &declined(FailureClass::RateLimited, Some(86_400)), 0);
    assert!(breaker.open_since(at(3600)).is_none(), "an hour at most");
}
