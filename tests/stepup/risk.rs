//! The score of a request by the address that it comes from: what it decides, what is told of it, and that its files may change
//! at any time.

use std::path::Path;
use std::time::{Duration, SystemTime};

use ipnet::IpNet;
use mmdb_writer::{Value, Writer};
use tempfile::TempDir;

use crate::support::{Answer, Client, Gateway, Upstream};
use crate::world::*;

const LISTED: &str = "203.0.113.9";
const DENIED: &str = "198.51.100.1";
const OFFICE: &str = "203.0.113.7";
const NOBODY: &str = "192.0.2.1";

/// The files of the config, which outlive the test's gateways.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        let files = Self(TempDir::new().unwrap());
        files.write("drop.txt", b"# suspects\n203.0.113.0/24\n2001:db8:1::/48\n");
        files.write("denied.txt", b"198.51.100.0/24 ; SBL1\n");
        files.write("office.txt", b"203.0.113.7\n10.0.0.0/8\n");
        files.write("rented.txt", b"AS64496\n");
        let entries =
            [("192.0.2.0/26", "MY", 64_500_u32), ("192.0.2.64/26", "RU", 64_501), ("192.0.2.128/26", "MY", 64_496)];
        files.database("country.mmdb", &entries.map(|(network, country, _)| (network, "country_code", country.into())));
        files.database("asn.mmdb", &entries.map(|(network, _, system)| (network, "asn", Value::from(system))));
        files
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    fn database(&self, name: &str, entries: &[(&str, &str, Value)]) {
        self.database_of(SystemTime::now(), name, entries);
    }

    fn database_of(&self, built: SystemTime, name: &str, entries: &[(&str, &str, Value)]) {
        let mut writer = Writer::builder("test").build_epoch(built).build();
        for (network, key, value) in entries {
            writer.insert_value(network.parse::<IpNet>().unwrap(), Value::map([(*key, value.clone())])).unwrap();
        }
        self.write(name, &writer.to_bytes().unwrap());
    }

    fn gateway(&self, upstream: &Upstream) -> Gateway {
        self.start(CONFIG, upstream)
    }

    /// A gateway of this config, in front of this application.
    pub(crate) fn start(&self, config: &str, upstream: &Upstream) -> Gateway {
        let config = config
            .replace("{upstream}", &upstream.port.to_string())
            .replace("{files}", &self.0.path().display().to_string());
        Gateway::start(&config, &[("contacts.yaml", "alice: {email: alice@example.com}\n")])
    }
}

const CONFIG: &str = "
listeners: {address: '127.0.0.1:{port}'}
trusted_proxies: 127.0.0.0/8
store: memory
secrets: '{secret}'
policies:
  browsing: {channels: email, challenge_at: 40}
  account: {channels: email}
  watched: {channels: email, observe: true}
risk:
  geoip: {country: '{files}/country.mmdb', asn: '{files}/asn.mmdb'}
  expect_countries: [MY, SG]
  lists:
    - {name: office, kind: network, source: '{files}/office.txt', action: allow}
    - {name: drop, kind: network, source: '{files}/drop.txt', points: 60}
    - {name: denied, kind: network, source: '{files}/denied.txt', action: deny}
    - {name: rented, kind: asn, source: '{files}/rented.txt', points: 40}
  points: {country_unexpected: 20}
sites:
  - hosts: shop.test
    upstream: {servers: '127.0.0.1:{upstream}'}
    identity: {login: {path: /login, field: email, session_cookie: SID, logout: /logout}}
    sign_in: /login
    directory: {file: contacts.yaml}
    default_policy: bypass
    routes:
      - {path: /shop/**, policy: browsing}
      - {path: /account/**, policy: account}
      - {path: /watched/**, policy: watched}
delivery:
  providers: {dev: {type: outbox}}
  email: {providers: dev}
admin: {address: '127.0.0.1:{admin}'}
log: {format: json, level: info}
";

/// What a visitor from an address gets, as an API client: a browser would be sent to sign in.
async fn from(gateway: &Gateway, ip: &str, path: &str) -> Answer {
    let mut client = Client::new(HOST, gateway.port);
    client.send("GET", path, &[("accept", "application/json"), ("x-forwarded-for", ip)], "").await
}

/// I1, I2: who is suspect is asked, who is known to be bad is refused, and nobody else notices.
#[tokio::test]
async fn i1_the_score_of_an_address_asks_and_refuses() {
    let (files, upstream) = (Files::new(), Upstream::start());
    let gateway = files.gateway(&upstream);
    for (ip, path, status, score) in [
        (NOBODY, "/shop/a", 200, Some("0")),
        (LISTED, "/shop/b", 401, None),
        ("2001:db8:1::9", "/shop/c", 401, None),
        ("::ffff:203.0.113.9", "/shop/d", 401, None),
        (DENIED, "/shop/e", 403, None),
        (OFFICE, "/shop/f", 200, Some("0")),
        ("10.1.2.3", "/shop/g", 200, Some("0")),
        // Unexpected: 20 points are too few to ask for a code.
        ("192.0.2.70", "/shop/h", 200, Some("20")),
        // Rented machines: 40 points are enough.
        ("192.0.2.130", "/shop/i", 401, None),
        // A policy that always asks still asks, and refuses whom it must; one that observes lets go on.
        (NOBODY, "/account/j", 401, None),
        (DENIED, "/account/k", 403, None),
        (DENIED, "/watched/l", 200, Some("100")),
        // What no policy protects is not scored.
        (DENIED, "/m", 200, None),
    ] {
        let answer = from(&gateway, ip, path).await;
        assert_eq!(answer.status, status, "{ip} {path}: {answer:?}");
        let seen = upstream.seen_at(path);
        assert_eq!(seen.len(), usize::from(status == 200), "{ip} {path}");
        assert_eq!(seen.first().and_then(|seen| seen.header("x-otpgate-score")), score, "{ip} {path}");
    }
    let log = gateway.log();
    assert!(log.contains("\"reasons\":\"high_score, denied 100\"") || log.contains("denied 100"), "{log}");
    // H10: an address that a client writes itself is behind the one that its proxy saw.
    assert_eq!(from(&gateway, &format!("{OFFICE}, {LISTED}"), "/shop/n").await.status, 401);
    // I5: nor does a header that contradicts the proxy's make anybody unknown, or trusted.
    for (ip, path) in [(LISTED, "/shop/o"), (DENIED, "/shop/p"), (OFFICE, "/shop/q")] {
        let mut client = Client::new(HOST, gateway.port);
        let headers = [("accept", "application/json"), ("x-forwarded-for", ip), ("forwarded", "for=10.1.2.3")];
        assert_eq!(client.send("GET", path, &headers, "").await.status, 401, "{path}");
        assert_eq!(upstream.hits(path), 0);
    }
}

/// A subject who has proved a contact passes from a suspect address, and never from one that is denied.
#[tokio::test]
async fn i1_a_proof_answers_a_suspicion_and_no_ban() {
    let (files, upstream) = (Files::new(), Upstream::start());
    let gateway = files.gateway(&upstream);
    let mut alice = Client::new(HOST, gateway.port).behind(LISTED);
    sign_in(&mut alice, "alice").await;
    let page = challenge_page(&mut alice, "/shop/a").await;
    let code = codes(&gateway, ALICE).await.pop().unwrap();
    let passed = type_code(&mut alice, &page, &code).await;
    assert_eq!(alice.follow(passed).await.status, 200);
    assert_eq!(upstream.seen_at("/shop/a").pop().unwrap().header("x-otpgate-score"), Some("60"));
    assert_eq!(alice.behind(DENIED).get("/shop/b").await.status, 403);
    assert_eq!(upstream.hits("/shop/b"), 0);
}

/// F02, F03: files are replaced under a running gateway, by good ones and by rubbish, whole and in place.
#[tokio::test]
async fn f02_f03_files_change_under_a_running_gateway() {
    let (files, upstream) = (Files::new(), Upstream::start());
    let gateway = files.gateway(&upstream);
    let status = async |ip: &str| from(&gateway, ip, "/shop/x").await.status;
    assert_eq!((status(LISTED).await, status("192.0.2.130").await, status(NOBODY).await), (401, 401, 200));

    // Rubbish: what was known goes on.
    files.write("drop.txt", b"203.0.113.0/24\n0.0.0.0/0\n");
    files.write("asn.mmdb", b"\xab\xcd\xefMaxMind.com and then nothing");
    let told = async || {
        let log = gateway.log();
        log.contains("drop.txt") && log.contains("asn.mmdb")
    };
    within(Duration::from_secs(20), "being told of bad files", told).await;
    assert_eq!((status(LISTED).await, status("192.0.2.130").await, status(NOBODY).await), (401, 401, 200));

    // What is wrong with one list keeps no other from being renewed.
    files.write("denied.txt", b"198.51.100.0/24\n192.0.2.192/26\n");
    let denied = async || status("192.0.2.200").await == 403;
    within(Duration::from_secs(20), "the good list beside the bad one", denied).await;
    assert_eq!((status(LISTED).await, status(DENIED).await), (401, 403));

    // Good ones, one of them moved into place, the other written over.
    files.write("drop.new", b"192.0.2.0/26\n");
    std::fs::rename(files.path("drop.new"), files.path("drop.txt")).unwrap();
    files.database("asn.mmdb", &[("203.0.113.0/24", "autonomous_system_number", Value::from(64_496_u32))]);
    let changed = async || (status(LISTED).await, status("192.0.2.130").await, status(NOBODY).await) == (401, 200, 401);
    within(Duration::from_secs(20), "knowing what changed", changed).await;
    // Rented now, and no longer on the other list: 40 points.
    assert!(explain(&gateway, LISTED).contains("rented 40"));
}

/// What an operator is told of an address, with the lines of the config.
/// F02: addresses move, so whoever runs on an old database is told: by `check`, at the start and when its file changes.
#[tokio::test]
async fn f02_an_old_database_is_told_of() {
    let (files, upstream) = (Files::new(), Upstream::start());
    let days = |days: u64| SystemTime::now() - Duration::from_secs(days * 24 * 60 * 60 + 60);
    let malaysia = [("192.0.2.0/26", "country_code", Value::from("MY"))];
    files.database_of(days(91), "country.mmdb", &malaysia);
    let gateway = files.gateway(&upstream);
    let told = |days: u64| format!("country.mmdb` was built {days} days ago: addresses have moved since");
    let check = |gateway: &Gateway| {
        let output = gateway.command(&["check"]);
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    assert!(check(&gateway).contains(&told(91)) && gateway.log().contains(&told(91)), "{}", gateway.log());
    assert!(!check(&gateway).contains("asn.mmdb"), "that one is new");
    let built = days(91).duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let metrics = admin(&gateway, "GET", "/metrics", None).await.body;
    let line = metrics.lines().find(|line| line.starts_with("otpgate_risk_database_built") && line.contains("country"));
    let value: f64 = line.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!((value - built as f64).abs() < 300.0, "{line:?}");

    files.database_of(days(200), "country.mmdb", &malaysia);
    let renewed = async || gateway.log().contains("a GeoIP database is old") && gateway.log().contains("\"days\":200");
    within(Duration::from_secs(20), "reading the database again", renewed).await;
    files.database_of(days(90), "country.mmdb", &malaysia);
    within(Duration::from_secs(20), "a newer one", async || !check(&gateway).contains("was built")).await;
}

fn explain(gateway: &Gateway, ip: &str) -> String {
    let header = format!("X-Forwarded-For: {ip}");
    let output = gateway.command(&["explain", "--ip", "127.0.0.1", "--header", &header, "http://shop.test/shop/a"]);
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn explain_says_which_signals_fire_and_why() {
    let (files, upstream) = (Files::new(), Upstream::start());
    let gateway = files.gateway(&upstream);
    let line = |of: &str| 1 + CONFIG.lines().position(|line| line.contains(of)).unwrap();
    let story = explain(&gateway, "192.0.2.70");
    let unexpected = format!("country_unexpected (RU) 20 (line {})", line("country_unexpected"));
    for wanted in ["RU, AS64501", "score     20", &unexpected, "forward: the score is below `challenge_at`"] {
        assert!(story.contains(wanted), "{wanted}: {story}");
    }
    let story = explain(&gateway, LISTED);
    let listed = format!("drop 60 (line {})", line("name: drop"));
    for wanted in ["not known to any database", "score     60", &listed, "challenge (no_subject)"] {
        assert!(story.contains(wanted), "{wanted}: {story}");
    }
    assert!(explain(&gateway, DENIED).contains("refuse (high_score): 403"));
    assert!(explain(&gateway, OFFICE).contains("nothing about the address counts: it is on the list `office`"));
}

/// The database that comes with otpgate is what its notice says.
#[test]
fn the_database_that_comes_along_knows_countries() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("geoip/country.mmdb");
    let database = otpgate::risk::DatabaseFile::open(path).unwrap();
    let fields: Vec<_> = database.load().fields().collect();
    assert_eq!(fields, [otpgate::risk::Field::Country]);
    for (ip, country) in [("8.8.8.8", "US"), ("1.1.1.1", "US"), ("2001:4860:4860::8888", "US"), ("10.0.0.1", "")] {
        let mut known = otpgate::risk::Whereabouts::default();
        database.load().tell(ip.parse().unwrap(), &mut known);
        assert_eq!(known.country.map(|country| country.to_string()).unwrap_or_default(), country, "{ip}");
    }
}
