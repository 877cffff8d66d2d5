//! A challenge that goes on at a provider's page: GetOTP as it speaks, and a browser that goes there and comes back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use serde_json::{Value, json};

use crate::support::{Answer, Client, Gateway, Redis, Upstream};
use crate::world::{
    CAROL_PHONE, HOST, challenge_page, id_of, messages, outcome, page_address, pause, sign_in, type_code,
};

/// The host of `public_url`.
const RECEIVER: &str = "otp.test";
/// A little more than the wait before a resend.
const RESEND: Duration = Duration::from_millis(1100);
const CONTACTS: &str = r#"
carol: {email: carol@example.com, sms: "+60123456789", voice: "+60123456789"}
dave: {sms: "+60123456788"}
"#;

/// GetOTP: hands out pages, and says of them what it is told to.
#[derive(Clone, Default)]
struct GetOtp(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    /// The forms of pages, in their order.
    opened: Vec<Vec<(String, String)>>,
    /// What it answers when it is asked.
    status: &'static str,
    asked: usize,
    is_down: bool,
}

struct Stage {
    gateway: Gateway,
    getotp: GetOtp,
    upstream: Upstream,
    _redis: Option<Redis>,
}

impl GetOtp {
    async fn start(&self) -> u16 {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = Router::new()
            .route("/api/verify/", post(open))
            .route("/api/verify/{id}/", get(tell))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        port
    }

    /// A field of the last page that was opened.
    fn field(&self, name: &str) -> String {
        let told = self.0.lock().unwrap();
        let form = told.opened.last().unwrap();
        form.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no {name} in {form:?}")).1.clone()
    }

    fn opened(&self) -> usize {
        self.0.lock().unwrap().opened.len()
    }
}

async fn open(State(GetOtp(told)): State<GetOtp>, headers: HeaderMap, body: String) -> (StatusCode, String) {
    assert_eq!(headers["authorization"], "Basic azN5OnQwa2Vu");
    let mut told = told.lock().unwrap();
    if told.is_down {
        return (StatusCode::BAD_GATEWAY, String::new());
    }
    told.opened.push(url::form_urlencoded::parse(body.as_bytes()).into_owned().collect());
    let number = told.opened.len();
    let link = format!("https://otp.dev/api/ui/verify/page-{number}/");
    let page = json!({"otp_id": format!("page-{number}"), "link": link, "otp_secret": format!("secret-of-{number}")});
    (StatusCode::CREATED, page.to_string())
}

async fn tell(State(GetOtp(told)): State<GetOtp>, path: axum::extract::Path<String>) -> String {
    let mut told = told.lock().unwrap();
    told.asked += 1;
    json!({"otp_id": path.0, "status": [{"channel": "sms", "auth_status": told.status}]}).to_string()
}

impl Stage {
    async fn new(redis: bool, more: &str) -> Self {
        let (getotp, upstream) = (GetOtp::default(), Upstream::start());
        getotp.0.lock().unwrap().status = "not_verified";
        let port = getotp.start().await;
        let redis = redis.then(Redis::start);
        let store = redis.as_ref().map_or_else(|| "memory".to_owned(), Redis::url);
        let upstream_port = upstream.port;
        let yaml = format!(
            r#"
listeners: {{address: "127.0.0.1:{{port}}"}}
trusted_proxies: 127.0.0.0/8
public_url: http://{RECEIVER}
store: {store}
secrets: ["{{secret}}"]
policies:
  account: {{channels: [hosted, sms], max_age: 15m}}
  mail: {{channels: [email, hosted], max_age: 15m}}
  phone: {{channels: sms, max_age: 15m}}
  payments: {{channels: [hosted, sms], max_age: 0s}}
sites:
  - hosts: {HOST}
    upstream: {{servers: "127.0.0.1:{upstream_port}"}}
    identity: {{login: {{path: /login, field: email, session_cookie: SID, success: {{status: [302, 303], location_not: /login}}, logout: /logout}}}}
    sign_in: /login
    directory: [{{file: contacts.yaml}}]
    default_policy: bypass
    routes:
      - {{path: /account/**, policy: account}}
      - {{path: /mail/**, policy: mail}}
      - {{path: /phone/**, policy: phone}}
      - {{path: /pay/**, policy: payments}}
delivery:
  providers:
    dev: {{type: outbox}}
    otp: {{type: getotp, account_key: k3y, account_token: t0ken, base_url: "http://127.0.0.1:{port}"{more}}}
  email: {{providers: dev}}
  sms: {{providers: dev}}
  hosted: {{providers: otp}}
challenge: {{tries: 3, resend: {{max: 3, wait: 1s}}}}
admin: {{address: "127.0.0.1:{{admin}}"}}
log: {{format: json, level: debug}}
"#
        );
        let gateway = Gateway::start(&yaml, &[("contacts.yaml", CONTACTS)]);
        Self { gateway, getotp, upstream, _redis: redis }
    }

    async fn signed_in(&self, subject: &str) -> Client {
        let mut browser = Client::new(HOST, self.gateway.port);
        sign_in(&mut browser, subject).await;
        browser
    }

    /// Opens a protected page and chooses the provider's page; gives our page that leads there.
    async fn go(&self, browser: &mut Client, path: &str) -> Answer {
        let page = challenge_page(browser, path).await;
        let answer = browser.submit(&page, "/.otpgate/send", &[("channel", "hosted"), ("contact", "0")]).await;
        let page = browser.get(&page_address(&answer)).await;
        assert_eq!(page.status, 200, "{page:?}");
        page
    }

    /// What GetOTP sends when somebody finished on the last page; parts of it changed.
    async fn report(&self, change: Value) -> u16 {
        let number = self.getotp.opened();
        let mut body = json!({"otp_id": format!("page-{number}"), "otp_secret": format!("secret-of-{number}"),
            "auth_status": "verified", "channel": "sms", "phone_sms": "+60123456789", "ip_address": "10.9.8.7",
            "metadata": ""});
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let address = self.getotp.field("callback_url");
        let path = address.strip_prefix(&format!("http://{RECEIVER}")).unwrap();
        let mut receiver = Client::new(RECEIVER, self.gateway.port);
        receiver.send("POST", path, &[("content-type", "application/json")], body.to_string()).await.status
    }
}

/// Comes back from the provider's page, as its redirect does.
async fn come_back(browser: &mut Client, stage: &Stage) -> Answer {
    let back = stage.getotp.field("success_redirect_url");
    assert_eq!(back, stage.getotp.field("fail_redirect_url"));
    let port = stage.gateway.port;
    let path = back.strip_prefix(&format!("http://{HOST}:{port}")).unwrap();
    assert!(!path.contains('?'), "a provider may add a query");
    let from_elsewhere = [
        ("accept", "text/html"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-site", "cross-site"),
    ];
    let answer = browser.send("GET", &format!("{path}?otp_id=page-1"), &from_elsewhere, "").await;
    let page = browser.get(&page_address(&answer)).await;
    assert_eq!(page.status, 200, "{page:?}");
    page
}

async fn finish(browser: &mut Client, page: &Answer) -> Answer {
    browser.submit(page, "/.otpgate/finish", &[]).await
}

/// Runs a case with the memory store and with a real Redis.
async fn for_both(more: &str, case: impl AsyncFn(&Stage)) {
    for redis in [false, true] {
        case(&Stage::new(redis, more).await).await;
    }
}

/// I3: the redirect says nothing, the provider's word does, and only once and for this browser.
#[tokio::test]
async fn a_page_is_finished_by_the_providers_word_and_by_its_own_browser() {
    for_both("", async |stage| {
        let mut browser = stage.signed_in("carol").await;
        let page = stage.go(&mut browser, "/account/a?x=1").await;
        assert!(page.body.contains("href=\"https://otp.dev/api/ui/verify/page-1/\""), "{}", page.body);
        assert!(page.body.contains("Go to otp.dev") && !page.body.contains("name=\"code\""), "{}", page.body);
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("otp.dev"), "{policy}");
        assert_eq!(
            (stage.getotp.field("channel"), stage.getotp.field("phone_sms")),
            ("sms".into(), CAROL_PHONE.into())
        );
        assert!(messages(&stage.gateway).await.is_empty(), "nobody is sent a code");

        // Back, for good or bad: nothing is passed.
        let page = come_back(&mut browser, stage).await;
        assert!(page.body.contains("has not told us yet"), "{}", page.body);
        let answer = finish(&mut browser, &page).await;
        assert_eq!(answer.status, 409, "{answer:?}");
        assert!(answer.body.contains("otp.dev has not told us that you finished"), "{}", answer.body);
        assert_eq!(browser.get("/account/a").await.status, 303);

        // A typed code could only be a guess, and costs no try.
        for _ in 0..4 {
            let answer = browser.submit(&page, "/.otpgate/finish", &[]).await;
            assert_eq!(answer.status, 409);
        }
        let (_, hidden) = page.form("/.otpgate/finish").unwrap();
        let mut fields: Vec<_> = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        fields.push(("code", "123456"));
        for _ in 0..4 {
            assert_eq!(browser.post("/.otpgate/verify", &fields).await.status, 200, "it is only shown where to go on");
        }

        // Somebody else's word, another page's secret, another address, and no proof at all.
        assert_eq!(stage.report(json!({"otp_secret": "secret-of-2"})).await, 403);
        assert_eq!(stage.report(json!({"otp_id": "page-2"})).await, 403);
        assert_eq!(stage.report(json!({"otp_secret": ""})).await, 403);
        assert_eq!(stage.report(json!({"phone_sms": "+60123456788"})).await, 204);
        assert_eq!(stage.report(json!({"phone_sms": ""})).await, 204);
        assert_eq!(stage.report(json!({"phone_voice": "+60123456788"})).await, 204);
        assert_eq!(stage.report(json!({"auth_status": "not_verified"})).await, 204);
        assert_eq!(finish(&mut browser, &page).await.status, 409);

        // The provider's word, twice.
        assert_eq!(stage.report(json!({})).await, 204);
        assert_eq!(stage.report(json!({"phone_sms": "60123456789"})).await, 204);
        let page = browser.get(&page_path(&page)).await;
        assert!(page.body.contains("otp.dev says that you have finished"), "{}", page.body);
        assert!(!page.body.contains("href=\"https://otp.dev"), "{}", page.body);

        // Nobody else can go on: another browser of the same person, one without a name, one who signed out.
        let mut other = stage.signed_in("carol").await;
        assert_eq!(finish(&mut other, &page).await.status, 404);
        let mut stranger = stage.signed_in("dave").await;
        assert_eq!(finish(&mut stranger, &page).await.status, 404);
        let mut thief = browser.copy();
        thief.jar.remove("SID");
        assert_ne!(finish(&mut thief, &page).await.location().as_deref(), Some("/account/a?x=1"));
        assert_eq!(other.get("/account/a").await.status, 303);

        let before = browser.copy();
        let answer = finish(&mut browser, &page).await;
        assert_eq!(answer.location().as_deref(), Some("/account/a?x=1"), "{answer:?}");
        assert_eq!(browser.follow(answer).await.status, 200);
        assert_eq!(stage.upstream.last().header("x-otpgate-channel"), Some("hosted"));

        // Once.
        assert_eq!(finish(&mut browser, &page).await.status, 410);
        assert_eq!(finish(&mut before.copy(), &page).await.status, 404);
        // A policy that wants another way is not satisfied by it.
        assert_eq!(browser.get("/phone/a").await.status, 303);
    })
    .await;
}

fn page_path(page: &Answer) -> String {
    let (_, hidden) = page.form("/.otpgate/finish").unwrap();
    let id = &hidden.iter().find(|(name, _)| name == "id").unwrap().1;
    format!("/.otpgate/challenge?id={id}")
}

/// The way that was chosen last is the one that answers: proofs name it.
#[tokio::test]
async fn another_way_can_be_taken_meanwhile() {
    let stage = Stage::new(false, "").await;
    let mut browser = stage.signed_in("carol").await;
    let page = stage.go(&mut browser, "/account/a").await;
    pause(RESEND).await;
    let answer = browser.submit(&page, "/.otpgate/send", &[("channel", "sms"), ("contact", "0")]).await;
    let code_page = browser.get(&page_address(&answer)).await;
    assert!(code_page.body.contains("name=\"code\""), "{}", code_page.body);
    // What the provider now says of its page is noted, and passes nothing.
    assert_eq!(stage.report(json!({})).await, 204);
    assert_eq!(finish(&mut browser, &page).await.status, 200);
    assert_eq!(browser.get("/account/a").await.status, 303);
    let code = messages(&stage.gateway).await.pop().unwrap()["code"].as_str().unwrap().to_owned();
    let answer = type_code(&mut browser, &code_page, &code).await;
    assert_eq!(browser.follow(answer).await.status, 200);
    assert_eq!(stage.upstream.last().header("x-otpgate-channel"), Some("sms"));
}

/// What is proved there is what the policy's other ways would prove: no e-mail opens what wants a telephone.
#[tokio::test]
async fn a_page_is_for_the_addresses_of_the_other_ways() {
    let stage = Stage::new(false, "").await;
    let mut browser = stage.signed_in("carol").await;
    let page = challenge_page(&mut browser, "/account/a").await;
    assert_eq!(page.body.matches("name=\"channel\" value=\"hosted\"").count(), 1, "one for each number: {}", page.body);
    let page = stage.go(&mut browser, "/mail/a").await;
    assert_eq!(
        (stage.getotp.field("channel"), stage.getotp.field("email")),
        ("email".into(), "carol@example.com".into())
    );
    assert_eq!(stage.report(json!({"phone_sms": "+60123456789"})).await, 204);
    assert_eq!(finish(&mut browser, &page).await.status, 409, "a number is no e-mail address");
    assert_eq!(stage.report(json!({"phone_sms": null, "email": "Carol@example.com"})).await, 204);
    let answer = finish(&mut browser, &page).await;
    assert_eq!(browser.follow(answer).await.status, 200);
}

/// A form is kept meanwhile and goes on; each request is confirmed anew.
#[tokio::test]
async fn a_request_is_confirmed_on_a_page() {
    for_both("", async |stage| {
        let mut browser = stage.signed_in("carol").await;
        let answer = browser.post("/pay/now", &[("amount", "7")]).await;
        let page = browser.get(&page_address(&answer)).await;
        let answer = browser.submit(&page, "/.otpgate/send", &[("channel", "hosted"), ("contact", "0")]).await;
        let page = browser.get(&page_address(&answer)).await;
        assert_eq!(stage.report(json!({})).await, 204);
        let answer = finish(&mut browser, &page).await;
        assert_eq!(browser.follow(answer).await.status, 200);
        let last = stage.upstream.last();
        assert_eq!((last.method.as_str(), &last.body[..]), ("POST", &b"amount=7"[..]));
        assert_eq!(last.header("x-otpgate-channel"), Some("hosted"));
        assert_eq!(browser.post("/pay/now", &[("amount", "7")]).await.status, 303);
    })
    .await;
}

#[tokio::test]
async fn an_api_client_finds_the_page_and_finishes() {
    let stage = Stage::new(false, "").await;
    let mut client = stage.signed_in("carol").await;
    let answer = client.call("GET", "/account/a", None).await;
    let id = answer.json()["challenge"]["id"].clone();
    let send = json!({"id": id, "channel": "hosted", "contact": 0});
    let sent = client.call("POST", "/.otpgate/api/send", Some(send)).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    assert_eq!(sent.json()["hosted"]["link"], "https://otp.dev/api/ui/verify/page-1/");
    assert!(!sent.body.contains("secret-of"), "I9");
    let unfinished = client.call("POST", "/.otpgate/api/finish", Some(json!({ "id": id }))).await;
    assert_eq!((unfinished.status, outcome(&unfinished).as_str()), (409, "unfinished"));
    let guess = client.call("POST", "/.otpgate/api/verify", Some(json!({"id": id, "code": "123456"}))).await;
    assert_eq!(outcome(&guess), "not-sent");
    assert_eq!(stage.report(json!({})).await, 204);
    let state = client.call("GET", &format!("/.otpgate/api/challenge?id={}", id.as_str().unwrap()), None).await;
    assert_eq!(
        (&state.json()["hosted"]["proved"], &state.json()["delivery"]["state"]),
        (&json!(true), &json!("delivered"))
    );
    let passed = client.call("POST", "/.otpgate/api/finish", Some(json!({ "id": id }))).await;
    assert_eq!(outcome(&passed), "passed");
    assert_eq!(client.call("GET", "/account/a", None).await.status, 200);
}

/// I4: a page counts like any send, one that could not be opened does not, and a reload opens none.
#[tokio::test]
async fn pages_are_counted_as_messages_are() {
    let stage = Stage::new(false, "").await;
    let mut browser = stage.signed_in("carol").await;
    stage.getotp.0.lock().unwrap().is_down = true;
    let page = challenge_page(&mut browser, "/account/a").await;
    for _ in 0..6 {
        let answer = browser.submit(&page, "/.otpgate/send", &[("channel", "hosted"), ("contact", "0")]).await;
        assert_eq!(answer.status, 503, "{answer:?}");
    }
    stage.getotp.0.lock().unwrap().is_down = false;
    let stage = Stage::new(false, "").await;
    let mut browser = stage.signed_in("carol").await;
    let page = stage.go(&mut browser, "/account/a").await;
    for _ in 0..3 {
        assert_eq!(browser.get(&page_path(&page)).await.status, 200);
        assert_eq!(stage.getotp.opened(), 1, "a reload opens no page");
    }
    for _ in 0..3 {
        pause(RESEND).await;
        let answer = browser.submit(&page, "/.otpgate/send", &[("channel", "hosted"), ("contact", "0")]).await;
        assert_eq!(answer.status, 303, "{answer:?}");
    }
    pause(RESEND).await;
    let answer = browser.submit(&page, "/.otpgate/send", &[("channel", "hosted"), ("contact", "0")]).await;
    assert_eq!((answer.status, stage.getotp.opened()), (429, 4), "{answer:?}");
    // The page before the last one is of no use any more.
    let first = json!({"otp_id": "page-1", "otp_secret": "secret-of-1"});
    assert_eq!(stage.report(first).await, 403);
}

/// Nothing but an id is taken from the address to which a browser comes back.
#[tokio::test]
async fn the_way_back_leads_nowhere_else() {
    let stage = Stage::new(false, "").await;
    let mut browser = stage.signed_in("carol").await;
    let page = stage.go(&mut browser, "/account/a").await;
    let id = id_of(&page_path(&page));
    for path in [format!("/.otpgate/back/{id}?next=//evil.example"), format!("/.otpgate/back/{id}")] {
        assert_eq!(browser.get(&path).await.location(), Some(format!("/.otpgate/challenge?id={id}")), "{path}");
    }
    for path in ["/.otpgate/back/", "/.otpgate/back/x", "/.otpgate/back/https:%2f%2fevil.example", "/.otpgate/back"] {
        let answer = browser.get(path).await;
        assert!(answer.location().is_none() && (400..500).contains(&answer.status), "{path}: {answer:?}");
    }
}

/// Where the operator says so, GetOTP is asked, when the browser comes back.
#[tokio::test]
async fn a_page_that_is_asked_after_is_finished_without_a_report() {
    let stage = Stage::new(false, ", poll: true").await;
    let mut browser = stage.signed_in("carol").await;
    stage.go(&mut browser, "/account/a").await;
    stage.getotp.0.lock().unwrap().status = "verified";
    // It was asked just now, as the page was shown.
    pause(Duration::from_millis(3100)).await;
    let page = come_back(&mut browser, &stage).await;
    assert!(page.body.contains("says that you have finished"), "{}", page.body);
    let answer = finish(&mut browser, &page).await;
    assert_eq!(browser.follow(answer).await.status, 200);
    assert_eq!(stage.getotp.0.lock().unwrap().asked, 2);
}
