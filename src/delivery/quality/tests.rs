use super::*;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

fn country(code: &str) -> Option<Country> {
    Some(code.parse().unwrap())
}

fn counts(of: (&str, Option<Country>), some: &[(What, u64)]) -> (Measured, [u64; What::ALL.len()]) {
    let mut counts = [0; What::ALL.len()];
    for (what, count) in some {
        counts[what.index()] = *count;
    }
    (Measured { provider: of.0.to_owned(), channel: Channel::Sms, country: of.1 }, counts)
}

fn sent(name: &str, code: &str, sent: u64, verified: u64) -> (Measured, [u64; What::ALL.len()]) {
    counts((name, country(code)), &[(What::Sent, sent), (What::Verified, verified)])
}

fn bucket(age: u64, counts: Vec<(Measured, [u64; What::ALL.len()])>) -> Bucket {
    Bucket { age: Duration::from_secs(age), counts }
}

fn names() -> Vec<Arc<str>> {
    vec!["a".into(), "b".into()]
}

/// What is believed of `a` and `b` in Malaysia, without what everybody has to begin with: codes that came back, and that
/// did not.
fn evidence(fine: &[Bucket], coarse: &[Bucket]) -> [(f64, f64); 2] {
    let snapshot = Snapshot::new(&names(), fine, coarse);
    let beliefs = snapshot.of(Channel::Sms, country("MY"));
    assert_eq!(beliefs.len(), 2);
    // The prior is of one country alone here, so it has the same rate but for the smoothing; take it off by its sum.
    [0, 1].map(|index| {
        let belief: &Belief = &beliefs[index];
        let total = belief.verified + belief.unverified - PRIOR;
        (total, belief.ceiling)
    })
}

#[test]
fn the_last_hour_counts_in_full_once_its_codes_are_over() {
    let fine = [
        bucket(2 * MINUTE, vec![sent("a", "MY", 50, 1)]),
        bucket(9 * MINUTE, vec![sent("a", "MY", 50, 1)]),
        bucket(10 * MINUTE, vec![sent("a", "MY", 50, 40)]),
        bucket(59 * MINUTE, vec![sent("a", "MY", 30, 30)]),
    ];
    let [(messages, ceiling), (nothing, none)] = evidence(&fine, &[]);
    assert!((messages - 80.0).abs() < 1e-9, "{messages}");
    assert!(ceiling > 70.0 / 80.0 && ceiling < 0.95, "{ceiling}");
    assert!(nothing.abs() < 1e-9 && (none - 1.0).abs() < 1e-9);
    // What failed for sure need not be waited for.
    let young = [bucket(MINUTE, vec![counts(("a", country("MY")), &[(What::Sent, 50), (What::Failed, 20)])])];
    let [(messages, ceiling), _] = evidence(&young, &[]);
    assert!((messages - 20.0).abs() < 1e-9 && ceiling < 0.2, "{messages} {ceiling}");
}

#[test]
fn what_is_older_counts_less_however_much_it_is() {
    // Over for no time, for six hours, for twelve.
    for (age, wanted) in [(6 * HOUR, 40.0), (12 * HOUR, 20.0), (18 * HOUR, 10.0)] {
        let [(messages, _), _] = evidence(&[], &[bucket(age, vec![sent("a", "MY", 5000, 4000)])]);
        assert!((messages - wanted).abs() < 1e-9, "{age}: {messages}");
    }
    let few = evidence(&[], &[bucket(6 * HOUR, vec![sent("a", "MY", 8, 4)])]);
    assert!((few[0].0 - 8.0).abs() < 1e-9);
}

#[test]
fn nothing_of_the_last_hour_counts_twice() {
    let fine = [bucket(20 * MINUTE, vec![sent("a", "MY", 100, 80)])];
    let alone = evidence(&fine, &[bucket(2 * HOUR, vec![sent("a", "MY", 100, 80)])]);
    assert!((alone[0].0 - 100.0).abs() < 1e-9);
    let more = evidence(&fine, &[bucket(2 * HOUR, vec![sent("a", "MY", 120, 90)])]);
    assert!((more[0].0 - 120.0).abs() < 1e-9, "twenty messages of the hour before");
}

#[test]
fn where_nothing_is_known_the_other_countries_stand_in_a_little() {
    let fine = [bucket(30 * MINUTE, vec![sent("a", "SG", 98, 89), sent("b", "SG", 98, 9)])];
    let snapshot = Snapshot::new(&names(), &fine, &[]);
    for code in [country("MY"), None] {
        let [a, b] = *snapshot.of(Channel::Sms, code) else { panic!() };
        assert!((a.verified - 3.6).abs() < 1e-9 && (a.unverified - 0.4).abs() < 1e-9, "{a:?}");
        assert!((b.verified - 0.4).abs() < 1e-9, "{b:?}");
        assert!((b.ceiling - 1.0).abs() < 1e-9, "what is not known of this country is not below any floor");
    }
    let [a, b] = *snapshot.of(Channel::Voice, country("SG")) else { panic!() };
    assert_eq!((a, b), (Belief::NONE, Belief::NONE), "another channel says nothing");
    assert!(Snapshot::default().of(Channel::Sms, None).is_empty(), "before anything is known");
}

#[test]
fn a_ceiling_holds_for_few_messages_and_for_rates_at_the_ends() {
    let ceiling = |verified, unverified| Evidence { verified, unverified }.ceiling();
    // Wilson's interval, one-sided at 95 %: values of R's `prop.test(…, correct = FALSE)`.
    for (verified, unverified, wanted) in
        [(0.0, 10.0, 0.2129), (5.0, 5.0, 0.7310), (80.0, 20.0, 0.8573), (10.0, 0.0, 1.0)]
    {
        let found = ceiling(verified, unverified);
        assert!((found - wanted).abs() < 5e-4, "{verified} {unverified}: {found}");
    }
}

#[test]
fn a_standing_tells_what_became_of_messages() {
    let some = [
        (What::Sent, 10),
        (What::Accepted, 9),
        (What::Delivered, 8),
        (What::Failed, 1),
        (What::Verified, 5),
        (What::ReceiptMillis, 16_000),
        (What::VerifyMillis, 100_000),
        (What::Priced, 4),
        (What::Price, 200_000),
    ];
    let all = vec![counts(("a", country("MY")), &some), counts(("gone", country("MY")), &some)];
    let snapshot = Snapshot::new(&names(), &[bucket(3 * MINUTE, all.clone())], &[bucket(3 * MINUTE, all)]);
    let [standing] = &*snapshot.standings else { panic!("a provider that is no longer there has no standing") };
    assert_eq!((&*standing.provider, standing.country), ("a", country("MY")));
    let Tally { sent, accepted, delivered, failed, verified, receipt, verify, price, .. } = standing.hour;
    assert_eq!((sent, accepted, delivered, failed, verified), (10, 9, 8, 1, 5));
    assert_eq!((receipt, verify), (Some(Duration::from_secs(2)), Some(Duration::from_secs(20))));
    assert_eq!(price, Some("0.05".parse().unwrap()));
    assert_eq!(standing.hour.verified_per_mille, None, "they can still come back");
    assert_eq!(standing.week.verified_per_mille, Some(500));
    let [a, _] = *snapshot.of(Channel::Sms, country("MY")) else { panic!() };
    assert_eq!(a.price, Some("0.05".parse().unwrap()));
}
