//! How the SMS API signs parameters: of receipts, and of requests if the account is set so.
//!
//! The parameters in the order of their names, each as `&name=value`; `&` and `=` inside values become `_`. Then a hash
//! with the secret, in hexadecimal digits of either case.

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use ring::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, HMAC_SHA256, HMAC_SHA512, Key, sign};

use crate::delivery::spec::vonage::SignatureMode;
use crate::delivery::token::{hex, same};

/// A parameter: its name and its value.
pub(in crate::delivery) type Pair = (String, String);

// === impl SignatureMode ===

impl SignatureMode {
    /// The signature of these parameters, `sig` itself left out. `None` when they cannot be signed without doubt: a name
    /// twice, or one that could be taken for two.
    pub(in crate::delivery) fn sign(self, pairs: &[Pair], secret: &str) -> Option<String> {
        let text = canonical(pairs)?;
        let (text, secret) = (text.as_bytes(), secret.as_bytes());
        let ring = |algorithm| hex(sign(&Key::new(algorithm, secret), text).as_ref());
        Some(match self {
            Self::Md5Hash => hex(&Md5::new_with_prefix(text).chain_update(secret).finalize()),
            Self::Md5 => {
                let mac = Hmac::<Md5>::new_from_slice(secret).ok()?;
                hex(&mac.chain_update(text).finalize().into_bytes())
            }
            Self::Sha1 => ring(HMAC_SHA1_FOR_LEGACY_USE_ONLY),
            Self::Sha256 => ring(HMAC_SHA256),
            Self::Sha512 => ring(HMAC_SHA512),
        })
    }

    /// Whether `signature` is that of these parameters.
    pub(in crate::delivery) fn is_signature(self, signature: &str, pairs: &[Pair], secret: &str) -> bool {
        self.sign(pairs, secret).is_some_and(|expected| same(&expected, &signature.to_ascii_lowercase()))
    }
}

fn canonical(pairs: &[Pair]) -> Option<String> {
    let mut pairs: Vec<&Pair> = pairs.iter().filter(|(name, _)| name != "sig").collect();
    pairs.sort();
    let is_doubtful = |name: &str| name.contains(['&', '=']);
    let twice = pairs.windows(2).any(|two| matches!(two, [one, other] if one.0 == other.0));
    if twice || pairs.iter().any(|(name, _)| is_doubtful(name)) {
        return None;
    }
    Some(pairs.iter().map(|(name, value)| format!("&{name}={}", value.replace(['&', '='], "_"))).collect())
}

#[cfg(test)]
mod tests;
