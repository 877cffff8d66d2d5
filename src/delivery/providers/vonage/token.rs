//! Tokens of Vonage: those by which an application signs its requests, and those by which Vonage signs receipts of the
//! Messages API and the Voice API.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header;
use serde_json::json;

use crate::delivery::spec::vonage::Application;
use crate::delivery::token::{self, Algorithm, is_fresh, same};
use crate::delivery::{BadCallback, Callback, Failure, VonageSpec};
use crate::seal::Random;
use crate::words::Timestamp;

/// How long a token is good for.
const LIFE: Duration = Duration::from_secs(15 * 60);
/// How long before its end it is used no more, so that none runs out on its way.
const RESERVE: Duration = Duration::from_secs(60);

/// The token of an application: made when it is needed, and kept while it is good.
pub(super) struct ApplicationToken {
    application: Application,
    random: Arc<dyn Random>,
    /// The token, and from when on it is used no more.
    kept: Mutex<Option<(Arc<str>, Timestamp)>>,
}

// === impl ApplicationToken ===

impl ApplicationToken {
    pub(super) fn new(application: Application, random: Arc<dyn Random>) -> Self {
        Self { application, random, kept: Mutex::default() }
    }

    /// A token that is good for another minute at least.
    pub(super) fn at(&self, now: Timestamp) -> Result<Arc<str>, Failure> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            // One out of the future was made before the clock was set back: Vonage would not take it.
            Some((token, until)) if now < *until && now.after(LIFE) >= *until => Ok(Arc::clone(token)),
            _ => {
                let token: Arc<str> = self.make(now)?.into();
                *kept = Some((Arc::clone(&token), now.after(LIFE - RESERVE)));
                Ok(token)
            }
        }
    }

    fn make(&self, now: Timestamp) -> Result<String, Failure> {
        let random: &dyn Random = &*self.random;
        self.application.key.sign(&json!({
            "application_id": self.application.id,
            "iat": now.as_secs(),
            "jti": uuid(random.bytes()),
            "exp": now.after(LIFE).as_secs(),
        }))
    }
}

impl fmt::Debug for ApplicationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApplicationToken({})", self.application.id)
    }
}

/// A random UUID (RFC 9562, 5.4).
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let [a, b, c, d] = [&bytes[..4], &bytes[4..6], &bytes[6..8], &bytes[8..10]].map(token::hex);
    format!("{a}-{b}-{c}-{d}-{}", token::hex(&bytes[10..]))
}

/// Checks the token of a receipt; what it uses once only.
pub(super) fn check(callback: &Callback<'_>, secret: &str, spec: &VonageSpec) -> Result<String, BadCallback> {
    let bearer = callback.header(header::AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
    });
    let claims = token::open(bearer.ok_or(BadCallback::Forged("there is no token"))?, secret, &[Algorithm::Hs256])?;
    if claims.text("iss") != Some("Vonage") {
        return Err(BadCallback::Forged("its token is not of Vonage"));
    }
    let is_ours =
        |name, ours: Option<&str>| ours.is_none_or(|ours| claims.text(name).is_some_and(|own| same(own, ours)));
    let application = spec.application.as_ref().map(|application| application.id.as_str());
    // Receipts of the Messages API name no application when messages are sent with the account's own secret.
    let of_application = !claims.has("application_id") || is_ours("application_id", application);
    if !is_ours("api_key", spec.api_key.as_deref()) || !of_application {
        return Err(BadCallback::Forged("its token is of another account"));
    }
    if !claims.is_hash_of("payload_hash", callback.body) {
        return Err(BadCallback::Forged("its token is of another body"));
    }
    let issued_at = claims.moment("iat").ok_or(BadCallback::Forged("the time of its token is missing"))?;
    let is_over = claims.has("exp") && claims.moment("exp").is_none_or(|exp| exp < callback.now.as_secs());
    if !is_fresh(issued_at, callback.now) || is_over {
        return Err(BadCallback::Stale);
    }
    let nonce = claims.text("jti").filter(|jti| !jti.is_empty());
    nonce.map(str::to_owned).ok_or(BadCallback::Forged("its token can be used twice"))
}

#[cfg(test)]
mod tests;
