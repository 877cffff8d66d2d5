//! From where a subject comes: since the last code, since the last request, and by the telephone number.

use std::time::Duration;

use ipnet::IpNet;
use mmdb_writer::{Value, Writer};
use tempfile::TempDir;

use crate::support::{Client, Gateway, Redis, Upstream};
use crate::world::*;

const LONDON: &str = "192.0.2.1";
const READING: &str = "192.0.2.33";
const NEW_YORK: &str = "192.0.2.65";
const VPN: &str = "192.0.2.129";
const OFFICE: &str = "192.0.2.193";
const NOWHERE: &str = "203.0.113.1";

/// Networks, with their country, system, and position in degrees.
const PLACES: [(&str, &str, u32, f64, f64); 5] = [
    ("192.0.2.0/27", "GB", 64_500, 51.5074, -0.1278),
    ("192.0.2.32/27", "GB", 64_501, 51.4543, -0.9781),
    ("192.0.2.64/26", "US", 64_502, 40.7128, -74.0060),
    ("192.0.2.128/26", "BR", 64_503, -23.5505, -46.6333),
    ("192.0.2.192/26", "AU", 64_504, -33.8688, 151.2093),
];

const CONFIG: &str = "
listeners: {address: '127.0.0.1:{port}'}
trusted_proxies: 127.0.0.0/8
store: {store}
secrets: '{secret}'
policies:
  account: {channels: [email, sms], max_age: 15m}
  calls: {channels: sms, max_age: 15m, deny_at: 20}
  guarded: {channels: [email, sms], max_age: 15m, escalate: {at: 20, channels: sms}}
  wary: {channels: email, challenge_at: 40}
  watched: {channels: [email, sms], observe: true}
  signup: {channels: sms, contact: {form: phone}, deny_at: 20}
risk:
  geoip: {{databases}}
  devices: {remember: 0s}
  lists: {name: office, kind: network, source: '{files}/office.txt', action: allow}
  points: {anonymiser: 7{points}}
sites:
  - hosts: shop.test
    upstream: {servers: '127.0.0.1:{upstream}'}
    identity: {login: {path: /login, field: email, session_cookie: SID, logout: /logout}}
    sign_in: /login
    directory: {file: contacts.yaml}
    default_policy: bypass
    routes:
      - {path: /account/**, policy: account}
      - {path: /calls/**, policy: calls}
      - {path: /guarded/**, policy: guarded}
      - {path: /wary/**, policy: wary}
      - {path: /watched/**, policy: watched}
      - {path: /register, methods: POST, policy: signup}
delivery:
  providers: {dev: {type: outbox}}
  email: {providers: dev}
  sms: {providers: dev}
admin: {address: '127.0.0.1:{admin}'}
log: {format: json, level: info}
";

const CONTACTS: &str = "bob: {email: bob@example.com}\ncarol: {sms: '+442079460000'}\ncarla: {sms: '+447400123456', email: carla@example.com}\n";

struct World {
    files: TempDir,
    upstream: Upstream,
    redis: Redis,
}

impl World {
    fn new() -> Self {
        let world = Self { files: TempDir::new().unwrap(), upstream: Upstream::start(), redis: Redis::start() };
        std::fs::write(world.files.path().join("office.txt"), format!("{OFFICE}\n")).unwrap();
        world.database("city.mmdb", |(_, country, _, north, east)| {
            let location = Value::map([("latitude", Value::from(north)), ("longitude", Value::from(east))]);
            Value::map([("country", Value::map([("iso_code", Value::from(country))])), ("location", location)])
        });
        world.database("country.mmdb", |(_, country, ..)| Value::map([("country_code", Value::from(country))]));
        world.database("asn.mmdb", |(_, _, system, ..)| Value::map([("asn", Value::from(system))]));
        let mut writer = Writer::new("test");
        let vpn = Value::map([("is_anonymous_vpn", Value::from(true))]);
        writer.insert_value("192.0.2.128/26".parse::<IpNet>().unwrap(), vpn).unwrap();
        std::fs::write(world.files.path().join("anonymous.mmdb"), writer.to_bytes().unwrap()).unwrap();
        world
    }

    fn database(&self, name: &str, value: impl Fn((&str, &'static str, u32, f64, f64)) -> Value) {
        let mut writer = Writer::new("test");
        for place in PLACES {
            writer.insert_value(place.0.parse::<IpNet>().unwrap(), value(place)).unwrap();
        }
        std::fs::write(self.files.path().join(name), writer.to_bytes().unwrap()).unwrap();
    }

    fn gateway(&self, databases: &[&str], points: &str) -> Gateway {
        let databases: Vec<_> = databases.iter().map(|name| format!("{name}: '{{files}}/{name}.mmdb'")).collect();
        let config = CONFIG
            .replace("{store}", &self.redis.url())
            .replace("{databases}", &databases.join(", "))
            .replace("{points}", points)
            .replace("{files}", &self.files.path().display().to_string())
            .replace("{upstream}", &self.upstream.port.to_string());
        Gateway::start(&config, &[("contacts.yaml", CONTACTS)])
    }

    fn places_in_store(&self) -> usize {
        let mut redis = redis::Client::open(self.redis.url()).unwrap().get_connection().unwrap();
        redis::cmd("KEYS").arg("*}:o:*").query::<Vec<String>>(&mut redis).unwrap().len()
    }

    /// The score that the application is told of a request from an address.
    async fn score(&self, browser: &Client, ip: &str) -> String {
        let mut browser = browser.copy().behind(ip);
        let answer = browser.get("/watched/x").await;
        assert_eq!(answer.status, 200, "{ip}: {answer:?}");
        self.upstream.last().header("x-otpgate-score").unwrap().to_owned()
    }
}

async fn signed_in(gateway: &Gateway, subject: &str, ip: &str) -> Client {
    let mut browser = Client::new(HOST, gateway.port).behind(ip);
    sign_in(&mut browser, subject).await;
    browser
}

async fn pass(gateway: &Gateway, browser: &mut Client, path: &str, to: &str) {
    let page = challenge_page(browser, path).await;
    let code = codes(gateway, to).await.pop().unwrap();
    let answer = type_code(browser, &page, &code).await;
    assert_eq!(browser.follow(answer).await.status, 200, "{path}");
}

/// Where the last code was answered counts against where a request comes from, in what is known of both.
#[tokio::test]
async fn a_proof_from_elsewhere_costs_points() {
    let world = World::new();
    let gateway = world.gateway(&["city", "asn", "anonymous"], ", impossible_travel: 0");
    let mut bob = signed_in(&gateway, "bob", LONDON).await;
    assert_eq!(world.score(&bob, NEW_YORK).await, "0", "nothing was proved yet");
    pass(&gateway, &mut bob, "/account/a", BOB).await;
    for (ip, score) in [(LONDON, "0"), (READING, "10"), (NEW_YORK, "30"), (NOWHERE, "0"), (OFFICE, "0"), (VPN, "7")] {
        assert_eq!(world.score(&bob, ip).await, score, "{ip}");
    }
    // A proof of now is the one that counts.
    let mut away = bob.copy().behind(NEW_YORK);
    away.jar.remove("otpgate_grant");
    pass(&gateway, &mut away, "/account/b", BOB).await;
    assert_eq!((world.score(&away, NEW_YORK).await, world.score(&away, LONDON).await), ("0".into(), "30".into()));
    // Never the position.
    assert!(!gateway.log().contains("51.5"));
}

/// Two places that nobody can be at: a thief's leaves the honest one as it is, until a code is answered there.
#[tokio::test]
async fn nobody_is_at_two_places() {
    let world = World::new();
    let (one, two) = (world.gateway(&["city", "anonymous"], ""), world.gateway(&["city", "anonymous"], ""));
    let bob = signed_in(&one, "bob", LONDON).await;
    assert_eq!(world.score(&bob, LONDON).await, "0", "the first place that is seen");
    // It is told beside the road.
    let told = async || world.places_in_store() > 0;
    within(Duration::from_secs(5), "telling the store", told).await;
    let thief = at(&two, &bob);
    for gateway in [&one, &two] {
        let (here, there) = (at(gateway, &bob), at(gateway, &thief));
        assert_eq!(world.score(&there, NEW_YORK).await, "50");
        assert_eq!(world.score(&here, LONDON).await, "0", "a thief moves nobody");
        assert_eq!(world.score(&here, READING).await, "0", "near enough");
        // Where a VPN's visitor is nobody knows, and the office is trusted: neither is a place to have come from.
        assert_eq!(world.score(&here, VPN).await, "7");
        assert_eq!(world.score(&here, OFFICE).await, "0");
        assert_eq!(world.score(&here, LONDON).await, "0");
    }
    // Whoever answers a code in New York is there, on every gateway.
    let mut traveller = at(&two, &bob).behind(NEW_YORK);
    pass(&two, &mut traveller, "/wary/a", BOB).await;
    assert_eq!(world.score(&traveller, NEW_YORK).await, "0");
    let moved = async || world.score(&at(&one, &bob), LONDON).await == "50";
    within(Duration::from_secs(2), "hearing of a move", moved).await;
    assert_eq!(world.score(&at(&one, &bob), NEW_YORK).await, "0");
    assert!(one.log().contains("impossible_travel (US to GB, 54"), "{}", one.log());
    // I9: where it is kept nobody can read it.
    assert_eq!(world.places_in_store(), 1);
}

/// I2: with the store away it is not known where somebody was: nobody passes for being low, and a proof still opens.
#[tokio::test]
async fn i2_a_score_that_cannot_be_known_lets_nobody_pass() {
    let mut world = World::new();
    let gateway = world.gateway(&["city"], "");
    let mut bob = signed_in(&gateway, "bob", LONDON).await;
    assert_eq!(bob.get("/wary/a").await.status, 200, "low");
    let carol = signed_in(&gateway, "carol", LONDON).await;
    pass(&gateway, &mut bob, "/account/a", BOB).await;
    world.redis.stop();
    // Whom this gateway has seen it knows.
    assert_eq!(bob.get("/wary/b").await.status, 200);
    assert_eq!(bob.get("/account/b").await.status, 200, "a good grant is judged from the cookie");
    let mut carol = carol.copy();
    let answer = carol.get("/wary/c").await;
    assert_eq!((answer.status, world.upstream.hits("/wary/c")), (503, 0), "{answer:?}");
    // I2: whose an unknown session is cannot be found out; who only observes lets it pass, and says so.
    let mut stranger = Client::new(HOST, gateway.port).behind(LONDON);
    stranger.jar.insert("SID".to_owned(), "unknown".to_owned());
    assert_eq!(stranger.get("/watched/d").await.status, 200);
    let metrics = admin(&gateway, "GET", "/metrics", None).await.body;
    assert!(metrics.contains("otpgate_requests_total{site=\"shop.test\",verdict=\"observe\"} 1"), "{metrics}");
    assert!(metrics.contains("verdict=\"observe\",reason=\"store_unavailable\"} 1"), "{metrics}");
    world.redis.restart();
    let again = async || carol.copy().get("/wary/d").await.status == 200;
    within(Duration::from_secs(10), "the store's return", again).await;
}

/// A database of countries alone finds only what is surely too far.
#[tokio::test]
async fn countries_alone_find_the_surest_jumps() {
    let world = World::new();
    let gateway = world.gateway(&["country"], "");
    let bob = signed_in(&gateway, "bob", LONDON).await;
    assert_eq!(world.score(&bob, LONDON).await, "0");
    assert_eq!(world.score(&bob, NEW_YORK).await, "50");
    assert_eq!(world.score(&bob, LONDON).await, "0");
}

/// A telephone number of another country: a typed one, and all that the directory knows.
#[tokio::test]
async fn a_number_of_another_country_costs_points() {
    let world = World::new();
    let gateway = world.gateway(&["country", "anonymous"], ", impossible_travel: 0");
    for (ip, status) in [(LONDON, 303), (NEW_YORK, 403), (NOWHERE, 303), (OFFICE, 303), (VPN, 303)] {
        let mut carla = signed_in(&gateway, "carla", ip).await;
        assert_eq!(carla.get("/calls/a").await.status, status, "{ip}");
        let mut visitor = Client::new(HOST, gateway.port).behind(ip);
        let answer = visitor.post("/register", &[("phone", "+447400123456")]).await;
        assert_eq!(answer.status, status, "{ip}: {answer:?}");
    }
    assert!(gateway.log().contains("phone_country (GB, from US) 20"), "{}", gateway.log());
}

/// C08: the directory is asked when a challenge is put, and what it says asks for the stronger channel at once.
#[tokio::test]
async fn c08_a_number_of_another_country_asks_for_a_stronger_channel() {
    let world = World::new();
    let gateway = world.gateway(&["country"], ", impossible_travel: 0");
    for (ip, ways) in [(LONDON, &["email", "sms"][..]), (NEW_YORK, &["sms"])] {
        let mut carla = signed_in(&gateway, "carla", ip).await;
        let challenge = api_challenge(&mut carla, "GET", "/guarded/a", None).await;
        let offered = challenge["channels"].as_array().unwrap().iter().map(|way| way["channel"].as_str().unwrap());
        assert_eq!(offered.collect::<Vec<_>>(), ways, "{ip}");
        let by_mail = api_send(&mut carla, &challenge["id"], "email").await.status;
        assert_eq!(by_mail, if ip == LONDON { 202 } else { 404 }, "{ip}");
    }
}
