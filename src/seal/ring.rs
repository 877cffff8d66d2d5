//! The key ring: the first secret seals, every secret opens.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::{hkdf, hmac};
use zeroize::Zeroizing;

use crate::seal::{Code, PublicKey, Random, SigningKey};
use crate::words::{ChallengeId, KeyedHash};

/// A secret of the config: at least 32 random bytes.
pub struct Secret(Zeroizing<Vec<u8>>);

/// Why a text is no secret. Never carries the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSecret {
    /// Not base64.
    #[error("not base64: make a secret with `otpgate keygen`")]
    NotBase64,
    /// Fewer than 32 bytes, or one byte over and over.
    #[error("too weak: a secret is 32 random bytes or more; make one with `otpgate keygen`")]
    Weak,
    /// No secret at all.
    #[error("at least one secret is needed: make one with `otpgate keygen`")]
    None,
}

/// What a sealed text is for. A text sealed for one purpose does not open for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The grant cookie.
    Grant,
    /// A parked request in the store.
    Parked,
    /// A challenge's particulars in the store: subject, contacts, return address.
    Challenge,
    /// A code in the store, for the resend.
    Code,
    /// A subject in the store, behind the application's session cookie.
    Session,
    /// What a call says, in the store until the provider fetches it.
    Words,
    /// The page that was asked for, in a cookie until its visitor has signed in.
    Onward,
    /// A contact of an account in the store, to send a notice there when it is changed.
    Contact,
    /// A mark in the store: whose contact was proved, and who is to be told.
    Mark,
    /// In the store: of which address, network, autonomous system or country something is held.
    Flag,
    /// The cookie by which a browser is known again.
    Device,
    /// Where a subject was last, in the store.
    Place,
}

/// Seals and opens texts, hashes under a key, and outlives the rotation of its secrets.
///
/// Sealing uses the first secret, opening tries the one whose id the text carries. Keyed hashes use the **last**
/// secret: putting a new secret in front changes no counter, lock or revocation; these start anew only when the last
/// one is dropped, after the grants that it sealed have run out.
pub struct KeyRing {
    keys: Vec<Key>,
    hash: hmac::Key,
    code: hmac::Key,
    form: hmac::Key,
    /// One per secret, in their order.
    signing: Vec<SigningKey>,
}

struct Key {
    id: [u8; KEY_ID],
    /// One key per [`Purpose`], in its order.
    aead: [LessSafeKey; PURPOSES.len()],
}

const KEY_ID: usize = 4;
const TAG: usize = 16;
const PURPOSES: [(Purpose, &[u8]); 12] = [
    (Purpose::Grant, b"otpgate grant v1"),
    (Purpose::Parked, b"otpgate parked v1"),
    (Purpose::Challenge, b"otpgate challenge v1"),
    (Purpose::Code, b"otpgate code v1"),
    (Purpose::Session, b"otpgate session v1"),
    (Purpose::Words, b"otpgate words v1"),
    (Purpose::Onward, b"otpgate onward v1"),
    (Purpose::Contact, b"otpgate contact v1"),
    (Purpose::Mark, b"otpgate mark v1"),
    (Purpose::Flag, b"otpgate flag v1"),
    (Purpose::Device, b"otpgate device v1"),
    (Purpose::Place, b"otpgate place v1"),
];

// === impl Secret ===

impl Secret {
    /// Parses base64, with either alphabet, padded or not.
    ///
    /// # Errors
    /// When it is not base64 or has fewer than 32 bytes.
    pub fn parse(text: &str) -> Result<Self, BadSecret> {
        let text = text.trim();
        let bytes = STANDARD
            .decode(text)
            .or_else(|_| STANDARD_NO_PAD.decode(text))
            .or_else(|_| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')))
            .map_err(|_| BadSecret::NotBase64)?;
        let weak = bytes.len() < 32 || bytes.iter().all(|byte| Some(byte) == bytes.first());
        if weak { Err(BadSecret::Weak) } else { Ok(Self(Zeroizing::new(bytes))) }
    }

    /// A new secret in base64, as `otpgate keygen` prints it.
    #[must_use]
    pub fn generate(random: &dyn Random) -> String {
        STANDARD.encode(Zeroizing::new(random.bytes::<32>()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

// === impl KeyRing ===

impl KeyRing {
    /// The key ring of these secrets, the sealing one first.
    ///
    /// # Errors
    /// When there is none.
    pub fn new(secrets: &[Secret]) -> Result<Self, BadSecret> {
        let last = secrets.last().ok_or(BadSecret::None)?;
        Ok(Self {
            keys: secrets.iter().map(Key::new).collect(),
            hash: last.hmac(b"otpgate hash v1"),
            code: last.hmac(b"otpgate code hash v1"),
            form: last.hmac(b"otpgate form v1"),
            signing: secrets.iter().filter_map(Secret::signing).collect(),
        })
    }

    /// A key ring of a secret of its own, which nobody else has.
    #[must_use]
    pub fn fresh(random: &dyn Random) -> Self {
        let secret = Secret(Zeroizing::new(random.bytes::<32>().to_vec()));
        Self {
            keys: vec![Key::new(&secret)],
            hash: secret.hmac(b"otpgate hash v1"),
            code: secret.hmac(b"otpgate code hash v1"),
            form: secret.hmac(b"otpgate form v1"),
            signing: secret.signing().into_iter().collect(),
        }
    }

    /// Seals `plain` with AES-256-GCM. `context` must be the same to open it.
    ///
    /// # Panics
    /// Never for texts below 64 GiB, the limit of AES-GCM.
    #[must_use]
    pub fn seal(&self, purpose: Purpose, context: &[u8], plain: &[u8], random: &dyn Random) -> Vec<u8> {
        let Some(key) = self.keys.first() else { return Vec::new() };
        let nonce = random.bytes::<NONCE_LEN>();
        let mut sealed = Vec::with_capacity(KEY_ID + NONCE_LEN + plain.len() + TAG);
        sealed.extend_from_slice(&key.id);
        sealed.extend_from_slice(&nonce);
        let start = sealed.len();
        sealed.extend_from_slice(plain);
        let (_, body) = sealed.split_at_mut(start);
        let tag = key
            .aead(purpose)
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), body)
            .unwrap_or_else(|_| unreachable!("a text of 64 GiB is never sealed"));
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    /// Opens what [`KeyRing::seal`] made for the same purpose and context; `None` for anything else.
    #[must_use]
    pub fn open(&self, purpose: Purpose, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (id, rest) = sealed.split_at_checked(KEY_ID)?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let key = self.keys.iter().find(|key| key.id == id)?;
        let mut body = body.to_vec();
        let length = key.aead(purpose).open_in_place(nonce, Aad::from(context), &mut body).ok()?.len();
        body.truncate(length);
        Some(body)
    }

    /// The key that signs: that of the first secret.
    #[must_use]
    pub fn signing(&self) -> Option<&SigningKey> {
        self.signing.first()
    }

    /// What others check signatures with: a key per secret, so that a rotation breaks nothing.
    pub fn public_keys(&self) -> impl Iterator<Item = PublicKey> {
        self.signing.iter().map(SigningKey::public)
    }

    /// The keyed hash of `parts` in `domain`. Parts are told apart by their lengths: `["ab", "c"]` is not
    /// `["a", "bc"]`.
    #[must_use]
    pub fn hash(&self, domain: &str, parts: &[&[u8]]) -> KeyedHash {
        KeyedHash::new(first_half(&sign(&self.hash, domain.as_bytes(), parts)))
    }

    /// What the store keeps of a code, for the comparison: bound to its challenge (O05, O18).
    #[must_use]
    pub fn hash_code(&self, challenge: &ChallengeId, code: &Code) -> KeyedHash {
        KeyedHash::new(first_half(&sign(&self.code, b"code", &[challenge.as_bytes(), code.reveal().as_bytes()])))
    }

    /// The hidden token of a form: for whom it was made (a challenge, a browser), and nobody else (C12, U24).
    #[must_use]
    pub fn form_token(&self, whom: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(first_half(&sign(&self.form, b"form", &[whom])))
    }

    /// Whether `token` is the form token of `whom`, compared in constant time.
    #[must_use]
    pub fn is_form_token(&self, whom: &[u8], token: &str) -> bool {
        use subtle::ConstantTimeEq as _;
        self.form_token(whom).as_bytes().ct_eq(token.as_bytes()).into()
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({} keys)", self.keys.len())
    }
}

fn sign(key: &hmac::Key, domain: &[u8], parts: &[&[u8]]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    for part in std::iter::once(domain).chain(parts.iter().copied()) {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part);
    }
    context.sign()
}

fn first_half(tag: &hmac::Tag) -> [u8; 16] {
    let mut half = [0; 16];
    for (to, from) in half.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    half
}

// === impl Key ===

/// The length that HKDF is asked for (RFC 5869).
struct Bytes32;

impl hkdf::KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}

impl Secret {
    fn derive(&self, info: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        let derived = hkdf::Salt::new(hkdf::HKDF_SHA256, b"otpgate").extract(&self.0);
        derived
            .expand(&[info], Bytes32)
            .and_then(|okm| okm.fill(key.as_mut()))
            .unwrap_or_else(|_| unreachable!("32 bytes are within HKDF's limit"));
        key
    }

    fn signing(&self) -> Option<SigningKey> {
        SigningKey::of(&self.derive(b"otpgate assertion v1"))
    }

    fn hmac(&self, info: &[u8]) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.derive(info).as_ref())
    }
}

impl Key {
    fn new(secret: &Secret) -> Self {
        let mut id = [0; KEY_ID];
        for (to, from) in id.iter_mut().zip(secret.derive(b"otpgate key id v1").iter()) {
            *to = *from;
        }
        let aead = PURPOSES.map(|(_, info)| {
            let key = UnboundKey::new(&AES_256_GCM, secret.derive(info).as_ref());
            LessSafeKey::new(key.unwrap_or_else(|_| unreachable!("the key has AES-256's 32 bytes")))
        });
        Self { id, aead }
    }

    fn aead(&self, purpose: Purpose) -> &LessSafeKey {
        let [grant, parked, challenge, code, session, words, onward, contact, mark, flag, device, place] = &self.aead;
        match purpose {
            Purpose::Grant => grant,
            Purpose::Parked => parked,
            Purpose::Challenge => challenge,
            Purpose::Code => code,
            Purpose::Session => session,
            Purpose::Words => words,
            Purpose::Onward => onward,
            Purpose::Contact => contact,
            Purpose::Mark => mark,
            Purpose::Flag => flag,
            Purpose::Device => device,
            Purpose::Place => place,
        }
    }
}

#[cfg(test)]
mod tests;
