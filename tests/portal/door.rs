//! What is told instead of the application's answer: a page to a navigation, a problem to a program, little to the rest.

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use otpgate::portal::Asker;
use otpgate::request::Refused;
use otpgate::words::Reference;
use serde_json::Value;

use crate::world::{Answer, Rules, VAULT, World};

/// Refused, unsigned, too large, crowded: to each in its own form.
#[tokio::test]
async fn every_ruling_is_told_in_the_askers_form() {
    let world = World::new();
    let mut alice = world.signed_in("alice");
    let page = alice.get("/staff/x").await;
    assert_eq!(page.status, 403);
    assert!(page.text().contains("This is not open to you"));
    assert_eq!(alice.call("GET", "/staff/x", Value::Null).await.problem(), "refused");
    let head = alice.send("HEAD", "/staff/x", &[("accept", "text/html")], "").await;
    assert_eq!((head.status, head.body.as_str()), (403, ""));

    let large = alice.post("/account/note", &"x".repeat(64 * 1024 + 1)).await;
    assert_eq!(large.status, 413);
    assert!(large.text().contains("more than 64 KiB") && large.text().contains("Nothing was sent"), "{}", large.text());
    assert_eq!(world.messages(), 0, "told before a code is asked for (R16)");

    let mut nobody = world.visitor(crate::world::SHOP);
    assert_eq!(nobody.get("/account").await.location().as_deref(), Some("/login"));
    let told = nobody.call("GET", "/account", Value::Null).await;
    assert_eq!((told.status, told.problem().as_str()), (401, "sign-in-required"));
    assert!(told.header("set-cookie").is_empty());
    let mut nobody = world.visitor(VAULT);
    let told = nobody.get("/").await;
    assert_eq!(told.status, 401);
    assert!(told.text().contains("Sign in first"));

    for headers in [
        &[("sec-fetch-dest", "image"), ("sec-fetch-mode", "no-cors")][..],
        &[("upgrade", "websocket"), ("connection", "upgrade")],
    ] {
        let plain = alice.send("GET", "/account/picture", headers, "").await;
        assert_eq!((plain.status, plain.body.as_str()), (401, "A code is needed.\n"));
        assert_eq!(plain.header("cache-control"), "no-store");
        assert!(plain.header("set-cookie").is_empty());
    }
}

/// R13: what waits is bounded, and who comes too late is told.
#[tokio::test]
async fn too_much_that_waits_is_told() {
    let world = World::with(Rules { budget: 4096, ..Rules::default() });
    let mut alice = world.signed_in("alice");
    let mut last = alice.post("/account/0", "x").await;
    for n in 1..20 {
        last = alice.clone().post(&format!("/account/{n}"), "x").await;
        if last.status != 303 {
            break;
        }
    }
    assert_eq!((last.status, last.header("retry-after")), (429, "60"));
    assert!(last.text().contains("Too much is waiting"), "{}", last.text());
}

/// The stylesheet is there, once and for good.
#[tokio::test]
async fn a_page_loads_its_style_and_script_from_the_site_itself() {
    let world = World::new();
    let mut alice = world.signed_in("alice");
    let page = alice.open("/account").await;
    for (start, kind) in [("/.otpgate/assets/style-", "text/css"), ("/.otpgate/assets/page-", "text/javascript")] {
        let address = page.body.split('"').find(|text| text.starts_with(start)).unwrap();
        let asset = alice.send("GET", address, &[("sec-fetch-dest", "style")], "").await;
        assert_eq!(asset.status, 200);
        assert!(asset.header("content-type").starts_with(kind));
        assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
    }
}

/// What never reaches a site is told likewise.
#[test]
fn the_door_answers_in_the_askers_form() {
    let mut html = HeaderMap::new();
    html.insert("accept", HeaderValue::from_static("text/html"));
    let json = HeaderMap::new();
    let ask = |headers| Asker { method: &Method::GET, headers, reference: Reference::from_random([1; 5]) };
    let page = Answer::from(ask(&html).refused(Refused::HostMissing));
    assert_eq!(page.status, 400);
    assert!(page.text().contains("This request cannot be read"));
    let problem = Answer::from(ask(&json).refused(Refused::HostMissing));
    assert_eq!(
        (problem.problem().as_str(), problem.json()["detail"].as_str()),
        ("bad-request", Some("the request names no host"))
    );
    let refused = Answer::from(ask(&json).refused(Refused::MethodNotAllowed));
    assert_eq!((refused.status, refused.problem().as_str()), (405, "method-not-allowed"));
    assert!(refused.header("allow").contains("GET"));
    for (answer, status, kind) in [
        (ask(&json).unknown_host(), 421, "unknown-host"),
        (ask(&json).upstream_trouble(StatusCode::BAD_GATEWAY), 502, "no-answer"),
        (ask(&json).upstream_trouble(StatusCode::GATEWAY_TIMEOUT), 504, "slow-answer"),
        (ask(&json).header_too_large(), 431, "header-too-large"),
        (ask(&json).broken_body(), 400, "broken-body"),
        (ask(&json).internal_error(), 500, "internal-error"),
    ] {
        let answer = Answer::from(answer);
        assert_eq!((answer.status, answer.problem().as_str()), (status, kind));
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let head = Asker { method: &Method::HEAD, ..ask(&html) }.unknown_host();
    assert!(head.body().is_empty());
}
