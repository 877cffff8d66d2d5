//! What a code is good for: once, in time, within its tries, for its challenge, its subject and its browser (I3).

use std::time::Duration;

use redis::Commands;
use serde_json::{Value, json};

use crate::support::{Answer, Client, NAVIGATION};
use crate::world::*;

/// A right code opens the page and is good once; what follows is forwarded without another question.
#[tokio::test]
async fn o01_a_right_code_passes_and_passes_once() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        let page = challenge_page(&mut browser, "/account/orders?page=2").await;
        let code = world.code(ALICE).await;
        let stale = browser.copy();
        let answer = type_code(&mut browser, &page, &code).await;
        assert_eq!(answer.location().as_deref(), Some("/account/orders?page=2"));
        assert_eq!(browser.follow(answer).await.body, "GET /account/orders?page=2");
        assert_eq!(browser.get("/account").await.status, 200);

        let forwarded = world.upstream.last();
        assert_eq!(forwarded.header("x-otpgate-subject"), Some("alice"));
        assert_eq!(forwarded.header("x-otpgate-channel"), Some("email"));
        assert!(forwarded.header("x-otpgate-verified-at").is_some());
        assert_eq!(world.messages().await.len(), 1);

        // The browser as it was before, and as it is now: neither gets anything for the code.
        for mut again in [stale, browser.copy()] {
            again.jar.remove("otpgate_grant");
            let answer = type_code(&mut again, &page, &code).await;
            assert!(answer.set_cookie("otpgate_grant").is_none(), "{answer:?}");
            assert_eq!(again.get("/account").await.status, 303);
        }
    })
    .await;
}

/// A right code that is sent again is answered 410 and counts nothing.
#[tokio::test]
async fn o01_a_right_code_by_json_again_is_410() {
    for_both(Config { limits: "{failures: {per_subject: 1/1h}}", ..Config::default() }, async |world| {
        let mut client = world.signed_in("alice").await;
        let id = api_sent(&mut client, "/account", "email").await;
        let code = world.code(ALICE).await;
        assert_eq!(outcome(&api_verify(&mut client, &id, &code).await), "passed");
        for code in [&code, &other_code(&code)] {
            let again = api_verify(&mut client, &id, code).await;
            assert_eq!((again.status, again.problem().as_str()), (410, "expired"));
            assert!(again.set_cookie("otpgate_grant").is_none());
        }
        // One wrong code would have locked the subject.
        world.pass(&mut world.signed_in("alice").await, "/account", ALICE).await;
    })
    .await;
}

/// What is no code at all is refused and counts as no try: the one try is still there afterwards.
#[tokio::test]
async fn o02_what_is_no_code_is_refused_and_counts_nothing() {
    let config = Config { challenge: "{tries: 1}", limits: "{failures: {per_subject: 1/1h}}", ..Config::default() };
    for_both(config, async |world| {
        let mut client = world.signed_in("alice").await;
        let id = api_sent(&mut client, "/account", "email").await;
        let code = world.code(ALICE).await;
        let long = "1".repeat(10_000);
        let number: u64 = code.parse().unwrap();
        let bodies = [
            json!({}),
            json!(null),
            json!([]),
            json!([code]),
            json!(code),
            json!({"code": null}),
            json!({"code": ""}),
            json!({"code": "  -  "}),
            json!({"code": []}),
            json!({"code": {}}),
            json!({"code": number}),
            json!({"code": [code]}),
            json!({"code": true}),
            json!({"code": "1"}),
            json!({"code": &code[..5]}),
            json!({"code": format!("{code}0")}),
            json!({"code": format!("+{code}")}),
            json!({"code": format!("{code}\u{0}")}),
            json!({"code": "12345a"}),
            json!({"code": "１２３４５"}),
            json!({"code": long}),
        ];
        for mut body in bodies {
            if let Some(fields) = body.as_object_mut() {
                fields.insert("id".to_owned(), id.clone());
            }
            let answer = client.call("POST", "/.otpgate/api/verify", Some(body.clone())).await;
            assert!((400..500).contains(&answer.status), "{body}: {answer:?}");
            let kind = answer.problem();
            assert!(!["wrong-code", "locked", "expired"].contains(&kind.as_str()), "{body}: {answer:?}");
        }
        let page = client.get(&format!("/.otpgate/challenge?id={}", id.as_str().unwrap())).await;
        for typed in ["", " ", "12345", "1234567", "abcdef", &"9".repeat(10_000)] {
            let answer = type_code(&mut client, &page, typed).await;
            assert!(answer.location().is_none(), "{typed}: {answer:?}");
            assert!(answer.set_cookie("otpgate_grant").is_none());
        }
        // The same field twice is none: nobody could tell which was meant.
        let (action, hidden) = page.form("/.otpgate/verify").unwrap();
        let mut fields: Vec<(&str, &str)> =
            hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let other = other_code(&code);
        fields.extend([("code", other.as_str()), ("code", code.as_str())]);
        assert!(client.post(&action, &fields).await.location().is_none());
        assert!(client.post(&action, &fields[..fields.len() - 2]).await.location().is_none());

        assert_eq!(outcome(&api_verify(&mut client, &id, &code).await), "passed");
    })
    .await;
}

/// A code is read as people write it.
#[tokio::test]
async fn o03_spaces_hyphens_and_other_digits_are_read_once() {
    for_both(Config::default(), async |world| {
        let mut client = world.signed_in("alice").await;
        let other = |zero: u32| {
            move |code: &str| {
                code.bytes().map(|digit| char::from_u32(zero + u32::from(digit - b'0')).unwrap()).collect::<String>()
            }
        };
        let spellings: [&dyn Fn(&str) -> String; 8] = [
            &|code| format!("{} {}", &code[..3], &code[3..]),
            &|code| format!("{}-{}", &code[..3], &code[3..]),
            &|code| format!("{}\u{a0}{}\n", &code[..3], &code[3..]),
            &|code| format!("\t{}\u{2011}{}\r\n", &code[..2], &code[2..]),
            &|code| code.chars().map(|digit| format!("{digit} ")).collect(),
            &other(0xff10),
            &other(0x660),
            &other(0x966),
        ];
        for (n, spelt) in spellings.iter().enumerate() {
            // A challenge that is passed gives its sends back: eight fit where five would.
            let id = api_sent(&mut client, &format!("/pay/{n}"), "email").await;
            let typed = spelt(&world.code(ALICE).await);
            assert_eq!(outcome(&api_verify(&mut client, &id, &typed).await), "passed", "{typed:?}");
        }
    })
    .await;
}

/// However it is spelt, a wrong code counts, and as one.
#[tokio::test]
async fn o03_a_wrong_code_counts_however_it_is_spelt() {
    for_both(Config { challenge: "{tries: 4}", ..Config::default() }, async |world| {
        let mut client = world.signed_in("alice").await;
        let id = api_sent(&mut client, "/account", "email").await;
        let code = world.code(ALICE).await;
        let wrong = other_code(&code);
        for (typed, left) in [
            (format!("{}-{}", &wrong[..3], &wrong[3..]), 3),
            (format!(" {wrong} "), 2),
            (wrong.chars().map(|digit| format!("{digit}\u{2009}")).collect(), 1),
        ] {
            let answer = api_verify(&mut client, &id, &typed).await;
            assert_eq!(answer.problem(), "wrong-code");
            assert_eq!(answer.json()["tries_left"], left);
        }
        assert_eq!(outcome(&api_verify(&mut client, &id, &wrong).await), "locked");
        assert_eq!(outcome(&api_verify(&mut client, &id, &code).await), "locked");
    })
    .await;
}

/// Codes are texts, not numbers: a leading zero counts.
#[tokio::test]
async fn o04_a_leading_zero_belongs_to_the_code() {
    for_both(Config::default(), async |world| {
        let mut client = world.signed_in("alice").await;
        // One code in ten begins with zero; that none of 200 does happens once in 10^9 runs.
        for n in 0..200 {
            let id = api_sent(&mut client, &format!("/pay/{n}"), "email").await;
            let code = world.code(ALICE).await;
            assert_eq!(code.len(), 6);
            if code.starts_with('0') {
                let short = api_verify(&mut client, &id, code.trim_start_matches('0')).await;
                assert!(short.status >= 400 && short.problem() != "wrong-code", "{short:?}");
                assert_eq!(outcome(&api_verify(&mut client, &id, &code).await), "passed");
                return;
            }
            assert_eq!(outcome(&api_verify(&mut client, &id, &code).await), "passed");
        }
        panic!("no code begins with zero");
    })
    .await;
}

/// A code is good for its own challenge alone, and for its own subject alone.
#[tokio::test]
async fn o05_o06_a_code_is_good_for_its_challenge_and_its_subject_alone() {
    for_both(Config::default(), async |world| {
        let (mut alice, mut bob) = (world.signed_in("alice").await, world.signed_in("bob").await);
        let first = challenge_page(&mut alice, "/account/a").await;
        let first_code = world.code(ALICE).await;
        let second = challenge_page(&mut alice, "/account/b").await;
        let second_code = world.code(ALICE).await;
        let bobs = challenge_page(&mut bob, "/account/a").await;
        let bobs_code = world.code(BOB).await;
        // Three codes of six digits are alike once in 300 000 runs.
        assert!(first_code != second_code && first_code != bobs_code && second_code != bobs_code);

        for (page, code) in [(&second, &first_code), (&first, &second_code), (&first, &bobs_code)] {
            assert_nothing_granted(&type_code(&mut alice, page, code).await);
        }
        assert_nothing_granted(&type_code(&mut bob, &bobs, &first_code).await);
        // Another's challenge, by its id: for this browser it does not exist.
        let id = json!(id_of(&first.form("/.otpgate/verify").map(|(_, hidden)| hidden_id(&hidden)).unwrap()));
        let answer = api_verify(&mut bob, &id, &first_code).await;
        assert_eq!((answer.status, answer.problem().as_str()), (404, "no-challenge"));

        assert_eq!(type_code(&mut alice, &first, &first_code).await.status, 303);
        assert_eq!(type_code(&mut bob, &bobs, &bobs_code).await.status, 303);
    })
    .await;
}

fn assert_nothing_granted(answer: &Answer) {
    assert!(answer.location().is_none() && answer.set_cookie("otpgate_grant").is_none(), "{answer:?}");
}

fn hidden_id(hidden: &[(String, String)]) -> String {
    let id = hidden.iter().find(|(name, _)| name == "id").unwrap();
    format!("id={}", id.1)
}

/// The browser in which a challenge was opened must answer it: its subject's other browser cannot.
#[tokio::test]
async fn i3_a_code_is_good_in_its_browser_alone() {
    for_both(Config::default(), async |world| {
        let mut victim = world.signed_in("alice").await;
        let id = api_sent(&mut victim, "/account", "email").await;
        let code = world.code(ALICE).await;
        let mut thief = world.signed_in("alice").await;
        assert_eq!(api_verify(&mut thief, &id, &code).await.problem(), "no-challenge");
        // With a challenge of its own, too.
        let own = api_sent(&mut thief, "/account", "email").await;
        assert_eq!(api_verify(&mut thief, &id, &code).await.problem(), "no-challenge");
        assert_ne!(code, world.code(ALICE).await);
        assert_eq!(api_verify(&mut thief, &own, &code).await.problem(), "wrong-code");
        assert_eq!(outcome(&api_verify(&mut victim, &id, &code).await), "passed");
    })
    .await;
}

/// A code whose time is over is worth nothing, right or wrong, and a resend does not make it live longer.
#[tokio::test]
async fn o07_o23_an_expired_code_is_refused_and_a_resend_does_not_extend_it() {
    let config = Config { challenge: "{ttl: 3s, resend: {max: 3, wait: 1s}}", ..Config::default() };
    for_both(config, async |world| {
        let mut client = world.signed_in("alice").await;
        let id = api_sent(&mut client, "/account", "email").await;
        let code = world.code(ALICE).await;
        pause(Duration::from_millis(1100)).await;
        let resent = api_send(&mut client, &id, "email").await;
        assert_eq!(resent.status, 202, "{resent:?}");
        assert!(resent.json()["expires_in"].as_u64().unwrap() <= 2, "{resent:?}");
        assert_eq!(world.codes(ALICE).await, [code.clone(), code.clone()]);
        pause(Duration::from_millis(2100)).await;
        let wrong = api_verify(&mut client, &id, &other_code(&code)).await;
        let right = api_verify(&mut client, &id, &code).await;
        assert_eq!((right.status, right.problem().as_str()), (410, "expired"));
        assert!(right.set_cookie("otpgate_grant").is_none());
        assert_alike(&wrong, &right);
        assert_eq!(api_state(&mut client, &id).await["state"], "expired");
    })
    .await;
}

/// Right and wrong codes get one answer once nothing can be tried, by JSON and on the page.
#[tokio::test]
async fn o08_o13_o36_a_locked_challenge_answers_right_and_wrong_codes_alike() {
    for_both(Config { challenge: "{tries: 3}", ..Config::default() }, async |world| {
        let mut client = world.signed_in("alice").await;
        let page = challenge_page(&mut client, "/account").await;
        let code = world.code(ALICE).await;
        let id = json!(id_of(&hidden_id(&page.form("/.otpgate/verify").unwrap().1)));
        for left in [2, 1] {
            let answer = api_verify(&mut client, &id, &nth_other(&code, left)).await;
            assert_eq!((answer.status, answer.problem().as_str()), (403, "wrong-code"));
            assert_eq!(answer.json()["tries_left"], left);
            assert!(answer.set_cookie("otpgate_grant").is_none());
        }
        let last = api_verify(&mut client, &id, &nth_other(&code, 3)).await;
        let wrong = api_verify(&mut client, &id, &nth_other(&code, 4)).await;
        let right = api_verify(&mut client, &id, &code).await;
        assert_eq!((right.status, right.problem().as_str()), (403, "locked"));
        assert!(right.header("retry-after").is_some());
        assert_alike(&last, &right);
        assert_alike(&wrong, &right);
        assert_eq!(api_state(&mut client, &id).await["state"], "locked");

        let wrong = type_code(&mut client, &page, &nth_other(&code, 5)).await;
        let right = type_code(&mut client, &page, &code).await;
        assert!(right.location().is_none());
        assert_alike(&wrong, &right);
        assert_eq!(client.get("/account").await.status, 303);
    })
    .await;
}

/// The same answer but for what names the moment.
fn assert_alike(one: &Answer, other: &Answer) {
    let names = |answer: &Answer| {
        let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    };
    assert_eq!(one.status, other.status);
    assert_eq!(names(one), names(other));
    if one.body.starts_with('{') {
        let (mut one, mut other) = (one.json(), other.json());
        for value in [&mut one, &mut other] {
            value.as_object_mut().unwrap().retain(|key, _| key != "reference" && key != "retry_after");
        }
        assert_eq!(one, other);
    } else {
        assert_eq!(one.body, other.body);
    }
}

/// Nothing but a right code moves a challenge on: no address, no invented cookie, no GET with the code in it.
#[tokio::test]
async fn o15_o16_o34_nothing_but_a_posted_code_completes_a_challenge() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        let page = challenge_page(&mut browser, "/account").await;
        let code = world.code(ALICE).await;
        let (_, hidden) = page.form("/.otpgate/verify").unwrap();
        let query: String = hidden.iter().map(|(name, value)| format!("&{name}={value}")).collect();
        let id = id_of(&hidden_id(&hidden));
        for path in [
            format!("/.otpgate/verify?code={code}{query}"),
            format!("/.otpgate/api/verify?code={code}{query}"),
            format!("/.otpgate/challenge?id={id}&code={code}"),
            format!("/.otpgate/api/challenge?id={id}&code={code}&passed=true"),
            format!("/.otpgate/resume?id={id}"),
            format!("/.otpgate/finish?id={id}"),
            format!("/.otpgate/send?code={code}{query}"),
            format!("/account?otpgate_resume={id}&id={id}&code={code}"),
        ] {
            let answer = browser.get(&path).await;
            assert!(answer.set_cookie("otpgate_grant").is_none(), "{path}: {answer:?}");
            assert_ne!(answer.body, format!("GET {path}"), "{path} reached the application");
        }
        for method in ["PUT", "PATCH", "DELETE", "HEAD"] {
            let body = json!({"id": id, "code": code}).to_string();
            let answer =
                browser.send(method, "/.otpgate/api/verify", &[("content-type", "application/json")], body).await;
            assert!(answer.status >= 400 && answer.set_cookie("otpgate_grant").is_none(), "{method}: {answer:?}");
        }
        for (name, value) in [("otpgate_grant", id.as_str()), ("otpgate_resume", &id), ("otpgate_grant", "")] {
            let mut forger = browser.copy();
            forger.jar.insert(name.to_owned(), value.to_owned());
            assert_eq!(forger.get("/account").await.status, 303);
        }
        let mut wrong = browser.copy();
        let answer = type_code(&mut wrong, &page, &other_code(&code)).await;
        assert!(answer.set_cookie("otpgate_grant").is_none() && answer.set_cookie("otpgate_resume").is_none());
        assert_eq!(world.upstream.hits("/account"), 0);
        assert_eq!(type_code(&mut browser, &page, &code).await.status, 303);
    })
    .await;
}

/// Two tabs: the same page in both is one challenge and one message; another page is a challenge of its own. Passing one
/// breaks neither.
#[tokio::test]
async fn o20_two_tabs_do_not_break_each_other() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        let first = challenge_page(&mut browser, "/account/a").await;
        let same = challenge_page(&mut browser, "/account/a").await;
        assert_eq!(first.form("/.otpgate/verify").unwrap().1[0], same.form("/.otpgate/verify").unwrap().1[0]);
        assert_eq!(world.messages().await.len(), 1);
        let code = world.code(ALICE).await;
        let other = challenge_page(&mut browser, "/account/b").await;
        let other_tabs = world.code(ALICE).await;

        assert_eq!(type_code(&mut browser, &first, &code).await.location().as_deref(), Some("/account/a"));
        // The second copy of the tab: no error page that leads nowhere, and no second proof.
        let again = type_code(&mut browser, &same, &code).await;
        assert!(again.location().as_deref() == Some("/account/a") || again.body.contains("/account/a"), "{again:?}");
        let answer = type_code(&mut browser, &other, &other_tabs).await;
        assert_eq!(answer.location().as_deref(), Some("/account/b"), "{answer:?}");
        assert_eq!(browser.follow(answer).await.body, "GET /account/b");
    })
    .await;
}

/// The code goes out with the first look at the page: not with the 303, not with a prefetch or a HEAD, not on a reload.
#[tokio::test]
async fn o21_only_the_first_arrival_sends() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        let address = page_address(&browser.get("/account").await);
        for extra in [("sec-purpose", "prefetch"), ("sec-purpose", "prefetch;prerender"), ("purpose", "prefetch")] {
            let mut headers = NAVIGATION.to_vec();
            headers.push(extra);
            browser.send("GET", &address, &headers, "").await;
        }
        browser.send("HEAD", &address, NAVIGATION, "").await;
        browser.send("GET", &address, &[("sec-fetch-dest", "image"), ("sec-fetch-mode", "no-cors")], "").await;
        assert!(world.messages().await.is_empty(), "a code went out before anybody looked");
        for _ in 0..3 {
            assert_eq!(browser.get(&address).await.status, 200);
            browser.get("/account").await;
        }
        assert_eq!(world.messages().await.len(), 1);
    })
    .await;
}

/// With `send: on_click`, or with a choice of contacts, the visitor says when and where.
#[tokio::test]
async fn o21_nothing_is_sent_where_the_visitor_has_to_choose() {
    for_both(Config::default(), async |world| {
        let mut alice = world.signed_in("alice").await;
        let page = challenge_page(&mut alice, "/quiet").await;
        let mut carol = world.signed_in("carol").await;
        let choice = challenge_page(&mut carol, "/account").await;
        assert!(world.messages().await.is_empty());
        assert!(choice.body.contains("c***@w***.example") && choice.body.contains("+** *** **89"), "{}", choice.body);
        let sent = alice.submit(&page, "/.otpgate/send", &[]).await;
        let sent = alice.follow(sent).await;
        assert_eq!(sent.status, 200, "{sent:?}");
        let answer = type_code(&mut alice, &sent, &world.code(ALICE).await).await;
        assert_eq!(answer.location().as_deref(), Some("/quiet"), "{answer:?}");
        let sent = carol.submit(&choice, "/.otpgate/send", &[("channel", "voice"), ("contact", "0")]).await;
        let sent = carol.follow(sent).await;
        let answer = type_code(&mut carol, &sent, &world.code(CAROL_PHONE).await).await;
        assert_eq!(answer.location().as_deref(), Some("/account"), "{answer:?}");
        assert_eq!(world.messages().await.last().unwrap()["channel"], "voice");
    })
    .await;
}

/// Contacts are shown masked, all of a channel in the same length.
#[tokio::test]
async fn o24_contacts_are_masked() {
    for_both(Config::default(), async |world| {
        let mut carol = world.signed_in("carol").await;
        let challenge = api_challenge(&mut carol, "GET", "/account", None).await;
        assert_eq!(
            challenge["channels"],
            json!([
                {"channel": "email", "contact": 0, "to": "c***@e***.com"},
                {"channel": "email", "contact": 1, "to": "c***@w***.example"},
                {"channel": "sms", "contact": 0, "to": "+** *** **89"},
                {"channel": "voice", "contact": 0, "to": "+** *** **89"},
            ])
        );
        let page = challenge_page(&mut carol, "/account").await;
        for full in [CAROL, "carol@work.example", CAROL_PHONE, "60123456789"] {
            assert!(!page.body.contains(full) && !challenge.to_string().contains(full));
        }
    })
    .await;
}

/// The visitor chooses among the directory's contacts by number. No other number and no address of the client's own
/// choice gets a message.
#[tokio::test]
async fn o26_only_the_directorys_contacts_get_messages() {
    for_both(Config::default(), async |world| {
        let mut carol = world.signed_in("carol").await;
        let id = api_challenge(&mut carol, "GET", "/account", None).await["id"].clone();
        for body in [
            json!({"id": id, "channel": "email", "contact": 2}),
            json!({"id": id, "channel": "email", "contact": 65535}),
            json!({"id": id, "channel": "email", "contact": 65536}),
            json!({"id": id, "channel": "email", "contact": -1}),
            json!({"id": id, "channel": "email", "contact": 0.5}),
            json!({"id": id, "channel": "email", "contact": "mallory@evil.test"}),
            json!({"id": id, "channel": "email", "contact": {"to": "mallory@evil.test"}}),
            json!({"id": id, "channel": "mallory@evil.test", "contact": 0}),
            json!({"id": id, "channel": "pigeon", "contact": 0}),
            json!({"id": id, "channel": ["sms", "email"], "contact": 0}),
        ] {
            let answer = carol.call("POST", "/.otpgate/api/send", Some(body.clone())).await;
            assert!((400..500).contains(&answer.status), "{body}: {answer:?}");
            answer.problem();
        }
        let page = challenge_page(&mut carol, "/account").await;
        for contact in ["7", "-1", "mallory@evil.test", "0,1", ""] {
            carol.submit(&page, "/.otpgate/send", &[("channel", "email"), ("contact", contact)]).await;
        }
        let sent: Vec<Value> = world.messages().await;
        assert!(sent.iter().all(|message| message["to"] == CAROL), "{sent:?}");
        let with_address =
            json!({"id": id, "channel": "sms", "contact": 0, "to": "+15005550006", "email": "m@evil.test"});
        carol.call("POST", "/.otpgate/api/send", Some(with_address)).await;
        let sent: Vec<Value> = world.messages().await;
        assert!(sent.iter().all(|message| message["to"] == CAROL || message["to"] == CAROL_PHONE), "{sent:?}");
    })
    .await;
}

/// A challenge opened twice at once, as by a double click, is one challenge and one message.
#[tokio::test]
async fn x07_a_page_opened_twice_at_once_is_one_challenge() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        challenge_page(&mut browser, "/account/before").await;
        let opened = futures_util::future::join_all((0..50).map(|_| {
            let mut tab = browser.copy();
            async move { page_address(&tab.get("/account/now").await) }
        }))
        .await;
        assert!(opened.iter().all(|address| *address == opened[0]), "{opened:?}");
        let pages = futures_util::future::join_all((0..50).map(|_| {
            let mut tab = browser.copy();
            let address = &opened[0];
            async move { tab.get(address).await }
        }))
        .await;
        assert_eq!(world.messages().await.len(), 2);
        // Each of them shows where to type the code that one of them sent.
        for page in pages {
            assert!(page.status == 200 && page.form("/.otpgate/verify").is_some(), "{page:?}");
        }
    })
    .await;
}

/// Nowhere but in the message itself: not in an answer, a header, the log, the metrics or the store; nor are cookies and
/// full contacts (I9), and what the store holds cannot be read (O18).
#[tokio::test]
async fn o17_o18_i9_codes_cookies_and_contacts_appear_nowhere() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        let mut answers: Vec<Answer> = Vec::new();
        let posted = post_as(&mut browser, "/account/note", "text/plain", b"a private remark").await;
        let page = page_of(&mut browser, &posted).await;
        let code = world.code(ALICE).await;
        answers.push(type_code(&mut browser, &page, &other_code(&code)).await);
        answers.push(page);
        let mut client = world.signed_in("carol").await;
        let challenge = api_challenge(&mut client, "GET", "/account", None).await;
        let id = challenge["id"].clone();
        for channel in ["sms", "email"] {
            answers.push(api_send(&mut client, &id, channel).await);
        }
        let carols = world.code(CAROL_PHONE).await;
        answers.push(api_verify(&mut client, &id, &other_code(&carols)).await);
        answers.push(client.call("GET", &format!("/.otpgate/api/challenge?id={}", id.as_str().unwrap()), None).await);
        // With everything open still, as the store holds it; then passed.
        let stored = world.redis.as_ref().map_or_else(String::new, |redis| dump(&redis.url()));
        answers.push(api_verify(&mut client, &id, &carols).await);
        let page = challenge_page(&mut browser, "/account/page").await;
        answers.push(type_code(&mut browser, &page, &world.code(ALICE).await).await);
        for path in ["/metrics", "/readyz"] {
            answers.push(admin(&world.gateway, "GET", path, None).await);
        }

        let mut codes: Vec<String> = world.codes(ALICE).await;
        codes.push(carols);
        let contacts = [ALICE, CAROL, "carol@work.example", CAROL_PHONE, "60123456789"].map(str::to_owned);
        let log = log_without_outbox(&world.gateway.log());
        let cookies: Vec<String> = browser.jar.values().chain(client.jar.values()).cloned().collect();
        assert!(cookies.len() >= 6 && cookies.iter().all(|cookie| cookie.len() > 16), "{cookies:?}");
        assert_eq!(codes.len(), 3);
        for secret in codes.iter().chain(&contacts) {
            for answer in &answers {
                let whole = format!("{:?}\n{}", answer.headers, answer.body);
                assert!(!has(&whole, secret), "{secret} in {whole}");
            }
        }
        let remark = ["a private remark".to_owned(), "YSBwcml2YXRlIHJlbWFyaw".to_owned()];
        for secret in codes.iter().chain(&contacts).chain(&cookies).chain(&remark) {
            assert!(!has(&log, secret), "{secret} in the log");
            assert!(!has(&stored, secret), "{secret} in the store");
        }
        assert!(!stored.contains("6012345"), "the guard against pumping goes by prefixes: most of a number");
        for subject in ["alice", "carol"] {
            assert!(!stored.contains(subject), "{subject} is readable in the store");
        }
    })
    .await;
}

/// Whether `text` has `secret` in it; one of digits only where no other digit is beside it.
fn has(text: &str, secret: &str) -> bool {
    text.match_indices(secret).any(|(at, _)| {
        let digit = |byte: Option<&u8>| secret.len() == 6 && byte.is_some_and(u8::is_ascii_hexdigit);
        !digit(text.as_bytes()[..at].last()) && !digit(text.as_bytes().get(at + secret.len()))
    })
}

/// The log without the lines in which the outbox provider does what it is for.
fn log_without_outbox(log: &str) -> String {
    log.lines().filter(|line| !line.contains("otpgate::outbox")).collect::<Vec<_>>().join("\n")
}

/// Everything in a Redis, key names and all.
pub fn dump(url: &str) -> String {
    let mut redis = redis::Client::open(url).unwrap().get_connection().unwrap();
    let mut out = Vec::new();
    let keys: Vec<Vec<u8>> = redis.keys("*").unwrap();
    assert!(!keys.is_empty());
    for key in keys {
        out.extend_from_slice(&key);
        let kind: String = redis::cmd("TYPE").arg(&key).query(&mut redis).unwrap();
        let ttl: i64 = redis.ttl(&key).unwrap();
        assert!(ttl > 0, "the key {} never expires", String::from_utf8_lossy(&key));
        let parts: Vec<Vec<u8>> = match kind.as_str() {
            "string" => vec![redis.get(&key).unwrap()],
            "hash" => redis.hgetall(&key).unwrap(),
            "list" => redis.lrange(&key, 0, -1).unwrap(),
            "set" => redis.smembers(&key).unwrap(),
            "zset" => redis.zrange(&key, 0, -1).unwrap(),
            "stream" => vec![redis::cmd("DUMP").arg(&key).query(&mut redis).unwrap()],
            other => panic!("a {other} in the store"),
        };
        for part in parts {
            out.push(b'\n');
            out.extend_from_slice(&part);
        }
        out.push(b'\n');
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A locked subject's good grant stays good: an attacker who locks the account on purpose locks nobody out who has
/// passed before (O14).
#[tokio::test]
async fn o14_a_lock_stops_new_tries_and_no_good_grant() {
    for_both(Config { limits: "{failures: {per_subject: 3/1h}}", ..Config::default() }, async |world| {
        let mut victim = world.signed_in("alice").await;
        world.pass(&mut victim, "/account", ALICE).await;
        let mut attacker = world.signed_in("alice").await;
        let id = api_sent(&mut attacker, "/account", "email").await;
        let code = world.code(ALICE).await;
        for n in 1..=3 {
            api_verify(&mut attacker, &id, &nth_other(&code, n)).await;
        }
        let locked = api_verify(&mut attacker, &id, &code).await;
        assert_eq!(locked.problem(), "locked");
        let wait: u64 = locked.header("retry-after").unwrap().parse().unwrap();
        assert!((3500..=3600).contains(&wait), "{wait}");
        assert_eq!(victim.get("/account").await.status, 200);

        // Without the application's own sign-in nobody can lock anybody.
        let mut stranger: Client = world.browser();
        assert_eq!(stranger.get("/account").await.location().as_deref(), Some("/login"));
    })
    .await;
}
