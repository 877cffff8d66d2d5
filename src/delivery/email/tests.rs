use std::time::Duration;

use super::*;
use crate::delivery::{Aim, Message, SiteName, Templates};
use crate::seal::Code;
use crate::words::{Channel, Contact, MessageId, Reference};

fn compose(name: &str, to: &str, from: &str) -> Result<String, Failure> {
    let message = Message {
        to: Contact::parse(Channel::Email, to).unwrap(),
        code: Code::unsealed(b"123456"),
        site: SiteName::new(name, "shop.example.com"),
        aim: Aim::Open,
        expires_in: Duration::from_secs(300),
        reference: Reference::from_random([7; 5]),
        language: None,
        client: None,
    };
    written(&message, from)
}

fn written(message: &Message, from: &str) -> Result<String, Failure> {
    let said = Templates::default().say(message).unwrap();
    let id = MessageId::from_random([1; 16]);
    let parcel = Parcel { message, said: &said, id, receipts: None, answer: None };
    Email::compose(&parcel, &from.parse().unwrap()).map(|email| String::from_utf8(email.bytes).unwrap())
}

/// The header block, unfolded.
fn headers(email: &str) -> Vec<String> {
    let block = email.split("\r\n\r\n").next().unwrap();
    block.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n").map(str::to_owned).collect()
}

#[test]
fn d05_o35_no_name_adds_a_header_or_a_recipient() {
    let plain = headers(&compose("Shop", "alice@example.com", "no-reply@example.com").unwrap()).len();
    for name in [
        "Shop\r\nBcc: eve@example.org",
        "Shop\nX: y",
        "=?utf-8?q?=0d=0aBcc:_eve@example.org?=",
        "é\r\n\r\n<b>",
        "\u{85}Bcc: x",
    ] {
        let email = compose(name, "alice@example.com", "no-reply@example.com").unwrap();
        let headers = headers(&email);
        assert_eq!(headers.len(), plain, "{headers:#?}");
        assert_eq!(headers.iter().filter(|line| line.to_ascii_lowercase().starts_with("bcc")).count(), 0);
        assert!(headers.contains(&"To: alice@example.com".to_owned()), "{headers:#?}");
    }
}

#[test]
fn an_email_says_that_a_machine_wrote_it_and_tells_nothing_of_this_one() {
    let email = compose("Café", "a+b@example.com", "Shop <no-reply@example.org>").unwrap();
    let headers = headers(&email);
    let value = |name: &str| {
        let found: Vec<_> = headers.iter().filter_map(|line| line.strip_prefix(&format!("{name}: "))).collect();
        assert_eq!(found.len(), 1, "{name} in {headers:#?}");
        found[0].to_owned()
    };
    assert_eq!(value("From"), "Shop <no-reply@example.org>");
    assert_eq!(value("To"), "a+b@example.com");
    assert_eq!(value("Auto-Submitted"), "auto-generated");
    assert!(value("Content-Type").starts_with("multipart/alternative;"));
    assert!(value("Message-ID").starts_with(&format!("<{}.", Reference::from_random([7; 5]))));
    assert!(value("Message-ID").ends_with("@example.org>"), "the sender's domain and not this machine's name");
    assert!(value("Date").ends_with("+0000") || value("Date").ends_with("GMT"), "{}", value("Date"));
    assert!(email.is_ascii() && email.split("\r\n").all(|line| line.len() <= 998), "any server takes it");
    assert!(!email.replace("\r\n", "").contains(['\r', '\n']), "no bare line ends");
    assert_ne!(email, compose("Café", "a+b@example.com", "Shop <no-reply@example.org>").unwrap());
}

#[test]
fn a_telephone_gets_no_email() {
    let message = Message {
        to: Contact::parse(Channel::Sms, "+60123456789").unwrap(),
        code: Code::unsealed(b"123456"),
        site: SiteName::new("Shop", "shop.example.com"),
        aim: Aim::Open,
        expires_in: Duration::from_secs(300),
        reference: Reference::from_random([7; 5]),
        language: None,
        client: None,
    };
    assert!(matches!(written(&message, "a@b.example"), Err(Failure::Unsendable(_))));
}
