//! Without its store a gateway lets nobody in and nobody down: protected routes say so, the rest goes on, and it mends
//! itself (I2).

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Answer, Client, Redis};
use crate::world::*;

/// The page that a visitor sees, and the problem that a program does.
fn assert_unavailable_page(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("content-type").unwrap().starts_with("text/html"));
    assert!(answer.header("retry-after").is_some());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.body.contains("<h1"), "{}", answer.body);
}

fn assert_unavailable_json(answer: &Answer) {
    assert_eq!((answer.status, answer.problem().as_str()), (503, "unavailable"), "{answer:?}");
    assert!(answer.header("retry-after").is_some());
    assert!(answer.json()["reference"].is_string());
}

/// A sign-in is told to every gateway, this one too, which then asks the store once more whose the session is. From then
/// on it knows by heart.
async fn be_remembered(browser: &mut Client) {
    pause(Duration::from_millis(1500)).await;
    assert_eq!(browser.get("/account").await.status, 200);
}

/// Redis dies and comes back: 503 on what needs it, bypass and good grants go on, and nothing has to be restarted.
#[tokio::test]
async fn f01_i2_a_lost_redis_closes_what_needs_it_and_comes_back() {
    let mut world = World::with_redis(&Config::default());
    let mut granted = world.signed_in("alice").await;
    world.pass(&mut granted, "/account", ALICE).await;
    let mut waiting = world.signed_in("bob").await;
    let page = challenge_page(&mut waiting, "/account").await;
    let code = world.code(BOB).await;
    let mut carol = world.signed_in("carol").await;
    be_remembered(&mut granted).await;
    let posted = world.upstream.seen().len();

    world.redis.as_mut().unwrap().stop();
    for _ in 0..3 {
        assert_eq!(granted.get("/account").await.body, "GET /account");
        assert_eq!(world.browser().get("/public").await.body, "GET /public");
        assert_eq!(carol.get("/public").await.status, 200);
        assert_eq!(carol.get("/staff/x").await.status, 403);
    }
    assert_unavailable_page(&carol.get("/account").await);
    assert_unavailable_json(&carol.call("GET", "/account", None).await);
    assert_unavailable_page(&post_as(&mut carol, "/account/form", "text/plain", b"x").await);
    assert_unavailable_page(&granted.get("/pay/now").await);
    assert_unavailable_json(&granted.call("POST", "/pay/now", Some(json!({"amount": 5}))).await);
    let typed = type_code(&mut waiting, &page, &code).await;
    assert_unavailable_page(&typed);
    assert!(typed.set_cookie("otpgate_grant").is_none());
    assert_unavailable_json(&waiting.call("POST", "/.otpgate/api/verify", Some(json!({"code": code}))).await);
    assert_unavailable_json(
        &waiting.call("POST", "/.otpgate/api/send", Some(json!({"channel": "email", "contact": 0}))).await,
    );
    assert_unavailable_json(&waiting.call("GET", "/.otpgate/api/challenge", None).await);
    let ready = admin(&world.gateway, "GET", "/readyz", None).await;
    assert_eq!((ready.status, &ready.json()["ready"]), (503, &json!(false)), "{ready:?}");
    assert_eq!(admin(&world.gateway, "GET", "/healthz", None).await.status, 200);
    let protected = world.upstream.seen().split_off(posted).into_iter().filter(|seen| {
        seen.path().starts_with("/pay")
            || seen.path() == "/account/form"
            || seen.header("x-otpgate-subject").is_some_and(|subject| subject != "alice")
    });
    assert_eq!(protected.count(), 0);

    world.redis.as_mut().unwrap().restart();
    within(Duration::from_secs(5), "recovery", async || {
        admin(&world.gateway, "GET", "/readyz", None).await.status == 200
    })
    .await;
    // An empty Redis forgot whose session it was: signing in again, everything works as on the first day.
    sign_in(&mut carol, "bob").await;
    world.pass(&mut carol, "/account", BOB).await;
    assert_eq!(granted.get("/account").await.status, 200);
}

/// A gateway starts without its Redis, serves what needs none, and finds it later.
#[tokio::test]
async fn f01_a_gateway_starts_without_its_redis() {
    let mut redis = Redis::start();
    redis.stop();
    let upstream = crate::support::Upstream::start();
    let config = Config::default();
    let started = Instant::now();
    let gateway = config.start(&redis.url(), &upstream);
    assert!(started.elapsed() < Duration::from_secs(10));
    let mut world = World { gateway, upstream, redis: Some(redis), config };
    assert_eq!(world.browser().get("/public").await.status, 200);
    // The login itself goes through; whom it named could not be kept.
    let mut browser = world.browser();
    browser.post("/login", &[("email", "alice"), ("password", "right")]).await;
    assert!(browser.jar.contains_key("SID"));
    assert_unavailable_page(&browser.get("/account").await);
    world.redis.as_mut().unwrap().restart();
    within(Duration::from_secs(5), "the first connection", async || {
        admin(&world.gateway, "GET", "/readyz", None).await.status == 200
    })
    .await;
    let mut browser = world.signed_in("alice").await;
    world.pass(&mut browser, "/account", ALICE).await;
}

/// A Redis that hangs costs a second, not the site.
#[tokio::test]
async fn f01_a_hanging_redis_costs_about_a_second() {
    let world = World::with_redis(&Config::default());
    let mut granted = world.signed_in("alice").await;
    world.pass(&mut granted, "/account", ALICE).await;
    let mut browser = world.signed_in("bob").await;
    be_remembered(&mut granted).await;
    signal(&world, "STOP");
    let started = Instant::now();
    assert_eq!(granted.get("/account").await.status, 200);
    assert_eq!(browser.get("/public").await.status, 200);
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    let started = Instant::now();
    assert_unavailable_page(&browser.get("/account").await);
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    signal(&world, "CONT");
    within(Duration::from_secs(5), "recovery", async || browser.copy().get("/account").await.status == 303).await;
    world.pass(&mut browser, "/account", BOB).await;
}

fn signal(world: &World, name: &str) {
    let pid = world.redis.as_ref().unwrap().pid().to_string();
    assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
}

/// A Redis that answers, but not as it should: read-only, out of memory, with another password.
#[tokio::test]
async fn f01_a_redis_that_refuses_is_a_redis_that_is_lost() {
    let world = World::with_redis(&Config::default());
    let url = world.redis.as_ref().unwrap().url();
    let mut redis = redis::Client::open(url).unwrap().get_connection().unwrap();
    let mut set = |words: &[&str]| {
        let mut command = redis::cmd(words[0]);
        for word in &words[1..] {
            command.arg(*word);
        }
        command.query::<()>(&mut redis).unwrap();
    };
    let mut browser = world.signed_in("alice").await;
    let ill: [(&[&str], &[&str]); 3] = [
        (&["REPLICAOF", "127.0.0.1", "1"], &["REPLICAOF", "NO", "ONE"]),
        (&["CONFIG", "SET", "maxmemory", "1"], &["CONFIG", "SET", "maxmemory", "0"]),
        (&["CONFIG", "SET", "min-replicas-to-write", "3"], &["CONFIG", "SET", "min-replicas-to-write", "0"]),
    ];
    for (worse, better) in ill {
        set(worse);
        let answer = browser.get("/account").await;
        assert_unavailable_page(&answer);
        assert_eq!(browser.get("/public").await.status, 200);
        set(better);
        within(Duration::from_secs(5), "recovery", async || browser.copy().get("/account").await.status == 303).await;
    }
    let mut browser = world.signed_in("alice").await;
    world.pass(&mut browser, "/account", ALICE).await;
}

/// A flush loses open challenges and lets nobody in. Grants hold, and so does what an operator and the limits have said:
/// the gateway that knows whose a session is, what was revoked and who is locked says it again, to a gateway that comes
/// later, too (C18).
#[tokio::test]
async fn c18_a_flush_lets_nobody_in_and_voids_no_grant_no_revocation_and_no_lock() {
    let world = World::with_redis(&Config { limits: "{failures: {per_subject: 2/1h}}", ..Config::default() });
    let mut revoked = world.signed_in("alice").await;
    world.pass(&mut revoked, "/account", ALICE).await;
    let mut granted = world.signed_in("bob").await;
    world.pass(&mut granted, "/account", BOB).await;
    let mut waiting = world.signed_in("bob").await;
    let page = challenge_page(&mut waiting, "/account/form").await;
    let code = world.code(BOB).await;
    let mut locked = world.signed_in("carol").await;
    let id = api_sent(&mut locked, "/account", "email").await;
    for n in 1..=2 {
        api_verify(&mut locked, &id, &nth_other(&world.code(CAROL).await, n)).await;
    }
    be_remembered(&mut granted).await;
    assert_eq!(admin(&world.gateway, "POST", "/revoke", Some(json!({"subject": "alice"}))).await.status, 200);
    page_address(&revoked.get("/account").await);
    page_address(&locked.get("/account").await);

    let mut redis = redis_at(&world);
    redis::cmd("FLUSHALL").query::<()>(&mut redis).unwrap();
    assert_eq!(granted.get("/account").await.body, "GET /account");
    let lost = type_code(&mut waiting, &page, &code).await;
    assert!(lost.set_cookie("otpgate_grant").is_none(), "{lost:?}");
    assert_ne!(lost.location().as_deref(), Some("/account/form"));

    let later = world.second();
    within(Duration::from_secs(5), "the grant on the new gateway", async || {
        at(&later, &granted).get("/account").await.status == 200
    })
    .await;
    // What was said again: neither gateway takes the revoked proof, or another try of the locked subject.
    // The new gateway hears of it within two seconds (I10).
    for gateway in [&world.gateway, &later] {
        within(Duration::from_secs(2), "the revocation", async || {
            at(gateway, &revoked).get("/account").await.status == 303
        })
        .await;
        let mut carol = at(gateway, &locked);
        let id = api_challenge(&mut carol, "GET", "/account", None).await["id"].clone();
        assert_eq!(api_send(&mut carol, &id, "email").await.problem(), "locked");
    }
    assert_eq!(granted.get("/account").await.status, 200);
}

fn redis_at(world: &World) -> redis::Connection {
    redis::Client::open(world.redis.as_ref().unwrap().url()).unwrap().get_connection().unwrap()
}

/// The memory store loses what it held with its process: open challenges end, and nobody is let in by that.
#[tokio::test]
async fn c18_a_restart_with_the_memory_store_lets_nobody_in() {
    let mut world = World::with_memory(&Config::default());
    let mut browser = world.signed_in("alice").await;
    let page = challenge_page(&mut browser, "/account").await;
    let code = world.code(ALICE).await;
    world.gateway.restart();
    let mut browser = at(&world.gateway, &browser);
    let answer = type_code(&mut browser, &page, &code).await;
    assert!(answer.set_cookie("otpgate_grant").is_none(), "{answer:?}");
    assert_eq!(browser.get("/account").await.location().as_deref(), Some("/login"));
}
