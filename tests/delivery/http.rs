//! A provider that an operator describes, against servers that answer as many kinds of provider do.

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Method};
use otpgate::config::{self, Surroundings};
use otpgate::delivery::settings::DeliverySettings;
use otpgate::delivery::{BadCallback, Callback, Delivery, Failure, Heard, Receipt, Remedy, SiteName, Whose};
use otpgate::words::{Channel, Clock as _, FailureClass, Price, Progress, SystemClock, Timestamp};
use serde_json::json;

use super::world::{Mock, PUBLIC_URL, Says, World, message};

/// What breaks out of one thing or another, where it is taken for more than a text.
const NASTY: &str = "Sh\"o'p\\ & <b> ?a=b#c/..%2f {{ code }} {% raw %} \u{e9}";

fn sms(url: &str, more: &str) -> String {
    format!(
        "providers:\n  own:\n    type: http\n    channels: sms\n    url: \"{url}\"\n{more}\nsms: {{providers: own}}\n"
    )
}

const JSON: &str = r#"
    headers: {Authorization: "Bearer s3cr3t", X-Site: "{{ host }}"}
    body: '{"to": "{{ to }}", "text": "{{ text }}", "ref": "{{ id }}", "from": "{{ from }}", "ttl": {{ ttl_seconds }}, "site": "{{ site }}", "at": "{{ receipts }}"}'
    from: "+14155550100"
    id: /messages/0/id
    accepted: [200, 202]
    errors:
      - {pointer: /error/code, equals: [21211, "21614"], class: invalid_number}
      - {pointer: /error/code, equals: "25", class: insufficient_balance}
      - {status: 418, class: fraud_blocked}
      - {pointer: "", equals: "ERR no credit", class: insufficient_balance}
    retry: [409]
"#;

#[tokio::test]
async fn a_message_goes_out_as_it_is_described() {
    let mock = Mock::saying(202, r#"{"messages": [{"id": "abc-1"}]}"#).await;
    let world = World::new(&sms(&format!("{}/send/{{{{ digits }}}}?who={{{{ to }}}}", mock.url), JSON));
    let delivered = world.send(&message(Channel::Sms)).await.unwrap();
    assert_eq!(delivered.provider, "own");
    let asked = mock.last();
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/send/60123456789?who=%2B60123456789"));
    assert_eq!(asked.header("authorization"), "Bearer s3cr3t");
    assert_eq!((asked.header("x-site"), asked.header("content-type")), ("shop.example.com", "application/json"));
    let body = asked.json();
    assert_eq!(body["to"], "+60123456789");
    assert!(body["text"].as_str().unwrap().contains("123456"), "{body}");
    assert_eq!((&body["from"], &body["ttl"]), (&json!("+14155550100"), &json!(300)));
    assert_eq!(body["ref"], delivered.message.to_string());
    assert_eq!(body["at"], "", "no receipts are read, so none are asked for");
}

/// O35, D05: whatever a name of a site holds, it stays a value.
#[tokio::test]
async fn no_value_adds_anything_to_a_request() {
    let mock = Mock::saying(200, "{}").await;
    let bodies = [
        ("application/json", r#"{"site": "{{ site }}", "code": "{{ code }}"}"#),
        ("application/x-www-form-urlencoded; charset=utf-8", "site={{ site }}&code={{ code }}"),
        ("text/xml", r#"<sms site="{{ site }}"><code>{{ code }}</code></sms>"#),
        ("text/plain", "{{ site }}"),
    ];
    let mut message = message(Channel::Sms);
    message.site = SiteName::new(NASTY, "shop.example.com");
    let name = message.site.name().to_owned();
    assert!(name.contains("{{ code }}") && name.contains('"'), "{name}");
    for (kind, body) in bodies {
        let body = body.replace('\'', "''");
        let more = format!("    content_type: {kind}\n    body: '{body}'\n    headers: {{X-Site: \"{{{{ site }}}}\"}}");
        let world = World::new(&sms(&format!("{}/{{{{ site }}}}/x?site={{{{ site }}}}", mock.url), &more));
        world.send(&message).await.unwrap();
        let asked = mock.last();
        assert_eq!(asked.header("content-type"), kind);
        let url = url::Url::parse(&format!("http://a.example{}", asked.target)).unwrap();
        assert_eq!((url.path_segments().unwrap().count(), url.query_pairs().count()), (2, 1), "{url}");
        assert_eq!(url.query_pairs().next().unwrap().1, name);
        assert_eq!(asked.headers.get("x-site").unwrap().as_bytes(), name.as_bytes());
        match kind {
            "application/json" => assert_eq!(asked.json(), json!({"site": name, "code": "123456"})),
            "text/xml" => {
                let text = String::from_utf8(asked.body.to_vec()).unwrap();
                assert_eq!((text.matches('<').count(), text.matches('"').count()), (4, 2), "{text}");
            }
            "text/plain" => assert_eq!(&asked.body[..], name.as_bytes()),
            _ => assert_eq!(asked.form(), [("site".into(), name.clone()), ("code".into(), "123456".into())]),
        }
    }
}

/// A header that a value would break into two is not sent at all: an SMS has line breaks.
#[tokio::test]
async fn a_header_has_no_line_breaks() {
    let mock = Mock::saying(200, "{}").await;
    let fault = World::fault(&sms(&mock.url, "    headers: {X-Text: \"{{ text }}\"}"));
    assert_eq!(fault, "a header has no line breaks");
    let fault = World::fault(&sms(&mock.url, "    headers: {X-Text: \"a\\nX-Other: b\"}"));
    assert_eq!(fault, "a header has no line breaks");
    assert!(mock.seen().is_empty());
}

#[tokio::test]
async fn every_channel_has_its_text() {
    let mock = Mock::saying(200, "{}").await;
    let yaml = format!(
        "providers: {{own: {{type: http, channels: [email, sms, voice], url: '{}', \
         body: '{{\"on\": \"{{{{ channel }}}}\", \"text\": \"{{{{ text }}}}\", \"subject\": \"{{{{ subject }}}}\"}}'}}}}\n\
         email: {{providers: own}}\nsms: {{providers: own}}\nvoice: {{providers: own}}\n",
        mock.url
    );
    let world = World::new(&yaml);
    for channel in [Channel::Email, Channel::Sms, Channel::Voice] {
        world.send(&message(channel)).await.unwrap();
        let said = mock.last().json();
        assert_eq!(said["on"], channel.as_str());
        let wanted = if channel == Channel::Voice { "1, 2, 3, 4, 5, 6" } else { "123456" };
        assert!(said["text"].as_str().unwrap().contains(wanted), "{said}");
        assert_eq!(said["subject"] == "", channel != Channel::Email);
        assert!(!said["subject"].as_str().unwrap().contains("123456"), "U21");
    }
}

#[tokio::test]
async fn a_get_has_everything_in_its_address() {
    let mock = Mock::saying(200, "OK 12345").await;
    let url = format!("{}/?to={{{{ digits }}}}&msg={{{{ text }}}}", mock.url);
    let world = World::new(&sms(&url, "    method: get\n    id: \"\"\n    headers: {Accept: text/plain}"));
    world.send(&message(Channel::Sms)).await.unwrap();
    let asked = mock.last();
    assert!(asked.method == Method::GET && asked.body.is_empty() && asked.header("content-type").is_empty());
    assert!(asked.target.starts_with("/?to=60123456789&msg=Example%20Shop"), "{}", asked.target);
}

#[tokio::test]
async fn what_an_answer_says_decides_what_follows() {
    use FailureClass as C;
    let mock = Mock::saying(200, "{}").await;
    let world = World::new(&sms(&mock.url, JSON));
    for (status, body, class, code) in [
        (200, r#"{"error": {"code": 21211}}"#, C::InvalidNumber, "21211"),
        (400, r#"{"error": {"code": "21614", "message": "+60123456789"}}"#, C::InvalidNumber, "21614"),
        (200, r#"{"error": {"code": 25}}"#, C::InsufficientBalance, "25"),
        (200, "ERR no credit\r\n", C::InsufficientBalance, "200"),
        (418, "{}", C::FraudBlocked, "418"),
        (401, "", C::AuthConfig, "401"),
        (403, "no", C::AuthConfig, "403"),
        (402, "{}", C::InsufficientBalance, "402"),
        (409, "{}", C::ProviderDown, "409"),
        (429, "{}", C::RateLimited, "429"),
        (500, "<html>", C::ProviderDown, "500"),
        (503, "", C::ProviderDown, "503"),
        (400, r#"{"error": {"code": 99999}}"#, C::Unknown, "400"),
        (400, r#"{"error": ["odd"]}"#, C::Unknown, "400"),
        (201, r#"{"messages": []}"#, C::Unknown, "201"),
        (302, "", C::Unknown, "302"),
    ] {
        mock.says([Says::Answer(status, vec![("location", "http://127.0.0.1:1/".to_owned())], body.to_owned())]);
        let failure = world.failure(&message(Channel::Sms)).await;
        let Failure::Declined { class: found, code: number, .. } = &failure else { panic!("{failure}") };
        assert_eq!((*found, number.as_str()), (class, code), "{status} {body}");
        assert!(failure.surely_not_sent());
    }
    mock.says([Says::Answer(429, vec![("retry-after", "7".to_owned())], String::new())]);
    let failure = world.failure(&message(Channel::Sms)).await;
    let Failure::Declined { retry_after, .. } = failure else { panic!("{failure}") };
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
    assert!(failure.remedy().retries && failure.remedy() == Remedy::of(FailureClass::RateLimited));
}

/// D03: an answer that does not come, breaks off or never ends may stand for a message that went out.
#[tokio::test]
async fn a_message_that_may_have_gone_out_is_told_as_such() {
    let mock = Mock::start([Says::Nothing]).await;
    let world = World::new(&sms(&mock.url, &format!("{JSON}    timeout: 1s\n")));
    let started = Instant::now();
    let failure = world.failure(&message(Channel::Sms)).await;
    assert!(matches!(failure, Failure::TimedOut { written: true }), "{failure}");
    assert!(started.elapsed() < Duration::from_secs(3));
    mock.says([Says::Breaks]);
    assert!(matches!(world.failure(&message(Channel::Sms)).await, Failure::Broken { written: true }));
    mock.says([Says::Answer(200, Vec::new(), "x".repeat(70_000))]);
    assert!(matches!(world.failure(&message(Channel::Sms)).await, Failure::Broken { written: true }));
    let nobody = World::new(&sms("http://127.0.0.1:9", JSON));
    let failure = nobody.failure(&message(Channel::Sms)).await;
    assert!(matches!(failure, Failure::Unreachable(_)) && failure.surely_not_sent(), "{failure}");
}

const RECEIPTS: &str = r#"
    body: '{"to": "{{ to }}", "at": "{{ receipts }}"}'
    id: /id
    receipts:
      signature: {SIGNATURE}
      id: /message/id
      reference: /message/reference
      status: /message/status
      states: {delivered: [DELIVRD, read], failed: [UNDELIV], sent: sent}
      errors: [{pointer: /message/error, equals: 21614, class: landline}]
      price: /message/price
      parts: /message/parts
"#;

fn with_receipts(url: &str, signature: &str) -> World {
    World::new(&sms(url, &RECEIPTS.replace("SIGNATURE", signature)))
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
}

fn heard(whose: &Whose, progress: Progress) -> Heard {
    Heard { receipts: vec![Receipt { whose: whose.clone(), progress, price: None, parts: None }], nonce: None }
}

#[tokio::test]
async fn a_receipt_with_its_token_is_believed() {
    let mock = Mock::saying(200, r#"{"id": "abc-1"}"#).await;
    let world = with_receipts(&mock.url, "token: 0123456789abcdef/+, query: key");
    let delivered = world.send(&message(Channel::Sms)).await.unwrap();
    let ours = Whose::Ours(delivered.message);
    let address = mock.last().json()["at"].as_str().unwrap().to_owned();
    let wanted = format!("{PUBLIC_URL}/.otpgate/receipts/own?m={}&key=0123456789abcdef%2F%2B", delivered.message);
    assert_eq!(address, wanted);
    let query = address.split_once('?').unwrap().1;
    let post = |body: &str| world.read("own", &Method::POST, query, &HeaderMap::new(), body.as_bytes());
    let failed = Progress::Failed;
    assert_eq!(post(r#"{"message": {"status": "DELIVRD"}}"#).unwrap(), heard(&ours, Progress::Delivered));
    assert_eq!(post(r#"{"message": {"status": "sent"}}"#).unwrap(), heard(&ours, Progress::Sent));
    assert_eq!(post(r#"{"message": {"status": "UNDELIV"}}"#).unwrap(), heard(&ours, failed(FailureClass::Unknown)));
    let landline = r#"{"message": {"status": "UNDELIV", "error": 21614}}"#;
    assert_eq!(post(landline).unwrap(), heard(&ours, failed(FailureClass::Landline)));
    let priced = post(r#"{"message": {"status": "read", "price": "0.0125", "parts": 2}}"#).unwrap().receipts.remove(0);
    assert_eq!(priced.price, Some(Price { amount: "0.0125".parse().unwrap(), currency: None }));
    assert_eq!(priced.parts, Some(2));
    // Words that nobody explained, and receipts of nothing, are no error and mean nothing.
    for nothing in [r#"{"message": {"status": "buffered"}}"#, "{}", "[]", "null", "7"] {
        assert_eq!(post(nothing).unwrap(), Heard::default(), "{nothing}");
    }
    assert_eq!(post("{{"), Err(BadCallback::Malformed("neither JSON nor a form")));
    for (query, why) in [
        ("m=AAAAAAAAAAAAAAAAAAAAAA", "its token is missing"),
        ("key=0123456789abcdef/", "its token is wrong"),
        ("key=", "its token is wrong"),
        ("key=0123456789abcdef%2F%2B0", "its token is wrong"),
    ] {
        let read = world.read("own", &Method::POST, query, &HeaderMap::new(), b"{}");
        assert_eq!(read, Err(BadCallback::Forged(why)), "{query}");
    }
    assert_eq!(world.read("other", &Method::POST, query, &HeaderMap::new(), b"{}"), Err(BadCallback::NoReceipts));
    assert!(!format!("{:?}", world.delivery).contains("0123456789abcdef"), "I9");
}

#[tokio::test]
async fn a_token_can_stand_in_a_header_and_a_receipt_be_a_form_or_a_query() {
    let yaml = "
    body: '{}'
    receipts:
      signature: {token: 0123456789abcdef, header: Authorization}
      id: /sid
      status: /state
      states: {delivered: ok}
";
    let world = World::new(&sms("http://127.0.0.1:9", yaml));
    let theirs = Whose::Theirs("x-1".to_owned());
    let form = "application/x-www-form-urlencoded";
    for token in ["0123456789abcdef", "Bearer 0123456789abcdef"] {
        let posted = headers(&[("authorization", token), ("content-type", form)]);
        let read = world.read("own", &Method::POST, "", &posted, b"sid=x-1&state=ok&state=no");
        assert_eq!(read.unwrap(), heard(&theirs, Progress::Delivered));
        let read = world.read("own", &Method::GET, "sid=x-1&state=ok", &headers(&[("authorization", token)]), b"");
        assert_eq!(read.unwrap(), heard(&theirs, Progress::Delivered));
    }
    let json = br#"[{"sid": "x-1", "state": "ok"}, {"sid": 7, "state": "ok"}, {"state": "ok"}]"#;
    let read = world.read("own", &Method::POST, "", &headers(&[("authorization", "0123456789abcdef")]), json).unwrap();
    let names: Vec<_> = read.receipts.into_iter().map(|receipt| receipt.whose).collect();
    assert_eq!(names, [theirs, Whose::Theirs("7".to_owned())]);
    for (name, token) in [("authorization", "Bearer x"), ("x-other", "0123456789abcdef")] {
        let read = world.read("own", &Method::GET, "sid=x-1&state=ok", &headers(&[(name, token)]), b"");
        assert!(matches!(read, Err(BadCallback::Forged(_))), "{name}");
    }
}

/// A key in the form in which it is given out.
const WHSEC: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

fn tag(id: &str, time: u64, body: &str) -> String {
    let key = STANDARD.decode(WHSEC.trim_start_matches("whsec_")).unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
    let tag = ring::hmac::sign(&key, format!("{id}.{time}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

fn signed(id: &str, time: u64, signature: &str) -> HeaderMap {
    headers(&[("webhook-id", id), ("webhook-timestamp", &time.to_string()), ("webhook-signature", signature)])
}

const STANDARD_WEBHOOKS: &str = "
    body: '{}'
    receipts:
      signature: {standard_webhooks: whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=}
      id: /id
      status: /x
      states: {delivered: 1}
";

/// The vector was made by a library of theirs.
#[tokio::test]
async fn standard_webhooks_are_checked_as_their_libraries_make_them() {
    let world = World::new(&sms("http://127.0.0.1:9", STANDARD_WEBHOOKS));
    let vector = "v1,vOG0JhqYAoLzScZoxFk51tUBeZjhbQbe0IPM5cWnKhY=";
    assert_eq!(tag("msg_1", 1_700_000_000, r#"{"x":1}"#), vector);
    let read = |now: u64, signature: &str, body: &[u8]| {
        let headers = signed("msg_1", 1_700_000_000, signature);
        let url = format!("{PUBLIC_URL}/.otpgate/receipts/own");
        let (method, now) = (&Method::POST, Timestamp::from_millis(now * 1000));
        world.delivery.read("own", &Callback { method, url: &url, query: "", headers: &headers, body, now })
    };
    let good = read(1_700_000_100, vector, br#"{"x":1}"#).unwrap();
    assert_eq!((good.nonce.as_deref(), good.receipts.len()), (Some("msg_1"), 0), "it names no message");
    let several = format!("v1a,x v1,AAAA {vector}");
    assert!(read(1_699_999_900, &several, br#"{"x":1}"#).is_ok());
    for now in [1_700_000_301, 1_699_999_699, 0] {
        assert_eq!(read(now, vector, br#"{"x":1}"#), Err(BadCallback::Stale));
    }
    let forged = Err(BadCallback::Forged("its signature is wrong"));
    assert_eq!(read(1_700_000_000, vector, br#"{"x":2}"#), forged);
    assert_eq!(read(1_700_000_000, &vector.replace("v1,", "v2,"), br#"{"x":1}"#), forged);
    assert_eq!(read(1_700_000_000, "", br#"{"x":1}"#), forged);
}

/// Any bit of what is signed, and of the signature.
#[tokio::test]
async fn a_signature_is_good_for_one_body_and_one_moment() {
    let world = World::new(&sms("http://127.0.0.1:9", STANDARD_WEBHOOKS));
    let now = SystemClock.now().as_secs();
    let body = r#"{"id":"abc","x":"1"}"#;
    let good = tag("msg_7", now, body);
    // The address is not signed: what it says counts for nothing.
    let query = "m=AAAAAAAAAAAAAAAAAAAAAA";
    let read = |headers: &HeaderMap, body: &[u8]| world.read("own", &Method::POST, query, headers, body);
    let heard = read(&signed("msg_7", now, &good), body.as_bytes()).unwrap();
    assert_eq!(heard.receipts[0].whose, Whose::Theirs("abc".to_owned()));
    for bit in 0..body.len() * 8 {
        let mut bytes = body.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(read(&signed("msg_7", now, &good), &bytes), Err(BadCallback::Forged(_))));
    }
    let raw = STANDARD.decode(&good[3..]).unwrap();
    for bit in 0..raw.len() * 8 {
        let mut bytes = raw.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let signature = format!("v1,{}", STANDARD.encode(bytes));
        assert!(read(&signed("msg_7", now, &signature), body.as_bytes()).is_err());
    }
    assert!(read(&signed("msg_8", now, &good), body.as_bytes()).is_err());
    assert!(read(&signed("msg_7", now + 1, &good), body.as_bytes()).is_err());
    let dotted = tag("msg.7", now, body);
    assert!(read(&signed("msg.7", now, &dotted), body.as_bytes()).is_err());
    for missing in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut headers = signed("msg_7", now, &good);
        headers.remove(missing);
        assert_eq!(read(&headers, body.as_bytes()), Err(BadCallback::Forged("a header of its signature is missing")));
        headers.append(missing, HeaderValue::from_static("1"));
        headers.append(missing, HeaderValue::from_static("2"));
        assert!(read(&headers, body.as_bytes()).is_err());
    }
}

/// Receipts come twice and in any order; the store never goes back.
#[tokio::test]
async fn receipts_may_come_twice_and_out_of_order() {
    let mock = Mock::saying(200, r#"{"id": "abc-1"}"#).await;
    let world = with_receipts(&mock.url, "token: 0123456789abcdef");
    let delivered = world.send(&message(Channel::Sms)).await.unwrap();
    let mut progress = Progress::Accepted;
    for status in ["DELIVRD", "sent", "UNDELIV", "DELIVRD"] {
        let body = json!({"message": {"reference": delivered.message.to_string(), "status": status}}).to_string();
        let heard = world.read("own", &Method::POST, "token=0123456789abcdef", &HeaderMap::new(), body.as_bytes());
        let receipt = heard.unwrap().receipts.remove(0);
        assert_eq!(receipt.whose, Whose::Ours(delivered.message));
        if progress.moves_to(receipt.progress) {
            progress = receipt.progress;
        }
        assert_eq!(progress, Progress::Delivered);
    }
}

#[tokio::test]
async fn a_secret_comes_from_the_environment_and_is_no_template() {
    const SECRET: &str = "t0k\"en:/@ {{ code }}";
    let mock = Mock::saying(200, "{}").await;
    let variable = |name: &str| match name {
        "TOKEN" => Some(SECRET.to_owned()),
        "USER" => Some("me@home".to_owned()),
        "HOST" => Some(mock.url.clone()),
        "PORT" => Some(mock.url.rsplit(':').next().unwrap().to_owned()),
        _ => None,
    };
    let read = |yaml: &str| {
        let around = Surroundings::of(Path::new("otpgate.yaml"), &variable);
        config::read::<DeliverySettings>(yaml).unwrap().spec(&around)
    };
    let more = "    headers: {X-Key: \"K ${TOKEN}\"}\n    body: '{\"k\": \"${TOKEN}\"}'";
    let mut world = World::new(&sms(&mock.url, ""));
    for url in ["${HOST}/x?key=${TOKEN}", "http://${USER}:${TOKEN}@127.0.0.1:${PORT}/x?key=${TOKEN}"] {
        let spec = read(&sms(url, more)).unwrap();
        assert!(!format!("{spec:?}").contains("t0k"), "I9");
        world.delivery = Delivery::new(spec, world.tools.clone()).unwrap();
        assert!(!format!("{:?}", world.delivery).contains("t0k"), "I9");
        world.send(&message(Channel::Sms)).await.unwrap();
        let asked = mock.last();
        let target = url::Url::parse(&format!("http://a.example{}", asked.target)).unwrap();
        assert_eq!(target.query_pairs().next().unwrap(), ("key".into(), SECRET.into()));
        assert_eq!((asked.header("x-key"), asked.json()), (&*format!("K {SECRET}"), json!({ "k": SECRET })));
        let basic = STANDARD.encode(format!("me@home:{SECRET}"));
        let wanted = if url.contains("USER") { format!("Basic {basic}") } else { String::new() };
        assert_eq!(asked.header("authorization"), wanted);
    }
    let fault = read(&sms("${GONE}/x", "")).unwrap_err();
    assert_eq!(fault.message(), "the environment variable `GONE` is not set");
    assert_eq!(fault.place().unwrap().line, 5);
}

/// F: each fault says what to write instead.
#[test]
fn a_description_that_cannot_be_is_told_of() {
    let fault = |more: &str| World::fault(&sms("https://api.example.com/send", more));
    let unknown = "nothing is called `txet` here: did you mean `text`?";
    assert_eq!(fault("    body: '{\"a\": \"{{ txet }}\"}'"), unknown);
    assert_eq!(fault("    headers: {A: '{{ txet }}'}"), unknown);
    assert_eq!(fault("    body: '{{ text'"), "not a template: syntax error in its line 1");
    assert_eq!(fault("    body: '{{ text | nothing }}'"), "not a template: unknown filter in its line 1");
    let quotes = "filled in, this is no JSON: put texts into quotes, such as \"{{ code }}\"";
    assert_eq!(fault("    body: '{\"code\": {{ code }}}'"), quotes);
    assert_eq!(fault("    body: '{\"a\": \"{{ from }}\"}'"), "`from` is filled in here: add the key `from`");
    assert_eq!(fault("    method: DELETE"), "expected GET, POST, PUT or PATCH");
    assert!(fault("    method: GET\n    body: '{}'").starts_with("a GET has no body"));
    assert!(fault("    body: x\n    content_type: image/png").starts_with("expected application/json,"));
    assert!(fault("    content_type: text/plain").starts_with("there is no body"));
    assert_eq!(fault("    headers: {host: x}"), "`host` is set by the gateway");
    assert_eq!(fault("    headers: {Content-Type: x}"), "`Content-Type` is set by the gateway: write `content_type`");
    assert_eq!(fault("    headers: {A: x, a: y}"), "the header `a` stands here twice");
    assert_eq!(fault("    headers: {'a b': x}"), "expected a header's name");
    assert_eq!(fault("    id: messages/0"), "expected a JSON pointer, such as /messages/0/id");
    assert_eq!(fault("    accepted: 99"), "expected an HTTP status from 200 to 599");
    assert!(fault("    errors: {pointer: /a, equals: b, class: bad}").starts_with("expected one of invalid_number,"));
    assert_eq!(fault("    errors: {pointer: /a, class: unknown}"), "add `equals`: what it says there");
    assert!(fault("    errors: {class: unknown}").starts_with("expected `pointer` and `equals`, or `status`"));
    assert!(fault("    base_url: https://a.example").starts_with("`http` has no base_url"));
    let receipts = |signature: &str, more: &str| {
        let states = "status: /a, states: {delivered: b}";
        fault(&format!("    receipts: {{signature: {{{signature}}}, {states}{more}}}"))
    };
    assert!(receipts("token: short", "").starts_with("expected a secret of at least 16 characters"));
    assert!(receipts("standard_webhooks: short", ", id: /a").starts_with("expected the key of Standard Webhooks"));
    assert_eq!(receipts("header: x", ""), "expected either `standard_webhooks` or `token`");
    let whsec = format!("standard_webhooks: {WHSEC}");
    assert!(receipts(&whsec, "").starts_with("the address is not signed"));
    assert_eq!(receipts(&format!("{whsec}, query: x"), ", id: /a"), "this belongs to `token`");
    assert_eq!(receipts("token: 0123456789abcdef, query: m", ""), "expected another name: `m` names the message");
    let url = |url: &str| World::fault(&sms(url, ""));
    assert_eq!(url("https://{{ host }}/x"), "the host is fixed: write {{ … }} only behind it");
    for bad in ["ftp://a.example/x", "https:///x", "a.example/x", "https://a.example/x#{{ to }}"] {
        assert!(url(bad).starts_with("expected an address such as"), "{bad}: {}", url(bad));
    }
    let other = "providers: {own: {type: http, channels: sms, url: 'https://a.example'}}\nemail: {providers: own}\n";
    assert_eq!(World::fault(other), "`own` cannot carry email");
}
