//! What the gateway itself has seen: points for an address from which much comes, and bans that hold on every gateway.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::client::form;
use crate::support::{Answer, Client, Gateway, Upstream};
use crate::world::*;

/// The time within which every gateway must know (I10).
const SOON: Duration = Duration::from_secs(2);

/// Addresses of documentation (RFC 5737, RFC 3849).
const THIEF: &str = "203.0.113.9";
const NEIGHBOUR: &str = "203.0.113.10";
const ELSEWHERE: &str = "198.51.100.7";

/// Four wrong codes ban an address for an hour.
const FOUR: &str = "risk: {bans: {failures: 4/10m, lasts: 1h}}";

fn config(top: &'static str) -> Config {
    Config { top, ..Config::default() }
}

/// A browser at `gateway` that comes from `ip`, in which the application knows `subject`.
async fn signed_in(gateway: &Gateway, subject: &str, ip: &str) -> Client {
    let mut browser = Client::new(HOST, gateway.port).behind(ip);
    sign_in(&mut browser, subject).await;
    browser
}

/// The same browser at a gateway, from an address.
fn from(gateway: &Gateway, browser: &Client, ip: &str) -> Client {
    at(gateway, browser).behind(ip)
}

/// Asks for a code and types `count` wrong ones.
async fn guess(client: &mut Client, count: u64) {
    let id = api_challenge(client, "GET", "/account", None).await["id"].clone();
    assert_eq!(api_send(client, &id, "email").await.status, 202);
    for n in 1..=count {
        // One in a million is right, and then the test fails.
        let answer = api_verify(client, &id, &format!("{n:06}")).await;
        assert_eq!(answer.status, 403, "{answer:?}");
    }
}

/// What a request for `path` from `ip` is answered with: 401 asks for a code, 403 is refused.
async fn status(gateway: &Gateway, browser: &Client, ip: &str) -> u16 {
    from(gateway, browser, ip).call("GET", "/account", None).await.status
}

async fn bans(gateway: &Gateway) -> Vec<Value> {
    let answer = admin(gateway, "GET", "/bans", None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["bans"].as_array().unwrap().clone()
}

fn said(gateway: &Gateway, command: &[&str]) -> String {
    let output = gateway.command(command);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// I10: an address from which wrong codes come is banned on every gateway within two seconds, also on one that starts later
/// and after the store lost its memory; no other address is; and an operator ends it everywhere.
#[tokio::test]
async fn i10_a_ban_holds_on_every_gateway() {
    let world = World::with_redis(&config(FOUR));
    let other = world.second();
    let mut alice = signed_in(&world.gateway, "alice", THIEF).await;
    guess(&mut alice, 3).await;
    assert_eq!(status(&world.gateway, &alice, THIEF).await, 401);
    guess(&mut signed_in(&other, "bob", THIEF).await, 1).await;

    // The two gateways count as one.
    assert_eq!(status(&other, &alice, THIEF).await, 403);
    within(SOON, "the ban", async || status(&world.gateway, &alice, THIEF).await == 403).await;
    for ip in [NEIGHBOUR, ELSEWHERE, "2001:db8::9"] {
        assert_eq!(status(&other, &alice, ip).await, 401, "{ip}");
        // An address that a client writes itself stands left of the one that its proxy saw (H10).
        assert_eq!(status(&other, &alice, &format!("{THIEF}, {ip}")).await, 401, "{ip}");
        assert_eq!(status(&other, &alice, &format!("{ip}, {THIEF}")).await, 403, "{ip}");
    }
    // What no policy protects is open to everybody (I2).
    assert_eq!(from(&other, &alice, THIEF).get("/").await.status, 200);

    // It is listed, told, counted, and nowhere in the store in clear text.
    let listed = bans(&world.gateway).await;
    assert_eq!((listed.len(), &listed[0]["address"], &listed[0]["reason"]), (1, &json!(THIEF), &json!("failures")));
    let told = said(&world.gateway, &["bans"]);
    assert!(told.starts_with("shop.test: 203.0.113.9, failures: 4 within 10m, ends in 59m"), "{told}");
    let log = other.log();
    assert!(log.contains("banned") && log.contains("failures: 4 within 10m, for 1h"), "{log}");
    for (gateway, begun) in [(&other, true), (&world.gateway, false)] {
        let metrics = admin(gateway, "GET", "/metrics", None).await.body;
        assert_eq!(metrics.contains("otpgate_bans_total{reason=\"failures\"} 1"), begun, "one gateway tells");
        assert!(metrics.contains("otpgate_bans_in_force 1"), "{metrics}");
    }
    let stored = dump(&world);
    assert!(stored.iter().any(|text| text.contains("ban_failures")) && !stored.iter().any(|text| text.contains(THIEF)));

    // A gateway that starts now knows it from its first request on.
    let third = world.second();
    within(SOON, "what was before", async || status(&third, &alice, THIEF).await == 403).await;
    // So does a store that lost its memory, from those who hold it (C18).
    let client = ::redis::Client::open(world.redis.as_ref().unwrap().url()).unwrap();
    ::redis::cmd("FLUSHALL").query::<()>(&mut client.get_connection().unwrap()).unwrap();
    within(SOON * 2, "what was put up again", async || bans(&third).await.len() == 1).await;
    let mut again = signed_in(&other, "alice", THIEF).await;
    assert_eq!(again.call("GET", "/account", None).await.status, 403);

    let lifted = said(&third, &["unlock", "--address", THIEF, "--site", HOST]);
    assert!(lifted.starts_with("shop.test: banned no longer (reference "), "{lifted}");
    for gateway in [&world.gateway, &other, &third] {
        within(SOON, "the end of the ban", async || status(gateway, &again, THIEF).await == 401).await;
    }
    assert!(said(&third, &["bans"]).contains("No address is banned"));
    assert!(said(&third, &["unlock", "--address", THIEF]).contains("Nothing was banned"));
    // What came from it is forgotten: three more are no ban.
    guess(&mut again, 3).await;
    assert_eq!(status(&other, &again, THIEF).await, 401);
}

/// Every text that is in Redis: keys, and values of hashes and sets.
fn dump(world: &World) -> Vec<String> {
    let client = ::redis::Client::open(world.redis.as_ref().unwrap().url()).unwrap();
    let mut connection = client.get_connection().unwrap();
    let keys: Vec<String> = ::redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
    let mut all = keys.clone();
    for key in keys.iter().filter(|key| !key.starts_with("otpgate:note:")) {
        for (command, rest) in [("HGETALL", &[][..]), ("ZRANGE", &["0", "-1"]), ("XRANGE", &["-", "+"]), ("GET", &[])] {
            if let Ok(found) = ::redis::cmd(command).arg(key).arg(rest).query::<::redis::Value>(&mut connection) {
                all.push(texts(&found));
            }
        }
    }
    all
}

fn texts(value: &::redis::Value) -> String {
    match value {
        ::redis::Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        ::redis::Value::Array(values) => values.iter().map(texts).collect::<Vec<_>>().join(" "),
        _ => String::new(),
    }
}

/// A ban ends by itself; both stores.
#[tokio::test]
async fn a_ban_ends_by_itself() {
    for_both(config("risk: {bans: {failures: 3/2s, lasts: 2s}}"), async |world| {
        let mut alice = signed_in(&world.gateway, "alice", THIEF).await;
        guess(&mut alice, 3).await;
        assert_eq!(status(&world.gateway, &alice, THIEF).await, 403);
        within(SOON * 3, "the end of the ban", async || status(&world.gateway, &alice, THIEF).await == 401).await;
        assert!(bans(&world.gateway).await.is_empty());
        let none =
            async || admin(&world.gateway, "GET", "/metrics", None).await.body.contains("otpgate_bans_in_force 0");
        within(SOON * 2, "being counted no more", none).await;
    })
    .await;
}

/// O14: whoever has proved who they are goes on behind an address that is banned, unless the operator says otherwise; a
/// neighbour without a proof waits, and so does whoever confirms each request.
#[tokio::test]
async fn o14_a_ban_voids_no_good_grant() {
    for (top, spared) in [(FOUR, 200), ("risk: {bans: {failures: 4/10m, lasts: 1h, spare_grants: false}}", 403)] {
        for_both(config(top), async |world| {
            let mut bob = signed_in(&world.gateway, "bob", THIEF).await;
            world.pass(&mut bob, "/account", BOB).await;
            let mut alice = signed_in(&world.gateway, "alice", THIEF).await;
            guess(&mut alice, 4).await;
            assert_eq!(status(&world.gateway, &alice, THIEF).await, 403);
            assert_eq!(bob.get("/account").await.status, spared, "{top}");
            assert_eq!(bob.call("GET", "/pay", None).await.status, 403, "no grant is for this");
            // Somebody else's grant is no good one.
            let mut carol = signed_in(&world.gateway, "carol", THIEF).await;
            carol.jar.insert("otpgate_grant".to_owned(), bob.jar["otpgate_grant"].clone());
            assert_eq!(carol.get("/account").await.status, 403);
            assert_eq!(bob.behind(ELSEWHERE).get("/account").await.status, 200);
        })
        .await;
    }
}

/// O11: one guess each for many subjects bans an address, though nobody's own limit is reached; and before that, many subjects
/// of one address are worth points for everybody there.
#[tokio::test]
async fn o11_spraying_is_seen_and_banned() {
    let top = "risk: {behaviour: {subjects: {per_address: 3/10m}}, bans: {failures: off, subjects: 4/1h}}";
    let contacts = (0..6).map(|n| format!("user{n}: {{email: user{n}@example.com}}\n")).collect();
    for_both(Config { contacts, ..config(top) }, async |world| {
        for n in 0..4 {
            let mut victim = signed_in(&world.gateway, &format!("user{n}"), THIEF).await;
            guess(&mut victim, 1).await;
        }
        let last = signed_in(&world.gateway, "user5", THIEF).await;
        assert_eq!(status(&world.gateway, &last, THIEF).await, 403);
        assert_eq!(bans(&world.gateway).await[0]["reason"], "subjects");
        assert_eq!(status(&world.gateway, &last, ELSEWHERE).await, 401);
        let log = world.gateway.log();
        assert!(log.contains("many_subjects (3 subjects from its address within 10m) 10"), "{log}");
        assert!(log.contains("banned (4 subjects with a wrong code within 1h) 100"), "{log}");
    })
    .await;
}

/// Points for what comes from the network of an address, from its autonomous system, and for a subject that comes from many
/// networks: told in the log, and refusing nobody.
#[tokio::test]
async fn what_is_seen_makes_points() {
    let top = "risk: {behaviour: {failures: {per_network: 3/10m}, sends: {per_address: 2/10m}, networks: 2/1h, requests: 5/1h}}";
    for_both(config(top), async |world| {
        for (subject, ip) in [("alice", THIEF), ("bob", "203.0.113.77"), ("carol", THIEF)] {
            guess(&mut signed_in(&world.gateway, subject, ip).await, 1).await;
        }
        let reasons = async |subject: &str, ip: &str, wanted: &str| {
            let browser = signed_in(&world.gateway, subject, ip).await;
            let told = async || {
                assert_eq!(status(&world.gateway, &browser, ip).await, 401);
                world.gateway.log().contains(wanted)
            };
            within(SOON, wanted, told).await;
        };
        reasons("bob", NEIGHBOUR, "many_failures (3 wrong codes from its network within 10m) 10").await;
        reasons("bob", THIEF, "many_sends (2 messages from its address within 10m) 5").await;
        reasons("bob", "192.0.2.1", "subject_roams (2 networks within 1h) 10").await;
        reasons("carol", "192.0.2.2", "requests within 1h) 5").await;
        assert!(bans(&world.gateway).await.is_empty());
    })
    .await;
}

/// Somebody who asks for messages to numbers that are paused is banned; whoever asks for the same one again is not.
#[tokio::test]
async fn pumping_bans_who_asks_for_it() {
    let limits = "{pumping: {sequence: 2}, typed: {per_ip: 100/1h, per_network: 100/1h}}";
    let top = "risk: {bans: {pumping: 3/1h}}";
    for_both(Config { limits, ..config(top) }, async |world| {
        let ask = async |number: u32, ip: &str| -> Answer {
            let mut browser = Client::new(HOST, world.gateway.port).behind(ip);
            let body = form(&[("phone", &format!("+601234567{number:02}"))]);
            post_as(&mut browser, "/register/x", "application/x-www-form-urlencoded", body.as_bytes()).await
        };
        let send = async |number: u32, ip: &str| -> u16 {
            let mut browser = Client::new(HOST, world.gateway.port).behind(ip);
            let body = form(&[("phone", &format!("+601234567{number:02}"))]);
            let kind = "application/x-www-form-urlencoded";
            let answer = post_as(&mut browser, "/register/x", kind, body.as_bytes()).await;
            if answer.status == 303 { browser.get(&page_address(&answer)).await.status } else { answer.status }
        };
        for number in 10..12 {
            assert_eq!(send(number, NEIGHBOUR).await, 200);
        }
        // The run is paused now. The same number again and again is one.
        for _ in 0..5 {
            send(20, ELSEWHERE).await;
        }
        for number in 30..33 {
            send(number, THIEF).await;
        }
        within(SOON, "the ban", async || ask(40, THIEF).await.status == 403).await;
        assert_ne!(ask(40, ELSEWHERE).await.status, 403);
        let listed = bans(&world.gateway).await;
        assert_eq!((listed.len(), &listed[0]["address"], &listed[0]["reason"]), (1, &json!(THIEF), &json!("pumping")));
    })
    .await;
}

/// Numbers like those that hardly a code came back from have points before a message is asked for.
#[tokio::test]
async fn a_number_in_a_paused_range_counts_against_a_form() {
    let limits = "{pumping: {sequence: 2}, typed: {per_ip: 100/1h, per_network: 100/1h}}";
    for_both(Config { limits, ..config("risk: {points: {number_range: 95}}") }, async |world| {
        let ask = async |number: &str| -> Answer {
            let mut browser = Client::new(HOST, world.gateway.port).behind(ELSEWHERE);
            let body = form(&[("phone", number)]);
            let kind = "application/x-www-form-urlencoded";
            let answer = post_as(&mut browser, "/register/x", kind, body.as_bytes()).await;
            if answer.status == 303 { browser.get(&page_address(&answer)).await } else { answer }
        };
        for (number, status) in [("+60123456710", 200), ("+60123456711", 200), ("+60123456712", 429)] {
            assert_eq!(ask(number).await.status, status, "{number}");
        }
        let refused = ask("+60123456713").await;
        assert_eq!(refused.status, 403);
        assert_eq!(ask("+60123456813").await.status, 200, "another run");
        let (_, reference) = refused.body.split_once("Reference: ").unwrap();
        let told = admin(&world.gateway, "GET", &format!("/lookup/{}", &reference[..9]), None).await;
        assert!(told.body.contains("number_range (sequence) 95"), "{told:?}");
    })
    .await;
}

const CONFIG: &str = "
listeners: {address: '127.0.0.1:{port}'}
{trusted}
store: memory
secrets: '{secret}'
policies: {account: {channels: email}}
risk:
  lists:
    - {name: office, kind: network, source: office.txt, action: allow}
  bans: {failures: 3/10m}
sites:
  - hosts: shop.test
    upstream: {servers: '127.0.0.1:{upstream}'}
    identity: {login: {path: /login, field: email, session_cookie: SID}}
    sign_in: /login
    directory: {file: contacts.yaml}
    default_policy: bypass
    routes: [{path: /account/**, policy: account}]
delivery: {providers: {dev: {type: outbox}}, email: {providers: dev}}
admin: {address: '127.0.0.1:{admin}'}
log: {format: json, level: info}
";

fn plain(trusted: &str, upstream: &Upstream) -> Gateway {
    start(CONFIG, trusted, upstream)
}

fn start(config: &str, trusted: &str, upstream: &Upstream) -> Gateway {
    let config = config.replace("{trusted}", trusted).replace("{upstream}", &upstream.port.to_string());
    let contacts = "alice: {email: alice@example.com}\nbob: {email: bob@example.com}\n";
    Gateway::start(&config, &[("contacts.yaml", contacts), ("office.txt", "203.0.113.9\n")])
}

/// H06: a header by which a client calls itself somebody else bans itself and nobody else.
#[tokio::test]
async fn h06_a_spoofed_address_bans_nobody_else() {
    let upstream = Upstream::start();
    let gateway = plain("", &upstream);
    let mut alice = signed_in(&gateway, "alice", ELSEWHERE).await;
    guess(&mut alice, 3).await;
    let listed = bans(&gateway).await;
    assert_eq!((listed.len(), &listed[0]["address"]), (1, &json!("127.0.0.1")));
    assert_eq!(status(&gateway, &alice, NEIGHBOUR).await, 403);
}

/// Never banned: an address that the operator trusts, a proxy, and whoever is behind one and not known.
#[tokio::test]
async fn trusted_and_unknown_addresses_are_never_banned() {
    let upstream = Upstream::start();
    let gateway = plain("trusted_proxies: 127.0.0.0/8", &upstream);
    // The office; the proxy's own monitoring; a trail that breaks off at the proxy.
    for ip in [THIEF, "127.0.0.1", "nobody"] {
        let mut alice = signed_in(&gateway, "alice", ip).await;
        guess(&mut alice, 3).await;
        assert_eq!(status(&gateway, &alice, ip).await, 401, "{ip}");
        admin(&gateway, "POST", "/unlock", Some(json!({"subject": "alice"}))).await;
    }
    assert!(bans(&gateway).await.is_empty());
    // It was not for want of wrong codes.
    let mut bob = signed_in(&gateway, "bob", ELSEWHERE).await;
    guess(&mut bob, 3).await;
    assert_eq!(status(&gateway, &bob, ELSEWHERE).await, 403);
    assert_eq!(bans(&gateway).await.len(), 1);
}

/// Programs are told from browsers by what they say of themselves, which refuses nobody.
#[tokio::test]
async fn robots_have_points_and_pass() {
    let upstream = Upstream::start();
    let config = CONFIG.replace("account: {channels: email}", "account: {channels: email, challenge_at: 40}");
    let gateway = start(&config, "", &upstream);
    let mut client = Client::new(HOST, gateway.port);
    for (path, agent, accept, score) in [
        ("/account/1", "curl/8.15.0", "text/html", "10"),
        ("/account/2", "", "text/html", "10"),
        // A client of an API is a program, and may say so.
        ("/account/4", "curl/8.15.0", "application/json", "0"),
    ] {
        let answer = client.send("GET", path, &[("accept", accept), ("user-agent", agent)], "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(upstream.seen_at(path)[0].header("x-otpgate-score"), Some(score));
    }
    assert_eq!(client.get("/account/3").await.status, 200);
    assert_eq!(upstream.seen_at("/account/3")[0].header("x-otpgate-score"), Some("0"));
    let told = said(
        &gateway,
        &["explain", "--header", "User-Agent: curl/8", "--header", "Accept: text/html", "http://shop.test/account/1"],
    );
    assert!(told.contains("robot (by its user agent) 10 (by default)"), "{told}");
}
