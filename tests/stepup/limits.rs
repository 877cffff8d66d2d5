//! Limits hold exactly, whatever is tried: resends, new challenges, other browsers and addresses, restarts, and
//! everything at once (I4).

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, Client};
use crate::world::*;

/// As many outcomes of each kind.
fn tally<'a>(answers: impl IntoIterator<Item = &'a Answer>) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    for answer in answers {
        *tally.entry(outcome(answer)).or_default() += 1;
    }
    tally
}

async fn verify_at_once(client: &Client, id: &Value, codes: Vec<String>) -> Vec<Answer> {
    join_all(codes.into_iter().map(|code| {
        let (mut copy, id) = (client.copy(), id.clone());
        async move { api_verify(&mut copy, &id, &code).await }
    }))
    .await
}

/// A resend has the same code and the same expiry. There are three, each after its wait, and then no more.
#[tokio::test]
async fn o21_o22_resends_repeat_the_code_wait_and_end() {
    let config = Config { challenge: "{ttl: 30s, resend: {max: 3, wait: [1s, 2s, 3s]}}", ..Config::default() };
    for_both(config, async |world| {
        let mut client = world.signed_in("alice").await;
        let id = api_challenge(&mut client, "GET", "/account", None).await["id"].clone();
        let mut last_expiry = 31;
        for (wait, left) in [(1, 3), (2, 2), (3, 1), (0, 0)] {
            let sent = api_send(&mut client, &id, "email").await;
            assert_eq!(sent.status, 202, "{sent:?}");
            let body = sent.json();
            assert_eq!(body["to"], "a***@e***.com");
            assert_eq!(body["sends_left"], left);
            let expiry = body["expires_in"].as_u64().unwrap();
            assert!(expiry < last_expiry, "a resend lengthens the code's life: {expiry} after {last_expiry}");
            last_expiry = expiry;
            let early = api_send(&mut client, &id, "email").await;
            assert_eq!((early.status, early.problem().as_str()), (429, "too-many-sends"), "{early:?}");
            let retry: u64 = early.header("retry-after").unwrap().parse().unwrap();
            if left > 0 {
                assert_eq!(body["resend_in"], wait);
                assert_eq!(retry, wait);
                pause(Duration::from_millis(wait * 1000 + 50)).await;
            } else {
                // None is left until the code's time is over.
                assert!((15..=30).contains(&retry), "{retry}");
            }
        }
        let codes = world.codes(ALICE).await;
        assert_eq!(codes.len(), 4);
        assert!(codes.iter().all(|code| *code == codes[0]), "{codes:?}");
        assert_eq!(outcome(&api_verify(&mut client, &id, &codes[0]).await), "passed");
    })
    .await;
}

/// Without settings the waits are those of the design, and the page says when it can be asked again.
#[tokio::test]
async fn o21_the_first_resend_waits_thirty_seconds() {
    for_both(Config::default(), async |world| {
        let mut client = world.signed_in("alice").await;
        let page = challenge_page(&mut client, "/account").await;
        let id =
            json!(id_of(
                &page.form("/.otpgate/verify").unwrap().1.iter().fold(String::new(), |all, (name, value)| {
                    if name == "id" { format!("id={value}") } else { all }
                })
            ));
        let early = api_send(&mut client, &id, "email").await;
        assert_eq!(early.problem(), "too-many-sends");
        let wait: u64 = early.header("retry-after").unwrap().parse().unwrap();
        assert!((28..=30).contains(&wait), "{wait}");
        client.submit(&page, "/.otpgate/send", &[]).await;
        assert_eq!(world.messages().await.len(), 1);
    })
    .await;
}

/// Another channel is a resend like any other: the same code, the same budget (D13).
#[tokio::test]
async fn o22_another_channel_carries_the_same_code_on_the_same_budget() {
    let config = Config { challenge: "{resend: {max: 2, wait: 1s}}", ..Config::default() };
    for_both(config, async |world| {
        let mut client = world.signed_in("carol").await;
        let id = api_sent(&mut client, "/account", "email").await;
        assert_eq!(api_send(&mut client, &id, "sms").await.problem(), "too-many-sends");
        for channel in ["sms", "voice"] {
            pause(Duration::from_millis(1050)).await;
            assert_eq!(api_send(&mut client, &id, channel).await.status, 202);
        }
        pause(Duration::from_millis(1050)).await;
        assert_eq!(api_send(&mut client, &id, "email").await.problem(), "too-many-sends");
        let code = world.code(CAROL).await;
        assert_eq!(world.codes(CAROL_PHONE).await, [code.clone(), code.clone()]);
        assert_eq!(outcome(&api_verify(&mut client, &id, &code).await), "passed");
    })
    .await;
}

/// `limits.sends.per_subject`, exactly: over new challenges, browsers and addresses. Other subjects are not touched, and
/// what is passed is given back.
#[tokio::test]
async fn i4_sends_per_subject_are_exact() {
    for_both(Config { limits: "{sends: {per_subject: 3/1h}}", ..Config::default() }, async |world| {
        let mut passing = world.signed_in("alice").await;
        for n in 0..4 {
            world.pass(&mut passing, &format!("/pay/{n}"), ALICE).await;
        }
        for n in 0..3 {
            let mut client = world.signed_in("alice").await.behind(&format!("198.51.100.{n}"));
            api_sent(&mut client, "/account", "email").await;
        }
        let mut client = world.signed_in("alice").await.behind("192.0.2.77");
        let id = api_challenge(&mut client, "GET", "/account", None).await["id"].clone();
        let answer = api_send(&mut client, &id, "email").await;
        assert_eq!((answer.status, answer.problem().as_str()), (429, "too-many-sends"));
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((3500..=3600).contains(&wait), "{wait}");
        // The page says so, too, and sends nothing.
        let address = page_address(&client.get("/account/page").await);
        let page = client.get(&address).await;
        assert!(page.status == 429 && page.form("/.otpgate/verify").is_none(), "{page:?}");
        assert_eq!(world.codes(ALICE).await.len(), 7);
        api_sent(&mut world.signed_in("bob").await, "/account", "email").await;
    })
    .await;
}

/// `limits.sends.per_contact`: two people with one telephone share it, whether it is called or written to (D11, D13).
#[tokio::test]
async fn i4_sends_per_contact_are_exact() {
    for_both(Config { limits: "{sends: {per_contact: 3/1h}}", ..Config::default() }, async |world| {
        for (subject, channel) in [("dave", "sms"), ("erin", "voice"), ("erin", "sms")] {
            api_sent(&mut world.signed_in(subject).await, "/account", channel).await;
        }
        for (subject, channel) in [("dave", "sms"), ("erin", "voice")] {
            let mut client = world.signed_in(subject).await;
            let id = api_challenge(&mut client, "GET", "/account", None).await["id"].clone();
            assert_eq!(api_send(&mut client, &id, channel).await.problem(), "too-many-sends");
        }
        assert_eq!(world.messages().await.len(), 3);
    })
    .await;
}

/// `limits.sends.per_ip` and `per_network`, over subjects.
#[tokio::test]
async fn i4_sends_per_address_and_network_are_exact() {
    let limits = "{sends: {per_ip: 2/1h, per_network: 3/1h}}";
    for_both(Config { limits, ..Config::default() }, async |world| {
        let ask = async |subject: &str, channel: &str, address: &str| {
            let mut client = world.signed_in(subject).await.behind(address);
            let id = api_challenge(&mut client, "GET", "/account", None).await["id"].clone();
            api_send(&mut client, &id, channel).await.status
        };
        assert_eq!(ask("alice", "email", "198.51.100.1").await, 202);
        assert_eq!(ask("bob", "email", "198.51.100.1").await, 202);
        assert_eq!(ask("carol", "email", "198.51.100.1").await, 429);
        assert_eq!(ask("carol", "email", "198.51.100.2").await, 202);
        assert_eq!(ask("dave", "sms", "198.51.100.3").await, 429);
        assert_eq!(ask("dave", "sms", "198.51.101.3").await, 202);
        // A client of IPv6 has a whole /64, and its network is the /48.
        assert_eq!(ask("alice", "email", "2001:db8:1:1::1").await, 202);
        assert_eq!(ask("bob", "email", "2001:db8:1:1:ffff::2").await, 202);
        assert_eq!(ask("carol", "email", "2001:db8:1:1:1234::3").await, 429);
        assert_eq!(ask("carol", "email", "2001:db8:1:2::1").await, 202);
        assert_eq!(ask("erin", "sms", "2001:db8:1:3::1").await, 429);
    })
    .await;
}

/// Wrong codes are counted for the subject: over resends, new challenges, other browsers, addresses, channels and
/// endpoints.
#[tokio::test]
async fn o09_o10_i4_failures_survive_resends_challenges_browsers_addresses_and_channels() {
    let (challenge, limits) = ("{resend: {max: 3, wait: 1s}}", "{failures: {per_subject: 7/1h}}");
    for_both(Config { challenge, limits, ..Config::default() }, async |world| {
        let mut client = world.signed_in("carol").await;
        let id = api_sent(&mut client, "/account", "email").await;
        let code = world.code(CAROL).await;
        let wrong = |n| nth_other(&code, n);
        for n in 1..=2 {
            assert_eq!(api_verify(&mut client, &id, &wrong(n)).await.problem(), "wrong-code");
        }
        pause(Duration::from_millis(1050)).await;
        api_send(&mut client, &id, "sms").await;
        assert_eq!(api_verify(&mut client, &id, &wrong(3)).await.json()["tries_left"], 2);

        let mut second = world.signed_in("carol").await.behind("198.51.100.7");
        let other = api_sent(&mut second, "/account/elsewhere", "voice").await;
        let others_code = world.code(CAROL_PHONE).await;
        assert_eq!(api_verify(&mut second, &other, &nth_other(&others_code, 1)).await.problem(), "wrong-code");
        let page = second.get(&format!("/.otpgate/challenge?id={}", other.as_str().unwrap())).await;
        type_code(&mut second, &page, &nth_other(&others_code, 2)).await;
        second.always = vec![("x-forwarded-for".to_owned(), "203.0.113.9".to_owned())];
        assert_eq!(api_verify(&mut second, &other, &nth_other(&others_code, 3)).await.problem(), "wrong-code");
        // The seventh wrong code locks the subject: in each browser, for right codes too.
        assert_eq!(api_verify(&mut client, &id, &wrong(4)).await.problem(), "locked");
        assert_eq!(api_verify(&mut client, &id, &code).await.problem(), "locked");
        assert_eq!(api_verify(&mut second, &other, &others_code).await.problem(), "locked");
        // Nor is there a message for it any more.
        let sent = world.messages().await.len();
        let mut third = world.signed_in("carol").await;
        let id = api_challenge(&mut third, "GET", "/account", None).await["id"].clone();
        let answer = api_send(&mut third, &id, "email").await;
        assert_eq!((answer.status, answer.problem().as_str()), (403, "locked"), "{answer:?}");
        assert_eq!(world.messages().await.len(), sent);
    })
    .await;
}

/// Many users and one guess each, from one address.
#[tokio::test]
async fn o11_spraying_from_one_address_ends() {
    let contacts = (0..12).map(|n| format!("user{n}: {{email: user{n}@example.com}}\n")).collect();
    let config = Config { contacts, limits: "{failures: {per_ip: 8/1h}}", ..Config::default() };
    for_both(config, async |world| {
        let mut outcomes = Vec::new();
        for n in 0..12 {
            let mut client = world.signed_in(&format!("user{n}")).await.behind("198.51.100.66");
            let id = api_sent(&mut client, "/account", "email").await;
            let code = world.code(&format!("user{n}@example.com")).await;
            outcomes.push(outcome(&api_verify(&mut client, &id, &other_code(&code)).await));
            if n == 11 {
                assert_eq!(outcome(&api_verify(&mut client, &id, &code).await), "locked");
                // The person at home is not locked with the sprayer.
                client.always = vec![("x-forwarded-for".to_owned(), "192.0.2.1".to_owned())];
                assert_eq!(outcome(&api_verify(&mut client, &id, &code).await), "passed");
            }
        }
        let wrong = outcomes.iter().take_while(|outcome| *outcome == "wrong-code").count();
        assert!((7..=8).contains(&wrong), "{outcomes:?}");
        assert!(outcomes[wrong..].iter().all(|outcome| outcome == "locked"), "{outcomes:?}");
    })
    .await;
}

/// Counters and challenges live in the store: a restart of the gateway forgets none.
#[tokio::test]
async fn o12_i4_counters_survive_a_restart() {
    let limits = "{failures: {per_subject: 4/1h}, sends: {per_subject: 2/1h}}";
    let mut world = World::with_redis(&Config { limits, ..Config::default() });
    let mut client = world.signed_in("alice").await;
    let id = api_sent(&mut client, "/account", "email").await;
    let code = world.code(ALICE).await;
    for n in 1..=2 {
        assert_eq!(api_verify(&mut client, &id, &nth_other(&code, n)).await.problem(), "wrong-code");
    }
    world.gateway.restart();
    let mut client = at(&world.gateway, &client);
    assert_eq!(api_verify(&mut client, &id, &nth_other(&code, 3)).await.json()["tries_left"], 2);
    world.gateway.restart();
    let mut client = at(&world.gateway, &client);
    assert_eq!(api_verify(&mut client, &id, &nth_other(&code, 4)).await.problem(), "locked");
    assert_eq!(api_verify(&mut client, &id, &code).await.problem(), "locked");
    let unlocked = admin(&world.gateway, "POST", "/unlock", Some(json!({"subject": "alice"}))).await;
    assert_eq!(unlocked.status, 200, "{unlocked:?}");
    let mut client = world.signed_in("alice").await;
    api_sent(&mut client, "/account", "email").await;
    world.gateway.restart();
    let mut client = world.signed_in("alice").await;
    let id = api_challenge(&mut client, "GET", "/account", None).await["id"].clone();
    assert_eq!(api_send(&mut client, &id, "email").await.problem(), "too-many-sends");
}

/// 200 right answers at once: one passes.
#[tokio::test]
async fn x01_i3_parallel_right_answers_pass_once() {
    for_both(Config::default(), async |world| {
        let mut client = world.signed_in("alice").await;
        let id = api_sent(&mut client, "/account", "email").await;
        let code = world.code(ALICE).await;
        let answers = verify_at_once(&client, &id, vec![code; 200]).await;
        let tally = tally(&answers);
        assert_eq!(tally["passed"], 1, "{tally:?}");
        assert_eq!(answers.iter().filter(|answer| answer.set_cookie("otpgate_grant").is_some()).count(), 1);
        // What the others are told depends on whether they still found the browser's challenge.
        assert!(tally.keys().all(|kind| ["passed", "expired", "no-challenge"].contains(&kind.as_str())), "{tally:?}");
    })
    .await;
}

/// The same with the form of the page.
#[tokio::test]
async fn x01_parallel_forms_with_the_right_code_pass_once() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        let posted = post_as(&mut browser, "/account/order", "text/plain", b"one order").await;
        let page = page_of(&mut browser, &posted).await;
        let code = world.code(ALICE).await;
        let answers = join_all((0..50).map(|_| {
            let mut copy = browser.copy();
            let (page, code) = (&page, &code);
            async move { (type_code(&mut copy, page, code).await, copy) }
        }))
        .await;
        let granted = answers.iter().filter(|(answer, _)| answer.set_cookie("otpgate_grant").is_some()).count();
        assert_eq!(granted, 1);
        for (answer, mut copy) in answers {
            copy.follow(answer).await;
        }
        assert_eq!(world.upstream.seen_at("/account/order").iter().filter(|seen| seen.method == "POST").count(), 1);
    })
    .await;
}

/// 200 wrong answers at once: no more are looked at than there are tries.
#[tokio::test]
async fn x02_i4_parallel_wrong_answers_are_counted_exactly() {
    let limits = "{failures: {per_subject: 9/1h}}";
    for_both(Config { limits, ..Config::default() }, async |world| {
        let mut client = world.signed_in("alice").await;
        let id = api_sent(&mut client, "/account", "email").await;
        let code = world.code(ALICE).await;
        let wrong = |from: u64| (from..from + 200).map(|n| nth_other(&code, n)).collect::<Vec<_>>();
        // Four are told that they are wrong, the fifth locks the challenge.
        let tallied = tally(&verify_at_once(&client, &id, wrong(1)).await);
        assert_eq!(tallied, BTreeMap::from([("locked".to_owned(), 196), ("wrong-code".to_owned(), 4)]));
        assert_eq!(outcome(&api_verify(&mut client, &id, &code).await), "locked");

        // The subject's limit of nine is reached by the fourth of the next challenge.
        let mut client = world.signed_in("alice").await;
        let id = api_sent(&mut client, "/account", "email").await;
        let code = world.code(ALICE).await;
        let wrong = (1..=200).map(|n| nth_other(&code, n)).collect();
        let tallied = tally(&verify_at_once(&client, &id, wrong).await);
        assert_eq!(tallied, BTreeMap::from([("locked".to_owned(), 197), ("wrong-code".to_owned(), 3)]));
        assert_eq!(outcome(&api_verify(&mut client, &id, &code).await), "locked");
    })
    .await;
}

/// One right code among 200 wrong ones passes at most once, and never after the tries are used up.
#[tokio::test]
async fn x05_a_right_code_in_a_crowd_of_wrong_ones_wins_no_extra_try() {
    for_both(Config::default(), async |world| {
        let mut client = world.signed_in("alice").await;
        let id = api_sent(&mut client, "/account", "email").await;
        let code = world.code(ALICE).await;
        let crowd = (0..100).map(|n| if n == 50 { code.clone() } else { nth_other(&code, n + 1) }).collect();
        let tallied = tally(&verify_at_once(&client, &id, crowd).await);
        assert!(tallied.get("passed").is_none_or(|&passed| passed == 1), "{tallied:?}");
        assert!(tallied.get("wrong-code").is_none_or(|&wrong| wrong <= 4), "{tallied:?}");
    })
    .await;
}

/// 100 requests for a message at once send one; the same for resends.
#[tokio::test]
async fn x04_i4_parallel_resends_send_one_message() {
    // Long enough for a hundred requests, however busy the machine is.
    let config = Config { challenge: "{resend: {max: 3, wait: 4s}}", ..Config::default() };
    for_both(config, async |world| {
        let mut client = world.signed_in("alice").await;
        let id = api_challenge(&mut client, "GET", "/account", None).await["id"].clone();
        for round in 1..=2 {
            let answers = join_all((0..100).map(|_| {
                let (mut copy, id) = (client.copy(), id.clone());
                async move { api_send(&mut copy, &id, "email").await }
            }))
            .await;
            assert_eq!(answers.iter().filter(|answer| answer.status == 202).count(), 1);
            assert!(answers.iter().all(|answer| answer.status == 202 || answer.problem() == "too-many-sends"));
            assert_eq!(world.messages().await.len(), round);
            if round == 1 {
                pause(Duration::from_millis(4050)).await;
            }
        }
    })
    .await;
}

/// No order of anything yields more: a random walk over what a visitor can do, with a seed that a failure names.
#[tokio::test]
async fn i4_no_sequence_yields_more_tries_or_sends() {
    let (challenge, limits) =
        ("{tries: 3, resend: {max: 3, wait: 1s}}", "{failures: {per_subject: 6/1h}, sends: {per_subject: 5/1h}}");
    for_both(Config { challenge, limits, ..Config::default() }, async |world| {
        for seed in [1_u64, 7, 42] {
            let subject = ["alice", "bob", "carol"][usize::try_from(seed % 3).unwrap()];
            let mut state = seed;
            let mut random = |below: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % below
            };
            let (mut wrong, mut sent) = (0, 0);
            let mut client = world.signed_in(subject).await;
            let mut ids: Vec<(Client, Value)> = Vec::new();
            for _ in 0..60 {
                match random(5) {
                    0 => client = world.signed_in(subject).await.behind(&format!("203.0.113.{}", random(250))),
                    1 => {
                        let path = format!("/pay/{}", random(4));
                        let id = api_challenge(&mut client, "GET", &path, None).await["id"].clone();
                        ids.push((client.copy(), id));
                    }
                    2 if !ids.is_empty() => {
                        let place = usize::try_from(random(ids.len() as u64)).unwrap();
                        let (browser, id) = &mut ids[place];
                        sent += usize::from(api_send(browser, id, "email").await.status == 202);
                    }
                    _ if !ids.is_empty() => {
                        let place = usize::try_from(random(ids.len() as u64)).unwrap();
                        let (browser, id) = &mut ids[place];
                        // Right once in a million runs of this test.
                        let answer = api_verify(browser, id, &format!("{:06}", random(1_000_000))).await;
                        wrong += usize::from(answer.problem() == "wrong-code");
                    }
                    _ => {}
                }
            }
            assert!(wrong <= 6 && sent <= 5, "seed {seed}: {wrong} tries and {sent} sends");
        }
    })
    .await;
}
