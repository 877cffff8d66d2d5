//! What providers report of messages: believed when it is signed, once, in whatever order; and the visitor sees it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::{Value, json};

use crate::support::{Answer, Client};
use crate::world::*;

/// The key of Standard Webhooks in the config, and the bytes of it.
const KEY: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const KEY_BYTES: &[u8] = b"0123456789abcdef0123456789abcdef";
/// The host of `public_url`, which is no site's.
const OTP: &str = "otp.test";

/// A provider of text messages, as its own server sees it.
#[derive(Clone)]
struct Carrier {
    url: String,
    seen: Arc<Mutex<Vec<Value>>>,
    /// What it answers instead of taking a message.
    refusal: Arc<Mutex<Option<(u16, Value)>>>,
}

impl Carrier {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let carrier = Self { url, seen: Arc::default(), refusal: Arc::default() };
        let router = Router::new().fallback(take).with_state(carrier.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        carrier
    }

    /// What it was given, oldest first: `to`, `text` and `id`.
    fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
    }

    /// The code of the last message: in a text message behind the `#` of its last line.
    fn code(&self) -> String {
        let text = self.seen().last().unwrap()["text"].as_str().unwrap().to_owned();
        text.rsplit('#').next().unwrap().trim().to_owned()
    }

    fn refuses(&self, status: u16, body: Value) {
        *self.refusal.lock().unwrap() = Some((status, body));
    }
}

async fn take(State(carrier): State<Carrier>, body: String) -> (StatusCode, String) {
    let mut seen = carrier.seen.lock().unwrap();
    let form = || url::form_urlencoded::parse(body.as_bytes()).map(|(name, value)| (name.into(), value.into()));
    seen.push(serde_json::from_str(&body).unwrap_or_else(|_| Value::Object(form().collect())));
    match &*carrier.refusal.lock().unwrap() {
        Some((status, body)) => (StatusCode::from_u16(*status).unwrap(), body.to_string()),
        None => {
            let number = seen.len();
            let answer = json!({"id": format!("sm-{number}"), "sid": format!("SM{number:032}"), "status": "queued"});
            (StatusCode::CREATED, answer.to_string())
        }
    }
}

/// A world whose text messages go by `carrier`, and everything else to the outbox.
fn config(carrier: &Carrier) -> Config {
    let delivery = format!(
        r#"  providers:
    dev: {{type: outbox}}
    own:
      type: http
      channels: sms
      url: '{}'
      body: '{{"to": "{{{{ to }}}}", "text": "{{{{ text }}}}", "id": "{{{{ id }}}}"}}'
      id: /id
      errors: [{{pointer: /error, equals: landline, class: landline}}]
      receipts:
        signature: {{standard_webhooks: {KEY}}}
        id: /id
        status: /status
        states: {{delivered: delivered, failed: failed, sent: sent}}
        errors: [{{pointer: /error, equals: landline, class: landline}}, {{pointer: /error, equals: off, class: unreachable_temp}}]
        price: /price
        parts: /parts
  email: {{providers: dev}}
  sms: {{providers: own}}
  voice: {{providers: dev}}"#,
        carrier.url
    );
    Config { delivery, top: "public_url: https://otp.test", ..Config::default() }
}

/// Now, in seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A receipt on its way, signed as Standard Webhooks says.
struct Receipt {
    name: String,
    at: u64,
    body: String,
    tag: String,
}

impl Receipt {
    fn new(name: &str, body: &Value) -> Self {
        Self::at(now(), name, body)
    }

    fn at(at: u64, name: &str, body: &Value) -> Self {
        let body = body.to_string();
        let key = hmac::Key::new(hmac::HMAC_SHA256, KEY_BYTES);
        let tag = hmac::sign(&key, format!("{name}.{at}.{body}").as_bytes());
        Self { name: name.to_owned(), at, tag: format!("v1,{}", STANDARD.encode(tag)), body }
    }

    async fn send_to(&self, client: &mut Client, provider: &str) -> Answer {
        let at = self.at.to_string();
        let headers = [
            ("content-type", "application/json"),
            ("webhook-id", self.name.as_str()),
            ("webhook-timestamp", at.as_str()),
            ("webhook-signature", self.tag.as_str()),
        ];
        client.send("POST", &format!("/.otpgate/receipts/{provider}"), &headers, self.body.clone()).await
    }

    async fn send(&self, world: &World) -> u16 {
        let answer = self.send_to(&mut Client::new(OTP, world.gateway.port), "own").await;
        assert_eq!(answer.body, "", "nothing is told to whoever asks");
        answer.status
    }
}

/// Carol asks for a text message; gives her browser and the page that she then sees.
async fn carol_waits(world: &World) -> (Client, Answer, String) {
    let mut carol = world.signed_in("carol").await;
    let page = challenge_page(&mut carol, "/account").await;
    let sent = carol.submit(&page, "/.otpgate/send", &[("channel", "sms"), ("contact", "0")]).await;
    let address = page_address(&sent);
    let page = page_of(&mut carol, &sent).await;
    (carol, page, address)
}

async fn state(carol: &mut Client, address: &str) -> Value {
    api_state(carol, &json!(id_of(address))).await["delivery"].clone()
}

/// Runs a case with the memory store and with a real Redis, each with a provider of its own.
async fn for_both_carried(case: impl AsyncFn(&mut World, &Carrier)) {
    for_both_with(config, case).await;
}

async fn for_both_with(config: fn(&Carrier) -> Config, case: impl AsyncFn(&mut World, &Carrier)) {
    let (one, other) = (Carrier::start().await, Carrier::start().await);
    let (mut memory, mut redis) = (World::with_memory(&config(&one)), World::with_redis(&config(&other)));
    tokio::join!(case(&mut memory, &one), case(&mut redis, &other));
}

fn metric(metrics: &str, outcome: &str) -> u64 {
    let line = format!("otpgate_receipts_total{{provider=\"own\",outcome=\"{outcome}\"}} ");
    metrics.lines().find_map(|text| text.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
}

async fn metrics(world: &World) -> String {
    admin(&world.gateway, "GET", "/metrics", None).await.body
}

#[tokio::test]
async fn what_the_provider_reports_is_seen_on_the_page_and_in_the_look_up() {
    for_both_carried(async |world, carrier| {
        let (mut carol, page, address) = carol_waits(world).await;
        assert!(page.body.contains("Sent. We have not heard yet whether it arrived."), "{}", page.body);
        assert!(page.body.contains("See whether it has arrived"), "{}", page.body);
        assert_eq!(state(&mut carol, &address).await, json!({"state": "accepted"}));

        let sent = Receipt::new("e-1", &json!({"id": "sm-1", "status": "sent"}));
        assert_eq!(sent.send(world).await, 204);
        assert_eq!(state(&mut carol, &address).await, json!({"state": "sent"}));
        let delivered = Receipt::new("e-2", &json!({"id": "sm-1", "status": "delivered", "parts": 2}));
        assert_eq!(delivered.send(world).await, 204);
        assert_eq!(state(&mut carol, &address).await, json!({"state": "delivered"}));
        // O21: a plain look at the page, which sends nothing.
        let page = carol.get(&address).await;
        assert!(page.body.contains("It has arrived on your phone."), "{}", page.body);
        assert_eq!(carrier.seen().len(), 1);

        let reference = page.body.split("Reference: ").nth(1).unwrap().split('<').next().unwrap().to_owned();
        let events = admin(&world.gateway, "GET", &format!("/lookup/{reference}"), None).await.body;
        assert!(events.contains("\"kind\":\"delivered\""), "{events}");
        assert!(events.contains("2 parts") && !events.contains("60123456789"), "{events}");
        let metrics = metrics(world).await;
        assert_eq!(metric(&metrics, "accepted"), 2, "{metrics}");
        assert!(metrics.contains("otpgate_events_total{kind=\"delivered\"} 1"), "{metrics}");

        let answer = type_code(&mut carol, &page, &carrier.code()).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        assert!(world.upstream.seen().iter().all(|seen| !seen.target.contains(".otpgate")));
    })
    .await;
}

#[tokio::test]
async fn a_message_that_does_not_arrive_is_told_with_the_next_best_way() {
    for_both_carried(async |world, carrier| {
        let (mut carol, _, address) = carol_waits(world).await;
        let failed = Receipt::new("e-1", &json!({"id": "sm-1", "status": "failed", "error": "landline"}));
        assert_eq!(failed.send(world).await, 204);
        let page = carol.get(&address).await;
        assert!(page.body.contains("cannot receive text messages."), "{}", page.body);
        assert!(page.body.contains("role=\"alert\""), "{}", page.body);
        // A fixed line can be called; no more text messages are offered.
        let (_, first) = page.form("/.otpgate/send").unwrap();
        assert!(first.contains(&("channel".to_owned(), "voice".to_owned())), "{first:?}");
        assert!(!page.body.contains("value=\"sms\""), "{}", page.body);
        let told = state(&mut carol, &address).await;
        assert_eq!((&told["state"], &told["reason"]), (&json!("failed"), &json!("landline")));
        let channels: Vec<_> = told["try"].as_array().unwrap().iter().map(|way| way["channel"].as_str()).collect();
        assert_eq!(channels, [Some("voice"), Some("email"), Some("email")], "{told}");
        let metrics = metrics(world).await;
        assert!(metrics.contains("otpgate_events_total{kind=\"not_delivered\"} 1"), "{metrics}");
        // The code that came after all is still good.
        let answer = type_code(&mut carol, &page, &carrier.code()).await;
        assert_eq!(answer.status, 303, "{answer:?}");
    })
    .await;
}

/// Whatever comes later, in whatever order and however often: a message never goes back.
#[tokio::test]
async fn receipts_never_take_a_message_back() {
    for_both_carried(async |world, _| {
        let (mut carol, _, address) = carol_waits(world).await;
        let mut number = 0;
        for (status, error, wanted) in [
            ("sent", "", "sent"),
            ("sent", "", "sent"),
            ("failed", "off", "failed"),
            ("sent", "", "failed"),
            ("failed", "landline", "failed"),
            // Given up, and arrived all the same.
            ("delivered", "", "delivered"),
            ("failed", "landline", "delivered"),
            ("sent", "", "delivered"),
            ("delivered", "", "delivered"),
        ] {
            number += 1;
            let body = json!({"id": "sm-1", "status": status, "error": error});
            assert_eq!(Receipt::new(&format!("e-{number}"), &body).send(world).await, 204, "{number}");
            let told = state(&mut carol, &address).await;
            assert_eq!(told["state"], wanted, "{number}");
            if wanted == "failed" {
                assert_eq!(told["reason"], "unreachable_temp", "the first reason stays");
            }
        }
        let metrics = metrics(world).await;
        for kind in ["delivered", "not_delivered"] {
            assert!(metrics.contains(&format!("otpgate_events_total{{kind=\"{kind}\"}} 1")), "{metrics}");
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_is_believed_that_is_forged_stale_or_came_before() {
    for_both_carried(async |world, _| {
        let (mut carol, _, address) = carol_waits(world).await;
        let body = json!({"id": "sm-1", "status": "delivered"});
        let good = || Receipt::new("e-1", &body);
        let text = body.to_string();
        let forgeries = [
            Receipt { tag: String::new(), ..good() },
            Receipt { tag: "v1,AAAA".to_owned(), ..good() },
            Receipt { name: "e-2".to_owned(), ..good() },
            Receipt { at: now() - 1, ..good() },
            Receipt { body: text.replace("delivered", "failed"), ..good() },
            Receipt { body: text.replace("sm-1", "sm-2"), ..good() },
            Receipt { body: format!("{text} "), ..good() },
        ];
        for (number, forged) in forgeries.iter().enumerate() {
            assert_eq!(forged.send(world).await, 403, "{number}");
        }
        // One bit of the signature.
        for place in [3, 20, 40] {
            let mut tag = good().tag.into_bytes();
            tag[place] ^= 1;
            assert_eq!(Receipt { tag: String::from_utf8(tag).unwrap(), ..good() }.send(world).await, 403, "{place}");
        }
        for at in [now() - 3600, now() + 3600] {
            assert_eq!(Receipt::at(at, "e-1", &body).send(world).await, 403, "{at}");
        }
        assert_eq!(state(&mut carol, &address).await, json!({"state": "accepted"}), "nothing of it was believed");

        let receipt = Receipt::new("e-1", &json!({"id": "sm-1", "status": "sent"}));
        assert_eq!(receipt.send(world).await, 204);
        assert_eq!(receipt.send(world).await, 403, "a replay");
        assert_eq!(state(&mut carol, &address).await, json!({"state": "sent"}));
        let metrics = metrics(world).await;
        let counts = ["accepted", "forged", "stale", "replayed"].map(|outcome| metric(&metrics, outcome));
        assert_eq!(counts, [1, 10, 2, 1], "{metrics}");
    })
    .await;
}

#[tokio::test]
async fn what_says_nothing_or_is_of_nobody_is_taken_and_other_addresses_are_not_there() {
    for_both_carried(async |world, _| {
        carol_waits(world).await;
        for (name, body, wanted) in [
            ("u-1", json!({"id": "sm-99", "status": "delivered"}), 204),
            ("u-2", json!({"id": "sm-1", "status": "read by the cat"}), 204),
            ("u-3", json!([]), 204),
        ] {
            assert_eq!(Receipt::new(name, &body).send(world).await, wanted, "{name}");
        }
        let receipt = Receipt::new("u-4", &json!({"id": "sm-1", "status": "delivered"}));
        let mut otp = Client::new(OTP, world.gateway.port);
        for provider in ["dev", "OWN", "nobody", "own/x"] {
            assert_eq!(receipt.send_to(&mut otp, provider).await.status, 404, "{provider}");
        }
        // The site's own host, and its pages at the provider's.
        assert_eq!(receipt.send_to(&mut world.browser(), "own").await.status, 404);
        assert_eq!(otp.get("/account").await.status, 404);
        assert_eq!(Client::new("other.test", world.gateway.port).get("/.otpgate/receipts/own").await.status, 421);
        assert_eq!(receipt.send(world).await, 204, "none of these used it up");
        assert!(world.upstream.seen().iter().all(|seen| !seen.target.contains(".otpgate")));
    })
    .await;
}

/// I2: while the store is away, the provider is told to come again, and what it then says is noted.
#[tokio::test]
async fn f01_while_the_store_is_away_the_provider_is_told_to_come_again() {
    let carrier = Carrier::start().await;
    let mut world = World::with_redis(&config(&carrier));
    carol_waits(&world).await;
    let receipt = Receipt::new("e-1", &json!({"id": "sm-1", "status": "delivered"}));
    world.redis.as_mut().unwrap().stop();
    let answer = receipt.send_to(&mut Client::new(OTP, world.gateway.port), "own").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    // What is forged is turned away without asking anybody.
    assert_eq!(Receipt { tag: String::new(), ..Receipt::new("e-2", &json!({})) }.send(&world).await, 403);
    world.redis.as_mut().unwrap().restart();
    within(Duration::from_secs(5), "the store's return", async || receipt.send(&world).await == 204).await;
}

/// No provider takes the message: said at once, and a fixed line is called instead.
#[tokio::test]
async fn what_no_provider_takes_is_told_by_page_and_json() {
    for_both_carried(async |world, carrier| {
        let mut carol = world.signed_in("carol").await;
        let page = challenge_page(&mut carol, "/account").await;
        carrier.refuses(400, json!({"error": "landline"}));
        let answer = carol.submit(&page, "/.otpgate/send", &[("channel", "sms"), ("contact", "0")]).await;
        assert_eq!((answer.status, answer.header("retry-after")), (422, None), "{answer:?}");
        assert!(answer.body.contains("cannot receive text messages."), "{}", answer.body);
        let (_, first) = answer.form("/.otpgate/send").unwrap();
        assert!(first.contains(&("channel".to_owned(), "voice".to_owned())), "{first:?}");

        let mut client = world.signed_in("carol").await;
        let id = api_challenge(&mut client, "GET", "/account", None).await["id"].clone();
        let answer = api_send(&mut client, &id, "sms").await;
        assert_eq!((answer.status, answer.problem().as_str()), (422, "undeliverable"), "{answer:?}");
        assert_eq!(answer.json()["reason"], "landline");
        assert_eq!(answer.json()["try"][0]["channel"], "voice");
        carrier.refuses(500, json!({}));
        let answer = api_send(&mut client, &id, "sms").await;
        assert_eq!((answer.status, answer.problem().as_str()), (503, "unavailable"), "{answer:?}");
        assert_eq!(answer.json()["reason"], "provider_down");
        assert_eq!(answer.json()["try"].as_array().unwrap().len(), 4, "{answer:?}");
        // Nothing of it was counted: another way works at once.
        let answer = api_send(&mut client, &id, "voice").await;
        assert_eq!(answer.status, 202, "{answer:?}");
        assert_eq!(answer.json()["delivery"], json!({"state": "accepted"}));
    })
    .await;
}

/// Twilio's account in these tests, and its token.
const ACCOUNT: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "test_auth_token_0001";

/// A world whose text messages and calls go by Twilio.
fn with_twilio(carrier: &Carrier) -> Config {
    let delivery = format!(
        "  providers:
    dev: {{type: outbox}}
    tw: {{type: twilio, base_url: '{}', account_sid: {ACCOUNT}, auth_token: {TOKEN}, from: '+14155550100'}}
  email: {{providers: dev}}
  sms: {{providers: tw}}
  voice: {{providers: tw}}",
        carrier.url
    );
    Config { delivery, top: "public_url: https://otp.test", ..Config::default() }
}

/// Posts a form to an address of `public_url`, signed as Twilio signs: HMAC-SHA1 of the address and the sorted fields.
async fn twilio_posts(world: &World, address: &str, fields: &[(&str, &str)]) -> Answer {
    posts_signed(world, address, address, fields).await
}

/// Posts to one address what is signed for another.
async fn posts_signed(world: &World, signed: &str, address: &str, fields: &[(&str, &str)]) -> Answer {
    let mut sorted = [&[("AccountSid", ACCOUNT), ("ApiVersion", "2010-04-01")], fields].concat();
    sorted.sort_unstable();
    let text = sorted.iter().fold(signed.to_owned(), |text, (name, value)| text + name + value);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN.as_bytes());
    let signature = STANDARD.encode(hmac::sign(&key, text.as_bytes()));
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("x-twilio-signature", signature.as_str())];
    let target = address.strip_prefix("https://otp.test").unwrap();
    let body = crate::support::client::form(&sorted);
    Client::new(OTP, world.gateway.port).send("POST", target, &headers, body).await
}

#[tokio::test]
async fn twilio_reports_to_the_address_that_it_was_told() {
    let carrier = Carrier::start().await;
    let world = World::with_memory(&with_twilio(&carrier));
    let (mut carol, page, address) = carol_waits(&world).await;
    assert!(page.body.contains("See whether it has arrived"), "{}", page.body);
    let told = carrier.seen()[0]["StatusCallback"].as_str().unwrap().to_owned();
    assert!(told.starts_with("https://otp.test/.otpgate/receipts/tw?m="), "{told}");
    let sid = format!("SM{:032}", 1);
    let fields = |status| [("MessageSid", sid.as_str()), ("MessageStatus", status), ("To", CAROL_PHONE)];

    assert_eq!(twilio_posts(&world, &told, &fields("sent")).await.status, 204);
    assert_eq!(state(&mut carol, &address).await, json!({"state": "sent"}));
    // The query is signed, byte for byte.
    for other in
        [told.replace("?m=", "?x=1&m="), format!("{told}&"), told.replace("?m=", "?%6d="), told.replace("?m=", "?M=")]
    {
        let answer = posts_signed(&world, &told, &other, &fields("undelivered")).await;
        assert_eq!(answer.status, 403, "{other}");
    }
    assert_eq!(twilio_posts(&world, &told, &fields("delivered")).await.status, 204);
    assert_eq!(twilio_posts(&world, &told, &fields("delivered")).await.status, 403, "a replay");
    assert_eq!(twilio_posts(&world, &told, &fields("undelivered")).await.status, 204, "signed, and too late");
    assert_eq!(state(&mut carol, &address).await, json!({"state": "delivered"}));
}

/// What a call says is fetched once, by the address that the provider was told, and signed.
#[tokio::test]
async fn the_words_of_a_call_are_fetched_once_and_signed() {
    for_both_with(with_twilio, async |world, carrier| {
        let mut carol = world.signed_in("carol").await;
        let id = api_challenge(&mut carol, "GET", "/account", None).await["id"].clone();
        assert_eq!(api_send(&mut carol, &id, "voice").await.status, 202);
        let markup = carrier.seen()[0]["Twiml"].as_str().unwrap().to_owned();
        let markup = markup.replace("&amp;", "&").replace("&#x2f;", "/");
        let start = markup.find("https://otp.test/.otpgate/words/tw?").unwrap();
        let told = markup[start..].split('"').next().unwrap().to_owned();
        let fields = [("CallSid", "CA1"), ("Digits", "1")];

        let target = told.strip_prefix("https://otp.test").unwrap();
        let unsigned = Client::new(OTP, world.gateway.port).send("POST", target, &[], "Digits=1").await;
        assert_eq!((unsigned.status, unsigned.body.as_str()), (403, ""));
        for wrong in [told.replace("&t=", "&t=x"), told.replace("&t=", "&u=")] {
            assert_eq!(twilio_posts(world, &wrong, &fields).await.status, 404, "{wrong}");
        }
        let words = twilio_posts(world, &told, &fields).await;
        assert_eq!((words.status, words.header("content-type")), (200, Some("application/xml")), "{words:?}");
        assert_eq!(words.header("cache-control"), Some("no-store"));
        assert_eq!(twilio_posts(world, &told, &fields).await.status, 404, "once");
        assert!(!world.gateway.log().contains(&told), "I9");
        // Each digit is said by itself, and all of them twice.
        let said = words.body.split("</Say>").filter_map(|piece| piece.rsplit('>').next());
        let digits: String = said.filter(|said| said.len() == 1).collect();
        let answer = api_verify(&mut carol, &id, &digits[..6]).await;
        assert_eq!(outcome(&answer), "passed", "{digits}");
    })
    .await;
}
