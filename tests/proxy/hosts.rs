//! P18, P19, H13: whichever way a host is written, it is one host, and it is the one that was judged (I6).

use crate::setup::{HOST, Setup, request};
use crate::support::recorder::Recorder;

/// The head of a request with these lines in the place of `Host`.
fn to(hosts: &str, target: &str) -> String {
    request("GET", target, &[]).replace(&format!("Host: {HOST}\r\n"), hosts)
}

/// One open site, one shut one, and a wildcard.
fn three_sites() -> Setup {
    Setup::before(Recorder::start(), |config| {
        let servers = config.servers.join(",");
        config.sites = vec![
            format!("{{hosts: open.test, upstream: {{servers: [{servers}]}}, default_policy: bypass}}"),
            format!(
                "{{hosts: [\"*.wild.test\", wild.test], upstream: {{servers: [{servers}]}}, default_policy: bypass}}"
            ),
        ];
    })
}

#[test]
fn p18_every_spelling_of_a_host_meets_the_same_rule() {
    let setup = three_sites();
    for host in
        ["app.test", "APP.test", "App.Test", "app.test.", "APP.TEST.", "app.test:80", "app.test.:80", "app.test:8080"]
    {
        assert_eq!(setup.stays_out(to(&format!("Host: {host}\r\n"), "/admin")), 401, "{host}");
        let reply = setup.ask(to(&format!("Host: {host}\r\n"), "/public/a")).unwrap();
        assert_eq!(reply.status, 200, "{host}");
        let heard = setup.upstream.only();
        let sent = heard.value("host").unwrap();
        assert_eq!(sent, host.to_ascii_lowercase().replace("test.", "test"), "{host}");
    }
    for host in
        ["app.test:99999", "app.test:0", "app.test:65536", "app.test:", "app.test:8o", "app.test:+80", "app.test:080"]
    {
        setup.refuses(to(&format!("Host: {host}\r\n"), "/public/a"));
    }
}

#[test]
fn p19_h13_what_is_no_host_is_refused() {
    let setup = three_sites();
    for host in [
        "xn--example-.org",
        "app\u{3002}test",
        "\u{ff41}pp.test",
        "app.test..",
        ".app.test",
        "app..test",
        "-app.test",
        "app test",
        "app.test/",
        "app.test/admin",
        "user@app.test",
        "app.test@open.test",
        "app.test, open.test",
        "app.test\\",
        "app.test%2f",
        "[::1",
        "[app.test]",
        "app.test\tx",
        "",
    ] {
        setup.refuses(to(&format!("Host: {host}\r\n"), "/public/a"));
    }
    for (what, lines) in [
        ("no Host", ""),
        ("two Hosts", "Host: app.test\r\nHost: open.test\r\n"),
        ("the same twice", "Host: app.test\r\nHost: app.test\r\n"),
        ("a folded Host", "Host: app.test\r\n open.test\r\n"),
        ("a space before the colon", "Host : app.test\r\n"),
        ("a bare CR", "Host: app.test\rHost: open.test\r\n"),
    ] {
        assert_ne!(setup.stays_out(to(lines, "/public/a")), 401, "{what}");
    }
    // HTTP/1.0 knows no Host, but this gateway must know which site is meant.
    setup.refuses("GET /public/a HTTP/1.0\r\n\r\n");
}

#[test]
fn h13_an_unknown_host_gets_421() {
    let setup = three_sites();
    for host in [
        "other.test",
        "127.0.0.1",
        "localhost",
        "app.test.evil.test",
        "xapp.test",
        "a.open.test",
        "[::1]",
        "wild.testx",
    ] {
        assert_eq!(setup.stays_out(to(&format!("Host: {host}\r\n"), "/public/a")), 421, "{host}");
    }
    for host in ["wild.test", "a.wild.test", "A.B.wild.test", "open.test"] {
        assert_eq!(setup.ask(to(&format!("Host: {host}\r\n"), "/admin")).unwrap().status, 200, "{host}");
    }
}

#[test]
fn h12_nothing_but_the_host_chooses_the_site() {
    let setup = three_sites();
    for header in [
        "X-Forwarded-Host: open.test",
        "X-Original-Host: open.test",
        "X-Host: open.test",
        "Forwarded: host=open.test",
        "X-Forwarded-Server: open.test",
        "X-Original-URL: /public/a",
        "X-Rewrite-URL: /public/a",
        "X-Forwarded-Uri: /public/a",
        "X-Forwarded-Prefix: /public",
        "X-Forwarded-Method: OPTIONS",
        "X-Forwarded-Port: 443",
    ] {
        assert_eq!(setup.stays_out(request("GET", "/admin", &[header])), 401, "{header}");
    }
}
