//! What an API client meets: the table of the JSON endpoints.

use serde_json::{Value, json};

use crate::world::{Client, Rules, World};

/// The id of the challenge that a request of an API client is answered with.
async fn challenged(client: &mut Client<'_>, path: &str) -> Value {
    let answer = client.call("GET", path, Value::Null).await;
    assert_eq!((answer.status, answer.problem().as_str()), (401, "step-up-required"));
    answer.json()["challenge"]["id"].clone()
}

/// The whole table, in the order in which a client meets it.
#[tokio::test]
async fn the_table_holds() {
    let world = World::new();
    let mut alice = world.signed_in("alice");
    for (method, path, body) in [
        ("GET", "/.otpgate/api/challenge", Value::Null),
        ("POST", "/.otpgate/api/send", json!({"channel": "email", "contact": 0})),
        ("POST", "/.otpgate/api/verify", json!({"code": "123456"})),
    ] {
        let answer = alice.call(method, path, body).await;
        assert_eq!((answer.status, answer.problem().as_str()), (404, "no-challenge"));
    }

    let answer = alice.call("GET", "/account?tab=1", Value::Null).await;
    assert_eq!((answer.status, answer.problem().as_str()), (401, "step-up-required"));
    // RFC 9470, section 3.
    let how = "Bearer error=\"insufficient_user_authentication\", error_description=\"A one-time code is needed\", max_age=900";
    assert_eq!(answer.header("www-authenticate"), how);
    let challenge = answer.json()["challenge"].clone();
    let id = challenge["id"].clone();
    let expected = json!({
        "id": id,
        "page": format!("/.otpgate/challenge?id={}", id.as_str().unwrap()),
        "send": "/.otpgate/api/send",
        "verify": "/.otpgate/api/verify",
        "channels": [{"channel": "email", "contact": 0, "to": "a***@e***.com"}],
        "expires_in": 300,
        "sent": false,
    });
    assert_eq!(challenge, expected);
    assert_eq!(world.messages(), 0);

    let open = alice.call("GET", "/.otpgate/api/challenge", Value::Null).await;
    assert_eq!((open.status, open.header("content-type")), (200, "application/json"));
    assert_eq!(open.json()["state"], "open");
    let early = alice.call("POST", "/.otpgate/api/verify", json!({"code": "123456"})).await;
    assert_eq!((early.status, early.problem().as_str()), (409, "not-sent"));

    let sent = alice.call("POST", "/.otpgate/api/send", json!({"channel": "email", "contact": 0})).await;
    assert_eq!(sent.status, 202);
    let expected = json!({
        "id": id, "channel": "email", "to": "a***@e***.com", "resend_in": 30, "expires_in": 300, "sends_left": 3,
        "delivery": {"state": "accepted"},
    });
    assert_eq!(sent.json(), expected);
    let early = alice.call("POST", "/.otpgate/api/send", json!({})).await;
    assert_eq!((early.status, early.problem().as_str()), (429, "too-many-sends"));
    assert_eq!(early.header("retry-after"), "30");
    world.pass_time(10);
    let standing = alice.call("GET", "/.otpgate/api/challenge", Value::Null).await.json();
    assert_eq!(
        (&standing["state"], &standing["expires_in"], &standing["resend_in"]),
        (&json!("sent"), &json!(290), &json!(20))
    );
    assert_eq!(standing["delivery"], json!({"state": "accepted"}));

    let wrong = alice.call("POST", "/.otpgate/api/verify", json!({"code": world.wrong_code()})).await;
    assert_eq!((wrong.status, wrong.problem().as_str()), (403, "wrong-code"));
    assert_eq!(wrong.json()["tries_left"], 4);
    assert_eq!(wrong.json()["reference"], answer.json()["reference"]);
    let passed = alice.call("POST", "/.otpgate/api/verify", json!({"code": world.code()})).await;
    assert_eq!((passed.status, passed.json()), (200, json!({"passed": true, "return_to": "/account?tab=1"})));
    assert!(alice.jar.contains_key("__Host-otpgate_grant"));
    assert!(alice.call("GET", "/account?tab=1", Value::Null).await.forward.is_some());

    let again = alice.call("POST", "/.otpgate/api/verify", json!({"id": id, "code": world.code()})).await;
    assert_eq!((again.status, again.problem().as_str()), (410, "expired"));
    let refused = alice.call("GET", "/staff", Value::Null).await;
    assert_eq!((refused.status, refused.problem().as_str()), (403, "refused"));
}

/// O02: only a string is a code. Nothing else is counted, and no answer repeats what was sent (I9).
#[tokio::test]
async fn only_a_string_is_a_code() {
    let world = World::new();
    let mut alice = world.signed_in("alice");
    let id = challenged(&mut alice, "/account").await;
    alice.call("POST", "/.otpgate/api/send", json!({"id": id})).await;
    let code = world.code();
    let number: u32 = code.parse().unwrap();
    let list = vec![code.clone()];
    let malformed = [
        json!({}),
        json!({"code": null}),
        json!({"code": number}),
        json!({"code": list}),
        json!({"code": {"code": code}}),
        json!({"code": true}),
        json!([]),
        json!([null, code]),
        json!("code"),
        json!({"CODE": code}),
    ];
    for body in malformed {
        let answer = alice.call("POST", "/.otpgate/api/verify", body.clone()).await;
        assert_eq!((answer.status, answer.problem().as_str()), (400, "bad-json"), "{body}");
        assert!(!answer.body.contains(&code), "{body}: {}", answer.body);
    }
    for typed in ["", "12345", "1234567", "12345a", &"9".repeat(10_000)] {
        let answer = alice.call("POST", "/.otpgate/api/verify", json!({"code": typed})).await;
        assert_eq!((answer.status, answer.problem().as_str()), (422, "malformed-code"), "{typed}");
    }
    let truncated = [("content-type", "application/json"), ("sec-fetch-site", "same-origin")];
    let answer = alice.send("POST", "/.otpgate/api/verify", &truncated, &format!("{{\"code\":\"{code}\"")).await;
    assert_eq!(answer.status, 400);
    let doubled = format!("{{\"code\":\"{code}\",\"code\":\"{code}\"}}");
    assert_eq!(alice.send("POST", "/.otpgate/api/verify", &truncated, &doubled).await.status, 400);
    let passed = alice.call("POST", "/.otpgate/api/verify", json!({"code": code, "new": "member"})).await;
    assert_eq!(passed.status, 200);
}

/// O26: a contact is a place among the challenge's own, never an address.
#[tokio::test]
async fn a_contact_is_one_of_the_challenges_own() {
    let world = World::new();
    let mut bob = world.signed_in("bob");
    let id = challenged(&mut bob, "/account").await;
    for (body, status, kind) in [
        (json!({"id": id, "channel": "email", "contact": 1}), 404, "no-such-contact"),
        (json!({"id": id, "channel": "email", "contact": 65_536}), 404, "no-such-contact"),
        (json!({"id": id, "channel": "email", "contact": -1}), 400, "bad-json"),
        (json!({"id": id, "channel": "email", "contact": 0.5}), 400, "bad-json"),
        (json!({"id": id, "channel": "email", "contact": "m@evil.test"}), 400, "bad-json"),
        (json!({"id": id, "channel": "m@evil.test"}), 400, "bad-json"),
    ] {
        let answer = bob.call("POST", "/.otpgate/api/send", body.clone()).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, kind), "{body}");
        assert!(!answer.body.contains("evil"), "{}", answer.body);
    }
    assert_eq!(world.messages(), 0);
    let sent = bob.call("POST", "/.otpgate/api/send", json!({"id": id, "channel": "voice", "contact": 0})).await;
    assert_eq!(sent.json()["to"], "+** *** **89");
}

/// C12: JSON only, and from the site's own origin only.
#[tokio::test]
async fn another_site_cannot_call() {
    let world = World::new();
    let mut alice = world.signed_in("alice");
    let id = challenged(&mut alice, "/account").await;
    alice.call("POST", "/.otpgate/api/send", json!({"id": id})).await;
    let body = json!({"code": world.code()}).to_string();
    let json = ("content-type", "application/json");
    let own = ("origin", "https://shop.example.com");
    for (headers, status, kind) in [
        (vec![json, ("origin", "https://evil.test")], 403, "foreign-origin"),
        (vec![json, ("origin", "null")], 403, "foreign-origin"),
        (vec![json, ("sec-fetch-site", "cross-site")], 403, "foreign-origin"),
        (vec![json, ("sec-fetch-site", "same-site"), own], 403, "foreign-origin"),
        (vec![("content-type", "text/plain"), own], 415, "unsupported-media-type"),
        (vec![("content-type", "application/jsonp"), own], 415, "unsupported-media-type"),
        (vec![json, json, own], 415, "unsupported-media-type"),
        (vec![own], 415, "unsupported-media-type"),
    ] {
        for path in ["/.otpgate/api/verify", "/.otpgate/api/send"] {
            let answer = alice.clone().send("POST", path, &headers, &body).await;
            assert_eq!((answer.status, answer.problem().as_str()), (status, kind), "{headers:?}");
        }
    }
    let foreign = [("origin", "https://evil.test")];
    assert_eq!(alice.send("GET", "/.otpgate/api/challenge", &foreign, "").await.status, 403);
    let answer = alice.get("/.otpgate/api/verify").await;
    assert_eq!((answer.status, answer.problem().as_str(), answer.header("allow")), (405, "method-not-allowed", "POST"));
    assert_eq!(alice.get("/.otpgate/api/nothing").await.problem(), "not-found");
    let charset = [("content-type", "Application/JSON; charset=utf-8")];
    assert_eq!(alice.send("POST", "/.otpgate/api/verify", &charset, &body).await.status, 200);
}

/// Several challenges are open: a client names the one it means, in the body or, where there is none, in the query.
#[tokio::test]
async fn with_several_open_a_client_names_the_one_it_means() {
    let world = World::new();
    let mut alice = world.signed_in("alice");
    let one = challenged(&mut alice, "/pay/1").await;
    let two = challenged(&mut alice, "/pay/2").await;
    assert_ne!(one, two);
    for (method, path, body) in [
        ("GET", "/.otpgate/api/challenge", Value::Null),
        ("POST", "/.otpgate/api/send", json!({})),
        ("POST", "/.otpgate/api/verify", json!({"code": "123456"})),
    ] {
        let answer = alice.call(method, path, body).await;
        assert_eq!((answer.status, answer.problem().as_str()), (409, "several-challenges"));
    }
    alice.call("POST", "/.otpgate/api/send", json!({"id": two})).await;
    let path = |id: &Value| format!("/.otpgate/api/challenge?id={}", id.as_str().unwrap());
    assert_eq!(alice.call("GET", &path(&one), Value::Null).await.json()["state"], "open");
    assert_eq!(alice.call("GET", &path(&two), Value::Null).await.json()["state"], "sent");
    for id in ["", "x", "AAAAAAAAAAAAAAAAAAAAAA"] {
        let answer = alice.call("POST", "/.otpgate/api/verify", json!({"id": id, "code": "123456"})).await;
        assert_eq!((answer.status, answer.problem().as_str()), (404, "no-challenge"), "{id}");
    }
}

/// Locked and expired, each with what a client needs; `renew` gives a new code under a new challenge.
#[tokio::test]
async fn locked_and_expired_are_told_and_can_be_renewed() {
    let world = World::with(Rules { tries: 2, ..Rules::default() });
    let mut alice = world.signed_in("alice");
    let id = challenged(&mut alice, "/account").await;
    alice.call("POST", "/.otpgate/api/send", json!({"id": id})).await;
    alice.call("POST", "/.otpgate/api/verify", json!({"id": id, "code": world.wrong_code()})).await;
    for code in [world.wrong_code(), world.code()] {
        let locked = alice.call("POST", "/.otpgate/api/verify", json!({"id": id, "code": code})).await;
        assert_eq!((locked.status, locked.problem().as_str(), locked.header("retry-after")), (403, "locked", "1"));
    }
    let address = format!("/.otpgate/api/challenge?id={}", id.as_str().unwrap());
    assert_eq!(alice.call("GET", &address, Value::Null).await.json()["state"], "locked");
    assert_eq!(alice.call("POST", "/.otpgate/api/send", json!({"id": id})).await.problem(), "locked");
    world.pass_time(31);
    let renewed = alice.call("POST", "/.otpgate/api/send", json!({"id": id, "renew": true})).await;
    assert_eq!(renewed.status, 202);
    let id = renewed.json()["id"].clone();
    world.pass_time(301);
    for body in [json!({"id": id, "code": world.code()}), json!({"id": id, "code": world.wrong_code()})] {
        let expired = alice.call("POST", "/.otpgate/api/verify", body).await;
        assert_eq!((expired.status, expired.problem().as_str()), (410, "expired"));
    }
    assert_eq!(alice.call("POST", "/.otpgate/api/send", json!({"id": id})).await.status, 410);
}

/// Who is signed in is looked at with every call.
#[tokio::test]
async fn a_client_that_is_somebody_else_by_now_is_told_so() {
    let world = World::new();
    let mut alice = world.signed_in("alice");
    let id = challenged(&mut alice, "/account").await;
    let mut gone = alice.as_subject(None);
    let answer = gone.call("POST", "/.otpgate/api/send", json!({"id": id})).await;
    assert_eq!((answer.status, answer.problem().as_str()), (401, "sign-in-required"));
    assert_eq!((answer.header("www-authenticate"), &answer.json()["sign_in"]), ("Bearer", &json!("/login")));
    let mut bob = alice.as_subject(Some("bob"));
    let answer = bob.call("POST", "/.otpgate/api/send", json!({"id": id})).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "subject-changed"));
    assert_eq!(world.messages(), 0);
}

/// No provider took it: not counted, and told as what it is.
#[tokio::test]
async fn a_message_that_did_not_go_out_is_a_503() {
    let world = World::with(Rules { delivers: false, ..Rules::default() });
    let mut alice = world.signed_in("alice");
    let id = challenged(&mut alice, "/account").await;
    for _ in 0..6 {
        let answer = alice.call("POST", "/.otpgate/api/send", json!({"id": id})).await;
        assert_eq!((answer.status, answer.problem().as_str(), answer.header("retry-after")), (503, "unavailable", "5"));
        assert_eq!(answer.json()["reason"], "provider_down");
        assert_eq!(answer.json()["try"], json!([{"channel": "email", "contact": 0, "to": "a***@e***.com"}]));
    }
}
