//! What every test here starts from: an application, a gateway in front of it, its store, and the visitors.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Client, Gateway, NAVIGATION, Redis, Upstream};

/// The site's host.
pub const HOST: &str = "shop.test";

pub const ALICE: &str = "alice@example.com";
pub const BOB: &str = "bob@example.com";
pub const CAROL: &str = "carol@example.com";
pub const CAROL_PHONE: &str = "+60123456789";

/// Who has which contacts. Alice and Bob have one each, so their code goes out with the page; Carol has to choose; Dave
/// and Erin share a telephone, and Nobody knows Zoe.
const CONTACTS: &str = r#"
alice: {email: alice@example.com}
bob: {email: bob@example.com}
carol: {email: [carol@example.com, carol@work.example], sms: "+60123456789", voice: "+60123456789"}
dave: {sms: "+14155550101"}
erin: {sms: "+14155550101", voice: "+14155550101"}
"#;

/// A list of domains where anybody has a mailbox for ten minutes.
const DISPOSABLE: &str = "# for ten minutes\nminutes.example\n";

/// The changeable parts of a config: pieces of YAML.
#[derive(Clone)]
pub struct Config {
    /// The `challenge` key.
    pub challenge: &'static str,
    /// The `limits` key.
    pub limits: &'static str,
    /// The site's `identity`, `sign_in` and such.
    pub site: &'static str,
    /// More contacts.
    pub contacts: String,
    /// More routes, before the others.
    pub routes: &'static str,
    /// The site's policy where no route matches.
    pub default_policy: &'static str,
    /// Whole other sites.
    pub sites: &'static str,
    /// What stands under `delivery`.
    pub delivery: String,
    /// More top-level lines.
    pub top: &'static str,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            challenge: "{}",
            limits: "{}",
            site: "identity: {login: {path: /login, field: email, session_cookie: SID, \
                   success: {status: [302, 303], location_not: /login}, logout: /logout}}\n    sign_in: /login",
            contacts: String::new(),
            routes: "",
            default_policy: "bypass",
            sites: "",
            delivery: "  providers: {dev: {type: outbox}}
  email: {providers: dev}
  sms: {providers: dev}
  voice: {providers: dev}"
                .to_owned(),
            top: "",
        }
    }
}

impl Config {
    fn yaml(&self, store: &str, upstream: u16) -> String {
        let Self { challenge, limits, site, routes, default_policy, sites, delivery, top, .. } = self;
        // No test asks the DNS of the machine that it runs on.
        let quiet = if top.contains("risk:") { "" } else { "risk: {points: {no_mail_exchanger: 0}}" };
        let sites = sites.replace("{upstream}", &upstream.to_string());
        format!(
            r#"
listeners: {{address: "127.0.0.1:{{port}}"}}
trusted_proxies: 127.0.0.0/8
store: {store}
secrets: ["{{secret}}"]
policies:
  account: {{channels: [email, sms, voice], max_age: 15m}}
  brief: {{channels: [email, sms, voice], max_age: 4s}}
  phone: {{channels: sms, max_age: 15m}}
  payments: {{channels: [email, sms, voice], max_age: 0s}}
  quiet: {{channels: [email, sms, voice], max_age: 15m, send: on_click}}
  signup: {{channels: sms, contact: {{form: phone}}}}
  signup_each: {{channels: sms, contact: {{form: phone}}, max_age: 0s}}
  mailing: {{channels: email, contact: {{form: email}}}}
  wary: {{channels: email, contact: {{form: email}}, challenge_at: 40}}
  joining: {{channels: [email, sms, voice], contact: {{form: /user/contact}}}}
sites:
  - hosts: {HOST}
    upstream: {{servers: "127.0.0.1:{upstream}"}}
    {site}
    directory: [{{file: contacts.yaml}}]
    default_policy: {default_policy}
    routes:
{routes}
      - {{path: /account/**, policy: account}}
      - {{path: /brief/**, policy: brief}}
      - {{path: /phone/**, policy: phone}}
      - {{path: /pay/**, policy: payments}}
      - {{path: /quiet/**, policy: quiet}}
      - {{path: /staff/**, policy: deny}}
      - {{path: /register/**, policy: signup}}
      - {{path: /order/**, methods: POST, policy: signup_each}}
      - {{path: /subscribe/**, methods: POST, policy: mailing}}
      - {{path: /newsletter/**, methods: POST, policy: wary}}
      - {{path: /join/**, methods: POST, policy: joining}}
{sites}
delivery:
{delivery}
{top}
{quiet}
challenge: {challenge}
limits: {limits}
admin: {{address: "127.0.0.1:{{admin}}"}}
log: {{format: json, level: debug}}
"#
        )
    }

    /// Puts this config in the place of a running gateway's.
    pub fn reload(&self, gateway: &Gateway, store: &str, upstream: &Upstream) {
        gateway.reload(&self.yaml(store, upstream.port));
    }

    pub fn start(&self, store: &str, upstream: &Upstream) -> Gateway {
        self.start_at(store, upstream.port)
    }

    /// The same in front of an application of the test's own.
    pub fn start_at(&self, store: &str, upstream: u16) -> Gateway {
        let contacts = format!("{CONTACTS}{}", self.contacts);
        Gateway::start(&self.yaml(store, upstream), &[("contacts.yaml", &contacts), ("disposable.txt", DISPOSABLE)])
    }
}

/// One gateway, what stands behind it, and its store.
pub struct World {
    pub gateway: Gateway,
    pub upstream: Upstream,
    /// `None` with the memory store.
    pub redis: Option<Redis>,
    pub config: Config,
}

/// Runs a case with the memory store and with a real Redis, at once.
pub async fn for_both(config: Config, case: impl AsyncFn(&mut World)) {
    let (mut memory, mut redis) = (World::with_memory(&config), World::with_redis(&config));
    tokio::join!(case(&mut memory), case(&mut redis));
}

// === impl World ===

impl World {
    pub fn with_memory(config: &Config) -> Self {
        let upstream = Upstream::start();
        Self { gateway: config.start("memory", &upstream), upstream, redis: None, config: config.clone() }
    }

    pub fn with_redis(config: &Config) -> Self {
        let (upstream, redis) = (Upstream::start(), Redis::start());
        Self { gateway: config.start(&redis.url(), &upstream), upstream, redis: Some(redis), config: config.clone() }
    }

    /// Another gateway with the same config, application and Redis.
    pub fn second(&self) -> Gateway {
        self.config.start(&self.redis.as_ref().unwrap().url(), &self.upstream)
    }

    /// A new browser.
    pub fn browser(&self) -> Client {
        Client::new(HOST, self.gateway.port)
    }

    /// A new browser in which the application knows `subject`.
    pub async fn signed_in(&self, subject: &str) -> Client {
        let mut browser = self.browser();
        sign_in(&mut browser, subject).await;
        browser
    }

    /// Every message of the gateway's outbox, oldest first.
    pub async fn messages(&self) -> Vec<Value> {
        messages(&self.gateway).await
    }

    /// The codes that went to a contact, oldest first.
    pub async fn codes(&self, to: &str) -> Vec<String> {
        codes(&self.gateway, to).await
    }

    /// The last code that went to a contact.
    pub async fn code(&self, to: &str) -> String {
        self.codes(to).await.pop().unwrap_or_else(|| panic!("no code went to {to}"))
    }

    /// Opens a protected page and types the code that goes to `to`; gives what the application then answered.
    pub async fn pass(&self, browser: &mut Client, path: &str, to: &str) -> Answer {
        let page = challenge_page(browser, path).await;
        let code = self.code(to).await;
        let answer = type_code(browser, &page, &code).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        browser.follow(answer).await
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- with {} ---", self.redis.as_ref().map_or("the memory store", |_| "Redis"));
        }
    }
}

/// The same browser at another gateway, or at one that was started again: on a connection of its own.
pub fn at(gateway: &Gateway, browser: &Client) -> Client {
    let mut there = Client::new(HOST, gateway.port);
    there.jar.clone_from(&browser.jar);
    there
}

/// The admin listener's answer.
pub async fn admin(gateway: &Gateway, method: &str, path: &str, body: Option<Value>) -> Answer {
    Client::new("127.0.0.1", gateway.admin).call(method, path, body).await
}

pub async fn messages(gateway: &Gateway) -> Vec<Value> {
    let answer = admin(gateway, "GET", "/outbox", None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut messages = answer.json().as_array().unwrap().clone();
    messages.reverse();
    messages
}

pub async fn codes(gateway: &Gateway, to: &str) -> Vec<String> {
    let messages = messages(gateway).await;
    messages
        .iter()
        .filter(|message| message["to"] == to)
        .map(|message| message["code"].as_str().unwrap().to_owned())
        .collect()
}

/// Signs in to the application, through the gateway, as to no gateway at all.
pub async fn sign_in(browser: &mut Client, subject: &str) {
    let answer = browser.post("/login", &[("email", subject), ("password", "right")]).await;
    assert_eq!(answer.location().as_deref(), Some("/home"), "{answer:?}");
}

/// Opens a protected page, is sent to the code page, and opens that.
pub async fn challenge_page(browser: &mut Client, path: &str) -> Answer {
    let answer = browser.get(path).await;
    page_of(browser, &answer).await
}

/// Follows a 303 to the code page.
pub async fn page_of(browser: &mut Client, answer: &Answer) -> Answer {
    let page = browser.get(&page_address(answer)).await;
    assert_eq!(page.status, 200, "{page:?}");
    page
}

/// The address of the code page in a 303.
pub fn page_address(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{answer:?}");
    let location = answer.location().unwrap();
    assert!(location.starts_with("/.otpgate/challenge?id="), "{location}");
    location
}

/// The id of the challenge in the address of its page.
pub fn id_of(address: &str) -> String {
    address.split_once("id=").unwrap().1.to_owned()
}

/// Types a code on a code page.
pub async fn type_code(browser: &mut Client, page: &Answer, code: &str) -> Answer {
    browser.submit(page, "/.otpgate/verify", &[("code", code)]).await
}

/// A code that is not `code`.
pub fn other_code(code: &str) -> String {
    nth_other(code, 1)
}

/// The `n`th code after `code`.
pub fn nth_other(code: &str, n: u64) -> String {
    let width = code.len();
    let number: u64 = code.parse().unwrap();
    format!("{:0width$}", (number + n) % 10_u64.pow(u32::try_from(width).unwrap()))
}

/// A protected request of an API client: gives the `challenge` object of the 401.
pub async fn api_challenge(client: &mut Client, method: &str, path: &str, body: Option<Value>) -> Value {
    let answer = client.call(method, path, body).await;
    assert_eq!((answer.status, answer.problem().as_str()), (401, "step-up-required"), "{answer:?}");
    answer.json()["challenge"].clone()
}

/// Asks for a code by JSON.
pub async fn api_send(client: &mut Client, id: &Value, channel: &str) -> Answer {
    let body = json!({"id": id, "channel": channel, "contact": 0});
    client.call("POST", "/.otpgate/api/send", Some(body)).await
}

/// Answers by JSON.
pub async fn api_verify(client: &mut Client, id: &Value, code: &str) -> Answer {
    client.call("POST", "/.otpgate/api/verify", Some(json!({"id": id, "code": code}))).await
}

/// Where a challenge stands, by JSON.
pub async fn api_state(client: &mut Client, id: &Value) -> Value {
    let answer = client.call("GET", &format!("/.otpgate/api/challenge?id={}", id.as_str().unwrap()), None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Opens a challenge by JSON and has its code sent; gives its id.
pub async fn api_sent(client: &mut Client, path: &str, channel: &str) -> Value {
    let id = api_challenge(client, "GET", path, None).await["id"].clone();
    let answer = api_send(client, &id, channel).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    id
}

/// The outcome of an answer by JSON: `passed`, or the problem's type.
pub fn outcome(answer: &Answer) -> String {
    match answer.status {
        200 => {
            assert_eq!(answer.json()["passed"], true);
            "passed".to_owned()
        }
        _ => answer.problem(),
    }
}

/// Posts a body as a page of the site itself does.
pub async fn post_as(browser: &mut Client, path: &str, kind: &str, body: &[u8]) -> Answer {
    let origin = browser.base.clone();
    let mut headers = NAVIGATION.to_vec();
    headers.extend([("content-type", kind), ("origin", origin.as_str())]);
    browser.send("POST", path, &headers, body.to_vec()).await
}

/// Lets time pass: only where the gateway's own clock is what is tested.
pub async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Waits until `check` holds, and fails when it does not within `limit`.
pub async fn within(limit: Duration, what: &str, check: impl AsyncFn() -> bool) {
    let started = tokio::time::Instant::now();
    while !check().await {
        assert!(started.elapsed() < limit, "{what} took longer than {limit:?}");
        pause(Duration::from_millis(25)).await;
    }
}
