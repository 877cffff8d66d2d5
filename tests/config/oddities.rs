//! What is lawful, but rarely meant.

use crate::{Written, changed};

const ROUTE: &str = "{path: /account/**, policy: account}";
const LOGIN: &str = "login: {path: /login, field: email, session_cookie: SID, logout: /logout}";

const TABLE: &[(&str, &str, &[&str])] = &[
    // C13
    (
        "127.0.0.1:8080}",
        "0.0.0.0:8080}",
        &[
            "1:22: plain HTTP: codes and cookies can be read on the way, and no cookie is `Secure`; add `tls`, or name the proxy that ends TLS in `trusted_proxies`",
            "17:5: `dev` sends nothing: visitors get no code, and codes stand in the log",
        ],
    ),
    (
        "store: memory",
        "trusted_proxies: 0.0.0.0/0\nstore: memory",
        &["2:18: everybody is trusted: any visitor can claim any address"],
    ),
    (
        "store: memory",
        "public_url: http://otp.example.com\nstore: memory",
        &["2:13: plain HTTP: receipts, and what calls say, can be read and held back on the way"],
    ),
    ("store: memory", "public_url: http://localhost:8080\nstore: memory", &[]),
    ("store: memory", "public_url: http://[::1]:8080\nstore: memory", &[]),
    (
        "store: memory\n",
        "",
        &[
            "1:1: no `store`: challenges and counters live in this process and end with it; name a Redis, or write `store: memory` if that is meant",
        ],
    ),
    (
        "store: memory",
        "store: memory\nadmin: {address: '[::]:9180', token: 0123456789abcdef}",
        &["3:18: the admin listener is plain HTTP: its token can be read on the way"],
    ),
    (
        "store: memory",
        "store: memory\nchallenge: {ttl: 29s}",
        &["3:18: codes live too short a time: most messages take longer to arrive and to be read"],
    ),
    (
        "store: memory",
        "store: memory\nlimits: {budget: {per_day: 50}}",
        &["3:28: no provider has `prices`: what a message costs is known only after some receipts told it, if they do"],
    ),
    (
        "store: memory",
        "store: memory\nrisk: {cache: nowhere, lists: {name: bad, kind: phone, source: 'https://example.com/x', points: 1}}",
        &["3:64: the list `bad` has never been fetched: nothing is on it until the gateway has it"],
    ),
    (
        "store: memory",
        "store: memory\nrisk: {dns_lists: {name: bad, zone: zen.spamhaus.org, points: 1}}",
        &[
            "3:37: this zone also lists home connections, which should not send mail (127.0.0.10 and .11), and they are visitors: add `answers: [127.0.0.2, 127.0.0.3, 127.0.0.4/30, 127.0.0.9]`",
        ],
    ),
    (
        "store: memory",
        "store: memory\nrisk: {dns_lists: {name: bad, zone: zen.spamhaus.org, points: 1, answers: 127.0.0.2}}",
        &[],
    ),
    (ROUTE, "{path: /account/**, policy: otp}", &["5:3: no route uses the policy `account`"]),
    (
        "max_age: 15m",
        "challenge_at: 40",
        &[
            "5:44: nothing under `risk` says anything of addresses, so this policy asks only for what the gateway itself has seen: add `risk.geoip` or `risk.lists`",
        ],
    ),
    (
        "dev: {type: outbox}",
        "dev: {type: outbox}\n    idle: {type: outbox}",
        &["18:5: the provider `idle` serves no channel"],
    ),
    (
        "{servers: 127.0.0.1:9000}",
        "{servers: app:443, tls: true, verify: false}",
        &["8:53: the servers' certificates are not verified: anybody between could pose as them"],
    ),
    (
        LOGIN,
        "login: {path: /login, field: email, session_cookie: SID, success: {status: [200, 302]}, logout: /logout}",
        &["10:85: an application that answers a wrong password with 200 and its form again would count as a login"],
    ),
    (
        LOGIN,
        "login: {path: /login, field: email, session_cookie: SID, logout: /logout, follow_rotation: true}",
        &[
            "10:100: whoever signs in elsewhere keeps the name of the session before: every way to sign in must be a `path`",
        ],
    ),
    // Ways to sign in that no login lists.
    (
        LOGIN,
        "login: {path: /login, field: email, session_cookie: SID}",
        &[
            "10:23: no `logout` goes with `/login`: an application that keeps its cookie at sign-out leaves the visitor known here; list the addresses that sign out",
        ],
    ),
    (
        "    sign_in: /login",
        "    sign_in: /account/sign-in?x=1",
        &[
            "11:14: `/account/sign-in` is where visitors sign in, and no `path` of a login is there: see in the browser's network tab where its form posts to, and list that address",
        ],
    ),
    (LOGIN, "login: {path: [/login/check, /staff/login/], field: email, session_cookie: SID, logout: /logout}", &[]),
    ("    sign_in: /login", "    sign_in: /login/", &[]),
    (
        ROUTE,
        "{path: /account/**, policy: account}\n      - {path: [/oauth/**, /xmlrpc.php, /api/Session], policy: bypass}",
        &[
            "15:17: `/oauth/**` looks like a way to sign in that no login lists: who comes in by it is not known, or taken for who was signed in before; list it in `path`, or deny it if nobody signs in there",
            "15:28: `/xmlrpc.php` looks like a way to sign in that no login lists: who comes in by it is not known, or taken for who was signed in before; list it in `path`, or deny it if nobody signs in there",
            "15:41: `/api/Session` looks like a way to sign in that no login lists: who comes in by it is not known, or taken for who was signed in before; list it in `path`, or deny it if nobody signs in there",
        ],
    ),
    (
        ROUTE,
        "{path: /account/**, policy: account}\n      - {path: /staff/login, policy: account}",
        &[
            "15:16: `/staff/login` looks like a way to sign in that no login lists: who comes in by it is not known, or taken for who was signed in before; list it in `path`, or deny it if nobody signs in there",
        ],
    ),
    (
        ROUTE,
        "{path: /account/**, policy: account}\n      - {path: /xmlrpc.php/**, policy: deny}\n      - {path: [/login, /author/**], policy: bypass}",
        &[],
    ),
    (
        LOGIN,
        "header: {name: X-User, from: [10.0.0.5, 0.0.0.0/0]}",
        &[
            "10:39: `10.0.0.5/32` is not in `trusted_proxies`: all visitors behind it count as one address",
            "10:49: anybody can set `X-User` and be whom they like",
        ],
    ),
    (
        "    directory: {file: contacts.yaml}\n",
        "",
        &["7:12: no `directory` knows where codes go: nobody who signs in can pass"],
    ),
    (
        "    sign_in: /login\n",
        "",
        &["7:12: no `sign_in`: a visitor who has not signed in is refused instead of being sent to the login page"],
    ),
    (
        ROUTE,
        "{path: /account/**, policy: bypass}",
        &["5:3: no route uses the policy `account`", "7:12: nothing of this site is protected: every route bypasses"],
    ),
    // PATH_INFO
    (
        ROUTE,
        "{path: /index.php, query: {page: billing}, policy: account}",
        &["14:16: `/index.php/anything` reaches the same script and is not matched: write `/index.php/**`"],
    ),
    // P24
    (
        ROUTE,
        "{path: /account/**, policy: account}\n      - {path_regex: public, policy: bypass}\n      - {path_regex: .*/public, policy: bypass}",
        &[
            "15:22: an expression matches the whole path, which begins with `/`: this one never matches",
            "16:22: this opens every path that holds the rest of the expression, wherever it stands",
        ],
    ),
    (
        ROUTE,
        "{path: /account/**, networks: 10.0.0.0/8, policy: bypass}\n      - {path: /account/**, policy: account}",
        &["14:39: behind a proxy every visitor has the proxy's address: name it in `trusted_proxies`"],
    ),
];

#[test]
fn what_is_odd_is_said_with_its_place() {
    let mut wrong = Vec::new();
    for (from, to, expected) in TABLE {
        let oddities = Written::new(changed(from, to).as_bytes()).oddities();
        if oddities != *expected {
            wrong.push(format!("{to:?}\n  is       {oddities:#?}\n  expected {expected:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A policy that goes by `verified_at` where nobody can say it asks for a code each time.
#[test]
fn a_recheck_that_no_directory_helps_is_odd() {
    let recheck = changed("max_age: 15m", "contact: {recheck: 30d}");
    let silent = "7:12: no `directory` says when a contact was proved (`verified_at`), so `account` asks for a code as if it had no `recheck`";
    let sql = |query: &str| format!("{{sql: {{url: \"sqlite:shop.db\", query: \"{query}\"}}}}");
    let cases = [
        ("{file: contacts.yaml}".to_owned(), false),
        ("{file: verified.yaml}".to_owned(), true),
        ("[identity, {file: verified.yaml}]".to_owned(), true),
        ("identity".to_owned(), false),
        (sql("SELECT login AS subject, email FROM users WHERE login = {subject}"), false),
        (sql("SELECT login AS subject, email, seen AS email_verified_at FROM users WHERE login = {subject}"), true),
        (sql("SELECT * FROM users WHERE login = {subject}"), true),
        ("{http: {url: \"https://crm/{subject}\", pointers: {email: /email}}}".to_owned(), false),
        ("{http: {url: \"https://crm/{subject}\", pointers: {email: /email, verified_at: /at}}}".to_owned(), true),
    ];
    for (directory, tells) in cases {
        let written = Written::new(recheck.replace("{file: contacts.yaml}", &directory).as_bytes())
            .file("verified.yaml", "alice: {email: {address: alice@example.com, verified_at: 2026-11-27T12:00:00Z}}\n");
        let oddities = written.oddities();
        assert_eq!(oddities.iter().any(|oddity| oddity == silent), !tells, "{directory}: {oddities:#?}");
    }
}

#[test]
fn a_site_whose_visitors_nobody_knows_is_odd() {
    let config = changed(
        "    identity:\n      - login: {path: /login, field: email, session_cookie: SID, logout: /logout}\n    sign_in: /login\n",
        "",
    );
    let oddities = Written::new(config.as_bytes()).oddities();
    assert_eq!(oddities, ["7:12: no `identity` says who a visitor is: nobody can pass the policy `account`"]);
}

/// A sign-up form of whoever comes: nobody need be known, but of other requests there is nothing to prove.
#[test]
fn a_sign_up_route_without_methods_is_odd() {
    let signup = changed("max_age: 15m}", "contact: {form: phone}}");
    let signup = signup.replace(
        "    identity:\n      - login: {path: /login, field: email, session_cookie: SID, logout: /logout}\n    sign_in: /login\n",
        "",
    );
    let oddities = Written::new(signup.as_bytes()).oddities();
    assert_eq!(
        oddities,
        [
            "11:37: `account` wants `phone` in every request: a page is opened only by an address without a query; add `methods: POST`"
        ]
    );
    let posted = signup.replace(ROUTE, "{path: /account/**, methods: POST, policy: account}");
    assert!(Written::new(posted.as_bytes()).oddities().is_empty());
}

/// Nobody is told of a contact that only its visitor vouches for.
#[test]
fn a_webhook_of_a_site_without_a_directory_is_odd() {
    let verified = "    verified: {webhook: 'https://crm.internal/otpgate', secret: '${SECRET}'}\n";
    let config = changed("    directory: {file: contacts.yaml}\n", verified);
    let oddities = Written::new(config.as_bytes()).oddities();
    assert!(
        oddities.iter().any(|odd| odd.starts_with("12:25: no `directory` vouches for a contact of this site")),
        "{oddities:?}"
    );
}
