use super::*;
use crate::words::TestClock;

fn reference(n: u8) -> Reference {
    Reference::from_random([n; 5])
}

fn audit() -> (Arc<TestClock>, Audit) {
    let clock = Arc::new(TestClock::at(Timestamp::from_millis(1_795_000_000_250)));
    (Arc::clone(&clock), Audit::new(clock))
}

#[test]
fn a_recorded_event_is_found_by_its_reference_alone() {
    let (_, audit) = audit();
    let line = audit.record(Event::new(Kind::Refused, reference(1)).site("shop.example.com").reason("deny"));
    audit.record(Event::new(Kind::Refused, reference(2)));

    assert_eq!(audit.lookup(reference(1), Vec::new()), [line.to_string()]);
    assert!(audit.lookup(reference(3), Vec::new()).is_empty());
}

#[test]
fn a_look_up_joins_store_and_memory_in_the_order_of_time_and_shows_nothing_twice() {
    let (clock, audit) = audit();
    let first = audit.record(Event::new(Kind::Opened, reference(1)));
    clock.advance(std::time::Duration::from_secs(1));
    let second = audit.record(Event::new(Kind::Sent, reference(1)));
    clock.advance(std::time::Duration::from_secs(1));
    let elsewhere = Event::new(Kind::Passed, reference(1)).at(clock.now()).to_json();

    let found = audit.lookup(reference(1), vec![elsewhere.clone(), second.to_string()]);
    assert_eq!(found, [first.to_string(), second.to_string(), elsewhere]);
}

#[test]
fn the_memory_is_bounded_and_the_oldest_give_way() {
    let recent = Recent::new(2);
    for n in 1..=3 {
        recent.push(reference(n), format!("event {n}").into());
    }
    assert!(recent.under(reference(1)).is_empty());
    assert_eq!(recent.under(reference(3)).len(), 1);
}

#[test]
fn recording_counts_the_event_and_the_challenge() {
    let (_, audit) = audit();
    audit.record(Event::new(Kind::Opened, reference(1)));
    audit.record(Event::new(Kind::IdentityConflict, reference(2)));
    let metrics = audit.metrics.encode();
    assert!(metrics.contains("otpgate_events_total{kind=\"opened\"} 1\n"), "{metrics}");
    assert!(metrics.contains("otpgate_events_total{kind=\"identity_conflict\"} 1\n"), "{metrics}");
    assert!(metrics.contains("otpgate_challenges_total{outcome=\"opened\"} 1\n"), "{metrics}");
    assert!(!metrics.contains("otpgate_challenges_total{outcome=\"identity_conflict\"}"), "{metrics}");
}

#[test]
fn every_kind_has_a_word_of_its_own_and_stands_in_its_place() {
    for (place, kind) in Kind::ALL.into_iter().enumerate() {
        assert_eq!(kind as usize, place, "{kind}");
        assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        assert!(!kind.happened().ends_with('.') && kind.next_step().ends_with('.'), "{kind}");
    }
}

#[test]
fn f08_printable_writes_out_what_a_log_or_a_terminal_could_misread() {
    assert_eq!(printable("a\r\nb\u{1b}[31m\u{202e}\u{2028}\u{85}", 99), r"a\r\nb\u{1b}[31m\u{202e}\u{2028}\u{85}");
    assert_eq!(printable("Zoë's \"café\" 日本", 99), "Zoë's \"café\" 日本");
    assert_eq!(printable("abcdef", 3), "abc…");
    assert_eq!(printable(&printable("\u{7}\\", 99), 99), printable("\u{7}\\", 99), "once is enough");
}

#[test]
fn a_moment_is_written_in_utc_and_no_moment_is_too_late() {
    assert_eq!(rfc3339(Timestamp::from_millis(1_795_000_000_250)), "2026-11-18T11:06:40.250Z");
    assert_eq!(rfc3339(Timestamp::from_millis(u64::MAX)), "9999-12-31T23:59:59.999Z");
}
