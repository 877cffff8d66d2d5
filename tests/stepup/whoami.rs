//! The `whoami` source: the application is asked who its visitor is, and believed only as far as it surely says so.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use otpgate::identity::{Answer as Said, Reading};

use crate::support::recorder::{Exchange, Heard, Recorder, Then};
use crate::support::{Answer, Client, Gateway, Redis};
use crate::world::*;

const WHOAMI: &str = "identity: {whoami: {path: /api/me, pointer: /user/email, session_cookie: sid, timeout: 20s}}\n    \
                      sign_in: /login";

const LISTED: &str = "identity: {whoami: {path: /api/me, pointer: /user/email, session_cookie: sid, cache: 5m, \
                      changes_at: [/login, /logout]}}\n    sign_in: /login";

/// An application with sessions of its own, which tells at `/api/me` whose they are.
#[derive(Clone)]
struct App {
    recorder: Arc<Recorder>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    sessions: Mutex<HashMap<String, String>>,
    /// What `/api/me` says instead.
    says: Mutex<Option<Vec<u8>>>,
    /// How long it takes to say something, in milliseconds.
    takes: AtomicU64,
}

impl App {
    fn start() -> Self {
        let state = Arc::<State>::default();
        let theirs = Arc::clone(&state);
        Self { recorder: Arc::new(Recorder::answering(move |exchange| theirs.serve(exchange))), state }
    }

    fn knows(&self, session: &str, user: &str) {
        self.state.sessions.lock().unwrap().insert(session.to_owned(), user.to_owned());
    }

    fn says(&self, answer: Option<&[u8]>) {
        *self.state.says.lock().unwrap() = answer.map(<[u8]>::to_vec);
    }

    fn takes(&self, time: Duration) {
        self.state.takes.store(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    fn questions(&self) -> Vec<Heard> {
        self.recorder.heard().into_iter().filter(|heard| heard.target().starts_with("/api/me")).collect()
    }

    fn asked(&self) -> usize {
        self.questions().len()
    }

    fn gateway(&self, site: &'static str) -> Gateway {
        Config { site, ..Config::default() }.start_at("memory", self.recorder.port)
    }
}

impl State {
    fn serve(&self, exchange: &mut Exchange<'_>) -> Then {
        let heard = exchange.heard.clone();
        let cookie = heard.value("cookie").unwrap_or_default().to_owned();
        let value = |name: &str| {
            cookie.split("; ").find_map(|pair| pair.strip_prefix(&format!("{name}="))).unwrap_or_default().to_owned()
        };
        let (path, query) = heard.target().split_once('?').unwrap_or_else(|| (heard.target(), ""));
        let (session, mut more) = (value("sid"), String::new());
        match path {
            "/api/me" => {
                let answer = self.says.lock().unwrap().clone().unwrap_or_else(|| {
                    let user = self.sessions.lock().unwrap().get(&(session + &value("tenant"))).cloned();
                    match user {
                        Some(user) => json(&format!(r#"{{"user": {{"email": "{user}"}}}}"#)),
                        None => b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_vec(),
                    }
                });
                // What it knew when it was asked, however late it says so.
                std::thread::sleep(Duration::from_millis(self.takes.load(Ordering::SeqCst)));
                exchange.answer(answer);
                return Then::Close;
            }
            "/login" | "/LOGIN/" => {
                self.sessions.lock().unwrap().insert(session, query.trim_start_matches("user=").to_owned());
            }
            "/logout" => {
                self.sessions.lock().unwrap().remove(&session);
                more = "Set-Cookie: sid=; Path=/; Max-Age=0\r\n".to_owned();
            }
            "/rotate" => {
                let mut sessions = self.sessions.lock().unwrap();
                let user = sessions.remove(&session).unwrap_or_default();
                sessions.insert("rotated".to_owned(), user);
                more = "Set-Cookie: sid=rotated; Path=/\r\n".to_owned();
            }
            _ => {}
        }
        exchange.answer(format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{more}\r\nok"))
    }
}

fn json(body: &str) -> Vec<u8> {
    answer("200 OK", "application/json", body.as_bytes())
}

fn answer(status: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn browser(gateway: &Gateway, session: &str) -> Client {
    let mut browser = Client::new(HOST, gateway.port);
    browser.jar.insert("sid".to_owned(), session.to_owned());
    browser
}

/// Passes the step-up at `/account`.
async fn pass(gateway: &Gateway, browser: &mut Client, to: &str) {
    let page = challenge_page(browser, "/account").await;
    let code = codes(gateway, to).await.pop().unwrap();
    let passed = type_code(browser, &page, &code).await;
    assert_eq!(browser.follow(passed).await.status, 200);
}

fn is_challenged(answer: &Answer) -> bool {
    answer.location().is_some_and(|location| location.starts_with("/.otpgate/challenge"))
}

fn is_nobody(answer: &Answer) -> bool {
    answer.location().as_deref() == Some("/login")
}

/// I5, H01, H02: the application is asked once, and told nothing but the session.
#[tokio::test]
async fn i5_h01_the_application_is_asked_with_the_session_and_nothing_else_of_the_client() {
    let app = App::start();
    app.knows("s1", "alice");
    let gateway = app.gateway(WHOAMI);
    let mut alice = browser(&gateway, "s1");
    alice.jar.insert("_ga".to_owned(), "tracking".to_owned());
    alice.always = ["x-remote-user", "x_remote_user", "x-otpgate-subject", "authorization", "x-forwarded-host"]
        .map(|name| (name.to_owned(), "bob".to_owned()))
        .to_vec();
    pass(&gateway, &mut alice, ALICE).await;
    for _ in 0..20 {
        assert_eq!(alice.get("/account").await.status, 200);
    }
    let questions = app.questions();
    assert_eq!(questions.len(), 1);
    let host = format!("{HOST}:{}", gateway.port);
    let agent = concat!("otpgate/", env!("CARGO_PKG_VERSION"));
    let mut headers: Vec<_> =
        questions[0].headers().into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    headers.sort();
    let expected = [
        ("accept", "application/json"),
        ("connection", "close"),
        ("cookie", "sid=s1"),
        ("host", host.as_str()),
        ("user-agent", agent),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-real-ip", "127.0.0.1"),
    ];
    assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value)));
    let forwarded = app.recorder.heard().pop().unwrap();
    assert_eq!(forwarded.all("x-otpgate-subject"), ["alice"]);

    // C05: her grant is worth nothing in bob's session.
    app.knows("s2", "bob");
    alice.jar.insert("sid".to_owned(), "s2".to_owned());
    assert!(is_challenged(&alice.get("/account").await));
}

/// X12: an application that sends plain HTTP away is asked as the visitor came, and what it says to one scheme is no answer for
/// the other.
#[tokio::test]
async fn x12_the_application_is_asked_as_the_visitor_came() {
    let app = App::start();
    app.knows("s1", "alice");
    let gateway = app.gateway(WHOAMI);
    let mut client = Client::new(HOST, gateway.port);
    for (scheme, asked) in [("https", 1), ("https", 1), ("http", 2)] {
        let headers = [
            ("accept", "application/json"),
            ("cookie", "sid=s1"),
            ("x-forwarded-for", "192.0.2.9"),
            ("x-forwarded-proto", scheme),
        ];
        let told = client.send("GET", "/account", &headers, "").await;
        assert_eq!((told.status, app.asked()), (401, asked), "{told:?}");
        let question = app.questions().pop().unwrap();
        let told = ["x-forwarded-proto", "x-forwarded-for", "x-real-ip"].map(|name| question.value(name));
        assert_eq!(told, [Some(scheme), Some("192.0.2.9"), Some("192.0.2.9")]);
    }
}

/// C03, H05: nobody can tell which of two sessions the application would take, so nobody is asked.
#[tokio::test]
async fn c03_h05_two_sessions_in_any_spelling_are_nobodys() {
    let app = App::start();
    app.knows("s1", "alice");
    app.knows("s2", "bob");
    let gateway = app.gateway(WHOAMI);
    for cookies in ["sid=s1; sid=s2", "sid=s1; sid=s1", "sid=s1; SID=s2", "s%69d=s2; sid=s1", "sid=", "other=s1", "sid"]
    {
        let mut client = Client::new(HOST, gateway.port);
        let told = client.send("GET", "/account", &[("accept", "application/json"), ("cookie", cookies)], "").await;
        assert_eq!((told.status, &told.json()["sign_in"]), (401, &"/login".into()), "{cookies}: {told:?}");
    }
    assert_eq!(app.asked(), 0);
}

/// I2, H18: what does not surely name somebody, or surely nobody, closes protected routes and no others; it is not remembered.
#[tokio::test]
async fn i2_h18_an_answer_that_does_not_tell_closes_protected_routes_only() {
    let app = App::start();
    let gateway = app.gateway(WHOAMI);
    let huge = json(&format!(r#"{{"user": {{"email": "alice", "more": "{}"}}}}"#, "x".repeat(1024 * 1024)));
    let latin1 = answer("200 OK", "application/json", b"{\"user\": {\"email\": \"al\xefce\"}}");
    let unclear: Vec<(&str, Vec<u8>)> = vec![
        ("500", answer("500 Oops", "application/json", b"{\"user\": {\"email\": \"alice\"}}")),
        ("503", answer("503 Oops", "text/html", b"")),
        ("429", answer("429 Slower", "text/html", b"")),
        ("206", answer("206 Partial", "application/json", b"{\"user\": {\"email\": \"alice\"}}")),
        ("a page", answer("200 OK", "text/html", b"{\"user\": {\"email\": \"alice\"}}")),
        ("no JSON", json("{\"user\": {\"email\": \"alice\"}} and more")),
        ("twice", json(r#"{"user": {"email": "alice"}, "user": {"email": "bob"}}"#)),
        ("twice within", json(r#"{"user": {"email": "alice", "email": "bob"}}"#)),
        ("twice, escaped", json(r#"{"user": {"email": "alice", "\u0065mail": "bob"}}"#)),
        ("an object", json(r#"{"user": {"email": {"a": 1}}}"#)),
        ("true", json(r#"{"user": {"email": true}}"#)),
        ("a control character", json(r#"{"user": {"email": "alice\u0000"}}"#)),
        ("too long", json(&format!(r#"{{"user": {{"email": "{}"}}}}"#, "x".repeat(300)))),
        ("no UTF-8", latin1),
        ("too large", huge),
        (
            "broken off",
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{\"user\": ".to_vec(),
        ),
        ("no HTTP", b"alice\r\n\r\n".to_vec()),
    ];
    let mut client = browser(&gateway, "s1");
    for (name, says) in unclear {
        app.says(Some(&says));
        assert_eq!(client.get("/account").await.status, 503, "{name}");
        assert_eq!(client.get("/open").await.body, "ok", "{name}");
    }
    let redirect = b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n".to_vec();
    let nobody: Vec<(&str, Vec<u8>)> = vec![
        ("401", answer("401 No", "application/json", b"{\"user\": {\"email\": \"alice\"}}")),
        ("403", answer("403 No", "text/html", b"")),
        ("404", answer("404 No", "text/html", b"")),
        ("a redirect", redirect),
        ("null", json(r#"{"user": {"email": null}}"#)),
        ("empty", json(r#"{"user": {"email": " "}}"#)),
        ("missing", json(r#"{"user": {}}"#)),
        ("another shape", json(r#"{"user": "alice"}"#)),
    ];
    for (index, (name, says)) in nobody.into_iter().enumerate() {
        app.says(Some(&says));
        let before = app.asked();
        let mut client = browser(&gateway, &format!("n{index}"));
        assert!(is_nobody(&client.get("/account").await), "{name}");
        // Nobody is remembered, too.
        assert!(is_nobody(&client.get("/account").await), "{name}");
        assert_eq!(app.asked(), before + 1, "{name}");
    }
    app.says(None);
    app.knows("s1", "alice");
    assert!(is_challenged(&client.get("/account").await), "a failure is not remembered");

    let hasty = "identity: {whoami: {path: /api/me, pointer: /user/email, session_cookie: sid, timeout: 200ms}}";
    let gateway = app.gateway(hasty);
    app.knows("s3", "alice");
    app.takes(Duration::from_secs(8));
    let started = Instant::now();
    assert_eq!(browser(&gateway, "s3").get("/account").await.status, 503);
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
}

/// X11: whoever asks the same at once waits for one answer.
#[tokio::test]
async fn x11_a_burst_of_first_requests_asks_once() {
    let app = App::start();
    app.knows("s1", "alice");
    app.knows("s2", "bob");
    let gateway = app.gateway(WHOAMI);
    app.takes(Duration::from_millis(300));
    let one = browser(&gateway, "s1");
    let burst = (0..100).map(|_| {
        let mut copy = one.copy();
        async move { copy.send("GET", "/account", &[("accept", "application/json")], "").await }
    });
    let mut bob = browser(&gateway, "s2");
    let (answers, bobs) = tokio::join!(futures_util::future::join_all(burst), bob.call("GET", "/account", None));
    for answer in answers {
        assert_eq!((answer.status, answer.problem().as_str()), (401, "step-up-required"), "{answer:?}");
        assert_eq!(answer.json()["challenge"]["channels"][0]["to"], "a***@e***.com", "{answer:?}");
    }
    assert_eq!(bobs.json()["challenge"]["channels"][0]["to"], "b***@e***.com", "{bobs:?}");
    assert_eq!(app.asked(), 2);
}

/// X12: what else the application looks at is part of what its answer is remembered by.
#[tokio::test]
async fn x12_another_cookie_is_another_question() {
    let app = App::start();
    app.knows("s1north", "alice");
    app.knows("s1south", "bob");
    let gateway = app.gateway(
        "identity: {whoami: {path: /api/me, pointer: /user/email, session_cookie: sid, cookies: tenant}}\n    \
         sign_in: /login",
    );
    let mut client = browser(&gateway, "s1");
    client.jar.insert("tenant".to_owned(), "north".to_owned());
    pass(&gateway, &mut client, ALICE).await;
    assert_eq!(client.get("/account").await.status, 200);
    client.jar.insert("tenant".to_owned(), "south".to_owned());
    assert!(is_challenged(&client.get("/account").await));
    client.jar.insert("tenant".to_owned(), "north".to_owned());
    assert_eq!(client.get("/account").await.status, 200);
    assert_eq!(app.asked(), 2);
}

/// Somebody else may sign in on the same session: what was remembered of it, or is being asked for, counts no more.
#[tokio::test]
async fn c05_a_request_that_may_sign_somebody_in_ends_what_is_remembered() {
    let app = App::start();
    app.knows("s1", "alice");
    let gateway = app.gateway(WHOAMI);
    let mut client = browser(&gateway, "s1");
    pass(&gateway, &mut client, ALICE).await;
    assert_eq!(client.get("/account").await.status, 200);
    client.post("/login?user=bob", &[]).await;
    assert!(is_challenged(&client.get("/account").await), "bob has not proved anything");
    client.post("/login?user=alice", &[]).await;
    assert_eq!(client.get("/account").await.status, 200);

    // The application knew alice when it was asked, and says so after bob has signed in.
    client.post("/other", &[]).await;
    app.takes(Duration::from_millis(400));
    let mut early = client.copy();
    let before = app.asked();
    let slow = tokio::spawn(async move { early.get("/account").await.status });
    within(Duration::from_secs(5), "the question", async || app.asked() == before + 1).await;
    client.post("/login?user=bob", &[]).await;
    assert_eq!(slow.await.unwrap(), 200);
    app.takes(Duration::ZERO);
    assert!(is_challenged(&client.get("/account").await), "the late answer must not be remembered");
    client.post("/login?user=alice", &[]).await;

    // A new session cookie is another session, and the old one is nobody's at once.
    let mut old = client.copy();
    assert_eq!(client.get("/rotate").await.status, 200);
    assert_eq!(client.jar["sid"], "rotated");
    assert!(is_nobody(&old.get("/account").await));
    assert_eq!(client.get("/account").await.status, 200);
    let mut old = client.copy();
    client.get("/logout").await;
    assert!(is_nobody(&old.get("/account").await));
}

/// Where the config lists the places, only they end it, in any spelling and with any method; the other gateways are told.
#[tokio::test]
async fn listed_changes_end_what_is_remembered_on_every_gateway() {
    let app = App::start();
    app.knows("s1", "alice");
    let redis = Redis::start();
    let config = Config { site: LISTED, ..Config::default() };
    let (one, two) =
        (config.start_at(&redis.url(), app.recorder.port), config.start_at(&redis.url(), app.recorder.port));
    let mut client = browser(&one, "s1");
    pass(&one, &mut client, ALICE).await;
    let mut there = at(&two, &client);
    assert_eq!(there.get("/account").await.status, 200);
    let before = app.asked();
    for _ in 0..10 {
        client.post("/cart", &[]).await;
        assert_eq!((client.get("/account").await.status, there.get("/account").await.status), (200, 200));
    }
    assert_eq!(app.asked(), before);
    for path in ["/login?user=bob", "/LOGIN/?user=bob"] {
        client.get(path).await;
        assert!(is_challenged(&client.get("/account").await), "{path}");
        let changed = async || is_challenged(&there.copy().get("/account").await);
        within(Duration::from_secs(2), "hearing of it", changed).await;
        client.get("/login?user=alice").await;
        assert_eq!(client.get("/account").await.status, 200);
        let changed = async || there.copy().get("/account").await.status == 200;
        within(Duration::from_secs(2), "hearing of it", changed).await;
    }
}

/// Sources that disagree are refused; one that costs nothing spares the question.
#[tokio::test]
async fn i5_sources_that_disagree_are_refused() {
    let app = App::start();
    app.knows("s1", "alice");
    let gateway = app.gateway(
        "identity:\n      - whoami: {path: /api/me, pointer: /user/email, session_cookie: sid}\n      \
         - header: {name: X-Remote-User, from: 127.0.0.1}\n    sign_in: /login",
    );
    let json = ("accept", "application/json");
    let mut client = browser(&gateway, "s1");
    let told = client.send("GET", "/account", &[json, ("x-remote-user", "bob")], "").await;
    assert_eq!((told.problem().as_str(), app.asked()), ("step-up-required", 0));
    let told = client.send("GET", "/account", &[json], "").await;
    assert_eq!((told.problem().as_str(), app.asked()), ("step-up-required", 1));
    let told = client.send("GET", "/account", &[json, ("x-remote-user", "bob")], "").await;
    assert_eq!((told.status, told.problem().as_str()), (403, "refused"));
    let told = client.send("GET", "/account", &[json, ("x-remote-user", "alice")], "").await;
    assert_eq!((told.problem().as_str(), app.asked()), ("step-up-required", 1));
    assert!(gateway.log().contains("identity_conflict"));
}

/// I2: an application that cannot be reached names nobody.
#[tokio::test]
async fn i2_an_application_that_cannot_be_reached_closes_protected_routes() {
    let gateway = Config { site: WHOAMI, ..Config::default() }.start_at("memory", crate::support::free_port());
    assert_eq!(browser(&gateway, "s1").get("/account").await.status, 503);
}

fn said(kind: &str, body: &str) -> Said {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(kind).unwrap());
    Said { status: StatusCode::OK, headers, body: Bytes::copy_from_slice(body.as_bytes()) }
}

/// Pages are read by what a browser would show; what could be read in two ways says nothing.
#[test]
fn pages_are_read_by_selector_and_by_expression() {
    const PAGE: &str = "text/html; charset=utf-8";
    let text = |reading: &Reading, kind: &str, body: &str| match reading.text(&said(kind, body)) {
        Ok(Some(text)) => text,
        Ok(None) => "nobody".to_owned(),
        Err(_) => "unclear".to_owned(),
    };
    let by_text = Reading::selector("#user .name", None).unwrap();
    let by_attribute = Reading::selector("body", Some("data-user")).unwrap();
    let by_group = Reading::regex(r#"Signed in as <b>([^<]*)</b>"#).unwrap();
    let table = [
        (&by_text, PAGE, "<p id=user>Hi <b class=name>\n  al&amp;ice\n  b </b></p>", "al&ice b"),
        (&by_text, PAGE, "<p id=user><b class=name>a</b><b class=name>a</b></p>", "a"),
        (&by_text, PAGE, "<p id=user><b class=name>a</b><b class=name>b</b></p>", "unclear"),
        (&by_text, PAGE, "<p id=user><b class=name>a</b><b class=name></b></p>", "unclear"),
        (
            &by_text,
            PAGE,
            "<!-- <p id=user><b class=name>a</b></p> --><script>'<p id=user><b class=name>a'</script>",
            "nobody",
        ),
        (&by_text, PAGE, "<p id=user><b class=name> </b></p>", "nobody"),
        (&by_text, "application/json", "<p id=user><b class=name>a</b></p>", "unclear"),
        (&by_text, "text/html; charset=iso-8859-1", "<p id=user><b class=name>\u{e4}</b></p>", "unclear"),
        (&by_text, "text/html; charset=iso-8859-1", "<p id=user><b class=name>a</b></p>", "a"),
        (&by_attribute, PAGE, "<body data-user=' alice '>", "alice"),
        (&by_attribute, PAGE, "<body>", "nobody"),
        (&by_group, PAGE, "Signed in as <b>alice</b>, Signed in as <b>alice</b>", "alice"),
        (&by_group, PAGE, "Signed in as <b>alice</b>, Signed in as <b>bob</b>", "unclear"),
        (&by_group, PAGE, "Signed in as <b></b>", "nobody"),
        (&by_group, PAGE, "Sign in", "nobody"),
        (&by_group, "image/png", "Signed in as <b>alice</b>", "unclear"),
    ];
    for (reading, kind, body, expected) in table {
        assert_eq!(text(reading, kind, body), expected, "{kind}: {body}");
    }
    let by_pointer =
        |pointer: &str, body: &str| text(&Reading::pointer(pointer).unwrap(), "application/vnd.x+json", body);
    assert_eq!(by_pointer("/a~1b/0/~0c", r#"{"a/b": [{"~c": "alice"}], "x": {"x": 1, "x": 2}}"#), "alice");
    assert_eq!(by_pointer("/a/1", r#"{"a": [1, 42, 3]}"#), "42");
    assert_eq!(by_pointer("/a/01", r#"{"a": [1, 42]}"#), "nobody");
    assert_eq!(by_pointer("/a", r#"{"a": 1.5}"#), "unclear");
    assert_eq!(by_pointer("/a", r#"["a"]"#), "nobody");
    let mut packed = said("application/json", r#"{"a": "alice"}"#);
    packed.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    assert!(Reading::pointer("/a").unwrap().text(&packed).is_err());
    for bad in ["user", "", "/a~2"] {
        assert!(Reading::pointer(bad).is_err(), "{bad}");
    }
    for bad in ["(a)(b)", "a", "(a", "(?:a{1000}){1000}(b)"] {
        assert!(Reading::regex(bad).is_err(), "{bad}");
    }
}
