//! The `basic` source: a name counts only once the application has accepted the credentials that it came with.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use otpgate::identity::Basic;
use otpgate::words::Subject;
use proptest::prelude::*;

use crate::support::recorder::{Exchange, Heard, Recorder, Then};
use crate::support::{Answer, Client, Gateway, Redis, free_port};
use crate::world::*;

const BASIC: &str = "identity: {basic: {path: /private/me, timeout: 20s}}";
const LONG: &str = "identity: {basic: {path: /private/me, cache: 5m}}";

/// An application that asks for name and password, but for what is below `/open`.
#[derive(Clone)]
struct App {
    recorder: Arc<Recorder>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Names and passwords, with a colon between.
    known: Mutex<HashMap<String, String>>,
    /// What `/private/me` says instead.
    says: Mutex<Option<String>>,
    is_open: AtomicBool,
    /// How long `/private/me` takes, in milliseconds.
    takes: AtomicU64,
}

impl App {
    fn start() -> Self {
        let state = Arc::<State>::default();
        let theirs = Arc::clone(&state);
        let app = Self { recorder: Arc::new(Recorder::answering(move |exchange| theirs.serve(exchange))), state };
        app.knows("alice", "secret");
        app.knows("bob", "geheim");
        app
    }

    fn knows(&self, user: &str, password: &str) {
        self.state.known.lock().unwrap().insert(user.to_owned(), password.to_owned());
    }

    fn says(&self, answer: Option<&str>) {
        *self.state.says.lock().unwrap() = answer.map(str::to_owned);
    }

    fn questions(&self) -> Vec<Heard> {
        self.recorder.heard().into_iter().filter(|heard| heard.target() == "/private/me").collect()
    }

    fn asked(&self) -> usize {
        self.questions().len()
    }

    fn served(&self, path: &str) -> Vec<Heard> {
        self.recorder.heard().into_iter().filter(|heard| heard.target() == path).collect()
    }

    fn gateway(&self, site: &'static str) -> Gateway {
        Config { site, ..Config::default() }.start_at("memory", self.recorder.port)
    }
}

impl State {
    fn serve(&self, exchange: &mut Exchange<'_>) -> Then {
        let heard = exchange.heard.clone();
        let is_known = heard.value("authorization").and_then(decoded).is_some_and(|text| {
            let (user, password) = text.split_once(':').unwrap();
            self.known.lock().unwrap().get(user).is_some_and(|known| known == password)
        });
        let is_probed = heard.target() == "/private/me";
        let is_open = heard.target().starts_with("/open") || is_probed && self.is_open.load(Ordering::SeqCst);
        if let Some(says) = self.says.lock().unwrap().clone().filter(|_| is_probed) {
            exchange.answer(says);
            return Then::Close;
        }
        if is_probed {
            std::thread::sleep(Duration::from_millis(self.takes.load(Ordering::SeqCst)));
        }
        if is_known || is_open {
            exchange.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        } else {
            exchange.answer("HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"app\"\r\nContent-Length: 2\r\n\r\nno")
        }
    }
}

/// As an easy-going application reads them.
fn decoded(header: &str) -> Option<String> {
    let (scheme, token) = header.split_once(' ')?;
    let text = String::from_utf8(STANDARD.decode(token.trim()).ok()?).ok()?;
    (scheme.eq_ignore_ascii_case("basic") && text.contains(':')).then_some(text)
}

fn credentials(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn client(gateway: &Gateway, authorization: &str) -> Client {
    let mut client = Client::new(HOST, gateway.port);
    present(&mut client, authorization);
    client
}

fn present(client: &mut Client, authorization: &str) {
    client.always.retain(|(name, _)| name != "authorization");
    client.always.push(("authorization".to_owned(), authorization.to_owned()));
}

async fn pass(gateway: &Gateway, browser: &mut Client, to: &str) {
    let page = challenge_page(browser, "/account").await;
    let code = codes(gateway, to).await.pop().unwrap();
    let passed = type_code(browser, &page, &code).await;
    assert_eq!(browser.follow(passed).await.status, 200);
}

fn is_challenged(answer: &Answer) -> bool {
    answer.location().is_some_and(|location| location.starts_with("/.otpgate/challenge"))
}

/// Whether a browser is asked for name and password.
fn is_nobody(answer: &Answer) -> bool {
    let how = answer.header("www-authenticate");
    answer.status == 401 && how == Some("Basic realm=\"shop.test\", charset=\"UTF-8\"")
}

fn sorted(heard: &Heard) -> Vec<(String, String)> {
    let lower = |(name, value): (&str, &str)| (name.to_ascii_lowercase(), value.to_owned());
    let mut headers: Vec<_> = heard.headers().into_iter().map(lower).collect();
    headers.sort();
    headers
}

/// I5, H01: the application is asked with the credentials, and once without; nothing else of the client goes along. Its own
/// requests keep their header as it came.
#[tokio::test]
async fn i5_h01_a_name_counts_once_the_application_accepts_its_credentials() {
    let app = App::start();
    let gateway = app.gateway(BASIC);
    let alice = credentials("alice", "secret").replace("Basic", "bAsIC");
    let mut browser = client(&gateway, &alice);
    browser.jar.insert("_ga".to_owned(), "tracking".to_owned());
    for (name, value) in [("x-forwarded-for", "203.0.113.9"), ("x-remote-user", "bob"), ("x-otpgate-subject", "bob")] {
        browser.always.push((name.to_owned(), value.to_owned()));
    }
    pass(&gateway, &mut browser, ALICE).await;
    for _ in 0..20 {
        assert_eq!(browser.get("/account").await.status, 200);
    }
    let [with, without] = &app.questions()[..] else { panic!("{:?}", app.questions()) };
    let host = format!("{HOST}:{}", gateway.port);
    let agent = concat!("otpgate/", env!("CARGO_PKG_VERSION"));
    let expected = [
        ("accept", "*/*"),
        ("authorization", alice.as_str()),
        ("connection", "close"),
        ("host", host.as_str()),
        ("user-agent", agent),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-proto", "http"),
        ("x-real-ip", "203.0.113.9"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(sorted(with), expected);
    assert_eq!(sorted(without), expected.into_iter().filter(|(name, _)| name != "authorization").collect::<Vec<_>>());
    let forwarded = app.served("/account").pop().unwrap();
    assert_eq!(forwarded.all("authorization"), [alice.as_str()]);
    assert_eq!(forwarded.all("x-otpgate-subject"), ["alice"]);

    // C05: her grant is worth nothing with bob's credentials, and with none.
    present(&mut browser, &credentials("bob", "geheim"));
    assert!(is_challenged(&browser.get("/account").await));
    present(&mut browser, &credentials("alice", "wrong"));
    assert!(is_nobody(&browser.get("/account").await));
    browser.always.clear();
    assert!(is_nobody(&browser.get("/account").await));

    // I9
    for secret in ["secret", "geheim", "wrong", alice.split_once(' ').unwrap().1] {
        assert!(!gateway.log().contains(secret), "{secret} stands in the log");
    }
}

/// I2: who has no credentials, or wrong ones, is asked for them; nothing of the request goes on.
#[tokio::test]
async fn i1_i2_nobody_is_asked_for_name_and_password() {
    let app = App::start();
    let gateway = app.gateway("identity: {basic: {path: /private/me, realm: app}}");
    let how = Some("Basic realm=\"app\", charset=\"UTF-8\"");
    let mut nobody = Client::new(HOST, gateway.port);
    let page = nobody.get("/account").await;
    assert_eq!((page.status, page.header("www-authenticate")), (401, how));
    assert!(page.header("content-type").unwrap().starts_with("text/html"), "{page:?}");
    let told = nobody.call("POST", "/account", None).await;
    assert_eq!((told.status, told.problem().as_str(), told.header("www-authenticate")), (401, "sign-in-required", how));
    assert_eq!(app.recorder.heard().len(), 0);

    // Wrong ones are asked about once, and not in every request of a burst.
    let mut wrong = client(&gateway, &credentials("alice", "guess"));
    for _ in 0..5 {
        assert_eq!(wrong.get("/account").await.header("www-authenticate"), how);
    }
    assert_eq!((app.asked(), app.served("/account").len()), (1, 0));
    // A page that needs nobody works without, and with wrong ones.
    assert_eq!((nobody.get("/open").await.status, wrong.get("/open").await.status), (200, 200));

    // What is not a way round: a code page of somebody else's, opened without the credentials.
    let mut alice = client(&gateway, &credentials("alice", "secret"));
    let page = page_address(&alice.get("/account").await);
    alice.always.clear();
    assert_eq!(alice.get(&page).await.header("www-authenticate"), how);

    // Where there is a page to sign in, that is where a browser goes.
    let gateway = app.gateway("identity: {basic: {path: /private/me}}\n    sign_in: /login");
    let mut nobody = Client::new(HOST, gateway.port);
    assert_eq!(nobody.get("/account").await.location().as_deref(), Some("/login"));
    let told = nobody.call("GET", "/account", None).await;
    assert_eq!((told.status, told.header("www-authenticate")), (401, Some("Bearer")));
}

/// I8: a form that was kept goes on once, with the credentials of the one who proved himself.
#[tokio::test]
async fn i8_a_kept_form_goes_on_with_the_credentials_of_its_sender() {
    let app = App::start();
    let gateway = app.gateway(BASIC);
    let alice = credentials("alice", "secret");
    let mut browser = client(&gateway, &alice);
    let kept = browser.post("/account", &[("amount", "42")]).await;
    let page = page_of(&mut browser, &kept).await;
    let code = codes(&gateway, ALICE).await.pop().unwrap();
    let passed = type_code(&mut browser, &page, &code).await;

    // Somebody else, in the same browser, gets nothing of it.
    let mut other = browser.copy();
    present(&mut other, &credentials("bob", "geheim"));
    let to = passed.location().unwrap();
    assert_ne!(other.get(&to).await.status, 200);
    assert_eq!(app.served("/account").len(), 0);

    assert_eq!(browser.follow(passed).await.status, 200);
    let [sent] = &app.served("/account")[..] else { panic!("{:?}", app.served("/account")) };
    assert_eq!((sent.method(), sent.body.as_slice()), ("POST", &b"amount=42"[..]));
    assert_eq!((sent.all("authorization"), sent.all("x-otpgate-subject")), (vec![alice.as_str()], vec!["alice"]));
}

/// A password that the application refuses is refused from then on, however long it would have been remembered.
#[tokio::test]
async fn a_changed_password_ends_what_is_remembered() {
    let app = App::start();
    let gateway = app.gateway(LONG);
    let mut old = client(&gateway, &credentials("alice", "secret"));
    pass(&gateway, &mut old, ALICE).await;
    app.knows("alice", "new");
    // It is remembered, so the request goes on; it is the application that refuses it.
    let refused = old.get("/account").await;
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Basic realm=\"app\"")));
    assert!(is_nobody(&old.get("/account").await));
    assert_eq!(app.served("/account").len(), 2);
    let mut new = old.copy();
    present(&mut new, &credentials("alice", "new"));
    assert_eq!(new.get("/account").await.status, 200, "who it is has not changed");
}

/// The other gateways hear of it.
#[tokio::test]
async fn a_refusal_is_heard_by_every_gateway() {
    let app = App::start();
    let redis = Redis::start();
    let config = Config { site: LONG, ..Config::default() };
    let (one, two) =
        (config.start_at(&redis.url(), app.recorder.port), config.start_at(&redis.url(), app.recorder.port));
    let mut here = client(&one, &credentials("alice", "secret"));
    pass(&one, &mut here, ALICE).await;
    let mut there = at(&two, &here);
    there.always.clone_from(&here.always);
    assert_eq!(there.get("/account").await.status, 200);
    assert_eq!(app.asked(), 4);
    app.knows("alice", "new");
    // Any forwarded request tells, on a route that asks for nothing, too.
    assert_eq!(here.get("/feed").await.status, 401);
    let told = async || is_nobody(&there.copy().get("/account").await);
    within(Duration::from_secs(2), "hearing of it", told).await;
}

/// I2: a path that is open to everybody says nothing about anybody, nor does an answer that is neither yes nor no.
#[tokio::test]
async fn i2_an_answer_that_proves_nothing_closes_protected_routes_only() {
    let app = App::start();
    let gateway = app.gateway(BASIC);
    app.state.is_open.store(true, Ordering::SeqCst);
    let mut forger = client(&gateway, &credentials("alice", "whatever"));
    assert_eq!(forger.get("/account").await.status, 503);
    assert_eq!(forger.get("/open").await.status, 200);
    assert!(gateway.log().contains("the `path` of `basic` proves nothing"));
    app.state.is_open.store(false, Ordering::SeqCst);
    assert!(is_nobody(&forger.get("/account").await), "a failure is not remembered");

    let mut alice = client(&gateway, &credentials("alice", "secret"));
    for says in [
        "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 429 Slower\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 304 Same\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
        "alice\r\n\r\n",
    ] {
        app.says(Some(says));
        assert_eq!(alice.get("/account").await.status, 503, "{says}");
        assert_eq!(alice.get("/open").await.status, 200, "{says}");
        assert_eq!(app.served("/account").len(), 0, "{says}");
    }
    app.says(Some("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"));
    assert!(is_nobody(&client(&gateway, &credentials("alice", "403")).get("/account").await));
    app.says(None);
    assert!(is_challenged(&alice.get("/account").await));

    app.state.takes.store(8_000, Ordering::SeqCst);
    let gateway = app.gateway("identity: {basic: {path: /private/me, timeout: 200ms}}");
    let started = std::time::Instant::now();
    assert_eq!(client(&gateway, &credentials("alice", "secret")).get("/account").await.status, 503);
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    let gateway = Config { site: BASIC, ..Config::default() }.start_at("memory", free_port());
    assert_eq!(client(&gateway, &credentials("alice", "secret")).get("/account").await.status, 503);
}

/// H21, H05, H17, H18: what an application could read otherwise is nobody's, and together with somebody whom another source
/// names it is refused. Nobody is asked about it.
#[tokio::test]
async fn h21_h05_credentials_that_could_be_read_in_two_ways_are_nobodys() {
    let app = App::start();
    let gateway = app.gateway(BASIC);
    let behind = app.gateway(
        "identity:\n      - header: {name: X-Remote-User, from: 127.0.0.1}\n      - basic: {path: /private/me}",
    );
    let encoded = |bytes: &[u8]| format!("Basic {}", STANDARD.encode(bytes));
    app.knows("alice", "geheim7");
    let good = credentials("alice", "geheim7");
    let table = vec![
        ("empty user", encoded(b":secret")),
        ("blank user", encoded(b"  :secret")),
        ("no colon", encoded(b"alice")),
        ("nothing", "Basic ".to_owned()),
        ("the scheme alone", "Basic".to_owned()),
        ("no padding", good.trim_end_matches('=').to_owned()),
        ("bits left over", good.replace("Nw==", "Nx==")),
        ("URL-safe letters", encoded(b"alice:\xc3\xbf\xc3\xbf\xc3\xbe>").replace('/', "_").replace('+', "-")),
        ("blank within", good.replacen("YWxp", "YWxp ", 1)),
        ("two in one", format!("{good}, {good}")),
        ("a tab", good.replace(' ', "\t")),
        ("Latin-1", encoded(b"alic\xe9:secret")),
        ("NUL", encoded(b"alice\0:secret")),
        ("a line end", encoded(b"alice\n:secret")),
        ("a control character in the password", encoded(b"alice:sec\x7fret")),
        ("invisible", encoded("al\u{200b}ice:secret".as_bytes())),
        ("too long a name", credentials(&"a".repeat(300), "secret")),
        ("too long", credentials("alice", &"s".repeat(9_000))),
        ("another scheme's name", good.replace(' ', "-x ")),
    ];
    for (name, value) in &table {
        assert_ne!(*value, good, "{name}");
        let told = client(&gateway, value).get("/account").await;
        assert!(is_nobody(&told), "{name}: {told:?}");
        let mut known = client(&behind, value);
        let told = known.send("GET", "/account", &[("x-remote-user", "alice")], "").await;
        assert_eq!((told.status, told.problem().as_str()), (403, "refused"), "{name}: {told:?}");
    }
    let mut twice = client(&gateway, &good);
    twice.always.push(("authorization".to_owned(), good.clone()));
    assert!(is_nobody(&twice.get("/account").await));
    twice.always[1].1 = "Bearer x".to_owned();
    assert!(is_nobody(&twice.get("/account").await));
    assert_eq!(app.asked(), 0);
    // Another scheme is none of this source's business.
    for other in ["Bearer YWxpY2U6c2VjcmV0", "Digest username=alice", "YWxpY2U6c2VjcmV0"] {
        assert!(is_nobody(&client(&gateway, other).get("/account").await), "{other}");
    }
    assert_eq!(app.asked(), 0);
    // A password may have a colon, and a name none.
    app.knows("alice", "a:b:c");
    assert!(is_challenged(&client(&gateway, &credentials("alice", "a:b:c")).get("/account").await));
}

/// X11: whoever asks the same at once waits for one answer.
#[tokio::test]
async fn x11_a_burst_of_first_requests_asks_once() {
    let app = App::start();
    let gateway = app.gateway(BASIC);
    app.state.takes.store(300, Ordering::SeqCst);
    let one = client(&gateway, &credentials("alice", "secret"));
    let burst = (0..100).map(|_| {
        let mut copy = one.copy();
        async move { copy.send("GET", "/account", &[("accept", "application/json")], "").await }
    });
    let mut bob = client(&gateway, &credentials("bob", "geheim"));
    let (answers, bobs) = tokio::join!(futures_util::future::join_all(burst), bob.call("GET", "/account", None));
    for answer in answers {
        assert_eq!((answer.status, answer.problem().as_str()), (401, "step-up-required"), "{answer:?}");
        assert_eq!(answer.json()["challenge"]["channels"][0]["to"], "a***@e***.com", "{answer:?}");
    }
    assert_eq!(bobs.json()["challenge"]["channels"][0]["to"], "b***@e***.com", "{bobs:?}");
    assert_eq!(app.asked(), 4);
}

/// I5: credentials of somebody else than another source names are refused once they are accepted, and count for nothing
/// while they are not.
#[tokio::test]
async fn i5_sources_that_disagree_are_refused() {
    let app = App::start();
    let gateway = app.gateway(
        "identity:\n      - basic: {path: /private/me}\n      - header: {name: X-Remote-User, from: 127.0.0.1}",
    );
    let headers = [("accept", "application/json"), ("x-remote-user", "alice")];
    let told = client(&gateway, &credentials("alice", "secret")).send("GET", "/account", &headers, "").await;
    assert_eq!((told.problem().as_str(), app.asked()), ("step-up-required", 0), "nothing more could be learned");
    let told = client(&gateway, &credentials("bob", "guess")).send("GET", "/account", &headers, "").await;
    assert_eq!((told.problem().as_str(), app.asked()), ("step-up-required", 1));
    let told = client(&gateway, &credentials("bob", "geheim")).send("GET", "/account", &headers, "").await;
    assert_eq!((told.status, told.problem().as_str()), (403, "refused"));
    assert!(gateway.log().contains("identity_conflict"));
}

/// H18, H19, D07, D08: the name is canonical before anything goes by it, and hostile ones are nothing but unknown.
#[tokio::test]
async fn h19_d07_d08_a_name_has_one_spelling_and_hostile_ones_are_unknown() {
    let app = App::start();
    let zoe = "zo\u{e9}: {email: zoe@example.com}\n";
    let config = Config { site: BASIC, contacts: zoe.to_owned(), ..Config::default() };
    let gateway = config.start_at("memory", app.recorder.port);
    // As a Mac writes it.
    app.knows("zoe\u{301}", "secret");
    let mut browser = client(&gateway, &credentials("zoe\u{301}", "secret"));
    pass(&gateway, &mut browser, "zoe@example.com").await;
    let forwarded = app.served("/account").pop().unwrap();
    assert_eq!(forwarded.all("x-otpgate-subject"), ["zo\u{c3}\u{a9}"], "one character per byte");
    for hostile in ["*)(uid=*", "' OR '1'='1", "Alice", "\u{430}lice", "alice\\,dc=x", "../alice"] {
        app.knows(hostile, "secret");
        let told = client(&gateway, &credentials(hostile, "secret")).call("GET", "/account", None).await;
        assert_eq!(told.problem(), "step-up-required", "{hostile}: {told:?}");
        assert_eq!(told.json()["challenge"]["channels"].as_array().unwrap().len(), 0, "{hostile}: {told:?}");
    }

    let folding =
        Config { site: "identity: {basic: {path: /private/me}}\n    subjects: case_insensitive", ..Config::default() };
    let gateway = folding.start_at("memory", app.recorder.port);
    app.knows("ALICE", "secret");
    let mut shouted = client(&gateway, &credentials("ALICE", "secret"));
    pass(&gateway, &mut shouted, ALICE).await;
    present(&mut shouted, &credentials("alice", "secret"));
    assert_eq!(shouted.get("/account").await.status, 200);
}

proptest! {
    /// H21: what is read as a name is what an easy-going application reads there, and is written in one way only.
    #[test]
    fn h21_a_name_that_is_read_is_the_one_that_an_application_reads(
        text in "[a-zA-Z\u{e9}\u{0}: ]{0,10}:.{0,6}",
        at in 0_usize..40,
        other in 0x20_u8..0x7f,
    ) {
        let mut header = format!("Basic {}", STANDARD.encode(text)).into_bytes();
        if let Some(byte) = header.get_mut(at) {
            *byte = other;
        }
        let header = String::from_utf8(header).unwrap();
        if let Some(user) = Basic::user(&HeaderValue::from_str(&header).unwrap()) {
            let token = header[5..].trim();
            let decoded = String::from_utf8(STANDARD.decode(token).unwrap()).unwrap();
            prop_assert_eq!(STANDARD.encode(&decoded), token);
            prop_assert_eq!(Subject::parse(decoded.split(':').next().unwrap()).unwrap(), user);
        }
    }
}
