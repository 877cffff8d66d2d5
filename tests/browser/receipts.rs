//! The page that waits for a message: what becomes of it is seen without a reload, and without a script by a link.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use otpgate::demo::Customer;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::looks::sound;
use crate::support::{Client, Gateway, free_port};
use crate::world::Shop;
use crate::{CODE, SEND};

const CONFIG: &str = "
listeners: {address: '127.0.0.1:{port}'}
store: memory
secrets: '{secret}'
public_url: http://127.0.0.1:{port}
policies:
  account: {channels: [sms, voice, email], max_age: 15m}
sites:
  - hosts: harbour.localhost
    upstream: {servers: '127.0.0.1:{shop}'}
    identity:
      - login: {path: /login, field: email, session_cookie: SHOPSESSION, logout: /logout,
                success: {status: [302, 303], location_not: /login}}
    sign_in: /login
    directory: {file: contacts.yaml}
    routes:
      - {path: /account/**, policy: account}
delivery:
  providers:
    dev: {type: outbox}
    own:
      type: http
      channels: sms
      prices: {default: 0.05}
      url: 'http://127.0.0.1:{carrier}/send'
      body: '{\"text\": \"{{ text }}\", \"receipts\": \"{{ receipts }}\"}'
      errors: [{pointer: /error, equals: landline, class: landline}]
      receipts:
        signature: {token: 0123456789abcdef}
        status: /status
        states: {delivered: delivered, failed: failed, sent: sent}
        errors: [{pointer: /error, equals: landline, class: landline}, {pointer: /error, equals: off, class: unreachable_temp}]
  email: {providers: dev}
  sms: {providers: own}
  voice: {providers: dev}
{limits}
challenge: {resend: {wait: 1s}}
portal: {name: Harbour Supplies, support: help@harbour.example}
admin: {address: '127.0.0.1:{admin}'}
";

const CONTACTS: &str = "
alice@example.com: {sms: \"+60123456789\", voice: \"+60123456789\", email: alice@harbour.example}
bob@example.com: {sms: \"+60123456788\"}
";

/// A provider of text messages, the shop, and the gateway between.
struct World {
    gateway: Gateway,
    base: String,
    /// What the provider was given.
    seen: Arc<Mutex<Vec<Value>>>,
    refuses: Arc<Mutex<bool>>,
    _shop: Shop,
}

#[derive(Clone)]
struct Carrier {
    seen: Arc<Mutex<Vec<Value>>>,
    refuses: Arc<Mutex<bool>>,
}

async fn take(State(carrier): State<Carrier>, body: String) -> (axum::http::StatusCode, String) {
    if *carrier.refuses.lock().unwrap() {
        return (axum::http::StatusCode::BAD_REQUEST, json!({"error": "landline"}).to_string());
    }
    carrier.seen.lock().unwrap().push(serde_json::from_str(&body).unwrap());
    (axum::http::StatusCode::OK, "{}".to_owned())
}

impl World {
    async fn open() -> Self {
        Self::open_with("", CONTACTS).await
    }

    /// With a line for the config, for the people of a directory.
    async fn open_with(limits: &str, contacts: &str) -> Self {
        let (shop, port) = (Shop::open(), free_port());
        let carrier = Carrier { seen: Arc::default(), refuses: Arc::default() };
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let router = Router::new().fallback(take).with_state(carrier.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let config = CONFIG
            .replace("{limits}", limits)
            .replace("{shop}", &shop.port.to_string())
            .replace("{carrier}", &port.to_string());
        let gateway = Gateway::start(&config, &[("contacts.yaml", contacts)]);
        let base = format!("http://harbour.localhost:{}", gateway.port);
        Self { gateway, base, seen: carrier.seen, refuses: carrier.refuses, _shop: shop }
    }

    /// Signs in, and comes to the page that asks for a code.
    async fn sign_in(&self, browser: &Browser, customer: Customer) {
        browser.open(&format!("{}/login", self.base)).await;
        browser.fill("#email", customer.email()).await;
        browser.fill("#password", customer.password()).await;
        browser.press("main form button").await;
        browser.at("/.otpgate/challenge*").await;
    }

    /// The provider reports of the last message, to the address that it was told.
    async fn report(&self, body: Value) {
        let address = self.seen.lock().unwrap().last().unwrap()["receipts"].as_str().unwrap().to_owned();
        let target = address.strip_prefix(&format!("http://127.0.0.1:{}", self.gateway.port)).unwrap().to_owned();
        let mut client = Client::new("127.0.0.1", self.gateway.port);
        let answer = client.send("POST", &target, &[("content-type", "application/json")], body.to_string()).await;
        assert_eq!(answer.status, 204, "{answer:?}");
    }

    fn code(&self) -> String {
        let text = self.seen.lock().unwrap().last().unwrap()["text"].as_str().unwrap().to_owned();
        text.rsplit('#').next().unwrap().trim().to_owned()
    }
}

/// The script asks by itself. What was typed stays, and so does the focus (U16).
#[tokio::test(flavor = "multi_thread")]
async fn the_page_hears_of_the_message_and_leaves_the_visitor_alone() {
    let (world, browser) = (World::open().await, Browser::start().await);
    world.sign_in(&browser, Customer::Alice).await;
    sound(&browser, "choose-sms").await;
    browser.press(SEND).await;
    browser.see("#news", "We have not heard yet").await;
    sound(&browser, "code-waiting").await;
    browser.fill(CODE, "12").await;

    world.report(json!({"status": "delivered"})).await;
    browser.see("#news", "It has arrived on your phone.").await;
    assert_eq!(browser.property(CODE, "value").await, "12", "what was typed stays");
    assert_eq!(browser.script("return document.activeElement.name").await, json!("code"), "the focus stays");
    assert_eq!(browser.attribute("#news", "role").await.as_deref(), Some("status"));
    assert_eq!(browser.count("#look a").await, 0);
    assert_eq!(browser.count("[role=alert]").await, 0);
    sound(&browser, "code-delivered").await;
    assert_eq!(world.seen.lock().unwrap().len(), 1, "looking sends nothing");
    browser.fill(CODE, &world.code()).await;
    browser.press(crate::CONTINUE).await;
    browser.at("/account").await;
}

/// A failure is said at once, the next best way comes first, and the field is still there with what was typed.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_that_the_message_failed_and_offers_a_call() {
    let (world, browser) = (World::open().await, Browser::start().await);
    world.sign_in(&browser, Customer::Alice).await;
    browser.press(SEND).await;
    browser.fill(CODE, "12").await;
    world.report(json!({"status": "failed", "error": "landline"})).await;
    browser.see("[role=alert]", "cannot receive text messages. Use another way.").await;
    assert_eq!(browser.property(CODE, "value").await, "12");
    assert_eq!(browser.script("return document.activeElement.name").await, json!("code"));
    browser.see("h1", "Get the code another way").await;
    assert!(browser.title().await.starts_with("Error: Get the code another way"), "{}", browser.title().await);
    let first = "#ways form:first-child input[name=channel]";
    assert_eq!(browser.property(first, "value").await, "voice");
    assert_eq!(browser.count("input[value=sms]").await, 0, "no more text messages to a fixed line");
    sound(&browser, "code-failed").await;
    // The times of what came later go on, too.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    browser.press("#ways form:first-child button").await;
    browser.see("h1", "Answer your phone").await;
    sound(&browser, "code-voice").await;
}

/// U15: without a script, a link asks; it sends nothing.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_script_a_link_tells_what_became_of_the_message() {
    let (world, browser) = (World::open().await, Browser::without_javascript().await);
    world.sign_in(&browser, Customer::Alice).await;
    browser.press(SEND).await;
    browser.press("#look a").await;
    browser.see("#news", "We have not heard yet").await;
    world.report(json!({"status": "failed", "error": "off"})).await;
    browser.press("#look a").await;
    browser.see("[role=alert]", "The phone may be off, or without a signal. Use another way, or try again.").await;
    assert_eq!(browser.count("#ways form").await, 3);
    sound_without_script(&browser).await;
    assert_eq!(world.seen.lock().unwrap().len(), 1);
}

async fn sound_without_script(browser: &Browser) {
    assert_eq!(browser.count("h1").await, 1);
    assert_eq!(browser.count("#look a").await, 0, "nothing more is waited for");
}

/// What no provider takes is said before any code is out, also to somebody who has no other way.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_takes_no_messages_is_told_so() {
    let (world, browser) = (World::open().await, Browser::start().await);
    *world.refuses.lock().unwrap() = true;
    world.sign_in(&browser, Customer::Alice).await;
    browser.press(SEND).await;
    browser.see("[role=alert]", "cannot receive text messages. Use another way.").await;
    sound(&browser, "undeliverable").await;
    world.sign_in(&browser, Customer::Bob).await;
    browser.see("[role=alert]", "cannot receive text messages.").await;
    browser.see("main", "No other way is on file for you. Ask help@harbour.example").await;
    sound(&browser, "undeliverable-nothing-else").await;
}

/// When the money is used up, what costs nothing is offered; a number that is paused gets no calls either.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_stopped_is_said_with_the_ways_that_are_left() {
    let poor = World::open_with("limits: {budget: {per_day: 0.04}}", CONTACTS).await;
    let browser = Browser::start().await;
    poor.sign_in(&browser, Customer::Alice).await;
    browser.press(SEND).await;
    browser.see("[role=alert]", "No text messages can be sent at present. You can ask again in").await;
    let ways = "return [...document.querySelectorAll('main input[name=channel]')].map((way) => way.value).join()";
    assert_eq!(browser.script(ways).await, json!("voice,email"), "the outbox costs nothing");
    sound(&browser, "out-of-money").await;
    assert!(poor.seen.lock().unwrap().is_empty());

    // Two numbers of one run are tried, and no code comes back: the third one is paused.
    let contacts = CONTACTS.replacen("sms: \"+60123456789\"", "sms: [\"+60123456789\", \"+60123456787\"]", 1);
    let wary = World::open_with("limits: {pumping: {sequence: 2}}", &contacts).await;
    wary.sign_in(&browser, Customer::Alice).await;
    browser.press(SEND).await;
    browser.find(CODE).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    browser.press("form:has(input[value=sms]):has(input[name=contact][value='1']) button").await;
    browser.see("main", "**87").await;
    browser.until("the second message", async |_| wary.seen.lock().unwrap().len() == 2).await;
    wary.sign_in(&browser, Customer::Bob).await;
    browser.see("[role=alert]", "No codes can be sent to +").await;
    sound(&browser, "paused-nothing-else").await;
}
