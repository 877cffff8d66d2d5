//! Who proved a contact lately.

use otpgate::store::Provers;
use otpgate::words::KeyedHash;

use crate::bench::{Bench, LONG, TICK, hash};

impl Bench {
    async fn provers(&self, contact: KeyedHash, by: KeyedHash, note: bool, within: std::time::Duration) -> u32 {
        let ask = Provers { site: &self.site, contact, by, note, within };
        self.store.provers(&ask).await.unwrap()
    }
}

pub async fn others_are_counted_once_each(t: Bench) {
    let (contact, alice, bob, carol) = (hash(), hash(), hash(), hash());
    assert_eq!(t.provers(contact, alice, false, LONG).await, 0);
    assert_eq!(t.provers(contact, alice, false, LONG).await, 0, "who only asks is not noted");
    for _ in 0..2 {
        assert_eq!(t.provers(contact, alice, true, LONG).await, 0, "oneself is nobody else");
    }
    for _ in 0..2 {
        assert_eq!(t.provers(contact, bob, true, LONG).await, 1);
    }
    assert_eq!(t.provers(contact, carol, false, LONG).await, 2);
    assert_eq!(t.provers(hash(), carol, false, LONG).await, 0, "another contact");
}

pub async fn the_newest_provers_are_kept(t: Bench) {
    let contact = hash();
    let first = hash();
    t.provers(contact, first, true, LONG).await;
    for _ in 0..Provers::MOST {
        t.wait(std::time::Duration::from_millis(2)).await;
        t.provers(contact, hash(), true, LONG).await;
    }
    assert_eq!(t.provers(contact, first, false, LONG).await, Provers::MOST, "the first is forgotten");
    assert_eq!(t.provers(contact, hash(), false, LONG).await, Provers::MOST);
}

pub async fn provers_leave_with_their_time(t: Bench) {
    let contact = hash();
    let within = TICK * 4;
    t.provers(contact, hash(), true, within).await;
    t.wait(TICK * 2).await;
    t.provers(contact, hash(), true, within).await;
    assert_eq!(t.provers(contact, hash(), false, within).await, 2);
    t.wait(TICK * 2 + TICK / 2).await;
    assert_eq!(t.provers(contact, hash(), false, within).await, 1);
    t.wait(TICK * 2).await;
    assert_eq!(t.provers(contact, hash(), false, within).await, 0);
}
