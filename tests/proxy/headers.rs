//! H: what a client sends never sets a subject, an address, or a header by which the upstream trusts the gateway (I5).

use std::net::IpAddr;

use crate::setup::{Setup, bare, request};
use crate::support::raw::{Raw, Reply};
use crate::support::recorder::{Heard, Recorder};

/// Every header name as CGI, WSGI and PHP read it.
fn as_variable(name: &str) -> String {
    name.to_ascii_uppercase().replace(['-', '.'], "_")
}

/// A gateway whose peers are not those that may name the subject.
fn strangers() -> Setup {
    Setup::before(Recorder::start(), |config| config.identity_from = "10.0.0.5".to_owned())
}

const FORGED: &[&str] = &[
    "X-Otpgate-Subject",
    "X-Otpgate-Channel",
    "X-Otpgate-Verified-At",
    "X-Otpgate-Score",
    "X-Otpgate-Assertion",
    "X-Otpgate-Anything",
    "X-Remote-User",
    "Remote-User",
    "Remote-Groups",
    "X-Otp-User",
    "X-Auth-Request-User",
    "X-Authenticated-User",
    "X-WebAuth-User",
];

/// Other spellings that an application could read as the same header.
fn spellings(name: &str) -> Vec<String> {
    vec![
        name.to_owned(),
        name.to_ascii_uppercase(),
        name.to_ascii_lowercase(),
        name.replace('-', "_"),
        name.replace('-', "."),
        name.replacen('-', "_", 1),
        name.to_ascii_uppercase().replace('-', "_"),
    ]
}

#[test]
fn h01_h02_h03_identity_headers_of_a_client_reach_nobody() {
    let setup = strangers();
    for name in FORGED {
        for spelling in spellings(name) {
            let reply = setup.ask(bare("GET", "/public/a", &[&format!("{spelling}: mallory"), "Connection: close"]));
            assert_eq!(reply.unwrap().status, 200, "{spelling}");
            let heard = setup.upstream.only();
            assert!(!heard.head.contains("mallory"), "{spelling}: {}", heard.head);
            // H03: nothing is known of this visitor, so nothing is said.
            let known = heard.headers().into_iter().any(|(name, _)| as_variable(name) == as_variable(&spelling));
            assert!(!known, "{spelling}: {}", heard.head);
        }
    }
    // A space before the colon is no spelling, it is a malformed header.
    for line in ["Remote-User : mallory", "X-Otpgate-Subject\t: mallory", " X-Otpgate-Subject: mallory"] {
        let before = setup.upstream.bytes();
        if setup.ask(bare("GET", "/public/a", &[line, "Connection: close"])).is_some_and(|reply| reply.status == 200) {
            let heard = setup.upstream.only();
            assert!(!heard.head.contains("mallory"), "{line}: {}", heard.head);
        } else {
            assert_eq!(setup.upstream.bytes(), before, "{line}");
        }
    }
}

#[test]
fn h01_a_subject_that_a_stranger_names_is_not_believed() {
    let setup = strangers();
    let reply = setup.ask(request("GET", "/admin", &[])).unwrap();
    assert_eq!(reply.status, 401, "{}", reply.text());
    // Nobody is signed in: no challenge for alice was opened.
    assert!(!reply.text().contains("***") && reply.all("set-cookie").is_empty(), "{reply:?}");
    assert_eq!(setup.upstream.bytes(), 0);
}

fn granted(heard: &Heard) {
    assert_eq!(heard.value("x-otpgate-subject"), Some("alice"), "{}", heard.head);
    assert_eq!(heard.value("x-otpgate-channel"), Some("email"), "{}", heard.head);
    let at = heard.value("x-otpgate-verified-at").unwrap();
    assert!(at.len() == 20 && at.ends_with('Z'), "{at}");
    assert_eq!(heard.value("x-otpgate-score"), Some("0"), "{}", heard.head);
    assert_eq!(heard.value("x-forwarded-for"), Some("127.0.0.1"), "{}", heard.head);
}

#[tokio::test]
async fn h01_h05_with_a_grant_the_gateways_values_arrive_and_no_others() {
    let setup = Setup::start();
    let cookie = format!("Cookie: {}", setup.grant("alice", "/admin").await);
    let mut headers = vec![cookie.clone()];
    for name in FORGED.iter().filter(|&&name| name != "X-Remote-User") {
        headers.extend(spellings(name).into_iter().map(|spelling| format!("{spelling}: mallory")));
    }
    headers.push("X_Remote_User: mallory".to_owned());
    let lines: Vec<&str> = headers.iter().map(String::as_str).collect();
    let reply = setup.ask(request("GET", "/admin", &lines)).unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
    let heard = setup.upstream.only();
    granted(&heard);
    assert!(!heard.head.contains("mallory"), "{}", heard.head);
    assert_eq!(heard.value("x-remote-user"), Some("alice"), "the peer that may name the subject goes on naming it");

    // H05: twice, joined or folded, it names nobody.
    for (lines, wanted) in [
        (&["X-Remote-User: alice", "X-Remote-User: alice"][..], &[403][..]),
        (&["X-Remote-User: alice", "x-remote-user: bob"], &[403]),
        (&["X-Remote-User: alice, bob"], &[401]),
        (&["X-Remote-User: alice\r\n bob"], &[400, 401, 0]),
        (&["X-Remote-User: bob\r\n\talice"], &[400, 401, 0]),
    ] {
        let mut all = vec![cookie.as_str(), "Accept: application/json", "Connection: close"];
        all.extend(lines);
        let status = setup.stays_out(bare("GET", "/admin", &all));
        assert!(wanted.contains(&status), "{lines:?}: {status}");
    }
}

#[tokio::test]
async fn h04_connection_cannot_take_the_gateways_headers_away() {
    let setup = Setup::start();
    let cookie = format!("Cookie: {}", setup.grant("alice", "/admin").await);
    for tokens in [
        "X-Otpgate-Subject, X-Forwarded-For, keep-alive",
        "x-otpgate-subject",
        "close, x-otpgate-score, x-otpgate-channel, x-otpgate-verified-at",
        "x-forwarded-for, x-forwarded-proto, x-real-ip, host",
        "X-Remote-User",
        "Cookie",
    ] {
        let line = format!("Connection: {tokens}");
        let ask = bare("GET", "/admin", &["X-Remote-User: alice", "Accept: application/json", &cookie, &line]);
        let before = setup.upstream.bytes();
        let mut raw = setup.connect();
        raw.send(ask);
        match raw.reply().map(|reply| reply.status) {
            Some(200) => granted(&setup.upstream.only()),
            other => {
                assert!(other.is_none_or(|status| (400..500).contains(&status)), "{tokens}: {other:?}");
                assert_eq!(setup.upstream.bytes(), before, "{tokens}");
            }
        }
    }
}

/// A gateway that trusts the peer 127.0.0.2 and a network of further proxies; one area is open to the office.
fn behind_proxies() -> Setup {
    Setup::before(Recorder::start(), |config| {
        config.top =
            "trusted_proxies: [127.0.0.2, 192.0.2.0/24]\ndefinitions:\n  networks: {office: 10.0.0.0/8}\n".to_owned();
        config.identity_from = "[127.0.0.1, 127.0.0.2]".to_owned();
        config.routes = vec![
            "{path: /office/**, networks: office, policy: bypass}".to_owned(),
            "{path: /office/**, policy: mail}".to_owned(),
            "{path: /public/**, policy: bypass}".to_owned(),
            "{path: /admin/**, policy: mail}".to_owned(),
        ];
    })
}

fn ask_from(setup: &Setup, from: &str, bytes: impl AsRef<[u8]>) -> Reply {
    let mut raw = Raw::connect_from(from.parse::<IpAddr>().unwrap(), setup.gateway.port);
    raw.send(bytes);
    raw.reply().unwrap()
}

#[test]
fn h06_h10_an_untrusted_peer_says_nothing_about_addresses() {
    let setup = behind_proxies();
    for header in [
        "X-Forwarded-For: 10.0.0.1",
        "x-forwarded-for: 10.0.0.1, 192.0.2.1",
        "X_Forwarded_For: 10.0.0.1",
        "Forwarded: for=10.0.0.1",
        "X-Real-IP: 10.0.0.1",
        "CF-Connecting-IP: 10.0.0.1",
        "True-Client-IP: 10.0.0.1",
        "X-Client-IP: 10.0.0.1",
        "X-ProxyUser-Ip: 10.0.0.1",
        "Client-IP: 10.0.0.1",
        "Fastly-Client-IP: 10.0.0.1",
        "X-Cluster-Client-IP: 10.0.0.1",
        "X-Originating-IP: 10.0.0.1",
        "X-Remote-IP: 10.0.0.1",
        "X-Remote-Addr: 10.0.0.1",
        "X-Envoy-External-Address: 10.0.0.1",
    ] {
        assert_eq!(setup.stays_out(request("GET", "/office/a", &[header])), 401, "{header}");
        let reply = setup.ask(request("GET", "/public/a", &[header])).unwrap();
        assert_eq!(reply.status, 200);
        let heard = setup.upstream.only();
        assert!(!heard.head.contains("10.0.0.1"), "{header}: {}", heard.head);
        assert_eq!(heard.value("x-forwarded-for"), Some("127.0.0.1"));
        assert_eq!(heard.value("x-real-ip"), Some("127.0.0.1"));
        // H10: nor does a trusted one, by headers that nobody configured.
        if !header.to_ascii_lowercase().contains("forwarded") {
            assert_eq!(ask_from(&setup, "127.0.0.2", request("GET", "/office/a", &[header])).status, 401, "{header}");
        }
    }
}

#[test]
fn h07_h08_h09_the_client_is_the_rightmost_address_that_is_no_proxy() {
    let setup = behind_proxies();
    let fifty = format!("X-Forwarded-For: 10.0.0.1{}", ", 192.0.2.9".repeat(50));
    let fifty_outside = format!("X-Forwarded-For: 10.0.0.1, 203.0.113.9{}", ", 192.0.2.9".repeat(50));
    for (headers, client) in [
        (&["X-Forwarded-For: 10.0.0.1"][..], "10.0.0.1"),
        (&["X-Forwarded-For: 10.0.0.1, 192.0.2.5"], "10.0.0.1"),
        (&["X-Forwarded-For: 10.0.0.1,192.0.2.5 , 192.0.2.6"], "10.0.0.1"),
        (&["X-Forwarded-For: 10.0.0.1, 203.0.113.9"], "203.0.113.9"),
        (&["X-Forwarded-For: 203.0.113.9, 10.0.0.1"], "10.0.0.1"),
        (&[fifty.as_str()], "10.0.0.1"),
        (&[fifty_outside.as_str()], "203.0.113.9"),
        (&["X-Forwarded-For: garbage, 10.0.0.1"], "10.0.0.1"),
        (&["X-Forwarded-For: 10.0.0.1:4711"], "10.0.0.1"),
        (&["X-Forwarded-For: [2001:db8::7]:4711"], "2001:db8::7"),
        (&["X-Forwarded-For: ::ffff:10.0.0.1"], "10.0.0.1"),
        (&["X-Forwarded-For: 0:0:0:0:0:ffff:0a00:0001"], "10.0.0.1"),
        (&["X-Forwarded-For: 64:ff9b::a00:1"], "64:ff9b::a00:1"),
        // H08: two lines are one list.
        (&["X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 203.0.113.9"], "203.0.113.9"),
        (&["X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 10.0.0.1"], "10.0.0.1"),
        (&["Forwarded: for=10.0.0.1;proto=http"], "10.0.0.1"),
        (&["Forwarded: for=\"[::ffff:10.0.0.1]:80\""], "10.0.0.1"),
        (&["X-Forwarded-For: 10.0.0.1", "Forwarded: for=10.0.0.1"], "10.0.0.1"),
        (&[], "127.0.0.2"),
    ] {
        let reply = ask_from(&setup, "127.0.0.2", request("GET", "/public/a", headers));
        assert_eq!(reply.status, 200, "{headers:?}");
        let heard = setup.upstream.only();
        assert_eq!(heard.value("x-forwarded-for"), Some(client), "{headers:?}");
        assert!(!heard.has("forwarded"), "{}", heard.head);
        let in_office = client.starts_with("10.");
        let status = ask_from(&setup, "127.0.0.2", request("GET", "/office/a", headers)).status;
        assert_eq!(status, if in_office { 200 } else { 401 }, "{headers:?}");
        setup.upstream.forget();
    }
    // What cannot be read opens nothing.
    for header in [
        "X-Forwarded-For: 10.0.0.1, unknown",
        "X-Forwarded-For: 10.0.0.1, _hidden",
        "X-Forwarded-For: unknown",
        "X-Forwarded-For: 010.0.0.1",
        "X-Forwarded-For: 167772161",
        "X-Forwarded-For: 0x0a000001",
        "X-Forwarded-For: 10.1",
        "X-Forwarded-For: fe80::1%eth0",
        "X-Forwarded-For: 10.0.0.1 10.0.0.1",
        "Forwarded: for=10.0.0.1;for=10.0.0.2",
    ] {
        assert_eq!(ask_from(&setup, "127.0.0.2", request("GET", "/office/a", &[header])).status, 401, "{header}");
    }
    // H08: two headers that contradict each other.
    for headers in [
        &["X-Forwarded-For: 10.0.0.1", "Forwarded: for=203.0.113.9"][..],
        &["X-Forwarded-For: 203.0.113.9", "Forwarded: for=10.0.0.1"],
    ] {
        assert_eq!(ask_from(&setup, "127.0.0.2", request("GET", "/office/a", headers)).status, 401, "{headers:?}");
    }
    assert_eq!(setup.upstream.heard().len(), 0);
}

#[test]
fn h11_only_a_trusted_peer_says_https() {
    let setup = behind_proxies();
    let header = "X-Forwarded-Proto: https";
    let sets_secure = |reply: &Reply| {
        let line = reply.header("set-cookie").unwrap();
        assert_eq!(line.starts_with("__Host-otpgate_"), line.contains("Secure"), "{line}");
        line.contains("Secure")
    };
    let reply = setup.ask(request("GET", "/admin", &[header])).unwrap();
    assert!(reply.status == 401 && !sets_secure(&reply), "{reply:?}");
    let reply = ask_from(&setup, "127.0.0.2", request("GET", "/admin", &[header]));
    assert!(reply.status == 401 && sets_secure(&reply), "{reply:?}");
    setup.ask(request("GET", "/public/a", &[header, "X-Forwarded-Ssl: on", "Front-End-Https: on"])).unwrap();
    let heard = setup.upstream.only();
    assert_eq!(heard.value("x-forwarded-proto"), Some("http"));
    assert!(!heard.has("x-forwarded-ssl"), "{}", heard.head);
    ask_from(&setup, "127.0.0.2", request("GET", "/public/a", &[header]));
    assert_eq!(setup.upstream.only().value("x-forwarded-proto"), Some("https"));
    ask_from(&setup, "127.0.0.2", request("GET", "/public/a", &["X-Forwarded-Proto: https, http"]));
    assert_eq!(setup.upstream.only().value("x-forwarded-proto"), Some("http"), "the proxy itself wrote the last one");
}

#[test]
fn h12_forwarded_headers_are_the_gateways_own() {
    let setup = behind_proxies();
    let forged = [
        "X-Forwarded-Host: evil.test",
        "X-Forwarded-Server: evil.test",
        "X-Forwarded-Port: 666",
        "X-Forwarded-Prefix: /evil",
        "X-Forwarded-Uri: /evil",
        "X-Forwarded-Method: EVIL",
        "X-Forwarded: for=evil",
        "X-Forwarded-User: evil",
        "X-Forwarded-Email: evil",
        "X-Original-URL: /evil",
        "X-Original-URI: /evil",
        "X-Rewrite-URL: /evil",
        "X-Host: evil.test",
        "Forwarded: host=evil.test",
        "Proxy: http://evil.test",
        "X-SSL-Client-Verify: evil",
        "SSL-Client-Cert: evil",
    ];
    for from in ["127.0.0.1", "127.0.0.2"] {
        assert_eq!(ask_from(&setup, from, request("GET", "/public/a", &forged)).status, 200);
        let heard = setup.upstream.only();
        assert!(!heard.head.to_ascii_lowercase().contains("evil") && !heard.head.contains("666"), "{}", heard.head);
        assert_eq!(heard.value("x-forwarded-host"), Some("app.test"));
        assert_eq!(heard.value("x-forwarded-proto"), Some("http"));
        assert_eq!(heard.value("host"), Some("app.test"));
    }
}

#[test]
fn other_headers_reach_the_upstream_as_they_are() {
    let setup = Setup::start();
    let sent = [
        "Accept: text/html;q=0.9, */*;q=0.1",
        "Accept-Language: ms, en;q=0.5",
        "Authorization: Basic YWxpY2U6c2VjcmV0",
        "If-None-Match: \"a\", W/\"b\"",
        "Range: bytes=0-3",
        "X-Custom:   spaced  inside  ",
        "X-Twice: one",
        "X-Twice: two",
        "X-Empty:",
        "User-Agent: \"quoted\" (zo\u{eb})",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ];
    assert_eq!(setup.ask(bare("GET", "/public/a", &sent)).unwrap().status, 200);
    let heard = setup.upstream.only();
    let latin1 = |text: &str| text.bytes().map(char::from).collect::<String>();
    for line in sent {
        let (name, value) = line.split_once(':').unwrap();
        let value = latin1(value.trim());
        assert!(heard.all(name).contains(&value.as_str()), "{line}: {}", heard.head);
    }
    assert_eq!(heard.all("x-twice"), ["one", "two"]);
}

#[test]
fn h15_no_user_agent_is_let_through() {
    let setup = Setup::start();
    for agent in ["GoogleHC/1.0", "kube-probe/1.30", "ELB-HealthChecker/2.0", "Consul Health Check", ""] {
        let line = format!("User-Agent: {agent}");
        assert_eq!(setup.stays_out(request("GET", "/admin", &[&line])), 401, "{agent}");
    }
}

#[test]
fn h16_a_proxy_header_is_no_request() {
    let setup = behind_proxies();
    let request = request("GET", "/office/a", &[]);
    for start in [
        "PROXY TCP4 10.0.0.1 127.0.0.1 4711 80\r\n",
        "PROXY UNKNOWN\r\n",
        "PROXY TCP4 10.0.0.1\r\n",
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\x0a\x00\x00\x01\x7f\x00\x00\x01\x12\x34\x00\x50",
        "\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00",
    ] {
        let status = setup.stays_out([start.as_bytes(), request.as_bytes()].concat());
        assert!(matches!(status, 0 | 400 | 405), "{start:?}: {status}");
    }
}

#[test]
fn h17_oversized_and_malformed_headers_are_refused() {
    let setup = Setup::start();
    let big = |bytes: usize| format!("X-Big: {}", "b".repeat(bytes));
    for (bytes, fits) in
        [(20 * 1024, true), (31 * 1024, true), (33 * 1024, false), (64 * 1024, false), (900 * 1024, false)]
    {
        let ask = request("GET", "/public/a", &[&big(bytes)]);
        if fits {
            assert_eq!(setup.ask(ask).unwrap().status, 200, "{bytes}");
            assert_eq!(setup.upstream.only().value("x-big").unwrap().len(), bytes);
        } else {
            assert_eq!(setup.stays_out(ask), 431, "{bytes}");
        }
    }
    // Many headers, each small.
    let many: Vec<String> = (0..1_000).map(|number| format!("X-{number}: {}", "v".repeat(40))).collect();
    let status = setup.stays_out(request("GET", "/public/a", &many.iter().map(String::as_str).collect::<Vec<_>>()));
    assert!(matches!(status, 400 | 431), "{status}");
    for line in ["X-Nul: a\0b", "X-\0: a", "X-Bare\rCR: a", "X-Ctl: a\x01b", "X Space: a", "NoColon", ": empty"] {
        let status = setup.stays_out(request("GET", "/public/a", &[line]));
        assert!(matches!(status, 0 | 400), "{line:?}: {status}");
    }
}

#[test]
fn h17_a_listener_can_take_smaller_and_larger_headers() {
    let small = Setup::before(Recorder::start(), |config| config.listener = "max_header_size: 8KiB".to_owned());
    let big = format!("X-Big: {}", "b".repeat(10 * 1024));
    assert_eq!(small.stays_out(request("GET", "/public/a", &[&big])), 431);
    let cookie = format!("Cookie: a={}", "c".repeat(10 * 1024));
    assert_eq!(small.stays_out(request("GET", "/public/a", &[&cookie])), 431);
    assert_eq!(small.stays_out(request("GET", &format!("/public/a?{}", "q".repeat(9 * 1024)), &[])), 431);
    small.forwards("/public/a", "/public/a");
}

#[test]
fn h23_trailers_set_nothing() {
    let setup = strangers();
    let ask = bare(
        "POST",
        "/public/a",
        &["Transfer-Encoding: chunked", "TE: trailers", "Trailer: X-Remote-User", "Connection: close"],
    ) + "2\r\nhi\r\n0\r\nX-Remote-User: mallory\r\nX-Otpgate-Subject: mallory\r\n\r\n";
    if setup.ask(ask).is_some_and(|reply| reply.status == 200) {
        let heard = setup.upstream.only();
        assert!(!heard.head.contains("mallory"), "{}", heard.head);
        assert!(!heard.trailers.contains("mallory"), "{}", heard.trailers);
    }
}

#[test]
fn h24_an_upstream_cannot_speak_for_the_gateway() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\
        Set-Cookie: first=1; Path=/\r\n\
        Set-Cookie: otpgate_grant=forged\r\n\
        set-cookie: __Host-otpgate_grant=forged; Secure; Path=/\r\n\
        Set-Cookie: OTPGATE_browser=forged\r\n\
        Set-Cookie: =otpgate_grant=forged\r\n\
        Set-Cookie:  otpgate_resume = forged\r\n\
        Set-Cookie: second=2; HttpOnly\r\n\
        X-Otpgate-Subject: forged\r\n\
        X_Otpgate_Subject: forged\r\n\
        x-otpgate-anything: forged\r\n\
        Server: legacy/1.0\r\nX-Kept: yes\r\n\r\nok";
    let setup = Setup::before(Recorder::saying(answer), |_| ());
    let reply = setup.get("/public/a");
    assert_eq!(reply.all("set-cookie"), ["first=1; Path=/", "second=2; HttpOnly"]);
    assert!(!format!("{reply:?}").contains("forged"), "{reply:?}");
    assert_eq!(reply.header("server"), Some("legacy/1.0"));
    assert_eq!(reply.header("x-kept"), Some("yes"));
}
