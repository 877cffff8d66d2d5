//! What one config makes, and what outlives a reload.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::audit::{Audit, Event, SiteMetrics};
use crate::delivery::Delivery;
use crate::directory::{Directories, Webhook};
use crate::gate::{HostPattern, Routes};
use crate::grant::{Assertions, Revoked, SiteRevoked};
use crate::identity::{Answers, Application, Sessions, Source, one_spelling};
use crate::request::{
    Authority, CanonicalPath, CanonicalRequest, IdentityHeaders, PathRules, Query, TrustedProxies, network_of,
};
use crate::risk::{Rates, Scoring};
use crate::seal::{CodeShape, KeyRing, Random};
use crate::stepup::SignIn;
use crate::stepup::behaviour::Counting;
use crate::stepup::cooldown::Calm;
use crate::stepup::flags::{Flags, SiteFlags};
use crate::stepup::locks::Locks;
use crate::stepup::mark::Queueing;
use crate::stepup::places::Places;
use crate::stepup::recheck::Told;
use crate::store::{Budget, Limits, Resend, SiteKey, Store};
use crate::words::{
    BrowserId, ChallengeId, Clock, Contact, ContactRule, Country, DeviceId, GrantId, KeyedHash, ParkedId, Policy,
    Reference, ResumeToken, Subject,
};

/// Everything that one config makes. A reload makes a new one and swaps it in whole (I11).
#[derive(Debug)]
pub struct Gateway {
    pub(super) shared: Arc<Shared>,
    pub(super) keys: Arc<KeyRing>,
    pub(super) delivery: Arc<Delivery>,
    pub(super) rules: ChallengeRules,
    pub(super) assertions: Assertions,
    pub(super) scoring: Arc<Scoring>,
    hosts: Hosts,
    /// The host of `public_url`.
    receiver: Option<String>,
    trusted: TrustedProxies,
    /// The application of each site that can be asked.
    pub(super) applications: HashMap<SiteKey, Arc<dyn Application>>,
}

/// What outlives a reload: the store, the clock, and what is remembered in memory.
pub struct Shared {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The random source.
    pub random: Arc<dyn Random>,
    /// Events and metrics.
    pub audit: Arc<Audit>,
    /// Revocations.
    pub revoked: Revoked,
    sessions: Mutex<HashMap<SiteKey, Arc<Sessions>>>,
    answers: Mutex<HashMap<SiteKey, Arc<Answers>>>,
    pub(super) locks: Locks,
    /// What is held against addresses and subjects.
    pub(super) flags: Flags,
    /// How many requests addresses made here lately.
    pub(super) rates: Rates,
    pub(super) counting: Counting,
    pub(super) marks: Queueing,
    /// What was told of re-checks.
    pub(super) told: Told,
    /// What was found of contacts under a cool-down.
    pub(super) calm: Calm,
    /// Where subjects were last.
    pub(super) places: Places,
}

/// How challenges are put: the config's `challenge` and `limits`.
#[derive(Debug, Clone)]
pub struct ChallengeRules {
    /// How codes look.
    pub shape: CodeShape,
    /// How long a code lives.
    pub ttl: Duration,
    /// Wrong codes that lock a challenge.
    pub tries: u32,
    /// Resends and their waits.
    pub resend: Resend,
    /// The largest body that is parked, in bytes.
    pub max_body: usize,
    /// How long a parked request, and its challenge, is kept.
    pub park_ttl: Duration,
    /// What may be kept.
    pub budget: Budget,
    /// Limits.
    pub limits: Limits,
}

/// A site, as the config gives it.
#[derive(Debug)]
pub struct SiteSpec {
    /// Its host names, at least one.
    pub hosts: Vec<HostPattern>,
    /// Its key in the store.
    pub key: SiteKey,
    /// Its name for people.
    pub name: Arc<str>,
    /// Where a visitor turns who cannot go on: a line of text, an address or an e-mail address.
    pub support: Option<Arc<str>>,
    /// Its routes.
    pub routes: Routes,
    /// Whether what would be stopped is only told, and goes on.
    pub observe: bool,
    /// Its identity sources, in order.
    pub sources: Vec<Source>,
    /// Where a visitor without a subject is sent.
    pub sign_in: Option<SignIn>,
    /// Its directories, in order.
    pub directories: Directories,
    /// For how long a contact that is new to an account is not offered; `None` is no cool-down.
    pub contact_cooldown: Option<Duration>,
    /// Who is told of each contact of a directory's that a visitor proved.
    pub webhook: Option<Arc<Webhook>>,
    /// Identity headers that its peers may set.
    pub identity_headers: IdentityHeaders,
    /// Where telephone numbers without a country code are from.
    pub country: Option<Country>,
    /// Whether its application takes subjects that differ by case alone for one (`subjects: case_insensitive`).
    pub case_insensitive: bool,
}

/// A site of a running gateway.
#[derive(Debug)]
pub struct Site {
    /// What the config says.
    pub spec: SiteSpec,
    /// How its paths are read.
    pub path_rules: PathRules,
    /// The longest `max_age` of its policies: no proof is kept longer.
    pub longest: Duration,
    /// How long ago anything may have been proved that counts: in a grant, or by the directory's word.
    pub reach: Duration,
    /// What is counted of its requests.
    pub metrics: SiteMetrics,
    pub(super) sessions: Arc<Sessions>,
    pub(super) answers: Arc<Answers>,
    pub(super) revoked: Arc<SiteRevoked>,
    pub(super) flags: Arc<SiteFlags>,
}

/// Sites by host name.
#[derive(Debug, Default)]
pub struct Hosts {
    exact: HashMap<String, Arc<Site>>,
    /// Wildcards, the longest first.
    below: Vec<(HostPattern, Arc<Site>)>,
}

/// How long events are kept for look-ups by reference.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

// === impl Shared ===

impl Shared {
    /// What outlives a reload.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, random: Arc<dyn Random>, audit: Arc<Audit>) -> Self {
        Self {
            store,
            clock,
            random,
            audit,
            revoked: Revoked::default(),
            sessions: Mutex::default(),
            answers: Mutex::default(),
            locks: Locks::default(),
            flags: Flags::default(),
            rates: Rates::default(),
            counting: Counting::default(),
            marks: Queueing::default(),
            told: Told::default(),
            calm: Calm::default(),
            places: Places::default(),
        }
    }

    pub(super) fn sessions(&self, site: &SiteKey) -> Arc<Sessions> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(sessions.entry(site.clone()).or_default())
    }

    pub(super) fn answers(&self, site: &SiteKey) -> Arc<Answers> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(answers.entry(site.clone()).or_default())
    }

    pub(super) fn all_answers(&self) -> Vec<Arc<Answers>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(super) fn all_sessions(&self) -> Vec<(SiteKey, Arc<Sessions>)> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.iter().map(|(site, sessions)| (site.clone(), Arc::clone(sessions))).collect()
    }

    /// Records an event, and keeps it in the store for a look-up by its reference.
    pub(super) async fn note(&self, event: Event) {
        let reference = event.reference();
        let line = self.audit.record(event);
        if let Err(error) = self.store.note(reference, &line, KEPT).await {
            tracing::warn!(%error, "an event could not be kept for look-ups");
        }
    }

    pub(super) fn reference(&self) -> Reference {
        Reference::from_random(self.random.bytes())
    }

    pub(super) fn challenge_id(&self) -> ChallengeId {
        ChallengeId::from_random(self.random.bytes())
    }

    pub(super) fn parked_id(&self) -> ParkedId {
        ParkedId::from_random(self.random.bytes())
    }

    pub(super) fn browser_id(&self) -> BrowserId {
        BrowserId::from_random(self.random.bytes())
    }

    pub(super) fn device_id(&self) -> DeviceId {
        DeviceId::from_random(self.random.bytes())
    }

    pub(super) fn grant_id(&self) -> GrantId {
        GrantId::from_random(self.random.bytes())
    }

    pub(super) fn resume_token(&self) -> ResumeToken {
        ResumeToken::from_random(self.random.bytes())
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shared({:?})", self.store)
    }
}

// === impl Gateway ===

impl Gateway {
    /// The gateway of one config.
    #[must_use]
    pub fn new(
        shared: Arc<Shared>,
        keys: Arc<KeyRing>,
        delivery: Arc<Delivery>,
        rules: ChallengeRules,
        sites: Vec<SiteSpec>,
        trusted: TrustedProxies,
    ) -> Self {
        shared.flags.open_with(&keys, shared.clock.now());
        let hosts = Hosts::new(sites.into_iter().map(|spec| Arc::new(Site::new(spec, &shared))));
        let authority = delivery.public_url().and_then(|url| url.split("://").nth(1));
        let authority = authority.and_then(|authority| Authority::parse(authority.as_bytes()).ok());
        let receiver = authority.map(|authority| authority.host().to_owned());
        Self {
            shared,
            keys,
            delivery,
            rules,
            assertions: Assertions::default(),
            scoring: Arc::default(),
            hosts,
            receiver,
            trusted,
            applications: HashMap::new(),
        }
    }

    /// The same, with what makes a score.
    #[must_use]
    pub fn scored(self, scoring: Scoring) -> Self {
        Self { scoring: Arc::new(scoring), ..self }
    }

    /// What makes a score.
    #[must_use]
    pub const fn scoring(&self) -> &Arc<Scoring> {
        &self.scoring
    }

    /// The proxies whose word on the client is taken.
    #[must_use]
    pub const fn trusted_proxies(&self) -> &TrustedProxies {
        &self.trusted
    }

    /// The site of a canonical host name.
    #[must_use]
    pub fn site(&self, host: &str) -> Option<&Arc<Site>> {
        self.hosts.find(host)
    }

    /// Whether providers send what they send to this canonical host name: that of `public_url`.
    #[must_use]
    pub fn receives_at(&self, host: &str) -> bool {
        self.receiver.as_deref() == Some(host)
    }

    /// Notes where the client is, if a route of the site asks for that.
    pub fn locate(&self, site: &Site, request: &mut CanonicalRequest) {
        if site.spec.routes.ask_country() {
            request.client.country = self.scoring.address.whereabouts(&request.client).country;
        }
    }

    /// Every site.
    pub fn sites(&self) -> impl Iterator<Item = &Arc<Site>> {
        self.hosts.all()
    }

    /// What outlives a reload.
    #[must_use]
    pub const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// How challenges are put.
    #[must_use]
    pub const fn rules(&self) -> &ChallengeRules {
        &self.rules
    }

    /// The key ring.
    #[must_use]
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// How codes reach people.
    #[must_use]
    pub const fn delivery(&self) -> &Arc<Delivery> {
        &self.delivery
    }

    /// Whether a path is the gateway's own: `/.otpgate` and all below, in any case, so that no spelling of it reaches
    /// the upstream.
    #[must_use]
    pub fn is_portal(path: &CanonicalPath) -> bool {
        path.folded().strip_prefix("/.otpgate").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    pub(super) fn subject_hash(&self, site: &Site, subject: &Subject) -> KeyedHash {
        self.subject_hash_at(&site.spec.key, subject)
    }

    pub(super) fn subject_hash_at(&self, site: &SiteKey, subject: &Subject) -> KeyedHash {
        self.keys.hash("subject", &[site.as_str().as_bytes(), subject.as_str().as_bytes()])
    }

    pub(super) fn browser_hash(&self, browser: &BrowserId) -> KeyedHash {
        self.keys.hash("browser", &[browser.as_bytes()])
    }

    pub(super) fn contact_hash(&self, contact: &Contact) -> KeyedHash {
        // SMS and voice reach the same telephone: one budget (D13).
        self.keys.hash("contact", &[contact.reveal().to_ascii_lowercase().as_bytes()])
    }

    pub(super) fn session_hash(&self, site: &Site, cookie: &str) -> KeyedHash {
        self.keys.hash("session", &[site.spec.key.as_str().as_bytes(), &one_spelling(cookie)])
    }

    pub(super) fn ip_hash(&self, request: &CanonicalRequest) -> KeyedHash {
        self.hash_of_ip(request.client.ip)
    }

    pub(super) fn hash_of_ip(&self, ip: std::net::IpAddr) -> KeyedHash {
        // An IPv6 client has a whole /64 to itself, so that is its address.
        match ip.to_canonical() {
            std::net::IpAddr::V4(ip) => self.keys.hash("ip", &[&ip.octets()]),
            std::net::IpAddr::V6(ip) => self.keys.hash("ip", &[ip.octets().get(..8).unwrap_or_default()]),
        }
    }

    pub(super) fn network_hash(&self, request: &CanonicalRequest) -> KeyedHash {
        self.hash_of_network(request.client.ip)
    }

    pub(super) fn hash_of_network(&self, ip: std::net::IpAddr) -> KeyedHash {
        self.keys.hash("network", &[network_of(ip).to_string().as_bytes()])
    }
}

// === impl SiteSpec ===

impl SiteSpec {
    /// How the paths of the site are read.
    #[must_use]
    pub fn path_rules(&self) -> PathRules {
        PathRules { parameters_allowed: !self.routes.protect_anything() }
    }

    /// Whether a request needs no subject, since it may be a sign-in. Not one whose route asks for the query: applications
    /// that serve every page at one path sign in there too, and such a route means another of their pages (I1).
    #[must_use]
    pub fn may_sign_in(&self, request: &CanonicalRequest) -> bool {
        self.is_sign_in(request.path.decoded()) && !self.routes.is_told_by_query(request)
    }

    /// Whether a path needs no subject: signing in is how one gets one.
    #[must_use]
    pub fn is_sign_in(&self, path: &str) -> bool {
        self.sign_in.as_ref().map(SignIn::path) == Some(path)
            || self.sources.iter().any(|source| matches!(source, Source::Login(login) if login.is_login(path)))
    }
}

// === impl Site ===

impl Site {
    fn new(mut spec: SiteSpec, shared: &Shared) -> Self {
        let site = spec.key.as_str();
        spec.directories = spec.directories.watched(site, &shared.clock, &shared.audit.metrics);
        let step_ups = || {
            spec.routes.policies().filter_map(|policy| match policy {
                Policy::StepUp(policy) => Some(policy),
                Policy::Bypass | Policy::Deny => None,
            })
        };
        let longest = step_ups().map(|policy| policy.max_age).max().unwrap_or_default();
        let reach = step_ups().filter_map(|policy| policy.recheck()).max().unwrap_or_default().max(longest);
        let path_rules = spec.path_rules();
        let (sessions, revoked) = (shared.sessions(&spec.key), shared.revoked.site(&spec.key));
        let (answers, flags) = (shared.answers(&spec.key), shared.flags.site(&spec.key));
        let metrics = shared.audit.metrics.site(spec.key.as_str());
        Self { spec, path_rules, longest, reach, metrics, sessions, answers, revoked, flags }
    }

    /// The one spelling of a subject on this site, which every counter, grant and directory goes by (H19).
    pub(super) fn spelling(&self, subject: Subject) -> Subject {
        if self.spec.case_insensitive { subject.folded() } else { subject }
    }

    /// Whether `path` (decoded) can be opened by anybody, as far as `like`'s client and host go.
    #[must_use]
    pub fn is_open(&self, like: &CanonicalRequest, path: &str) -> bool {
        let Ok(path) = CanonicalPath::parse(path.as_bytes(), self.path_rules) else { return false };
        let request = CanonicalRequest { method: http::Method::GET, path, query: Query::default(), ..like.clone() };
        matches!(self.spec.routes.find(&request).1, Policy::Bypass)
    }

    /// Whether `path` (decoded) can be opened by anybody, or has the form of a policy that proves what is typed there.
    pub(super) fn opens_form(&self, like: &CanonicalRequest, path: &str) -> bool {
        let Ok(path) = CanonicalPath::parse(path.as_bytes(), self.path_rules) else { return false };
        let request = CanonicalRequest { method: http::Method::GET, path, query: Query::default(), ..like.clone() };
        match self.spec.routes.find(&request).1 {
            Policy::Bypass => true,
            Policy::StepUp(policy) => matches!(policy.contact, ContactRule::Form(_)),
            Policy::Deny => false,
        }
    }

    /// Whether a path needs no subject: signing in is how one gets one.
    pub(super) fn is_sign_in(&self, path: &str) -> bool {
        self.spec.is_sign_in(path)
    }
}

// === impl Hosts ===

impl Hosts {
    fn new(sites: impl Iterator<Item = Arc<Site>>) -> Self {
        let mut hosts = Self::default();
        for site in sites {
            for pattern in &site.spec.hosts {
                match pattern {
                    HostPattern::Exact(name) => {
                        hosts.exact.insert(name.clone(), Arc::clone(&site));
                    }
                    HostPattern::Below(_) => hosts.below.push((pattern.clone(), Arc::clone(&site))),
                }
            }
        }
        hosts.below.sort_by_key(|(pattern, _)| match pattern {
            HostPattern::Exact(text) | HostPattern::Below(text) => std::cmp::Reverse(text.len()),
        });
        hosts
    }

    fn find(&self, host: &str) -> Option<&Arc<Site>> {
        self.exact
            .get(host)
            .or_else(|| self.below.iter().find(|(pattern, _)| pattern.matches(host)).map(|(_, site)| site))
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Site>> {
        let mut seen: Vec<&SiteKey> = Vec::new();
        self.exact.values().chain(self.below.iter().map(|(_, site)| site)).filter(move |site| {
            let fresh = !seen.contains(&&site.spec.key);
            seen.push(&site.spec.key);
            fresh
        })
    }
}
