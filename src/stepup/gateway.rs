//! What one config makes, and what outlives a reload.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::audit::{Audit, Event};
use crate::delivery::Delivery;
use crate::grant::{Assertions, Revoked};
use crate::identity::{Answers, Application, Sessions, one_spelling};
use crate::request::{Authority, CanonicalPath, CanonicalRequest, TrustedProxies, network_of};
use crate::risk::{Rates, Scoring};
use crate::seal::{CodeShape, KeyRing, Random};
use crate::stepup::behaviour::Counting;
use crate::stepup::cooldown::Calm;
use crate::stepup::flags::Flags;
use crate::stepup::locks::Locks;
use crate::stepup::mark::Queueing;
use crate::stepup::places::Places;
use crate::stepup::recheck::Told;
use crate::stepup::{Hosts, Site, SiteSpec};
use crate::store::{Budget, Limits, Resend, SiteKey, Store};
use crate::words::{
    BrowserId, ChallengeId, Clock, Contact, DeviceId, GrantId, KeyedHash, ParkedId, Reference, ResumeToken, Subject,
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
