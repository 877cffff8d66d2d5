use std::sync::LazyLock;

use http::{HeaderMap, Method};
use serde_json::json;

use super::*;
use crate::delivery::spec::vonage::{Api, Application, SignatureMode};
use crate::delivery::token::Signer;
use crate::delivery::token::tests::{PEM, hs256, made};
use crate::delivery::{Outbox, Receipt};
use crate::seal::{Random, SystemRandom};
use crate::words::{FailureClass, Progress, TestClock, Timestamp};

const SECRET: &str = "sigsecret0001";
const NOW: u64 = 1_700_000_000;

fn spec() -> VonageSpec {
    VonageSpec {
        api: Api::Sms,
        api_key: Some("abcd1234".to_owned()),
        api_secret: Some("hunter2hunter2".to_owned().into()),
        application: Some(Application { id: "app-1".to_owned(), key: Signer::parse(PEM).unwrap() }),
        signature: Some((SignatureMode::Sha256, SECRET.to_owned().into())),
        sign_requests: false,
        from: "Shop".parse().unwrap(),
    }
}

fn vonage(spec: VonageSpec) -> Vonage {
    let clock: Arc<dyn Clock> = Arc::new(TestClock::at(Timestamp::from_millis(NOW * 1000)));
    let random: Arc<dyn Random> = Arc::new(SystemRandom::new());
    let bench =
        Bench { outbox: &Arc::new(Outbox::default()), web: &Web::new().unwrap(), clock: &clock, random: &random };
    Vonage::new(spec, &Common::default(), &bench)
}

/// A request to the address of receipts.
struct Request {
    method: Method,
    query: String,
    headers: HeaderMap,
    body: Vec<u8>,
    now: u64,
}

impl Request {
    fn read_by(&self, vonage: &Vonage) -> Result<Heard, BadCallback> {
        let url = format!("https://otp.example.test/.otpgate/receipts/v?{}", self.query);
        vonage.read(&Callback {
            method: &self.method,
            url: &url,
            query: &self.query,
            headers: &self.headers,
            body: &self.body,
            now: Timestamp::from_millis(self.now * 1000),
        })
    }

    fn read(&self) -> Result<Heard, BadCallback> {
        static VONAGE: LazyLock<Vonage> = LazyLock::new(|| vonage(spec()));
        self.read_by(&VONAGE)
    }

    fn get(query: &str) -> Self {
        let (headers, body) = (HeaderMap::new(), Vec::new());
        Self { method: Method::GET, query: query.to_owned(), headers, body, now: NOW }
    }

    fn post(kind: &str, body: String) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
        Self { method: Method::POST, query: String::new(), headers, body: body.into_bytes(), now: NOW }
    }

    /// JSON with a token.
    fn event(token: &str, body: &str) -> Self {
        let mut request = Self::post("application/json", body.to_owned());
        request.headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        request
    }
}

const ID: MessageId = MessageId::from_random([7; 16]);

fn pairs(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let (id, now) = (ID.to_string(), NOW.to_string());
    let mut pairs: Vec<(&str, &str)> = vec![
        ("msisdn", "60123456789"),
        ("to", "Shop"),
        ("messageId", "0A00"),
        ("price", "0.03330000"),
        ("status", "delivered"),
        ("err-code", "0"),
        ("api-key", "abcd1234"),
        ("client-ref", &id),
        ("timestamp", &now),
        ("nonce", "n1"),
    ];
    for (name, value) in more {
        pairs.retain(|(known, _)| known != name);
        if !value.is_empty() {
            pairs.push((name, value));
        }
    }
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn signed(mut pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    let signature = SignatureMode::Sha256.sign(&pairs, SECRET).unwrap();
    pairs.push(("sig".to_owned(), signature));
    pairs
}

fn form(pairs: &[(String, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn heard(progress: Progress) -> Heard {
    let price = Price { amount: "0.0333".parse().unwrap(), currency: Some("EUR".parse().unwrap()) };
    let receipt = Receipt { whose: Whose::Ours(ID), progress, price: Some(price), parts: Some(1) };
    Heard { receipts: vec![receipt], nonce: Some("n1".to_owned()) }
}

#[test]
fn a_receipt_of_the_sms_api_comes_in_three_ways() {
    let pairs = signed(pairs(&[]));
    let json: serde_json::Map<_, _> = pairs.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    for request in [
        Request::get(&form(&pairs)),
        Request::post("application/x-www-form-urlencoded", form(&pairs)),
        Request::post("application/json; charset=utf-8", Value::Object(json).to_string()),
    ] {
        assert_eq!(request.read(), Ok(heard(Progress::Delivered)), "{}", request.method);
    }
}

#[test]
fn the_states_of_the_sms_api() {
    let states = [
        ("accepted", "0", Some(Progress::Sent)),
        ("buffered", "0", Some(Progress::Sent)),
        ("expired", "2", Some(Progress::Failed(FailureClass::Expired))),
        ("failed", "6", Some(Progress::Failed(FailureClass::CarrierFiltered))),
        ("rejected", "50", Some(Progress::Failed(FailureClass::RegionBlocked))),
        ("rejected", "", Some(Progress::Failed(FailureClass::Unknown))),
        ("unknown", "1", None),
        ("surprising", "99", None),
        ("", "", None),
    ];
    for (status, code, progress) in states {
        let heard = Request::get(&form(&signed(pairs(&[("status", status), ("err-code", code)])))).read().unwrap();
        assert_eq!(heard.receipts.first().map(|receipt| receipt.progress), progress, "{status} {code}");
        assert_eq!(heard.nonce.as_deref(), Some("n1"));
    }
}

#[test]
fn a_message_of_two_parts_costs_twice_what_each_receipt_says() {
    let heard = Request::get(&form(&signed(pairs(&[("client-ref", &format!("{ID}.2"))])))).read().unwrap();
    let receipt = heard.receipts.first().unwrap();
    assert_eq!((&receipt.whose, receipt.parts), (&Whose::Ours(ID), Some(2)));
    assert_eq!(receipt.price.unwrap().amount, "0.0666".parse().unwrap());
}

#[test]
fn a_receipt_of_the_sms_api_is_signed_fresh_and_of_our_account() {
    let forged = |request: Request| match request.read() {
        Err(BadCallback::Forged(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(forged(Request::get(&form(&pairs(&[])))), "there is no signature");
    assert_eq!(forged(Request::get("")), "there is no signature");
    let mut changed = signed(pairs(&[]));
    changed[4].1 = "failed".to_owned();
    assert_eq!(forged(Request::get(&form(&changed))), "the signature is wrong");
    assert_eq!(
        forged(Request::get(&form(&signed(pairs(&[("timestamp", "")]))))),
        "the time of the signature is missing"
    );
    assert_eq!(forged(Request::get(&form(&signed(pairs(&[("api-key", "other123")]))))), "it is of another account");
    let request = Request::get(&form(&signed(pairs(&[]))));
    for (now, fresh) in [(NOW + 300, true), (NOW + 301, false), (NOW - 300, true), (NOW - 301, false)] {
        let read = Request { now, query: request.query.clone(), ..Request::get("") }.read();
        assert_eq!(read.is_ok(), fresh);
        assert!(fresh || read == Err(BadCallback::Stale));
    }
    let keyless = VonageSpec { signature: None, ..spec() };
    assert_eq!(request.read_by(&vonage(keyless)), Err(BadCallback::NoReceipts));
    let other = VonageSpec { signature: Some((SignatureMode::Md5Hash, SECRET.to_owned().into())), ..spec() };
    assert!(matches!(request.read_by(&vonage(other)), Err(BadCallback::Forged(_))), "signed in another mode");
}

/// Vonage puts its parameters behind ours in the address; whether it signs ours with them, either may be.
#[test]
fn the_message_in_the_address_counts_only_when_it_is_signed() {
    let other = MessageId::from_random([8; 16]);
    let none = [("client-ref", "")];
    let with = |query: String| Request::get(&query).read().unwrap().receipts.first().unwrap().whose.clone();
    let mut all = pairs(&none);
    all.push(("m".to_owned(), other.to_string()));
    assert_eq!(with(form(&signed(all.clone()))), Whose::Ours(other));
    let beside = format!("m={other}&{}", form(&signed(pairs(&none))));
    assert_eq!(with(beside), Whose::Theirs("0A00".to_owned()), "anybody could have put it there");
    assert_eq!(with(format!("m={other}&{}", form(&signed(pairs(&[]))))), Whose::Ours(ID));
    let mut stripped = signed(all);
    stripped.retain(|(name, _)| name != "m");
    assert!(matches!(Request::get(&form(&stripped)).read(), Err(BadCallback::Forged(_))));
}

/// An event and its token.
fn event(body: &Value) -> Request {
    let body = body.to_string();
    Request::event(&hs256(&claims(&body), SECRET), &body)
}

fn claims(body: &str) -> Value {
    json!({
        "iat": NOW, "jti": "j1", "iss": "Vonage", "payload_hash": crate::delivery::token::sha256(body.as_bytes()),
        "api_key": "abcd1234", "application_id": "app-1",
    })
}

#[test]
fn a_receipt_of_the_messages_api() {
    let body = |status: &str| {
        json!({
            "message_uuid": "aaaa-bbbb", "to": "60123456789", "from": "Shop", "timestamp": "2023-11-14T22:13:20Z",
            "status": status, "client_ref": ID.to_string(), "channel": "sms",
            "error": {"type": "https://x/#1210", "title": 1210, "detail": "spam", "instance": "i"},
            "usage": {"price": "0.0333", "currency": "EUR"}, "sms": {"count_total": "2"},
        })
    };
    for (status, progress) in [
        ("submitted", Some(Progress::Sent)),
        ("delivered", Some(Progress::Delivered)),
        ("rejected", Some(Progress::Failed(FailureClass::CarrierFiltered))),
        ("undeliverable", Some(Progress::Failed(FailureClass::CarrierFiltered))),
        ("surprising", None),
    ] {
        let heard = event(&body(status)).read().unwrap();
        assert_eq!(heard.nonce.as_deref(), Some("j1"));
        assert_eq!(heard.receipts.first().map(|receipt| receipt.progress), progress, "{status}");
        if let Some(receipt) = heard.receipts.first() {
            assert_eq!((&receipt.whose, receipt.parts), (&Whose::Ours(ID), Some(2)));
            assert_eq!(receipt.price.unwrap().amount, "0.0333".parse().unwrap());
        }
    }
}

#[test]
fn an_event_of_a_call() {
    for (body, progress) in [
        (json!({"uuid": "u1", "status": "started"}), Some(Progress::Accepted)),
        (json!({"uuid": "u1", "status": "ringing"}), Some(Progress::Sent)),
        (json!({"uuid": "u1", "status": "answered"}), Some(Progress::Sent)),
        (json!({"call_uuid": "u1", "status": "human"}), Some(Progress::Delivered)),
        (json!({"call_uuid": "u1", "status": "machine"}), Some(Progress::Failed(FailureClass::UnreachableTemporarily))),
        (json!({"uuid": "u1", "status": "completed", "price": "0.0100"}), Some(Progress::Sent)),
        (json!({"uuid": "u1", "status": "disconnected"}), None),
        (json!({"uuid": "u1", "status": 7}), None),
        (json!({"speech": {}}), None),
    ] {
        let heard = event(&body).read().unwrap();
        assert_eq!(heard.receipts.first().map(|receipt| receipt.progress), progress, "{body}");
        if let Some(receipt) = heard.receipts.first() {
            assert_eq!(receipt.whose, Whose::Theirs("u1".to_owned()));
            assert_eq!(receipt.price.is_some(), body.get("price").is_some());
        }
    }
    let mut told = event(&json!({"uuid": "u1", "status": "human"}));
    told.query = format!("m={ID}");
    assert_eq!(told.read().unwrap().receipts.first().unwrap().whose, Whose::Ours(ID), "the call of a lost answer");
}

#[test]
fn an_event_without_its_token_is_refused() {
    let body = json!({"uuid": "u1", "status": "human"}).to_string();
    let refused = |token: &str, body: &str| Request::event(token, body).read().unwrap_err();
    let changed = |name: &str, value: Value| {
        let mut claims = claims(&body);
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims.as_object_mut().unwrap().insert(name.to_owned(), value),
        };
        hs256(&claims, SECRET)
    };
    let is_forged = |bad: BadCallback| matches!(bad, BadCallback::Forged(_));
    for (name, value) in [
        ("iss", json!("vonage")),
        ("iss", Value::Null),
        ("api_key", json!("other123")),
        ("api_key", Value::Null),
        ("application_id", json!("app-2")),
        ("payload_hash", json!("00")),
        ("payload_hash", Value::Null),
        ("iat", Value::Null),
        ("iat", json!("now")),
        ("jti", Value::Null),
        ("jti", json!("")),
    ] {
        assert!(is_forged(refused(&changed(name, value.clone()), &body)), "{name} {value}");
    }
    for (name, value) in [("iat", NOW - 301), ("iat", NOW + 301), ("iat", 0), ("exp", NOW - 1)] {
        assert_eq!(refused(&changed(name, json!(value)), &body), BadCallback::Stale, "{name} {value}");
    }
    for (name, value) in [("iat", NOW - 300), ("iat", NOW + 300), ("exp", NOW)] {
        assert!(Request::event(&changed(name, json!(value)), &body).read().is_ok(), "{name} {value}");
    }
    let good = hs256(&claims(&body), SECRET);
    assert!(is_forged(refused(&good, &body.replace("human", "machine"))));
    for (header, algorithm) in [
        (json!({"alg": "none"}), ring::hmac::HMAC_SHA256),
        (json!({"alg": "RS256"}), ring::hmac::HMAC_SHA256),
        (json!({"alg": "HS512"}), ring::hmac::HMAC_SHA512),
        (json!({"alg": "HS384"}), ring::hmac::HMAC_SHA384),
    ] {
        assert!(is_forged(refused(&made(&header, &claims(&body), algorithm, SECRET.as_bytes()), &body)), "{header}");
    }
    // No token at all: the body of an event is no form that is signed either.
    assert!(is_forged(Request::post("application/json", body.clone()).read().unwrap_err()));
    for value in ["", "Bearer", "Bearer ", "Basic dTpw", &format!("Bearer {good} x"), &good] {
        let mut request = Request::post("application/json", body.clone());
        request.headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        assert!(is_forged(request.read().unwrap_err()), "{value:?}");
    }
    let mut twice = Request::event(&good, &body);
    twice.headers.append(header::AUTHORIZATION, format!("Bearer {good}").parse().unwrap());
    assert!(is_forged(twice.read().unwrap_err()));
}

#[test]
fn no_bit_of_a_body_can_change() {
    let good = event(&json!({"message_uuid": "u", "status": "delivered", "client_ref": ID.to_string()}));
    assert!(good.read().is_ok());
    for position in 0..good.body.len() {
        for bit in 0..8 {
            let mut body = good.body.clone();
            body[position] ^= 1 << bit;
            let changed = Request { body, headers: good.headers.clone(), ..Request::get("") };
            assert!(matches!(changed.read(), Err(BadCallback::Forged(_))), "bit {bit} of byte {position}");
        }
    }
}

#[test]
fn i9_nothing_secret_is_shown() {
    let shown = format!("{:?} {:?} {:?}", spec(), vonage(spec()), spec().application);
    for secret in ["hunter2", SECRET, "PRIVATE"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
