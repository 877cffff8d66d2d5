use super::*;
use crate::seal::{CodeShape, SystemRandom};

fn secret(fill: u8) -> Secret {
    let mut bytes = [fill; 32];
    bytes[0] = 0;
    Secret::parse(&STANDARD.encode(bytes)).unwrap()
}

fn ring(fills: &[u8]) -> KeyRing {
    KeyRing::new(&fills.iter().map(|&fill| secret(fill)).collect::<Vec<_>>()).unwrap()
}

#[test]
fn c04_what_was_touched_does_not_open() {
    let (ring, random) = (ring(&[1]), SystemRandom::new());
    let sealed = ring.seal(Purpose::Grant, b"shop", b"proofs", &random);
    assert_eq!(ring.open(Purpose::Grant, b"shop", &sealed).as_deref(), Some(&b"proofs"[..]));
    assert_eq!(ring.open(Purpose::Parked, b"shop", &sealed), None, "another purpose");
    assert_eq!(ring.open(Purpose::Grant, b"wiki", &sealed), None, "another site");
    for position in 0..sealed.len() {
        let mut flipped = sealed.clone();
        flipped[position] ^= 1;
        assert_eq!(ring.open(Purpose::Grant, b"shop", &flipped), None, "byte {position}");
        assert_eq!(ring.open(Purpose::Grant, b"shop", &sealed[..position]), None, "cut at {position}");
    }
    let longer = [&sealed[..], b"x"].concat();
    assert_eq!(ring.open(Purpose::Grant, b"shop", &longer), None, "extended");
}

#[test]
fn a_rotation_keeps_grants_and_counters() {
    let random = SystemRandom::new();
    let (old, both, new) = (ring(&[1]), ring(&[2, 1]), ring(&[2]));
    let sealed = old.seal(Purpose::Grant, b"", b"proofs", &random);
    assert!(both.open(Purpose::Grant, b"", &sealed).is_some(), "the old key still opens");
    assert!(new.open(Purpose::Grant, b"", &sealed).is_none(), "until it is dropped");
    let resealed = both.seal(Purpose::Grant, b"", b"proofs", &random);
    assert!(new.open(Purpose::Grant, b"", &resealed).is_some(), "the new key seals");
    assert_eq!(
        old.hash("subject", &[b"alice"]),
        both.hash("subject", &[b"alice"]),
        "a new key in front moves no counter"
    );
}

#[test]
fn hashes_tell_domains_and_parts_apart() {
    let ring = ring(&[1]);
    let hash = ring.hash("subject", &[b"ab", b"c"]);
    assert_ne!(hash, ring.hash("subject", &[b"a", b"bc"]));
    assert_ne!(hash, ring.hash("contact", &[b"ab", b"c"]));
    assert_ne!(hash, ring.hash("subject", &[b"abc"]));
}

#[test]
fn o05_a_code_counts_for_its_own_challenge_only() {
    let ring = ring(&[1]);
    let code = CodeShape::new(6).unwrap().draw(&SystemRandom::new());
    let (one, two) = (ChallengeId::from_random([1; 16]), ChallengeId::from_random([2; 16]));
    assert_ne!(ring.hash_code(&one, &code), ring.hash_code(&two, &code));
}

#[test]
fn c12_a_form_token_is_of_one_challenge() {
    let ring = ring(&[1]);
    let token = ring.form_token(b"one");
    assert!(ring.is_form_token(b"one", &token));
    assert!(!ring.is_form_token(b"two", &token));
    assert!(!ring.is_form_token(b"one", ""));
}

#[test]
fn a_weak_secret_is_refused() {
    assert_eq!(Secret::parse("not base64!").unwrap_err(), BadSecret::NotBase64);
    assert_eq!(Secret::parse(&STANDARD.encode([1, 2, 3])).unwrap_err(), BadSecret::Weak);
    assert_eq!(Secret::parse(&STANDARD.encode([0; 32])).unwrap_err(), BadSecret::Weak);
    assert!(Secret::parse(&Secret::generate(&SystemRandom::new())).is_ok());
    assert_eq!(KeyRing::new(&[]).unwrap_err(), BadSecret::None);
}
