use std::time::Duration;

use super::*;
use crate::delivery::{Aim, Message, SiteName, Templates};
use crate::seal::Code;
use crate::words::{Contact, MessageId, Reference, TestClock, Timestamp};

fn message(channel: Channel, to: &str, code: &str) -> Message {
    Message {
        to: Contact::parse(channel, to).unwrap(),
        code: Code::unsealed(code.as_bytes()),
        site: SiteName::new("Example Shop", "shop.example.com"),
        aim: Aim::Open,
        expires_in: Duration::from_secs(300),
        reference: Reference::from_random([7; 5]),
        language: None,
        client: None,
    }
}

fn keep(outbox: &Outbox, message: &Message) {
    let said = Templates::default().say(message).unwrap();
    let id = MessageId::from_random([1; 16]);
    outbox.keep("dev", &Parcel { message, said: &said, id, receipts: None, answer: None });
}

#[test]
fn the_newest_message_comes_first_and_the_oldest_give_way() {
    let clock = Arc::new(TestClock::at(Timestamp::from_millis(1_000)));
    let outbox = Outbox::new(Arc::<TestClock>::clone(&clock));
    for number in 0..Outbox::KEPT + 50 {
        keep(&outbox, &message(Channel::Sms, "+60123456789", &format!("{number:06}")));
        clock.advance(Duration::from_secs(1));
    }
    let all = outbox.recent();
    assert_eq!(all.len(), Outbox::KEPT);
    assert_eq!((&*all[0].code, &*all[Outbox::KEPT - 1].code), ("000249", "000050"));
    assert_eq!(all[0].time, "1970-01-01T00:04:10.000Z");
}

#[test]
fn a_message_is_kept_as_it_would_be_read() {
    let outbox = Outbox::default();
    keep(&outbox, &message(Channel::Email, "alice@example.com", "123456"));
    keep(&outbox, &message(Channel::Voice, "+60123456789", "123456"));
    let [voice, email] = &outbox.recent()[..] else { panic!("two messages") };
    assert!(email.text.starts_with("Your code for Example Shop\n\n") && email.text.contains("\n123456\n"));
    assert!(voice.text.contains("1, 2, 3, 4, 5, 6"));
    let json = serde_json::to_value(email).unwrap();
    for (key, wanted) in [
        ("provider", "dev"),
        ("channel", "email"),
        ("to", "alice@example.com"),
        ("site", "Example Shop"),
        ("code", "123456"),
    ] {
        assert_eq!(json[key], wanted);
    }
    assert!(json["time"].is_string() && json["text"].is_string());
    assert!(!format!("{email:?} {outbox:?}").contains("123456"), "I9: only the admin page and the log line show it");
}
