//! Whose a challenge, a grant and a cookie is, and that nobody learns who exists (I7).

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Answer, Client, NAVIGATION};
use crate::world::*;

const ASK: &str = "identity: {ask: {domains: corp.example, addresses: guest@other.example}}";

/// A site whose single sign-on names the subject in a header.
const HEADER: &str = "identity: {header: {name: X-Remote-User, from: 127.0.0.1}}";

/// The browser gets a new name with success, and the one that an attacker may have planted is dead (C01).
#[tokio::test]
async fn c01_success_renames_the_browser() {
    for_both(Config::default(), async |world| {
        let mut attacker = world.signed_in("alice").await;
        challenge_page(&mut attacker, "/account").await;
        let planted = attacker.jar["otpgate_browser"].clone();

        let mut victim = world.signed_in("alice").await;
        victim.jar.insert("otpgate_browser".to_owned(), planted.clone());
        world.pass(&mut victim, "/account/other", ALICE).await;
        assert_ne!(victim.jar["otpgate_browser"], planted);
        assert_eq!(attacker.get("/account/other").await.status, 303);
        assert_eq!(attacker.get("/account").await.status, 303);

        // A name of the attacker's own invention is none.
        for made_up in ["", "AAAAAAAAAAAAAAAAAAAAAA", "x", "../../etc", "0"] {
            let mut browser = world.signed_in("bob").await;
            browser.jar.insert("otpgate_browser".to_owned(), made_up.to_owned());
            let answer = browser.get("/account").await;
            assert_eq!(answer.status, 303);
        }
    })
    .await;
}

/// The grant of one subject is worth nothing while the application knows another (C05), nor on another site (C07).
#[tokio::test]
async fn c05_c07_a_grant_is_its_subjects_and_its_sites() {
    let sites = "  - hosts: other.test\n    upstream: {servers: \"127.0.0.1:{upstream}\"}\n    \
                 identity: {login: {path: /login, field: email, session_cookie: SID}}\n    sign_in: /login\n    \
                 directory: [{file: contacts.yaml}]\n    default_policy: account";
    for_both(Config { sites, ..Config::default() }, async |world| {
        let mut alice = world.signed_in("alice").await;
        world.pass(&mut alice, "/account", ALICE).await;
        let grant = alice.jar["otpgate_grant"].clone();

        let mut bob = world.signed_in("bob").await;
        bob.jar.insert("otpgate_grant".to_owned(), grant.clone());
        page_address(&bob.get("/account").await);
        let mut nobody = world.browser();
        nobody.jar.insert("otpgate_grant".to_owned(), grant.clone());
        assert_eq!(nobody.get("/account").await.location().as_deref(), Some("/login"));

        let mut elsewhere = Client::new("other.test", world.gateway.port);
        sign_in(&mut elsewhere, "alice").await;
        elsewhere.jar.insert("otpgate_grant".to_owned(), grant);
        page_address(&elsewhere.get("/account").await);
        assert_eq!(alice.get("/account").await.status, 200);
    })
    .await;
}

/// Somebody else signs in, in the same browser, between the page and the code: the code is worth nothing to them (R11).
#[tokio::test]
async fn i3_the_subject_must_be_the_same_throughout() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        let answer = post_as(&mut browser, "/account/form", "text/plain", b"of alice").await;
        let page = page_of(&mut browser, &answer).await;
        let code = world.code(ALICE).await;
        sign_in(&mut browser, "bob").await;
        let answer = type_code(&mut browser, &page, &code).await;
        assert!(answer.set_cookie("otpgate_grant").is_none(), "{answer:?}");
        assert!(answer.status >= 400 || answer.location().is_none());
        page_address(&browser.get("/account").await);
        // Back as Alice, the challenge is still hers.
        sign_in(&mut browser, "alice").await;
        let answer = type_code(&mut browser, &page, &code).await;
        assert_eq!(browser.follow(answer).await.body, "POST /account/form");

        // After the code, before coming back: the form is not sent as Bob.
        let mut browser = world.signed_in("alice").await;
        let answer = post_as(&mut browser, "/account/form2", "text/plain", b"of alice").await;
        let page = page_of(&mut browser, &answer).await;
        let passed = type_code(&mut browser, &page, &world.code(ALICE).await).await;
        sign_in(&mut browser, "bob").await;
        let answer = browser.follow(passed).await;
        assert!(answer.status >= 400, "{answer:?}");
        assert!(world.upstream.seen_at("/account/form2").is_empty());
    })
    .await;
}

/// A proof on one channel does not do where another is wanted (C08), and a stricter `max_age` asks anew (C10).
#[tokio::test]
async fn c08_c10_another_channel_or_a_shorter_age_asks_anew() {
    for_both(Config::default(), async |world| {
        let mut carol = world.signed_in("carol").await;
        let id = api_sent(&mut carol, "/account", "email").await;
        let code = world.code(CAROL).await;
        assert_eq!(outcome(&api_verify(&mut carol, &id, &code).await), "passed");
        assert_eq!(carol.get("/account").await.status, 200);
        assert_eq!(carol.get("/brief").await.status, 200);
        // Her e-mail is no telephone; and the page offers nothing but the telephone.
        let challenge = api_challenge(&mut carol, "GET", "/phone", None).await;
        assert_eq!(challenge["channels"], json!([{"channel": "sms", "contact": 0, "to": "+** *** **89"}]));
        let by_mail = api_send(&mut carol, &challenge["id"], "email").await;
        assert!((400..500).contains(&by_mail.status), "{by_mail:?}");
        api_send(&mut carol, &challenge["id"], "sms").await;
        let code = world.code(CAROL_PHONE).await;
        assert_eq!(outcome(&api_verify(&mut carol, &challenge["id"], &code).await), "passed");
        assert_eq!(carol.get("/phone").await.status, 200);
        assert_eq!(carol.get("/account").await.status, 200);

        pause(Duration::from_millis(4200)).await;
        page_address(&carol.get("/brief").await);
        assert_eq!(carol.get("/account").await.status, 200);
    })
    .await;
}

/// The application's logout, a changed session cookie and the gateway's own logout each end what they should.
#[tokio::test]
async fn logouts_are_seen() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        world.pass(&mut browser, "/account", ALICE).await;
        let before = browser.copy();
        browser.get("/logout").await;
        assert!(!browser.jar.contains_key("SID"));
        assert_eq!(browser.get("/account").await.location().as_deref(), Some("/login"));
        // The old session cookie means nobody now, whatever the application thinks.
        assert_eq!(before.copy().get("/account").await.location().as_deref(), Some("/login"));

        let mut browser = world.signed_in("alice").await;
        browser.get("/rotate").await;
        assert_eq!(browser.get("/account").await.location().as_deref(), Some("/login"));

        let mut browser = world.signed_in("bob").await;
        world.pass(&mut browser, "/account", BOB).await;
        let stolen = browser.copy();
        let answer = browser.post("/.otpgate/logout", &[]).await;
        assert!(answer.status < 400, "{answer:?}");
        assert!(!browser.jar.contains_key("otpgate_grant"));
        page_address(&stolen.copy().get("/account").await);
        page_address(&browser.get("/account").await);
    })
    .await;
}

/// A wrong password makes nobody a subject.
#[tokio::test]
async fn i7_a_failed_login_names_nobody() {
    for_both(Config::default(), async |world| {
        let mut browser = world.browser();
        browser.jar.insert("SID".to_owned(), "fixed-by-somebody".to_owned());
        browser.post("/login", &[("email", "alice"), ("password", "wrong")]).await;
        assert_eq!(browser.get("/account").await.location().as_deref(), Some("/login"));
        // Two subjects in one form are none.
        browser.jar.clear();
        browser.post("/login", &[("email", "alice"), ("email", "bob"), ("password", "right")]).await;
        assert_eq!(browser.get("/account").await.location().as_deref(), Some("/login"));
        assert!(world.messages().await.is_empty());
    })
    .await;
}

/// A subject that the directory does not know, and one without a contact: a page that says what to do, and no message.
#[tokio::test]
async fn i7_a_visitor_without_a_contact_gets_a_page_with_a_way_on() {
    for_both(Config::default(), async |world| {
        for subject in ["zoe", "ALICE", "alice@example.com"] {
            let mut browser = world.signed_in(subject).await;
            let address = page_address(&browser.get("/account").await);
            let page = browser.get(&address).await;
            assert_eq!(page.status, 403);
            assert!(page.body.contains("<h1") && page.form("/.otpgate/").is_none(), "{}", page.body);
            let challenge = api_challenge(&mut browser, "GET", "/account", None).await;
            assert_eq!(challenge["channels"], json!([]));
            let answer = api_send(&mut browser, &challenge["id"], "email").await;
            assert!((400..500).contains(&answer.status), "{answer:?}");
        }
        assert!(world.messages().await.is_empty());
    })
    .await;
}

/// A header is believed from the peers that are named, and once.
#[tokio::test]
async fn i5_a_header_names_the_subject_for_its_peers_alone() {
    for_both(Config { site: HEADER, ..Config::default() }, async |world| {
        let mut alice = world.browser();
        alice.always = vec![("x-remote-user".to_owned(), "alice".to_owned())];
        world.pass(&mut alice, "/account", ALICE).await;
        let forwarded = world.upstream.last();
        assert_eq!(forwarded.header("x-otpgate-subject"), Some("alice"));
        // Another subject's header with this grant; two headers; none.
        let mut other = alice.copy();
        other.always = vec![("x-remote-user".to_owned(), "bob".to_owned())];
        page_address(&other.get("/account").await);
        let mut both = alice.copy();
        both.always.push(("x-remote-user".to_owned(), "bob".to_owned()));
        assert_eq!(both.get("/account").await.status, 403);
        let mut none = alice.copy();
        none.always.clear();
        assert_ne!(none.get("/account").await.status, 200);
    })
    .await;
}

/// `ask`: the visitor types an address, gets a code, and is whom the code proved.
#[tokio::test]
async fn an_asked_visitor_proves_an_address() {
    for_both(Config { site: ASK, ..Config::default() }, async |world| {
        for (typed, to) in [("kim@corp.example", "kim@corp.example"), ("Guest@Other.example", "guest@other.example")] {
            let mut browser = world.browser();
            let answer = post_as(&mut browser, "/account/form", "text/plain", typed.as_bytes()).await;
            let page = page_of(&mut browser, &answer).await;
            let page = type_address(&mut browser, &page, typed).await;
            within(Duration::from_secs(2), "the message", async || !world.messages().await.is_empty()).await;
            let message = world.messages().await.pop().unwrap();
            assert!(message["to"].as_str().unwrap().eq_ignore_ascii_case(to), "{message}");
            let answer = type_code(&mut browser, &page, message["code"].as_str().unwrap()).await;
            assert_eq!(answer.location().as_deref(), Some("/account/form"), "{answer:?}");
            assert_eq!(browser.follow(answer).await.body, "POST /account/form");
            assert_eq!(world.upstream.last().header("x-otpgate-subject"), Some(to));
            assert_eq!(world.upstream.last().body, typed.as_bytes());
            assert_eq!(browser.get("/account").await.status, 200);
        }
    })
    .await;
}

/// Types an address on the page that asks for one, and follows to the code page.
async fn type_address(browser: &mut Client, page: &Answer, address: &str) -> Answer {
    let answer = browser.submit(page, "/.otpgate/ask", &[("address", address)]).await;
    browser.follow(answer).await
}

/// An address that is not allowed is answered like one that is: status, headers, cookies, page and time. No code is
/// right for it, and no message goes anywhere (O25, I7).
#[tokio::test]
async fn o25_i7_unknown_and_known_addresses_look_alike() {
    for_both(
        Config { site: ASK, limits: "{typed: {per_ip: 1000/1h, per_network: 1000/1h}}", ..Config::default() },
        async |world| {
            let (mut known_time, mut unknown_time) = (Vec::new(), Vec::new());
            for n in 0..15 {
                let mut walks = Vec::new();
                for (address, times) in [
                    (format!("k{n}@corp.example"), &mut known_time),
                    (format!("k{n}@cyber.example"), &mut unknown_time),
                ] {
                    let mut browser = world.browser();
                    let page = challenge_page(&mut browser, "/account").await;
                    let started = Instant::now();
                    let asked = browser.submit(&page, "/.otpgate/ask", &[("address", &address)]).await;
                    times.push(started.elapsed());
                    let shown = browser.follow(asked.clone()).await;
                    let wrong = type_code(&mut browser, &shown, "000000").await;
                    let empty = type_code(&mut browser, &shown, "").await;
                    let resend = browser.submit(&shown, "/.otpgate/send", &[]).await;
                    let resend = browser.follow(resend).await;
                    let again = browser.get("/account").await;
                    let names: Vec<String> = browser.jar.keys().cloned().collect();
                    walks.push(([asked, shown, wrong, empty, resend, again].map(|answer| blurred(&answer)), names));
                }
                let (unknown, known) = (walks.pop().unwrap(), walks.pop().unwrap());
                assert_eq!(known.1, unknown.1);
                for (known, unknown) in known.0.iter().zip(&unknown.0) {
                    assert_eq!((known.0, &known.1), (unknown.0, &unknown.1));
                    for (known, unknown) in known.2.lines().zip(unknown.2.lines()) {
                        assert_eq!(known, unknown);
                    }
                    assert_eq!(known.2.lines().count(), unknown.2.lines().count());
                }
            }
            let sent = world.messages().await;
            assert_eq!(sent.len(), 15);
            assert!(sent.iter().all(|message| message["to"].as_str().unwrap().ends_with("@corp.example")));
            // Medians, loosely: a busy machine is no oracle.
            known_time.sort();
            unknown_time.sort();
            let (known, unknown) = (known_time[7], unknown_time[7]);
            let close = Duration::from_millis(5);
            assert!(known < unknown * 3 + close && unknown < known * 3 + close, "{known:?} and {unknown:?}");
        },
    )
    .await;
}

/// An answer without what is random in it: ids, tokens, references and the seconds that are left.
fn blurred(answer: &Answer) -> (u16, Vec<String>, String) {
    let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
    names.sort();
    let is_random = |word: &str| {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        let capitals = word.bytes().filter(u8::is_ascii_uppercase).count();
        let is_time = digits > 0 && word.trim_end_matches('Z').bytes().all(|b| b.is_ascii_digit());
        (word.len() >= 8 && digits + capitals > 1) || is_time
    };
    let mut text = String::new();
    for word in answer.body.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_') {
        let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
        if is_random(bare) {
            text.push('~');
            text.push_str(&word[bare.len()..]);
        } else {
            text.push_str(word);
        }
    }
    (answer.status, names, text)
}

/// Messages to typed addresses are tightly limited, whether the address is allowed or not.
#[tokio::test]
async fn i7_typed_addresses_are_tightly_limited() {
    let limits = "{typed: {per_ip: 3/1h, per_network: 5/1h}}";
    for_both(Config { site: ASK, limits, ..Config::default() }, async |world| {
        let ask = async |address: &str, from: &str| {
            let mut browser = world.browser().behind(from);
            let page = challenge_page(&mut browser, "/account").await;
            browser.submit(&page, "/.otpgate/ask", &[("address", address)]).await
        };
        for n in 0..3 {
            let domain = if n == 1 { "evil.example" } else { "corp.example" };
            let answer = ask(&format!("p{n}@{domain}"), "198.51.100.1").await;
            assert!(answer.status < 400, "{answer:?}");
        }
        for domain in ["corp.example", "evil.example"] {
            let answer = ask(&format!("q@{domain}"), "198.51.100.1").await;
            assert_eq!(answer.status, 429, "{answer:?}");
            assert!(answer.header("retry-after").is_some());
        }
        for n in 0..2 {
            assert!(ask(&format!("r{n}@corp.example"), "198.51.100.2").await.status < 400);
        }
        assert_eq!(ask("s@corp.example", "198.51.100.3").await.status, 429);
        within(Duration::from_secs(2), "the messages", async || world.messages().await.len() == 4).await;
    })
    .await;
}

/// Something typed that is no address is told so, and an API client gets no page to type into.
#[tokio::test]
async fn i7_what_is_no_address_is_told_so() {
    for_both(Config { site: ASK, ..Config::default() }, async |world| {
        let mut browser = world.browser();
        let page = challenge_page(&mut browser, "/account").await;
        let wrong = [
            "",
            "kim",
            "@corp.example",
            "a@b@corp.example",
            "kim@corp.example\r\nBcc: all@corp.example",
            "\"k m\"@corp.example",
            "kim@corp.example,m@evil.test",
            "kim@corp.example.",
        ];
        for typed in wrong {
            let answer = browser.submit(&page, "/.otpgate/ask", &[("address", typed)]).await;
            assert!(answer.location().is_none() && answer.body.contains("<form"), "{typed}: {answer:?}");
        }
        let answer = browser.call("GET", "/account", None).await;
        assert_eq!(answer.status, 401);
        assert!(world.messages().await.is_empty());
    })
    .await;
}

/// A cookie that is named as over https is none over http, and the same name twice is none (C03, C13).
#[tokio::test]
async fn c03_c13_a_cookie_counts_over_its_own_scheme_and_once() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        world.pass(&mut browser, "/account", ALICE).await;
        let grant = browser.jar["otpgate_grant"].clone();
        let session = browser.jar["SID"].clone();
        let mut secure = browser.copy();
        secure.jar.remove("otpgate_grant");
        secure.jar.insert("__Host-otpgate_grant".to_owned(), grant.clone());
        page_address(&secure.get("/account").await);
        for cookies in [
            format!("SID={session}; otpgate_grant={grant}; otpgate_grant={grant}"),
            format!("SID={session}; otpgate_grant=x; otpgate_grant={grant}"),
            format!("SID={session}; OTPGATE_GRANT={grant}"),
        ] {
            let mut headers = NAVIGATION.to_vec();
            headers.push(("cookie", &cookies));
            let answer = browser.other().send("GET", "/account", &headers, "").await;
            page_address(&answer);
        }
        // Cut, lengthened or changed it is nothing (C04).
        let flipped = if grant.ends_with('A') { "B" } else { "A" };
        for broken in [
            &grant[..grant.len() - 1],
            &format!("{grant}A"),
            &format!("{}{flipped}", &grant[..grant.len() - 1]),
            &grant.to_uppercase(),
            "",
        ] {
            let mut thief = browser.copy();
            thief.jar.insert("otpgate_grant".to_owned(), broken.to_owned());
            page_address(&thief.get("/account").await);
        }
        assert_eq!(browser.get("/account").await.status, 200);
    })
    .await;
}

/// The gateway's cookies never reach the application; the application's arrive byte for byte and in order (C06).
#[tokio::test]
async fn c06_the_gateways_cookies_stay_with_the_gateway() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        world.pass(&mut browser, "/account", ALICE).await;
        let (grant, name, session) =
            (&browser.jar["otpgate_grant"], &browser.jar["otpgate_browser"], &browser.jar["SID"]);
        let cookies = format!(
            "b=2; otpgate_browser={name}; a=\"1 1\"; SID={session};otpgate_grant={grant}; __Host-otpgate_x=1; z=="
        );
        let mut headers = NAVIGATION.to_vec();
        headers.push(("cookie", &cookies));
        assert_eq!(browser.other().send("GET", "/account", &headers, "").await.status, 200);
        let kept = format!("b=2; a=\"1 1\"; SID={session}; z==");
        assert_eq!(world.upstream.last().header("cookie"), Some(kept.as_str()));
    })
    .await;
}
