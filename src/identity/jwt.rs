//! The `jwt` source: a JSON Web Token (RFC 7519) of an identity provider, in a cookie or a header.
//!
//! What a token may be is the operator's word and never the token's (RFC 8725, 3.1): algorithms are pinned, the key is one
//! of the source's own, and headers that name keys elsewhere are not followed. A token that does not hold names nobody; it is
//! the application's business to refuse it. Verified tokens are remembered, so that the hot path checks no signature.

mod keys;
pub mod settings;

use std::time::Duration;

use http::{HeaderMap, HeaderName};
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use moka::sync::Cache;
use ring::digest::{SHA256, digest};
use serde_json::Value;

pub use keys::{Keys, Unkeyed};

use crate::request::cookies;
use crate::words::{Subject, Timestamp};

/// A JSON Web Token that names the subject.
#[derive(Debug)]
pub struct Jwt {
    /// Where it is.
    pub place: Place,
    /// Who signs.
    pub keys: Keys,
    /// The algorithms that are taken.
    pub algorithms: Vec<Algorithm>,
    /// Who issues: one of these. Empty takes any, where the keys are this source's alone.
    pub issuers: Vec<String>,
    /// For whom: one of these.
    pub audiences: Vec<String>,
    /// Where the subject stands: the name of a claim, or a JSON pointer (RFC 6901).
    pub claim: String,
    /// How far clocks may differ.
    pub leeway: Duration,
    verified: Cache<[u8; 32], Verified>,
}

/// Where a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the cookie of this name.
    Cookie(String),
    /// In this header, behind `Bearer` or alone.
    Header(HeaderName),
}

/// Whom a token names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// Nobody: there is none, or it does not hold.
    Nobody,
    /// This subject.
    Somebody(Subject),
    /// It holds, but what it names can be nobody.
    Unclear,
}

/// A token that held.
#[derive(Debug, Clone)]
struct Verified {
    named: Named,
    expires: Timestamp,
    /// Of the keys that it was verified with.
    generation: u64,
}

/// The longest token, in bytes: browsers take no longer cookie, and proxies no much longer header.
const LONGEST: usize = 8 * 1024;
/// The most tokens that are remembered; each takes some 200 bytes.
const MOST: u64 = 20_000;
/// How long a token is remembered at most.
const REMEMBERED: Duration = Duration::from_secs(5 * 60);

// === impl Jwt ===

impl Jwt {
    /// A source that has verified nothing yet.
    #[must_use]
    pub fn new(
        place: Place,
        keys: Keys,
        algorithms: Vec<Algorithm>,
        issuers: Vec<String>,
        audiences: Vec<String>,
        claim: String,
        leeway: Duration,
    ) -> Self {
        let verified = Cache::builder().max_capacity(MOST).time_to_live(REMEMBERED).build();
        Self { place, keys, algorithms, issuers, audiences, claim, leeway, verified }
    }

    /// Whom a request's token names.
    ///
    /// # Errors
    /// When there is a token, and the keys cannot be had.
    pub async fn named(&self, headers: &HeaderMap, now: Timestamp) -> Result<Named, Unkeyed> {
        let Some(token) = self.token(headers) else { return Ok(Named::Nobody) };
        let mut name = [0; 32];
        name.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        let generation = self.keys.generation();
        if let Some(known) = self.verified.get(&name)
            && known.generation == generation
            && now < known.expires
        {
            return Ok(known.named);
        }
        let Some((named, expires)) = self.verify(token, now).await? else { return Ok(Named::Nobody) };
        // By the keys of before: where they changed meanwhile, nobody can tell which set it was, and it is verified again.
        let verified = Verified { named: named.clone(), expires, generation };
        self.verified.insert(name, verified);
        Ok(named)
    }

    /// The one token of a request. Two are none: nobody can tell which the application reads (C03, H05).
    fn token<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let text = match &self.place {
            Place::Cookie(name) => cookies::find(headers, name)?,
            Place::Header(name) => {
                let mut values = headers.get_all(name).iter();
                let value = values.next()?.to_str().ok()?.trim();
                if values.next().is_some() {
                    return None;
                }
                match value.split_once(' ') {
                    Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
                    Some(_) => return None,
                    None if *name == http::header::AUTHORIZATION => return None,
                    None => value,
                }
            }
        };
        (!text.is_empty() && text.len() <= LONGEST).then_some(text)
    }

    /// Whom a token names and until when it holds; `None` when it does not.
    async fn verify(&self, token: &str, now: Timestamp) -> Result<Option<(Named, Timestamp)>, Unkeyed> {
        let Ok(header) = decode_header(token) else { return Ok(None) };
        // `crit` names what must be understood, and nothing of it is (RFC 7515, 4.1.11).
        if header.crit.is_some() || !self.algorithms.contains(&header.alg) {
            return Ok(None);
        }
        let mut validation = Validation::new(header.alg);
        // Times are looked at below, by the clock that is passed in.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let mut required = vec!["exp", "aud"];
        validation.set_audience(&self.audiences);
        if !self.issuers.is_empty() {
            validation.set_issuer(&self.issuers);
            required.push("iss");
        }
        validation.set_required_spec_claims(&required);
        let keys = self.keys.fitting(header.kid.as_deref(), header.alg, now).await?;
        let claims = keys.iter().find_map(|key| decode::<Value>(token, key, &validation).ok());
        let Some(claims) = claims.map(|data| data.claims) else { return Ok(None) };
        let Some(expires) = self.times(&claims, now) else { return Ok(None) };
        Ok(Some((self.subject(&claims), expires)))
    }

    /// Until when the claims hold; `None` when they do not now.
    fn times(&self, claims: &Value, now: Timestamp) -> Option<Timestamp> {
        let moment = |name: &str| match claims.get(name) {
            None => Some(None),
            // A date has seconds, perhaps with a fraction (RFC 7519, 2).
            Some(value) => value.as_f64().filter(|seconds| *seconds >= 0.0).map(|seconds| Some(at(seconds))),
        };
        let expires = moment("exp")??.after(self.leeway);
        let early = moment("nbf")?.is_some_and(|from| now.after(self.leeway) < from);
        (now < expires && !early).then_some(expires)
    }

    fn subject(&self, claims: &Value) -> Named {
        let value = if self.claim.starts_with('/') { claims.pointer(&self.claim) } else { claims.get(&self.claim) };
        let text = match value {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => return Named::Unclear,
        };
        Subject::parse(&text).map_or(Named::Unclear, Named::Somebody)
    }
}

/// The moment this many seconds after 1970.
fn at(seconds: f64) -> Timestamp {
    Timestamp::default().after(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}
