//! The portal with real parts around it: the conductor, the memory store, an outbox, and a clock that stands still.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use ipnetwork::IpNetwork;
use otpgate::audit::{Audit, Kind};
use otpgate::delivery::{
    ChannelSpec, Common, Delivery, DeliverySpec, Outbox, ProviderKind, ProviderSpec, SmtpSpec, Tools,
};
use otpgate::directory::settings::Manner;
use otpgate::directory::{Directories, FileDirectory, Webhook, WebhookSpec};
use otpgate::gate::{Criteria, HostPattern, Route, Routes};
use otpgate::identity::{Ask, HeaderSource, Source};
use otpgate::portal::{Handled, Portal};
use otpgate::request::{CanonicalRequest, Glob, IdentityHeaders, Networks, RawRequest, TrustedProxies};
use otpgate::seal::{CodeShape, KeyRing};
use otpgate::stepup::{ChallengeRules, Forward, Gateway, NoBody, Shared, SignIn, SiteSpec, Visit};
use otpgate::store::memory::MemoryStore;
use otpgate::store::{Budget, FailureLimits, Limits, Resend, SiteKey, Store, TypedLimits};
use otpgate::words::{Channel, ContactRule, Policy, SendWhen, StepUp, TestClock, Timestamp};
use serde_json::Value;

pub const SHOP: &str = "shop.example.com";
/// A site whose visitors are asked for an address.
pub const WIKI: &str = "wiki.example.com";
/// A site of which every page is protected, without a sign-in and without support.
pub const VAULT: &str = "vault.example.com";

const DIRECTORY: &str = "
alice: {email: alice@example.com}
bob: {email: bob@example.com, sms: {number: \"+60123456789\", label: work}, voice: \"+60123456789\"}
";

/// How a world differs from the usual one.
pub struct Rules {
    pub tries: u32,
    pub failures: FailureLimits,
    pub typed: TypedLimits,
    /// Whether messages go to the outbox; else to a mail server that is not there.
    pub delivers: bool,
    pub budget: u64,
    /// The port of the webhook of shop and wiki, which is told of proved contacts.
    pub webhook: Option<u16>,
    /// The sites; else the three of this world.
    pub sites: Option<Vec<SiteSpec>>,
    /// The store; else one in memory.
    pub store: Option<Arc<dyn Store>>,
    /// The secrets, which gateways with one store share; else new ones.
    pub keys: Option<Arc<KeyRing>>,
}

/// When these worlds begin.
pub const BEGINNING: Timestamp = Timestamp::from_millis(1_800_000_000_000);

impl Default for Rules {
    fn default() -> Self {
        Self {
            tries: 5,
            failures: FailureLimits::default(),
            typed: TypedLimits::default(),
            delivers: true,
            budget: 1 << 22,
            webhook: None,
            sites: None,
            store: None,
            keys: None,
        }
    }
}

pub struct World {
    pub gateway: Arc<Gateway>,
    pub clock: Arc<TestClock>,
    pub outbox: Arc<Outbox>,
    pub keys: Arc<KeyRing>,
    portal: Portal,
}

/// A browser or an API client, with its cookies.
#[derive(Clone)]
pub struct Client<'w> {
    world: &'w World,
    host: &'static str,
    subject: Option<&'static str>,
    pub jar: BTreeMap<String, String>,
}

/// What came of a request.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
    /// What went on to the application instead of an answer.
    pub forward: Option<Box<Forward>>,
}

const NAVIGATION: &[(&str, &str)] = &[
    ("accept", "text/html,*/*;q=0.8"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-site", "same-origin"),
];

const SCRIPT: &[(&str, &str)] = &[
    ("accept", "application/json"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-dest", "empty"),
    ("sec-fetch-site", "same-origin"),
];

// === impl World ===

impl World {
    pub fn new() -> Self {
        Self::with(Rules::default())
    }

    pub fn with(rules: Rules) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = Arc::new(TestClock::at(BEGINNING));
        let outbox = Arc::new(Outbox::new(clock.clone()));
        let kind = if rules.delivers {
            ProviderKind::Outbox
        } else {
            // Port 9 (discard) of the loopback address: nobody listens.
            ProviderKind::Smtp(
                SmtpSpec::parse("smtp://127.0.0.1:9", "Shop <no-reply@example.com>", None, true).unwrap(),
            )
        };
        let provider = ProviderSpec {
            name: "post".into(),
            kind,
            common: Common { timeout: Duration::from_secs(2), ..Common::default() },
        };
        let channels = if rules.delivers { &CHANNELS[..] } else { &[Channel::Email] };
        let channels = channels.iter().map(|channel| ChannelSpec::new(*channel, ["post".into()])).collect();
        let spec = DeliverySpec { providers: vec![provider], channels, ..DeliverySpec::default() };
        let store = rules.store.unwrap_or_else(|| Arc::new(MemoryStore::new(clock.clone())));
        let (alone, audit) = (Tools::alone(outbox.clone()), Arc::new(Audit::new(clock.clone())));
        let keys = rules.keys.unwrap_or_else(|| alone.keys.clone());
        let tools = Tools { clock: clock.clone(), store, audit, keys, ..alone };
        let (store, random, keys) = (tools.store.clone(), tools.random.clone(), tools.keys.clone());
        let shared = Arc::new(Shared::new(store, clock.clone(), random, tools.audit.clone()));
        let delivery = Delivery::new(spec, tools).unwrap();
        let waits = [30, 60, 120].map(Duration::from_secs).to_vec();
        let challenge = ChallengeRules {
            shape: CodeShape::new(6).unwrap(),
            ttl: Duration::from_secs(300),
            tries: rules.tries,
            resend: Resend { max: 3, wait: waits },
            max_body: 64 * 1024,
            park_ttl: Duration::from_secs(3600),
            budget: Budget { per_subject: rules.budget, total: 1 << 28, per_browser: 8 },
            limits: Limits { failures: rules.failures, typed: rules.typed, ..Limits::default() },
        };
        let sites = rules.sites.unwrap_or_else(|| vec![shop(rules.webhook), wiki(rules.webhook), vault()]);
        let (ring, trusted) = (Arc::clone(&keys), TrustedProxies::default());
        let gateway = Gateway::new(shared, ring, Arc::new(delivery), challenge, sites, trusted);
        Self { gateway: Arc::new(gateway), clock, outbox, keys, portal: Portal::default() }
    }

    /// The gateway under another config, as after a reload, or another one on the same store.
    pub fn under(&self, keys: &Arc<KeyRing>, webhook: Option<u16>) -> Arc<Gateway> {
        let (shared, delivery) = (Arc::clone(self.gateway.shared()), Arc::clone(self.gateway.delivery()));
        let (rules, sites) = (self.gateway.rules().clone(), vec![shop(webhook)]);
        Arc::new(Gateway::new(shared, Arc::clone(keys), delivery, rules, sites, TrustedProxies::default()))
    }

    /// A browser in which `subject` is signed in.
    pub fn signed_in(&self, subject: &'static str) -> Client<'_> {
        Client { world: self, host: SHOP, subject: Some(subject), jar: BTreeMap::new() }
    }

    /// A browser in which nobody is signed in.
    pub fn visitor(&self, host: &'static str) -> Client<'_> {
        Client { world: self, host, subject: None, jar: BTreeMap::new() }
    }

    pub fn pass_time(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// The newest code that went out.
    pub fn code(&self) -> String {
        self.outbox.recent().first().unwrap().code.clone()
    }

    /// How many events of a kind there were.
    pub fn events(&self, kind: Kind) -> u64 {
        let metrics = self.gateway.shared().audit.metrics.encode();
        let line = format!("otpgate_events_total{{kind=\"{kind}\"}} ");
        let count = metrics.lines().find_map(|told| told.strip_prefix(&line)?.parse().ok());
        count.unwrap_or_default()
    }

    /// Another code than the newest.
    pub fn wrong_code(&self) -> String {
        let number: u32 = self.code().parse().unwrap();
        format!("{:06}", (number + 1) % 1_000_000)
    }

    pub fn messages(&self) -> usize {
        self.outbox.recent().len()
    }
}

pub fn step_up(name: &str, channels: &[Channel], max_age: u64, send: SendWhen) -> Policy {
    Policy::StepUp(Arc::new(StepUp {
        name: name.into(),
        channels: channels.iter().copied().collect(),
        max_age: Duration::from_secs(max_age),
        challenge_at: 0,
        deny_at: 90,
        escalation: None,
        bind: vec![],
        observe: false,
        send,
        contact: ContactRule::Directory,
    }))
}

pub fn route(path: &str, policy: Policy) -> Route {
    Route { paths: vec![Glob::parse(path).unwrap()], path_regex: vec![], criteria: Criteria::default(), policy }
}

pub fn site(host: &str, name: &str, routes: Vec<Route>, sources: Vec<Source>) -> SiteSpec {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    std::fs::write(file.path(), DIRECTORY).unwrap();
    SiteSpec {
        hosts: vec![HostPattern::Exact(host.to_owned())],
        key: SiteKey::new(host),
        case_insensitive: false,
        contact_cooldown: None,
        country: None,
        name: name.into(),
        support: Some("https://example.com/help".into()),
        routes: Routes::new(routes, Policy::Bypass).unwrap(),
        observe: false,
        sources,
        sign_in: Some(SignIn::new("/login".to_owned())),
        directories: Directories::new(vec![Arc::new(FileDirectory::load(file.path(), Manner::default()).unwrap())]),
        identity_headers: IdentityHeaders::new(),
        webhook: None,
    }
}

pub fn by_header() -> Source {
    let from = Networks::new([IpNetwork::from(IpAddr::V4(Ipv4Addr::LOCALHOST))]);
    Source::Header(HeaderSource { name: HeaderName::from_static("x-remote-user"), from })
}

/// The channels that an outbox carries.
const CHANNELS: [Channel; 3] = [Channel::Email, Channel::Sms, Channel::Voice];

fn shop(webhook: Option<u16>) -> SiteSpec {
    let all = CHANNELS;
    let routes = vec![
        route("/account/**", step_up("account", &all, 900, SendWhen::OnArrival)),
        route("/quiet/**", step_up("quiet", &[Channel::Email], 900, SendWhen::OnClick)),
        route("/pay/**", step_up("payments", &all, 0, SendWhen::OnArrival)),
        route("/staff/**", Policy::Deny),
    ];
    let webhook = webhook.map(hook);
    SiteSpec { webhook, ..site(SHOP, "Example Shop", routes, vec![by_header()]) }
}

/// The webhook on a port of this machine.
fn hook(port: u16) -> Arc<Webhook> {
    let url = format!("http://127.0.0.1:{port}/verified").parse().unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"a secret of the webhook");
    Arc::new(Webhook::new(WebhookSpec { url, key, timeout: Duration::from_secs(5), ca: vec![] }).unwrap())
}

pub fn wiki(webhook: Option<u16>) -> SiteSpec {
    let routes = vec![route("/edit/**", step_up("edit", &[Channel::Email], 900, SendWhen::OnArrival))];
    let ask = Ask { domains: vec!["corp.example".to_owned()], addresses: vec![] };
    SiteSpec { webhook: webhook.map(hook), ..site(WIKI, "Wiki", routes, vec![Source::Ask(ask)]) }
}

fn vault() -> SiteSpec {
    let routes = vec![route("/**", step_up("all", &[Channel::Email], 900, SendWhen::OnArrival))];
    SiteSpec { sign_in: None, support: None, ..site(VAULT, "Vault", routes, vec![by_header()]) }
}

// === impl Client ===

impl Client<'_> {
    pub fn at(mut self, host: &'static str) -> Self {
        self.host = host;
        self
    }

    pub fn as_subject(&self, subject: Option<&'static str>) -> Self {
        Self { subject, ..self.clone() }
    }

    /// Sends anything.
    pub async fn send(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut map = HeaderMap::new();
        map.insert("host", HeaderValue::from_static(self.host));
        if let Some(subject) = self.subject {
            map.insert("x-remote-user", HeaderValue::from_static(subject));
        }
        let cookies: Vec<_> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            map.insert("cookie", HeaderValue::try_from(cookies.join("; ")).unwrap());
        }
        for (name, value) in headers {
            map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap());
        }
        let (method, site) = (method.parse::<Method>().unwrap(), self.world.gateway.site(self.host).unwrap());
        let raw = RawRequest {
            method: &method,
            target: target.as_bytes(),
            headers: &map,
            authority: None,
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            tls: true,
        };
        let request = CanonicalRequest::new(raw, self.world.gateway.trusted_proxies(), site.path_rules).unwrap();
        let mut body = NoBody(Bytes::copy_from_slice(body.as_bytes()));
        let visit = Visit { request, headers: map, certificate: None };
        let (_, handled) = self.world.portal.handle(&self.world.gateway, site, visit, &mut body).await;
        match handled {
            Handled::Forward(forward) => {
                self.keep(forward.set_cookies.iter());
                let (headers, body) = (HeaderMap::new(), String::new());
                Answer { status: 0, headers, body, forward: Some(forward) }
            }
            Handled::Answer(response) => {
                self.keep(response.headers().get_all("set-cookie").iter());
                response.into()
            }
        }
    }

    fn keep<'h>(&mut self, lines: impl Iterator<Item = &'h HeaderValue>) {
        for line in lines {
            let line = line.to_str().unwrap();
            let (name, rest) = line.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if rest.contains("Max-Age=0") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Opens a page, as a browser's address line does.
    pub async fn get(&mut self, target: &str) -> Answer {
        self.send("GET", target, NAVIGATION, "").await
    }

    /// Opens a page and follows redirects within the portal.
    pub async fn open(&mut self, target: &str) -> Answer {
        let answer = self.get(target).await;
        self.follow(answer).await
    }

    pub async fn follow(&mut self, mut answer: Answer) -> Answer {
        while let Some(location) = answer.location().filter(|location| location.starts_with("/.otpgate/")) {
            answer = self.get(&location).await;
        }
        answer
    }

    /// Posts a form of the site itself.
    pub async fn post(&mut self, target: &str, body: &str) -> Answer {
        let own = format!("https://{}", self.host);
        let mut headers = NAVIGATION.to_vec();
        headers.extend([("content-type", "application/x-www-form-urlencoded"), ("origin", own.as_str())]);
        self.send("POST", target, &headers, body).await
    }

    /// Submits the first form of a page whose action is `action`, with these fields besides its hidden ones.
    pub async fn submit(&mut self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let body = page.filled(action, fields);
        self.post(action, &body).await
    }

    pub async fn type_code(&mut self, page: &Answer, code: &str) -> Answer {
        self.submit(page, "/.otpgate/verify", &[("code", code)]).await
    }

    /// Calls an endpoint, as the site's own script does.
    pub async fn call(&mut self, method: &str, target: &str, body: Value) -> Answer {
        let mut headers = SCRIPT.to_vec();
        let text = if body.is_null() { String::new() } else { body.to_string() };
        if !text.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        self.send(method, target, &headers, &text).await
    }
}

// === impl Answer ===

impl From<Response<Bytes>> for Answer {
    fn from(response: Response<Bytes>) -> Self {
        let (head, body) = response.into_parts();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Self { status: head.status.as_u16(), headers: head.headers, body, forward: None }
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn location(&self) -> Option<String> {
        (self.status == 303).then(|| self.header("location").to_owned())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The type of a problem without its prefix.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let body = self.json();
        for member in ["type", "title", "status", "detail", "reference"] {
            assert!(body.get(member).is_some(), "no {member} in {body}");
        }
        assert_eq!(body["status"], self.status);
        body["type"].as_str().unwrap().strip_prefix("urn:otpgate:").unwrap().to_owned()
    }

    /// The page's text without its tags.
    pub fn text(&self) -> String {
        assert_eq!(self.header("content-type"), "text/html; charset=utf-8", "{self:?}");
        let words = self.body.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text);
        words.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
    }

    pub fn has_form(&self, action: &str) -> bool {
        self.body.contains(&format!("action=\"{action}\""))
    }

    /// The body of a form: hidden fields, and these.
    pub fn filled(&self, action: &str, fields: &[(&str, &str)]) -> String {
        let form = self.body.split("<form").find(|form| form.contains(&format!("action=\"{action}\"")));
        let form =
            form.unwrap_or_else(|| panic!("no form to {action} in {}", self.body)).split("</form>").next().unwrap();
        let attribute = |tag: &str, name: &str| {
            tag.split(&format!("{name}=\"")).nth(1).map(|rest| rest.split('"').next().unwrap().to_owned())
        };
        let hidden = form.split("<input").filter(|tag| tag.contains("type=\"hidden\""));
        let mut all: Vec<(String, String)> =
            hidden.map(|tag| (attribute(tag, "name").unwrap(), attribute(tag, "value").unwrap())).collect();
        all.retain(|(name, _)| !fields.iter().any(|(given, _)| given == name));
        all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish()
    }

    pub fn id(&self) -> String {
        let filled = self.filled("/.otpgate/verify", &[]);
        filled.strip_prefix("id=").unwrap().split('&').next().unwrap().to_owned()
    }
}
