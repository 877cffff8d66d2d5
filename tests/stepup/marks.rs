//! Who is told of a contact that a visitor proved: the site's webhook, whatever becomes of the gateway that took the code.
//!
//! How it goes on as time passes is told with a clock that stands still, in `tests/portal/marks.rs`.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use otpgate::stepup::{SiteSpec, Teller};
use otpgate::words::{Channel, Clock as _, SendWhen};
use serde_json::Value;

use crate::conductor;
use crate::crm::{Crm, plain};
use crate::support::recorder::{Heard, Recorder};
use crate::support::{Gateway, Redis, free_port};
use crate::world::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A server of the test's own that answers every webhook with what `status` is at the moment.
struct Hook {
    server: Recorder,
    status: Arc<AtomicU16>,
}

impl Hook {
    fn answering(status: u16) -> Self {
        Self::at(0, status)
    }

    fn at(port: u16, status: u16) -> Self {
        let status = Arc::new(AtomicU16::new(status));
        let answers = Arc::clone(&status);
        let server = Recorder::answering_at(port, move |exchange| {
            let status = answers.load(Ordering::SeqCst);
            exchange.answer(format!("HTTP/1.1 {status} So\r\nContent-Length: 0\r\n\r\n"))
        });
        Self { server, status }
    }

    fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// What it heard, once these are as many.
    async fn heard(&self, count: usize) -> Vec<Heard> {
        within(Duration::from_secs(20), "the webhook", async || self.server.heard().len() >= count).await;
        self.server.heard()
    }
}

/// A config whose site tells a webhook on this port.
fn telling(port: u16) -> Config {
    let site = Config::default().site;
    let verified = format!("verified: {{webhook: \"http://127.0.0.1:{port}/hook\", secret: \"{SECRET}\"}}");
    Config { site: Box::leak(format!("{site}\n    {verified}").into_boxed_str()), ..Config::default() }
}

/// The README's own verifier: what was told, or why it is not believed.
fn verify(secret: &str, heard: &Heard) -> Result<Value, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let program = readme.split("```python\n").skip(1).find_map(|block| {
        let block = block.split("\n```").next()?;
        block.contains("webhook-signature").then(|| block.to_owned())
    });
    let program = program.expect("the README shows how a webhook is verified");
    let program = format!(
        "{program}\nimport sys\nheaders = json.loads(sys.argv[1])\n\
         print(json.dumps(verified(headers, sys.argv[2].encode(), sys.argv[3])))\n"
    );
    let headers: serde_json::Map<String, Value> =
        heard.headers().into_iter().map(|(name, value)| (name.to_lowercase(), value.into())).collect();
    let body = String::from_utf8(heard.body.clone()).unwrap();
    let output = Command::new("python3")
        .args(["-c", &program, &Value::Object(headers).to_string(), &body, secret])
        .output()
        .expect("python3 is needed: `make test` installs it");
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned())
    }
}

async fn metric(gateway: &Gateway, outcome: &str) -> u64 {
    let line = format!("otpgate_marks_total{{site=\"{HOST}\",to=\"webhook\",outcome=\"{outcome}\"}} ");
    let metrics = admin(gateway, "GET", "/metrics", None).await.body;
    metrics.lines().find_map(|found| found.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
}

async fn redis(redis: &Redis) -> ::redis::aio::MultiplexedConnection {
    ::redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
}

/// What was proved is told, signed, and told again with the same id and a fresh signature until it is taken.
#[tokio::test]
async fn a_proved_contact_is_told_signed_until_it_is_taken() {
    let (one, other) = (Hook::answering(500), Hook::answering(500));
    let (memory, redis) =
        (World::with_memory(&telling(one.server.port)), World::with_redis(&telling(other.server.port)));
    tokio::join!(told_until_it_is_taken(&memory, &one), told_until_it_is_taken(&redis, &other));
}

async fn told_until_it_is_taken(world: &World, hook: &Hook) {
    let mut browser = world.signed_in("alice").await;
    assert_eq!(world.pass(&mut browser, "/account", ALICE).await.status, 200);
    within(Duration::from_secs(20), "the first try", async || metric(&world.gateway, "later").await > 0).await;
    hook.answer(204);
    within(Duration::from_secs(20), "the webhook", async || metric(&world.gateway, "taken").await == 1).await;
    assert_eq!(metric(&world.gateway, "dropped").await, 0);
    let log = world.gateway.log();
    assert!(!log.contains(ALICE) && !log.contains(SECRET) && !log.contains("/hook"), "I9");

    let heard = hook.server.heard();
    let (first, last) = (heard.first().unwrap(), heard.last().unwrap());
    assert_eq!((first.method(), first.target()), ("POST", "/hook"));
    assert_eq!(first.value("content-type"), Some("application/json"));
    for each in &heard {
        let told = verify(SECRET, each).unwrap();
        assert_eq!(told["type"], "contact.verified");
        let data = &told["data"];
        assert_eq!((&data["site"], &data["subject"]), (&HOST.into(), &"alice".into()));
        assert_eq!((&data["contact"], &data["channel"]), (&ALICE.into(), &"email".into()));
        assert_eq!(data["id"], each.value("webhook-id").unwrap());
        assert_eq!((&told["timestamp"], data.get("account")), (&data["verified_at"], None));
        let at = humantime::parse_rfc3339(data["verified_at"].as_str().unwrap()).unwrap();
        assert!(at.elapsed().unwrap() < Duration::from_secs(120));
        assert!(!each.has("cookie") && !each.has("x-forwarded-for"), "D12: {}", each.head);
    }
    assert!(heard.len() >= 2);
    assert_eq!(first.value("webhook-id"), last.value("webhook-id"), "the same on every try");
    assert_ne!(first.value("webhook-timestamp"), last.value("webhook-timestamp"), "a fresh one on every try");

    // Who cannot prove it is not believed: another secret, another body, another id, and what is too old.
    let refused = |secret: &str, heard: &Heard| assert!(verify(secret, heard).is_err());
    refused("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx", last);
    refused("another secret, long enough for one", last);
    refused(
        SECRET,
        &Heard { body: String::from_utf8(last.body.clone()).unwrap().replace("alice", "mallo").into(), ..last.clone() },
    );
    refused(
        SECRET,
        &Heard { head: last.head.replace(last.value("webhook-id").unwrap(), "AAAAAAAAAAAAAAAAAAAAAA"), ..last.clone() },
    );
    let at = last.value("webhook-timestamp").unwrap().to_owned();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!(now.abs_diff(at.parse().unwrap()) < 120);
    refused(SECRET, &Heard { head: last.head.replace(&at, &(now - 600).to_string()), ..last.clone() });
    refused(SECRET, &Heard { head: last.head.replace("v1,", "v2,"), ..last.clone() });
}

/// Each transfer that is confirmed proves the contact anew; what a visitor typed is vouched for by nobody.
#[tokio::test]
async fn confirmations_are_told_and_typed_contacts_are_not() {
    let hook = Hook::answering(200);
    let contacts = "frank: {id: \"4711\", email: frank@example.com}\n".to_owned();
    let world = World::with_memory(&Config { contacts, ..telling(hook.server.port) });
    let mut alice = world.signed_in("alice").await;
    world.pass(&mut alice, "/pay/1", ALICE).await;
    hook.heard(1).await;
    let mut visitor = world.browser();
    let answer = visitor.post("/register", &[("phone", "+60129876543")]).await;
    let page = page_of(&mut visitor, &answer).await;
    let code = world.code("+60129876543").await;
    assert_eq!(type_code(&mut visitor, &page, &code).await.status, 303);
    // Whatever was told of the form is told before this.
    world.pass(&mut alice, "/pay/2", ALICE).await;
    hook.heard(2).await;
    let mut frank = world.signed_in("frank").await;
    world.pass(&mut frank, "/account", "frank@example.com").await;
    let heard = hook.heard(3).await;
    let subjects: Vec<Value> =
        heard.iter().map(|each| verify(SECRET, each).unwrap()["data"]["subject"].clone()).collect();
    assert_eq!(subjects, ["alice", "alice", "frank"]);
    assert_eq!(verify(SECRET, &heard[2]).unwrap()["data"]["account"], "4711");
}

/// The gateway that took the code is killed before the webhook is back: another one tells it, once.
#[tokio::test]
async fn a_killed_gateway_loses_no_mark() {
    let port = free_port();
    let config = telling(port);
    let mut world = World::with_redis(&config);
    let mut browser = world.signed_in("alice").await;
    world.pass(&mut browser, "/account", ALICE).await;
    let mut connection = redis(world.redis.as_ref().unwrap()).await;
    within(Duration::from_secs(10), "the mark in the queue", async || {
        let queued: u64 =
            ::redis::cmd("ZCARD").arg("otpgate:{*marks}:queue").query_async(&mut connection.clone()).await.unwrap();
        queued == 1
    })
    .await;
    within(Duration::from_secs(10), "a try", async || metric(&world.gateway, "later").await >= 1).await;
    world.gateway.signal("KILL");
    assert!(world.gateway.ended(Duration::from_secs(10)).is_some());

    // I9: nothing that waits shows whose it is.
    let keys: Vec<String> =
        ::redis::cmd("KEYS").arg("otpgate:{\\*marks}:k:*").query_async(&mut connection).await.unwrap();
    assert_eq!(keys.len(), 1);
    let kept: Vec<Vec<u8>> = ::redis::cmd("HVALS").arg(&keys[0]).query_async(&mut connection).await.unwrap();
    let kept = String::from_utf8_lossy(&kept.concat()).into_owned();
    assert!(!kept.contains("alice") && !kept.contains(HOST), "{kept}");

    let other = world.second();
    let hook = Hook::at(port, 204);
    // Should it have been killed while it told, its lease has to run out.
    within(Duration::from_secs(90), "the webhook", async || metric(&other, "taken").await == 1).await;
    let heard = hook.server.heard();
    assert_eq!(heard.len(), 1, "exactly once");
    assert_eq!(verify(SECRET, &heard[0]).unwrap()["data"]["contact"], ALICE);
    let left: u64 = ::redis::cmd("ZCARD").arg("otpgate:{*marks}:queue").query_async(&mut connection).await.unwrap();
    assert_eq!(left, 0);
}

/// A gateway that stops gives back what it is just telling: another one need not wait for its lease.
#[tokio::test]
async fn a_stopping_gateway_gives_back_what_it_holds() {
    // Takes connections, and answers nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = telling(silent.local_addr().unwrap().port());
    let mut world = World::with_redis(&config);
    let mut browser = world.signed_in("alice").await;
    world.pass(&mut browser, "/account", ALICE).await;
    silent.accept().unwrap();
    world.gateway.signal("INT");
    assert!(world.gateway.ended(Duration::from_secs(20)).is_some());
    let hook = Hook::answering(204);
    let other = telling(hook.server.port).start(&world.redis.as_ref().unwrap().url(), &world.upstream);
    within(Duration::from_secs(15), "the webhook", async || metric(&other, "taken").await == 1).await;
    assert_eq!(hook.server.heard().len(), 1);
}

/// The visitor passes though the store takes no mark; it is queued as soon as the store does.
#[tokio::test]
async fn a_store_that_takes_no_mark_stops_nobody() {
    let hook = Hook::answering(204);
    let world = World::with_redis(&telling(hook.server.port));
    let mut connection = redis(world.redis.as_ref().unwrap()).await;
    let queue = "otpgate:{*marks}:queue";
    let () = ::redis::cmd("SET").arg(queue).arg("no queue").query_async(&mut connection).await.unwrap();
    let mut browser = world.signed_in("alice").await;
    assert_eq!(world.pass(&mut browser, "/account", ALICE).await.status, 200);
    within(Duration::from_secs(10), "the warning", async || world.gateway.log().contains("could not be queued yet"))
        .await;
    assert_eq!(hook.server.heard().len(), 0);
    let () = ::redis::cmd("DEL").arg(queue).query_async(&mut connection).await.unwrap();
    assert_eq!(hook.heard(1).await.len(), 1);
}

/// What is not told any more stands under the visitor's reference, and says nothing of whom.
#[tokio::test]
async fn a_mark_that_is_dropped_is_an_event() {
    let hook = Hook::answering(410);
    let world = World::with_redis(&telling(hook.server.port));
    let mut browser = world.signed_in("alice").await;
    let answer = browser.call("GET", "/account", None).await;
    let (reference, id) = (answer.json()["reference"].as_str().unwrap().to_owned(), &answer.json()["challenge"]["id"]);
    api_send(&mut browser, id, "email").await;
    let code = world.code(ALICE).await;
    assert_eq!(outcome(&api_verify(&mut browser, id, &code).await), "passed");
    within(Duration::from_secs(10), "the drop", async || metric(&world.gateway, "dropped").await == 1).await;
    let told = async || String::from_utf8(world.gateway.command(&["lookup", &reference]).stdout).unwrap();
    within(Duration::from_secs(10), "the event", async || told().await.contains("gave up telling")).await;
    let told = told().await;
    assert!(told.contains("webhook") && told.contains("410 Gone") && !told.contains(ALICE), "{told}");
}

/// A queue that is full keeps nobody from passing either.
#[tokio::test]
async fn a_full_queue_stops_nobody() {
    let hook = Hook::answering(204);
    let world = World::with_redis(&telling(hook.server.port));
    let mut connection = redis(world.redis.as_ref().unwrap()).await;
    let fill = "for i = 1, 100000 do redis.call('ZADD', KEYS[1], 1e15, i) end redis.call('PEXPIRE', KEYS[1], 600000)";
    let mut fill_it = ::redis::cmd("EVAL");
    fill_it.arg(fill).arg(1).arg("otpgate:{*marks}:queue");
    let mut slow = ::redis::AsyncConnectionConfig::new().set_response_timeout(None);
    slow = slow.set_connection_timeout(None);
    let client = ::redis::Client::open(world.redis.as_ref().unwrap().url()).unwrap();
    let mut filling = client.get_multiplexed_async_connection_with_config(&slow).await.unwrap();
    let () = fill_it.query_async(&mut filling).await.unwrap();
    let mut browser = world.signed_in("alice").await;
    assert_eq!(world.pass(&mut browser, "/account", ALICE).await.status, 200);
    within(Duration::from_secs(10), "the drop", async || metric(&world.gateway, "dropped").await == 1).await;
    assert!(world.gateway.log().contains("too many marks wait already"));
    let () = ::redis::cmd("DEL").arg("otpgate:{*marks}:queue").query_async(&mut connection).await.unwrap();
    world.pass(&mut browser, "/pay/1", ALICE).await;
    assert_eq!(hook.heard(1).await.len(), 1);
}

/// What a directory is told last is the newest: an older proof that waited does not come after it.
#[tokio::test]
async fn a_directory_hears_of_the_newest_proof() {
    let crm = Arc::new(Crm::default());
    crm.takes_marks.store(true, Ordering::SeqCst);
    crm.set("alice", vec![plain(Channel::Email, ALICE)]);
    let routes = vec![conductor::route(
        "/account/**",
        conductor::step_up("account", &[Channel::Email], 900, SendWhen::OnArrival),
    )];
    let site = conductor::site(conductor::SHOP, "Example Shop", routes, vec![conductor::by_header()]);
    let sites = Some(vec![SiteSpec { directories: crm.listed(None), ..site }]);
    let world = conductor::World::with(conductor::Rules { sites, ..conductor::Rules::default() });
    let mut teller = Teller::new(Arc::new(ArcSwap::new(Arc::clone(&world.gateway))));
    let line = format!("otpgate_marks_total{{site=\"{}\",to=\"crm\",outcome=\"later\"}} ", conductor::SHOP);
    let tries = || {
        let metrics = world.gateway.shared().audit.metrics.encode();
        metrics.lines().find_map(|found| found.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
    };
    for proof in 1..=2 {
        world.clock.advance(Duration::from_secs(24 * 60 * 60));
        let mut browser = world.signed_in("alice");
        let page = browser.open("/account").await;
        crm.down(true);
        assert_eq!(browser.type_code(&page, &world.code()).await.status, 303);
        let started = std::time::Instant::now();
        while tries() < proof {
            assert!(started.elapsed() < Duration::from_secs(10), "a try");
            teller.round().await;
            teller.settle().await;
            pause(Duration::from_millis(10)).await;
        }
        crm.down(false);
    }
    let newest = world.clock.now();
    for _ in 0..10 {
        world.clock.advance(Duration::from_secs(60 * 60));
        teller.round().await;
        teller.settle().await;
    }
    assert_eq!((crm.told.load(Ordering::SeqCst), crm.verified_at("alice")), (1, vec![Some(newest)]));
}
