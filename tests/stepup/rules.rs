//! What the operator says about requests: routes by country, rules of their own, stronger channels from a score on, and trying
//! it all out on a site that only observes.

use serde_json::{Value, json};

use crate::risk::Files;
use crate::support::{Answer, Client, Gateway, Upstream};
use crate::world::*;

const HOME: &str = "192.0.2.1";
const ABROAD: &str = "192.0.2.70";
/// On a list that is worth 60 points, and in no database.
const LISTED: &str = "203.0.113.9";
const OFFICE: &str = "203.0.113.7";

const CONFIG: &str = "
listeners: {address: '127.0.0.1:{port}'}
trusted_proxies: 127.0.0.0/8
store: memory
secrets: '{secret}'
policies:
  scored: {channels: email, challenge_at: 40}
  account: {channels: [email, sms], escalate: {at: 60, channels: sms}, deny_at: 100}
  payments: {channels: [email, sms], max_age: 0s, escalate: {at: 60, channels: sms}, deny_at: 100}
risk:
  geoip: {country: '{files}/country.mmdb', asn: '{files}/asn.mmdb'}
  lists:
    - {name: office, kind: network, source: '{files}/office.txt', action: allow}
    - {name: 'drop, and more', kind: network, source: '{files}/drop.txt', points: 60}
  rules:
    - {when: {country: RU, path: /shop/admin/**}, points: 45, reason: the back office from abroad}
    - {when: {asn: AS64501}, points: 25, reason: a network that sends robots}
    - {when: {header: {User-Agent: ['*sqlmap*', 'nikto/*']}}, points: 100, reason: an attack tool}
    - {when: {no_header: [Accept-Language, X-Partner], path: /shop/forms/**}, points: 40, reason: no language}
sites:
  - hosts: shop.test
    upstream: {servers: '127.0.0.1:{upstream}'}
    identity: {login: {path: /login, field: email, session_cookie: SID, logout: /logout}}
    sign_in: /login
    directory: {file: contacts.yaml}
    routes:
      - {path: /region/**, countries: [MY, SG], policy: bypass}
      - {path: /region/**, policy: account}
      - {path: /closed/**, countries: RU, policy: deny}
      - {path: /shop/**, policy: scored}
      - {path: /account/**, policy: account}
      - {path: /pay/**, policy: payments}
  - hosts: trial.test
    observe: true
    upstream: {servers: '127.0.0.1:{upstream}'}
    identity: {login: {path: /login, field: email, session_cookie: SID, logout: /logout}}
    sign_in: /login
    directory: {file: contacts.yaml}
    routes:
      - {path: /account/**, policy: account}
      - {path: /secret/**, policy: deny}
      - {path: /shop/**, policy: scored}
delivery:
  providers: {dev: {type: outbox}}
  email: {providers: dev}
  sms: {providers: dev}
admin: {address: '127.0.0.1:{admin}'}
log: {format: json, level: info}
";

/// The same files as in the tests of addresses; carol has an address and a number.
fn start(files: &Files, upstream: &Upstream) -> Gateway {
    start_with(CONFIG, files, upstream)
}

fn start_with(config: &str, files: &Files, upstream: &Upstream) -> Gateway {
    files.write("contacts.yaml", b"carol: {email: carol@example.com, sms: '+60123456789'}\n");
    files.start(&config.replace("contacts.yaml", "{files}/contacts.yaml"), upstream)
}

async fn from(gateway: &Gateway, host: &str, ip: &str, path: &str, more: &[(&str, &str)]) -> Answer {
    let mut headers = vec![("accept", "application/json"), ("x-forwarded-for", ip)];
    headers.extend(more);
    Client::new(host, gateway.port).send("GET", path, &headers, "").await
}

/// The channels that a challenge offers.
fn offered(challenge: &Value) -> Vec<&str> {
    challenge["channels"].as_array().unwrap().iter().map(|way| way["channel"].as_str().unwrap()).collect()
}

/// I1, H06: a country that nobody knows never opens anything, and whoever hides theirs wins nothing.
#[tokio::test]
async fn i1_routes_by_country_open_only_to_who_is_known_to_be_there() {
    let (files, upstream) = (Files::new(), Upstream::start());
    let gateway = start(&files, &upstream);
    for (ip, path, more, status) in [
        (HOME, "/region/a", &[][..], 200),
        ("::ffff:192.0.2.1", "/region/b", &[], 200),
        (ABROAD, "/region/c", &[], 401),
        // In no database, and on the list of trusted addresses: still nowhere.
        (LISTED, "/region/d", &[], 401),
        (OFFICE, "/region/e", &[], 401),
        ("2001:db8::1", "/region/f", &[], 401),
        // Headers that contradict each other.
        (HOME, "/region/g", &[("forwarded", "for=192.0.2.2")], 401),
        (HOME, "/closed/h", &[], 200),
        (ABROAD, "/closed/i", &[], 403),
        (LISTED, "/closed/j", &[], 403),
        (HOME, "/closed/k", &[("forwarded", "for=192.0.2.2")], 403),
        // What a client claims is behind what its proxy saw.
        ("192.0.2.1, 192.0.2.70", "/region/l", &[], 401),
        (HOME, "/Closed/m", &[], 200),
        (ABROAD, "/CLOSED/n", &[], 403),
    ] {
        let answer = from(&gateway, HOST, ip, path, more).await;
        assert_eq!(answer.status, status, "{ip} {path}: {answer:?}");
        assert_eq!(upstream.hits(path), usize::from(status == 200), "{ip} {path}");
    }
    let explain = |ip: &str, path: &str| {
        let (header, url) = (format!("X-Forwarded-For: {ip}"), format!("http://shop.test{path}"));
        let output = gateway.command(&["explain", "--ip", "127.0.0.1", "--header", &header, &url]);
        String::from_utf8(output.stdout).unwrap()
    };
    let story = explain(ABROAD, "/region/x");
    assert!(story.contains("countries MY | SG: bypass") && story.contains("> hit "), "{story}");
    assert!(explain(HOME, "/region/x").contains("forward: the route asks for nothing"));
    assert!(explain(ABROAD, "/closed/x").contains("refuse (denied): 403"));
}

#[tokio::test]
async fn rules_of_the_operators_own_score_and_say_why() {
    let (files, upstream) = (Files::new(), Upstream::start());
    let gateway = start(&files, &upstream);
    let sqlmap = &[("user-agent", "sqlmap/1.8#stable (https://sqlmap.org)")][..];
    let polite = &[("accept-language", "ms")][..];
    for (ip, path, more, status, score) in [
        (HOME, "/shop/a", &[][..], 200, Some("0")),
        (ABROAD, "/shop/b", &[], 200, Some("25")),
        (ABROAD, "/shop/admin/c", &[], 401, None),
        (ABROAD, "/shop/ADMIN/d", &[], 401, None),
        (HOME, "/shop/admin/e", &[], 200, Some("0")),
        (HOME, "/shop/f", sqlmap, 403, None),
        (HOME, "/shop/forms/g", &[], 401, None),
        (HOME, "/shop/forms/h", polite, 200, Some("0")),
        // The address is trusted, not what is sent from it.
        (OFFICE, "/shop/i", sqlmap, 403, None),
    ] {
        let answer = from(&gateway, HOST, ip, path, more).await;
        assert_eq!(answer.status, status, "{ip} {path}: {answer:?}");
        let seen = upstream.seen_at(path);
        assert_eq!(seen.first().and_then(|seen| seen.header("x-otpgate-score")), score, "{ip} {path}");
    }
    assert_eq!(
        upstream.seen_at("/shop/b").pop().unwrap().header("x-otpgate-reasons"),
        Some("a network that sends robots 25")
    );
    assert_eq!(upstream.seen_at("/shop/a").pop().unwrap().header("x-otpgate-reasons"), None);
    let log = gateway.log();
    assert!(log.contains("the back office from abroad 45") && log.contains("an attack tool 100"), "{log}");
    let line = 1 + CONFIG.lines().position(|line| line.contains("the back office")).unwrap();
    let header = format!("X-Forwarded-For: {ABROAD}");
    let output = gateway.command(&["explain", "--ip", "127.0.0.1", "--header", &header, "http://shop.test/shop/admin"]);
    let story = String::from_utf8(output.stdout).unwrap();
    assert!(story.contains(&format!("the back office from abroad 45 (line {line})")), "{story}");
}

/// C08: from a score on only the stronger channel counts: neither is the other offered, nor does a proof by it pass.
#[tokio::test]
async fn c08_a_high_score_asks_for_a_stronger_channel() {
    let (files, upstream) = (Files::new(), Upstream::start());
    let gateway = start(&files, &upstream);
    let mut carol = Client::new(HOST, gateway.port).behind(HOME);
    sign_in(&mut carol, "carol").await;
    let challenge = api_challenge(&mut carol, "GET", "/account/a", None).await;
    assert_eq!(offered(&challenge), ["email", "sms"]);
    assert_eq!(api_send(&mut carol, &challenge["id"], "email").await.status, 202);
    let code = codes(&gateway, CAROL).await.pop().unwrap();
    assert_eq!(api_verify(&mut carol, &challenge["id"], &code).await.status, 200);
    assert_eq!(carol.call("GET", "/account/a", None).await.status, 200);

    // The same visitor from a listed address.
    let mut carol = carol.behind(LISTED);
    let challenge = api_challenge(&mut carol, "GET", "/account/b", None).await;
    assert_eq!(offered(&challenge), ["sms"]);
    assert_eq!(upstream.hits("/account/b"), 0);
    assert_eq!(api_send(&mut carol, &challenge["id"], "email").await.status, 404);
    assert_eq!(api_send(&mut carol, &challenge["id"], "sms").await.status, 202);
    let code = codes(&gateway, CAROL_PHONE).await.pop().unwrap();
    assert_eq!(api_verify(&mut carol, &challenge["id"], &code).await.status, 200);
    assert_eq!(carol.call("GET", "/account/b", None).await.status, 200);
    let reasons = upstream.seen_at("/account/b").pop().unwrap();
    // A list's name cannot pretend to be two reasons (S16).
    assert_eq!(reasons.header("x-otpgate-reasons"), Some("drop_ and more 60"));
    let claims = assertion(&reasons);
    assert_eq!((&claims["score"], &claims["reasons"]), (&json!(60), &json!(["drop, and more"])));
    // The stronger proof is good at home, too.
    assert_eq!(carol.behind(HOME).call("GET", "/account/c", None).await.status, 200);
}

fn assertion(seen: &crate::support::Seen) -> Value {
    use base64::Engine as _;
    let token = seen.header("x-otpgate-assertion").unwrap();
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

/// O29, C08: a confirmation by the weaker channel confirms nothing once the score asks for the stronger one.
#[tokio::test]
async fn c08_a_confirmation_counts_only_on_the_channel_that_the_score_asks_for() {
    let (files, upstream) = (Files::new(), Upstream::start());
    let gateway = start(&files, &upstream);
    let mut carol = Client::new(HOST, gateway.port).behind(HOME);
    sign_in(&mut carol, "carol").await;
    let transfer = || Some(json!({"to": "bob", "amount": 5}));
    let challenge = api_challenge(&mut carol, "POST", "/pay/a", transfer()).await;
    assert_eq!(api_send(&mut carol, &challenge["id"], "email").await.status, 202);
    let code = codes(&gateway, CAROL).await.pop().unwrap();
    assert_eq!(api_verify(&mut carol, &challenge["id"], &code).await.status, 200);
    // The confirmed request comes from elsewhere.
    let mut carol = carol.behind(LISTED);
    let challenge = api_challenge(&mut carol, "POST", "/pay/a", transfer()).await;
    assert_eq!((offered(&challenge), upstream.hits("/pay/a")), (vec!["sms"], 0));
    assert_eq!(api_send(&mut carol, &challenge["id"], "sms").await.status, 202);
    let code = codes(&gateway, CAROL_PHONE).await.pop().unwrap();
    assert_eq!(api_verify(&mut carol, &challenge["id"], &code).await.status, 200);
    assert_eq!(carol.call("POST", "/pay/a", transfer()).await.status, 200);
    assert_eq!(upstream.hits("/pay/a"), 1);
}

/// Whatever is found of a subject, who is known last of all, counts: for the channels that are offered, and on routes whose score
/// would be too low without it.
#[tokio::test]
async fn what_was_seen_of_a_subject_asks_for_more() {
    let (files, upstream) = (Files::new(), Upstream::start());
    let roaming = "risk:\n  behaviour: {networks: 2/1h}\n  points: {subject_roams: 60}\n";
    let gateway = start_with(&CONFIG.replace("risk:\n", roaming), &files, &upstream);
    let signed_in = async |subject: &str, ip: &str| {
        let mut visitor = Client::new(HOST, gateway.port).behind(ip);
        sign_in(&mut visitor, subject).await;
        visitor
    };
    for ip in [HOME, "198.51.100.7", "192.0.3.5"] {
        assert_eq!(signed_in("carol", ip).await.call("GET", "/account/a", None).await.status, 401);
    }
    let seen = async || {
        let challenge = api_challenge(&mut signed_in("carol", HOME).await, "GET", "/account/b", None).await;
        gateway.log().contains("subject_roams (2 networks within 1h) 60") && offered(&challenge) == ["sms"]
    };
    within(std::time::Duration::from_secs(5), "only the stronger channel", seen).await;
    assert_eq!(signed_in("carol", HOME).await.call("GET", "/shop/c", None).await.status, 401);
    assert_eq!(signed_in("dave", HOME).await.call("GET", "/shop/d", None).await.status, 200);
    assert_eq!((upstream.hits("/shop/c"), upstream.hits("/shop/d")), (0, 1));
}

/// A site that only observes stops nobody, and tells what it would have done: in the log and in metrics by reason.
#[tokio::test]
async fn a_site_that_observes_decides_and_lets_pass() {
    let (files, upstream) = (Files::new(), Upstream::start());
    let gateway = start(&files, &upstream);
    let sqlmap = &[("user-agent", "sqlmap/1.8")][..];
    for (ip, path, more) in [
        (HOME, "/account/a", &[][..]),
        (HOME, "/secret/b", &[]),
        (LISTED, "/shop/c", &[]),
        (HOME, "/shop/d", sqlmap),
        (HOME, "/shop/e", &[]),
    ] {
        let answer = from(&gateway, "trial.test", ip, path, more).await;
        assert_eq!((answer.status, upstream.hits(path)), (200, 1), "{path}: {answer:?}");
    }
    let metrics = admin(&gateway, "GET", "/metrics", None).await.body;
    for wanted in [
        "otpgate_requests_total{site=\"trial.test\",verdict=\"observe\"} 4",
        "otpgate_requests_total{site=\"trial.test\",verdict=\"forward\"} 1",
        "otpgate_reasons_total{site=\"trial.test\",verdict=\"observe\",reason=\"denied\"} 1",
        "otpgate_reasons_total{site=\"trial.test\",verdict=\"observe\",reason=\"no_subject\"} 2",
        "otpgate_reasons_total{site=\"trial.test\",verdict=\"observe\",reason=\"an attack tool\"} 1",
        "otpgate_reasons_total{site=\"trial.test\",verdict=\"observe\",reason=\"high_score\"} 1",
    ] {
        assert!(metrics.contains(wanted), "{wanted}: {metrics}");
    }
    let log = gateway.log();
    let observed = log.lines().filter(|line| line.contains("\"kind\":\"observed\"")).count();
    assert_eq!(observed, 4, "{log}");
    let output = gateway.command(&["explain", "http://trial.test/secret"]);
    let story = String::from_utf8(output.stdout).unwrap();
    assert!(story.contains("forward, since the site only observes"), "{story}");
}
