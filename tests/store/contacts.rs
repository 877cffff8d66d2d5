//! Which contacts an account has, and since when (O27).

use std::time::Duration;

use otpgate::store::{Permit, Seen, SeenContact, SendLimits, Sighting, Window};
use otpgate::words::{ChallengeId, KeyedHash};

use crate::bench::{Bench, LONG, Opening, Sending, TICK, Visitor, hash, no_limits, random, window};

/// An account, and what a sighting of it says.
#[derive(Clone)]
struct Account {
    account: KeyedHash,
    cooldown: Duration,
    keep: Duration,
    per_contact: Vec<Window>,
}

impl Account {
    fn new() -> Self {
        Self { account: hash(), cooldown: TICK * 2, keep: LONG, per_contact: vec![] }
    }

    async fn seen(&self, t: &Bench, contacts: &[KeyedHash]) -> Seen {
        self.told(t, contacts, false).await
    }

    /// What an operator vouches for.
    async fn vouched(&self, t: &Bench, contacts: &[KeyedHash]) -> Seen {
        self.told(t, contacts, true).await
    }

    async fn told(&self, t: &Bench, contacts: &[KeyedHash], is_vouched: bool) -> Seen {
        let listed: Vec<_> = contacts.iter().map(|contact| (*contact, contact.as_bytes().to_vec())).collect();
        let ask = Sighting {
            site: &t.site,
            account: self.account,
            listed: &listed,
            cooldown: self.cooldown,
            keep: self.keep,
            notice: ChallengeId::from_random(random()),
            per_contact: &self.per_contact,
            is_vouched,
        };
        t.store.contacts_seen(&ask).await.unwrap()
    }
}

fn of(seen: &Seen, contact: KeyedHash) -> &SeenContact {
    let found = seen.contacts.iter().find(|seen| seen.contact == contact);
    let found = found.unwrap_or_else(|| panic!("{contact} is not in {seen:?}"));
    assert_eq!(found.sealed, contact.as_bytes());
    found
}

/// Who is to get a notice, in no order.
fn told(seen: &Seen) -> Vec<KeyedHash> {
    seen.contacts.iter().filter(|seen| seen.notify).map(|seen| seen.contact).collect()
}

fn same(mut one: Vec<KeyedHash>, other: &[KeyedHash]) -> bool {
    let mut other = other.to_vec();
    one.sort_unstable_by_key(|hash| *hash.as_bytes());
    other.sort_unstable_by_key(|hash| *hash.as_bytes());
    one == other
}

pub async fn the_first_sighting_is_where_an_account_starts(t: Bench) {
    let (alice, a, b) = (Account::new(), hash(), hash());
    let seen = alice.seen(&t, &[a, b]).await;
    assert!(!seen.changed && told(&seen).is_empty());
    for contact in [a, b] {
        let contact = of(&seen, contact);
        assert!(contact.from_start && contact.is_settled(alice.cooldown) && contact.gone.is_none());
        assert!(!contact.is_new);
    }
    let again = alice.seen(&t, &[b, a]).await;
    assert!(!again.changed && told(&again).is_empty(), "another order is no change");
    assert_eq!(again.contacts.len(), 2);
}

pub async fn a_new_contact_is_fresh_and_the_old_ones_are_told_once(t: Bench) {
    let (alice, a, b, c) = (Account::new(), hash(), hash(), hash());
    alice.seen(&t, &[a, b]).await;
    let seen = alice.seen(&t, &[b, c]).await;
    assert!(seen.changed);
    assert!(same(told(&seen), &[a, b]), "{seen:?}");
    assert!(of(&seen, a).gone.is_some() && of(&seen, a).is_settled(alice.cooldown));
    let new = of(&seen, c);
    assert!(new.is_new && !new.from_start && !new.is_settled(alice.cooldown) && t.is(new.since, Duration::ZERO));
    let again = alice.seen(&t, &[b, c]).await;
    assert!(!again.changed && told(&again).is_empty(), "once for each change");
    assert!(!of(&again, c).is_new && !of(&again, c).is_settled(alice.cooldown));
    t.wait(alice.cooldown).await;
    let later = alice.seen(&t, &[b, c]).await;
    assert!(of(&later, c).is_settled(alice.cooldown));
    assert!(t.is(of(&later, a).gone.unwrap(), alice.cooldown) || !t.is_exact());
}

pub async fn an_account_without_contacts_has_a_start_too(t: Bench) {
    let (alice, a) = (Account::new(), hash());
    assert!(!alice.seen(&t, &[]).await.changed);
    let seen = alice.seen(&t, &[a]).await;
    assert!(seen.changed && told(&seen).is_empty(), "there is nobody to tell");
    assert!(!of(&seen, a).is_settled(alice.cooldown));
    let taken_away = alice.seen(&t, &[]).await;
    assert!(taken_away.changed && same(told(&taken_away), &[a]), "whose address was taken away is told");
}

pub async fn one_change_after_another_tells_whoever_was_there_before(t: Bench) {
    let (alice, a, b, c) = (Account::new(), hash(), hash(), hash());
    alice.seen(&t, &[a]).await;
    assert!(same(told(&alice.seen(&t, &[b]).await), &[a]));
    let twice = alice.seen(&t, &[c]).await;
    assert!(same(told(&twice), &[a, b]), "{twice:?}");
    assert!(!of(&twice, b).is_settled(alice.cooldown), "never there for long");
    assert!(of(&twice, a).is_settled(alice.cooldown));
    t.wait(alice.cooldown).await;
    let d = hash();
    let late = alice.seen(&t, &[d]).await;
    assert!(same(told(&late), &[c]), "who left long ago is not told of what comes after: {late:?}");
}

/// A fresh contact that goes and comes does not get older meanwhile; an old one that is back at once was never away.
pub async fn time_away_counts_for_nobody(t: Bench) {
    let (alice, a, b) = (Account::new(), hash(), hash());
    alice.seen(&t, &[a]).await;
    alice.seen(&t, &[b]).await;
    let back = alice.seen(&t, &[a]).await;
    assert!(back.changed && of(&back, a).is_settled(alice.cooldown) && of(&back, a).from_start);
    t.wait(alice.cooldown - TICK / 2).await;
    alice.seen(&t, &[b]).await;
    t.wait(TICK).await;
    let again = alice.seen(&t, &[b]).await;
    assert!(!of(&again, b).is_settled(alice.cooldown), "first seen for long, there only now: {again:?}");
    t.wait(alice.cooldown + TICK / 4).await;
    let late = alice.seen(&t, &[a]).await;
    assert!(!of(&late, a).is_settled(alice.cooldown), "away for a whole cool-down: {late:?}");
}

pub async fn notices_count_among_the_messages_of_their_contact(t: Bench) {
    let alice = Account { per_contact: vec![window(1, 4)], ..Account::new() };
    let (a, b, c) = (hash(), hash(), hash());
    alice.seen(&t, &[a]).await;
    assert!(same(told(&alice.seen(&t, &[b]).await), &[a]));
    // A code to the same contact finds the count full.
    let visitor = Visitor::new();
    let id = t.open(visitor, &Opening::new()).await;
    let limits = otpgate::store::Limits {
        sends: SendLimits { per_contact: alice.per_contact.clone(), ..no_limits().sends },
        ..no_limits()
    };
    let sending = Sending { contact: a, limits, ..Sending::new() };
    assert!(matches!(t.send(visitor, id, &sending).await, Permit::TooMany { limit: "per_contact", .. }));
    // The next change is told once there is room again, and not forgotten.
    assert!(same(told(&alice.seen(&t, &[c]).await), &[b]));
    assert!(told(&alice.seen(&t, &[c]).await).is_empty());
    t.wait(TICK * 4 + TICK / 4).await;
    assert!(same(told(&alice.seen(&t, &[c]).await), &[a]));
    assert!(told(&alice.seen(&t, &[c]).await).is_empty());
}

/// Nobody pushes the old contact out by changing again and again.
pub async fn what_was_there_for_long_is_forgotten_last(t: Bench) {
    let (alice, a) = (Account { cooldown: LONG / 2, ..Account::new() }, hash());
    alice.seen(&t, &[a]).await;
    let mut seen = Seen::default();
    for _ in 0..Sighting::MOST_GONE + 4 {
        seen = alice.seen(&t, &[hash()]).await;
    }
    assert_eq!(seen.contacts.len(), Sighting::MOST_GONE + 1);
    assert!(of(&seen, a).is_settled(alice.cooldown) && of(&seen, a).gone.is_some());
    let many: Vec<KeyedHash> = (0..Sighting::MOST_LISTED + 5).map(|_| hash()).collect();
    let seen = alice.seen(&t, &many).await;
    assert_eq!(seen.contacts.iter().filter(|seen| seen.gone.is_none()).count(), Sighting::MOST_LISTED);
}

pub async fn an_account_is_forgotten_in_the_end(t: Bench) {
    let (alice, a, b, c) = (Account { keep: TICK * 2, cooldown: TICK, ..Account::new() }, hash(), hash(), hash());
    alice.seen(&t, &[a, b]).await;
    alice.seen(&t, &[b]).await;
    t.wait(TICK + TICK / 4).await;
    assert_eq!(alice.seen(&t, &[b]).await.contacts.len(), 2, "a sighting keeps the account");
    t.wait(TICK + TICK / 4).await;
    let seen = alice.seen(&t, &[b]).await;
    assert_eq!(seen.contacts.len(), 1, "what is gone has its own end: {seen:?}");
    t.wait(TICK * 2 + TICK / 4).await;
    let anew = alice.seen(&t, &[c]).await;
    assert!(!anew.changed && of(&anew, c).from_start, "a new start");
}

pub async fn what_an_operator_vouches_for_was_always_there(t: Bench) {
    let (alice, a, b, c) = (Account::new(), hash(), hash(), hash());
    alice.seen(&t, &[a]).await;
    assert!(!alice.vouched(&t, &[a]).await.changed, "as it was");
    alice.seen(&t, &[b]).await;
    let seen = alice.vouched(&t, &[b]).await;
    assert!(seen.changed && told(&seen).is_empty(), "{seen:?}");
    assert_eq!(seen.contacts.len(), 1, "what was there before is forgotten");
    let always = of(&seen, b);
    assert!(always.from_start && always.since > LONG * 24 * 365 && !always.is_new && always.gone.is_none());
    assert!(!alice.seen(&t, &[b]).await.changed);
    assert!(same(told(&alice.seen(&t, &[c]).await), &[b]), "the next change is one");
    let bob = Account::new();
    assert!(!bob.vouched(&t, &[a, b]).await.changed, "nothing was known");
    assert!(bob.seen(&t, &[a]).await.changed);
}

pub async fn accounts_and_sites_are_apart(t: Bench) {
    let (alice, bob, a, b) = (Account::new(), Account::new(), hash(), hash());
    alice.seen(&t, &[a]).await;
    assert!(!bob.seen(&t, &[b]).await.changed);
    let elsewhere = Bench { site: otpgate::store::SiteKey::new("elsewhere.example"), ..t.clone() };
    assert!(!alice.seen(&elsewhere, &[b]).await.changed);
    assert!(alice.seen(&t, &[b]).await.changed);
}

/// X: of many gateways that see a change at one moment one sends the notice.
pub async fn one_of_many_tells(t: Bench) {
    let (alice, a, b) = (Account::new(), hash(), hash());
    alice.seen(&t, &[a]).await;
    let all = (0..20).map(|_| alice.seen(&t, std::slice::from_ref(&b)));
    let seen = futures_util::future::join_all(all).await;
    assert_eq!(seen.iter().filter(|seen| seen.changed).count(), 1);
    assert_eq!(seen.iter().map(|seen| told(seen).len()).sum::<usize>(), 1);
}
