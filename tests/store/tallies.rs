//! What gateways have seen: counts in windows, and the flags that every gateway is told of.

use std::time::Duration;

use otpgate::store::{Change, Flag, Raised, Scope, Sign, Tally, Window};
use otpgate::words::KeyedHash;

use crate::bench::{Bench, LONG, TICK, hash, window};
use crate::feed::{heard, now};

/// What is counted of whom.
#[derive(Debug, Clone)]
pub struct Counting {
    pub sign: Sign,
    pub scope: Scope,
    pub whom: KeyedHash,
    pub limit: Window,
    pub flag_for: Duration,
}

impl Counting {
    pub fn new(limit: Window) -> Self {
        Self { sign: Sign::BanFailures, scope: Scope::Address, whom: hash(), limit, flag_for: LONG }
    }

    fn tally(&self, member: KeyedHash) -> Tally {
        let Self { sign, scope, whom, limit, flag_for } = *self;
        Tally { sign, scope, whom, member, limit, flag_for, sealed: b"\x00sealed \xff".to_vec() }
    }
}

impl Bench {
    pub async fn tally(&self, counting: &Counting, member: KeyedHash) -> Vec<Raised> {
        self.store.tally(&self.site, &[counting.tally(member)]).await.unwrap()
    }

    /// The flags of this site.
    pub async fn flags(&self) -> Vec<(Flag, Duration)> {
        let all = self.store.flags().await.unwrap();
        all.into_iter().filter(|(flag, _)| flag.site == self.site).collect()
    }
}

fn limit(count: u32, span: Duration) -> Window {
    Window { count, span }
}

/// I10: below the limit nobody hears anything; at it every gateway does, and one of them that it is new.
pub async fn what_is_too_much_is_flagged_once(t: Bench) {
    let counting = Counting::new(window(3, 3000));
    let mut cursor = now(&t).await;
    for _ in 0..2 {
        assert!(t.tally(&counting, hash()).await.is_empty());
    }
    assert!(t.flags().await.is_empty());
    let raised = t.tally(&counting, hash()).await;
    let [Raised { flag, ttl, is_new: true }] = &raised[..] else { panic!("{raised:?}") };
    assert_eq!((flag.whom, flag.count, flag.span), (counting.whom, 3, counting.limit.span));
    assert_eq!((&flag.sealed[..], *ttl), (&b"\x00sealed \xff"[..], LONG));
    // It holds for long enough: nobody is told again.
    assert!(t.tally(&counting, hash()).await.is_empty());
    let changes = heard(&t, &mut cursor, 1).await;
    let [Change::Flagged(told, left)] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!(told, flag);
    assert!(t.is(*left, LONG), "{left:?}");
    let kept = t.flags().await;
    assert_eq!((kept.len(), &kept[0].0), (1, flag));
}

/// O11: different subjects are counted, and not how often each came.
pub async fn the_same_member_is_one(t: Bench) {
    let counting = Counting { sign: Sign::BanSubjects, ..Counting::new(window(3, 3000)) };
    let (alice, bob) = (hash(), hash());
    for member in [alice, bob, alice, bob, bob, alice] {
        assert!(t.tally(&counting, member).await.is_empty());
    }
    assert_eq!(t.tally(&counting, hash()).await.len(), 1);
}

pub async fn what_is_counted_leaves_with_its_window(t: Bench) {
    let counting = Counting::new(limit(3, TICK * 4));
    t.tally(&counting, hash()).await;
    t.wait(TICK * 2).await;
    t.tally(&counting, hash()).await;
    t.wait(TICK * 2 + TICK / 2).await;
    assert!(t.tally(&counting, hash()).await.is_empty(), "the first is out of the window");
    assert_eq!(t.tally(&counting, hash()).await.len(), 1);
}

pub async fn a_flag_ends_by_itself(t: Bench) {
    let counting = Counting { flag_for: TICK * 2, ..Counting::new(limit(2, TICK * 2)) };
    t.tally(&counting, hash()).await;
    assert!(t.tally(&counting, hash()).await[0].is_new);
    assert_eq!(t.flags().await.len(), 1);
    t.wait(TICK * 2 + TICK / 2).await;
    assert!(t.flags().await.is_empty());
    assert!(t.tally(&counting, hash()).await.is_empty(), "what was counted is over, too");
    assert!(t.tally(&counting, hash()).await[0].is_new);
}

/// Whoever goes on is held for longer, which is nothing new.
pub async fn a_flag_is_prolonged(t: Bench) {
    let counting = Counting { flag_for: TICK * 4, ..Counting::new(window(2, 3000)) };
    let mut cursor = now(&t).await;
    t.tally(&counting, hash()).await;
    t.tally(&counting, hash()).await;
    t.wait(TICK * 2).await;
    let raised = t.tally(&counting, hash()).await;
    assert_eq!(raised.iter().map(|raised| raised.is_new).collect::<Vec<_>>(), [false]);
    assert_eq!(heard(&t, &mut cursor, 2).await.len(), 2);
    t.wait(TICK * 3).await;
    assert_eq!(t.flags().await.len(), 1);
}

/// An operator ends a ban: everybody hears of it, and what was counted counts no more.
pub async fn a_lifted_ban_starts_anew(t: Bench) {
    let counting = Counting::new(window(3, 3000));
    assert!(!t.store.lift(&t.site, Scope::Address, counting.whom).await.unwrap(), "nothing to lift");
    for _ in 0..3 {
        t.tally(&counting, hash()).await;
    }
    let mut cursor = now(&t).await;
    assert!(t.store.lift(&t.site, Scope::Address, counting.whom).await.unwrap());
    let lifted = Change::Lifted { site: t.site.clone(), scope: Scope::Address, whom: counting.whom };
    assert_eq!(heard(&t, &mut cursor, 1).await, [lifted]);
    assert!(t.flags().await.is_empty());
    for _ in 0..2 {
        assert!(t.tally(&counting, hash()).await.is_empty());
    }
    assert!(t.tally(&counting, hash()).await[0].is_new);
    // A mere signal is no ban.
    let signal = Counting { sign: Sign::Failures, ..Counting::new(window(1, 3000)) };
    t.tally(&signal, hash()).await;
    assert!(!t.store.lift(&t.site, Scope::Address, signal.whom).await.unwrap());
    assert_eq!(t.flags().await.len(), 1, "it is gone all the same");
}

/// What a gateway holds is told to a store that knows nothing of it, and is no longer than it was.
pub async fn flags_are_put_up_again(t: Bench) {
    let flag = Flag {
        site: t.site.clone(),
        sign: Sign::BanPumping,
        scope: Scope::Address,
        whom: hash(),
        sealed: Vec::new(),
        count: 10,
        span: LONG,
    };
    for ttl in [LONG, LONG / 4 * 3] {
        t.store.raise(&[(&flag, ttl)]).await.unwrap();
        let kept = t.flags().await;
        assert_eq!((kept.len(), &kept[0].0), (1, &flag));
        assert!(t.is(kept[0].1, LONG), "{:?}", kept[0].1);
    }
}

pub async fn sites_and_signs_are_apart(t: Bench) {
    let counting = Counting::new(window(2, 3000));
    let elsewhere = Bench { site: otpgate::store::SiteKey::new(&format!("other.{}", t.site)), ..t.clone() };
    t.tally(&counting, hash()).await;
    assert!(elsewhere.tally(&counting, hash()).await.is_empty());
    for other in [
        Counting { sign: Sign::Failures, ..counting.clone() },
        Counting { scope: Scope::Network, ..counting.clone() },
        Counting { whom: hash(), ..counting.clone() },
    ] {
        assert!(t.tally(&other, hash()).await.is_empty(), "{other:?}");
    }
    // Several at once: each by its own.
    let all = [counting.tally(hash()), Counting { sign: Sign::Sends, ..counting.clone() }.tally(hash())];
    let raised = t.store.tally(&t.site, &all).await.unwrap();
    assert_eq!(raised.iter().map(|raised| raised.flag.sign).collect::<Vec<_>>(), [Sign::BanFailures]);
    assert!(elsewhere.flags().await.is_empty());
}
