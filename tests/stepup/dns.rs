//! DNS: block lists that no request waits for, and e-mail domains that take no mail.

use std::collections::HashMap;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{Answer, Client, Gateway, Upstream};
use crate::world::*;

/// What the server says of a name.
#[derive(Clone)]
enum Say {
    A([u8; 4]),
    Aaaa,
    /// The exchanger, empty for the root.
    Mx(&'static str),
    NoRecords,
    Fails,
    Nothing,
}

/// A name server over UDP. What it does not know does not exist. It ends with this value.
struct NameServer {
    port: u16,
    names: Arc<Mutex<HashMap<(String, u16), Say>>>,
    asked: Arc<Mutex<Vec<String>>>,
    ended: Arc<AtomicBool>,
}

const A: u16 = 1;
const MX: u16 = 15;
const AAAA: u16 = 28;

impl NameServer {
    fn start(names: &[(&str, u16, Say)]) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let port = socket.local_addr().unwrap().port();
        let names = names.iter().map(|(name, kind, say)| (((*name).to_owned(), *kind), say.clone())).collect();
        let server = Self { port, names: Arc::new(Mutex::new(names)), asked: Arc::default(), ended: Arc::default() };
        let (names, asked, ended) = (Arc::clone(&server.names), Arc::clone(&server.asked), Arc::clone(&server.ended));
        std::thread::spawn(move || {
            let mut packet = [0; 1500];
            while !ended.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut packet) else { continue };
                let question = &packet[..length];
                let (name, kind, end) = read(question);
                asked.lock().unwrap().push(name.clone());
                let say = names.lock().unwrap().get(&(name, kind)).cloned();
                if let Some(answer) = write(&question[..end], say) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        server
    }

    fn says(&self, name: &str, kind: u16, say: Say) {
        self.names.lock().unwrap().insert((name.to_owned(), kind), say);
    }

    fn asked(&self, name: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|known| *known == name).count()
    }

    /// Questions that end so.
    fn asked_below(&self, zone: &str) -> Vec<String> {
        self.asked.lock().unwrap().iter().filter(|known| known.ends_with(zone)).cloned().collect()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

/// The name and the kind that are asked for, and where the question ends (RFC 1035, section 4.1).
fn read(packet: &[u8]) -> (String, u16, usize) {
    let (mut at, mut labels) = (12, Vec::new());
    while packet[at] != 0 {
        let end = at + 1 + usize::from(packet[at]);
        labels.push(String::from_utf8_lossy(&packet[at + 1..end]).to_lowercase());
        at = end;
    }
    (labels.join("."), u16::from_be_bytes([packet[at + 1], packet[at + 2]]), at + 5)
}

fn write(question: &[u8], say: Option<Say>) -> Option<Vec<u8>> {
    let code = match say {
        Some(Say::Nothing) => return None,
        Some(Say::Fails) => 2,
        Some(_) => 0,
        None => 3,
    };
    let record: Option<(u16, Vec<u8>)> = match say {
        Some(Say::A(ip)) => Some((A, ip.to_vec())),
        Some(Say::Aaaa) => Some((AAAA, "2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap().octets().to_vec())),
        Some(Say::Mx(exchanger)) => {
            let mut data = vec![0, 10];
            for label in exchanger.split('.').filter(|label| !label.is_empty()) {
                data.push(u8::try_from(label.len()).unwrap());
                data.extend(label.as_bytes());
            }
            data.push(0);
            Some((MX, data))
        }
        _ => None,
    };
    let mut answer = question.to_vec();
    // An answer, with recursion; one question, perhaps one record, nothing else.
    answer[2..12].copy_from_slice(&[0x81, 0x80 | code, 0, 1, 0, u8::from(record.is_some()), 0, 0, 0, 0]);
    if let Some((kind, data)) = record {
        answer.extend([0xc0, 12]);
        answer.extend(kind.to_be_bytes());
        answer.extend([0, 1, 0, 0, 1, 44]);
        answer.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        answer.extend(data);
    }
    Some(answer)
}

const LISTED: &str = "203.0.113.9";
const CLEAN: &str = "203.0.113.10";
const OFFICE: &str = "203.0.113.7";

/// The two names by which a sound list is known.
const SOUND: &[(&str, u16, Say)] = &[
    ("2.0.0.127.bad.test", A, Say::A([127, 0, 0, 2])),
    ("9.113.0.203.bad.test", A, Say::A([127, 0, 0, 3])),
    ("7.113.0.203.bad.test", A, Say::A([127, 0, 0, 3])),
    // A listing that the config does not count, one that is none, and one of whoever answers for every name.
    ("11.113.0.203.bad.test", A, Say::A([127, 0, 0, 10])),
    ("12.113.0.203.bad.test", A, Say::A([127, 0, 0, 1])),
    ("13.113.0.203.bad.test", A, Say::A([198, 51, 100, 80])),
    ("14.113.0.203.bad.test", A, Say::Fails),
    ("15.113.0.203.bad.test", A, Say::Nothing),
];

fn config(server: &NameServer, upstream: &Upstream) -> String {
    format!(
        "
listeners: {{address: '127.0.0.1:{{port}}'}}
trusted_proxies: 127.0.0.0/8
store: memory
secrets: '{{secret}}'
policies:
  browsing: {{channels: email, challenge_at: 40}}
  mailing: {{channels: email, contact: {{form: email}}, challenge_at: 40}}
risk:
  nameserver: '127.0.0.1:{}'
  lists:
    - {{name: office, kind: network, source: office.txt, action: allow}}
  dns_lists:
    - {{name: bad, zone: bad.test, points: 60, answers: [127.0.0.2, 127.0.0.3]}}
    - {{name: everybody, zone: wild.test, points: 60}}
    - {{name: nobody, zone: empty.test, points: 60}}
sites:
  - hosts: shop.test
    upstream: {{servers: '127.0.0.1:{}'}}
    identity: {{login: {{path: /login, field: email, session_cookie: SID, logout: /logout}}}}
    sign_in: /login
    directory: {{file: contacts.yaml}}
    default_policy: bypass
    routes:
      - {{path: /shop/**, policy: browsing}}
      - {{path: /subscribe, methods: POST, policy: mailing}}
delivery:
  providers: {{dev: {{type: outbox}}}}
  email: {{providers: dev}}
admin: {{address: '127.0.0.1:{{admin}}'}}
log: {{format: json, level: info}}
",
        server.port, upstream.port
    )
}

fn start(server: &NameServer, upstream: &Upstream) -> Gateway {
    let files = [("contacts.yaml", "alice: {email: alice@example.com}\n"), ("office.txt", "203.0.113.7\n")];
    Gateway::start(&config(server, upstream), &files)
}

async fn from(gateway: &Gateway, ip: &str, path: &str) -> Answer {
    let mut client = Client::new(HOST, gateway.port);
    client.send("GET", path, &[("accept", "application/json"), ("x-forwarded-for", ip)], "").await
}

async fn metric(gateway: &Gateway, line: &str) -> bool {
    admin(gateway, "GET", "/metrics", None).await.body.lines().any(|known| known == line)
}

const LIMIT: Duration = Duration::from_secs(20);

async fn believed(gateway: &Gateway, list: &str, is_believed: u8) -> bool {
    metric(gateway, &format!("otpgate_risk_dns_list_believed{{list=\"{list}\"}} {is_believed}")).await
}

/// The first request is not held up, the next one has the points; and whoever must not be asked for is not asked for.
#[tokio::test]
async fn a_dns_list_counts_from_the_next_request_on() {
    let (server, upstream) = (NameServer::start(SOUND), Upstream::start());
    for name in ["2.0.0.127.wild.test", "1.0.0.127.wild.test", "9.113.0.203.wild.test"] {
        server.says(name, A, Say::A([127, 0, 0, 2]));
    }
    let gateway = start(&server, &upstream);
    within(LIMIT, "the test of the list", async || believed(&gateway, "bad", 1).await).await;
    within(LIMIT, "that of the others", async || gateway.log().contains("it does not list 127.0.0.2")).await;
    assert!(gateway.log().contains("it lists 127.0.0.1"), "{}", gateway.log());
    assert!(believed(&gateway, "everybody", 0).await && believed(&gateway, "nobody", 0).await);

    assert_eq!(from(&gateway, LISTED, "/shop/a").await.status, 200);
    within(LIMIT, "the answer", async || from(&gateway, LISTED, "/shop/b").await.status == 401).await;
    // Lists that do not stand the test are not asked, and do not count.
    assert!(server.asked_below("203.wild.test").is_empty() && server.asked_below("203.empty.test").is_empty());
    let seen = upstream.seen_at("/shop/a").pop().unwrap();
    assert_eq!(seen.header("x-otpgate-score"), Some("0"));

    // Answers that do not count, and failures.
    for last in [10, 11, 12, 13, 14, 15] {
        let ip = format!("203.0.113.{last}");
        assert_eq!(from(&gateway, &ip, "/shop/c").await.status, 200, "{ip}");
        let name = format!("{last}.113.0.203.bad.test");
        within(LIMIT, "the question", async || server.asked(&name) > 0).await;
    }
    let answered = async || metric(&gateway, "otpgate_risk_dns_answers_total{list=\"bad\",answer=\"failed\"} 2").await;
    within(LIMIT, "the failures", answered).await;
    for last in [10, 11, 12, 13, 14, 15] {
        assert_eq!(from(&gateway, &format!("203.0.113.{last}"), "/shop/d").await.status, 200, "{last}");
    }
    assert_eq!(server.asked("10.113.0.203.bad.test"), 1, "an address that is known is not asked for again");
    assert_eq!(server.asked("9.113.0.203.bad.test"), 1);

    // Private addresses, those on an allow list, and what no policy protects, are nobody's business.
    for (ip, path) in [("10.1.2.3", "/shop/e"), ("fd00::1", "/shop/e"), (OFFICE, "/shop/e"), ("203.0.113.99", "/open")]
    {
        assert_eq!(from(&gateway, ip, path).await.status, 200, "{ip}");
    }
    assert_eq!(from(&gateway, "203.0.113.98", "/shop/f").await.status, 200);
    within(LIMIT, "the question after them", async || server.asked("98.113.0.203.bad.test") > 0).await;
    for name in ["3.2.1.10.bad.test", "7.113.0.203.bad.test", "99.113.0.203.bad.test"] {
        assert_eq!(server.asked(name), 0, "{name}");
    }

    // What is known outlives a reload.
    gateway.reload(&config(&server, &upstream));
    within(LIMIT, "the reload", async || gateway.log().contains("the config was reloaded")).await;
    assert_eq!(from(&gateway, LISTED, "/shop/g").await.status, 401);
    assert_eq!(server.asked("9.113.0.203.bad.test"), 1);

    let header = format!("X-Forwarded-For: {LISTED}");
    let story = gateway.command(&["explain", "--ip", "127.0.0.1", "--header", &header, "http://shop.test/shop/a"]);
    let story = String::from_utf8(story.stdout).unwrap();
    assert!(story.contains("not known here: the DNS lists that the address is on: bad, everybody, nobody"), "{story}");
}

/// IPv6 is asked for by half bytes, and by the network of a customer, who can take another address for each request.
#[tokio::test]
async fn a_dns_list_is_asked_for_ipv6_when_it_has_any() {
    let (server, upstream) = (NameServer::start(SOUND), Upstream::start());
    let zeros = |count: usize| "0.".repeat(count);
    // ::ffff:7f00:2
    let test = format!("2.0.0.0.0.0.f.7.f.f.f.f.{}bad.test", zeros(20));
    // 2001:db8:1::9
    let listed = format!("9.0.0.0.{}1.0.0.0.8.b.d.0.1.0.0.2.bad.test", zeros(16));
    server.says(&test, A, Say::A([127, 0, 0, 2]));
    server.says(&listed, A, Say::A([127, 0, 0, 2]));
    let gateway = start(&server, &upstream);
    within(LIMIT, "the test of the list", async || gateway.log().contains("a DNS list is believed\"")).await;
    assert_eq!(from(&gateway, "2001:db8:1::9", "/shop/a").await.status, 200);
    within(LIMIT, "the answer", async || from(&gateway, "2001:db8:1::9", "/shop/b").await.status == 401).await;
    assert_eq!(from(&gateway, "2001:db8:1::abcd", "/shop/c").await.status, 401);
    assert_eq!(server.asked_below("8.b.d.0.1.0.0.2.bad.test"), [listed]);
}

/// A list that answers by a code, since it was asked too often or through a public resolver, lists nobody.
#[tokio::test]
async fn a_dns_list_that_does_not_tell_lists_nobody() {
    let (server, upstream) = (NameServer::start(SOUND), Upstream::start());
    let gateway = start(&server, &upstream);
    within(LIMIT, "the test of the list", async || believed(&gateway, "bad", 1).await).await;
    from(&gateway, LISTED, "/shop/a").await;
    within(LIMIT, "the answer", async || from(&gateway, LISTED, "/shop/a").await.status == 401).await;
    server.says("20.113.0.203.bad.test", A, Say::A([127, 255, 255, 254]));
    assert_eq!(from(&gateway, "203.0.113.20", "/shop/b").await.status, 200);
    within(LIMIT, "the code", async || believed(&gateway, "bad", 0).await).await;
    assert!(gateway.log().contains("too many questions"), "{}", gateway.log());
    // What it said before is not believed either, and it is asked for nobody.
    assert_eq!(from(&gateway, LISTED, "/shop/c").await.status, 200);
    assert_eq!(from(&gateway, CLEAN, "/shop/c").await.status, 200);
    assert_eq!(
        (from(&gateway, "203.0.113.20", "/shop/c").await.status, server.asked("10.113.0.203.bad.test")),
        (200, 0)
    );
}

/// An address at a domain that takes no mail is suspect, and one whose domain cannot be asked for is not.
#[tokio::test]
async fn a_domain_that_takes_no_mail_is_suspect() {
    let (server, upstream) = (NameServer::start(SOUND), Upstream::start());
    for (name, kind, say) in [
        ("good.test", MX, Say::Mx("mx.good.test")),
        ("address.test", MX, Say::NoRecords),
        ("address.test", A, Say::A([203, 0, 113, 1])),
        ("six.test", MX, Say::NoRecords),
        ("six.test", A, Say::NoRecords),
        ("six.test", AAAA, Say::Aaaa),
        ("null.test", MX, Say::Mx("")),
        ("null.test", A, Say::A([203, 0, 113, 1])),
        ("bare.test", MX, Say::NoRecords),
        ("bare.test", A, Say::NoRecords),
        ("bare.test", AAAA, Say::NoRecords),
        ("broken.test", MX, Say::Fails),
        ("silent.test", MX, Say::Nothing),
    ] {
        server.says(name, kind, say);
    }
    let gateway = start(&server, &upstream);
    for (domain, status) in [
        ("good.test", 200),
        ("address.test", 200),
        ("six.test", 200),
        ("null.test", 303),
        ("bare.test", 303),
        ("nowhere.test", 303),
        ("NOWHERE.test", 303),
        ("broken.test", 200),
        // Last: nobody is asked for a while after it.
        ("silent.test", 200),
        ("nowhere.again.test", 200),
    ] {
        let mut browser = Client::new(HOST, gateway.port);
        let answer = browser.post("/subscribe", &[("email", &format!("eve@{domain}"))]).await;
        assert_eq!(answer.status, status, "{domain}: {answer:?}");
    }
    assert_eq!(server.asked("nowhere.test"), 1);
}
