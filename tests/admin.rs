//! The admin listener over real HTTP: who is let in, and what an operator can see and do.
// A test may unwrap: its panic is its report.
#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use http::{HeaderMap, HeaderName, Method};
use otpgate::admin::{self, AdminToken};
use otpgate::audit::Audit;
use otpgate::delivery::{ChannelSpec, Common, Delivery, DeliverySpec, Outbox, ProviderKind, ProviderSpec, Tools};
use otpgate::directory::{Directories, Directory, DirectoryError, Entry};
use otpgate::gate::{Criteria, HostPattern, Route, Routes};
use otpgate::identity::{HeaderSource, Source};
use otpgate::request::{Door, Glob, IdentityHeaders, Networks, RawRequest, TrustedProxies};
use otpgate::seal::{CodeShape, KeyRing, Secret, SystemRandom};
use otpgate::stepup::{
    Arrival, ChallengeRules, Gateway, NoBody, Ruling, Shared, Site, SiteSpec, Standing, Verified, Visit,
};
use otpgate::store::memory::MemoryStore;
use otpgate::store::redis::RedisStore;
use otpgate::store::{Budget, Limits, Resend, SiteKey, Store};
use otpgate::words::{Channel, Clock, Contact, ContactRule, Policy, Reference, SendWhen, StepUp, Subject, SystemClock};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const TOKEN: &str = "correct-horse-battery";
const HOST: &str = "shop.example.com";

/// An admin listener on a port of its own, and the gateway behind it.
struct Listener {
    gateway: Arc<Gateway>,
    address: String,
    client: reqwest::Client,
    token: Option<&'static str>,
}

/// What came back.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

/// A directory that knows one address for everybody.
#[derive(Debug)]
struct Everybody;

#[async_trait]
impl Directory for Everybody {
    fn name(&self) -> &str {
        "everybody"
    }

    async fn find(&self, _: &Subject) -> Result<Option<Entry>, DirectoryError> {
        let contacts = vec![Contact::parse(Channel::Email, "alice@example.com").unwrap()];
        Ok(Some(Entry { contacts: contacts.into_iter().map(Into::into).collect(), ..Entry::default() }))
    }
}

// === impl Listener ===

impl Listener {
    /// With the memory store, and a token.
    async fn start() -> Self {
        Self::over(Arc::new(MemoryStore::new(Arc::new(SystemClock))), audit(), Some(TOKEN)).await
    }

    async fn over(store: Arc<dyn Store>, audit: Arc<Audit>, token: Option<&'static str>) -> Self {
        // Another test of this process may have been first; either way there is one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let outbox = Arc::new(Outbox::default());
        let gateway = Arc::new(gateway(store, audit, &outbox));
        let current = Arc::new(ArcSwap::new(Arc::clone(&gateway)));
        let router = admin::router(current, outbox, token.map(|token| AdminToken::parse(token).unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { gateway, address, client, token }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn with_token(&self, request: RequestBuilder) -> RequestBuilder {
        match self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.with_token(self.client.get(self.url(path)))
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.with_token(self.client.post(self.url(path)))
    }

    async fn order(&self, path: &str, body: Value) -> Answer {
        answer(self.post(path).json(&body)).await
    }

    /// What the listener answers to these bytes.
    async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    fn site(&self) -> Arc<Site> {
        Arc::clone(self.gateway.site(HOST).unwrap())
    }

    /// A visitor opens the account page and is sent a code, as the conductor does it.
    async fn challenged(&self) -> (Visit, Standing) {
        let site = self.site();
        let ruling = self.gateway.judge(&site, &visit(&[]), &mut NoBody::default()).await;
        let Ruling::ToPage { id, cookies } = ruling else { panic!("no challenge: {ruling:?}") };
        let cookie = cookies.iter().find_map(|cookie| cookie.to_str().unwrap().split(';').next()).unwrap();
        let visit = visit(&[("cookie", cookie)]);
        let arrival = self.gateway.arrive(&site, &visit, Some(id)).await.unwrap();
        let Arrival::Standing(standing) = arrival else { panic!("no code: {arrival:?}") };
        (visit, *standing)
    }

    /// The visitor types wrong codes until no more are taken.
    async fn lock(&self) -> Reference {
        let (visit, standing) = self.challenged().await;
        let mut answer = self.verify(&visit, &standing, "000000").await;
        for _ in 0..10 {
            match answer {
                Verified::Wrong(..) => answer = self.verify(&visit, &standing, "000000").await,
                Verified::Locked(standing, _) => return standing.reference,
                other => panic!("neither wrong nor locked: {other:?}"),
            }
        }
        panic!("never locked")
    }

    async fn verify(&self, visit: &Visit, standing: &Standing, code: &str) -> Verified {
        self.gateway.verify(&self.site(), visit, Some(standing.id), code).await.unwrap()
    }
}

fn audit() -> Arc<Audit> {
    Arc::new(Audit::new(Arc::new(SystemClock)))
}

fn gateway(store: Arc<dyn Store>, audit: Arc<Audit>, outbox: &Arc<Outbox>) -> Gateway {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let keys = KeyRing::new(&[Secret::parse(&Secret::generate(&SystemRandom::new())).unwrap()]).unwrap();
    let dev = ProviderSpec { name: "dev".into(), kind: ProviderKind::Outbox, common: Common::default() };
    let channels = vec![ChannelSpec::new(Channel::Email, ["dev".into()])];
    let spec = DeliverySpec { providers: vec![dev], channels, ..DeliverySpec::default() };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tools = Tools { store: Arc::clone(&store), ..Tools::alone(Arc::clone(outbox)) };
    let delivery = Arc::new(Delivery::new(spec, tools).unwrap());
    let mut limits = Limits::default();
    limits.failures.per_subject = vec!["2/1h".parse().unwrap()];
    let rules = ChallengeRules {
        shape: CodeShape::new(6).unwrap(),
        ttl: Duration::from_secs(300),
        tries: 5,
        resend: Resend { max: 3, wait: vec![Duration::from_secs(30)] },
        max_body: 1 << 20,
        park_ttl: Duration::from_secs(3600),
        budget: Budget { per_subject: 4 << 20, total: 256 << 20, per_browser: 16 },
        limits,
    };
    let shared = Arc::new(Shared::new(store, clock, Arc::new(SystemRandom::new()), audit));
    let sites = vec![site(HOST), site("*.wiki.example.com")];
    Gateway::new(shared, Arc::new(keys), delivery, rules, sites, TrustedProxies::default())
}

fn site(host: &str) -> SiteSpec {
    let policy = Policy::StepUp(Arc::new(StepUp {
        name: "account".into(),
        channels: [Channel::Email].into_iter().collect(),
        max_age: Duration::from_secs(900),
        challenge_at: 0,
        deny_at: 90,
        escalation: None,
        bind: vec![],
        observe: false,
        send: SendWhen::OnArrival,
        contact: ContactRule::Directory,
    }));
    let route = Route {
        paths: vec![Glob::parse("/account/**").unwrap()],
        path_regex: vec![],
        criteria: Criteria::default(),
        policy,
    };
    let peers = || Networks::new(["127.0.0.0/8".parse().unwrap()]);
    let name = HeaderName::from_static("x-remote-user");
    SiteSpec {
        hosts: vec![HostPattern::new(host)],
        key: SiteKey::new(host),
        name: "Example Shop".into(),
        support: None,
        case_insensitive: false,
        contact_cooldown: None,
        country: None,
        routes: Routes::new(vec![route], Policy::Bypass).unwrap(),
        observe: false,
        sources: vec![Source::Header(HeaderSource { name: name.clone(), from: peers() })],
        sign_in: None,
        directories: Directories::new(vec![Arc::new(Everybody)]),
        webhook: None,
        identity_headers: IdentityHeaders::new().owned_by(name, peers()),
    }
}

/// A navigation of alice's to the account page.
fn visit(more: &[(&'static str, &str)]) -> Visit {
    let mut headers = HeaderMap::new();
    let own =
        [("host", HOST), ("x-remote-user", "alice"), ("sec-fetch-dest", "document"), ("sec-fetch-mode", "navigate")];
    for (name, value) in own.iter().chain(more) {
        headers.insert(*name, value.parse().unwrap());
    }
    let raw = RawRequest {
        method: &Method::GET,
        target: b"/account",
        headers: &headers,
        authority: None,
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        tls: false,
    };
    let door = Door::enter(raw, &TrustedProxies::default()).unwrap();
    let request = door.path(otpgate::request::PathRules::default()).unwrap();
    Visit { request, headers, certificate: None }
}

async fn answer(request: RequestBuilder) -> Answer {
    let response: Response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: response.text().await.unwrap() }
}

// === impl Answer ===

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    /// The status, and the type of the problem without its prefix.
    fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.body);
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert!(!problem["title"].as_str().unwrap().is_empty() && !problem["detail"].as_str().unwrap().is_empty());
        (self.status, problem["type"].as_str().unwrap().trim_start_matches("urn:otpgate:").to_owned())
    }
}

/// Every address with the method that it takes.
const ADDRESSES: [(&str, &str); 10] = [
    ("GET", "/metrics"),
    ("GET", "/outbox"),
    ("POST", "/revoke"),
    ("POST", "/unlock"),
    ("GET", "/bans"),
    ("POST", "/lift-ban"),
    ("GET", "/lookup/K7QF-2M9X"),
    ("GET", "/metrics?token=correct-horse-battery"),
    ("GET", "/"),
    ("GET", "/no/such/address"),
];

#[tokio::test]
async fn without_the_token_only_health_is_told() {
    let listener = Listener::start().await;
    for (method, path) in ADDRESSES {
        let request = || listener.client.request(method.parse().unwrap(), listener.url(path)).json(&json!({}));
        for (what, request) in [
            ("no token", request()),
            ("a wrong token", request().bearer_auth("correct-horse-batterY")),
            ("an empty token", request().bearer_auth("")),
            ("another scheme", request().header("authorization", format!("Digest {TOKEN}"))),
        ] {
            let answer = answer(request).await;
            assert_eq!(answer.problem(), (401, "unauthorized".to_owned()), "{method} {path} with {what}");
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{path}: {:?}", answer.headers);
            assert!(!answer.body.contains(TOKEN), "{}", answer.body);
        }
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(answer(listener.client.get(listener.url(path))).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_listener_without_a_token_lets_in_whoever_reaches_it() {
    let store = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
    let listener = Listener::over(store, audit(), None).await;
    assert_eq!(answer(listener.get("/metrics")).await.status, 200);
    assert_eq!(listener.order("/revoke", json!({"subject": "alice"})).await.status, 200);
}

#[tokio::test]
async fn a_browser_may_give_the_token_as_a_password_and_only_to_the_outbox() {
    let listener = Listener::start().await;
    let challenge = answer(listener.client.get(listener.url("/outbox"))).await;
    let schemes: Vec<_> = challenge.headers.get_all("www-authenticate").iter().map(|v| v.to_str().unwrap()).collect();
    assert!(schemes.iter().any(|scheme| scheme.starts_with("Basic ")), "a browser can ask for it: {schemes:?}");
    let with = |path: &str, password| listener.client.get(listener.url(path)).basic_auth("operator", Some(password));
    assert_eq!(answer(with("/outbox", TOKEN)).await.status, 200);
    assert_eq!(answer(with("/outbox", "correct-horse-batterY")).await.status, 401);
    assert_eq!(answer(with("/metrics", TOKEN)).await.status, 401);
    let order = listener.client.post(listener.url("/revoke")).basic_auth("operator", Some(TOKEN));
    assert_eq!(answer(order.json(&json!({"subject": "alice"}))).await.status, 401);
}

/// A page that points its own name here knows no token; a metrics collector asks by the name of a container.
#[tokio::test]
async fn f11_with_a_token_any_host_name_will_do() {
    let listener = Listener::start().await;
    assert_eq!(answer(listener.get("/metrics").header("host", "otpgate:9180")).await.status, 200);
    let without = listener.client.get(listener.url("/metrics")).header("host", "evil.example");
    assert_eq!(answer(without).await.status, 401);
}

#[tokio::test]
async fn f11_a_host_name_that_a_foreign_page_could_point_here_is_refused_before_all_else() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
    let listener = Listener::over(store, audit(), None).await;
    let ask = async |path: &str, host: &str| answer(listener.get(path).header("host", host)).await;
    for host in ["evil.example", "evil.example:9180", "127.0.0.1.evil.example", "localhost.evil.example", "0x7f000001"]
    {
        for path in ["/healthz", "/readyz", "/metrics", "/outbox"] {
            assert_eq!(ask(path, host).await.problem(), (421, "wrong-host".to_owned()), "{host} {path}");
        }
    }
    for host in ["127.0.0.1", "localhost:9180", "LOCALHOST", "[::1]:9180", "10.2.3.4"] {
        assert_eq!(ask("/metrics", host).await.status, 200, "{host}");
    }
    for host in ["", "127.0.0.1:99999", "a b", "user@127.0.0.1"] {
        assert_eq!(ask("/metrics", host).await.status, 400, "{host}");
    }
}

#[tokio::test]
async fn f11_the_host_is_named_once_and_by_one_name() {
    let listener = Listener::start().await;
    let rest = "Connection: close\r\n\r\n";
    for request in [
        format!("GET /healthz HTTP/1.1\r\n{rest}"),
        format!("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n{rest}"),
        format!("GET http://evil.example/healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n{rest}"),
        format!("GET http://127.0.0.1/healthz HTTP/1.1\r\nHost: evil.example\r\n{rest}"),
    ] {
        let answer = listener.raw(&request).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{request}{answer}");
    }
    // A load balancer's probe of the old kind names none; no browser speaks HTTP/1.0.
    let probe = listener.raw("GET /healthz HTTP/1.0\r\n\r\n").await;
    assert!(probe.starts_with("HTTP/1.0 200") && probe.ends_with("ok"), "{probe}");
}

#[tokio::test]
async fn f11_an_order_is_json_and_from_no_foreign_page() {
    // No token: the listener on a loopback address that any page of the operator's browser can reach.
    let store = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
    let listener = Listener::over(store, audit(), None).await;
    let own = format!("http://{}", listener.address);
    for path in ["/revoke", "/unlock"] {
        let order = || listener.post(path).body(r#"{"subject":"alice"}"#);
        let json = || order().header("content-type", "application/json");
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp", ""]
        {
            let answer = answer(order().header("content-type", kind)).await;
            assert_eq!(answer.problem(), (415, "bad-request".to_owned()), "{kind}");
        }
        assert_eq!(answer(order()).await.status, 415, "no type at all");
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", "http://127.0.0.1:1"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let answer = answer(json().header(name, value)).await;
            assert_eq!(answer.problem(), (403, "foreign-origin".to_owned()), "{name}: {value}");
        }
        assert_eq!(answer(json()).await.status, 200);
        assert_eq!(answer(json().header("origin", &own)).await.status, 200, "its own origin");
        assert_eq!(answer(order().header("content-type", "Application/JSON; charset=utf-8")).await.status, 200);
        let preflight =
            listener.client.request(Method::OPTIONS, listener.url(path)).header("origin", "https://evil.example");
        let preflight = answer(preflight).await;
        assert!(preflight.status >= 400 && preflight.header("access-control-allow-origin").is_empty());
    }
}

#[tokio::test]
async fn f10_an_address_is_exact() {
    let listener = Listener::start().await;
    for path in [
        "/metrics/",
        "//metrics",
        "/Metrics",
        "/%6detrics",
        "/metrics/x",
        "/lookup",
        "/lookup/",
        "/lookup/a/b",
        "/x/../metrics",
    ] {
        let head = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n");
        let answer = listener.raw(&format!("{head}Authorization: Bearer {TOKEN}\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
        let nobody = listener.raw(&format!("{head}\r\n")).await;
        assert!(nobody.starts_with("HTTP/1.1 401"), "{path}: {nobody}");
    }
    for path in ["/healthz/", "/readyz/x", "//healthz", "/healthz/../metrics"] {
        let head = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n");
        let nobody = listener.raw(&format!("{head}\r\n")).await;
        assert!(nobody.starts_with("HTTP/1.1 401"), "{path}: {nobody}");
    }
    assert_eq!(answer(listener.get("/revoke")).await.problem(), (405, "method-not-allowed".to_owned()));
    assert_eq!(answer(listener.post("/metrics").json(&json!({}))).await.problem().0, 405);
    assert_eq!(answer(listener.client.post(listener.url("/healthz"))).await.problem().0, 405);
}

#[tokio::test]
async fn nothing_that_is_answered_may_be_kept_or_framed() {
    let listener = Listener::start().await;
    for path in ["/healthz", "/metrics", "/outbox", "/no/such/address"] {
        let answer = answer(listener.get(path)).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
    }
}

#[tokio::test]
async fn health_and_readiness() {
    let listener = Listener::start().await;
    let alive = answer(listener.client.get(listener.url("/healthz"))).await;
    assert_eq!((alive.status, alive.body.as_str()), (200, "ok"));
    let ready = answer(listener.client.get(listener.url("/readyz"))).await;
    let directories = json!([{"directory": "everybody", "state": "not asked yet"}]);
    let directories = json!({(HOST): directories, "*.wiki.example.com": directories});
    let told = json!({"ready": true, "store": "ok", "directories": directories});
    assert_eq!((ready.status, ready.json()), (200, told));
}

#[tokio::test]
async fn f01_a_dead_store_is_told_and_orders_say_so() {
    let audit = audit();
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("redis://:hunter2@127.0.0.1:{dead}");
    let store = RedisStore::new(&url, Arc::clone(&audit)).unwrap();
    let listener = Listener::over(Arc::new(store), audit, Some(TOKEN)).await;

    let alive = answer(listener.client.get(listener.url("/healthz"))).await;
    assert_eq!(alive.status, 200, "the process lives all the same");
    let ready = answer(listener.client.get(listener.url("/readyz"))).await;
    assert_eq!((ready.status, &ready.json()["ready"]), (503, &json!(false)));
    let told = ready.json()["store"].as_str().unwrap().to_owned();
    assert!(told.contains("cannot be reached") && !told.contains("hunter2"), "{told}");

    for path in ["/revoke", "/unlock"] {
        let order = listener.order(path, json!({"subject": "alice"})).await;
        assert_eq!(order.problem(), (503, "unavailable".to_owned()), "{path}");
        assert!(!order.header("retry-after").is_empty());
    }
    let order = listener.order("/lift-ban", json!({"address": "192.0.2.1"})).await;
    assert_eq!(order.problem(), (503, "unavailable".to_owned()));
    assert_eq!(answer(listener.get("/bans")).await.problem().0, 503);
    assert_eq!(answer(listener.get("/lookup/K7QF-2M9X")).await.problem().0, 503);
    assert_eq!(answer(listener.get("/metrics")).await.status, 200);
}

#[tokio::test]
async fn f01_a_refusal_of_an_outage_is_found_without_the_store() {
    let audit = audit();
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let store = RedisStore::new(&format!("redis://127.0.0.1:{dead}"), Arc::clone(&audit)).unwrap();
    let listener = Listener::over(Arc::new(store), audit, Some(TOKEN)).await;
    let ruling = listener.gateway.judge(&listener.site(), &visit(&[]), &mut NoBody::default()).await;
    let Ruling::Unavailable(reference) = ruling else { panic!("not unavailable: {ruling:?}") };

    let found = answer(listener.get(&format!("/lookup/{reference}"))).await;
    assert_eq!(found.status, 200, "{}", found.body);
    assert_eq!(found.json()["events"][0]["kind"], "unavailable");
    assert!(found.json()["incomplete"].as_str().unwrap().contains("store"), "{}", found.body);
    let story = answer(listener.get(&format!("/lookup/{reference}")).header("accept", "text/plain")).await.body;
    assert!(story.contains("Note: the store cannot be reached"), "{story}");
}

#[tokio::test]
async fn metrics_are_openmetrics() {
    let listener = Listener::start().await;
    listener.challenged().await;
    let metrics = answer(listener.get("/metrics")).await;
    assert_eq!(metrics.status, 200);
    assert_eq!(metrics.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(metrics.body.ends_with("# EOF\n"));
    for line in metrics.body.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok() && !name.is_empty(), "{line}");
    }
    assert!(metrics.body.contains("otpgate_challenges_total{outcome=\"opened\"} 1"), "{}", metrics.body);
}

#[tokio::test]
async fn revoking_makes_every_proof_of_a_subject_void_on_every_site_or_on_one() {
    let listener = Listener::start().await;
    let (visit, standing) = listener.challenged().await;
    let code = answer(listener.get("/outbox").header("accept", "application/json")).await.json()[0]["code"].clone();
    let passed = listener.verify(&visit, &standing, code.as_str().unwrap()).await;
    let Verified::Passed { cookies, .. } = passed else { panic!("not passed: {passed:?}") };
    let pairs: Vec<_> = cookies.iter().map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap()).collect();
    let holder = self::visit(&[("cookie", &pairs.join("; "))]);
    let judged = async || listener.gateway.judge(&listener.site(), &holder, &mut NoBody::default()).await;
    assert!(matches!(judged().await, Ruling::Forward(_)), "a good grant passes");

    let elsewhere = listener.order("/revoke", json!({"subject": "alice", "site": "team.wiki.example.com"})).await;
    assert_eq!(elsewhere.json()["done"][0]["site"], "*.wiki.example.com");
    assert!(matches!(judged().await, Ruling::Forward(_)), "another site's proofs are its own");

    let revoked = listener.order("/revoke", json!({"subject": "alice"})).await;
    assert_eq!(revoked.status, 200, "{}", revoked.body);
    let done = revoked.json()["done"].as_array().unwrap().clone();
    assert_eq!(done.iter().map(|done| &done["site"]).collect::<Vec<_>>(), ["*.wiki.example.com", HOST]);
    assert!(done.iter().all(|done| done["changed"] == true));
    assert!(!matches!(judged().await, Ruling::Forward(_)), "C15: void at once");

    let reference = done[1]["reference"].as_str().unwrap();
    let found = answer(listener.get(&format!("/lookup/{reference}"))).await.json();
    assert_eq!(found["events"][0]["kind"], "revoked");
    assert_eq!(found["events"][0]["subject"], "a***", "I9");
}

#[tokio::test]
async fn a_locked_subject_is_unlocked_once_and_the_support_agent_reads_why() {
    let listener = Listener::start().await;
    let reference = listener.lock().await;

    let story = answer(listener.get(&format!("/lookup/{reference}")).header("accept", "text/plain")).await;
    assert!(story.header("content-type").starts_with("text/plain"), "{:?}", story.headers);
    for part in [&format!("Reference {reference}"), "sent a code", "What to do next", "a***@e***.com"] {
        assert!(story.body.contains(part), "{part}: {}", story.body);
    }
    let events = answer(listener.get(&format!("/lookup/{reference}"))).await.json();
    assert_eq!(events["reference"], reference.to_string());
    let kinds: Vec<_> = events["events"].as_array().unwrap().iter().map(|event| event["kind"].clone()).collect();
    assert!(kinds.contains(&json!("sent")) && kinds.contains(&json!("locked")), "{kinds:?}");
    let spoken = reference.to_string().replace('-', "").to_lowercase();
    assert_eq!(answer(listener.get(&format!("/lookup/{spoken}"))).await.json(), events, "as a visitor reads it out");

    let order = json!({"subject": "alice", "site": HOST});
    let first = listener.order("/unlock", order.clone()).await.json();
    assert_eq!((&first["done"][0]["site"], &first["done"][0]["changed"]), (&json!(HOST), &json!(true)), "{first}");
    let second = listener.order("/unlock", order).await.json();
    assert_eq!(second["done"][0]["changed"], false, "{second}");
}

#[tokio::test]
async fn an_order_that_cannot_be_followed_says_why() {
    let listener = Listener::start().await;
    for path in ["/revoke", "/unlock"] {
        let unknown = listener.order(path, json!({"subject": "alice", "site": "shop.example.org"})).await;
        assert_eq!(unknown.problem(), (404, "unknown-site".to_owned()));
        let detail = unknown.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(HOST) && detail.contains("*.wiki.example.com"), "{detail}");

        for subject in [" ", "a\u{202e}b", "a\nb", &"x".repeat(300)] {
            let answer = listener.order(path, json!({"subject": subject})).await;
            assert_eq!(answer.problem(), (422, "bad-subject".to_owned()), "{subject:?}");
        }
        for (body, status) in [("{", 400), ("[]", 422), ("{}", 422), (r#"{"subject":"a","sites":"b"}"#, 422)] {
            let answer = answer(listener.post(path).header("content-type", "application/json").body(body)).await;
            assert_eq!(answer.problem(), (status, "bad-request".to_owned()), "{body}: {}", answer.body);
        }
        let long = json!({"subject": "x".repeat(20_000)});
        assert_eq!(listener.order(path, long).await.problem().0, 413);
    }
    // Any spelling of a host that a browser would take, and a wildcard's own name.
    for site in ["SHOP.example.com.", "shop.example.com:8443", "*.wiki.example.com", "a.b.wiki.example.com"] {
        assert_eq!(listener.order("/unlock", json!({"subject": "a", "site": site})).await.status, 200, "{site}");
    }
}

#[tokio::test]
async fn an_unknown_reference_is_not_found() {
    let listener = Listener::start().await;
    for reference in ["K7QF-2M9X", "nonsense", "K7QF-2M9", "%ff", "K7QF-2M9X-AAAA"] {
        let answer = answer(listener.get(&format!("/lookup/{reference}"))).await;
        assert_eq!(answer.problem(), (404, "unknown-reference".to_owned()), "{reference}");
    }
}

#[tokio::test]
async fn the_outbox_is_a_page_for_people_and_json_for_programs() {
    let listener = Listener::start().await;
    let empty = answer(listener.get("/outbox").header("accept", "application/json")).await;
    assert_eq!((empty.status, empty.json()), (200, json!([])));

    listener.challenged().await;
    let kept = answer(listener.get("/outbox").header("accept", "application/json")).await.json();
    let message = kept[0].as_object().unwrap();
    let keys = ["channel", "code", "provider", "site", "text", "time", "to"];
    assert_eq!(message.keys().collect::<Vec<_>>(), keys, "{kept}");
    assert_eq!((&message["provider"], &message["channel"]), (&json!("dev"), &json!("email")));
    assert_eq!((&message["to"], &message["site"]), (&json!("alice@example.com"), &json!("Example Shop")));
    let code = message["code"].as_str().unwrap();
    assert!(message["text"].as_str().unwrap().contains(code));

    let page = answer(listener.get("/outbox").header("accept", "text/html,*/*;q=0.8")).await;
    assert!(page.header("content-type").starts_with("text/html"), "{:?}", page.headers);
    assert!(page.body.contains(&format!("<b>{code}</b>")) && page.body.contains("alice@example.com"), "{}", page.body);
    assert!(!page.header("content-security-policy").contains("unsafe"), "{:?}", page.headers);
}

/// Runs a command of the binary against a listener.
async fn command(listener: &Listener, args: &[&str], token: Option<&str>) -> (i32, String, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_otpgate"));
    command.args(args).args(["--admin", &format!("http://{}", listener.address)]).env_remove("OTPGATE_ADMIN_TOKEN");
    if let Some(token) = token {
        command.env("OTPGATE_ADMIN_TOKEN", token);
    }
    // Not on the thread that serves the listener.
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn a_support_agent_looks_up_and_unlocks_on_the_command_line() {
    let listener = Listener::start().await;
    let reference = listener.lock().await.to_string();

    let (code, story, _) = command(&listener, &["lookup", &reference], Some(TOKEN)).await;
    assert_eq!(code, 0);
    assert!(story.starts_with(&format!("Reference {reference}\n")) && story.contains("What to do next"), "{story}");
    let (code, events, _) = command(&listener, &["lookup", "--json", &reference], Some(TOKEN)).await;
    assert_eq!((code, &serde_json::from_str::<Value>(&events).unwrap()["reference"]), (0, &json!(reference)));

    let unlock = ["unlock", "--subject", "alice"];
    let (code, said, _) = command(&listener, &unlock, Some(TOKEN)).await;
    assert_eq!(code, 0);
    assert!(said.contains(&format!("{HOST}: unlocked (reference ")), "{said}");
    assert!(said.contains("*.wiki.example.com: was not locked"), "{said}");
    let (code, said, _) = command(&listener, &unlock, Some(TOKEN)).await;
    assert_eq!(code, 0);
    assert!(said.contains("Nothing was locked"), "{said}");

    let trust = ["unlock", "--contacts", "--subject", "alice"];
    let (code, said, _) = command(&listener, &trust, Some(TOKEN)).await;
    assert!(code == 0 && said.contains(&format!("{HOST}: no contact was new")), "{said}");

    let (code, said, _) = command(&listener, &["revoke", "--subject", "alice", "--site", HOST], Some(TOKEN)).await;
    assert_eq!((code, said.lines().count()), (0, 1), "{said}");
    assert!(said.starts_with(&format!("{HOST}: ")), "{said}");
}

#[tokio::test]
async fn the_command_line_says_what_the_listener_did_not_like() {
    let listener = Listener::start().await;
    for (args, token, says) in [
        (&["lookup", "K7QF-2M9X"][..], None, "wants a token: set OTPGATE_ADMIN_TOKEN"),
        (&["lookup", "K7QF-2M9X"], Some("correct-horse-batterY"), "does not take this token"),
        (&["lookup", "K7QF-2M9X"], Some(TOKEN), "nothing is known of K7QF-2M9X"),
        (&["unlock", "--subject", "alice", "--site", "shop.example.org"], Some(TOKEN), HOST),
        (&["revoke", "--subject", " "], Some(TOKEN), "the subject is empty"),
    ] {
        let (code, out, err) = command(&listener, args, token).await;
        assert_eq!((code, out.as_str()), (1, ""), "{err}");
        assert!(err.starts_with("otpgate: ") && err.contains(says), "{says}: {err}");
        assert!(!err.contains("correct-horse"), "I9: {err}");
    }
}
