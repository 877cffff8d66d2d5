//! Vonage, against servers that answer as it does, and against its own SDK.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderMap, Method, header};
use otpgate::delivery::{BadCallback, Failure, Heard, Whose};
use otpgate::store::{Report, Reported, Which};
use otpgate::words::{Channel, FailureClass, MessageId, Progress};
use serde_json::{Value, json};

use super::world::{Asked, Mock, PUBLIC_URL, Says, World, message, oracle};

const SECRET: &str = "a-signature-secret-of-the-account-0001";
const KEY: &str = "tests/delivery/keys/application.pem";
const SMS: &str = r#"{"message-count": "1", "messages": [{"to": "60123456789", "message-id": "0A00", "status": "0",
    "remaining-balance": "3.14", "message-price": "0.0333", "network": "50212"}]}"#;
const MESSAGE: &str = r#"{"message_uuid": "aaaa-bbbb"}"#;
const CALL: &str =
    r#"{"uuid": "cccc-dddd", "status": "started", "direction": "outbound", "conversation_uuid": "CON-1"}"#;

/// Vonage with everything that an account has, and what is said more.
fn vonage(url: &str, more: &str) -> World {
    World::new(&format!(
        "providers: {{v: {{type: vonage, api_key: abcd1234, api_secret: hunter2hunter2, from: Shop, timeout: 1s, \
         signature_secret: {SECRET}, application_id: app-1, private_key: 'file:{KEY}', base_url: '{url}', {more}}}}}\n\
         sms: {{providers: v}}\nvoice: {{providers: v}}\n"
    ))
}

/// The same with an account only: the Messages API then takes its secret.
fn account(url: &str, more: &str) -> World {
    World::new(&format!(
        "providers: {{v: {{type: vonage, api_key: abcd1234, api_secret: hunter2hunter2, from: Shop, timeout: 1s, \
         signature_secret: {SECRET}, base_url: '{url}', {more}}}}}\nsms: {{providers: v}}\n"
    ))
}

/// Where receipts of a message are to go.
fn receipts(id: MessageId) -> String {
    format!("{PUBLIC_URL}/.otpgate/receipts/v?m={id}")
}

fn fields(form: Vec<(String, String)>) -> BTreeMap<String, String> {
    let count = form.len();
    let fields: BTreeMap<_, _> = form.into_iter().collect();
    assert_eq!(fields.len(), count, "no field stands there twice");
    fields
}

#[tokio::test]
async fn a_text_message_by_the_sms_api() {
    let mock = Mock::saying(200, SMS).await;
    let world = vonage(&mock.url, "");
    let sent = world.send(&message(Channel::Sms)).await.unwrap();
    let asked = mock.last();
    assert_eq!((asked.method.as_str(), &*asked.target), ("POST", "/sms/json"));
    assert_eq!(asked.header("content-type"), "application/x-www-form-urlencoded");
    let fields = fields(asked.form());
    assert!(fields["text"].contains("123456"));
    let others: Vec<_> = fields.iter().filter(|(name, _)| *name != "text").map(|(a, b)| (&**a, &**b)).collect();
    let (id, receipts) = (sent.message.to_string(), receipts(sent.message));
    let wanted = [
        ("callback", &*receipts),
        ("client-ref", &*id),
        ("from", "Shop"),
        ("to", "60123456789"),
        ("ttl", "300000"),
        ("type", "text"),
    ];
    assert_eq!(others, wanted);
    let tracked = world.tools.store.message(sent.message).await.unwrap().unwrap();
    assert_eq!(tracked.progress, Progress::Accepted);
}

#[tokio::test]
async fn a_code_that_lives_for_a_moment_still_goes_out() {
    let mock = Mock::saying(200, SMS).await;
    let world = vonage(&mock.url, "");
    let mut short = message(Channel::Sms);
    short.expires_in = Duration::from_millis(3_500);
    world.send(&short).await.unwrap();
    assert_eq!(mock.last().field("ttl").unwrap(), "20000", "the least that Vonage takes");
}

/// Vonage refuses a message with a longer address of receipts; receipts then come to the address of the account.
#[tokio::test]
async fn an_address_of_receipts_is_told_only_if_vonage_takes_it() {
    let mock = Mock::saying(200, SMS).await;
    let name = "v".repeat(32);
    let yaml = |name: &str, secret: &str| {
        format!(
            "providers: {{{name}: {{type: vonage, api_key: a, api_secret: b, from: Shop, base_url: '{}'{secret}}}}}\n\
             sms: {{providers: {name}}}\n",
            mock.url
        )
    };
    let signed = ", signature_secret: s";
    let long = World::new(&yaml(&name, signed)).send(&message(Channel::Sms)).await.unwrap();
    let told = format!("{PUBLIC_URL}/.otpgate/receipts/{name}?m={}", long.message);
    assert_eq!(mock.last().field("callback"), (told.len() <= 100).then_some(told));
    assert_eq!(mock.last().field("client-ref").unwrap(), long.message.to_string());
    World::new(&yaml("v", "")).send(&message(Channel::Sms)).await.unwrap();
    assert_eq!(mock.last().field("callback"), None, "a receipt that could not be believed is not asked for");
}

#[tokio::test]
async fn every_refusal_of_the_sms_api_has_its_class() {
    use FailureClass as C;
    let mock = Mock::saying(200, SMS).await;
    let world = vonage(&mock.url, "");
    for (status, class) in [
        ("1", C::RateLimited),
        ("2", C::Unknown),
        ("3", C::InvalidNumber),
        ("4", C::AuthConfig),
        ("5", C::ProviderDown),
        ("6", C::InvalidNumber),
        ("7", C::RegionBlocked),
        ("9", C::InsufficientBalance),
        ("15", C::SenderConfig),
        ("17", C::CarrierFiltered),
        ("999", C::Unknown),
    ] {
        let part = json!({"status": status, "error-text": "to 60123456789: 123456", "to": "60123456789"});
        mock.says([Says::Answer(200, Vec::new(), json!({"messages": [part]}).to_string())]);
        let Failure::Declined { class: told, code, .. } = world.failure(&message(Channel::Sms)).await else {
            panic!("{status} is no refusal");
        };
        assert_eq!((told, &*code), (class, status));
    }
}

#[tokio::test]
async fn vonage_out_of_order() {
    let mock = Mock::saying(200, SMS).await;
    for world in [vonage(&mock.url, ""), vonage(&mock.url, "api: messages")] {
        mock.says([Says::Answer(429, vec![("retry-after", "7".to_owned())], "{}".to_owned())]);
        let Failure::Declined { class, retry_after, .. } = world.failure(&message(Channel::Sms)).await else {
            panic!("it is a refusal")
        };
        assert_eq!((class, retry_after), (FailureClass::RateLimited, Some(Duration::from_secs(7))));
        mock.says([Says::Answer(503, Vec::new(), "<html>".to_owned())]);
        let failure = world.failure(&message(Channel::Sms)).await;
        assert!(failure.surely_not_sent() && failure.class() == FailureClass::ProviderDown);
        // From here on it may have been sent.
        for says in [Says::Nothing, Says::Breaks, Says::Answer(200, Vec::new(), "<html>".to_owned())] {
            mock.says([says]);
            assert!(!world.failure(&message(Channel::Sms)).await.surely_not_sent());
        }
    }
    let half = json!({"messages": [{"status": "0", "message-id": "1"}, {"status": "1"}]}).to_string();
    mock.says([Says::Answer(200, Vec::new(), half)]);
    assert!(!vonage(&mock.url, "").failure(&message(Channel::Sms)).await.surely_not_sent(), "half of it went out");
    let nowhere = vonage("http://127.0.0.1:9", "").failure(&message(Channel::Sms)).await;
    assert!(nowhere.surely_not_sent());
}

#[tokio::test]
async fn a_text_message_by_the_messages_api() {
    let mock = Mock::saying(202, MESSAGE).await;
    let wanted = |id: MessageId, asked: &Asked| {
        json!({
            "message_type": "text", "channel": "sms", "to": "60123456789", "from": "Shop", "text": asked.json()["text"],
            "ttl": 300, "client_ref": id.to_string(), "webhook_url": receipts(id), "webhook_version": "v1",
            "sms": {"encoding_type": "text"},
        })
    };
    let world = vonage(&mock.url, "api: messages");
    let sent = world.send(&message(Channel::Sms)).await.unwrap();
    let first = mock.last();
    assert_eq!((first.method.as_str(), &*first.target), ("POST", "/v1/messages"));
    assert_eq!(first.json(), wanted(sent.message, &first));
    assert!(first.header("authorization").starts_with("Bearer ey"));
    world.send(&message(Channel::Sms)).await.unwrap();
    assert_eq!(mock.last().header("authorization"), first.header("authorization"), "a token is kept");
    account(&mock.url, "api: messages").send(&message(Channel::Sms)).await.unwrap();
    assert_eq!(mock.last().header("authorization"), "Basic YWJjZDEyMzQ6aHVudGVyMmh1bnRlcjI=");
}

#[tokio::test]
async fn every_refusal_of_the_messages_api_has_its_class() {
    use FailureClass as C;
    let mock = Mock::saying(202, MESSAGE).await;
    let world = vonage(&mock.url, "api: messages");
    let numbered = |code: u32| json!({"type": format!("https://x/messages#{code}"), "title": "Invalid params"});
    for (status, body, class, code) in [
        (401, json!({"type": "https://x#unauthorized", "title": "Unauthorized"}), C::AuthConfig, "401"),
        (402, json!({"title": "Low balance"}), C::InsufficientBalance, "402"),
        (422, numbered(1120), C::SenderConfig, "1120"),
        (422, numbered(1170), C::InvalidNumber, "1170"),
        (422, numbered(9999), C::Unknown, "9999"),
        (403, numbered(1480), C::RegionBlocked, "1480"),
        (429, numbered(1000), C::RateLimited, "1000"),
        (500, json!({}), C::ProviderDown, "500"),
        (422, json!("to 60123456789"), C::Unknown, "422"),
    ] {
        mock.says([Says::Answer(status, Vec::new(), body.to_string())]);
        let Failure::Declined { class: told, code: number, .. } = world.failure(&message(Channel::Sms)).await else {
            panic!("{body} is no refusal");
        };
        assert_eq!((told, &*number), (class, code), "{body}");
    }
}

#[tokio::test]
async fn a_call() {
    let mock = Mock::saying(201, CALL).await;
    let sent = vonage(&mock.url, "").send(&message(Channel::Voice)).await.unwrap();
    let asked = mock.last();
    assert_eq!((asked.method.as_str(), &*asked.target), ("POST", "/v1/calls"));
    let json = asked.json();
    let text = json["ncco"][0]["text"].as_str().unwrap();
    assert_eq!(text.matches("<say-as interpret-as=\"digits\">123456</say-as>").count(), 2, "U22: {text}");
    assert!(text.starts_with("<speak><break time=\"1s\"/>") && text.ends_with("</speak>"), "{text}");
    assert_eq!(
        json,
        json!({
            "to": [{"type": "phone", "number": "60123456789"}], "random_from_number": true,
            "ncco": [{"action": "talk", "text": text, "language": "en-US"}],
            "event_url": [receipts(sent.message)], "event_method": "POST", "machine_detection": "hangup",
            "length_timer": 120, "ringing_timer": 60,
        })
    );
    for (status, class) in [
        (400, FailureClass::Unknown),
        (401, FailureClass::AuthConfig),
        (429, FailureClass::RateLimited),
        (500, FailureClass::ProviderDown),
    ] {
        mock.says([Says::Answer(status, Vec::new(), r#"{"title": "to 60123456789"}"#.to_owned())]);
        let failure = vonage(&mock.url, "").failure(&message(Channel::Voice)).await;
        assert!(failure.class() == class && failure.surely_not_sent(), "{status}");
    }
}

/// What is heard is noted as the gateway notes it.
async fn note(world: &World, heard: &Heard) -> Vec<Reported> {
    let mut all = Vec::new();
    for receipt in &heard.receipts {
        let which = match &receipt.whose {
            Whose::Ours(id) => Which::Ours(*id),
            Whose::Theirs(name) => Which::Theirs(world.delivery.name_of("v", name)),
        };
        let nonce = heard.nonce.as_deref().map(|nonce| (world.delivery.name_of("v", nonce), Duration::from_secs(600)));
        let price = receipt.price.map(|price| price.amount);
        let report = Report { which, provider: "v", progress: receipt.progress, price, nonce };
        all.push(world.tools.store.report(&report).await.unwrap());
    }
    all
}

#[tokio::test]
async fn receipts_come_twice_and_out_of_order() {
    let mock = Mock::saying(201, CALL).await;
    let world = vonage(&mock.url, "");
    let sent = world.send(&message(Channel::Voice)).await.unwrap();
    let events = ["completed", "human", "answered", "ringing"]
        .map(|status| json!({"uuid": "cccc-dddd", "call_uuid": "cccc-dddd", "status": status}).to_string());
    let mut progress = Vec::new();
    for (number, body) in events.iter().enumerate() {
        let token = token(body, &format!("j{number}"));
        let heard = event(&world, "", &token, body).unwrap();
        note(&world, &heard).await;
        progress.push(world.tools.store.message(sent.message).await.unwrap().unwrap().progress);
        assert_eq!(event(&world, "", &token, body).unwrap().nonce, heard.nonce, "a replay has the same nonce");
        assert_eq!(note(&world, &heard).await, [Reported::Replayed]);
    }
    assert_eq!(progress, [Progress::Sent, Progress::Delivered, Progress::Delivered, Progress::Delivered]);
}

fn seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// A token as Vonage makes it.
fn token(body: &str, jti: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as base64;
    use ring::{digest, hmac};
    let hash = digest::digest(&digest::SHA256, body.as_bytes());
    let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let claims = json!({"iat": seconds(), "jti": jti, "iss": "Vonage", "payload_hash": hash, "api_key": "abcd1234"});
    let [header, claims] = [json!({"alg": "HS256", "typ": "JWT"}), claims].map(|part| base64.encode(part.to_string()));
    let signed = format!("{header}.{claims}");
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", base64.encode(signature.as_ref()))
}

fn event(world: &World, query: &str, token: &str, body: &str) -> Result<Heard, BadCallback> {
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    world.read("v", &Method::POST, query, &headers, body.as_bytes())
}

#[test]
fn a_config_says_what_is_missing() {
    let fault = |provider: &str, channels: &str| {
        World::fault(&format!("providers: {{v: {{type: vonage, from: Shop{provider}}}}}\n{channels}"))
    };
    let (account, application) =
        (", api_key: a, api_secret: b", format!(", application_id: a, private_key: 'file:{KEY}'"));
    for (provider, channels, wanted) in [
        (
            "",
            "",
            "it can carry nothing: text messages need `api_key` and `api_secret`, calls need `application_id` and \
         `private_key`",
        ),
        (account, "voice: {providers: v}", "`v` cannot carry voice: it needs `application_id` and `private_key`"),
        (&application, "sms: {providers: v}", "`v` cannot carry sms: it needs `api_key` and `api_secret`"),
        (account, "email: {providers: v}", "`v` cannot carry email"),
        (", api_secret: b", "", "`api_key` is missing beside `api_secret`"),
        (", application_id: a", "", "`private_key` is missing beside `application_id`"),
        (", private_key: a", "", "`application_id` is missing beside `private_key`"),
        (
            ", application_id: a, private_key: hunter2",
            "",
            "not a private key in PEM: expected the whole file that starts \
         with -----BEGIN PRIVATE KEY-----",
        ),
        (
            ", api_key: a, api_secret: b, signature: md5",
            "",
            "`signature_secret` is missing: without it, nothing is signed",
        ),
        (", api_key: a, sign_requests: true", "", "signed requests need `api_key` and `signature_secret`"),
        (
            ", api_key: a, signature_secret: s, sign_requests: true, api: messages",
            "",
            "only the SMS API takes signed requests: leave `api: messages` out, or this",
        ),
    ] {
        assert_eq!(fault(provider, channels), wanted, "{provider}");
    }
    let sender = World::fault("providers: {v: {type: vonage, api_key: a, api_secret: b, from: Example Shop}}");
    assert!(sender.starts_with("expected a number such as +60123456789, or a name"), "{sender}");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_requests_are_those_of_the_vendors_own_sdk() {
    let says = |body: &str| Says::Answer(200, Vec::new(), body.to_owned());
    let mock = Mock::start([says(SMS), says(MESSAGE), says(MESSAGE), says(CALL)]).await;
    let sms = vonage(&mock.url, "").send(&message(Channel::Sms)).await.unwrap().message;
    let by_messages = vonage(&mock.url, "api: messages").send(&message(Channel::Sms)).await.unwrap().message;
    let by_account = account(&mock.url, "api: messages").send(&message(Channel::Sms)).await.unwrap().message;
    let numbered = World::new(&format!(
        "providers: {{v: {{type: vonage, from: '+60387654321', signature_secret: {SECRET}, application_id: app-1, \
         private_key: 'file:{KEY}', base_url: '{}'}}}}\nvoice: {{providers: v}}\n",
        mock.url
    ));
    let call = numbered.send(&message(Channel::Voice)).await.unwrap().message;
    let ours = mock.seen();
    let key = std::fs::read_to_string(KEY).unwrap();
    mock.says([says(SMS), says(MESSAGE), says(MESSAGE), says(CALL)]);
    oracle(
        "vonage.py",
        &json!({
            "do": "requests", "url": mock.url, "key": key, "text": ours[1].json()["text"],
            "speech": ours[3].json()["ncco"][0]["text"], "refs": [sms.to_string(), by_messages.to_string()],
            "receipts": [receipts(sms), receipts(by_messages), receipts(call)],
        }),
    );
    let theirs = mock.seen().split_off(4);
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!((&ours.method, &ours.target), (&theirs.method, &theirs.target));
        assert_eq!(ours.header("content-type"), theirs.header("content-type"), "{}", ours.target);
        assert_eq!(ours.header("accept"), theirs.header("accept"), "{}", ours.target);
    }
    assert_eq!(fields(ours[0].form()), fields(theirs[0].form()));
    assert_eq!(ours[1].json(), theirs[1].json());
    let text = ours[2].json().to_string().replace(&by_account.to_string(), &by_messages.to_string());
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), theirs[2].json());
    assert_eq!(ours[3].json(), theirs[3].json());
    for (which, scheme) in [(0, "Basic "), (2, "Basic ")] {
        assert_eq!(ours[which].header("authorization"), theirs[which].header("authorization"));
        assert!(ours[which].header("authorization").starts_with(scheme));
    }
    let bearer = |asked: &Asked| asked.header("authorization").strip_prefix("Bearer ").unwrap().to_owned();
    let tokens = [&ours[1], &theirs[1], &ours[3], &theirs[3]].map(bearer);
    let read = oracle("vonage.py", &json!({"do": "claims", "key": key, "tokens": tokens}));
    for [ours, theirs] in [[&read[0], &read[1]], [&read[2], &read[3]]] {
        assert_eq!(ours["header"], theirs["header"]);
        let names = |read: &Value| read["claims"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(ours), names(theirs));
        assert_eq!(ours["claims"]["application_id"], theirs["claims"]["application_id"]);
        let life = |read: &Value| read["claims"]["exp"].as_u64().unwrap() - read["claims"]["iat"].as_u64().unwrap();
        assert_eq!(life(ours), life(theirs));
        assert!(ours["claims"]["iat"].as_u64().unwrap().abs_diff(theirs["claims"]["iat"].as_u64().unwrap()) < 60);
        assert_eq!(ours["claims"]["jti"].as_str().unwrap().len(), theirs["claims"]["jti"].as_str().unwrap().len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_vendors_own_sdk_takes_our_signed_requests() {
    let mock = Mock::saying(200, SMS).await;
    let mut signed = Vec::new();
    for mode in ["md5", "sha1", "sha256", "sha512"] {
        let world = vonage(&mock.url, &format!("sign_requests: true, signature: {mode}"));
        world.send(&message(Channel::Sms)).await.unwrap();
        let asked = mock.last();
        assert_eq!(asked.header("authorization"), "", "never both");
        let mut params = fields(asked.form());
        assert_eq!((&*params["api_key"], params.get("api_secret")), ("abcd1234", None));
        signed.push(json!({"mode": mode, "params": params}));
        params.insert("to".to_owned(), "60123456780".to_owned());
        signed.push(json!({"mode": mode, "params": params}));
    }
    let takes = oracle("vonage.py", &json!({"do": "accepts", "secret": SECRET, "signed": signed}));
    assert_eq!(takes, json!([true, false, true, false, true, false, true, false]));
}

/// `text` with one bit flipped, for every 29th bit from `first` on, where it still is a text. Over many receipts each bit
/// has its turn.
pub(crate) fn flips(text: &str, first: usize) -> impl Iterator<Item = String> {
    (first % 29..text.len() * 8).step_by(29).filter_map(move |place| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[place / 8] ^= 1 << (place % 8);
        String::from_utf8(bytes).ok()
    })
}

#[test]
fn receipts_that_the_vendors_own_sdk_signs_are_believed_and_no_bit_of_them_can_change() {
    let id = MessageId::from_random([7; 16]);
    let signed = oracle(
        "vonage.py",
        &json!({
            "do": "signatures", "count": 100, "secret": SECRET, "ref": id.to_string(),
        }),
    );
    let modes = ["md5hash", "md5", "sha1", "sha256", "sha512"];
    let worlds = modes.map(|mode| account("http://127.0.0.1:9", &format!("signature: {mode}")));
    let form =
        |pairs: &[(String, String)]| url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let (none, mut json_kind) = (HeaderMap::new(), HeaderMap::new());
    json_kind.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    for (turn, receipt) in signed.as_array().unwrap().iter().enumerate() {
        let mode = receipt["mode"].as_str().unwrap();
        let world = &worlds[modes.iter().position(|known| *known == mode).unwrap()];
        let mut pairs: Vec<(String, String)> = receipt["params"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect();
        pairs.push(("sig".to_owned(), receipt["sig"].as_str().unwrap().to_owned()));
        let read = |pairs: &[(String, String)]| world.read("v", &Method::GET, &form(pairs), &none, b"");
        let heard = read(&pairs).unwrap_or_else(|bad| panic!("{bad}: {receipt}"));
        assert_eq!(heard.nonce.as_deref(), receipt["params"]["nonce"].as_str());
        assert!(heard.receipts.iter().all(|receipt| receipt.whose == Whose::Ours(id)));
        assert_eq!(world.read("v", &Method::POST, "", &none, form(&pairs).as_bytes()).unwrap(), heard);
        let object: serde_json::Map<_, _> = pairs.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let body = Value::Object(object).to_string();
        assert_eq!(world.read("v", &Method::POST, "", &json_kind, body.as_bytes()).unwrap(), heard);
        for which in 0..pairs.len() {
            let (name, value) = pairs[which].clone();
            let values = flips(&value, turn).map(|changed| (name.clone(), changed));
            let names = flips(&name, turn).map(|changed| (changed, value.clone()));
            for pair in values.chain(names) {
                let same = pair.0 == "sig" && pair.1.eq_ignore_ascii_case(&value);
                let mut changed = pairs.clone();
                changed[which] = pair;
                assert!(same || read(&changed).is_err(), "{mode}: {:?} for {name}={value}", changed[which]);
            }
        }
    }
}

#[test]
fn tokens_that_the_vendors_own_sdk_takes_are_believed_and_no_bit_of_them_can_change() {
    let id = MessageId::from_random([7; 16]);
    let signed = oracle(
        "vonage.py",
        &json!({
            "do": "tokens", "count": 100, "secret": SECRET, "ref": id.to_string(),
        }),
    );
    let world = account("http://127.0.0.1:9", "");
    for (turn, receipt) in signed.as_array().unwrap().iter().enumerate() {
        let (token, body) = (receipt["token"].as_str().unwrap(), receipt["body"].as_str().unwrap());
        let heard = event(&world, "", token, body).unwrap();
        assert_eq!((heard.receipts.len(), &heard.receipts[0].whose), (1, &Whose::Ours(id)));
        let is_header = |token: &String| token.bytes().all(|byte| (0x21..0x7f).contains(&byte));
        assert!(
            flips(token, turn).filter(is_header).all(|changed| event(&world, "", &changed, body).is_err()),
            "{token}"
        );
        assert!(flips(body, turn).all(|changed| event(&world, "", token, &changed).is_err()), "{body}");
    }
}
