//! P: the path that is judged is the path that is forwarded (I6). There is no rewriting of paths, so P20 has no case.

use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::setup::{Config, PEOPLE, Setup, bare, request};
use crate::support::process::{SECRET, binary};

/// What a target must come to.
#[derive(Clone, Copy)]
enum Outcome {
    /// 401, with the way to a code.
    Challenged,
    /// 400 or 414.
    Refused,
    /// 403: no route matches, and the default is deny.
    Denied,
    /// 200, under this target.
    Forwarded(&'static str),
}
use Outcome::{Challenged, Denied, Forwarded, Refused};

fn hold(setup: &Setup, cases: &[(&str, &str, Outcome)]) {
    for &(case, target, outcome) in cases {
        let status = match outcome {
            Forwarded(to) => {
                setup.forwards(target, to);
                continue;
            }
            _ => setup.stays_out(request("GET", target, &[])),
        };
        let as_expected = match outcome {
            Challenged => status == 401,
            Refused => matches!(status, 400 | 414),
            Denied => status == 403,
            Forwarded(_) => false,
        };
        assert!(as_expected, "{case} {target:?}: {status}");
    }
}

#[test]
fn p01_to_p06_no_spelling_of_a_path_gets_round_its_rule() {
    hold(
        &Setup::start(),
        &[
            ("P01", "/public/../admin", Challenged),
            ("P01", "/public/a/../../admin/x", Challenged),
            ("P01", "/../admin", Refused),
            ("P02", "/public/%2e%2e/admin", Challenged),
            ("P02", "/public/.%2e/admin", Challenged),
            ("P02", "/public/%2E./admin", Challenged),
            ("P02", "/public/%2E%2e/admin", Challenged),
            ("P03", "/public/..%2fadmin", Refused),
            ("P03", "/public/..%2Fadmin", Refused),
            ("P03", "/public/%2e%2e%2fadmin", Refused),
            // Decoded once, never twice: to both sides it is a segment of the public area.
            ("P04", "/public/%252e%252e/admin", Forwarded("/public/%252e%252e/admin")),
            ("P04", "/public/%25%32%65%25%32%65/admin", Forwarded("/public/%25%32%65%25%32%65/admin")),
            ("P04", "/%61dmin", Challenged),
            ("P05", "/public/..;/admin", Refused),
            ("P05", "/public;x/../admin", Refused),
            ("P05", "/admin;jsessionid=1", Refused),
            ("P05", "/admin%3bx", Refused),
            ("P05", "/public/%2e%2e;x/admin", Refused),
            ("P06", "//admin", Challenged),
            ("P06", "/.//admin", Challenged),
            ("P06", "/./admin", Challenged),
            ("P06", "/admin//", Challenged),
            ("P06", "/admin/.", Challenged),
            ("P06", "/public/..//admin", Challenged),
            ("P06", "///admin", Challenged),
        ],
    );
}

#[test]
fn p07_control_bytes_are_refused() {
    let setup = Setup::start();
    hold(
        &setup,
        &[
            ("P07", "/admin%00.css", Refused),
            ("P07", "/public/%00", Refused),
            ("P07", "/admin%0a", Refused),
            ("P07", "/public/%0d%0aX:1", Refused),
            ("P07", "/public/%7f", Refused),
            ("P07", "/public/%09", Refused),
        ],
    );
    for byte in [0x00, 0x01, 0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x1f, 0x7f] {
        let raw = request("GET", "/public/@x", &[]).into_bytes();
        let raw: Vec<u8> = raw.iter().map(|&known| if known == b'@' { byte } else { known }).collect();
        setup.refuses(raw);
    }
}

#[test]
fn p08_p09_a_fragment_or_a_query_never_names_the_path() {
    hold(
        &Setup::start(),
        &[
            ("P08", "/admin#/public", Refused),
            ("P08", "/public#/../admin", Refused),
            ("P08", "/public/a#", Refused),
            ("P08", "/public/a?b#c", Refused),
            ("P08", "/admin%23/public", Denied),
            ("P08", "/admin/%23/public", Challenged),
            ("P09", "/admin?x=/public/", Challenged),
            ("P09", "/admin?/public/ok", Challenged),
            ("P09", "/admin??/public/", Challenged),
            ("P09", "/nowhere?/public/ok", Denied),
            ("P09", "/public/a?/admin/../x=%2e%2e%2f", Forwarded("/public/a?/admin/../x=%2e%2e%2f")),
        ],
    );
}

#[test]
fn p10_p11_case_and_prefix() {
    hold(
        &Setup::start(),
        &[
            ("P10", "/ADMIN", Challenged),
            ("P10", "/Admin/Users", Challenged),
            ("P10", "/%41DMIN", Challenged),
            // A bypass is exact: what is spelled otherwise does not pass by it.
            ("P10", "/PUBLIC/a", Denied),
            ("P11", "/administrator", Denied),
            ("P11", "/admin-x", Denied),
            ("P11", "/admin", Challenged),
            ("P11", "/admin/", Challenged),
            ("P11", "/admin?x", Challenged),
            ("P11", "/admin?", Challenged),
            ("P11", "/public", Forwarded("/public")),
            ("P11", "/public/", Forwarded("/public/")),
            ("P11", "/health/", Denied),
            ("P11", "/publicity", Denied),
        ],
    );
}

#[test]
fn p12_to_p14_encoded_separators_and_bad_escapes() {
    let setup = Setup::start();
    hold(
        &setup,
        &[
            ("P12", "/public/legit%2f..%2f..%2fadmin", Refused),
            ("P12", "/public/..%5cadmin", Refused),
            ("P12", "/public/%5C..%5Cadmin", Refused),
            ("P12", "/\\admin", Refused),
            ("P12", "/public/..\\admin", Refused),
            ("P12", "\\admin", Refused),
            ("P13", "/public/%c0%ae%c0%ae/admin", Refused),
            ("P13", "/public/..%c0%afadmin", Refused),
            ("P13", "/public/%e0%80%ae", Refused),
            ("P13", "/public/%ff", Refused),
            ("P13", "/public/%ed%a0%80", Refused),
            // Full-width dots are a name, and the Kelvin sign is no k.
            ("P13", "/public/%ef%bc%8e%ef%bc%8e/admin", Forwarded("/public/%ef%bc%8e%ef%bc%8e/admin")),
            ("P13", "/%e2%84%aaiosk", Denied),
            ("P13", "/%4Biosk", Challenged),
            ("P14", "/public/%zz", Refused),
            ("P14", "/public/%", Refused),
            ("P14", "/public/%1", Refused),
            ("P14", "/public/%u002e", Refused),
            ("P14", "/public/%2", Refused),
            ("P14", "/public/%%32e", Refused),
        ],
    );
    // Bytes beyond ASCII are not a URL, whatever they would mean.
    setup.refuses(request("GET", "/public/\u{ff0e}\u{ff0e}/admin", &[]));
    setup.refuses(request("GET", "/public/zo\u{eb}", &[]));
}

#[test]
fn p15_an_absolute_target_must_name_the_host_that_was_asked() {
    let setup = Setup::start();
    setup.refuses(request("GET", "http://other.test/admin", &[]));
    setup.refuses(request("GET", "http://other.test/public/a", &[]));
    setup.refuses(request("GET", "https://app.test/public/a", &[]));
    setup.refuses(request("GET", "ftp://app.test/public/a", &[]));
    setup.refuses(request("GET", "http:/public/a", &[]));
    setup.refuses(request("GET", "http://app.test:81/public/a", &[]));
    setup.refuses(request("GET", "http://app.test@other.test/public/a", &[]));
    setup.challenges("http://app.test/admin");
    setup.challenges("http://app.test/public/../admin");
    setup.stays_out(request("GET", "http://APP.test/admin", &[]));
    setup.forwards("http://app.test/public/a?b", "/public/a?b");
    setup.forwards("HTTP://app.test/public/a", "/public/a");
}

#[test]
fn p16_other_forms_of_target_are_refused() {
    let setup = Setup::start();
    setup.refuses(request("CONNECT", "app.test:443", &[]));
    setup.refuses(request("CONNECT", "/public/a", &[]));
    setup.refuses(request("GET", "app.test:80", &[]));
    setup.refuses(request("OPTIONS", "*", &[]));
    setup.refuses(request("GET", "*", &[]));
    setup.refuses(request("GET", "public/a", &[]));
    setup.refuses(request("GET", "", &[]));
}

#[test]
fn p17_the_rule_sees_the_method_that_is_sent() {
    let setup = Setup::start();
    setup.refuses(request("get", "/public/a", &[]));
    setup.refuses(request("Get", "/admin", &[]));
    setup.refuses(request("G T", "/public/a", &[]));
    setup.refuses(request("GET\t", "/public/a", &[]));
    for method in ["POST", "DELETE", "GETT", "HEAD"] {
        assert_eq!(setup.stays_out(request(method, "/readonly", &[])), 403, "{method}");
    }
    assert_eq!(setup.stays_out(request("POST", "/readonly?_method=GET", &["X-HTTP-Method-Override: GET"])), 403);
    for method in ["HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"] {
        assert_eq!(setup.stays_out(request(method, "/admin", &[])), 401, "{method}");
    }
    let overrides = [
        "X-HTTP-Method-Override: DELETE",
        "X-Http-Method: DELETE",
        "X-Method-Override: DELETE",
        "X_HTTP_METHOD_OVERRIDE: DELETE",
    ];
    assert_eq!(setup.ask(request("GET", "/readonly", &overrides)).unwrap().status, 200);
    let heard = setup.upstream.only();
    assert_eq!(heard.method(), "GET");
    assert!(!heard.head.to_ascii_lowercase().contains("override"), "{}", heard.head);
    assert!(!heard.head.contains("DELETE"), "{}", heard.head);
    // Any method that a rule can name reaches the upstream as it is.
    for method in ["PROPFIND", "PURGE", "M-SEARCH"] {
        assert_eq!(setup.ask(request(method, "/public/a", &[])).unwrap().status, 200, "{method}");
        assert_eq!(setup.upstream.only().method(), method);
    }
}

#[tokio::test]
async fn i6_a_granted_request_is_forwarded_as_it_was_judged() {
    let setup = Setup::start();
    let cookies = format!("Cookie: {}", setup.grant("alice", "/admin").await);
    for (target, sent) in [
        ("/admin", "/admin"),
        ("/./admin//users/../roles?x=//../%2f#".trim_end_matches('#'), "/admin/roles?x=//../%2f"),
        ("//admin/%41%c3%a9", "/admin/%41%c3%a9"),
        ("/public/../admin/a%20b", "/admin/a%20b"),
        ("/ADMIN/X", "/ADMIN/X"),
        ("/admin/?", "/admin/?"),
        ("/admin/a+b!$&'()*,=:@~-._?a=1&b=;c&&=&%zz", "/admin/a+b!$&'()*,=:@~-._?a=1&b=;c&&=&%zz"),
    ] {
        let reply = setup.ask(request("GET", target, &[&cookies])).unwrap();
        assert_eq!(reply.status, 200, "{target}: {}", reply.text());
        assert_eq!(setup.upstream.only().target(), sent, "{target}");
    }
}

#[test]
fn p21_long_paths_and_queries_are_refused_at_once() {
    let setup = Setup::before(crate::support::recorder::Recorder::start(), |config| {
        config.listener = "max_header_size: 256KiB".to_owned();
    });
    let started = Instant::now();
    for (what, target, wanted) in [
        ("60 KiB", format!("/public/{}", "a".repeat(60 * 1024)), 414),
        ("20 KiB", format!("/public/{}", "a".repeat(20 * 1024)), 414),
        ("10,000 segments", "/a".repeat(10_000), 414),
        ("10,000 empty segments", format!("/public{}", "/".repeat(10_000)), 414),
        ("5,000 parameters", format!("/public/a?{}", "k=v&".repeat(5_000)), 400),
        ("5,000 climbs", format!("/public{}", "/a/..".repeat(5_000)), 414),
    ] {
        assert_eq!(setup.stays_out(request("GET", &target, &[])), wanted, "{what}");
    }
    // More than a URL can hold at all.
    setup.refuses(request("GET", &format!("/public/{}", "a".repeat(64 * 1024)), &[]));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn p22_a_hostile_path_cannot_make_a_pattern_slow() {
    let setup = Setup::with_routes(&[
        "{path_regex: \"/(a+)+b\", policy: mail}",
        "{path_regex: \"/(x|x)*y\", policy: bypass}",
        "{path: \"/*a*a*a*a*a*a*a*b\", policy: mail}",
    ]);
    let started = Instant::now();
    for target in [format!("/{}", "a".repeat(12_000)), format!("/{}", "x".repeat(12_000))] {
        assert_eq!(setup.stays_out(request("GET", &target, &[])), 403);
    }
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    setup.challenges("/aaab");
    setup.forwards("/xxy", "/xxy");
}

#[test]
fn p23_a_query_rule_protects_under_every_reading_and_opens_only_when_all_agree() {
    let setup = Setup::with_routes(&[
        "{path: /q, query: {page: [secret, bill]}, policy: mail}",
        "{path: /q, policy: bypass}",
        "{path: /b, query: {token: ok}, policy: bypass}",
        "{path: /b, policy: mail}",
    ]);
    hold(
        &setup,
        &[
            ("P23", "/q?page=secret", Challenged),
            ("P23", "/q?page=other&page=secret", Challenged),
            ("P23", "/q?page=secret&page=other", Challenged),
            ("P23", "/q?page[]=secret", Challenged),
            ("P23", "/q?page%5B%5D=secret", Challenged),
            ("P23", "/q?page[0]=bill", Challenged),
            ("P23", "/q?x=1;page=secret", Challenged),
            ("P23", "/q?page=se%63ret", Challenged),
            ("P23", "/q?%70age=secret", Challenged),
            ("P23", "/q?&&page=secret", Challenged),
            ("P23", "/q?page=other", Forwarded("/q?page=other")),
            ("P23", "/q?page=", Forwarded("/q?page=")),
            ("P23", "/q", Forwarded("/q")),
            ("P23", "/b?token=ok", Forwarded("/b?token=ok")),
            ("P23", "/b?token=ok&token=bad", Challenged),
            ("P23", "/b?token=bad&token=ok", Challenged),
            ("P23", "/b?token[]=ok", Challenged),
            ("P23", "/b?token=ok;token=bad", Challenged),
            ("P23", "/b?token=", Challenged),
            ("P23", "/b?token", Challenged),
            ("P23", "/b?token=ok+", Challenged),
            ("P23", "/b", Challenged),
        ],
    );
}

#[test]
fn p24_a_pattern_matches_the_whole_path() {
    let setup = Setup::with_routes(&[
        "{path_regex: /public, policy: bypass}",
        "{path_regex: \"/a|/b\", policy: bypass}",
        "{path_regex: \"/secret\", policy: mail}",
    ]);
    hold(
        &setup,
        &[
            ("P24", "/public", Forwarded("/public")),
            ("P24", "/x/public", Denied),
            ("P24", "/public/x", Denied),
            ("P24", "/a", Forwarded("/a")),
            ("P24", "/b", Forwarded("/b")),
            ("P24", "/ab", Denied),
            ("P24", "/x/b", Denied),
            ("P24", "/SECRET", Challenged),
        ],
    );
    // The end of a line is not the end of a path.
    setup.refuses(request("GET", "/public%0a/x", &[]));
}

/// Runs `check` on a config with these routes.
fn check(routes: &[&str]) -> (Option<i32>, String) {
    let dir = TempDir::new().unwrap();
    let text = Config::to(["127.0.0.1:9"]).routes(routes).text();
    let text = text.replace("{port}", "8080").replace("{admin}", "8081").replace("{secret}", SECRET);
    std::fs::write(dir.path().join("otpgate.yaml"), text).unwrap();
    std::fs::write(dir.path().join("people.yaml"), PEOPLE).unwrap();
    let output = Command::new(binary()).args(["check", "-c"]).arg(dir.path().join("otpgate.yaml")).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn p22_p25_p26_routes_that_cannot_be_meant_do_not_load() {
    let (code, error) = check(&["{path: /public/**, policy: bypass}", "{path: /admin/**, policy: mail}"]);
    assert_eq!(code, Some(0), "{error}");
    for (case, routes) in [
        ("P22", &["{path_regex: \"(a{1000}){1000}{1000}\", policy: bypass}"][..]),
        ("P24", &["{path_regex: \"(\", policy: bypass}"]),
        ("P25", &["{path: [], policy: bypass}"]),
        ("P25", &["{path: /a, methods: [], policy: bypass}"]),
        ("P25", &["{path: /a, networks: [], policy: bypass}"]),
        ("P26", &["{path: /a/**, policy: mail}", "{path: /a/b, policy: bypass}"]),
        ("P26", &["{path: /a, policy: mail}", "{path: /a, policy: bypass}"]),
        ("P26", &["{path: /a, policy: nobody}"]),
    ] {
        let (code, error) = check(routes);
        assert_eq!(code, Some(2), "{case} {routes:?}: {error}");
        assert!(error.contains("otpgate.yaml:"), "{case}: {error}");
    }
}

#[test]
fn p26_of_two_routes_that_match_the_first_decides() {
    let setup = Setup::with_routes(&[
        "{path: /a/b/**, policy: bypass}",
        "{path: /a/**, policy: mail}",
        "{path: /c, methods: POST, policy: mail}",
        "{path: /c, policy: bypass}",
        "{path: /**, policy: deny}",
    ]);
    setup.forwards("/a/b/c", "/a/b/c");
    setup.challenges("/a/bc");
    // The bypass is exact, the protecting route behind it is not.
    setup.challenges("/A/B/c");
    setup.forwards("/c", "/c");
    assert_eq!(setup.stays_out(request("POST", "/c", &["Content-Length: 0"])), 401);
    assert_eq!(setup.stays_out(bare("GET", "/z", &["Connection: close"])), 403);
}
