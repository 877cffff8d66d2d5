//! MessageBird and its successor Bird, against servers that answer as they do, and MessageBird against its own SDK.

use std::time::Duration;

use http::{HeaderMap, Method};
use otpgate::delivery::{BadCallback, Failure, Heard, Whose};
use otpgate::words::{Channel, Contact, FailureClass, MessageId, Progress};
use serde_json::{Value, json};

use super::vonage::flips;
use super::world::{Mock, PUBLIC_URL, Says, World, message, message_to, oracle};

const KEY: &str = "a-signing-key-of-the-account-that-is-long-enough-for-sha-512-0001";
const TAKEN: &str = r#"{"id": "e8077d80", "href": "https://x/e8077d80", "reference": "…", "recipients": {"totalCount": 1,
    "items": [{"recipient": 60123456789, "status": "sent", "messagePartCount": 1}]}}"#;

fn messagebird(url: &str, from: &str) -> World {
    World::new(&format!(
        "providers: {{mb: {{type: messagebird, access_key: hunter2hunter2, signing_key: {KEY}, from: '{from}', \
         timeout: 1s, base_url: '{url}'}}}}\nsms: {{providers: mb}}\nvoice: {{providers: mb}}\n"
    ))
}

fn bird(url: &str) -> World {
    World::new(&format!(
        "providers: {{b: {{type: bird, access_key: hunter2hunter2, workspace: w-1, channel: c-1, signing_key: birdkey, \
         timeout: 1s, base_url: '{url}'}}}}\nsms: {{providers: b}}\n"
    ))
}

fn receipts(id: MessageId) -> String {
    format!("{PUBLIC_URL}/.otpgate/receipts/mb?m={id}")
}

#[tokio::test]
async fn a_text_message_by_messagebird() {
    let mock = Mock::saying(201, TAKEN).await;
    let sent = messagebird(&mock.url, "Shop").send(&message(Channel::Sms)).await.unwrap();
    let asked = mock.last();
    assert_eq!((asked.method.as_str(), &*asked.target), ("POST", "/messages"));
    assert_eq!(asked.header("authorization"), "AccessKey hunter2hunter2");
    let text = asked.json()["body"].clone();
    assert!(text.as_str().unwrap().contains("123456"));
    assert_eq!(
        asked.json(),
        json!({
            "type": "sms", "originator": "Shop", "recipients": ["60123456789"], "body": text, "datacoding": "plain",
            "reference": sent.message.to_string(), "reportUrl": receipts(sent.message), "validity": 300,
        })
    );
}

#[tokio::test]
async fn a_call_by_messagebird() {
    let mock = Mock::saying(201, TAKEN).await;
    let sent = messagebird(&mock.url, "+60387654321").send(&message(Channel::Voice)).await.unwrap();
    let asked = mock.last();
    assert_eq!((asked.method.as_str(), &*asked.target), ("POST", "/voicemessages"));
    let said = asked.json()["body"].clone();
    assert_eq!(said.as_str().unwrap().matches("1, 2, 3, 4, 5, 6.").count(), 2, "U22");
    assert_eq!(
        asked.json(),
        json!({
            "recipients": ["60123456789"], "originator": "60387654321", "body": said, "language": "en-us", "repeat": 2,
            "ifMachine": "hangup", "reference": sent.message.to_string(), "reportUrl": receipts(sent.message),
        })
    );
    messagebird(&mock.url, "Shop").send(&message(Channel::Voice)).await.unwrap();
    assert_eq!(mock.last().json().get("originator"), None, "no call comes from a name");
}

#[tokio::test]
async fn messagebird_without_a_signing_key_asks_for_no_receipts() {
    let mock = Mock::saying(201, TAKEN).await;
    let world = World::new(&format!(
        "providers: {{mb: {{type: messagebird, access_key: k, from: Shop, base_url: '{}'}}}}\nsms: {{providers: mb}}\n",
        mock.url
    ));
    let sent = world.send(&message(Channel::Sms)).await.unwrap();
    let asked = mock.last().json();
    assert_eq!(asked.get("reportUrl"), None);
    assert_eq!(asked["reference"], sent.message.to_string());
    let read = world.read("mb", &Method::GET, "status=delivered", &HeaderMap::new(), b"");
    assert_eq!(read, Err(BadCallback::NoReceipts));
}

#[tokio::test]
async fn every_refusal_of_messagebird_has_its_class() {
    use FailureClass as C;
    let mock = Mock::saying(201, TAKEN).await;
    let world = messagebird(&mock.url, "Shop");
    let error = |code: i64, parameter: &str| json!({"errors": [{"code": code, "description": "60123456789: 123456", "parameter": parameter}]});
    for channel in [Channel::Sms, Channel::Voice] {
        for (status, body, class, code) in [
            (401, error(2, "access_key"), C::AuthConfig, "2"),
            (422, error(10, "recipients"), C::InvalidNumber, "10"),
            (422, error(10, "originator"), C::SenderConfig, "10"),
            (402, error(25, ""), C::InsufficientBalance, "25"),
            (422, error(9, "body"), C::Unknown, "9"),
            (500, error(99, ""), C::ProviderDown, "99"),
            (503, json!("60123456789"), C::ProviderDown, "503"),
        ] {
            mock.says([Says::Answer(status, Vec::new(), body.to_string())]);
            let Failure::Declined { class: told, code: number, .. } = world.failure(&message(channel)).await else {
                panic!("{body} is no refusal");
            };
            assert_eq!((told, &*number), (class, code), "{body}");
        }
    }
}

#[tokio::test]
async fn messagebird_and_bird_out_of_order() {
    let mock = Mock::saying(201, TAKEN).await;
    for world in [messagebird(&mock.url, "Shop"), bird(&mock.url)] {
        mock.says([Says::Answer(429, vec![("retry-after", "7".to_owned())], "{}".to_owned())]);
        let Failure::Declined { class, retry_after, .. } = world.failure(&message(Channel::Sms)).await else {
            panic!("it is a refusal")
        };
        assert_eq!((class, retry_after), (FailureClass::RateLimited, Some(Duration::from_secs(7))));
        for says in [Says::Nothing, Says::Breaks, Says::Answer(201, Vec::new(), "{}".to_owned())] {
            mock.says([says]);
            assert!(!world.failure(&message(Channel::Sms)).await.surely_not_sent(), "it may have been sent");
        }
    }
}

/// What the vendor's own SDK takes.
fn tokens(count: u32, id: MessageId) -> Vec<Value> {
    let base = format!("{PUBLIC_URL}/.otpgate/receipts/mb?");
    let asked = json!({"do": "tokens", "count": count, "key": KEY, "base": base, "ref": id.to_string()});
    oracle("messagebird.py", &asked).as_array().unwrap().clone()
}

fn read(world: &World, token: &str, query: &str, body: &str) -> Result<Heard, BadCallback> {
    let mut headers = HeaderMap::new();
    headers.insert("messagebird-signature-jwt", token.parse().unwrap());
    world.read("mb", &Method::GET, query, &headers, body.as_bytes())
}

#[test]
fn tokens_that_the_vendors_own_sdk_takes_are_believed_and_no_bit_of_them_can_change() {
    let (id, world) = (MessageId::from_random([7; 16]), messagebird("http://127.0.0.1:9", "Shop"));
    for (turn, receipt) in tokens(120, id).iter().enumerate() {
        let [token, query, body] = ["token", "query", "body"].map(|name| receipt[name].as_str().unwrap());
        let heard = read(&world, token, query, body).unwrap_or_else(|bad| panic!("{bad}: {receipt}"));
        assert_eq!(heard.receipts[0].whose, Whose::Ours(id));
        assert_eq!(heard.receipts[0].progress, Progress::Delivered);
        assert!(heard.nonce.is_some());
        let is_header = |token: &String| token.bytes().all(|byte| (0x21..0x7f).contains(&byte));
        assert!(
            flips(token, turn).filter(is_header).all(|changed| read(&world, &changed, query, body).is_err()),
            "{token}"
        );
        assert!(flips(query, turn).all(|changed| read(&world, token, &changed, body).is_err()), "{query}");
        assert!(flips(body, turn).all(|changed| read(&world, token, query, &changed).is_err()), "{body}");
        assert!(read(&world, token, query, if body.is_empty() { "x" } else { "" }).is_err(), "the body came or went");
        assert_eq!(read(&world, token, query, body).unwrap(), heard, "a replay has the same nonce");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_requests_are_those_of_the_vendors_own_sdk() {
    let mock = Mock::saying(201, TAKEN).await;
    let world = messagebird(&mock.url, "Shop");
    let text = world.send(&message(Channel::Sms)).await.unwrap().message;
    let call = world.send(&message(Channel::Voice)).await.unwrap().message;
    let ours = mock.seen();
    oracle(
        "messagebird.py",
        &json!({
            "do": "requests", "url": mock.url, "text": ours[0].json()["body"], "speech": ours[1].json()["body"],
            "refs": [text.to_string(), call.to_string()], "receipts": [receipts(text), receipts(call)],
        }),
    );
    let theirs = mock.seen().split_off(2);
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!((&ours.method, &ours.target), (&theirs.method, &theirs.target));
        assert_eq!(ours.header("authorization"), theirs.header("authorization"));
        assert_eq!(ours.header("accept"), theirs.header("accept"));
        let kind = |text: &str| text.split(';').next().unwrap().to_owned();
        assert_eq!(kind(ours.header("content-type")), kind(theirs.header("content-type")));
        // The API takes a list, and the SDK writes one as a text with commas.
        let mut listed = theirs.json();
        listed["recipients"] = listed["recipients"].as_str().unwrap().split(',').collect();
        assert_eq!(ours.json(), listed);
    }
}

#[tokio::test]
async fn a_text_message_by_bird() {
    let mock = Mock::saying(202, r#"{"id": "theirs", "status": "accepted"}"#).await;
    let world = bird(&mock.url);
    let sent = world.send(&message_to(Contact::parse(Channel::Sms, "+14155550100").unwrap())).await.unwrap();
    let asked = mock.last();
    assert_eq!((asked.method.as_str(), &*asked.target), ("POST", "/workspaces/w-1/channels/c-1/messages"));
    assert_eq!(asked.header("authorization"), "AccessKey hunter2hunter2");
    let text = asked.json()["body"]["text"]["text"].clone();
    assert!(text.as_str().unwrap().contains("123456"));
    assert_eq!(
        asked.json(),
        json!({
            "receiver": {"contacts": [{"identifierKey": "phonenumber", "identifierValue": "+14155550100"}]},
            "body": {"type": "text", "text": {"text": text}}, "reference": sent.message.to_string(),
        })
    );
    for (status, class) in [
        (401, FailureClass::AuthConfig),
        (404, FailureClass::SenderConfig),
        (422, FailureClass::Unknown),
        (500, FailureClass::ProviderDown),
    ] {
        mock.says([Says::Answer(status, Vec::new(), r#"{"code": "InvalidPayload"}"#.to_owned())]);
        assert_eq!(world.failure(&message(Channel::Sms)).await.class(), class, "{status}");
    }
}

#[test]
fn a_config_says_what_is_missing() {
    let bird = |keys: &str| World::fault(&format!("providers: {{b: {{type: bird, access_key: k, {keys}}}}}"));
    assert_eq!(bird("workspace: w"), "the key `channel` is missing");
    assert_eq!(
        bird("workspace: w/../x, channel: c"),
        "expected an identifier: letters, digits and hyphens, as Bird shows it"
    );
    let voice = "providers: {b: {type: bird, access_key: k, workspace: w, channel: c}}\nvoice: {providers: b}";
    assert_eq!(World::fault(voice), "`b` cannot carry voice");
    let messagebird = World::fault("providers: {m: {type: messagebird, access_key: k, from: Example Shop}}");
    assert!(messagebird.starts_with("expected a number such as +60123456789, or a name"), "{messagebird}");
}
