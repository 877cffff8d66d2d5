//! What an API client is told, exactly: the table of the JSON endpoints.

use serde_json::{Value, json};

use crate::support::{Answer, Client};
use crate::world::*;

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// A problem of RFC 9457 with a reference, that no cache keeps.
fn assert_problem(answer: &Answer, status: u16, kind: &str, more: &[&str]) {
    assert_eq!((answer.status, answer.problem().as_str()), (status, kind), "{answer:?}");
    let body = answer.json();
    assert_eq!(body["status"], status);
    assert_eq!(body["type"], format!("urn:otpgate:{kind}"));
    for text in ["title", "detail", "reference"] {
        assert!(!body[text].as_str().unwrap().is_empty(), "{body}");
    }
    let mut expected = vec!["detail", "reference", "status", "title", "type"];
    expected.extend(more);
    expected.sort_unstable();
    assert_eq!(keys(&body), expected);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

/// Every member of `documented`, and perhaps more.
fn assert_has(body: &Value, documented: &Value) {
    for (name, value) in documented.as_object().unwrap() {
        assert_eq!(body.get(name), Some(value), "{name} of {body}");
    }
}

/// The whole table in the order in which a client meets it.
#[tokio::test]
async fn the_json_endpoints_answer_exactly_as_documented() {
    let config = Config { challenge: "{resend: {max: 3, wait: [30s, 60s, 120s]}}", ..Config::default() };
    for_both(config, async |world| {
        let mut client = world.signed_in("alice").await;

        // No challenge is open.
        for (method, path, body) in [
            ("GET", "/.otpgate/api/challenge", None),
            ("POST", "/.otpgate/api/send", Some(json!({"channel": "email", "contact": 0}))),
            ("POST", "/.otpgate/api/verify", Some(json!({"code": "123456"}))),
        ] {
            assert_problem(&client.call(method, path, body).await, 404, "no-challenge", &[]);
        }

        // A protected request.
        let answer = client.call("GET", "/account?tab=1", None).await;
        assert_problem(&answer, 401, "step-up-required", &["challenge"]);
        let cookie = answer.header("set-cookie").unwrap();
        assert!(
            cookie.starts_with("otpgate_browser=") && cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax")
        );
        let authenticate = answer.header("www-authenticate").unwrap();
        assert!(authenticate.contains("insufficient_user_authentication"), "{authenticate}");
        assert!(authenticate.contains("max_age=900") || authenticate.contains("max_age=\"900\""), "{authenticate}");
        let challenge = answer.json()["challenge"].clone();
        assert_eq!(keys(&challenge), ["channels", "expires_in", "id", "page", "send", "sent", "verify"]);
        let id = challenge["id"].clone();
        assert_eq!(challenge["page"], format!("/.otpgate/challenge?id={}", id.as_str().unwrap()));
        assert_eq!(challenge["send"], "/.otpgate/api/send");
        assert_eq!(challenge["verify"], "/.otpgate/api/verify");
        assert_eq!(challenge["channels"], json!([{"channel": "email", "contact": 0, "to": "a***@e***.com"}]));
        assert_eq!(challenge["expires_in"], 300);
        assert_eq!(challenge["sent"], false);
        // Nothing was sent for asking, and asking again is the same challenge.
        assert_eq!(api_challenge(&mut client, "GET", "/account?tab=2", None).await["id"], id);
        assert!(world.messages().await.is_empty());

        let open = client.call("GET", "/.otpgate/api/challenge", None).await;
        assert_eq!((open.status, open.header("content-type")), (200, Some("application/json")));
        assert_eq!(open.json()["state"], "open");
        assert_eq!(open.header("cache-control"), Some("no-store"));

        // A code that nobody was sent.
        let early = client.call("POST", "/.otpgate/api/verify", Some(json!({"code": "123456"}))).await;
        assert!((400..500).contains(&early.status) && early.problem() != "wrong-code", "{early:?}");

        // Send.
        let sent = client.call("POST", "/.otpgate/api/send", Some(json!({"channel": "email", "contact": 0}))).await;
        assert_eq!((sent.status, sent.header("content-type")), (202, Some("application/json")));
        let documented = json!({"to": "a***@e***.com", "resend_in": 30, "expires_in": 300, "sends_left": 3});
        assert_has(&sent.json(), &documented);
        let early = client.call("POST", "/.otpgate/api/send", Some(json!({"channel": "email", "contact": 0}))).await;
        assert_problem(&early, 429, "too-many-sends", &[]);
        let wait: u64 = early.header("retry-after").unwrap().parse().unwrap();
        assert!((29..=30).contains(&wait));
        let standing = api_state(&mut client, &id).await;
        assert_eq!(standing["state"], "sent");
        assert_eq!(api_challenge(&mut client, "GET", "/account", None).await["sent"], true);

        // Answer.
        let code = world.code(ALICE).await;
        let wrong = client.call("POST", "/.otpgate/api/verify", Some(json!({"code": other_code(&code)}))).await;
        assert_problem(&wrong, 403, "wrong-code", &["tries_left"]);
        assert_eq!(wrong.json()["tries_left"], 4);
        let browser = client.jar["otpgate_browser"].clone();
        let passed = client.call("POST", "/.otpgate/api/verify", Some(json!({"code": code}))).await;
        assert_eq!((passed.status, passed.header("content-type")), (200, Some("application/json")));
        assert_eq!(passed.json(), json!({"passed": true, "return_to": "/account?tab=1"}));
        assert!(passed.set_cookie("otpgate_grant").is_some());
        assert_ne!(client.jar["otpgate_browser"], browser);
        assert_eq!(api_state(&mut client, &id).await["state"], "passed");
        assert_eq!(client.call("GET", "/account?tab=1", None).await.body, "GET /account?tab=1");

        // Again, and refused by policy.
        assert_problem(&api_verify(&mut client, &id, &code).await, 410, "expired", &[]);
        assert_problem(&client.call("GET", "/staff/x", None).await, 403, "refused", &[]);
    })
    .await;
}

/// Locked and expired, with what a client needs to wait.
#[tokio::test]
async fn locked_and_expired_are_told_exactly() {
    let (challenge, limits) = ("{ttl: 3s, tries: 2}", "{failures: {per_subject: 2/1h}}");
    for_both(Config { challenge, limits, ..Config::default() }, async |world| {
        let mut client = world.signed_in("alice").await;
        let id = api_sent(&mut client, "/account", "email").await;
        let code = world.code(ALICE).await;
        api_verify(&mut client, &id, &nth_other(&code, 1)).await;
        let locked = api_verify(&mut client, &id, &nth_other(&code, 2)).await;
        assert_problem(&locked, 403, "locked", &[]);
        let wait: u64 = locked.header("retry-after").unwrap().parse().unwrap();
        assert!((3500..=3600).contains(&wait), "{wait}");
        assert_eq!(api_state(&mut client, &id).await["state"], "locked");

        let mut bob = world.signed_in("bob").await;
        let id = api_sent(&mut bob, "/account", "email").await;
        let code = world.code(BOB).await;
        pause(std::time::Duration::from_millis(3100)).await;
        assert_problem(&api_verify(&mut bob, &id, &code).await, 410, "expired", &[]);
        assert_eq!(api_state(&mut bob, &id).await["state"], "expired");
    })
    .await;
}

/// Nobody is signed in: an API client is told so, and gets no challenge.
#[tokio::test]
async fn an_api_client_without_a_subject_gets_401_and_no_challenge() {
    for_both(Config::default(), async |world| {
        let mut client = world.browser();
        let answer = client.call("GET", "/account", None).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(answer.json().get("challenge").is_none(), "{answer:?}");
        assert!(client.jar.is_empty());
    })
    .await;
}

/// Sub-resources and upgrades get a plain 401: no challenge, no cookie, no message (W08).
#[tokio::test]
async fn sub_resources_and_upgrades_get_a_plain_401() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        let cookies = browser.jar.clone();
        for path in ["/account/picture", "/pay/picture"] {
            for headers in [
                &[("sec-fetch-dest", "image"), ("sec-fetch-mode", "no-cors")][..],
                &[("sec-fetch-dest", "iframe"), ("sec-fetch-mode", "navigate"), ("accept", "text/html")],
                &[("sec-fetch-dest", "serviceworker"), ("sec-fetch-mode", "same-origin")],
                &[("connection", "upgrade"), ("upgrade", "websocket"), ("accept", "text/html")],
            ] {
                let answer = browser.send("GET", path, headers, "").await;
                assert_eq!(answer.status, 401, "{answer:?}");
                assert!(!answer.body.contains("<form"), "{answer:?}");
                assert_eq!(answer.header("cache-control"), Some("no-store"));
            }
        }
        assert_eq!(browser.jar, cookies);
        assert!(world.messages().await.is_empty());
        assert!(world.upstream.seen_at("/account/picture").is_empty());
    })
    .await;
}

/// The endpoints take JSON from the site's own origin; the forms take their hidden token. Another site can neither answer
/// nor send (C12).
#[tokio::test]
async fn c12_no_other_site_answers_or_sends() {
    for_both(Config::default(), async |world| {
        let mut browser: Client = world.signed_in("alice").await;
        let page = challenge_page(&mut browser, "/account").await;
        let code = world.code(ALICE).await;
        let (_, hidden) = page.form("/.otpgate/verify").unwrap();
        let id = hidden.iter().find(|(name, _)| name == "id").unwrap().1.clone();
        let json = json!({"id": id, "code": code}).to_string();
        let base = browser.base.clone();
        let own = ("origin", base.as_str());
        for headers in [
            &[("content-type", "application/json"), ("origin", "https://evil.test")][..],
            &[("content-type", "application/json"), ("origin", "null")],
            &[("content-type", "application/json"), ("sec-fetch-site", "cross-site")],
            &[("content-type", "application/json"), ("sec-fetch-site", "same-site"), own],
            &[("content-type", "text/plain"), ("sec-fetch-site", "same-origin"), own],
            &[("content-type", "application/x-www-form-urlencoded"), own],
            &[("content-type", "application/jsonp"), own],
            &[own],
        ] {
            let answer = browser.copy().send("POST", "/.otpgate/api/verify", headers, json.clone()).await;
            assert!((400..500).contains(&answer.status), "{headers:?}: {answer:?}");
            assert!(answer.set_cookie("otpgate_grant").is_none());
            let mut carol = world.signed_in("carol").await;
            let id = api_challenge(&mut carol, "GET", "/account", None).await["id"].clone();
            let body = json!({"id": id, "channel": "sms", "contact": 0}).to_string();
            let answer = carol.send("POST", "/.otpgate/api/send", headers, body).await;
            assert!((400..500).contains(&answer.status), "{headers:?}: {answer:?}");
        }
        assert_eq!(world.messages().await.len(), 1);

        let form = |token: Option<&str>| {
            let mut fields = vec![("id", id.as_str()), ("code", code.as_str())];
            fields.extend(token.map(|token| ("token", token)));
            crate::support::client::form(&fields)
        };
        let token = hidden.iter().find(|(name, _)| name == "token").unwrap().1.clone();
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let html = ("accept", "text/html");
        for (headers, body) in [
            (vec![kind, html, ("origin", "https://evil.test")], form(Some(&token))),
            (
                vec![
                    kind,
                    html,
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "document"),
                ],
                form(Some(&token)),
            ),
            (vec![kind, html, own], form(None)),
            (vec![kind, html, own], form(Some(""))),
            (vec![kind, html, own], form(Some("AAAAAAAAAAAAAAAAAAAAAA"))),
        ] {
            let answer = browser.copy().send("POST", "/.otpgate/verify", &headers, body).await;
            assert!(
                answer.set_cookie("otpgate_grant").is_none()
                    && answer.location().is_none_or(|l| l.starts_with("/.otpgate/")),
                "{headers:?}: {answer:?}"
            );
        }
        assert_eq!(type_code(&mut browser, &page, &code).await.status, 303);
        // Nor can another site end the grant.
        let headers = [kind, html, ("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")];
        let answer = browser.copy().send("POST", "/.otpgate/logout", &headers, "").await;
        assert!(answer.headers.get("set-cookie").is_none(), "{answer:?}");
        assert_eq!(browser.get("/account").await.status, 200);
    })
    .await;
}

/// Several challenges are open: a client must say which.
#[tokio::test]
async fn o05_without_an_id_only_the_one_open_challenge_is_meant() {
    for_both(Config::default(), async |world| {
        let mut client = world.signed_in("alice").await;
        let one = api_sent(&mut client, "/pay/1", "email").await;
        let code = world.code(ALICE).await;
        api_sent(&mut client, "/pay/2", "email").await;
        let answer = client.call("POST", "/.otpgate/api/verify", Some(json!({"code": code}))).await;
        assert!((400..500).contains(&answer.status), "{answer:?}");
        answer.problem();
        assert_eq!(outcome(&api_verify(&mut client, &one, &code).await), "passed");
    })
    .await;
}

/// An upstream never sees the portal's addresses, in whatever spelling.
#[tokio::test]
async fn the_portals_addresses_never_reach_the_application() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        let before = world.upstream.seen().len();
        for path in [
            "/.otpgate",
            "/.otpgate/",
            "/.OTPGATE/challenge",
            "/.otpgate/api/nothing",
            "/%2eotpgate/challenge",
            "/./.otpgate/api/verify",
            "/x/../.otpgate/y",
        ] {
            let answer = browser.get(path).await;
            assert!(answer.status >= 300 || answer.body.contains("otpgate"), "{path}: {answer:?}");
        }
        assert_eq!(world.upstream.seen().len(), before);
    })
    .await;
}
