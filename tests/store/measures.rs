//! Measures: what is counted of providers, in buckets of time.

use std::time::Duration;

use otpgate::store::{Bucket, Grain, Measure, Measured, What};
use otpgate::words::{Channel, Timestamp};

use crate::bench::{Bench, hash};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A provider that no other case counts.
pub fn somebody() -> Measured {
    Measured { provider: format!("tw:{}", hash()), channel: Channel::Sms, country: Some("MY".parse().unwrap()) }
}

pub fn measure(of: &Measured, what: What, add: u64) -> Measure {
    Measure { of: of.clone(), what, add, at: None }
}

async fn measured(t: &Bench, grain: Grain, buckets: u32) -> Vec<Bucket> {
    t.store.measured(grain, buckets).await.unwrap()
}

/// The ages of the buckets that count something of `of`, and those counts.
async fn buckets(t: &Bench, grain: Grain, of: &Measured) -> Vec<(Duration, [u64; 9])> {
    let buckets = measured(t, grain, grain.buckets()).await;
    let of_one = |bucket: &Bucket| {
        let found = bucket.counts.iter().find(|(known, _)| known == of);
        found.map(|(_, counts)| (bucket.age, *counts))
    };
    buckets.iter().filter_map(of_one).collect()
}

/// What is counted of `of`, in all buckets: the clock may cross into a new one at any time.
pub async fn sum(t: &Bench, grain: Grain, of: &Measured) -> [u64; 9] {
    let mut sums = [0; 9];
    for (_, counts) in buckets(t, grain, of).await {
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += count;
        }
    }
    sums
}

fn ago(t: &Bench, time: Duration) -> Option<Timestamp> {
    let millis = t.moment().as_millis() - u64::try_from(time.as_millis()).unwrap();
    Some(Timestamp::from_millis(millis))
}

pub async fn counts_add_up(t: Bench) {
    let of = somebody();
    let everything: Vec<_> = What::ALL.into_iter().zip(1..).map(|(what, add)| measure(&of, what, add)).collect();
    for _ in 0..3 {
        t.store.measure(&everything).await.unwrap();
    }
    t.store.measure(&[measure(&of, What::Sent, 10), measure(&of, What::Sent, 100)]).await.unwrap();
    t.store.measure(&[]).await.unwrap();
    for grain in [Grain::Fine, Grain::Coarse] {
        assert_eq!(sum(&t, grain, &of).await, [113, 6, 9, 12, 15, 18, 21, 24, 27]);
    }
    // Counting nothing is no count.
    let nobody = somebody();
    t.store.measure(&[measure(&nobody, What::Sent, 0)]).await.unwrap();
    assert!(buckets(&t, Grain::Fine, &nobody).await.is_empty());
}

/// An operator may call a provider anything.
pub async fn names_cannot_be_confused(t: Bench) {
    let of = somebody();
    let named = |provider: String| Measured { provider, ..of.clone() };
    let unlike = [
        of.clone(),
        Measured { channel: Channel::Voice, ..of.clone() },
        Measured { channel: Channel::Email, country: None, ..of.clone() },
        Measured { country: Some("SG".parse().unwrap()), ..of.clone() },
        Measured { country: None, ..of.clone() },
        named(String::new()),
        named(format!(":{}", of.provider)),
        named(format!("sent:{}", of.provider)),
        named(format!("sms:MY:sent:{}", of.provider)),
        named(format!("{} {{x}}\n\0\u{fc},", of.provider)),
    ];
    let before = sum(&t, Grain::Fine, &unlike[5]).await[0];
    for (of, add) in unlike.iter().zip(1..) {
        t.store.measure(&[measure(of, What::Sent, add)]).await.unwrap();
    }
    for (of, add) in unlike.iter().zip(1..) {
        let before = if of.provider.is_empty() { before } else { 0 };
        assert_eq!(sum(&t, Grain::Fine, of).await[0] - before, add, "{of:?}");
    }
    let told = measured(&t, Grain::Coarse, 1).await.remove(0).counts;
    assert!(told.is_sorted_by(|(one, _), (other, _)| one < other), "both stores tell them in one order");
}

/// A code that comes back counts beside the message that carried it.
pub async fn what_comes_late_counts_beside_its_message(t: Bench) {
    let (of, other) = (somebody(), somebody());
    let at = |at| Measure { at, ..measure(&of, What::Verified, 1) };
    t.store.measure(&[at(ago(&t, 12 * MINUTE)), measure(&other, What::Sent, 1)]).await.unwrap();
    let [(age, counts)] = buckets(&t, Grain::Fine, &of).await[..] else { panic!("one bucket") };
    assert_eq!(counts[What::Verified.index()], 1);
    assert!(age >= 12 * MINUTE && age < 18 * MINUTE, "{age:?}");
    let [(age, _)] = buckets(&t, Grain::Fine, &other).await[..] else { panic!("one bucket") };
    assert!(age < 5 * MINUTE + MINUTE, "{age:?}");

    // What is out of one grain may be in the other, and what is out of both is lost.
    t.store.measure(&[at(ago(&t, 2 * HOUR)), at(ago(&t, 8 * DAY)), at(Some(Timestamp::default()))]).await.unwrap();
    assert_eq!(sum(&t, Grain::Fine, &of).await[What::Verified.index()], 1);
    assert_eq!(sum(&t, Grain::Coarse, &of).await[What::Verified.index()], 2);
    // A moment to come is the present.
    t.store.measure(&[at(Some(t.moment().after(DAY)))]).await.unwrap();
    let newest = buckets(&t, Grain::Fine, &of).await[0];
    assert!(newest.0 < 6 * MINUTE && newest.1[What::Verified.index()] == 1, "{newest:?}");
}

/// Newest first, and no more than is asked for.
pub async fn the_newest_buckets_are_told(t: Bench) {
    let of = somebody();
    for (grain, span) in [(Grain::Fine, 5 * MINUTE), (Grain::Coarse, 6 * HOUR)] {
        assert_eq!(grain.span(), span);
        let of = Measured { provider: format!("{}{span:?}", of.provider), ..of.clone() };
        let measures = [0, 2, 3].map(|spans| Measure { at: ago(&t, spans * span), ..measure(&of, What::Sent, 1) });
        t.store.measure(&measures).await.unwrap();
        let told = buckets(&t, grain, &of).await;
        let ages: Vec<_> = told.iter().map(|(age, _)| age.as_secs() / span.as_secs()).collect();
        // One more where the clock crossed into the next bucket meanwhile.
        assert!(ages == [0, 2, 3] || ages == [1, 3, 4], "{ages:?}");
        assert!(measured(&t, grain, 0).await.is_empty());
        let has =
            |buckets: &[Bucket]| buckets.iter().filter(|b| b.counts.iter().any(|(known, _)| *known == of)).count();
        if ages == [0, 2, 3] {
            assert_eq!(has(&measured(&t, grain, 1).await), 1);
            assert_eq!(has(&measured(&t, grain, 3).await), 2);
        }
        assert_eq!(has(&measured(&t, grain, u32::MAX).await), 3);
    }
}

/// Everything leaves with its window.
pub async fn buckets_leave_with_their_window(t: Bench) {
    let of = somebody();
    t.store.measure(&[measure(&of, What::Sent, 1)]).await.unwrap();
    if !t.is_exact() {
        // Nobody waits for it: Redis is told when.
        return;
    }
    let into = u64::try_from(buckets(&t, Grain::Fine, &of).await[0].0.as_millis()).unwrap();
    t.wait(13 * 5 * MINUTE - Duration::from_millis(into + 1)).await;
    assert_eq!(buckets(&t, Grain::Fine, &of).await.len(), 1);
    t.wait(Duration::from_millis(1)).await;
    assert!(buckets(&t, Grain::Fine, &of).await.is_empty());
    assert_eq!(sum(&t, Grain::Coarse, &of).await[0], 1);
    t.wait(7 * DAY + 6 * HOUR).await;
    t.store.measure(&[measure(&somebody(), What::Sent, 1)]).await.unwrap();
    assert!(buckets(&t, Grain::Coarse, &of).await.is_empty());
}
