//! Codes through Plivo.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use otpgate::delivery::{Callback, Failure, Whose};
use otpgate::words::{Channel, FailureClass, Progress, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::flip::{Texts, flip, form_body};
use crate::world::{Mock, PUBLIC_URL, Says, World, message, oracle};

const AUTH_ID: &str = "MAXXXXXXXXXXXXXXXXXX";
const TOKEN: &str = "plivo_token_0001";
const UUID: &str = "5b40a428-bfc7-4daf-9d06-726c558bf3b8";
const TAKEN: &str =
    r#"{"api_id": "a", "message": "message(s) queued", "message_uuid": ["5b40a428-bfc7-4daf-9d06-726c558bf3b8"]}"#;
const FIRED: &str =
    r#"{"api_id": "a", "message": "call fired", "request_uuid": "9834029e-58b6-11e1-b8b7-a5bd0e4e126f"}"#;

/// An account by this name, with what else its config says.
fn account(name: &str, base_url: &str, more: &str) -> String {
    format!("  {name}: {{type: plivo, auth_id: {AUTH_ID}, auth_token: {TOKEN}, base_url: {base_url}, {more}}}\n")
}

fn world(mock: &Mock) -> World {
    let account = account("pl", &mock.url, "from: \"+14155550100\"");
    World::new(&format!("providers:\n{account}sms: {{providers: pl}}\nvoice: {{providers: pl}}\n"))
}

#[tokio::test]
async fn a_text_message_goes_out_as_plivo_wants_it() {
    use base64::Engine as _;
    let mock = Mock::saying(202, TAKEN).await;
    let delivered = world(&mock).send(&message(Channel::Sms)).await.unwrap();
    let asked = mock.last();
    assert_eq!((&asked.method, &*asked.target), (&Method::POST, "/v1/Account/MAXXXXXXXXXXXXXXXXXX/Message/"));
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{AUTH_ID}:{TOKEN}"));
    assert_eq!(asked.header("authorization"), format!("Basic {basic}"));
    assert_eq!(asked.header("content-type"), "application/json");
    let mut body = asked.json();
    assert!(body["text"].take().as_str().unwrap().contains("123456"));
    let url = format!("{PUBLIC_URL}/.otpgate/receipts/pl?m={}", delivered.message);
    assert_eq!(
        body,
        json!({"src": "14155550100", "dst": "60123456789", "text": null, "type": "sms", "log": "false",
            "message_expiry": 300, "url": url, "method": "POST"})
    );

    let powerpack = "5ec4c8c9-cd74-42b5-9e41-0d7670d6bb46";
    let account = account("pl", &mock.url, &format!("powerpack: {powerpack}"));
    let world = World::new(&format!("providers:\n{account}sms: {{providers: pl}}\n"));
    let mut message = message(Channel::Sms);
    message.expires_in = Duration::from_millis(900);
    world.send(&message).await.unwrap();
    let body = mock.last().json();
    assert_eq!((&body["powerpack_uuid"], &body["src"]), (&json!(powerpack), &Value::Null));
    assert_eq!(body["message_expiry"], 5, "the shortest that Plivo takes");
}

#[tokio::test]
async fn a_call_fetches_what_it_says() {
    let mock = Mock::saying(201, FIRED).await;
    let delivered = world(&mock).send(&message(Channel::Voice)).await.unwrap();
    let asked = mock.last();
    assert_eq!(asked.target, "/v1/Account/MAXXXXXXXXXXXXXXXXXX/Call/");
    let mut body = asked.json();
    let answer = body["answer_url"].take();
    let wanted = format!("{PUBLIC_URL}/.otpgate/words/pl?m={}&t=", delivered.message);
    assert!(answer.as_str().unwrap().starts_with(&wanted), "{answer}");
    let receipts = format!("{PUBLIC_URL}/.otpgate/receipts/pl?m={}", delivered.message);
    assert_eq!(
        body,
        json!({"from": "14155550100", "to": "60123456789", "answer_url": null, "answer_method": "POST",
            "hangup_url": receipts, "hangup_method": "POST", "machine_detection": "hangup",
            "machine_detection_time": 5000, "ring_timeout": 60, "time_limit": 120})
    );
}

#[tokio::test]
async fn every_refusal_has_its_class() {
    use FailureClass as C;
    let mock = Mock::saying(500, "").await;
    let world = world(&mock);
    for (status, error, class) in [
        (400, "dst parameter is not valid: +60123456789", C::InvalidNumber),
        (400, "src and dst must differ", C::InvalidNumber),
        (400, "text is missing", C::Unknown),
        (400, "Insufficient Credit", C::InsufficientBalance),
        (401, "authentication failed", C::AuthConfig),
        (402, "", C::InsufficientBalance),
        (403, "geo permission", C::RegionBlocked),
        (404, "not found", C::Unknown),
        (405, "", C::Unknown),
        (409, "", C::Unknown),
        (422, "", C::Unknown),
        (429, "slow down", C::RateLimited),
        (500, "", C::ProviderDown),
        (503, "", C::ProviderDown),
        (302, "", C::Unknown),
    ] {
        mock.says([Says::Answer(status, Vec::new(), json!({"api_id": "a", "error": error}).to_string())]);
        let failure = world.failure(&message(Channel::Sms)).await;
        let Failure::Declined { class: is, code, retry_after: None } = &failure else { panic!("{failure:?}") };
        assert_eq!((*is, code.as_str()), (class, &*status.to_string()), "{error}");
        assert!(failure.surely_not_sent());
    }
    for body in ["", "<html>", "[]", r#"{"error": {"dst": ["is not valid"]}}"#] {
        mock.says([Says::Answer(400, Vec::new(), body.to_owned())]);
        let class = world.failure(&message(Channel::Sms)).await.class();
        assert_eq!(class, if body.contains("dst") { C::InvalidNumber } else { C::Unknown }, "{body}");
    }
    let nobody = json!({"api_id": "a", "message": "", "message_uuid": [], "invalid_number": ["60123456789"]});
    mock.says([Says::Answer(202, Vec::new(), nobody.to_string())]);
    assert_eq!(world.failure(&message(Channel::Sms)).await.class(), C::InvalidNumber);
}

#[tokio::test]
async fn a_429_tells_how_long_to_wait() {
    let headers = vec![("retry-after", "12".to_owned())];
    let mock = Mock::start([Says::Answer(429, headers, r#"{"error": "slow down"}"#.to_owned())]).await;
    let failure = world(&mock).failure(&message(Channel::Voice)).await;
    let wait = Some(Duration::from_secs(12));
    assert!(matches!(&failure, Failure::Declined { retry_after, .. } if *retry_after == wait), "{failure:?}");
}

#[tokio::test]
async fn d03_what_nobody_answers_may_have_been_sent_and_fails_over_once() {
    let good = Mock::saying(202, TAKEN).await;
    for says in [Says::Nothing, Says::Breaks, Says::Answer(202, Vec::new(), "{}".to_owned())] {
        let mock = Mock::start([says]).await;
        let yaml = format!(
            "providers:\n{}{}sms: {{providers: [pl, pm]}}\n",
            account("pl", &mock.url, "from: Shop, timeout: 1s"),
            account("pm", &good.url, "from: Shop")
        );
        let before = good.seen().len();
        let started = Instant::now();
        let delivered = World::new(&yaml).send(&message(Channel::Sms)).await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(3));
        assert_eq!((&*delivered.provider, mock.seen().len(), good.seen().len() - before), ("pm", 1, 1));
        assert!(!delivered.failed[0].failure.surely_not_sent(), "{:?}", delivered.failed);
    }
}

/// The head of a request that is signed so.
fn head(signature: &str, nonce: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
    for (name, value) in [("x-plivo-signature-v3", signature), ("x-plivo-signature-v3-nonce", nonce)] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[tokio::test]
async fn d04_receipts_come_twice_and_in_any_order() {
    let mock = Mock::saying(202, TAKEN).await;
    let world = world(&mock);
    let delivered = world.send(&message(Channel::Sms)).await.unwrap();
    let query = format!("m={}", delivered.message);
    let url = format!("{PUBLIC_URL}/.otpgate/receipts/pl?{query}");
    let states = [("queued", "000"), ("sent", "000"), ("delivered", "000"), ("undelivered", "80")];
    let forms: Vec<Vec<(&str, &str)>> = states
        .iter()
        .map(|(status, code)| {
            vec![("MessageUUID", UUID), ("Status", *status), ("ErrorCode", *code), ("TotalAmount", "0.00550")]
        })
        .collect();
    let asked: Vec<_> = forms
        .iter()
        .zip(1..)
        .map(|(form, nonce)| json!({"method": "POST", "url": url, "form": form, "token": TOKEN, "nonce": nonce.to_string()}))
        .collect();
    let signatures = oracle("plivo_sdk.py", &json!({"sign": asked}));
    let read = |index: usize| {
        let headers = head(signatures[index].as_str().unwrap(), &(index + 1).to_string());
        world.read("pl", &Method::POST, &query, &headers, form_body(&forms[index]).as_bytes()).unwrap()
    };
    for (order, ends) in [
        (&[0, 1, 2][..], Progress::Delivered),
        (&[2, 2, 1, 0], Progress::Delivered),
        (&[1, 3, 0, 1], Progress::Failed(FailureClass::UnreachableTemporarily)),
        (&[3, 2, 3], Progress::Delivered),
    ] {
        let mut at = Progress::Accepted;
        for index in order {
            let heard = read(*index);
            assert_eq!(heard.nonce, Some((index + 1).to_string()), "by which the same again is known");
            let receipt = &heard.receipts[0];
            assert_eq!(receipt.whose, Whose::Ours(delivered.message));
            assert_eq!(receipt.price.map(|price| price.amount.to_string()), (*index > 1).then(|| "0.0055".to_owned()));
            if at.moves_to(receipt.progress) {
                at = receipt.progress;
            }
        }
        assert_eq!(at, ends, "{order:?}");
    }
}

#[tokio::test]
async fn the_sdk_asks_the_same_of_plivo() {
    // What the SDK adds of itself, each the API's own default.
    let defaults = json!({"trackable": false, "ring_method": "POST", "fallback_method": "POST",
        "machine_detection_method": "POST", "error_if_parent_not_found": false});
    for (channel, resource, status, said) in
        [(Channel::Sms, "messages", 202, TAKEN), (Channel::Voice, "calls", 201, FIRED)]
    {
        let mock = Mock::saying(status, said).await;
        world(&mock).send(&message(channel)).await.unwrap();
        let ours = mock.last();
        let create = json!({"base": mock.url, "auth_id": AUTH_ID, "auth_token": TOKEN, "resource": resource,
            "fields": ours.json()});
        tokio::task::spawn_blocking(move || oracle("plivo_sdk.py", &json!({"create": [create]}))).await.unwrap();
        let theirs = mock.last();
        assert_eq!(mock.seen().len(), 2, "one of ours, one of theirs");
        assert_eq!((&ours.method, &ours.target), (&theirs.method, &theirs.target));
        for name in ["authorization", "content-type"] {
            assert_eq!(ours.header(name), theirs.header(name), "{name}");
        }
        let Value::Object(mut theirs) = theirs.json() else { panic!() };
        theirs.retain(|name, value| defaults.get(name).is_none_or(|default| default != value));
        assert_eq!(ours.json(), Value::Object(theirs));
    }
}

/// How many random requests the SDK signs, and how many random bits of each are changed one by one.
const REQUESTS: usize = 150;
const FLIPS: usize = 40;

#[tokio::test]
async fn d04_what_the_sdk_signs_is_believed_and_nothing_else() {
    let account = account("pl", "http://127.0.0.1:9", "from: Shop");
    let world = World::new(&format!("providers:\n{account}sms: {{providers: pl}}\n"));
    let mut random = StdRng::seed_from_u64(0x9117_0001);
    let mut inputs = Vec::new();
    for number in 0..REQUESTS {
        let mut texts = Texts(&mut random);
        let url = texts.url();
        let mut form = Vec::new();
        if number % 4 != 0 {
            form.extend([("MessageUUID".to_owned(), texts.text(36)), ("Status".to_owned(), "delivered".to_owned())]);
            texts.add_fields(&mut form);
        }
        let method = if form.is_empty() && number % 8 == 0 { Method::GET } else { Method::POST };
        let nonce = random.random_range(0..u64::MAX).to_string();
        inputs.push((method, url, form, nonce));
    }
    let asked: Vec<_> = inputs
        .iter()
        .map(|(method, url, form, nonce)| {
            json!({"method": method.as_str(), "url": url, "form": form, "token": TOKEN, "nonce": nonce})
        })
        .collect();
    let signatures = oracle("plivo_sdk.py", &json!({"sign": asked}));
    let sorted = |query: &str| {
        let mut pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        pairs.sort();
        pairs
    };
    // The query of an address and a form can be written in more than one way.
    let address = |url: &str| {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        (base.to_owned(), sorted(query))
    };
    let mut refused = 0;
    for ((method, url, form, nonce), signature) in inputs.iter().zip(signatures.as_array().unwrap()) {
        let signature = signature.as_str().unwrap();
        let body = form_body(form);
        let believes = |url: &str, body: &str, signature: &str, nonce: &str| {
            if HeaderValue::from_str(signature).is_err() || HeaderValue::from_str(nonce).is_err() {
                return false;
            }
            let headers = head(signature, nonce);
            let query = url.split_once('?').map_or("", |(_, query)| query);
            let now = Timestamp::from_millis(0);
            let callback = Callback { method, url, query, headers: &headers, body: body.as_bytes(), now };
            world.delivery.read("pl", &callback).is_ok()
        };
        assert!(believes(url, &body, signature, nonce), "{method} {url} {body}");
        for _ in 0..FLIPS {
            let changed = flip(signature, &mut random);
            assert!(!believes(url, &body, &changed, nonce), "{signature} {changed}");
            let changed = flip(nonce, &mut random);
            assert!(!believes(url, &body, signature, &changed), "{nonce} {changed}");
            let changed = flip(url, &mut random);
            if address(&changed) != address(url) {
                assert!(!believes(&changed, &body, signature, nonce), "{url} {changed}");
                refused += 1;
            }
            if !body.is_empty() {
                let changed = flip(&body, &mut random);
                if sorted(&changed) != sorted(&body) {
                    assert!(!believes(url, &changed, signature, nonce), "{body} {changed}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > REQUESTS * FLIPS, "{refused}");
}

#[test]
fn a_config_says_what_is_missing() {
    let fault = |keys: &str| World::fault(&format!("providers: {{pl: {{type: plivo, {keys}}}}}\n"));
    let account = format!("auth_id: {AUTH_ID}, auth_token: t");
    for (keys, why) in [
        (format!("auth_id: {AUTH_ID}, from: Shop"), "auth_token"),
        ("auth_id: XX, auth_token: t, from: Shop".to_owned(), "expected an auth ID"),
        (account.clone(), "add `from` or `powerpack`"),
        (format!("{account}, from: Shop, powerpack: x"), "exclude each other"),
        (format!("{account}, powerpack: x"), "expected the UUID of a powerpack"),
        (format!("{account}, from: \"0123-4567\""), "expected a number such as"),
    ] {
        let told = fault(&keys);
        assert!(told.contains(why), "{keys}: {told}");
    }
}
