use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;

fn full(text: &str, subject: &Subject, contact: &Contact) -> Event {
    Event::new(Kind::Sent, Reference::from_random([9; 5]))
        .site(text)
        .policy(text)
        .subject(subject, KeyedHash::new([3; 16]))
        .contact(contact)
        .client("::ffff:203.0.113.9".parse().unwrap())
        .request(text, text)
        .score(40)
        .reasons([text, "country_unexpected"])
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_795_000_000_250)
}

#[test]
fn an_event_is_one_line_of_json_with_what_a_reader_needs() {
    let subject = Subject::parse("alice@shop").unwrap();
    let contact = Contact::parse(Channel::Email, "alice.long@example.com").unwrap();
    let event = Event::new(Kind::Sent, Reference::from_random([9; 5]))
        .site("shop.example.com")
        .policy("account")
        .subject(&subject, KeyedHash::new([3; 16]))
        .contact(&contact)
        .client("::ffff:203.0.113.9".parse().unwrap())
        .request("POST", "/transfer")
        .score(40)
        .reason("country_unexpected");
    let json = event.at(now()).to_json();
    let expected = concat!(
        r#"{"time":"2026-11-18T11:06:40.250Z","kind":"sent","reference":"144G-J289","site":"shop.example.com","#,
        r#""policy":"account","subject":"a***","subject_hash":"03030303030303030303030303030303","channel":"email","#,
        r#""contact":"a***@e***.com","client":"203.0.113.9","method":"POST","path":"/transfer","score":40,"#,
        r#""reasons":["country_unexpected"]}"#
    );
    assert_eq!(json, expected);
}

#[test]
fn i9_a_query_never_gets_into_an_event() {
    let event = Event::new(Kind::Refused, Reference::from_random([9; 5])).request("GET", "/reset?token=hunter2&x=1");
    let json = event.at(now()).to_json();
    assert!(!json.contains("hunter2") && json.contains(r#""path":"/reset""#), "{json}");
}

#[test]
fn what_another_version_wrote_can_be_read() {
    let line = Line::parse(r#"{"time":"2027-01-01T00:00:00.000Z","kind":"beamed","mood":"good"}"#).unwrap();
    assert_eq!(line.kind, "beamed");
    assert_eq!(Line::parse("not json"), None);
}

proptest! {
    /// F08 and I9: whatever a visitor sends, the line stays one line of valid JSON without control characters, of
    /// bounded length, and holds neither subject nor contact in full.
    #[test]
    fn f08_i9_hostile_values_make_no_second_line_and_tell_no_secret(
        text in "(?s).{0,400}",
        name in "[a-z]{3,20}",
        local in "[a-z0-9]{4,20}",
        number in "[1-9][0-9]{8,13}",
    ) {
        let subject = Subject::parse(&format!("s{name}@{name}")).unwrap();
        for (channel, address) in [(Channel::Email, format!("q{local}@{local}.example")), (Channel::Sms, format!("+{number}"))] {
            let contact = Contact::parse(channel, &address).unwrap();
            let json = full(&text, &subject, &contact).at(now()).to_json();

            prop_assert!(!json.chars().any(char::is_control), "{json}");
            prop_assert!(!json.contains(['\u{2028}', '\u{2029}', '\u{202e}']), "{json}");
            prop_assert!(json.len() < 16 * 1024);
            let line = Line::parse(&json).expect("valid JSON");
            prop_assert_eq!(&line.to_json(), &json);
            prop_assert_eq!(line.contact.clone(), Some(contact.masked()));
            if !text.contains(&address) && !text.contains(subject.as_str()) {
                prop_assert!(!json.contains(&address) && !json.contains(subject.as_str()), "{json}");
            }
            let query = text.split_once('?').map_or("", |(_, query)| query);
            prop_assert!(query.len() < 6 || line.path.is_none_or(|path| !path.contains(query)));
        }
    }
}

/// Somewhere to write a log to.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn f08_the_log_gets_one_structured_line_under_the_audit_target() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        Event::new(Kind::Refused, Reference::from_random([9; 5]))
            .site("shop.example.com")
            .request("GET", "/x\n{\"level\":\"ERROR\"}\u{1b}[2J")
            .reasons(["deny", "hosting_network"])
            .at(now())
            .log();
    });
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["target"], TARGET);
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["fields"]["kind"], "refused");
    assert_eq!(line["fields"]["message"], "refused by the policy");
    assert_eq!(line["fields"]["path"], "/x\\n{\"level\":\"ERROR\"}\\u{1b}[2J");
    assert_eq!(line["fields"]["reasons"], "deny, hosting_network");
    assert_eq!(line["fields"].get("contact"), None, "what is not known is left out");
}
