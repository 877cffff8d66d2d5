use super::*;
use crate::audit::Event;
use crate::words::{Channel, Contact, KeyedHash, Reference, Subject, Timestamp};

fn event(kind: Kind) -> Event {
    Event::new(kind, Reference::from_random([9; 5])).site("shop.example.com")
}

fn at(second: u64, event: Event) -> String {
    event.at(Timestamp::from_millis(1_795_000_000_000 + second * 1000)).to_json()
}

#[test]
fn the_story_is_told_in_order_and_ends_with_advice() {
    let alice = Subject::parse("alice").unwrap();
    let mail = Contact::parse(Channel::Email, "alice@example.com").unwrap();
    let lines = [
        at(
            0,
            event(Kind::Opened)
                .request("POST", "/transfer")
                .policy("payments")
                .subject(&alice, KeyedHash::new([1; 16])),
        ),
        at(1, event(Kind::Sent).contact(&mail)),
        at(40, event(Kind::WrongCode).client("203.0.113.9".parse().unwrap())),
        at(50, event(Kind::Locked).reason("per_subject")),
    ];
    let story = tell("144G-J289", &lines);
    let expected = "\
Reference 144G-J289

2026-11-18 11:06:40 UTC  opened a challenge
                         site: shop.example.com
                         request: POST /transfer
                         policy: payments
                         subject: a***
2026-11-18 11:06:41 UTC  sent a code
                         to: a***@e***.com by email
2026-11-18 11:07:20 UTC  took a wrong code
                         from: 203.0.113.9
2026-11-18 11:07:30 UTC  locked: no more tries
                         because: per_subject

What to do next
Make sure by other means that you speak to the right person, then unlock with `otpgate unlock`.
Wrong codes that the person knows nothing of are a sign that somebody else has the password.
";
    assert_eq!(story, expected);
}

#[test]
fn f08_what_stands_in_the_store_cannot_steer_a_terminal() {
    let lines = [
        "\u{1b}]0;owned\u{7}".to_owned(),
        r#"{"time":"\u001b[2J","kind":"\u001b[31mroot","path":"\r\n2026 passed","reasons":["\u202e"]}"#.to_owned(),
    ];
    let story = tell("\u{1b}[1m", &lines);
    assert!(!story.chars().any(|c| c.is_control() && c != '\n'), "{story:?}");
    assert!(!story.contains('\u{202e}'), "{story:?}");
    assert!(!story.lines().any(|line| line.starts_with("2026 passed")), "{story}");
}

#[test]
fn an_event_of_a_newer_version_is_shown_by_its_word() {
    let story = tell("144G-J289", &[r#"{"time":"2027-01-01T00:00:00.000Z","kind":"beamed"}"#.to_owned()]);
    assert!(story.contains("2027-01-01 00:00:00 UTC  beamed\n"), "{story}");
    assert!(!story.contains("What to do next"), "{story}");
}
