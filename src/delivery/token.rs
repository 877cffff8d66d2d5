//! JSON Web Tokens in their compact form (RFC 7515, RFC 7519), as far as providers use them: we sign requests with RS256,
//! they sign receipts with an HMAC of SHA-2.
//!
//! Which algorithms are taken is the caller's word, never the token's: `none`, and a public key used as an HMAC key, get
//! nowhere (RFC 8725, 3.1).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;

use crate::delivery::{BadCallback, Failure};
use crate::words::Timestamp;

/// How long after it was signed a receipt is believed, and how far ahead the clock of who signed it may be.
pub(super) const FRESH: Duration = Duration::from_secs(5 * 60);

/// An HMAC by which tokens are signed (RFC 7518, 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Hs256,
    Hs384,
    Hs512,
}

/// What a token claims, its signature checked.
#[derive(Debug)]
pub(super) struct Claims(Map<String, Value>);

/// An RSA key that signs tokens. `Debug` hides it. Clones share it.
#[derive(Clone)]
pub(super) struct Signer(Arc<RsaKeyPair>);

/// Why a text is no key. Never carries anything of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadKey {
    #[error("not a private key in PEM: expected the whole file that starts with -----BEGIN PRIVATE KEY-----")]
    NotPem,
    #[error("not an RSA key of 2048 to 4096 bits: expected the one that the vendor made for the application")]
    NotRsa,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    /// What must be understood to read the token: nothing is.
    crit: Option<IgnoredAny>,
}

/// The claims of a token that is signed with `secret` by one of `allowed`.
pub(super) fn open(token: &str, secret: &str, allowed: &[Algorithm]) -> Result<Claims, BadCallback> {
    const BAD: BadCallback = BadCallback::Forged("its token is none");
    let (signed, signature) = token.rsplit_once('.').ok_or(BAD)?;
    let (header, claims) = signed.split_once('.').ok_or(BAD)?;
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| BAD);
    let (header, claims, signature) = (decoded(header)?, decoded(claims)?, decoded(signature)?);
    let header: Header = serde_json::from_slice(&header).map_err(|_| BAD)?;
    let algorithm = allowed.iter().find(|algorithm| algorithm.name() == header.alg && header.crit.is_none());
    let algorithm = algorithm.ok_or(BadCallback::Forged("its token is signed in another way"))?;
    let key = hmac::Key::new(algorithm.hmac(), secret.as_bytes());
    hmac::verify(&key, signed.as_bytes(), &signature)
        .map_err(|_| BadCallback::Forged("the signature of its token is wrong"))?;
    serde_json::from_slice(&claims).map(Claims).map_err(|_| BAD)
}

/// Whether a receipt that was signed at this second is still believed: not too old, and not out of the future.
pub(super) fn is_fresh(signed_at: u64, now: Timestamp) -> bool {
    signed_at.abs_diff(now.as_secs()) <= FRESH.as_secs()
}

/// SHA-256 in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

/// Hexadecimal digits, in lower case.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether two texts are the same, in a time that does not tell where they differ.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

// === impl Algorithm ===

impl Algorithm {
    const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    const fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Hs256 => hmac::HMAC_SHA256,
            Self::Hs384 => hmac::HMAC_SHA384,
            Self::Hs512 => hmac::HMAC_SHA512,
        }
    }
}

// === impl Claims ===

impl Claims {
    /// A claim that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A claim that is a moment, in whole seconds since 1970 (RFC 7519, 2: a fraction is allowed).
    pub(super) fn moment(&self, name: &str) -> Option<u64> {
        let value = self.0.get(name)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 10¹⁵")]
        let whole = |seconds: f64| (0.0..1e15).contains(&seconds).then_some(seconds as u64);
        value.as_u64().or_else(|| value.as_f64().and_then(whole))
    }

    /// Whether there is such a claim, of whatever kind.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether the claim is the SHA-256 of these bytes.
    pub(super) fn is_hash_of(&self, name: &str, bytes: &[u8]) -> bool {
        self.text(name).is_some_and(|claimed| same(claimed, &sha256(bytes)))
    }
}

// === impl Signer ===

impl Signer {
    /// The key in a PEM text, PKCS #8 or PKCS #1.
    pub(super) fn parse(pem: &str) -> Result<Self, BadKey> {
        let pair = match PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| BadKey::NotPem)? {
            PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
            _ => return Err(BadKey::NotRsa),
        };
        pair.map(|pair| Self(Arc::new(pair))).map_err(|_| BadKey::NotRsa)
    }

    /// A token that claims this, signed with RS256.
    pub(super) fn sign(&self, claims: &Value) -> Result<String, Failure> {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| Failure::Unsendable("its token cannot be signed"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(…)")
    }
}

#[cfg(test)]
pub(super) mod tests;
