use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use super::*;
use crate::delivery::Outbox;
use crate::delivery::token::tests::{hs256, made};
use crate::seal::{Random, SystemRandom};
use crate::words::{Clock, SystemClock, Timestamp};

const KEY: &str = "signing-key-of-the-account";
const NOW: u64 = 1_700_000_000;
const ID: MessageId = MessageId::from_random([7; 16]);

fn spec() -> MessageBirdSpec {
    MessageBirdSpec {
        access_key: "hunter2hunter2".to_owned().into(),
        signing_key: Some(KEY.to_owned().into()),
        from: "Shop".parse().unwrap(),
    }
}

fn messagebird(spec: MessageBirdSpec) -> MessageBird {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random: Arc<dyn Random> = Arc::new(SystemRandom::new());
    let bench =
        Bench { outbox: &Arc::new(Outbox::default()), web: &Web::new().unwrap(), clock: &clock, random: &random };
    MessageBird::new(spec, &Common::default(), &bench)
}

fn url(query: &str) -> String {
    format!("https://otp.example.test/.otpgate/receipts/mb?{query}")
}

/// What the vendor claims of a request to the address with this query and this body.
fn claims(query: &str, body: &[u8]) -> Value {
    let mut claims = json!({
        "iss": "MessageBird", "nbf": NOW, "exp": NOW + 60, "jti": "j1", "url_hash": token::sha256(url(query).as_bytes()),
    });
    if !body.is_empty() {
        claims["payload_hash"] = token::sha256(body).into();
    }
    claims
}

fn read_at(now: u64, token: &str, query: &str, body: &[u8]) -> Result<Heard, BadCallback> {
    static MESSAGEBIRD: LazyLock<MessageBird> = LazyLock::new(|| messagebird(spec()));
    let mut headers = HeaderMap::new();
    headers.insert("messagebird-signature-jwt", token.parse().unwrap());
    let (method, url, now) = (Method::GET, url(query), Timestamp::from_millis(now * 1000));
    MESSAGEBIRD.read(&Callback { method: &method, url: &url, query, headers: &headers, body, now })
}

fn read(token: &str, query: &str) -> Result<Heard, BadCallback> {
    read_at(NOW, token, query, b"")
}

fn heard(query: &str) -> Option<Receipt> {
    let heard = read(&hs256(&claims(query, b""), KEY), query).unwrap();
    assert_eq!(heard.nonce.as_deref(), Some("j1"));
    heard.receipts.into_iter().next()
}

#[test]
fn a_receipt_says_how_far_a_message_came() {
    use FailureClass as C;
    for (query, progress) in [
        ("status=scheduled", Some(Progress::Accepted)),
        ("status=sent", Some(Progress::Sent)),
        ("status=buffered", Some(Progress::Sent)),
        ("status=calling", Some(Progress::Sent)),
        ("status=delivered", Some(Progress::Delivered)),
        ("status=answered", Some(Progress::Delivered)),
        ("status=expired&statusErrorCode=27", Some(Progress::Failed(C::Expired))),
        ("status=busy", Some(Progress::Failed(C::UnreachableTemporarily))),
        ("status=machine", Some(Progress::Failed(C::UnreachableTemporarily))),
        ("status=failed", Some(Progress::Failed(C::Unknown))),
        ("status=delivery_failed&statusErrorCode=1", Some(Progress::Failed(C::InvalidNumber))),
        ("status=delivery_failed&statusErrorCode=27", Some(Progress::Failed(C::UnreachableTemporarily))),
        ("status=delivery_failed&statusErrorCode=34", Some(Progress::Failed(C::UnreachableTemporarily))),
        ("status=delivery_failed&statusErrorCode=103", Some(Progress::Failed(C::OptedOut))),
        ("status=delivery_failed&statusErrorCode=9999", Some(Progress::Failed(C::Unknown))),
        ("status=surprising", None),
        ("status=", None),
        ("x=1", None),
    ] {
        let receipt = heard(&format!("{query}&reference={ID}&id=theirs"));
        assert_eq!(receipt.map(|receipt| receipt.progress), progress, "{query}");
    }
}

#[test]
fn a_receipt_names_its_message_its_parts_and_its_price() {
    let other = MessageId::from_random([8; 16]);
    let whose = |query: &str| heard(&format!("status=sent&{query}")).unwrap().whose;
    assert_eq!(whose(&format!("m={ID}&reference={other}&id=theirs")), Whose::Ours(ID));
    assert_eq!(whose(&format!("reference={ID}&id=theirs")), Whose::Ours(ID));
    assert_eq!(whose("reference=of-somebody&id=theirs"), Whose::Theirs("theirs".to_owned()));
    let query = format!(
        "id=theirs&reference={ID}&recipient=60123456789&status=delivered&messagePartCount=2&\
                         price[amount]=0.075&price[currency]=EUR"
    );
    let receipt = heard(&query).unwrap();
    let price = receipt.price.unwrap();
    assert_eq!((price.amount, price.currency.unwrap().as_str()), ("0.075".parse().unwrap(), "EUR"));
    assert_eq!(receipt.parts, Some(2));
    let token = hs256(&claims("status=sent", b""), KEY);
    assert_eq!(read(&token, "status=sent"), Err(BadCallback::Malformed("it names no message")));
}

#[test]
fn a_receipt_is_signed_for_its_address_and_its_body() {
    let (query, body) = (format!("status=sent&reference={ID}"), b"Hello, World!");
    let sign = |claims: &Value| hs256(claims, KEY);
    assert!(read_at(NOW, &sign(&claims(&query, body)), &query, body).is_ok());
    for (claims, body, why) in [
        (claims(&query, body), &b""[..], "its token is of another body"),
        (claims(&query, b""), body, "its token is of another body"),
        (claims(&query, b"Hello, World?"), body, "its token is of another body"),
        (claims("status=sent", b""), b"", "its token is of another address"),
        (claims(&format!("{query}&"), b""), b"", "its token is of another address"),
    ] {
        assert_eq!(read_at(NOW, &sign(&claims), &query, body), Err(BadCallback::Forged(why)));
    }
    for (name, value) in [
        ("iss", json!("messagebird")),
        ("iss", Value::Null),
        ("nbf", Value::Null),
        ("exp", Value::Null),
        ("exp", json!("late")),
        ("jti", Value::Null),
        ("url_hash", Value::Null),
        ("payload_hash", json!("")),
        ("payload_hash", Value::Null),
    ] {
        let mut claims = claims(&query, b"");
        claims[name] = value.clone();
        assert!(matches!(read(&sign(&claims), &query), Err(BadCallback::Forged(_))), "{name} {value}");
    }
}

#[test]
fn a_receipt_is_believed_while_its_token_is_good() {
    let query = format!("status=sent&reference={ID}");
    let token = hs256(&claims(&query, b""), KEY);
    for (now, good) in [(NOW - 2, false), (NOW - 1, true), (NOW, true), (NOW + 60, true), (NOW + 61, false)] {
        let read = read_at(now, &token, &query, b"");
        assert_eq!(read.is_ok(), good, "{now}");
        assert!(good || read == Err(BadCallback::Stale));
    }
}

#[test]
fn a_receipt_is_signed_with_an_hmac_of_sha_2() {
    let query = format!("status=sent&reference={ID}");
    let claims = claims(&query, b"");
    let algorithms = [
        ("HS256", ring::hmac::HMAC_SHA256, true),
        ("HS384", ring::hmac::HMAC_SHA384, true),
        ("HS512", ring::hmac::HMAC_SHA512, true),
        ("none", ring::hmac::HMAC_SHA256, false),
        ("RS256", ring::hmac::HMAC_SHA256, false),
        ("HS256", ring::hmac::HMAC_SHA512, false),
    ];
    for (name, algorithm, good) in algorithms {
        let token = made(&json!({"alg": name, "typ": "JWT"}), &claims, algorithm, KEY.as_bytes());
        assert_eq!(read(&token, &query).is_ok(), good, "{name}");
    }
    assert!(read(&hs256(&claims, "another key"), &query).is_err());
    let token = hs256(&claims, KEY);
    for position in 0..query.len() {
        for bit in 0..7 {
            let mut bytes = query.clone().into_bytes();
            bytes[position] ^= 1 << bit;
            let changed = String::from_utf8(bytes).unwrap();
            assert!(matches!(read(&token, &changed), Err(BadCallback::Forged(_))), "{changed:?}");
        }
    }
    let method = Method::GET;
    let url = url(&query);
    let now = Timestamp::from_millis(NOW * 1000);
    let headers = HeaderMap::new();
    let unsigned = Callback { method: &method, url: &url, query: &query, headers: &headers, body: b"", now };
    assert_eq!(messagebird(spec()).read(&unsigned), Err(BadCallback::Forged("there is no token")));
    let keyless = MessageBirdSpec { signing_key: None, ..spec() };
    assert_eq!(messagebird(keyless).read(&unsigned), Err(BadCallback::NoReceipts));
}

#[test]
fn every_error_has_its_class() {
    use FailureClass as C;
    let error = |code: i32, parameter: &str| json!({"code": code, "description": "…", "parameter": parameter});
    for (status, errors, class, code) in [
        (401, json!([error(2, "access_key")]), C::AuthConfig, "2"),
        (422, json!([error(9, "recipients")]), C::InvalidNumber, "9"),
        (422, json!([error(10, "recipient")]), C::InvalidNumber, "10"),
        (422, json!([error(21, "recipients")]), C::InvalidNumber, "21"),
        (422, json!([error(10, "originator")]), C::SenderConfig, "10"),
        (422, json!([error(9, "body"), error(9, "originator")]), C::SenderConfig, "9"),
        (422, json!([error(9, "body")]), C::Unknown, "9"),
        (422, json!([{"code": 10, "message": "…"}]), C::Unknown, "10"),
        (422, json!([error(25, "")]), C::InsufficientBalance, "25"),
        (500, json!([error(98, "")]), C::ProviderDown, "98"),
        (500, json!([error(99, "")]), C::ProviderDown, "99"),
        (404, json!([error(20, "")]), C::Unknown, "20"),
        (429, json!([error(-1, "")]), C::RateLimited, "429"),
        (429, json!("slow down"), C::RateLimited, "429"),
        (503, json!(null), C::ProviderDown, "503"),
        (402, json!([]), C::InsufficientBalance, "402"),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let body = Bytes::from(json!({"errors": errors}).to_string());
        let failure = taken(&Answer { status, headers: HeaderMap::new(), body }).unwrap_err();
        let Failure::Declined { class: told, code: number, .. } = failure else { panic!("{failure}") };
        assert_eq!((told, &*number), (class, code), "{errors}");
    }
}

#[test]
fn i9_nothing_secret_is_shown() {
    let shown = format!("{:?} {:?}", spec(), messagebird(spec()));
    assert!(!shown.contains("hunter2") && !shown.contains(KEY), "{shown}");
}
