//! Where providers send what they send: answered before any site, and of no use to anybody else.

use crate::setup::{Config, Setup, metrics};
use crate::support::recorder::Recorder;

/// The common config with `public_url` at this host.
fn with_public_url(host: &str) -> Setup {
    Setup::before(Recorder::start(), |config: &mut Config| {
        config.top = format!("public_url: https://{host}");
        config.routes.push("{path: /.otpgate/**, policy: bypass}".to_owned());
    })
}

fn to(method: &str, host: &str, target: &str, more: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n")
}

/// Status of a request to a host.
fn status(setup: &Setup, method: &str, host: &str, target: &str) -> u16 {
    setup.ask(to(method, host, target, "")).unwrap().status
}

#[test]
fn the_host_of_public_url_serves_receipts_and_nothing_else() {
    let setup = with_public_url("otp.test");
    // `dev` is a provider, and sends no receipts.
    for name in ["dev", "nobody", "DEV", "", "dev/", "dev/x", "..%2fdev"] {
        for folder in ["receipts", "words"] {
            let target = format!("/.otpgate/{folder}/{name}?m=AAAAAAAAAAAAAAAAAAAAAA&t=x");
            let reply = setup.ask(to("GET", "otp.test", &target, "")).unwrap();
            assert!(matches!(reply.status, 400 | 404), "{} for {target}", reply.status);
            assert!(!reply.text().contains("dev"), "{target}");
        }
    }
    // 404, not 421: the host is there.
    for target in ["/", "/public/a", "/.otpgate/", "/.otpgate/challenge", "/.OTPGATE/receipts/dev", "/admin"] {
        let reply = setup.ask(to("GET", "otp.test", target, "Accept: text/html\r\n")).unwrap();
        assert_eq!(reply.status, 404, "{target}");
        assert!(reply.text().contains("There are no pages at this address"), "{target}: {}", reply.text());
    }
    assert_eq!(status(&setup, "GET", "otp2.test", "/.otpgate/receipts/dev"), 421);
    assert_eq!(setup.upstream.bytes(), 0);
    assert!(metrics(&setup.gateway).contains("otpgate_requests_total{site=\"none\",verdict=\"portal\"}"));
}

#[test]
fn receipts_are_taken_at_no_other_host_even_of_a_site() {
    let setup = with_public_url("otp.test");
    for method in ["GET", "POST"] {
        for target in ["/.otpgate/receipts/dev", "/.otpgate/words/dev?m=AAAAAAAAAAAAAAAAAAAAAA"] {
            let reply = setup.ask(to(method, "app.test", target, "Content-Length: 0\r\n")).unwrap();
            assert_eq!(reply.status, 404, "{method} {target}");
        }
    }
    assert_eq!(setup.upstream.bytes(), 0);
}

#[test]
fn a_sites_own_host_may_be_the_one_of_public_url() {
    let setup = with_public_url("app.test");
    let reply = setup.ask(to("POST", "app.test", "/.otpgate/receipts/dev", "Content-Length: 1\r\n\r\nx")).unwrap();
    assert_eq!((reply.status, reply.body.len()), (404, 0));
    assert_eq!(setup.upstream.bytes(), 0);
    // The rest of the site is there as ever.
    setup.forwards("/public/a", "/public/a");
    assert_eq!(status(&setup, "GET", "app.test", "/.otpgate/"), 200);
    setup.challenges("/admin");
}

#[test]
fn only_get_and_post_and_only_so_much() {
    let setup = with_public_url("otp.test");
    for method in ["PUT", "DELETE", "OPTIONS", "PATCH", "HEAD"] {
        let reply = setup.ask(to(method, "otp.test", "/.otpgate/receipts/dev", "")).unwrap();
        assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, POST")), "{method}");
    }
    let limit = 64 * 1024;
    for (length, status) in [(limit, 404), (limit + 1, 413)] {
        let declared = to("POST", "otp.test", "/.otpgate/receipts/dev", &format!("Content-Length: {length}\r\n"));
        let reply = setup.ask([declared.as_bytes(), &vec![b'x'; length]].concat()).unwrap();
        assert_eq!((reply.status, reply.body.len()), (status, 0), "{length}");
        // The same without saying how long it is.
        let chunked = to("POST", "otp.test", "/.otpgate/receipts/dev", "Transfer-Encoding: chunked\r\n");
        let chunk = format!("{length:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(length));
        let reply = setup.ask([chunked.as_bytes(), chunk.as_bytes()].concat()).unwrap();
        assert_eq!(reply.status, status, "{length}, chunked");
    }
    assert_eq!(setup.upstream.bytes(), 0);
}

/// What can be read in two ways is refused here as at every other host.
#[test]
fn the_rules_of_the_door_hold() {
    let setup = with_public_url("otp.test");
    for (what, bytes) in [
        ("two hosts", to("GET", "otp.test", "/.otpgate/receipts/dev", "Host: app.test\r\n")),
        ("a bad escape", to("GET", "otp.test", "/.otpgate/receipts/%zz", "")),
        ("an encoded slash", to("GET", "otp.test", "/.otpgate/receipts%2fdev", "")),
        ("a fragment", to("GET", "otp.test", "/.otpgate/receipts/dev?a#b", "")),
        ("another host in the target", to("GET", "otp.test", "https://app.test/.otpgate/receipts/dev", "")),
        (
            "two lengths",
            to("POST", "otp.test", "/.otpgate/receipts/dev", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
        ),
    ] {
        let reply = setup.ask(bytes).unwrap();
        assert_eq!(reply.status, 400, "{what}");
    }
    let no_text = b"GET /.otpgate/receipts/dev?a=\xff HTTP/1.1\r\nHost: otp.test\r\nConnection: close\r\n\r\n";
    assert_eq!(setup.ask(no_text).unwrap().status, 400);
    assert_eq!(setup.upstream.bytes(), 0);
}
