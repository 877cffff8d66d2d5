//! The interrupted request: parked, and sent on once, to where it was going and nowhere else (I8).

use std::time::Duration;

use futures_util::future::join_all;

use crate::codes::dump;
use crate::support::client::form;
use crate::support::{Answer, Client, NAVIGATION, raw};
use crate::world::*;

/// The requests for a path that were posts.
fn posts(world: &World, path: &str) -> Vec<crate::support::Seen> {
    world.upstream.seen_at(path).into_iter().filter(|seen| seen.method == "POST").collect()
}

/// A body that no text tool would leave as it is.
fn awkward() -> Vec<u8> {
    (0..=255).chain([13, 10, 0, 13, 10, 45, 45]).collect()
}

/// A form is sent on once: byte for byte, with its method, its type and its query; the code page comes between, and the
/// application hears nothing before (I1).
#[tokio::test]
async fn r17_i8_a_posted_form_is_resumed_byte_for_byte() {
    for_both(Config::default(), async |world| {
        let cases: [(&str, Vec<u8>); 5] = [
            ("application/x-www-form-urlencoded", b"to=DE89+3704&amount=5%2C00&amount=&note=%E2%82%AC+%zz".to_vec()),
            ("application/x-www-form-urlencoded; charset=iso-8859-1", b"n=\xe9".to_vec()),
            (
                "multipart/form-data; boundary=\"x y\"",
                b"--x y\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\r\n".to_vec(),
            ),
            ("application/octet-stream", awkward()),
            ("text/plain", Vec::new()),
        ];
        for (n, (kind, body)) in cases.into_iter().enumerate() {
            let mut browser = world.signed_in("alice").await;
            let path = format!("/account/form{n}");
            let target = format!("{path}?a=1&b=%2F&&c");
            let answer = post_as(&mut browser, &target, kind, &body).await;
            let page = page_of(&mut browser, &answer).await;
            assert_eq!(world.upstream.hits(&path), 0);
            let answer = type_code(&mut browser, &page, &world.code(ALICE).await).await;
            assert_eq!(answer.location(), Some(target.clone()));
            assert_eq!(world.upstream.hits(&path), 0);
            let answer = browser.follow(answer).await;
            assert_eq!((answer.status, answer.body), (200, format!("POST {target}")));
            let seen = posts(world, &path);
            assert_eq!(seen.len(), 1);
            assert_eq!(seen[0].body, body);
            assert_eq!(seen[0].target, target);
            assert_eq!(seen[0].header("content-type"), Some(kind));
            assert_eq!(seen[0].header("content-length").unwrap(), body.len().to_string());
        }
    })
    .await;
}

/// Content-Encoding and the application's own headers go along; what belongs to one connection or one client does not,
/// and cookies and authorisation are those of the resuming request (R14).
#[tokio::test]
async fn r14_cookies_and_authorisation_are_the_present_ones() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        browser.jar.insert("basket".to_owned(), "old".to_owned());
        let origin = browser.base.clone();
        let mut headers = NAVIGATION.to_vec();
        headers.extend([
            ("content-type", "application/json"),
            ("content-encoding", "gzip"),
            ("x-csrf-token", "t0ken"),
            ("authorization", "Basic b2xkOm9sZA=="),
            ("x-otpgate-subject", "mallory"),
            ("x-remote-user", "mallory"),
            ("origin", &origin),
        ]);
        let answer = browser.send("POST", "/account/x", &headers, awkward()).await;
        let page = page_of(&mut browser, &answer).await;
        let answer = type_code(&mut browser, &page, &world.code(ALICE).await).await;
        browser.jar.insert("basket".to_owned(), "new".to_owned());
        browser.follow(answer).await;
        let seen = posts(world, "/account/x");
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].body, awkward());
        assert_eq!(seen[0].header("content-encoding"), Some("gzip"));
        assert_eq!(seen[0].header("x-csrf-token"), Some("t0ken"));
        assert_eq!(seen[0].header("authorization"), None);
        assert_eq!(seen[0].header("x-otpgate-subject"), Some("alice"));
        assert_eq!(seen[0].header("x-remote-user"), None);
        // The application's cookies, and none of the gateway's (C06).
        let cookies = seen[0].header("cookie").unwrap();
        assert!(
            cookies.contains("basket=new") && cookies.contains("SID=") && !cookies.contains("otpgate"),
            "{cookies}"
        );
    })
    .await;
}

/// The back button, a double click, a second copy of the token: sent once, and the visitor is told (R12).
#[tokio::test]
async fn r12_x08_i8_a_form_is_sent_once_however_often_it_is_resumed() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        let answer = post_as(&mut browser, "/account/order", "text/plain", b"one order").await;
        let page = page_of(&mut browser, &answer).await;
        let passed = type_code(&mut browser, &page, &world.code(ALICE).await).await;
        let before = browser.copy();
        let answers = join_all((0..30).map(|_| {
            let (mut copy, answer) = (before.copy(), passed.clone());
            async move { copy.follow(answer).await }
        }))
        .await;
        assert_eq!(posts(world, "/account/order").len(), 1);
        assert_eq!(answers.iter().filter(|answer| answer.body == "POST /account/order").count(), 1);
        let told = before.copy().follow(passed.clone()).await;
        assert!(told.status != 200 || told.body.contains("already"), "{told:?}");
        browser.follow(passed).await;
        assert_eq!(posts(world, "/account/order").len(), 1);
        // The page itself opens as ever once the token is used and gone.
        browser.jar.remove("otpgate_resume");
        assert_eq!(browser.get("/account/order").await.body, "GET /account/order");
    })
    .await;
}

/// Each of several tabs has its own form, and each is sent on from its own tab.
#[tokio::test]
async fn i8_several_tabs_each_resume_their_own() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        let mut tabs = Vec::new();
        for name in ["one", "two", "three"] {
            let answer = post_as(&mut browser, &format!("/account/{name}"), "text/plain", name.as_bytes()).await;
            let page = page_of(&mut browser, &answer).await;
            tabs.push((name, page, world.code(ALICE).await));
        }
        // In another order than they were opened.
        for place in [1, 2, 0] {
            let (name, page, code) = &tabs[place];
            let answer = type_code(&mut browser, page, code).await;
            assert_eq!(answer.location(), Some(format!("/account/{name}")), "{answer:?}");
            assert_eq!(browser.follow(answer).await.body, format!("POST /account/{name}"));
        }
        for (name, ..) in &tabs {
            let seen = posts(world, &format!("/account/{name}"));
            assert_eq!((seen.len(), seen[0].body.as_slice()), (1, name.as_bytes()));
        }
    })
    .await;
}

/// Two forms posted to one address are two forms.
#[tokio::test]
async fn i8_two_forms_to_one_address_are_two() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        let mut tabs = Vec::new();
        for body in ["first", "second"] {
            let answer = post_as(&mut browser, "/account/note", "text/plain", body.as_bytes()).await;
            let page = page_of(&mut browser, &answer).await;
            tabs.push((page, world.code(ALICE).await));
        }
        for (page, code) in &tabs {
            let answer = type_code(&mut browser, page, code).await;
            browser.follow(answer).await;
        }
        let bodies: Vec<_> = posts(world, "/account/note").into_iter().map(|seen| seen.body).collect();
        assert_eq!(bodies, [b"first".to_vec(), b"second".to_vec()]);
    })
    .await;
}

/// A code that ran out, or tries that were used up, do not lose the form: the page sends a new code, and the form goes on.
#[tokio::test]
async fn i8_an_expired_or_locked_code_does_not_lose_the_form() {
    let config = Config { challenge: "{ttl: 3s, tries: 2, resend: {max: 1, wait: 1s}}", ..Config::default() };
    for_both(config, async |world| {
        for (name, locked) in [("expired", false), ("locked", true)] {
            let mut browser = world.signed_in("alice").await;
            let path = format!("/account/{name}");
            let answer = post_as(&mut browser, &path, "text/plain", &awkward()).await;
            let page = page_of(&mut browser, &answer).await;
            let (old, sent) = (world.code(ALICE).await, world.messages().await.len());
            let over = if locked {
                type_code(&mut browser, &page, &nth_other(&old, 1)).await;
                type_code(&mut browser, &page, &nth_other(&old, 2)).await
            } else {
                pause(Duration::from_millis(3100)).await;
                type_code(&mut browser, &page, &old).await
            };
            assert!(over.location().is_none(), "{over:?}");
            let renewed = browser.submit(&over, "/.otpgate/send", &[]).await;
            let renewed = browser.follow(renewed).await;
            let new = world.code(ALICE).await;
            assert_eq!(world.messages().await.len(), sent + 1, "{renewed:?}");
            assert_ne!(new, old);
            let answer = type_code(&mut browser, &renewed, &new).await;
            assert_eq!(answer.location(), Some(path.clone()), "{answer:?}");
            browser.follow(answer).await;
            let seen = posts(world, &path);
            assert_eq!((seen.len(), seen[0].body.clone()), (1, awkward()));
        }
    })
    .await;
}

/// A body larger than `park.max_body` is not kept: the visitor is told before a code is typed, and nothing is sent, to
/// the application or by mail. With or without a declared length.
#[tokio::test]
async fn r13_r16_a_larger_body_gets_a_page_first() {
    let config = Config { challenge: "{park: {max_body: 64KiB}}", ..Config::default() };
    for_both(config, async |world| {
        let mut browser = world.signed_in("alice").await;
        let kept = post_as(&mut browser, "/account/fits", "text/plain", &vec![b'x'; 64 * 1024]).await;
        page_address(&kept);
        let large = post_as(&mut browser, "/account/large", "text/plain", &vec![b'x'; 64 * 1024 + 1]).await;
        assert_eq!(large.status, 413, "{large:?}");
        assert!(large.header("content-type").unwrap().starts_with("text/html"), "{large:?}");
        let json = browser.call("POST", "/pay/large", Some(serde_json::json!("x".repeat(70_000)))).await;
        assert_eq!(json.status, 413, "{json:?}");
        json.problem();

        let cookies: Vec<_> = browser.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut chunked = format!(
            "POST /account/large HTTP/1.1\r\nHost: {HOST}:{}\r\nCookie: {}\r\nAccept: text/html\r\nConnection: close\r\n\
             Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n",
            world.gateway.port,
            cookies.join("; ")
        );
        for _ in 0..5 {
            chunked.push_str(&format!("4000\r\n{}\r\n", "y".repeat(0x4000)));
        }
        chunked.push_str("0\r\n\r\n");
        let answer = raw(world.gateway.port, chunked.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert_eq!(world.upstream.hits("/account/large") + world.upstream.hits("/pay/large"), 0);
        assert!(world.messages().await.is_empty());
        // After a code on a plain page the upload goes through, streamed as it is.
        world.pass(&mut browser, "/account", ALICE).await;
        let sent = post_as(&mut browser, "/account/large", "text/plain", &vec![b'x'; 300_000]).await;
        assert_eq!((sent.status, posts(world, "/account/large")[0].body.len()), (200, 300_000));
    })
    .await;
}

/// A body that comes in pieces and without a length is kept and sent on whole.
#[tokio::test]
async fn r13_a_chunked_body_is_resumed_whole() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        let cookies: Vec<_> = browser.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = format!(
            "POST /account/chunks HTTP/1.1\r\nHost: {HOST}:{}\r\nCookie: {}\r\nAccept: text/html\r\nConnection: close\r\n\
             Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\n\r\r\n0\r\n\r\n",
            world.gateway.port,
            cookies.join("; ")
        );
        let answer = raw(world.gateway.port, request.as_bytes()).await;
        let line = |name: &str| {
            let line = answer.lines().find(|line| line.to_ascii_lowercase().starts_with(name)).unwrap_or_else(|| panic!("{answer}"));
            line.split_once(": ").unwrap().1.to_owned()
        };
        let cookie = line("set-cookie");
        let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
        browser.jar.insert(name.to_owned(), value.to_owned());
        let page = browser.get(&line("location")).await;
        let answer = type_code(&mut browser, &page, &world.code(ALICE).await).await;
        browser.follow(answer).await;
        let seen = posts(world, "/account/chunks");
        assert_eq!((seen.len(), seen[0].body.as_slice()), (1, &b"abc\r"[..]));
        assert_eq!(seen[0].header("content-length"), Some("4"));
    })
    .await;
}

/// A form that another site posts is never kept: sending it on would be that site's deed.
#[tokio::test]
async fn r15_a_form_from_a_foreign_origin_is_never_parked() {
    for_both(Config::default(), async |world| {
        let mut number = 0;
        let navigation = |site: &'static str| {
            [
                ("accept", "text/html"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "document"),
                ("sec-fetch-site", site),
            ]
        };
        let (base, port) = (world.browser().base, world.gateway.port);
        let other_port = format!("http://{HOST}:{}", if port == 8080 { 8081 } else { 8080 });
        let https = base.replace("http:", "https:");
        for (site, origin) in [
            ("cross-site", Some("https://evil.test")),
            ("same-site", Some("http://other.shop.test")),
            ("cross-site", None),
            ("cross-site", Some("null")),
            ("none", Some("null")),
            ("same-origin", Some("https://evil.test")),
            ("cross-site", Some(base.as_str())),
            ("same-site", Some(other_port.as_str())),
            ("same-site", Some(https.as_str())),
        ] {
            number += 1;
            let mut browser = world.signed_in("alice").await;
            let path = format!("/account/foreign{number}");
            let mut headers = navigation(site).to_vec();
            headers.push(("content-type", "application/x-www-form-urlencoded"));
            headers.extend(origin.map(|origin| ("origin", origin)));
            let answer = browser.send("POST", &path, &headers, "to=mallory").await;
            if answer.status == 303 {
                let page = page_of(&mut browser, &answer).await;
                let answer = type_code(&mut browser, &page, &world.code(ALICE).await).await;
                browser.follow(answer).await;
            }
            assert!(posts(world, &path).is_empty(), "{site} {origin:?}");
        }
        // Old browsers that send neither header still do not lose their form.
        let mut browser = world.signed_in("alice").await;
        let headers = [("accept", "text/html"), ("content-type", "text/plain")];
        let answer = browser.send("POST", "/account/old", &headers, "kept").await;
        let page = page_of(&mut browser, &answer).await;
        let answer = type_code(&mut browser, &page, &world.code(ALICE).await).await;
        browser.follow(answer).await;
        assert_eq!(posts(world, "/account/old").len(), 1);
    })
    .await;
}

/// 1000 tiny forms: the subject's budget holds, the visitor is told so, and other people are served.
#[tokio::test]
async fn r13_a_thousand_tiny_forms_stay_within_the_budget() {
    let config = Config { challenge: "{park: {max_body: 16KiB, per_subject: 64KiB}}", ..Config::default() };
    for_both(config, async |world| {
        let browser = world.signed_in("alice").await;
        let before = world.redis.as_ref().map(|redis| used_memory(&redis.url()));
        let (mut parked, mut crowded) = (0, None);
        for round in 0..10 {
            let answers = join_all((0..100).map(|n| {
                // Without the gateway's cookie each is a new browser.
                let mut copy = browser.copy();
                async move { post_as(&mut copy, &format!("/account/{round}/{n}"), "text/plain", b"x").await }
            }))
            .await;
            for answer in answers {
                if answer.status == 303 {
                    parked += 1;
                } else {
                    assert!([429, 503].contains(&answer.status), "{answer:?}");
                    crowded = Some(answer);
                }
            }
        }
        assert!((10..=64).contains(&parked), "{parked} of 1000 were kept in 64 KiB");
        let crowded = crowded.unwrap();
        assert!(crowded.body.contains("<html") && crowded.header("retry-after").is_some(), "{crowded:?}");
        if let (Some(before), Some(redis)) = (before, &world.redis) {
            let grown = used_memory(&redis.url()).saturating_sub(before);
            assert!(grown < 4 * 1024 * 1024, "Redis grew by {grown} bytes");
        }
        world.pass(&mut world.signed_in("bob").await, "/account", BOB).await;
        assert_eq!(browser.copy().get("/").await.status, 200);
    })
    .await;
}

fn used_memory(url: &str) -> u64 {
    let mut redis = redis::Client::open(url).unwrap().get_connection().unwrap();
    let info: String = redis::cmd("INFO").arg("memory").query(&mut redis).unwrap();
    info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().trim().parse().unwrap()
}

/// Another session, another person, another browser: the form stays where it is.
#[tokio::test]
async fn r11_i8_nobody_else_resumes_a_form() {
    for_both(Config::default(), async |world| {
        let mut alice = world.signed_in("alice").await;
        let answer = post_as(&mut alice, "/account/secret", "text/plain", b"mine").await;
        let page = page_of(&mut alice, &answer).await;
        let passed = type_code(&mut alice, &page, &world.code(ALICE).await).await;
        assert_eq!(passed.status, 303);
        let token = alice.jar["otpgate_resume"].clone();

        let mut bob = world.signed_in("bob").await;
        bob.jar.insert("otpgate_resume".to_owned(), token.clone());
        let mut with_grant = world.signed_in("bob").await;
        with_grant.jar.extend(alice.jar.iter().filter(|(name, _)| *name != "SID").map(|(n, v)| (n.clone(), v.clone())));
        let mut nobody = world.browser();
        nobody.jar.insert("otpgate_resume".to_owned(), token);
        for thief in [&mut bob, &mut with_grant, &mut nobody] {
            let answer = thief.get("/account/secret").await;
            assert_ne!(answer.body, "POST /account/secret", "{answer:?}");
        }
        assert!(posts(world, "/account/secret").is_empty());
        assert_eq!(alice.follow(passed).await.body, "POST /account/secret");
    })
    .await;
}

/// Only a navigation to exactly the parked address resumes: a picture, a script or another page does not use the token.
#[tokio::test]
async fn r09_i8_only_a_navigation_to_that_address_resumes() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        let answer = post_as(&mut browser, "/account/order?n=1", "text/plain", b"order").await;
        let page = page_of(&mut browser, &answer).await;
        let passed = type_code(&mut browser, &page, &world.code(ALICE).await).await;
        for (path, headers) in [
            ("/account/order?n=1", &[("sec-fetch-dest", "image"), ("sec-fetch-mode", "no-cors")][..]),
            ("/account/order?n=1", &[("sec-fetch-dest", "empty"), ("sec-fetch-mode", "cors")]),
            ("/account/order?n=1", &[("accept", "application/json")]),
            ("/account/order?n=2", NAVIGATION),
            ("/account/order", NAVIGATION),
            ("/account", NAVIGATION),
            ("/", NAVIGATION),
        ] {
            browser.send("GET", path, headers, "").await;
        }
        assert!(posts(world, "/account/order").is_empty());
        assert_eq!(browser.follow(passed).await.body, "POST /account/order?n=1");
    })
    .await;
}

/// Background requests of a page neither open a challenge of their own in its place nor cause a message.
#[tokio::test]
async fn r09_background_requests_do_not_move_the_page_to_come_back_to() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        let page = challenge_page(&mut browser, "/account/wanted").await;
        for headers in [
            &[("sec-fetch-dest", "image"), ("sec-fetch-mode", "no-cors")][..],
            &[("sec-fetch-dest", "style"), ("sec-fetch-mode", "no-cors")],
            &[("sec-fetch-dest", "iframe"), ("sec-fetch-mode", "navigate")],
            &[("sec-fetch-dest", "script"), ("sec-fetch-mode", "cors")],
            &[("upgrade", "websocket"), ("connection", "upgrade")],
        ] {
            let answer = browser.send("GET", "/account/favicon.ico", headers, "").await;
            assert_eq!(answer.status, 401, "{answer:?}");
            assert!(answer.headers.get("set-cookie").is_none());
        }
        browser.call("GET", "/account/feed", None).await;
        assert_eq!(world.messages().await.len(), 1);
        let answer = type_code(&mut browser, &page, &world.code(ALICE).await).await;
        assert_eq!(answer.location().as_deref(), Some("/account/wanted"));
    })
    .await;
}

/// The parked request is judged again when it is resumed: a policy that was tightened meanwhile holds (R10, X09).
#[tokio::test]
async fn r10_the_target_is_judged_again() {
    for_both(Config::default(), async |world| {
        let mut browser = world.signed_in("alice").await;
        let answer = post_as(&mut browser, "/account/late", "text/plain", b"late").await;
        let page = page_of(&mut browser, &answer).await;
        let passed = type_code(&mut browser, &page, &world.code(ALICE).await).await;
        let store = world.redis.as_ref().map_or_else(|| "memory".to_owned(), crate::support::Redis::url);
        let tightened = Config { routes: "      - {path: /account/late, policy: deny}", ..world.config.clone() };
        tightened.reload(&world.gateway, &store, &world.upstream);
        within(Duration::from_secs(5), "the reload", async || {
            browser.copy().other().get("/account/late").await.status == 403
        })
        .await;
        assert_eq!(browser.follow(passed).await.status, 403);
        assert!(world.upstream.seen_at("/account/late").is_empty());
    })
    .await;
}

/// What is parked lies sealed and does not stay (R18).
#[tokio::test]
async fn r18_a_parked_form_is_sealed_and_expires() {
    let world = World::with_redis(&Config { challenge: "{ttl: 1s, park: {ttl: 2s}}", ..Config::default() });
    let mut browser = world.signed_in("alice").await;
    let marker = "a-remarkable-sentence";
    let answer = post_as(&mut browser, "/account/marked", "text/plain", marker.as_bytes()).await;
    page_of(&mut browser, &answer).await;
    let url = world.redis.as_ref().unwrap().url();
    // `dump` fails on a key that never expires.
    assert!(!dump(&url).contains(marker));
    let mut redis = redis::Client::open(url).unwrap().get_connection().unwrap();
    let held = |redis: &mut redis::Connection| {
        let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(redis).unwrap();
        keys.iter()
            .map(|key| redis::cmd("MEMORY").arg("USAGE").arg(key).query::<Option<u64>>(redis).unwrap().unwrap_or(0))
            .sum::<u64>()
    };
    let before = held(&mut redis);
    within(Duration::from_secs(5), "a parked form's end", async || {
        let mut redis = redis::Client::open(world.redis.as_ref().unwrap().url()).unwrap().get_connection().unwrap();
        held(&mut redis) < before
    })
    .await;
    let late = browser.get(&page_address(&answer)).await;
    assert!(late.form("/.otpgate/verify").is_none(), "{late:?}");
}

/// Hostile addresses: several hundred, made of what parsers disagree about.
fn hostile() -> Vec<String> {
    let hosts = [
        "evil.test",
        "shop.test.evil.test",
        "shop.test@evil.test",
        "evilshop.test",
        "127.0.0.1:1",
        "[::1]",
        "evil.test:80",
        "evil%2etest",
        "ｅvil.test",
    ];
    let leads = [
        "//",
        "///",
        "////",
        "/\\",
        "\\\\",
        "\\/",
        "/\t/",
        "/\n/",
        "/\r/",
        "/ /",
        "/\u{b}/",
        "/\u{c}/",
        "/./\\",
        "/.//",
        "/..//",
        "/%09/",
        "/%0a/",
        "/%0d%0a/",
        "/%5c",
        "/%2f",
        "%2f%2f",
        "%5c%5c",
        "/%5c%5c",
        "/;@",
        "/@",
        "@",
        "http://",
        "https://",
        "HTTP://",
        "hTtPs://",
        "http:",
        "https:",
        "http:/",
        "https:/",
        "http:\\\\",
        "http:///",
        "\thttp://",
        " https://",
        "\u{a0}//",
        "\u{2028}//",
        "//\u{feff}",
        "/account/..//",
        "/account/../\\",
        "//shop.test@",
        "//shop.test:80@",
        "https://shop.test@",
        "https://shop.test:x@",
        "https://shop.test\\@",
        "https://shop.test#@",
        "ftp://",
        "ws://",
        "file://",
    ];
    let mut all: Vec<String> =
        leads.iter().flat_map(|lead| hosts.iter().map(move |host| format!("{lead}{host}/account"))).collect();
    all.extend(
        [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "java\nscript:alert(1)",
            "\u{1}javascript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "blob:x",
            "about:blank",
            "https://evil.test?rd=https://shop.test",
            "https://evil.test#shop.test",
            "https://shop.test:99999/",
            "/account\r\nLocation: https://evil.test",
            "/account\r\n\r\n<script>",
            "/account%0d%0aSet-Cookie:%20otpgate_grant=x",
            "/.otpgate/verify",
            "/.otpgate/logout",
            "/.otpgate/challenge",
            "/staff/secret",
            "",
            "?",
            "#",
            ".",
            "..",
            "//",
            "https://",
            "\u{0}",
        ]
        .map(str::to_owned),
    );
    all
}

/// A `Location` within the site: one slash, nothing that any browser reads as another host.
fn assert_local(answer: &Answer, value: &str) {
    let Some(location) = answer.headers.get("location") else { return };
    let location = location.to_str().unwrap();
    let second = location.as_bytes().get(1).copied();
    assert!(
        location.starts_with('/')
            && !matches!(second, Some(b'/' | b'\\'))
            && location.bytes().all(|b| b.is_ascii_graphic()),
        "{value:?} led to {location:?}"
    );
    assert!(!location.contains("evil") || location.starts_with("/.otpgate/"), "{value:?} led to {location:?}");
}

/// The parameters that gateways take return addresses from.
const PARAMETERS: [&str; 20] = [
    "rd",
    "return",
    "return_to",
    "returnTo",
    "ReturnUrl",
    "redirect",
    "redirect_uri",
    "redirect_url",
    "next",
    "url",
    "uri",
    "goto",
    "target",
    "dest",
    "continue",
    "back",
    "path",
    "to",
    "state",
    "RelayState",
];

/// Whatever stands in whatever parameter, the browser goes back to where it came from (R01 to R08). No store has a part
/// in this.
#[tokio::test]
async fn r01_to_r08_no_parameter_moves_the_return_address() {
    let corpus = hostile();
    assert!(corpus.len() > 400);
    let world = World::with_memory(&Config::default());
    let mut browser = world.signed_in("alice").await;
    let address = page_address(&browser.get("/account/home?x=1").await);
    let page = browser.get(&address).await;
    let hidden = page.form("/.otpgate/verify").unwrap().1;
    let fields_with = |value: &str, code: &str| {
        let mut fields: Vec<(String, String)> = PARAMETERS.map(|name| (name.to_owned(), value.to_owned())).to_vec();
        fields.extend(hidden.clone());
        fields.push(("code".to_owned(), code.to_owned()));
        fields
    };
    for (n, value) in corpus.iter().enumerate() {
        let fields = fields_with(value, "");
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let query = form(&fields);
        let answer = match n % 4 {
            0 => browser.post("/.otpgate/send", &fields).await,
            1 => browser.copy().post(&format!("/.otpgate/logout?{query}"), &fields[..1]).await,
            2 => browser.post("/.otpgate/verify", &[("id", value), ("token", value), ("code", "123456")]).await,
            _ => browser.get(&format!("/.otpgate/challenge?{query}")).await,
        };
        for answer in [answer, browser.post(&format!("/.otpgate/verify?{query}"), &fields).await] {
            assert_local(&answer, value);
            assert!(!answer.body.contains("evil.test"), "{value} is in the page: {}", answer.body);
        }
    }
    // With the right code, in each of its ways.
    for value in corpus.iter().step_by(40) {
        let mut browser = world.signed_in("alice").await;
        let page = challenge_page(&mut browser, "/account/home?x=1").await;
        let (_, hidden) = page.form("/.otpgate/verify").unwrap();
        let mut fields = fields_with(value, &world.code(ALICE).await);
        fields.retain(|(name, _)| name != "id" && name != "token");
        fields.extend(hidden);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = browser.post(&format!("/.otpgate/verify?{}", form(&fields[..20])), &fields).await;
        assert_eq!(answer.location().as_deref(), Some("/account/home?x=1"), "{value}: {answer:?}");
    }
}

/// Hostile addresses as the address that is opened, on a site where everything is protected: the way back is local, or
/// there is none.
#[tokio::test]
async fn r01_r02_a_hostile_target_comes_back_local() {
    let config = Config { default_policy: "account", ..Config::default() };
    for_both(config, async |world| {
        let browser = world.signed_in("alice").await;
        let port = world.gateway.port;
        let mut challenged = 0;
        for value in hostile() {
            let target: String = value.chars().filter(|c| !matches!(c, '\r' | '\n' | '\0')).collect();
            let cookies = format!("SID={}", browser.jar["SID"]);
            let request = format!(
                "GET {target} HTTP/1.1\r\nHost: {HOST}:{port}\r\nCookie: {cookies}\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
            );
            let answer = raw(port, request.as_bytes()).await;
            let Some(location) = header(&answer, "location") else {
                assert!(!answer.starts_with("HTTP/1.1 2"), "{value:?}: {answer}");
                continue;
            };
            assert!(location.starts_with("/.otpgate/challenge?id="), "{value:?}: {location}");
            challenged += 1;
            let mut client = browser.copy();
            let cookie = header(&answer, "set-cookie").unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            client.jar.insert(name.to_owned(), value.to_owned());
            // Every twentieth is passed to its end.
            if challenged % 20 == 1 {
                let page = client.get(&location).await;
                let code = world.code(ALICE).await;
                let answer = type_code(&mut client, &page, &code).await;
                assert_eq!(answer.status, 303);
                let location = answer.location().unwrap();
                assert!(location.starts_with('/') && !location.starts_with("//") && !location.starts_with("/\\"), "{location}");
            }
        }
        assert!(challenged > 20, "{challenged}");
    })
    .await;
}

fn header(answer: &str, name: &str) -> Option<String> {
    let head = answer.split("\r\n\r\n").next()?;
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.to_owned())
}

/// Coming back to the gateway's own pages makes no loop, and a challenge that is over leads on.
#[tokio::test]
async fn r08_a_passed_page_leads_on_and_never_in_a_circle() {
    for_both(Config::default(), async |world| {
        let mut browser: Client = world.signed_in("alice").await;
        let address = page_address(&browser.get("/account/home").await);
        let page = browser.get(&address).await;
        let answer = type_code(&mut browser, &page, &world.code(ALICE).await).await;
        browser.follow(answer).await;
        let again = browser.get(&address).await;
        let end = browser.follow(again).await;
        assert!(end.body == "GET /account/home" || end.body.contains("/account/home") || end.status == 404, "{end:?}");
        for path in ["/.otpgate/challenge", "/.otpgate/", "/.otpgate/verify", "/.otpgate"] {
            let answer = browser.get(path).await;
            browser.follow(answer).await;
        }
    })
    .await;
}
