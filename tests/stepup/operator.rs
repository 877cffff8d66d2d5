//! What an operator does holds everywhere: revocations, unlocks and logouts on every gateway (I10), and a reference tells
//! its story.

use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};

use crate::world::*;

/// The time within which every gateway must know (I10).
const SOON: Duration = Duration::from_secs(2);

/// A grant of one gateway is good on the other, and void on both within two seconds of a revocation on either.
#[tokio::test]
async fn i10_a_revocation_holds_on_every_gateway() {
    let world = World::with_redis(&Config::default());
    let other = world.second();
    let mut browser = world.signed_in("alice").await;
    world.pass(&mut browser, "/account", ALICE).await;
    let mut bob = world.signed_in("bob").await;
    world.pass(&mut bob, "/account", BOB).await;
    let mut there = at(&other, &browser);
    assert_eq!(there.get("/account").await.status, 200);

    let answer = admin(&other, "POST", "/revoke", Some(json!({"subject": "alice"}))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    page_address(&there.get("/account").await);
    within(SOON, "the revocation", async || browser.copy().get("/account").await.status == 303).await;
    assert_eq!(bob.get("/account").await.status, 200);
    // It is no ban: a new code is a new proof.
    pause(Duration::from_millis(1100)).await;
    world.pass(&mut browser, "/account", ALICE).await;
    assert_eq!(at(&other, &browser).get("/account").await.status, 200);
}

/// One memory store, one gateway: the same.
#[tokio::test]
async fn c02_a_revoked_grant_is_void_at_once() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        world.pass(&mut browser, "/account", ALICE).await;
        let stolen = browser.copy();
        let elsewhere =
            admin(&world.gateway, "POST", "/revoke", Some(json!({"subject": "alice", "site": "nowhere.test"}))).await;
        assert!(elsewhere.status >= 200);
        assert_eq!(browser.get("/account").await.status, 200);
        admin(&world.gateway, "POST", "/revoke", Some(json!({"subject": "alice", "site": HOST}))).await;
        page_address(&browser.get("/account").await);
        page_address(&stolen.copy().get("/account").await);
    })
    .await;
}

/// A logout ends the grant's every copy on every gateway; another browser of the subject keeps its own.
#[tokio::test]
async fn i10_c02_a_logout_holds_on_every_gateway() {
    let world = World::with_redis(&Config::default());
    let other = world.second();
    let mut browser = world.signed_in("alice").await;
    world.pass(&mut browser, "/account", ALICE).await;
    let mut second_browser = world.signed_in("alice").await;
    world.pass(&mut second_browser, "/account", ALICE).await;
    let stolen = at(&other, &browser);
    assert_eq!(stolen.copy().get("/account").await.status, 200);
    browser.post("/.otpgate/logout", &[]).await;
    within(SOON, "the logout", async || stolen.copy().get("/account").await.status == 303).await;
    assert_eq!(at(&other, &second_browser).get("/account").await.status, 200);
}

/// The application's own sign-in, logout and change of user are known on the other gateway at once.
#[tokio::test]
async fn i10_logins_and_logouts_of_the_application_hold_on_every_gateway() {
    let world = World::with_redis(&Config::default());
    let other = world.second();
    let mut browser = world.signed_in("alice").await;
    world.pass(&mut browser, "/account", ALICE).await;
    let old = at(&other, &browser);
    assert_eq!(old.copy().get("/account").await.status, 200);
    browser.get("/logout").await;
    within(SOON, "the application's logout", async || {
        old.copy().get("/account").await.location().as_deref() == Some("/login")
    })
    .await;
    sign_in(&mut browser, "alice").await;
    assert_eq!(at(&other, &browser).get("/account").await.status, 200);
}

/// A challenge is opened on one gateway, sent and answered on others; tries are counted over all of them.
#[tokio::test]
async fn i4_two_gateways_count_as_one() {
    let world = World::with_redis(&Config { challenge: "{tries: 3}", ..Config::default() });
    let other = world.second();
    let mut browser = world.signed_in("alice").await;
    let id = api_challenge(&mut browser, "GET", "/account", None).await["id"].clone();
    let mut there = at(&other, &browser);
    assert_eq!(api_send(&mut there, &id, "email").await.status, 202);
    let code = codes(&other, ALICE).await.pop().unwrap();
    assert_eq!(api_verify(&mut browser, &id, &nth_other(&code, 1)).await.json()["tries_left"], 2);
    assert_eq!(api_verify(&mut there, &id, &nth_other(&code, 2)).await.json()["tries_left"], 1);
    assert_eq!(api_verify(&mut browser, &id, &nth_other(&code, 3)).await.problem(), "locked");
    assert_eq!(api_verify(&mut there, &id, &code).await.problem(), "locked");
}

/// A lock holds on every gateway, and so does its end.
#[tokio::test]
async fn i10_an_unlock_holds_on_every_gateway() {
    let world = World::with_redis(&Config { limits: "{failures: {per_subject: 3/1h}}", ..Config::default() });
    let other = world.second();
    let mut browser = world.signed_in("alice").await;
    let id = api_sent(&mut browser, "/account", "email").await;
    let code = world.code(ALICE).await;
    for n in 1..=3 {
        api_verify(&mut browser, &id, &nth_other(&code, n)).await;
    }
    let mut there = at(&other, &browser);
    assert_eq!(api_verify(&mut there, &id, &code).await.problem(), "locked");
    let unlocked = admin(&other, "POST", "/unlock", Some(json!({"subject": "alice"}))).await;
    assert_eq!(unlocked.status, 200, "{unlocked:?}");
    let mut browser = world.signed_in("alice").await;
    world.pass(&mut browser, "/account", ALICE).await;
}

/// 100 failures in a row lock until an operator unlocks; here three, in windows that are long over.
#[tokio::test]
async fn o08_consecutive_failures_lock_until_an_operator_unlocks() {
    let limits = "{failures: {per_subject: 50/1s, consecutive: 3}}";
    for_both(Config { limits, ..Config::default() }, async |world| {
        let mut browser = world.signed_in("alice").await;
        let id = api_sent(&mut browser, "/account", "email").await;
        let code = world.code(ALICE).await;
        for n in 1..=3 {
            api_verify(&mut browser, &id, &nth_other(&code, n)).await;
        }
        pause(Duration::from_millis(1200)).await;
        assert_eq!(api_verify(&mut browser, &id, &code).await.problem(), "locked");
        let mut again = world.signed_in("alice").await;
        let id = api_challenge(&mut again, "GET", "/account", None).await["id"].clone();
        assert_eq!(api_send(&mut again, &id, "email").await.problem(), "locked");
        admin(&world.gateway, "POST", "/unlock", Some(json!({"subject": "alice"}))).await;
        world.pass(&mut again, "/account", ALICE).await;
    })
    .await;
}

/// The reference on a visitor's page tells the whole story: opened, sent, wrong, passed; and no secret with it.
#[tokio::test]
async fn a_reference_tells_its_story() {
    for_both(Config::default(), async |world| {
        let mut client = world.signed_in("alice").await;
        let answer = client.call("GET", "/account?token=private", None).await;
        let reference = answer.json()["reference"].as_str().unwrap().to_owned();
        let id = answer.json()["challenge"]["id"].clone();
        let page = client.get(&format!("/.otpgate/challenge?id={}", id.as_str().unwrap())).await;
        api_send(&mut client, &id, "email").await;
        let code = world.code(ALICE).await;
        let wrong = api_verify(&mut client, &id, &other_code(&code)).await;
        api_verify(&mut client, &id, &code).await;
        assert_eq!(wrong.json()["reference"], reference.as_str());
        assert!(page.body.contains(&reference), "{}", page.body);

        let answer = admin(&world.gateway, "GET", &format!("/lookup/{reference}"), None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let places: Vec<_> = ["opened", "sent", "wrong_code", "passed"]
            .map(|kind| answer.body.find(kind).unwrap_or_else(|| panic!("no {kind} in {}", answer.body)))
            .to_vec();
        assert!(places.is_sorted(), "{}", answer.body);
        for secret in [code.as_str(), ALICE, "private", &client.jar["otpgate_grant"]] {
            assert!(!answer.body.contains(secret), "{secret} in {}", answer.body);
        }
        let told = world.gateway.command(&["lookup", &reference]);
        let text = said(&told);
        assert!(text.contains("wrong code") && text.contains("What to do next"), "{text}");
        // Typed as it is read out: in small letters.
        let told = world.gateway.command(&["lookup", &reference.to_lowercase()]);
        assert!(said(&told).contains("wrong code"));
        let unknown = admin(&world.gateway, "GET", "/lookup/ZZZZ-ZZZZ", None).await;
        assert!(unknown.status == 404 || unknown.body.contains("[]"), "{unknown:?}");
    })
    .await;
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The commands do what the admin listener does.
#[tokio::test]
async fn the_commands_revoke_and_unlock() {
    for_both(Config { limits: "{failures: {per_subject: 2/1h}}", ..Config::default() }, async |world| {
        let mut browser = world.signed_in("alice").await;
        world.pass(&mut browser, "/account", ALICE).await;
        assert!(world.gateway.command(&["revoke", "--subject", "alice"]).status.success());
        page_address(&browser.get("/account").await);

        let mut bob = world.signed_in("bob").await;
        let id = api_sent(&mut bob, "/account", "email").await;
        let code = world.code(BOB).await;
        for n in 1..=2 {
            api_verify(&mut bob, &id, &nth_other(&code, n)).await;
        }
        assert_eq!(api_verify(&mut bob, &id, &code).await.problem(), "locked");
        assert!(world.gateway.command(&["unlock", "--subject", "bob", "--site", HOST]).status.success());
        let mut bob = world.signed_in("bob").await;
        world.pass(&mut bob, "/account", BOB).await;
    })
    .await;
}

/// Everything that the log says of a challenge is under one reference and masked.
#[tokio::test]
async fn the_log_tells_the_same_story() {
    for_both(Config::default(), async |world| {
        let mut client = world.signed_in("alice").await;
        let answer = client.call("GET", "/account", None).await;
        let reference = answer.json()["reference"].as_str().unwrap().to_owned();
        let id = answer.json()["challenge"]["id"].clone();
        api_send(&mut client, &id, "email").await;
        api_verify(&mut client, &id, &world.code(ALICE).await).await;
        let log = world.gateway.log();
        let lines: Vec<Value> = log
            .lines()
            .filter(|line| line.contains(&reference))
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
            .collect();
        for kind in ["opened", "sent", "passed"] {
            assert!(
                lines.iter().any(|line| line.to_string().contains(&format!("\"kind\":\"{kind}\""))),
                "{kind}: {lines:?}"
            );
        }
    })
    .await;
}
