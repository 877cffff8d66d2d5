//! `max_age: 0s`: one code confirms one request, the very one that was shown (O29, O30).

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, Client};
use crate::world::*;

/// A page: confirmed, sent once, and every further one asks anew. The confirmation is in no grant.
#[tokio::test]
async fn o29_o30_a_form_is_confirmed_by_itself() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        // A fresh grant does not stand in for a confirmation.
        world.pass(&mut browser, "/account", ALICE).await;
        let grant = browser.jar["otpgate_grant"].clone();
        for n in 1..=2 {
            let answer = post_as(&mut browser, "/pay/transfer", "text/plain", b"to=bob&amount=5").await;
            let page = page_of(&mut browser, &answer).await;
            assert!(page.body.contains("/pay/transfer"), "the page does not say what is confirmed: {}", page.body);
            let answer = type_code(&mut browser, &page, &world.code(ALICE).await).await;
            assert_eq!(browser.follow(answer).await.body, "POST /pay/transfer");
            let seen = world.upstream.seen_at("/pay/transfer");
            assert_eq!((seen.len(), seen[n - 1].body.as_slice()), (n, &b"to=bob&amount=5"[..]));
            assert_eq!(seen[n - 1].header("x-otpgate-subject"), Some("alice"));
            assert_eq!(seen[n - 1].header("x-otpgate-channel"), Some("email"));
        }
        assert_eq!(browser.jar["otpgate_grant"], grant);

        let mut fresh = world.signed_in("alice").await;
        let answer = world.pass(&mut fresh, "/pay/statement?month=11", ALICE).await;
        assert_eq!(answer.body, "GET /pay/statement?month=11");
        assert!(!fresh.jar.contains_key("otpgate_grant"));
        page_address(&fresh.get("/pay/statement?month=11").await);
        page_address(&fresh.get("/account").await);
    })
    .await;
}

/// A visitor who goes back and sends the confirmed form by hand, instead of being sent on: it arrives whole.
#[tokio::test]
async fn i8_a_confirmed_form_that_is_sent_by_hand_arrives_whole() {
    let world = &mut World::with_memory(&Config::default());
    for body in [&b"to=bob&amount=5"[..], &[b'x'; 200_000]] {
        let mut browser = world.signed_in("alice").await;
        let answer = post_as(&mut browser, "/pay/transfer", "text/plain", body).await;
        let page = page_of(&mut browser, &answer).await;
        type_code(&mut browser, &page, &world.code(ALICE).await).await;
        let again = tokio::time::timeout(
            std::time::Duration::from_secs(10),
            post_as(&mut browser, "/pay/transfer", "text/plain", body),
        );
        assert_eq!(again.await.expect("an answer").body, "POST /pay/transfer");
        assert_eq!(world.upstream.last().body, body);
    }
}

/// Changing anything after the code went out leaves the code for what it was asked for.
#[tokio::test]
async fn o30_a_code_for_one_form_confirms_no_other() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        let small = post_as(&mut browser, "/pay/transfer", "text/plain", b"amount=5").await;
        let small = page_of(&mut browser, &small).await;
        let code = world.code(ALICE).await;
        let large = post_as(&mut browser, "/pay/transfer", "text/plain", b"amount=5000").await;
        let large = page_of(&mut browser, &large).await;
        assert!(type_code(&mut browser, &large, &code).await.location().is_none());
        let passed = type_code(&mut browser, &small, &code).await;
        // The browser posts another form to the confirmed address, instead of coming back for its own.
        page_address(&post_as(&mut browser.copy(), "/pay/transfer", "text/plain", b"amount=5000").await);
        browser.follow(passed).await;
        let bodies: Vec<_> = world.upstream.seen_at("/pay/transfer").into_iter().map(|seen| seen.body).collect();
        assert_eq!(bodies, [b"amount=5".to_vec()]);
    })
    .await;
}

/// An API client repeats the very same request, once.
#[tokio::test]
async fn o30_an_api_client_repeats_the_very_request_once() {
    for_both(Config::default(), async |world| {
        let mut client = world.signed_in("alice").await;
        confirm(world, &mut client, &json!({"to": "bob", "amount": 5})).await;

        // Any byte that differs is another request, and spends nothing.
        let paid = r#"{"amount":5,"to":"bob"}"#;
        let other_path = pay(&mut client, "POST", "/pay/api2", "application/json", paid).await;
        for (method, path, kind, body) in [
            ("POST", "/pay/api", "application/json", r#"{"amount":6,"to":"bob"}"#),
            ("POST", "/pay/api", "application/json", r#"{"amount":5,"to":"bob"} "#),
            ("POST", "/pay/api", "application/json", r#"{"to":"bob","amount":5}"#),
            ("POST", "/pay/api", "application/json", ""),
            ("POST", "/pay/api", "text/plain", paid),
            ("POST", "/pay/api?x", "application/json", paid),
            ("POST", "/pay/api?", "application/json", paid),
            ("POST", "/pay/API", "application/json", paid),
            ("PUT", "/pay/api", "application/json", paid),
            ("GET", "/pay/api", "application/json", ""),
        ] {
            let answer = pay(&mut client, method, path, kind, body).await;
            assert_eq!(answer.status, 401, "{method} {path} {kind} {body}: {answer:?}");
        }
        assert_eq!(other_path.status, 401);
        // Nor does another browser of the same subject have it.
        let mut other = world.signed_in("alice").await;
        assert_eq!(pay(&mut other, "POST", "/pay/api", "application/json", paid).await.status, 401);

        let done = pay(&mut client, "POST", "/pay/api", "application/json", paid).await;
        assert_eq!((done.status, done.body.as_str()), (200, "POST /pay/api"));
        let seen = world.upstream.last();
        assert_eq!((seen.body.as_slice(), seen.header("content-type")), (paid.as_bytes(), Some("application/json")));
        assert_eq!(pay(&mut client, "POST", "/pay/api", "application/json", paid).await.status, 401);
        assert_eq!(world.upstream.hits("/pay/api"), 1);
    })
    .await;
}

/// Fifty copies of the confirmed request at once: one goes through.
#[tokio::test]
async fn x08_a_confirmation_is_spent_once_even_in_parallel() {
    for_both(Config::default(), async |world| {
        let mut client = world.signed_in("alice").await;
        confirm(world, &mut client, &json!({"to": "bob", "amount": 5})).await;
        let answers = join_all((0..50).map(|_| {
            let mut copy = client.copy();
            async move { pay(&mut copy, "POST", "/pay/api", "application/json", r#"{"amount":5,"to":"bob"}"#).await }
        }))
        .await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 401)));
        assert_eq!(world.upstream.hits("/pay/api"), 1);
    })
    .await;
}

/// Until the code is right nothing is confirmed; and what was confirmed is not good for ever.
#[tokio::test]
async fn o30_a_confirmation_expires() {
    for_both(Config { challenge: "{ttl: 2s}", ..Config::default() }, async |world| {
        let mut client = world.signed_in("alice").await;
        confirm(world, &mut client, &json!({"to": "bob", "amount": 5})).await;
        pause(std::time::Duration::from_millis(2200)).await;
        let late = pay(&mut client, "POST", "/pay/api", "application/json", r#"{"amount":5,"to":"bob"}"#).await;
        assert_eq!(late.status, 401);
        assert_eq!(world.upstream.hits("/pay/api"), 0);
    })
    .await;
}

/// Has `POST /pay/api` with this body confirmed, without repeating it.
async fn confirm(world: &World, client: &mut Client, body: &Value) {
    let challenge = api_challenge(client, "POST", "/pay/api", Some(body.clone())).await;
    let id = &challenge["id"];
    assert_eq!(api_send(client, id, "email").await.status, 202);
    let passed = api_verify(client, id, &world.code(ALICE).await).await;
    assert_eq!(outcome(&passed), "passed");
    assert!(passed.set_cookie("otpgate_grant").is_none());
}

async fn pay(client: &mut Client, method: &str, path: &str, kind: &str, body: &str) -> Answer {
    let origin = client.base.clone();
    let headers = [
        ("accept", "application/json"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-dest", "empty"),
        ("origin", origin.as_str()),
        ("content-type", kind),
    ];
    client.send(method, path, &headers, body.to_owned()).await
}
