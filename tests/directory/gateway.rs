//! A directory behind the real gateway: who is asked, and what becomes of a visitor when it does not answer (D10, I2).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::crm::json;
use crate::support::process::wait_for;
use crate::support::recorder::{Recorder, Then};
use crate::support::{Client, Gateway, NAVIGATION, Upstream};

const DIRECTORY: &str = r#"
      - http: {url: "http://127.0.0.1:{crm}/users/{subject}", pointers: {email: /email, phone: /phone}}
        cache: 0s
      - identity"#;

struct World {
    gateway: Gateway,
    crm: Recorder,
    is_down: Arc<AtomicBool>,
    _upstream: Upstream,
}

impl World {
    fn new() -> Self {
        let is_down = Arc::<AtomicBool>::default();
        let down = Arc::clone(&is_down);
        let crm = Recorder::answering(move |exchange| {
            if down.load(Ordering::SeqCst) {
                return Then::Close;
            }
            let answer = match exchange.heard.target() {
                "/users/alice" => json("200 OK", r#"{"email": "alice@example.com"}"#),
                "/users/bob" => json("200 OK", r#"{"phone": "012-345 6789"}"#),
                _ => json("404 Not Found", "{}"),
            };
            exchange.write(answer);
            Then::Close
        });
        let upstream = Upstream::start();
        let config = crate::config(&DIRECTORY.replace("{crm}", &crm.port.to_string()), upstream.port);
        Self { gateway: Gateway::start(&config, &[]), crm, is_down, _upstream: upstream }
    }

    fn browser(&self, subject: &str) -> Client {
        let mut browser = Client::new("shop.test", self.gateway.port);
        browser.always = vec![("x-user".to_owned(), subject.to_owned())];
        browser
    }

    async fn admin(&self, path: &str) -> crate::support::Answer {
        Client::new("127.0.0.1", self.gateway.admin).call("GET", path, None).await
    }

    async fn code(&self, to: &str) -> String {
        let messages = self.admin("/outbox").await.json();
        let sent = messages.as_array().unwrap().iter().find(|message| message["to"] == to);
        sent.unwrap_or_else(|| panic!("{messages}"))["code"].as_str().unwrap().to_owned()
    }

    async fn directory(&self) -> Value {
        self.admin("/readyz").await.json()["directories"]["shop.test"][0].clone()
    }

    async fn pass(&self, subject: &str, to: &str) -> Client {
        let mut browser = self.browser(subject);
        let parked = browser.get("/account").await;
        let page = browser.get(&parked.location().unwrap()).await;
        let code = self.code(to).await;
        let answer = browser.submit(&page, "/.otpgate/verify", &[("code", &code)]).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        browser
    }
}

#[tokio::test]
async fn codes_go_where_the_directory_says_and_nowhere_while_it_is_down() {
    let world = World::new();
    assert_eq!(world.directory().await["state"], "not asked yet");
    let mut alice = world.pass("alice", "alice@example.com").await;
    world.pass("bob", "+60123456789").await;
    // The second one knows whom the first one does not.
    world.pass("carol@example.com", "carol@example.com").await;
    assert_eq!(world.directory().await["state"], "ok");
    for head in world.crm.heard() {
        assert!(!head.has("cookie") && !head.has("x-user") && !head.has("x-forwarded-for"), "D12: {}", head.head);
    }

    world.is_down.store(true, Ordering::SeqCst);
    for subject in ["bob", "carol@example.com", "nobody"] {
        let mut browser = world.browser(subject);
        let answer = browser.get("/account").await;
        let page = match answer.location() {
            Some(page) => browser.get(&page).await,
            None => answer,
        };
        assert_eq!(page.status, 503, "{subject}: {page:?}");
        assert_eq!(world.browser(subject).send("GET", "/public", NAVIGATION, "").await.status, 200, "I2");
    }
    assert_eq!(alice.get("/account").await.status, 200, "a good grant asks nobody");
    let ready = world.admin("/readyz").await;
    assert_eq!((ready.status, &ready.json()["ready"]), (200, &Value::Bool(true)), "the rest of the site works");
    let told = world.directory().await;
    assert!(told["state"].as_str().unwrap().contains("the connection broke"), "{told}");
    let metrics = world.admin("/metrics").await.body;
    let has = |line: &str| assert!(metrics.contains(line), "{line}:\n{metrics}");
    has(r#"otpgate_directory_up{site="shop.test",directory="http 127.0.0.1"} 0"#);
    has(r#"otpgate_directory_up{site="shop.test",directory="identity"} 1"#);
    has(r#"otpgate_directory_lookups_total{site="shop.test",directory="identity",outcome="found"} "#);

    world.is_down.store(false, Ordering::SeqCst);
    world.pass("bob", "+60123456789").await;
    assert_eq!(world.directory().await["state"], "ok");
    assert!(world.admin("/metrics").await.body.contains(r#"directory="http 127.0.0.1"} 1"#));
}

/// A directory that wants to be told of proved contacts is told, and told again when it did not take it.
#[tokio::test]
async fn a_directory_is_told_of_a_contact_that_was_proved() {
    let refused = Arc::<AtomicBool>::default();
    let once = Arc::clone(&refused);
    let crm = Recorder::answering(move |exchange| {
        let answer = match exchange.heard.method() {
            "PATCH" if !once.swap(true, Ordering::SeqCst) => json("503 Service Unavailable", "{}"),
            "PATCH" => json("200 OK", "{}"),
            _ => json("200 OK", r#"{"email": "alice@example.com"}"#),
        };
        exchange.answer(answer)
    });
    let upstream = Upstream::start();
    let mark = r#"mark: {method: PATCH, url: "http://127.0.0.1:{crm}/users/{subject}", body: '{"proved": "{contact}", "by": "{channel}"}'}"#;
    let directory = DIRECTORY.replace("phone: /phone}}", &format!("phone: /phone}}, {mark}}}"));
    let config = crate::config(&directory.replace("{crm}", &crm.port.to_string()), upstream.port);
    let world = World { gateway: Gateway::start(&config, &[]), crm, is_down: Arc::default(), _upstream: upstream };
    world.pass("alice", "alice@example.com").await;
    let told = || -> Vec<_> { world.crm.heard().into_iter().filter(|heard| heard.method() == "PATCH").collect() };
    wait_for("the mark to be taken", Duration::from_secs(10), || told().len() == 2);
    for heard in told() {
        assert_eq!(heard.target(), "/users/alice");
        let body: Value = serde_json::from_slice(&heard.body).unwrap();
        assert_eq!(body, serde_json::json!({"proved": "alice@example.com", "by": "email"}));
    }
    assert!(!world.gateway.log().contains("alice@example.com"), "I9");
}

/// A mark waits for the directory that knew the contact, wherever it stands in the config by then, and for no other one:
/// not for one in its old place, although both are on one host and called alike.
#[tokio::test]
async fn a_reload_that_moves_directories_tells_no_other_one() {
    let refuses = Arc::new(AtomicBool::new(true));
    let crm = |knows: &'static str| {
        let refuses = Arc::clone(&refuses);
        Recorder::answering(move |exchange| {
            let answer = match (exchange.heard.method(), exchange.heard.target()) {
                ("PATCH", _) if refuses.load(Ordering::SeqCst) => json("503 Service Unavailable", "{}"),
                ("PATCH", _) => json("200 OK", "{}"),
                (_, target) if target == format!("/users/{knows}") => {
                    json("200 OK", &format!("{{\"email\": \"{knows}@example.com\"}}"))
                }
                _ => json("404 Not Found", "{}"),
            };
            exchange.write(answer);
            Then::Close
        })
    };
    let (staff, customers) = (crm("alice"), crm("bob"));
    let entry = |crm: &Recorder| {
        let url = format!("http://127.0.0.1:{}/users/{{subject}}", crm.port);
        format!("\n      - http: {{url: \"{url}\", pointers: {{email: /email}}, mark: {{url: \"{url}\"}}}}")
    };
    let upstream = Upstream::start();
    let port = upstream.port;
    let config =
        |directories: &[&Recorder]| crate::config(&directories.iter().map(|crm| entry(crm)).collect::<String>(), port);
    let gateway = Gateway::start(&config(&[&staff, &customers]), &[]);
    let told = |crm: &Recorder| crm.heard().iter().filter(|heard| heard.method() == "PATCH").count();
    let world = World { gateway, crm: staff, is_down: Arc::default(), _upstream: upstream };
    world.pass("alice", "alice@example.com").await;
    wait_for("the first try", Duration::from_secs(10), || told(&world.crm) == 1);

    // Only the other one is left, in the place of the one that is to be told.
    let reloads = || world.gateway.log().matches("the config was reloaded").count();
    world.gateway.reload(&config(&[&customers]));
    wait_for("the reload", Duration::from_secs(10), || reloads() == 1);
    refuses.store(false, Ordering::SeqCst);
    let is_kept = || world.gateway.log().contains("is not in this gateway's config");
    wait_for("a try under the new config", Duration::from_secs(20), is_kept);
    assert_eq!((told(&world.crm), told(&customers)), (1, 0));

    world.gateway.reload(&config(&[&customers, &world.crm]));
    wait_for("the reload", Duration::from_secs(10), || reloads() == 2);
    wait_for("the mark to be taken", Duration::from_secs(60), || told(&world.crm) == 2);
    assert_eq!(told(&customers), 0);
    assert!(!world.gateway.log().contains("alice@example.com"), "I9");
}
