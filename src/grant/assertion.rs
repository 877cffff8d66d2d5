//! The assertion: a short-lived JSON Web Token (RFC 7519) that tells the application what was proved, so that it need not
//! believe a header. Signed with EdDSA (RFC 8037); the keys are at `/.otpgate/jwks.json`.
//!
//! One is made for a proof and handed to the upstream with each request for half a minute, so that the hot path signs
//! nothing.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use moka::sync::Cache;
use serde_json::{Value, json};

use crate::seal::{KeyRing, Random};
use crate::store::SiteKey;
use crate::words::{Channel, Subject, Timestamp};

/// What an assertion says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Claims {
    /// The site, whose first host is the audience.
    pub site: SiteKey,
    /// Who proved something; `None` when nobody is signed in who could be named, as at a sign-up.
    pub subject: Option<Subject>,
    /// On which channel.
    pub channel: Channel,
    /// When the right code came in.
    pub verified_at: Timestamp,
    /// Whether it is the directory that says so: then this visitor answered no code, and there is no `amr`.
    pub is_vouched: bool,
    /// The score of the request, 0 to 100.
    pub score: u8,
    /// What it is made of: the names of its signals.
    pub reasons: Vec<String>,
    /// The contact that was proved, where the application asked for it by its own form.
    pub contact: Option<String>,
}

/// The assertions that were made a moment ago.
#[derive(Debug)]
pub struct Assertions(Cache<Claims, (Timestamp, HeaderValue)>);

/// How long an assertion is good.
pub const LIFETIME: Duration = Duration::from_secs(60);
/// How long it is handed out: what is left must be enough for the way to the upstream.
const HANDED_OUT: Duration = Duration::from_secs(30);
/// The most that are kept; each is below 1 KiB.
const MOST: u64 = 10_000;

// === impl Assertions ===

impl Default for Assertions {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_live(HANDED_OUT).build())
    }
}

impl Assertions {
    /// The assertion of `claims`; `None` when no secret makes a key.
    #[must_use]
    pub fn of(&self, claims: &Claims, keys: &KeyRing, now: Timestamp, random: &dyn Random) -> Option<HeaderValue> {
        let fresh = |made: Timestamp| now.since(made).is_some_and(|age| age < HANDED_OUT);
        if let Some((made, assertion)) = self.0.get(claims)
            && fresh(made)
        {
            return Some(assertion);
        }
        let assertion = HeaderValue::try_from(claims.sign(keys, now, random)?).ok()?;
        self.0.insert(claims.clone(), (now, assertion.clone()));
        Some(assertion)
    }
}

// === impl Claims ===

impl Claims {
    /// The token in its compact form.
    fn sign(&self, keys: &KeyRing, now: Timestamp, random: &dyn Random) -> Option<String> {
        let key = keys.signing()?;
        let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": key.id()});
        let mut claims = json!({
            "iss": "otpgate",
            "aud": self.site.as_str(),
            "iat": now.as_secs(),
            "exp": now.as_secs() + LIFETIME.as_secs(),
            "jti": URL_SAFE_NO_PAD.encode(random.bytes::<16>()),
            "auth_time": self.verified_at.as_secs(),
            "channel": self.channel.as_str(),
            "score": self.score,
        });
        if let (false, Value::Object(claims)) = (self.is_vouched, &mut claims) {
            claims.insert("amr".to_owned(), methods(self.channel).into());
        }
        if let (false, Value::Object(claims)) = (self.reasons.is_empty(), &mut claims) {
            claims.insert("reasons".to_owned(), self.reasons.clone().into());
        }
        if let (Some(subject), Value::Object(claims)) = (&self.subject, &mut claims) {
            claims.insert("sub".to_owned(), subject.as_str().into());
        }
        if let (Some(contact), Value::Object(claims)) = (&self.contact, &mut claims) {
            claims.insert("contact".to_owned(), contact.as_str().into());
        }
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()));
        Some(format!("{signed}.{signature}"))
    }
}

/// The authentication methods (RFC 8176, section 2) of a code on a channel: it has none for e-mail.
const fn methods(channel: Channel) -> &'static [&'static str] {
    match channel {
        Channel::Sms => &["otp", "sms"],
        Channel::Voice => &["otp", "tel"],
        Channel::Email | Channel::Hosted => &["otp"],
    }
}
