use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use super::*;
use crate::delivery::Outbox;
use crate::seal::{Random, SystemRandom};
use crate::words::{Clock, SystemClock, Timestamp};

const KEY: &str = "birdkey";
const NOW: u64 = 1_700_000_000;
const URL: &str = "https://otp.example.test/cb/bird";
const ID: MessageId = MessageId::from_random([7; 16]);
/// Of `{"x":1}` at [`NOW`]; made with another program.
const SIGNED: &str = "FYN45oDk6VBOFAB+FshDQ/SXo2LhTLZDeU5QPHQok9o=";

fn spec() -> BirdSpec {
    BirdSpec {
        access_key: "hunter2hunter2".to_owned().into(),
        signing_key: Some(KEY.to_owned().into()),
        workspace: "w-1".to_owned(),
        channel: "c-1".to_owned(),
    }
}

fn bird(spec: BirdSpec) -> Bird {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random: Arc<dyn Random> = Arc::new(SystemRandom::new());
    let bench =
        Bench { outbox: &Arc::new(Outbox::default()), web: &Web::new().unwrap(), clock: &clock, random: &random };
    Bird::new(spec, &Common::default(), &bench)
}

fn signature(at: &str, url: &str, body: &[u8]) -> String {
    let body = digest(&SHA256, body);
    let text = [at.as_bytes(), b"\n", url.as_bytes(), b"\n", body.as_ref()].concat();
    STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes()), &text).as_ref())
}

fn read_at(now: u64, url: &str, at: &str, signature: &str, body: &[u8]) -> Result<Heard, BadCallback> {
    static BIRD: LazyLock<Bird> = LazyLock::new(|| bird(spec()));
    let mut headers = HeaderMap::new();
    headers.insert("messagebird-signature", signature.parse().unwrap());
    headers.insert("messagebird-request-timestamp", at.parse().unwrap());
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let (method, now) = (Method::POST, Timestamp::from_millis(now * 1000));
    BIRD.read(&Callback { method: &method, url, query, headers: &headers, body, now })
}

fn heard(body: &Value) -> Option<Receipt> {
    let (at, body) = (NOW.to_string(), body.to_string());
    let heard = read_at(NOW, URL, &at, &signature(&at, URL, body.as_bytes()), body.as_bytes()).unwrap();
    heard.receipts.into_iter().next()
}

#[test]
fn a_receipt_is_signed_as_bird_does_and_for_five_minutes() {
    let at = NOW.to_string();
    assert_eq!(signature(&at, URL, br#"{"x":1}"#), SIGNED);
    let read = |now| read_at(now, URL, &at, SIGNED, br#"{"x":1}"#);
    let nothing = Heard { receipts: Vec::new(), nonce: Some(SIGNED.to_owned()) };
    for now in [NOW, NOW - 300, NOW + 300] {
        assert_eq!(read(now).as_ref(), Ok(&nothing));
    }
    for now in [NOW - 301, NOW + 301] {
        assert_eq!(read(now), Err(BadCallback::Stale));
    }
    let later = (NOW + 1).to_string();
    assert!(matches!(read_at(NOW, URL, &later, SIGNED, br#"{"x":1}"#), Err(BadCallback::Forged(_))));
    assert!(matches!(read_at(NOW, &format!("{URL}?m={ID}"), &at, SIGNED, br#"{"x":1}"#), Err(BadCallback::Forged(_))));
    for (at, body) in [("", "{}"), ("soon", "{}"), ("-1", "{}")] {
        let signature = signature(at, URL, body.as_bytes());
        assert!(matches!(read_at(NOW, URL, at, &signature, body.as_bytes()), Err(BadCallback::Forged(_))), "{at}");
    }
    let signature = signature(&at, URL, b"no JSON");
    assert!(matches!(read_at(NOW, URL, &at, &signature, b"no JSON"), Err(BadCallback::Malformed(_))));
}

#[test]
fn no_bit_can_change() {
    let at = NOW.to_string();
    let flips = |text: &str| {
        let bytes = text.as_bytes().to_vec();
        let flip = move |place: usize| {
            let mut changed = bytes.clone();
            changed[place / 7] ^= 1 << (place % 7);
            String::from_utf8(changed).unwrap()
        };
        (0..7 * text.len()).map(flip).filter(|text| text.bytes().all(|byte| (b' '..0x7f).contains(&byte)))
    };
    let refused = |read: Result<Heard, BadCallback>| matches!(read, Err(BadCallback::Forged(_)));
    assert!(flips(SIGNED).all(|signature| refused(read_at(NOW, URL, &at, &signature, br#"{"x":1}"#))));
    assert!(flips(&at).all(|at| refused(read_at(NOW, URL, &at, SIGNED, br#"{"x":1}"#))));
    assert!(flips(URL).all(|url| refused(read_at(NOW, &url, &at, SIGNED, br#"{"x":1}"#))));
    assert!(flips(r#"{"x":1}"#).all(|body| refused(read_at(NOW, URL, &at, SIGNED, body.as_bytes()))));
}

#[test]
fn a_receipt_without_its_headers_is_refused() {
    let (method, headers, now) = (Method::POST, HeaderMap::new(), Timestamp::from_millis(NOW * 1000));
    let callback = Callback { method: &method, url: URL, query: "", headers: &headers, body: b"{}", now };
    assert!(matches!(bird(spec()).read(&callback), Err(BadCallback::Forged(_))));
    assert_eq!(bird(BirdSpec { signing_key: None, ..spec() }).read(&callback), Err(BadCallback::NoReceipts));
}

#[test]
fn a_receipt_says_how_far_a_message_came() {
    use FailureClass as C;
    let said = |status: &str, code: Value| {
        json!({"service": "channels", "event": "sms.outbound", "payload": {
            "id": "theirs", "reference": ID.to_string(), "status": status, "failure": {"code": code},
        }})
    };
    for (status, code, progress) in [
        ("accepted", json!(null), Some(Progress::Accepted)),
        ("processing", json!(null), Some(Progress::Accepted)),
        ("sent", json!(null), Some(Progress::Sent)),
        ("delivered", json!(null), Some(Progress::Delivered)),
        ("delivery_failed", json!(15005), Some(Progress::Failed(C::InvalidNumber))),
        ("delivery_failed", json!("15001"), Some(Progress::Failed(C::UnreachableTemporarily))),
        ("sending_failed", json!(12001), Some(Progress::Failed(C::ProviderDown))),
        ("sending_failed", json!(11001), Some(Progress::Failed(C::Unknown))),
        ("sending_failed", json!(14001), Some(Progress::Failed(C::Unknown))),
        ("sending_failed", json!(12), Some(Progress::Failed(C::Unknown))),
        ("sending_failed", json!(null), Some(Progress::Failed(C::Unknown))),
        ("surprising", json!(null), None),
    ] {
        let receipt = heard(&said(status, code.clone()));
        assert_eq!(receipt.as_ref().map(|receipt| receipt.progress), progress, "{status} {code}");
        assert!(receipt.is_none_or(|receipt| receipt.whose == Whose::Ours(ID)));
    }
    let bare = heard(&json!({"id": "theirs", "status": "sent", "reference": "of-somebody"})).unwrap();
    assert_eq!(bare.whose, Whose::Theirs("theirs".to_owned()));
    assert_eq!(heard(&json!({"payload": {"id": "theirs"}})), None);
}

#[test]
fn every_answer_has_its_class() {
    use FailureClass as C;
    let answer = |status: u16, body: &str| {
        let (status, body) = (StatusCode::from_u16(status).unwrap(), Bytes::from(body.to_owned()));
        taken(&Answer { status, headers: HeaderMap::new(), body })
    };
    for (status, class) in [
        (401, C::AuthConfig),
        (402, C::InsufficientBalance),
        (403, C::AuthConfig),
        (404, C::SenderConfig),
        (422, C::Unknown),
        (429, C::RateLimited),
        (500, C::ProviderDown),
    ] {
        assert_eq!(answer(status, r#"{"code": "InvalidPayload"}"#).unwrap_err().class(), class, "{status}");
    }
    let taken = answer(202, r#"{"id": "theirs", "status": "accepted"}"#).unwrap();
    assert_eq!(taken, Taken::accepted(Some("theirs".to_owned())));
    let failed = answer(202, r#"{"id": "theirs", "status": "sending_failed", "failure": {"code": 15005}}"#);
    assert_eq!(failed.unwrap_err().class(), C::InvalidNumber);
    assert!(!answer(202, "").unwrap_err().surely_not_sent());
}

#[test]
fn i9_nothing_secret_is_shown() {
    let shown = format!("{:?} {:?}", spec(), bird(spec()));
    assert!(!shown.contains("hunter2") && !shown.contains(KEY), "{shown}");
}
