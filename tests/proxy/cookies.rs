//! C: the gateway's cookies, which the upstream never sees, and the application's, which it sees as they are.

use std::time::{Duration, Instant};

use crate::setup::{BROWSER, Config, Setup, bare, grant, request};
use crate::support::Client;
use crate::support::process::SECRET;
use crate::support::raw;
use crate::support::recorder::Recorder;

/// The grant in a `Cookie` value.
fn grant_of(cookies: &str) -> &str {
    let pair = cookies.split("; ").find(|pair| pair.starts_with("otpgate_grant=")).unwrap();
    pair.split_once('=').unwrap().1
}

fn status_with(setup: &Setup, cookies: &str) -> u16 {
    let line = format!("Cookie: {cookies}");
    setup.ask(request("GET", "/admin", &[&line])).unwrap().status
}

#[test]
fn c06_own_cookies_are_removed_and_all_others_stay_byte_for_byte() {
    let setup = Setup::start();
    for (sent, arrives) in [
        ("a=1; b=2", Some("a=1; b=2")),
        ("a=1; otpgate_grant=x; b=2", Some("a=1; b=2")),
        ("otpgate_grant=x; a=1; b=2", Some("a=1; b=2")),
        ("a=1; b=2; otpgate_browser=x", Some("a=1; b=2")),
        ("a=1;otpgate_grant=x;b=2", Some("a=1;b=2")),
        ("otpgate_grant=x", None),
        ("otpgate_grant=x; otpgate_browser=y; otpgate_resume=z", None),
        ("__Host-otpgate_grant=x; a=1", Some("a=1")),
        ("__host-OTPGATE_grant=x; OtpGate_browser=y; a=1", Some("a=1")),
        ("otpgate_anything=x; a=1", Some("a=1")),
        ("otpgate=kept; xotpgate_grant=kept", Some("otpgate=kept; xotpgate_grant=kept")),
        (
            "otpgate_grant=x; Z=\"q s\"; a==%3D=; ; b; a=2; {\"j\":[1,2]}; A=1",
            Some("Z=\"q s\"; a==%3D=; ; b; a=2; {\"j\":[1,2]}; A=1"),
        ),
        ("z=1; y=2; x=3; y=2", Some("z=1; y=2; x=3; y=2")),
        ("  spaced = 1 ;  b=2", Some("spaced = 1 ;  b=2")),
    ] {
        let line = format!("Cookie: {sent}");
        assert_eq!(setup.ask(bare("GET", "/public/a", &[&line, "Connection: close"])).unwrap().status, 200);
        let heard = setup.upstream.only();
        assert_eq!(heard.value("cookie"), arrives, "{sent}");
    }
    // Several lines become one.
    let lines = ["Cookie: a=1", "Cookie: otpgate_grant=x", "Cookie: b=2; c=3", "Connection: close"];
    assert_eq!(setup.ask(bare("GET", "/public/a", &lines)).unwrap().status, 200);
    assert_eq!(setup.upstream.only().value("cookie"), Some("a=1; b=2; c=3"));
}

#[tokio::test]
async fn c06_on_a_granted_route_the_grant_stays_behind() {
    let setup = Setup::start();
    let cookies = setup.grant("alice", "/admin").await;
    assert_eq!(status_with(&setup, &format!("PHPSESSID=abc; {cookies}; theme=dark")), 200);
    let heard = setup.upstream.only();
    assert_eq!(heard.value("cookie"), Some("PHPSESSID=abc; theme=dark"));
    assert!(!heard.head.contains(grant_of(&cookies)), "{}", heard.head);
}

#[tokio::test]
async fn c03_a_cookie_that_comes_twice_counts_as_none() {
    let setup = Setup::start();
    let cookies = setup.grant("alice", "/admin").await;
    let good = grant_of(&cookies);
    assert_eq!(status_with(&setup, &format!("otpgate_grant={good}")), 200);
    setup.upstream.forget();
    for line in [
        format!("otpgate_grant={good}; otpgate_grant={good}"),
        format!("otpgate_grant=planted; otpgate_grant={good}"),
        format!("otpgate_grant={good}; otpgate_grant="),
        format!("otpgate_grant={good}; a=1; otpgate_grant"),
        format!("__Host-otpgate_grant={good}"),
        format!("OTPGATE_grant={good}"),
        format!("a=1, otpgate_grant={good}"),
    ] {
        assert_eq!(status_with(&setup, &line), 401, "{line}");
    }
    let twice = [format!("Cookie: otpgate_grant={good}"), "Cookie: otpgate_grant=planted".to_owned()];
    assert_eq!(setup.stays_out(request("GET", "/admin", &[&twice[0], &twice[1]])), 401);
    // Another scheme's cookie beside it is another cookie.
    assert_eq!(status_with(&setup, &format!("__Host-otpgate_grant=planted; otpgate_grant={good}")), 200);
}

#[tokio::test]
async fn c04_a_cookie_that_was_touched_is_worth_nothing() {
    let setup = Setup::start();
    let cookies = setup.grant("alice", "/admin").await;
    let good = grant_of(&cookies).to_owned();
    let mut touched = vec![
        String::new(),
        good[..good.len() / 2].to_owned(),
        good[..good.len() - 1].to_owned(),
        format!("{good}A"),
        format!("{good}="),
        format!("{good}=="),
        format!("A{good}"),
        good.chars().rev().collect(),
        good.to_ascii_uppercase(),
        "A".repeat(good.len()),
        "A".repeat(8_000),
    ];
    // Every eighth character, changed: head, nonce, content and tag alike. The last one may hold unused bits.
    for at in (0..good.len()).step_by(8).chain([good.len() - 1]) {
        let other = if good.as_bytes()[at] == b'x' { 'y' } else { 'x' };
        touched.push(format!("{}{other}{}", &good[..at], &good[at + 1..]));
    }
    for value in touched {
        assert_eq!(status_with(&setup, &format!("otpgate_grant={value}")), 401, "{value}");
    }
    assert_eq!(setup.upstream.bytes(), 0);
    assert_eq!(status_with(&setup, &format!("otpgate_grant={good}")), 200);
}

#[tokio::test]
async fn c04_a_grant_lives_as_long_as_its_secret_is_listed() {
    let upstream = Recorder::start();
    let config = Config::to([upstream.address()]);
    let (old, new) = (SECRET.to_owned(), SECRET.replace("MDEy", "OTg3"));
    let gateway = config.start();
    let cookies = format!("Cookie: {}", grant(&gateway, "app.test", "alice", "/admin").await);
    let ask = request("GET", "/admin", &[&cookies]);
    let status = || raw::ask(gateway.port, &ask).unwrap().status;
    assert_eq!(status(), 200);
    for (secrets, wanted) in
        [(format!("[\"{new}\", \"{old}\"]"), 200), (format!("[\"{new}\"]"), 401), (format!("[\"{old}\"]"), 200)]
    {
        gateway.reload(&config.text().replace("[\"{secret}\"]", &secrets));
        let started = Instant::now();
        let mut seen = status();
        while seen != wanted && started.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(20));
            seen = status();
        }
        assert_eq!(seen, wanted, "{secrets}");
    }
}

#[tokio::test]
async fn c05_c07_a_grant_is_for_one_subject_and_one_site() {
    let setup = Setup::before(Recorder::start(), |config| {
        let servers = config.servers.join(",");
        config.sites.push(format!(
            "{{hosts: other.test, upstream: {{servers: [{servers}]}}, identity: [{{header: {{name: X-Remote-User, from: \
             127.0.0.1}}}}], directory: [{{file: people.yaml}}], routes: [{{path: /admin/**, policy: mail}}]}}"
        ));
        config.hosts = "[app.test, www.app.test]".to_owned();
    });
    let cookies = format!("Cookie: {}", setup.grant("alice", "/admin").await);
    let ask = |host: &str, subject: &str| {
        let ask = request("GET", "/admin", &[&cookies]).replace("app.test", host).replace("alice", subject);
        setup.ask(ask).unwrap().status
    };
    assert_eq!(ask("app.test", "alice"), 200);
    assert_eq!(ask("app.test", "bob"), 401, "C05");
    assert_eq!(ask("app.test", "Alice"), 401, "C05: subjects are never folded");
    assert_eq!(ask("other.test", "alice"), 401, "C07");
    let anonymous = bare("GET", "/admin", &[&cookies, "Accept: application/json", "Connection: close"]);
    assert_eq!(setup.ask(anonymous).unwrap().status, 401, "C05: with nobody signed in it opens nothing");
}

#[tokio::test]
async fn c02_a_copied_grant_ends_with_the_logout() {
    let setup = Setup::start();
    let mut client = Client::new("app.test", setup.gateway.port);
    crate::setup::step_up(&setup.gateway, &mut client, &[], "alice", "/admin").await;
    let stolen = crate::setup::cookie_line(&client);
    assert_eq!(status_with(&setup, &stolen), 200);
    let origin = client.base.clone();
    let headers = [("origin", origin.as_str()), ("sec-fetch-site", "same-origin"), ("x-remote-user", "alice")];
    let out = client.send("POST", "/.otpgate/logout", &headers, "").await;
    assert!(out.status < 400, "{out:?}");
    assert!(!client.jar.contains_key("otpgate_grant"), "{:?}", client.jar);
    assert_eq!(status_with(&setup, &stolen), 401);
}

#[tokio::test]
async fn c02_i10_a_revocation_holds_within_two_seconds() {
    let setup = Setup::start();
    let cookies = setup.grant("alice", "/admin").await;
    assert_eq!(status_with(&setup, &cookies), 200);
    let mut admin = Client::new("localhost", setup.gateway.admin);
    let body = "{\"subject\": \"alice\", \"site\": \"app.test\"}";
    let revoked = admin.send("POST", "/revoke", &[("content-type", "application/json")], body).await;
    assert!((200..300).contains(&revoked.status), "{revoked:?}");
    let told = Instant::now();
    while status_with(&setup, &cookies) != 401 {
        assert!(told.elapsed() < Duration::from_secs(2), "still good after {:?}", told.elapsed());
        std::thread::sleep(Duration::from_millis(20));
    }
    // Proving it anew helps.
    let fresh = setup.grant("alice", "/admin").await;
    assert_eq!(status_with(&setup, &fresh), 200);
}

#[tokio::test]
async fn c09_c10_a_proof_ages_for_each_policy_by_itself() {
    let setup = Setup::before(Recorder::start(), |config| {
        config.policies.push("short: {channels: email, max_age: 2s}".to_owned());
        config.routes.push("{path: /short/**, policy: short}".to_owned());
    });
    let cookies = format!("Cookie: {}", setup.grant("alice", "/short").await);
    let status = |target: &str| setup.ask(request("GET", target, &[&cookies])).unwrap().status;
    let proved = Instant::now();
    assert_eq!(status("/short/a"), 200);
    while status("/short/a") == 200 {
        assert!(proved.elapsed() < Duration::from_secs(4), "good for {:?}", proved.elapsed());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(proved.elapsed() > Duration::from_millis(1_000), "over after {:?}", proved.elapsed());
    assert_eq!(status("/admin"), 200, "the longer policy still takes it");
}

#[test]
fn cookies_are_set_for_this_host_alone_and_out_of_reach_of_scripts() {
    let setup = Setup::start();
    let answers = [setup.get("/admin"), setup.ask(bare("GET", "/admin", BROWSER)).unwrap()];
    for answer in answers {
        let line = answer.header("set-cookie").unwrap();
        let attributes: Vec<&str> = line.split(';').map(str::trim).skip(1).collect();
        assert!(line.starts_with("otpgate_browser="), "{line}");
        assert!(attributes.contains(&"HttpOnly") && attributes.contains(&"SameSite=Lax"), "{line}");
        assert!(attributes.contains(&"Path=/") && !line.contains("Domain"), "{line}");
        assert!(!line.contains("Secure"), "{line}");
    }
}
