use super::*;
use crate::seal::{Secret, SystemRandom};

fn keys() -> KeyRing {
    KeyRing::new(&[Secret::parse(&Secret::generate(&SystemRandom::new())).unwrap()]).unwrap()
}

fn proof(channel: Channel, at: u64) -> Proof {
    Proof {
        channel,
        others: vec![],
        contact: KeyedHash::new([1; 16]),
        origin: Origin::Directory,
        at: Timestamp::from_millis(at),
        app_session: Some(KeyedHash::new([2; 16])),
        network: KeyedHash::new([3; 16]),
        spot: Spot { country: "MY".parse().ok(), system: Some(64_496), about: None },
    }
}

fn grant(proofs: Vec<Proof>) -> Grant {
    Grant { id: GrantId::from_random([9; 16]), subject: Subject::parse("alice").unwrap(), account: None, proofs }
}

#[test]
fn a_grant_reads_back_whole() {
    let (keys, site) = (keys(), SiteKey::new("shop.example.com"));
    let both =
        Proof { others: vec![Channel::Email], app_session: None, origin: Origin::Typed, ..proof(Channel::Sms, 7) };
    let grant = Grant { account: Some(KeyedHash::new([4; 16])), ..grant(vec![both, proof(Channel::Email, 5)]) };
    let value = grant.seal(&keys, &site, Scheme::Https, &SystemRandom::new());
    assert_eq!(Grant::open(&keys, &site, Scheme::Https, &value), Some(grant));
}

/// C04, C07, C13: a grant is of one site, one scheme and one spelling.
#[test]
fn c04_c07_c13_what_was_touched_or_moved_is_no_grant() {
    let (keys, site) = (keys(), SiteKey::new("shop.example.com"));
    let value = grant(vec![proof(Channel::Email, 5)]).seal(&keys, &site, Scheme::Https, &SystemRandom::new());
    assert_eq!(Grant::open(&keys, &SiteKey::new("wiki.example.com"), Scheme::Https, &value), None, "another site");
    assert_eq!(Grant::open(&keys, &site, Scheme::Http, &value), None, "another scheme");
    assert_eq!(Grant::open(&self::keys(), &site, Scheme::Https, &value), None, "another key");
    for position in 0..value.len() {
        let mut bytes = value.clone().into_bytes();
        bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
        let touched = String::from_utf8(bytes).unwrap();
        assert_eq!(Grant::open(&keys, &site, Scheme::Https, &touched), None, "character {position}");
        assert_eq!(Grant::open(&keys, &site, Scheme::Https, &value[..position]), None, "cut at {position}");
    }
    for variant in [format!("{value}="), format!(" {value}"), value.replace(['-', '_'], "+") + "A", "x".repeat(100_000)]
    {
        assert_eq!(Grant::open(&keys, &site, Scheme::Https, &variant), None);
    }
}

#[test]
fn c11_a_grant_stays_small() {
    let keys = keys();
    let mut grown = Grant { subject: Subject::parse(&"x".repeat(Subject::MAX)).unwrap(), ..grant(vec![]) };
    for n in 0..100_u8 {
        let next = Proof { contact: KeyedHash::new([n; 16]), ..proof(Channel::Email, u64::from(n)) };
        grown = grown.with(next, Duration::from_secs(3600));
    }
    assert_eq!(grown.proofs.len(), MAX_PROOFS);
    assert_eq!(grown.proofs[0].at, Timestamp::from_millis(99), "the newest stay");
    let value = grown.seal(&keys, &SiteKey::new("shop.example.com"), Scheme::Https, &SystemRandom::new());
    assert!(value.len() < 1500, "{}", value.len());
}

#[test]
fn an_old_proof_goes_when_a_new_one_comes() {
    let hour = Duration::from_secs(3600);
    let grant = grant(vec![proof(Channel::Email, 0)]).with(proof(Channel::Sms, 3_600_001), hour);
    assert_eq!(grant.proofs.len(), 1);
    let again = grant.with(proof(Channel::Sms, 3_600_002), hour);
    assert_eq!(again.proofs, vec![proof(Channel::Sms, 3_600_002)]);
}

/// A grant from before proofs said where they were made: nobody is signed out by an update.
#[test]
fn a_grant_of_the_version_before_still_opens() {
    let (keys, site) = (keys(), SiteKey::new("shop.example.com"));
    let whole = grant(vec![proof(Channel::Email, 5), proof(Channel::Sms, 4)]);
    let now = whole.encode();
    let (head, proofs) = now.split_at(now.len() - 2 * 71);
    let mut before = head.to_vec();
    before[0] = 2;
    proofs.chunks(71).for_each(|proof| before.extend_from_slice(&proof[..59]));
    let sealed = keys.seal(Purpose::Grant, &context(&site, Scheme::Https), &before, &SystemRandom::new());
    let opened = Grant::open(&keys, &site, Scheme::Https, &URL_SAFE_NO_PAD.encode(sealed));
    let mut wanted = whole;
    wanted.proofs.iter_mut().for_each(|proof| proof.spot = Spot::default());
    assert_eq!(opened, Some(wanted));
}
