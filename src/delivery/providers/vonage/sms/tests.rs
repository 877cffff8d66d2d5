use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::*;

fn answer(status: u16, body: &Value) -> Answer {
    let status = StatusCode::from_u16(status).unwrap();
    Answer { status, headers: HeaderMap::new(), body: Bytes::from(body.to_string()) }
}

fn part(status: &str) -> Value {
    json!({"status": status, "message-id": "0A00", "to": "60123456789", "message-price": "0.0333", "error-text": "…"})
}

#[test]
fn every_status_has_its_class() {
    use FailureClass as C;
    let known = [
        (C::InvalidNumber, &["3", "6"][..]),
        (C::RegionBlocked, &["7"]),
        (C::CarrierFiltered, &["17"]),
        (C::RateLimited, &["1", "10"]),
        (C::InsufficientBalance, &["8", "9", "33"]),
        (C::AuthConfig, &["4", "14", "32"]),
        (C::SenderConfig, &["15", "29"]),
        (C::ProviderDown, &["5"]),
        (C::Unknown, &["2", "11", "12", "22", "23", "34", "99", "1000", "-1", "", "null", "03"]),
    ];
    for (class, status) in known.iter().flat_map(|(class, all)| all.iter().map(move |status| (*class, *status))) {
        let Err(Failure::Declined { class: told, .. }) = taken(&answer(200, &json!({"messages": [part(status)]})))
        else {
            panic!("{status} is no refusal");
        };
        assert_eq!(told, class, "{status}");
    }
}

#[test]
fn every_code_of_a_receipt_has_its_class() {
    use FailureClass as C;
    let known = [
        (C::InvalidNumber, &["11", "12"][..]),
        (C::UnreachableTemporarily, &["2", "7", "8"]),
        (C::UnreachablePermanently, &["3"]),
        (C::RegionBlocked, &["50", "51", "52", "53", "54"]),
        (C::OptedOut, &["4", "9"]),
        (C::CarrierFiltered, &["6", "14"]),
        (C::Unknown, &["0", "1", "5", "10", "13", "15", "16", "49", "55", "99", "", "x"]),
    ];
    for (class, code) in known.iter().flat_map(|(class, all)| all.iter().map(move |code| (*class, *code))) {
        assert_eq!(class_of_receipt(code), class, "{code}");
    }
}

#[test]
fn a_message_is_taken_when_every_part_is() {
    let one = taken(&answer(200, &json!({"message-count": "1", "messages": [part("0")]}))).unwrap();
    assert_eq!((one.theirs.as_deref(), one.progress), (Some("0A00"), Progress::Accepted));
    let price = one.price.unwrap();
    assert_eq!((price.amount, price.currency.unwrap().as_str()), ("0.0333".parse().unwrap(), "EUR"));
    let two = taken(&answer(200, &json!({"messages": [part("0"), part("0")]}))).unwrap();
    assert_eq!(two.price.unwrap().amount, "0.0666".parse().unwrap());
    assert!(taken(&answer(200, &json!({"messages": [{"status": 0}]}))).is_ok(), "a number, and no price");
    // Half of it went out: sending it again costs, and nobody may count it as not sent.
    for parts in [[part("0"), part("1")], [part("8"), part("0")]] {
        let failure = taken(&answer(200, &json!({"messages": parts}))).unwrap_err();
        assert!(!failure.surely_not_sent());
    }
}

#[test]
fn an_answer_that_says_nothing_leaves_open_what_became_of_the_message() {
    for body in [json!(null), json!({}), json!([]), json!({"messages": []}), json!({"messages": "x"}), json!("ok")] {
        assert!(!taken(&answer(200, &body)).unwrap_err().surely_not_sent(), "{body}");
    }
    for (status, class) in [
        (401, FailureClass::AuthConfig),
        (402, FailureClass::InsufficientBalance),
        (429, FailureClass::RateLimited),
        (500, FailureClass::ProviderDown),
        (503, FailureClass::ProviderDown),
        (404, FailureClass::Unknown),
        (302, FailureClass::Unknown),
    ] {
        let failure = taken(&answer(status, &json!({"messages": [part("0")]}))).unwrap_err();
        assert!(failure.surely_not_sent() && failure.class() == class, "{status}");
    }
}

#[test]
fn a_throttled_answer_says_how_long_to_wait() {
    for (text, wait) in [
        ("Throughput Rate Exceeded - please wait [ 250 ] and retry", Some(250)),
        ("wait [9999999999]", Some(60_000)),
        ("wait [ soon ]", None),
        ("wait", None),
    ] {
        let part = json!({"status": "1", "error-text": text});
        let failure = taken(&answer(200, &json!({"messages": [part]}))).unwrap_err();
        let Failure::Declined { retry_after, .. } = failure else { panic!("{failure}") };
        assert_eq!(retry_after, wait.map(Duration::from_millis), "{text}");
    }
}
