//! The keys of a token's issuer: one that is written in the config, or a set (RFC 7517) in a file or at an address, which
//! is looked at again from time to time, and when a token names a key that is not known yet.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use reqwest::redirect::Policy;
use tokio::sync::Mutex;

use crate::words::Timestamp;

/// The keys of a source.
#[derive(Clone)]
pub enum Keys {
    /// The only one.
    One(Arc<DecodingKey>),
    /// A set that changes.
    Set(Arc<KeySet>),
}

/// Why the keys cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the keys of `{from}` cannot be had: {why}")]
pub struct Unkeyed {
    /// Where they are.
    from: String,
    why: String,
}

/// A set of keys that changes.
pub struct KeySet {
    origin: Origin,
    known: ArcSwapOption<Known>,
    generation: AtomicU64,
    /// Who looks: one at a time. Holds when it was last tried.
    looking: Mutex<Option<Timestamp>>,
}

/// Where a set is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In a file.
    File(PathBuf),
    /// At an address.
    Url(String),
}

struct Known {
    keys: Vec<Public>,
    text: Vec<u8>,
    /// When it was read.
    at: Timestamp,
}

/// A key of a set.
#[derive(Clone)]
struct Public {
    kid: Option<String>,
    /// The only algorithm that it is for, if the set says so.
    pinned: Option<Algorithm>,
    family: AlgorithmFamily,
    key: Arc<DecodingKey>,
}

/// The most of a set that is read, in bytes.
const MOST: usize = 256 * 1024;
/// How long looking may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The shortest time between two looks for a key that is not known, so that made-up names cause no flood.
const PAUSE: Duration = Duration::from_secs(10);

// === impl Keys ===

impl Keys {
    /// The number of changes so far.
    #[must_use]
    pub fn generation(&self) -> u64 {
        match self {
            Self::One(_) => 0,
            Self::Set(set) => set.generation.load(Ordering::Acquire),
        }
    }

    /// The keys with which a token can be verified that names `kid` and `algorithm`.
    pub(super) async fn fitting(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<Vec<Arc<DecodingKey>>, Unkeyed> {
        match self {
            Self::One(key) if key.family() == algorithm.family() => Ok(vec![Arc::clone(key)]),
            Self::One(_) => Ok(Vec::new()),
            Self::Set(set) => set.fitting(kid, algorithm, now).await,
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(_) => f.write_str("One(…)"),
            Self::Set(set) => write!(f, "Set({:?})", set.origin),
        }
    }
}

// === impl KeySet ===

impl KeySet {
    /// A set that nobody has looked at yet.
    #[must_use]
    pub fn new(origin: Origin) -> Self {
        Self { origin, known: ArcSwapOption::empty(), generation: AtomicU64::new(0), looking: Mutex::new(None) }
    }

    async fn fitting(
        self: &Arc<Self>,
        kid: Option<&str>,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<Vec<Arc<DecodingKey>>, Unkeyed> {
        let known = self.known.load_full();
        if let Some(known) = &known {
            let keys = known.fitting(kid, algorithm);
            let age = now.since(known.at).unwrap_or_default();
            if !keys.is_empty() && age < self.fresh() {
                return Ok(keys);
            }
            if !keys.is_empty() && age < self.kept() {
                // Good enough for this request; the next ones get what is there now.
                let set = Arc::clone(self);
                tokio::spawn(async move { set.look(now).await });
                return Ok(keys);
            }
        }
        self.look(now).await?;
        let known = self.known.load_full();
        Ok(known.map(|known| known.fitting(kid, algorithm)).unwrap_or_default())
    }

    /// How long a set holds without another look.
    const fn fresh(&self) -> Duration {
        match self.origin {
            Origin::File(_) => Duration::from_secs(2),
            Origin::Url(_) => Duration::from_secs(5 * 60),
        }
    }

    /// How long the last good one is used while it cannot be looked at: a key that was taken back must stop some time.
    const fn kept(&self) -> Duration {
        match self.origin {
            Origin::File(_) => Duration::from_secs(60),
            Origin::Url(_) => Duration::from_secs(24 * 60 * 60),
        }
    }

    /// Looks for the set, one at a time, and not again within a moment. Whoever comes meanwhile waits for the same look.
    async fn look(&self, now: Timestamp) -> Result<(), Unkeyed> {
        let mut tried = self.looking.lock().await;
        let pause = match self.origin {
            Origin::File(_) => Duration::from_secs(1),
            Origin::Url(_) => PAUSE,
        };
        if tried.is_some_and(|at| now.since(at).is_none_or(|age| age < pause)) {
            return if self.known.load().is_some() { Ok(()) } else { Err(self.unkeyed("it was tried a moment ago")) };
        }
        *tried = Some(now);
        match self.read().await {
            Ok(text) => self.learn(text, now),
            // The last good one goes on, for its time.
            Err(why) if self.is_kept(now) => {
                tracing::warn!(error = %self.unkeyed(&why), "the keys of an issuer are used as they were");
                Ok(())
            }
            Err(why) => Err(self.unkeyed(&why)),
        }
    }

    fn is_kept(&self, now: Timestamp) -> bool {
        let known = self.known.load();
        known.as_ref().is_some_and(|known| now.since(known.at).is_none_or(|age| age < self.kept()))
    }

    fn learn(&self, text: Vec<u8>, now: Timestamp) -> Result<(), Unkeyed> {
        let old = self.known.load_full();
        if let Some(old) = old.as_ref().filter(|old| old.text == text) {
            let same = Known { keys: old.keys.clone(), text, at: now };
            self.known.store(Some(Arc::new(same)));
            return Ok(());
        }
        match Known::parse(&text, now) {
            Ok(known) => {
                self.known.store(Some(Arc::new(known)));
                self.generation.fetch_add(1, Ordering::AcqRel);
                Ok(())
            }
            Err(why) if self.is_kept(now) => {
                tracing::warn!(error = %self.unkeyed(why), "the keys of an issuer are used as they were");
                Ok(())
            }
            Err(why) => Err(self.unkeyed(why)),
        }
    }

    async fn read(&self) -> Result<Vec<u8>, String> {
        match &self.origin {
            Origin::File(path) => tokio::fs::read(path).await.map_err(|error| error.kind().to_string()),
            Origin::Url(url) => match tokio::time::timeout(PATIENCE, fetch(url)).await {
                Ok(fetched) => fetched,
                Err(_) => Err("it did not answer in time".to_owned()),
            },
        }
    }

    fn unkeyed(&self, why: &str) -> Unkeyed {
        let from = match &self.origin {
            Origin::File(path) => path.display().to_string(),
            Origin::Url(url) => url.clone(),
        };
        Unkeyed { from, why: why.to_owned() }
    }
}

/// Fetches a set. No redirect is followed, and nothing of a visitor's request goes along (D12).
async fn fetch(url: &str) -> Result<Vec<u8>, String> {
    // The client panics without one. In the gateway it is there already, and this changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .redirect(Policy::none())
        .referer(false)
        .no_proxy()
        .user_agent(concat!("otpgate/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|_| "a request cannot be made".to_owned())?;
    let broke = |_| "the connection failed".to_owned();
    let mut answer = client.get(url).send().await.map_err(broke)?;
    if answer.status() != http::StatusCode::OK {
        return Err(format!("it answered {}", answer.status().as_u16()));
    }
    let mut text = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(broke)? {
        if text.len() + chunk.len() > MOST {
            return Err("it is longer than 256 KiB".to_owned());
        }
        text.extend_from_slice(&chunk);
    }
    Ok(text)
}

// === impl Known ===

impl Known {
    fn parse(text: &[u8], at: Timestamp) -> Result<Self, &'static str> {
        let set: JwkSet = serde_json::from_slice(text).map_err(|_| "it is no JSON Web Key Set")?;
        let keys: Vec<_> = set.keys.iter().filter_map(usable).collect();
        if keys.is_empty() { Err("it has no key for signatures") } else { Ok(Self { keys, text: text.to_vec(), at }) }
    }

    /// A token that names no key is tried with each that fits.
    fn fitting(&self, kid: Option<&str>, algorithm: Algorithm) -> Vec<Arc<DecodingKey>> {
        let fits = |public: &&Public| {
            public.family == algorithm.family()
                && public.pinned.is_none_or(|pinned| pinned == algorithm)
                && kid.is_none_or(|kid| public.kid.as_deref() == Some(kid))
        };
        self.keys.iter().filter(fits).map(|public| Arc::clone(&public.key)).take(8).collect()
    }
}

/// A public key for signatures. A symmetric one in a set that others can read is no secret (RFC 8725, 3.5).
fn usable(jwk: &Jwk) -> Option<Public> {
    let is_for_signatures = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
    if !is_for_signatures || matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_)) {
        return None;
    }
    let pinned = match &jwk.common.key_algorithm {
        None => None,
        Some(algorithm) => Some(algorithm.to_string().parse::<Algorithm>().ok()?),
    };
    let key = DecodingKey::from_jwk(jwk).ok()?;
    Some(Public { kid: jwk.common.key_id.clone(), pinned, family: key.family(), key: Arc::new(key) })
}
