//! Devices that move on, and where subjects were last.

use std::time::Duration;

use otpgate::store::{Change, DeviceTurn, DeviceTurned, NewPlace, Revocation};
use otpgate::words::DeviceId;

use crate::bench::{Bench, LONG, TICK, hash, random};
use crate::feed::{heard, now};

fn id() -> DeviceId {
    DeviceId::from_random(random())
}

impl Bench {
    async fn turn(&self, device: DeviceId, generation: u32, grace: Duration) -> DeviceTurned {
        let generation = (generation > 0).then_some(generation);
        let turn = DeviceTurn { site: &self.site, device, generation, grace, keep: LONG };
        self.store.turn_device(&turn).await.unwrap()
    }

    async fn put_place(&self, subject: otpgate::words::KeyedHash, sealed: &[u8], ttl: Duration, tell: bool) {
        self.store.put_place(&NewPlace { site: &self.site, subject, sealed, ttl, tell }).await.unwrap();
    }
}

pub async fn a_device_moves_on_with_each_turn(t: Bench) {
    let device = id();
    assert_eq!(t.turn(device, 1, LONG).await, DeviceTurned::Unknown, "of a store that lost its memory");
    assert_eq!(t.turn(device, 0, LONG).await, DeviceTurned::To(1));
    for generation in 1..5 {
        assert_eq!(t.turn(device, generation, LONG).await, DeviceTurned::To(generation + 1));
    }
    assert_eq!(t.turn(id(), 1, LONG).await, DeviceTurned::Unknown, "another device");
    let mut elsewhere = t.clone();
    elsewhere.site = otpgate::store::SiteKey::new("elsewhere.test");
    assert_eq!(elsewhere.turn(device, 5, LONG).await, DeviceTurned::Unknown, "another site");
}

/// Two copies of one generation: whichever comes second, or a step later, is found out.
pub async fn c14_a_copy_is_found_whoever_comes_first(t: Bench) {
    for grace in [Duration::ZERO, LONG] {
        // The browser moved on by two.
        let device = id();
        assert_eq!(t.turn(device, 0, grace).await, DeviceTurned::To(1));
        assert_eq!(t.turn(device, 1, grace).await, DeviceTurned::To(2));
        assert_eq!(t.turn(device, 2, grace).await, DeviceTurned::To(3));
        assert_eq!(t.turn(device, 1, grace).await, DeviceTurned::Stolen);
    }
    // The browser moved on by one, and then the copy did: from then on the browser's is the one that cannot be.
    let device = id();
    t.turn(device, 0, Duration::ZERO).await;
    assert_eq!(t.turn(device, 1, Duration::ZERO).await, DeviceTurned::To(2));
    assert_eq!(t.turn(device, 1, Duration::ZERO).await, DeviceTurned::To(3), "it may have got no answer");
    assert_eq!(t.turn(device, 2, Duration::ZERO).await, DeviceTurned::Stolen);
    // A generation that never was.
    let device = id();
    t.turn(device, 0, LONG).await;
    assert_eq!(t.turn(device, 7, LONG).await, DeviceTurned::Stolen);
}

pub async fn c14_what_was_stolen_stays_stolen(t: Bench) {
    let device = id();
    t.turn(device, 0, LONG).await;
    assert_eq!(t.turn(device, 9, LONG).await, DeviceTurned::Stolen);
    for generation in [1, 2, 9] {
        assert_eq!(t.turn(device, generation, LONG).await, DeviceTurned::Stolen, "{generation}");
    }
}

pub async fn several_requests_at_once_are_one_browser_s(t: Bench) {
    let device = id();
    t.turn(device, 0, LONG).await;
    for _ in 0..5 {
        assert_eq!(t.turn(device, 1, LONG).await, DeviceTurned::To(2));
    }
    assert_eq!(t.turn(device, 2, LONG).await, DeviceTurned::To(3));
}

pub async fn a_browser_that_got_no_answer_goes_on(t: Bench) {
    let device = id();
    t.turn(device, 0, TICK).await;
    assert_eq!(t.turn(device, 1, TICK).await, DeviceTurned::To(2));
    t.wait(TICK + TICK / 2).await;
    assert_eq!(t.turn(device, 1, TICK).await, DeviceTurned::To(3));
    assert_eq!(t.turn(device, 3, TICK).await, DeviceTurned::To(4));
}

pub async fn devices_are_forgotten_in_the_end(t: Bench) {
    let device = id();
    let turn = |generation| DeviceTurn { site: &t.site, device, generation, grace: LONG, keep: TICK * 2 };
    assert_eq!(t.store.turn_device(&turn(None)).await, Ok(DeviceTurned::To(1)));
    t.wait(TICK).await;
    assert_eq!(t.store.turn_device(&turn(Some(1))).await, Ok(DeviceTurned::To(2)));
    t.wait(TICK + TICK / 2).await;
    assert_eq!(t.store.turn_device(&turn(Some(2))).await, Ok(DeviceTurned::To(3)), "kept anew with each turn");
    t.wait(TICK * 2 + TICK / 2).await;
    assert_eq!(t.store.turn_device(&turn(Some(3))).await, Ok(DeviceTurned::Unknown));
}

/// C14, I10.
pub async fn a_device_and_its_copy_are_told_to_every_gateway(t: Bench) {
    let mut cursor = now(&t).await;
    let revocation = Revocation::Device { site: t.site.clone(), device: id() };
    t.store.revoke(&revocation, LONG).await.unwrap();
    t.store.revoke(&revocation, LONG).await.unwrap();
    let changes = heard(&t, &mut cursor, 2).await;
    assert!(matches!(&changes[0], Change::Revoked(told, _) if *told == revocation), "{changes:?}");
    let kept = t.store.revocations().await.unwrap();
    assert_eq!(kept.iter().filter(|(known, _)| *known == revocation).count(), 1);
}

pub async fn a_place_takes_the_place_of_the_one_before(t: Bench) {
    let (alice, bob) = (hash(), hash());
    let place = async |subject| t.store.place(&t.site, subject).await.unwrap();
    assert_eq!(place(alice).await, None);
    t.put_place(alice, b"here", LONG, true).await;
    t.put_place(alice, b"there", TICK * 2, false).await;
    assert_eq!(place(alice).await, Some(b"there".to_vec()));
    assert_eq!(place(bob).await, None);
    t.wait(TICK * 2 + TICK / 2).await;
    assert_eq!(place(alice).await, None, "forgotten");
    t.put_place(bob, b"home", LONG, false).await;
}

pub async fn a_move_is_told_where_it_is_one(t: Bench) {
    let (alice, mut cursor) = (hash(), now(&t).await);
    t.put_place(alice, b"here", LONG, false).await;
    t.put_place(alice, b"there", LONG, true).await;
    let changes = heard(&t, &mut cursor, 1).await;
    assert_eq!(changes, [Change::Moved { site: t.site.clone(), subject: alice }]);
}

/// Copies that all come at once, long after the browser moved on: the first takes the device with it.
pub async fn one_of_many_copies_is_found(t: Bench) {
    let device = id();
    for generation in 0..4 {
        t.turn(device, generation, Duration::ZERO).await;
    }
    let copies = (0..20).map(|_| t.turn(device, 2, Duration::ZERO));
    let turned = futures_util::future::join_all(copies).await;
    assert!(turned.iter().all(|turned| *turned == DeviceTurned::Stolen), "{turned:?}");
}
