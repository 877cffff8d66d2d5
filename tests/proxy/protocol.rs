//! S: one reading of the wire. Smuggling, pipelining, bodies that nobody read, and what an answer may tell.

use std::time::{Duration, Instant};

use crate::setup::{BROWSER, Config, Setup, bare, request};
use crate::support::free_port;
use crate::support::raw::latin1;
use crate::support::recorder::Recorder;

/// A request that must never reach the upstream by itself.
const SMUGGLED: &str = "GET /public/smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n";

/// Sends bytes and reads whatever comes back until the gateway closes, or is silent.
fn all_replies(setup: &Setup, bytes: impl AsRef<[u8]>) -> Vec<u16> {
    let mut raw = setup.connect();
    raw.send(bytes);
    let mut statuses = Vec::new();
    while let Some(reply) = raw.reply() {
        statuses.push(reply.status);
        if raw.is_silent(Duration::from_millis(300)) {
            break;
        }
    }
    statuses
}

/// Asserts that a message with this framing is refused, wherever it goes, and that nothing hides behind it.
fn refuses_framing(setup: &Setup, what: &str, headers: &[&str], body: &str) {
    for target in ["/public/a", "/admin"] {
        let mut all = vec!["X-Remote-User: alice", "Accept: application/json"];
        all.extend(headers);
        let before = setup.upstream.bytes();
        let statuses = all_replies(setup, bare("POST", target, &all) + body);
        assert!(statuses.iter().all(|status| (400..500).contains(status) && *status != 401), "{what}: {statuses:?}");
        assert!(statuses.len() <= 1, "{what}: {statuses:?}");
        assert_eq!(setup.upstream.bytes(), before, "{what} to {target}");
    }
}

#[test]
fn s01_a_message_with_two_framings_is_refused() {
    let setup = Setup::start();
    let cl_te = format!("0\r\n\r\n{SMUGGLED}");
    let length = format!("Content-Length: {}", cl_te.len());
    let te_cl = format!("{:x}\r\n{SMUGGLED}\r\n0\r\n\r\n", SMUGGLED.len());
    refuses_framing(&setup, "CL.TE", &[&length, "Transfer-Encoding: chunked"], &cl_te);
    refuses_framing(&setup, "TE.CL", &["Transfer-Encoding: chunked", "Content-Length: 4"], &te_cl);
    for coding in [
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: x",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding:\x0bchunked",
        "Transfer-Encoding: chu\0nked",
        "Transfer-Encoding:\r\n chunked",
        " Transfer-Encoding: chunked",
        "X: x\rTransfer-Encoding: chunked",
        "X: x\nTransfer-Encoding: chunked",
        "Transfer_Encoding: chunked\r\nTransfer-Encoding: x",
    ] {
        refuses_framing(&setup, coding, &[coding, &length], &cl_te);
    }
}

#[test]
fn s02_a_length_is_one_plain_number() {
    let setup = Setup::start();
    for length in [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5\r\nContent-Length: 0",
        "Content-Length: +5",
        "Content-Length: -5",
        "Content-Length: 5,6",
        "Content-Length: 5 6",
        "Content-Length: 0x5",
        "Content-Length: 5.0",
        "Content-Length: five",
        "Content-Length:",
        "Content-Length: 99999999999999999999",
        "Content-Length: 18446744073709551621",
        "Content-Length : 5",
        "Content-Length: 5\0",
        " Content-Length: 5",
    ] {
        refuses_framing(&setup, length, &[length], &format!("hello{SMUGGLED}"));
    }
}

#[test]
fn s03_http_1_0_has_no_chunks_and_no_endless_body() {
    let setup = Setup::start();
    let chunked = format!("5\r\nhello\r\n0\r\n\r\n{SMUGGLED}");
    let ask = bare("POST", "/public/a", &["Transfer-Encoding: chunked"]).replace("HTTP/1.1", "HTTP/1.0") + &chunked;
    setup.refuses(ask);
    // Without a length there is no body: what follows belongs to nobody.
    let ask = bare("POST", "/public/a", &[]).replace("HTTP/1.1", "HTTP/1.0") + SMUGGLED;
    let statuses = all_replies(&setup, ask);
    assert!(statuses.len() <= 1, "{statuses:?}");
    for heard in setup.upstream.heard() {
        assert!(heard.target() == "/public/a" && heard.body.is_empty(), "{heard:?}");
    }
    for version in ["HTTP/0.9", "HTTP/2.0", "HTTP/1.2", "HTTP/1.", "HTTP/11", "http/1.1", "HTCPCP/1.0", ""] {
        let before = setup.upstream.bytes();
        let ask = bare("GET", "/public/a", &["Connection: close"]).replace("HTTP/1.1", version);
        let statuses = all_replies(&setup, ask);
        if setup.upstream.bytes() > before {
            // A later 1.x is to be read as 1.1 (RFC 9110, section 2.5).
            assert_eq!((version, &statuses[..]), ("HTTP/1.2", &[200][..]));
        } else {
            assert!(statuses.iter().all(|status| (400..600).contains(status)), "{version:?}: {statuses:?}");
        }
    }
}

#[test]
fn s05_a_body_that_nobody_read_is_never_a_request() {
    let setup = Setup::start();
    let length = format!("Content-Length: {}", SMUGGLED.len());
    let chunk = format!("{:x}\r\n{SMUGGLED}\r\n0\r\n\r\n", SMUGGLED.len());
    for target in ["/admin", "/nowhere", "/.otpgate/api/verify", "/.otpgate/nothing", "/public/%00"] {
        for (framing, body) in [(length.as_str(), SMUGGLED), ("Transfer-Encoding: chunked", chunk.as_str())] {
            for kind in [&["X-Remote-User: alice", "Accept: application/json"][..], BROWSER] {
                let mut headers = kind.to_vec();
                headers.push(framing);
                let statuses =
                    all_replies(&setup, bare("POST", target, &headers) + body + &bare("GET", "/public/next", &[]));
                assert!(!statuses.is_empty() && statuses.len() <= 2, "{target} {framing}: {statuses:?}");
                for heard in setup.upstream.heard() {
                    assert_eq!(heard.target(), "/public/next", "{target} {framing}");
                }
            }
        }
    }
    // A large body that nobody wants does not keep the client from its answer.
    let large = "x".repeat(3 * 1024 * 1024);
    let mut raw = setup.connect();
    let length = format!("Content-Length: {}", large.len());
    raw.send(bare("POST", "/admin", &["X-Remote-User: alice", "Accept: application/json", &length]) + &large);
    assert_eq!(raw.reply().map(|reply| reply.status), Some(401));
}

#[test]
fn s06_broken_chunks_end_the_request() {
    const BROKEN: &[(&str, &str)] = &[
        ("no number", "x\r\nhello\r\n0\r\n\r\n"),
        ("negative", "-5\r\nhello\r\n0\r\n\r\n"),
        ("0x", "0x5\r\nhello\r\n0\r\n\r\n"),
        ("huge", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
        ("too short", "9\r\nhello\r\n0\r\n\r\n"),
        ("too long", "2\r\nhello\r\n0\r\n\r\n"),
        ("a space", "5 5\r\nhello\r\n0\r\n\r\n"),
        ("an empty size", "\r\nhello\r\n0\r\n\r\n"),
        ("junk behind a chunk", "5\r\nhelloX\r\n0\r\n\r\n"),
    ];
    let setup = Setup::start();
    // On a protected route not even the head goes on.
    for (what, body) in BROKEN {
        let headers = ["Transfer-Encoding: chunked", "X-Remote-User: alice", "Accept: application/json"];
        all_replies(&setup, bare("POST", "/admin", &headers) + body + SMUGGLED);
        assert_eq!(setup.upstream.bytes(), 0, "{what}");
    }
    for (what, body) in BROKEN {
        let statuses =
            all_replies(&setup, bare("POST", "/public/a", &["Transfer-Encoding: chunked"]) + body + SMUGGLED);
        // A chunk without a size is read as the last one, and sent on as that.
        let allowed = if *what == "an empty size" { 200..600 } else { 400..600 };
        assert!(statuses.iter().all(|status| allowed.contains(status)) && statuses.len() <= 1, "{what}: {statuses:?}");
        for heard in setup.upstream.heard() {
            assert_eq!(heard.target(), "/public/a", "{what}");
        }
    }
}

#[test]
fn s06_lines_end_with_cr_and_lf() {
    let setup = Setup::start();
    // A bare LF may be taken for a line's end, but then by both sides.
    for ask in [
        "GET /public/a HTTP/1.1\nHost: app.test\nConnection: close\n\n",
        "GET /public/a HTTP/1.1\r\nHost: app.test\nX: y\r\nConnection: close\r\n\r\n",
    ] {
        let statuses = all_replies(&setup, ask);
        assert!(statuses.len() <= 1, "{ask:?}: {statuses:?}");
        for heard in setup.upstream.heard() {
            assert!(!heard.head.replace("\r\n", "").contains('\n'), "{:?}", heard.head);
        }
        setup.upstream.forget();
    }
    for ask in [
        "GET  /public/a HTTP/1.1\r\nHost: app.test\r\n\r\n",
        "GET /public/a  HTTP/1.1\r\nHost: app.test\r\n\r\n",
        "GET\t/public/a\tHTTP/1.1\r\nHost: app.test\r\n\r\n",
        " GET /public/a HTTP/1.1\r\nHost: app.test\r\n\r\n",
        "GET /public/a\r\nHost: app.test\r\n\r\n",
        "GET /public/a HTTP/1.1\r\nHost: app.test\r\n X: folded\r\n\r\n",
    ] {
        let before = setup.upstream.bytes();
        let statuses = all_replies(&setup, ask);
        assert!(statuses.iter().all(|status| (400..500).contains(status)), "{ask:?}: {statuses:?}");
        assert_eq!(setup.upstream.bytes(), before, "{ask:?}");
    }
}

#[test]
fn s06_a_space_in_a_target_is_read_by_both_sides_alike() {
    let setup = Setup::start();
    let reply = setup.ask("GET /public/a b HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n");
    if reply.is_some_and(|reply| reply.status == 200) {
        assert_eq!(setup.upstream.only().target(), "/public/a%20b");
    }
    setup.stays_out("GET /public/ /../../admin HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n");
    setup.stays_out("GET /public/a /admin HTTP/1.1 HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n");
}

#[test]
fn s08_an_offer_of_h2c_is_not_taken() {
    let setup = Setup::start();
    let offer = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"];
    let mut headers = vec!["X-Remote-User: alice", "Accept: application/json"];
    headers.extend(offer);
    let statuses = all_replies(&setup, bare("GET", "/public/a", &headers));
    assert_eq!(statuses, [200]);
    let heard = setup.upstream.only();
    assert!(!heard.has("upgrade") && !heard.has("http2-settings"), "{}", heard.head);
    let status = setup.stays_out(bare("GET", "/admin", &headers));
    assert_eq!(status, 401);
    // Nor is a connection that begins as HTTP/2 without TLS.
    let before = setup.upstream.bytes();
    let statuses = all_replies(&setup, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    assert!(statuses.iter().all(|status| (400..600).contains(status)), "{statuses:?}");
    assert_eq!(setup.upstream.bytes(), before);
}

#[test]
fn s10_pipelined_requests_are_decided_each_by_itself() {
    let setup = Setup::start();
    let (public, protected) =
        (bare("GET", "/public/a", &["X-Remote-User: alice"]), bare("GET", "/admin", &["X-Remote-User: alice"]));
    for (bytes, allowed) in [
        (public.clone() + &protected, &[&[200][..], &[200, 401]][..]),
        (protected.clone() + &public, &[&[401], &[401, 200]]),
        (public.clone() + &public + &protected, &[&[200], &[200, 200], &[200, 200, 401]]),
    ] {
        setup.upstream.forget();
        let statuses = all_replies(&setup, bytes);
        assert!(allowed.contains(&&statuses[..]), "{statuses:?}");
        let heard = setup.upstream.heard();
        assert!(heard.iter().all(|heard| heard.target() == "/public/a"), "{heard:?}");
        assert_eq!(heard.len(), statuses.iter().filter(|&&status| status == 200).count());
    }
}

#[test]
fn i1_no_byte_of_a_protected_request_reaches_the_upstream() {
    let setup = Setup::start();
    let body = "x".repeat(100_000);
    let length = format!("Content-Length: {}", body.len());
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for (framing, body) in [(length.as_str(), &body), ("Transfer-Encoding: chunked", &chunked)] {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            assert_eq!(setup.stays_out(request(method, "/pay/1", &[framing]) + body), 401, "{method} {framing}");
        }
    }
    // A navigation is parked: the body is read, and stays here.
    let mut headers = BROWSER.to_vec();
    headers.extend([
        "Content-Type: application/x-www-form-urlencoded",
        &length,
        "Origin: http://app.test",
        "Connection: close",
    ]);
    let reply = setup.ask(bare("POST", "/pay/1", &headers) + &body).unwrap();
    assert_eq!(reply.status, 303, "{}", reply.text());
    assert!(reply.header("location").unwrap().starts_with("/.otpgate/challenge?id="), "{reply:?}");
    assert_eq!((setup.upstream.bytes(), setup.upstream.connections()), (0, 0));
}

#[test]
fn i2_without_its_store_a_bypass_works_and_a_protected_route_does_not() {
    let setup = Setup::before(Recorder::start(), |config| config.store = format!("redis://127.0.0.1:{}", free_port()));
    // A store that is away is given up after a second; a bypass does not even ask it.
    let fastest = (0..5).map(|_| {
        let started = Instant::now();
        assert_eq!(setup.get("/public/a").status, 200);
        started.elapsed()
    });
    let fastest = fastest.min().unwrap();
    assert!(fastest < Duration::from_millis(300), "a bypass waited for the store: {fastest:?}");
    let before = setup.upstream.bytes();
    let reply = setup.get("/admin");
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert_eq!(reply.json()["type"], "urn:otpgate:unavailable");
    assert!(reply.header("retry-after").is_some(), "{reply:?}");
    let mut navigation = BROWSER.to_vec();
    navigation.push("Connection: close");
    assert_eq!(setup.ask(bare("GET", "/admin", &navigation)).unwrap().status, 503);
    assert_eq!(setup.upstream.bytes(), before);
    assert_eq!(setup.get("/public/a").status, 200);
}

#[tokio::test]
async fn i2_a_good_grant_asks_nothing_of_the_store() {
    let cookie = format!("Cookie: {}", Setup::start().grant("alice", "/admin").await);
    let setup = Setup::before(Recorder::start(), |config| config.store = format!("redis://127.0.0.1:{}", free_port()));
    assert_eq!(setup.ask(request("GET", "/admin", &[&cookie])).unwrap().status, 200);
    assert_eq!(setup.ask(request("GET", "/admin", &[&cookie.replace("grant=", "grant=x")])).unwrap().status, 503);
}

#[test]
fn s13_a_client_that_dawdles_holds_up_nobody_else() {
    let setup = Setup::start();
    let slow: Vec<_> = (0..200)
        .map(|number| {
            let mut raw = setup.connect();
            raw.send(match number % 3 {
                0 => "GET /public/a HTTP/1.1\r\nHost: a".to_owned(),
                1 => bare("POST", "/public/a", &["Content-Length: 100"]) + "half",
                _ => bare("POST", "/admin", &["Content-Length: 100", "X-Remote-User: alice"]) + "half",
            });
            raw
        })
        .collect();
    let started = Instant::now();
    for _ in 0..20 {
        assert_eq!(setup.get("/public/b").status, 200);
        assert_eq!(setup.get("/admin").status, 401);
    }
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    drop(slow);
}

#[test]
fn s15_answers_of_the_gateway_are_kept_by_no_cache() {
    let setup = Setup::before(
        Recorder::answering(|exchange| {
            exchange.answer("HTTP/1.1 200 OK\r\nCache-Control: public, max-age=600\r\nContent-Length: 2\r\n\r\nok")
        }),
        |_| (),
    );
    let navigation = [
        "X-Remote-User: alice",
        "Accept: text/html",
        "Sec-Fetch-Mode: navigate",
        "Sec-Fetch-Dest: document",
        "Connection: close",
    ];
    let image = ["X-Remote-User: alice", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image", "Connection: close"];
    let to_page = setup.ask(bare("GET", "/admin", &navigation)).unwrap();
    let page = to_page.header("location").unwrap().to_owned();
    let cookie = format!("Cookie: {}", to_page.header("set-cookie").unwrap().split(';').next().unwrap());
    let mut with_cookie = navigation.to_vec();
    with_cookie.push(&cookie);
    for (what, reply) in [
        ("the redirect to the page", to_page),
        ("the page", setup.ask(bare("GET", &page, &with_cookie)).unwrap()),
        ("the 401 for a program", setup.get("/admin")),
        ("the plain 401", setup.ask(bare("GET", "/admin/a.png", &image)).unwrap()),
        ("the 403", setup.get("/nowhere")),
        ("the 400", setup.get("/public/%00")),
    ] {
        let control = reply.header("cache-control").unwrap_or_else(|| panic!("{what}: {reply:?}"));
        assert!(control.contains("no-store"), "{what}: {control}");
    }
    // What the application says of its own answers is its own affair, and nothing of it is kept here.
    for _ in 0..3 {
        assert_eq!(setup.get("/public/a").header("cache-control"), Some("public, max-age=600"));
        assert_eq!(setup.get("/admin").status, 401);
    }
    assert_eq!(setup.upstream.heard().len(), 3);
}

#[test]
fn s16_h14_nothing_that_a_client_sends_splits_an_answer() {
    let setup = Setup::start();
    let mut headers = BROWSER.to_vec();
    headers.push("Connection: close");
    for target in [
        "/admin?next=%0d%0aSet-Cookie:%20evil=1",
        "/admin?%0D%0A%0D%0A<script>alert(1)</script>",
        "/admin/%22%3E%3Cscript%3E",
        "/admin?\"><script>",
    ] {
        let reply = setup.ask(bare("GET", target, &headers)).unwrap();
        assert!(matches!(reply.status, 303 | 400), "{target}: {reply:?}");
        assert!(!format!("{:?}", reply.headers).contains("evil"), "{reply:?}");
        assert!(!reply.text().contains("<script>"), "{}", reply.text());
        if let Some(location) = reply.header("location") {
            // H14: no host, so none that a client could have chosen.
            assert!(location.starts_with("/.otpgate/challenge?id="), "{location}");
            let cookie = format!("Cookie: {}", reply.header("set-cookie").unwrap().split(';').next().unwrap());
            let mut with_cookie = headers.clone();
            with_cookie.push(&cookie);
            let page = setup.ask(bare("GET", location, &with_cookie)).unwrap();
            assert_eq!(page.status, 200, "{}", page.text());
            assert!(!page.text().contains("<script>alert") && !page.text().contains("\"><script>"), "{}", page.text());
        }
    }
}

#[tokio::test]
async fn s16_a_subject_is_encoded_in_what_the_upstream_gets() {
    let people = "\"zo\u{eb}\": {email: zoe@example.com}\n";
    let upstream = Recorder::start();
    let config = Config::to([upstream.address()]);
    let gateway = crate::support::Gateway::start(&config.text(), &[("people.yaml", people)]);
    let setup = Setup { gateway, upstream };
    // Not a subject: control characters, and bytes that are no UTF-8.
    for name in ["a\x01b", "a\tb"] {
        let status = setup.stays_out(request("GET", "/admin", &[]).replace("alice", name));
        assert!(matches!(status, 400 | 403), "{name:?}: {status}");
    }
    let mut bytes = request("GET", "/admin", &[]).into_bytes();
    let at = latin1(&bytes).find("alice").unwrap();
    bytes[at] = 0xff;
    assert_eq!(setup.stays_out(bytes), 403);
    assert_eq!(setup.stays_out(request("GET", "/admin", &[]).replace("alice", "zo\u{eb}")), 401);
}

#[test]
fn s17_a_challenged_address_tells_nothing_of_what_lies_behind() {
    let setup = Setup::before(
        Recorder::saying(
            "HTTP/1.1 200 OK\r\nETag: \"secret\"\r\nLast-Modified: Tue, 24 Nov 2026 00:00:00 GMT\r\nContent-Length: 6\r\n\r\nsecret",
        ),
        |_| (),
    );
    let plain = setup.get("/admin/file");
    for headers in [
        &["Range: bytes=0-3"][..],
        &["If-None-Match: \"secret\""],
        &["If-None-Match: *"],
        &["If-Match: \"other\""],
        &["If-Modified-Since: Tue, 24 Nov 2026 00:00:00 GMT"],
        &["If-Range: \"secret\"", "Range: bytes=0-0"],
    ] {
        let reply = setup.ask(request("GET", "/admin/file", headers)).unwrap();
        assert_eq!(reply.status, 401, "{headers:?}");
        for name in ["etag", "last-modified", "content-range", "accept-ranges"] {
            assert!(reply.all(name).is_empty(), "{name}: {reply:?}");
        }
        assert_eq!(reply.body.len(), plain.body.len(), "{headers:?}");
    }
    let mut raw = setup.connect();
    raw.send(request("HEAD", "/admin/file", &[]));
    let head = raw.reply_to("HEAD").unwrap();
    assert_eq!(head.status, 401);
    assert!(raw.is_closed(), "HEAD got a body");
    assert_eq!(setup.upstream.bytes(), 0);
}

#[test]
fn s18_trace_is_not_served() {
    let setup = Setup::start();
    for method in ["TRACE", "TRACK"] {
        for target in ["/public/a", "/admin", "/.otpgate/challenge"] {
            let reply = setup.ask(request(method, target, &["X-Secret: reflected"])).unwrap();
            assert!((400..500).contains(&reply.status), "{reply:?}");
            assert!(!reply.text().contains("reflected"), "{reply:?}");
        }
    }
    assert_eq!(setup.upstream.bytes(), 0);
}

#[test]
fn the_portal_never_reaches_the_upstream() {
    let setup = Setup::before(Recorder::start(), |config| config.default_policy = "bypass".to_owned());
    for target in [
        "/.otpgate",
        "/.otpgate/",
        "/.otpgate/nothing",
        "/.OTPGATE/challenge",
        "/./.otpgate//x",
        "/%2eotpgate/x",
        "/public/../.otpgate/x",
    ] {
        let reply = setup.get(target);
        assert_eq!(setup.upstream.bytes(), 0, "{target}: {reply:?}");
    }
    setup.forwards("/.otpgatex", "/.otpgatex");
    setup.forwards("/a/.otpgate/x", "/a/.otpgate/x");
}

#[test]
fn i9_queries_and_cookies_are_in_no_log() {
    let setup = Setup::start();
    setup.get("/public/a?token=hunter2");
    setup.get("/admin?token=hunter2");
    setup.get("/nowhere?token=hunter2");
    setup.get("/public/%00?token=hunter2");
    setup.ask(request("GET", "/admin", &["Cookie: session=hunter2", "Authorization: Bearer hunter2"]));
    // What cannot even be parsed is no exception.
    setup.ask("G@T /public/a?token=hunter2 HTTP/1.1\r\nHost: app.test\r\nCookie: session=hunter2\r\n\r\n");
    setup.ask("GET /public/a?token=hunter2 HTTP/1.1\r\nHost: app.test\r\nCookie: session=hunter2\r\nno colon\r\n\r\n");
    setup.ask("POST /public/a?token=hunter2 HTTP/1.1\r\nHost: app.test\r\nContent-Length: x\r\n\r\nhunter2");
    setup.ask("POST /public/a HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\nhunter2\r\n");
    let dead =
        Setup { gateway: Config::to([format!("127.0.0.1:{}", free_port())]).start(), upstream: Recorder::start() };
    dead.get("/public/a?token=hunter2");
    for log in [setup.gateway.log(), dead.gateway.log()] {
        assert!(!log.is_empty() && !log.contains("hunter2"), "{log}");
    }
    // F08: what a client sends cannot make a line of its own.
    setup.get("/nowhere/%0d%0a");
    setup.ask(request("GET", "/nowhere/\u{1b}[31m", &[]));
    assert!(!setup.gateway.log().contains('\u{1b}'));
}
