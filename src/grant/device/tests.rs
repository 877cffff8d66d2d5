use super::*;
use crate::seal::{Secret, SystemRandom};

fn keys() -> KeyRing {
    KeyRing::new(&[Secret::parse(&Secret::generate(&SystemRandom::new())).unwrap()]).unwrap()
}

fn owned(number: u8) -> Owned {
    Owned {
        subject: KeyedHash::new([number; 16]),
        account: number.is_multiple_of(2).then_some(KeyedHash::new([99; 16])),
        channels: vec![Channel::Email, Channel::Sms],
        contact: KeyedHash::new([number + 1; 16]),
        at: Timestamp::from_millis(1000 + u64::from(number)),
    }
}

fn device() -> Device {
    Device { id: DeviceId::from_random([7; 16]), generation: 3, owners: vec![] }
}

#[test]
fn a_device_reads_back_whole_and_stays_small() {
    let (keys, site) = (keys(), SiteKey::new("shop.example.com"));
    let device = (0..20).fold(device(), |device, number| device.with(owned(number)));
    assert_eq!(device.owners.len(), Device::MOST);
    assert_eq!(device.owners[0], owned(19), "the newest stay");
    let value = device.seal(&keys, &site, Scheme::Https, &SystemRandom::new());
    assert!(value.len() < 1000, "{}", value.len());
    assert_eq!(Device::open(&keys, &site, Scheme::Https, &value), Some(device.clone()));
    let again = Owned { at: Timestamp::from_millis(5000), ..owned(17) };
    let device = device.with(again.clone());
    assert_eq!((device.owners.len(), device.of(again.subject)), (Device::MOST, Some(&again)));
}

/// C04, C07, C13: a device is of one site, one scheme and one spelling, and no grant.
#[test]
fn c07_c13_a_device_of_another_site_is_none() {
    let (keys, site) = (keys(), SiteKey::new("shop.example.com"));
    let value = device().with(owned(1)).seal(&keys, &site, Scheme::Https, &SystemRandom::new());
    assert_eq!(Device::open(&keys, &SiteKey::new("wiki.example.com"), Scheme::Https, &value), None);
    assert_eq!(Device::open(&keys, &site, Scheme::Http, &value), None);
    assert_eq!(Device::open(&self::keys(), &site, Scheme::Https, &value), None);
    assert_eq!(Device::open(&keys, &site, Scheme::Https, &format!("{value}=")), None);
    assert_eq!(Device::open(&keys, &site, Scheme::Https, &"x".repeat(100_000)), None);
    assert_eq!(crate::grant::Grant::open(&keys, &site, Scheme::Https, &value), None);
    for position in 0..value.len() {
        let mut bytes = value.clone().into_bytes();
        bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
        assert_eq!(Device::open(&keys, &site, Scheme::Https, &String::from_utf8(bytes).unwrap()), None, "{position}");
    }
}

/// C15: void after its time, after a revocation, and under a policy that takes less than was proved.
#[test]
fn c15_a_device_counts_while_its_proof_would() {
    let (owned, now) = (owned(1), Timestamp::from_millis(61_001));
    let minute = Duration::from_secs(60);
    let both = |channel| matches!(channel, Channel::Email | Channel::Sms);
    assert!(owned.counts(both, minute, None, now));
    assert!(!owned.counts(both, minute, None, now.after(Duration::from_secs(1))), "too old");
    assert!(!owned.counts(|channel| channel == Channel::Sms, minute, None, now), "it may have been the e-mail");
    assert!(owned.counts(both, minute, Some(Timestamp::from_millis(1000)), now), "answered after that");
    assert!(!owned.counts(both, minute, Some(Timestamp::from_millis(1001)), now), "revoked");
}
