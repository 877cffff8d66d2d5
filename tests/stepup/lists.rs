//! Lists from addresses: fetched beside the road, kept for a start without a network, and never worse than the last good one
//! (F03).

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use otpgate::risk::{
    AddressList, AddressRisk, Content, Fetched, ListFile, Meaning, Means, NotFetched, Points, Remote, Scoring, Source,
    Web, WebLimits,
};
use otpgate::seal::SystemRandom;
use otpgate::words::Timestamp;
use tempfile::TempDir;

use crate::support::{Client, Gateway, Upstream};
use crate::world::*;

const DENIED: &str = "198.51.100.1";
const NOBODY: &str = "192.0.2.1";

/// What a publisher answers.
#[derive(Clone)]
enum Serve {
    /// A text, with an `ETag` and a `Last-Modified`; 304 for who has it.
    Text(String),
    Status(&'static str),
    /// Less than was promised.
    CutOff(String),
    /// More and more of it, with no length told.
    Endless,
    /// A beginning, and then nothing.
    Silent,
    Redirect(String),
}

/// A server of lists. It ends with this value.
struct Publisher {
    port: u16,
    paths: Arc<Mutex<Vec<(String, Serve)>>>,
    seen: Arc<Mutex<Vec<String>>>,
    gone: Arc<Mutex<bool>>,
}

impl Publisher {
    fn start(paths: &[(&str, Serve)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let paths = paths.iter().map(|(path, serve)| ((*path).to_owned(), serve.clone())).collect();
        let publisher = Self { port, paths: Arc::new(Mutex::new(paths)), seen: Arc::default(), gone: Arc::default() };
        let (paths, seen, gone) =
            (Arc::clone(&publisher.paths), Arc::clone(&publisher.seen), Arc::clone(&publisher.gone));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if *gone.lock().unwrap() {
                    return;
                }
                let (paths, seen) = (Arc::clone(&paths), Arc::clone(&seen));
                std::thread::spawn(move || answer(stream, &paths, &seen));
            }
        });
        publisher
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn serve(&self, path: &str, serve: Serve) {
        let mut paths = self.paths.lock().unwrap();
        paths.retain(|(known, _)| known != path);
        paths.push((path.to_owned(), serve));
    }

    /// The heads of the requests for a path.
    fn seen(&self, path: &str) -> Vec<String> {
        let begin = format!("GET {path} ");
        self.seen.lock().unwrap().iter().filter(|head| head.starts_with(&begin)).cloned().collect()
    }

    fn end(&self) {
        *self.gone.lock().unwrap() = true;
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.end();
    }
}

fn answer(mut stream: TcpStream, paths: &Mutex<Vec<(String, Serve)>>, seen: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let serve = paths.lock().unwrap().iter().find(|(known, _)| *known == path).map(|(_, serve)| serve.clone());
    seen.lock().unwrap().push(head.clone());
    let written = match serve.unwrap_or(Serve::Status("404 Not Found")) {
        Serve::Text(text) => {
            let tag = format!("\"{}-{}\"", text.len(), text.lines().next().unwrap_or_default().len());
            let is_known = head.lines().any(|line| line.eq_ignore_ascii_case(&format!("if-none-match: {tag}")));
            let about = format!("ETag: {tag}\r\nLast-Modified: Mon, 02 Nov 2026 10:00:00 GMT\r\nConnection: close\r\n");
            if is_known {
                write!(stream, "HTTP/1.1 304 Not Modified\r\n{about}\r\n")
            } else {
                write!(stream, "HTTP/1.1 200 OK\r\n{about}Content-Length: {}\r\n\r\n{text}", text.len())
            }
        }
        Serve::Status(status) => write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        Serve::CutOff(text) => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len() + 1000)
        }
        Serve::Endless => write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").and_then(|()| {
            let piece = "203.0.113.0/24\n".repeat(1000);
            (0..10_000).try_for_each(|_| stream.write_all(piece.as_bytes()))
        }),
        Serve::Silent => write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n203.0.113.0/24\n").map(|()| {
            // Until the other side has had enough.
            let _ = stream.read(&mut byte);
        }),
        Serve::Redirect(to) => {
            write!(stream, "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        }
    };
    drop(written);
}

/// A list of so many single addresses.
fn addresses(count: usize) -> String {
    (0..count).map(|n| format!("203.0.{}.{}\n", n / 250, n % 250 + 1)).collect()
}

const REFRESH: Duration = Duration::from_secs(12 * 60 * 60);
const START: Timestamp = Timestamp::from_millis(1_790_000_000_000);

fn remote(url: &str, folder: &Path) -> Arc<Remote> {
    let content = Content::Networks(Meaning::Suspect);
    Arc::new(Remote::new("bad".into(), url.parse().unwrap(), content, REFRESH, folder))
}

/// How many entries the score is made of.
fn entries(remote: &Arc<Remote>) -> usize {
    let list = AddressList { name: "bad".into(), means: Means::Deny };
    let file = ListFile::new(list, Content::Networks(Meaning::Suspect), Source::remote(Arc::clone(remote)));
    let address = AddressRisk::new(Vec::new(), vec![file], Vec::new(), Points::default()).unwrap();
    Scoring { address, ..Scoring::default() }.lists().next().unwrap().entries
}

fn web() -> Web {
    Web::new(WebLimits { bytes: 64 * 1024, time: Duration::from_millis(1500) }).unwrap()
}

/// F03: whatever an address serves that is no list, or hardly what it was, the last good version goes on, here and after the
/// next start.
#[tokio::test]
async fn f03_what_is_no_list_leaves_the_last_good_one() {
    let elsewhere = Publisher::start(&[("/list", Serve::Text(addresses(200)))]);
    let publisher = Publisher::start(&[("/list", Serve::Text(addresses(200)))]);
    let (folder, web, random) = (TempDir::new().unwrap(), web(), SystemRandom::new());
    let list = remote(&publisher.url("/list"), folder.path());
    assert_eq!((entries(&list), list.checked()), (0, None));
    let fetched = list.renew(&web, START, &random).await.unwrap().unwrap();
    assert_eq!(fetched, Fetched::New { entries: 200, is_kept: true });

    let good = addresses(200);
    let mut now = START;
    for (what, serve, expected) in [
        ("everybody", Serve::Text(format!("{good}0.0.0.0/0\n")), "line 201: 0.0.0.0/0 is private"),
        ("half of everybody", Serve::Text(format!("{good}32.0.0.0/3\n")), "too large to be meant"),
        ("a private network", Serve::Text(format!("{good}192.168.1.0/24\n")), "is private"),
        ("nothing", Serve::Text(String::new()), "nothing in it"),
        ("comments", Serve::Text("# soon again\n".to_owned()), "nothing in it"),
        ("a page", Serve::Text("\n <!doctype html><title>Sign in</title>".to_owned()), "a web page"),
        ("bytes", Serve::Text("\u{1}\u{2}".to_owned()), "line 1"),
        ("a tenth", Serve::Text(addresses(19)), "had 200"),
        ("half a body", Serve::CutOff(addresses(150)), "broke before the end"),
        ("a failure", Serve::Status("500 Internal Server Error"), "500"),
        ("nothing there", Serve::Status("404 Not Found"), "404"),
        ("too much", Serve::Endless, "larger than 65536 bytes"),
        ("a promise", Serve::Silent, "in time"),
        ("another server", Serve::Redirect(elsewhere.url("/list")), "redirects elsewhere"),
        ("a private server", Serve::Redirect("http://10.0.0.1/list".to_owned()), "redirects elsewhere"),
    ] {
        publisher.serve("/list", serve);
        now = now.after(2 * REFRESH);
        let error = list.renew(&web, now, &random).await.unwrap().unwrap_err();
        assert!(error.to_string().contains(expected), "{what}: {error}");
        assert!(!error.to_string().contains("127.0.0.1"), "{what}: {error}");
        assert_eq!((entries(&list), list.checked()), (200, Some(START)), "{what}");
        assert_eq!(entries(&remote(&publisher.url("/list"), folder.path())), 200, "{what}");
    }
    assert!(elsewhere.seen("/list").is_empty());

    // A smaller one that could be meant, by way of a redirect on the same server.
    publisher.serve("/list", Serve::Redirect("/moved".to_owned()));
    publisher.serve("/moved", Serve::Text(addresses(20)));
    let fetched = list.renew(&web, now.after(2 * REFRESH), &random).await.unwrap().unwrap();
    assert_eq!((fetched, entries(&list)), (Fetched::New { entries: 20, is_kept: true }, 20));
}

/// A publisher is asked no more often than it must be: what it has not changed is not sent again, and failures make it rest.
#[tokio::test]
async fn f03_a_publisher_is_asked_seldom_and_sends_what_is_new() {
    let publisher = Publisher::start(&[("/list", Serve::Text(addresses(3)))]);
    let (folder, web, random) = (TempDir::new().unwrap(), web(), SystemRandom::new());
    let url = publisher.url("/list");
    let list = remote(&url, folder.path());
    assert!(matches!(list.renew(&web, START, &random).await, Some(Ok(Fetched::New { entries: 3, .. }))));
    // A tenth less than the interval at the earliest, a tenth more at the latest.
    let (early, late) = (START.after(REFRESH * 89 / 100), START.after(REFRESH * 111 / 100));
    assert!(!list.is_due(early) && list.is_due(late));
    assert!(list.renew(&web, early, &random).await.is_none());

    // Also after a start anew.
    let again = remote(&url, folder.path());
    assert!(!again.is_due(early) && again.is_due(late));
    for (list, now) in [(&list, late), (&again, late)] {
        assert!(matches!(list.renew(&web, now, &random).await, Some(Ok(Fetched::Same))));
        assert_eq!((entries(list), list.checked()), (3, Some(now)));
    }
    for head in &publisher.seen("/list")[1..] {
        let head = head.to_ascii_lowercase();
        assert!(head.contains("if-none-match: \"") && head.contains("if-modified-since: mon, 02 nov 2026"), "{head}");
    }

    // A publisher that is away is asked again soon, then less and less often; one that says no, later.
    publisher.end();
    let (mut now, mut waits) = (late.after(2 * REFRESH), Vec::new());
    for _ in 0..12 {
        assert!(matches!(list.renew(&web, now, &random).await, Some(Err(NotFetched::Unreachable(_)))));
        let wait = (1..).find(|&seconds| list.is_due(now.after(Duration::from_secs(seconds)))).unwrap();
        waits.push(wait);
        now = now.after(Duration::from_secs(wait));
    }
    assert!((9..=12).contains(&waits[0]) && (18..=23).contains(&waits[1]), "{waits:?}");
    assert!(waits.iter().all(|&wait| wait <= 3960) && waits[11] >= 3240, "{waits:?}");
    assert_eq!(entries(&list), 3);
}

/// What stands in the folder may have been damaged: then nothing is on the list, and it is fetched anew.
#[tokio::test]
async fn f03_a_kept_list_that_is_damaged_is_fetched_anew() {
    let publisher = Publisher::start(&[("/list", Serve::Text(addresses(3)))]);
    let (folder, web, random) = (TempDir::new().unwrap(), web(), SystemRandom::new());
    let url = publisher.url("/list");
    assert!(remote(&url, folder.path()).renew(&web, START, &random).await.unwrap().is_ok());
    let kept: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(kept.len(), 2, "{kept:?}");
    let text = kept.iter().find(|path| path.extension().is_some_and(|ending| ending == "list")).unwrap();
    std::fs::write(text, "203.0.113.1\n").unwrap();
    let list = remote(&url, folder.path());
    assert_eq!((entries(&list), list.is_due(START)), (0, true));
    assert!(matches!(list.renew(&web, START, &random).await, Some(Ok(Fetched::New { entries: 3, .. }))));
    assert_eq!(entries(&list), 3);
}

fn config(publisher: &Publisher, upstream: &Upstream, cache: &str) -> String {
    let [bad, disposable, slow] = ["/bad", "/disposable", "/slow"].map(|path| publisher.url(path));
    format!(
        "
listeners: {{address: '127.0.0.1:{{port}}'}}
trusted_proxies: 127.0.0.0/8
store: memory
secrets: '{{secret}}'
policies:
  browsing: {{channels: email, challenge_at: 40}}
  mailing: {{channels: email, contact: {{form: email}}}}
risk:
  cache: {cache}
  points: {{no_mail_exchanger: 0}}
  lists:
    - {{name: slow, kind: network, source: '{slow}', points: 10}}
    - {{name: bad, kind: network, source: '{bad}', action: deny}}
    - {{name: disposable, kind: email_domain, source: '{disposable}', refresh: 1h, points: 95}}
    - {{name: numbers, kind: phone, source: numbers.txt, points: 95}}
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
        upstream.port
    )
}

const FILES: &[(&str, &str)] =
    &[("contacts.yaml", "alice: {email: alice@example.com}\n"), ("numbers.txt", "+60123456789\n")];

async fn status(gateway: &Gateway, ip: &str) -> u16 {
    let mut client = Client::new(HOST, gateway.port);
    client.send("GET", "/shop/a", &[("accept", "application/json"), ("x-forwarded-for", ip)], "").await.status
}

async fn subscribe(gateway: &Gateway, email: &str) -> u16 {
    Client::new(HOST, gateway.port).post("/subscribe", &[("email", email)]).await.status
}

async fn metric(gateway: &Gateway, line: &str) -> bool {
    admin(gateway, "GET", "/metrics", None).await.body.lines().any(|known| known.starts_with(line))
}

/// F03, I2: a gateway starts whatever its publishers do, one of them that is slow holds up no other, and what was fetched once is
/// there after a start without a network.
#[tokio::test]
async fn f03_lists_are_fetched_beside_the_road_and_kept() {
    let publisher = Publisher::start(&[
        ("/slow", Serve::Silent),
        ("/bad", Serve::Text("198.51.100.0/24\n".to_owned())),
        ("/disposable", Serve::Text("minutes.example\n".to_owned())),
    ]);
    let (upstream, cache) = (Upstream::start(), TempDir::new().unwrap());
    let config = config(&publisher, &upstream, &cache.path().join("new/folder").display().to_string());
    let mut gateway = Gateway::start(&config, FILES);
    let limit = Duration::from_secs(20);
    within(limit, "the networks", async || status(&gateway, DENIED).await == 403).await;
    within(limit, "the domains", async || subscribe(&gateway, "eve@minutes.example").await == 403).await;
    assert_eq!((status(&gateway, NOBODY).await, subscribe(&gateway, "eve@example.org").await), (200, 303));
    assert!(metric(&gateway, "otpgate_risk_list_entries{list=\"bad\"} 1").await);
    assert!(metric(&gateway, "otpgate_risk_list_entries{list=\"slow\"} 0").await);
    assert!(metric(&gateway, "otpgate_risk_list_updated_timestamp_seconds{list=\"slow\"} 0").await);
    assert!(metric(&gateway, "otpgate_risk_list_updated_timestamp_seconds{list=\"bad\"} 1").await);
    let checked = String::from_utf8(gateway.command(&["check"]).stdout).unwrap();
    assert!(checked.contains("the list `slow` has never been fetched") && !checked.contains("`bad`"), "{checked}");

    // A reload fetches nothing again.
    gateway.reload(&config);
    within(limit, "the reload", async || gateway.log().contains("the config was reloaded")).await;
    assert_eq!((status(&gateway, DENIED).await, subscribe(&gateway, "eve@minutes.example").await), (403, 403));
    for path in ["/bad", "/disposable", "/slow"] {
        assert_eq!(publisher.seen(path).len(), 1, "{path}");
    }

    // Nor does a start, and it needs no network.
    publisher.end();
    gateway.restart();
    assert_eq!((status(&gateway, DENIED).await, subscribe(&gateway, "eve@minutes.example").await), (403, 403));
    assert_eq!(publisher.seen("/bad").len(), 1);
}

/// Where nothing can be kept on disk, a list is kept in memory over reloads, and the operator is told.
#[tokio::test]
async fn f03_a_list_that_cannot_be_kept_outlives_a_reload() {
    let publisher = Publisher::start(&[("/bad", Serve::Text("198.51.100.0/24\n".to_owned()))]);
    let upstream = Upstream::start();
    let config = config(&publisher, &upstream, "contacts.yaml/nowhere");
    let gateway = Gateway::start(&config, FILES);
    let limit = Duration::from_secs(20);
    within(limit, "the networks", async || status(&gateway, DENIED).await == 403).await;
    assert!(gateway.log().contains("could not be written to `risk.cache`"), "{}", gateway.log());
    gateway.reload(&config);
    within(limit, "the reload", async || gateway.log().contains("the config was reloaded")).await;
    assert_eq!((status(&gateway, DENIED).await, publisher.seen("/bad").len()), (403, 1));
    // What was never had is told and counted, and nobody is refused by it.
    within(limit, "the failure", async || {
        metric(&gateway, "otpgate_risk_list_failures_total{list=\"disposable\"} 1").await
    })
    .await;
    assert_eq!(subscribe(&gateway, "eve@minutes.example").await, 303);
}

/// F03: lists of contacts in files are read again when they change, and rubbish in one is told and left.
#[tokio::test]
async fn f03_lists_of_contacts_change_under_a_running_gateway() {
    let upstream = Upstream::start();
    let top = "risk: {lists: {name: disposable, kind: email_domain, source: disposable.txt, points: 95}, points: {no_mail_exchanger: 0}}";
    let world = Config { top, ..Config::default() };
    let gateway = world.start("memory", &upstream);
    assert_eq!(
        (subscribe(&gateway, "eve@minutes.example").await, subscribe(&gateway, "eve@hours.example").await),
        (403, 303)
    );
    let path = gateway.dir().join("disposable.txt");
    std::fs::write(&path, "hours.example\nno domain at all\n").unwrap();
    let limit = Duration::from_secs(20);
    within(limit, "being told", async || gateway.log().contains("line 2 is no domain")).await;
    assert_eq!(
        (subscribe(&gateway, "eve@minutes.example").await, subscribe(&gateway, "eve@hours.example").await),
        (403, 303)
    );
    std::fs::write(&path, "hours.example\n").unwrap();
    within(limit, "the new list", async || subscribe(&gateway, "eve@hours.example").await == 403).await;
    assert_eq!(subscribe(&gateway, "eve@minutes.example").await, 303);
}
