//! Ed25519 keys (RFC 8032) by which others can tell that something was said by this gateway.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

/// A key that signs, made of a secret of the config: every gateway with that secret has the same.
pub struct SigningKey {
    id: String,
    pair: Ed25519KeyPair,
}

/// What others check signatures with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Which key it is: `kid` of a token.
    pub id: String,
    /// The 32 bytes of RFC 8032, in base64url without padding: `x` of a JWK (RFC 8037, section 2).
    pub x: String,
}

// === impl SigningKey ===

impl SigningKey {
    /// The key of a seed. `None` never happens: every 32 bytes are one.
    pub(super) fn of(seed: &[u8; 32]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        // Of the public key alone, so it tells nothing of the secret.
        let digest = ring::digest::digest(&ring::digest::SHA256, pair.public_key().as_ref());
        let id = URL_SAFE_NO_PAD.encode(digest.as_ref().get(..9).unwrap_or_default());
        Some(Self { id, pair })
    }

    /// Which key it is.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The signature of `message`, 64 bytes.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }

    /// What others check its signatures with.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey { id: self.id.clone(), x: URL_SAFE_NO_PAD.encode(self.pair.public_key().as_ref()) }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}
