//! Codes through Twilio.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, Method};
use otpgate::delivery::{BadCallback, Callback, Failure, Heard, Told, Whose};
use otpgate::seal::Code;
use otpgate::words::{Channel, FailureClass, Progress, Timestamp};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::flip::{Texts, flip, form_body};
use crate::world::{Asked, Mock, PUBLIC_URL, Says, World, message, oracle};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "test_auth_token_0001";
const SID: &str = "SM00000000000000000000000000000001";
const TAKEN: &str = r#"{"sid": "SM00000000000000000000000000000001", "status": "queued", "num_segments": "1",
    "error_code": null, "error_message": null, "price": null, "price_unit": "USD"}"#;

/// An account by the name `tw`, with what else its config says.
fn account(base_url: &str, more: &str) -> String {
    format!(
        "  tw: {{type: twilio, account_sid: {ACCOUNT}, auth_token: {TOKEN}, from: \"+14155550100\", base_url: {base_url}{more}}}\n"
    )
}

fn world(mock: &Mock) -> World {
    World::new(&format!("providers:\n{}sms: {{providers: tw}}\nvoice: {{providers: tw}}\n", account(&mock.url, "")))
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

#[tokio::test]
async fn a_text_message_goes_out_as_twilio_wants_it() {
    let mock = Mock::saying(201, TAKEN).await;
    let delivered = world(&mock).send(&message(Channel::Sms)).await.unwrap();
    let asked = mock.last();
    assert_eq!(
        (&asked.method, &*asked.target),
        (&Method::POST, &*format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json"))
    );
    assert_eq!(asked.header("authorization"), basic(ACCOUNT, TOKEN));
    assert_eq!(asked.header("content-type"), "application/x-www-form-urlencoded");
    let names: Vec<_> = asked.form().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["To", "From", "Body", "ValidityPeriod", "StatusCallback"]);
    for (name, value) in [("To", "+60123456789"), ("From", "+14155550100"), ("ValidityPeriod", "300")] {
        assert_eq!(asked.field(name).as_deref(), Some(value));
    }
    assert!(asked.field("Body").unwrap().contains("123456"));
    let receipts = format!("{PUBLIC_URL}/.otpgate/receipts/tw?m={}", delivered.message);
    assert_eq!(asked.field("StatusCallback"), Some(receipts));
}

#[tokio::test]
async fn an_api_key_sends_and_a_messaging_service_chooses_the_sender() {
    let mock = Mock::saying(201, TAKEN).await;
    let key = "SK00000000000000000000000000000001";
    let service = "MG00000000000000000000000000000001";
    let world = World::new(&format!(
        "providers: {{tw: {{type: twilio, account_sid: {ACCOUNT}, api_key: {key}, api_secret: s3cret, \
         messaging_service: {service}, base_url: {}}}}}\nsms: {{providers: tw}}\n",
        mock.url
    ));
    let mut message = message(Channel::Sms);
    message.expires_in = Duration::from_millis(900);
    world.send(&message).await.unwrap();
    let asked = mock.last();
    assert_eq!(asked.header("authorization"), basic(key, "s3cret"));
    let names: Vec<_> = asked.form().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["To", "MessagingServiceSid", "Body", "ValidityPeriod"],
        "receipts that nobody can check are not asked for"
    );
    assert_eq!(asked.field("ValidityPeriod").as_deref(), Some("1"));
    let heard = world.read("tw", &Method::POST, "", &HeaderMap::new(), b"");
    assert_eq!(heard, Err(BadCallback::NoReceipts));
}

#[tokio::test]
async fn o33_a_call_asks_for_a_key_before_it_tells_its_code() {
    let mock = Mock::saying(201, &TAKEN.replace("SM", "CA")).await;
    let mut message = message(Channel::Voice);
    message.code = Code::unsealed(b"407193");
    let delivered = world(&mock).send(&message).await.unwrap();
    let asked = mock.last();
    assert_eq!(asked.target, format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json"));
    for (name, value) in [
        ("To", "+60123456789"),
        ("From", "+14155550100"),
        ("MachineDetection", "Enable"),
        ("Timeout", "60"),
        ("TimeLimit", "120"),
        ("StatusCallbackMethod", "POST"),
    ] {
        assert_eq!(asked.field(name).as_deref(), Some(value));
    }
    let events: Vec<_> =
        asked.form().into_iter().filter(|(name, _)| name == "StatusCallbackEvent").map(|(_, value)| value).collect();
    assert_eq!(events, ["ringing", "answered", "completed"]);
    let markup = asked.field("Twiml").unwrap();
    let answer = format!("{PUBLIC_URL}/.otpgate/words/tw?m={}&amp;t=", delivered.message).replace('/', "&#x2f;");
    assert!(markup.contains(&answer), "{markup}");
    assert!(markup.len() <= 4000 && markup.contains("press any key"), "{markup}");
    let body = String::from_utf8(asked.body.to_vec()).unwrap();
    assert!(!body.contains("407193") && !markup.contains(">4<") && !markup.contains("4, 0"), "{body}");
}

#[tokio::test]
async fn every_refusal_has_its_class() {
    use FailureClass as C;
    let mock = Mock::saying(500, "").await;
    let world = world(&mock);
    for (status, code, class) in [
        (400, 21211, C::InvalidNumber),
        (400, 21614, C::Landline),
        (400, 30003, C::UnreachableTemporarily),
        (400, 21612, C::UnreachablePermanently),
        (400, 21408, C::RegionBlocked),
        (400, 21610, C::OptedOut),
        (400, 21216, C::CarrierFiltered),
        (400, 30450, C::FraudBlocked),
        (429, 20429, C::RateLimited),
        (400, 63038, C::RateLimited),
        (403, 30002, C::InsufficientBalance),
        (401, 20003, C::AuthConfig),
        (400, 21606, C::SenderConfig),
        (400, 12345, C::Unknown),
        (503, 20503, C::ProviderDown),
    ] {
        let said = json!({"code": code, "message": "to +60123456789: 123456", "more_info": "x", "status": status});
        mock.says([Says::Answer(status, Vec::new(), said.to_string())]);
        let failure = world.failure(&message(Channel::Sms)).await;
        let Failure::Declined { class: is, code: told, retry_after: None } = &failure else { panic!("{failure:?}") };
        assert_eq!((*is, told.as_str()), (class, &*code.to_string()));
        assert!(failure.surely_not_sent());
    }
    for (status, class) in [
        (401, C::AuthConfig),
        (402, C::InsufficientBalance),
        (404, C::Unknown),
        (429, C::RateLimited),
        (500, C::ProviderDown),
        (302, C::Unknown),
    ] {
        for body in ["", "<html>", "[]", r#"{"code": "x"}"#, r#"{"code": -1}"#, "{\"code\": 1e400}"] {
            mock.says([Says::Answer(status, Vec::new(), body.to_owned())]);
            let failure = world.failure(&message(Channel::Sms)).await;
            let Failure::Declined { class: is, code, .. } = &failure else { panic!("{failure:?}") };
            assert_eq!((*is, code.as_str()), (class, &*status.to_string()), "{body}");
        }
    }
    // Taken, and refused in the same breath.
    mock.says([Says::Answer(201, Vec::new(), r#"{"sid": "SM1", "status": "failed", "error_code": 30006}"#.to_owned())]);
    assert_eq!(world.failure(&message(Channel::Sms)).await.class(), C::Landline);
}

#[tokio::test]
async fn a_429_tells_how_long_to_wait() {
    let headers = vec![("retry-after", "7".to_owned())];
    let mock = Mock::start([Says::Answer(429, headers, r#"{"code": 20429, "status": 429}"#.to_owned())]).await;
    let failure = world(&mock).failure(&message(Channel::Sms)).await;
    let wait = Some(Duration::from_secs(7));
    assert!(matches!(&failure, Failure::Declined { retry_after, .. } if *retry_after == wait), "{failure:?}");
    assert!(failure.remedy().fails_over && failure.remedy().retries);
}

#[tokio::test]
async fn d03_what_nobody_answers_may_have_been_sent_and_fails_over_once() {
    let good = Mock::saying(202, r#"{"message_uuid": ["u"], "api_id": "a", "message": "message(s) queued"}"#).await;
    for says in [Says::Nothing, Says::Breaks, Says::Answer(201, Vec::new(), "gone".to_owned())] {
        let mock = Mock::start([says]).await;
        let plivo = |name: &str| {
            format!(
                "  {name}: {{type: plivo, auth_id: MAXXXXXXXXXXXXXXXXXX, auth_token: t, from: Shop, base_url: {}}}\n",
                good.url
            )
        };
        let yaml = format!(
            "providers:\n{}{}{}sms: {{providers: [tw, pl, pm]}}\n",
            account(&mock.url, ", timeout: 1s"),
            plivo("pl"),
            plivo("pm")
        );
        let world = World::new(&yaml);
        let before = good.seen().len();
        let started = Instant::now();
        let delivered = world.send(&message(Channel::Sms)).await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(3));
        assert_eq!((&*delivered.provider, mock.seen().len(), good.seen().len() - before), ("pl", 1, 1));
        assert!(!delivered.failed[0].failure.surely_not_sent(), "{:?}", delivered.failed);

        // One that fails after it is the last.
        good.says([Says::Answer(500, Vec::new(), String::new())]);
        let error = world.send(&message(Channel::Sms)).await.unwrap_err();
        assert_eq!((error.attempts().len(), error.surely_not_sent()), (2, false), "{error}");
        good.says([Says::Answer(202, Vec::new(), r#"{"message_uuid": ["u"]}"#.to_owned())]);
    }
}

#[tokio::test]
async fn d03_a_connection_that_is_cut_after_the_request_may_have_sent_it() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = tokio::spawn(async move {
        let mut connections = 0;
        while let Ok(Ok((mut stream, _))) = tokio::time::timeout(Duration::from_secs(2), listener.accept()).await {
            connections += 1;
            let mut read = [0; 4096];
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut read).await;
        }
        connections
    });
    let world = World::new(&format!("providers:\n{}sms: {{providers: tw}}\n", account(&url, "")));
    let failure = world.failure(&message(Channel::Sms)).await;
    assert!(matches!(failure, Failure::Broken { written: true }), "{failure:?}");
    assert_eq!(seen.await.unwrap(), 1, "the client does not send it again by itself");
    // Nobody there at all: surely not sent.
    let failure = world.failure(&message(Channel::Sms)).await;
    assert!(matches!(failure, Failure::Unreachable(_)), "{failure:?}");
}

#[tokio::test]
async fn d04_receipts_come_twice_and_in_any_order() {
    let mock = Mock::saying(201, TAKEN).await;
    let world = world(&mock);
    let delivered = world.send(&message(Channel::Sms)).await.unwrap();
    let query = format!("m={}", delivered.message);
    let receipt = |status: &str, code: &str| {
        let mut form =
            vec![("MessageSid", SID), ("MessageStatus", status), ("AccountSid", ACCOUNT), ("To", "+60123456789")];
        form.extend([("ErrorCode", code)].into_iter().filter(|_| !code.is_empty()));
        signed(&world, &query, &form)
    };
    let all = [receipt("queued", ""), receipt("sent", ""), receipt("delivered", ""), receipt("undelivered", "30003")];
    for (order, ends) in [
        (&[0, 1, 2][..], Progress::Delivered),
        (&[2, 1, 0, 2, 2, 1], Progress::Delivered),
        (&[1, 1, 3, 0, 1], Progress::Failed(FailureClass::UnreachableTemporarily)),
        (&[3, 2, 3], Progress::Delivered),
    ] {
        let mut at = Progress::Accepted;
        for index in order {
            let heard = all[*index].clone();
            assert_eq!(heard.receipts[0].whose, Whose::Ours(delivered.message));
            if at.moves_to(heard.receipts[0].progress) {
                at = heard.receipts[0].progress;
            }
        }
        assert_eq!(at, ends, "{order:?}");
    }
    let nonces: BTreeSet<_> = all.iter().map(|heard| heard.nonce.clone()).collect();
    assert_eq!(nonces.len(), all.len(), "each is another one, and the same again is the same");
    assert_eq!(receipt("sent", ""), all[1]);
    let told = FailureClass::UnreachableTemporarily;
    assert_eq!(otpgate::delivery::Remedy::of(told).told, Told::NotReached);
}

/// A receipt that the SDK signed.
fn signed(world: &World, query: &str, form: &[(&str, &str)]) -> Heard {
    let url = format!("{PUBLIC_URL}/.otpgate/receipts/tw?{query}");
    let signature =
        oracle("twilio_sdk.py", &json!({"sign": [{"token": TOKEN, "url": url, "form": form, "algorithm": null}]}));
    world.read("tw", &Method::POST, query, &head(signature[0].as_str().unwrap()), form_body(form).as_bytes()).unwrap()
}

fn head(signature: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
    headers.insert("x-twilio-signature", HeaderValue::from_str(signature).unwrap());
    headers
}

/// The fields of a request: those that are there several times as a list.
fn fields(asked: &Asked) -> Value {
    let mut fields = json!({});
    for (name, value) in asked.form() {
        match &mut fields[&name] {
            Value::Null => fields[&name] = json!(value),
            Value::Array(values) => values.push(json!(value)),
            first => *first = json!([first.take(), value]),
        }
    }
    fields
}

#[tokio::test]
async fn the_sdk_asks_the_same_of_twilio() {
    let mock = Mock::saying(201, TAKEN).await;
    let world = world(&mock);
    for (channel, resource) in [(Channel::Sms, "messages"), (Channel::Voice, "calls")] {
        world.send(&message(channel)).await.unwrap();
        let ours = mock.last();
        let create = json!({"base": mock.url, "user": ACCOUNT, "password": TOKEN, "account": ACCOUNT,
            "resource": resource, "fields": fields(&ours)});
        tokio::task::spawn_blocking(move || oracle("twilio_sdk.py", &json!({"create": [create]}))).await.unwrap();
        let theirs = mock.last();
        assert_eq!(mock.seen().len() % 2, 0, "one of ours, one of theirs");
        assert_eq!((&ours.method, &ours.target), (&theirs.method, &theirs.target));
        for name in ["authorization", "content-type"] {
            assert_eq!(ours.header(name), theirs.header(name), "{name}");
        }
        let sorted = |asked: &Asked| {
            let mut form = asked.form();
            form.sort();
            form
        };
        assert_eq!(sorted(&ours), sorted(&theirs));
    }
}

/// How many random requests the SDK signs, and how many random bits of each are changed one by one.
const REQUESTS: usize = 150;
const FLIPS: usize = 40;

#[tokio::test]
async fn d04_what_the_sdk_signs_is_believed_and_nothing_else() {
    let secret = "shared_key_secret_0001";
    let world = World::new(&format!(
        "providers:\n{}sms: {{providers: tw}}\n",
        account("http://127.0.0.1:9", &format!(", webhook_secret: {secret}"))
    ));
    let mut random = StdRng::seed_from_u64(0x7717_1110);
    let mut inputs = Vec::new();
    for number in 0..REQUESTS {
        let mut texts = Texts(&mut random);
        let url = texts.url();
        let mut form = vec![
            ("AccountSid".to_owned(), ACCOUNT.to_owned()),
            ("MessageSid".to_owned(), texts.text(34)),
            ("MessageStatus".to_owned(), "delivered".to_owned()),
        ];
        texts.add_fields(&mut form);
        let shared = number % 3 == 0;
        let (token, algorithm) = if shared { (secret, json!("HMAC_SHA256")) } else { (TOKEN, json!(null)) };
        inputs.push((url, form, token, algorithm));
    }
    let asked: Vec<_> = inputs
        .iter()
        .map(|(url, form, token, algorithm)| json!({"url": url, "form": form, "token": token, "algorithm": algorithm}))
        .collect();
    let signatures = oracle("twilio_sdk.py", &json!({"sign": asked}));
    let means = |body: &str| url::form_urlencoded::parse(body.as_bytes()).into_owned().collect::<BTreeSet<_>>();
    let mut refused = 0;
    for ((url, form, token, _), signature) in inputs.iter().zip(signatures.as_array().unwrap()) {
        let signature = signature.as_str().unwrap();
        let body = form_body(form);
        let by_shared_key = *token == secret;
        let believes = |url: &str, body: &str, signature: &str, by_shared_key: bool| {
            let Ok(_) = HeaderValue::from_str(signature) else { return false };
            let mut headers = head(signature);
            if by_shared_key {
                let settings = HeaderValue::from_static("key=webhooks_sharedkey_1,algorithm=HMAC_SHA256");
                headers.insert("x-twilio-webhooks-signature-settings", settings);
            }
            let query = url.split_once('?').map_or("", |(_, query)| query);
            let now = Timestamp::from_millis(0);
            let callback =
                Callback { method: &Method::POST, url, query, headers: &headers, body: body.as_bytes(), now };
            world.delivery.read("tw", &callback).is_ok()
        };
        assert!(believes(url, &body, signature, by_shared_key), "{url} {body}");
        for _ in 0..FLIPS {
            let changed = flip(signature, &mut random);
            assert!(!believes(url, &body, &changed, by_shared_key), "{signature} {changed}");
            let changed = flip(url, &mut random);
            assert!(!believes(&changed, &body, signature, by_shared_key), "{url} {changed}");
            let changed = flip(&body, &mut random);
            if means(&changed) != means(&body) {
                assert!(!believes(url, &changed, signature, by_shared_key), "{body} {changed}");
                refused += 1;
            }
        }
        assert!(!believes(url, &body, signature, *token == TOKEN), "neither key stands in for the other");
    }
    assert!(refused > REQUESTS * FLIPS / 2, "{refused}");
}

#[test]
fn a_config_says_what_is_missing() {
    let fault = |keys: &str| World::fault(&format!("providers: {{tw: {{type: twilio, {keys}}}}}\n"));
    let account = format!("account_sid: {ACCOUNT}");
    for (keys, why) in [
        (String::new(), "account_sid"),
        ("account_sid: AC1, auth_token: t, from: Shop".to_owned(), "expected an account SID"),
        (format!("{account}, from: Shop"), "`auth_token` is missing"),
        (format!("{account}, api_key: SK1, from: Shop"), "`api_key` needs its `api_secret`"),
        (format!("{account}, api_secret: s, auth_token: t, from: Shop"), "`api_secret` needs its `api_key`"),
        (format!("{account}, auth_token: t"), "add `from` or `messaging_service`"),
        (format!("{account}, auth_token: t, from: Shop, messaging_service: MG1"), "exclude each other"),
        (format!("{account}, auth_token: t, messaging_service: MG1"), "expected the SID of a messaging service"),
        (format!("{account}, auth_token: t, from: \"+1\""), "expected a number such as"),
        (format!("{account}, auth_token: t, from: \"A name too long\""), "at most 11"),
        (format!("{account}, auth_token: \"${{TWILIO_TOKEN}}\", from: Shop"), "`TWILIO_TOKEN` is not set"),
        (format!("{account}, auth_tokn: t, from: Shop"), "did you mean `auth_token`?"),
    ] {
        let told = fault(&keys);
        assert!(told.contains(why), "{keys}: {told}");
    }
    let called = format!(
        "providers: {{tw: {{type: twilio, {account}, auth_token: t, from: Shop}}}}\nvoice: {{providers: tw}}\n"
    );
    assert_eq!(World::fault(&called), "`tw` cannot carry voice");
}
