use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::delivery::providers::Provider;
use crate::delivery::{Common, CountrySpec, Failure, Parcel, Taken};
use crate::store::{Bucket, Grain, Measured, What};

/// A provider that is never asked.
#[derive(Debug)]
struct Idle;

#[async_trait::async_trait]
impl Provider for Idle {
    fn serves(&self, _channel: Channel) -> bool {
        true
    }

    async fn carry(&self, _parcel: &Parcel<'_>) -> Result<Taken, Failure> {
        Ok(Taken::accepted(None))
    }
}

/// Random numbers that are the same every time.
struct Repeats(AtomicU64);

impl Random for Repeats {
    fn fill(&self, bytes: &mut [u8]) {
        StdRng::seed_from_u64(self.0.fetch_add(1, Ordering::Relaxed)).fill(bytes);
    }
}

struct Setting {
    chooser: Chooser,
    carriers: Vec<Arc<Carrier>>,
    known: Snapshot,
    random: Repeats,
}

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const MALAYSIA: &str = "+60123456789";

fn country(code: &str) -> Country {
    code.parse().unwrap()
}

fn phone(number: &str) -> Contact {
    Contact::parse(Channel::Sms, number).unwrap()
}

fn best(floor: f64, explore: f64) -> Strategy {
    Strategy::Best(BestRules { floor, explore })
}

fn setting(commons: &[(&str, Common)], change: impl FnOnce(&mut ChannelSpec)) -> Setting {
    let carrier =
        |(name, common): &(&str, Common)| Arc::new(Carrier::new((*name).into(), common.clone(), Box::new(Idle)));
    let carriers: Vec<_> = commons.iter().map(carrier).collect();
    let mut spec = ChannelSpec::new(Channel::Sms, carriers.iter().map(|carrier| Arc::clone(&carrier.name)));
    change(&mut spec);
    let chooser = Chooser::new(&[spec], &carriers).unwrap();
    Setting { chooser, carriers, known: Snapshot::default(), random: Repeats(AtomicU64::new(1)) }
}

fn three(change: impl FnOnce(&mut ChannelSpec)) -> Setting {
    setting(&["a", "b", "c"].map(|name| (name, Common::default())), change)
}

impl Setting {
    /// Knows of so many messages, and that so many codes came back, half an hour ago in Malaysia.
    fn knowing(mut self, some: &[(&str, u64, u64)]) -> Self {
        let counts = some.iter().map(|(name, sent, verified)| {
            let mut counts = [0; What::ALL.len()];
            (counts[What::Sent.index()], counts[What::Verified.index()]) = (*sent, *verified);
            let of = Measured { provider: (*name).to_owned(), channel: Channel::Sms, country: Some(country("MY")) };
            (of, counts)
        });
        let bucket = Bucket { age: Grain::Fine.span() * 6, counts: counts.collect() };
        let names: Vec<_> = self.carriers.iter().map(|carrier| Arc::clone(&carrier.name)).collect();
        self.known = Snapshot::new(&names, &[bucket], &[]);
        self
    }

    fn choose(&self, number: &str, avoid: Option<&str>) -> Result<Chosen, NotTaken> {
        let (known, random) = (&self.known, &self.random);
        self.chooser.choose(&Ask { to: &phone(number), avoid, parts: 1, now: NOW, known, random })
    }

    fn order(&self, number: &str, avoid: Option<&str>) -> String {
        let names = |chosen: Chosen| chosen.tries.iter().map(|choice| choice.carrier.name.to_string()).collect();
        self.choose(number, avoid).map_or_else(|why| format!("{why:?}"), names)
    }

    /// How often each goes first, of a thousand messages.
    fn first(&self) -> BTreeMap<String, usize> {
        let mut first = BTreeMap::new();
        for _ in 0..1000 {
            *first.entry(self.order(MALAYSIA, None)[..1].to_owned()).or_default() += 1;
        }
        first
    }

    fn break_down(&self, name: &str, seconds: u64) {
        let carrier = self.carriers.iter().find(|carrier| *carrier.name == *name).unwrap();
        let (class, code) = (crate::words::FailureClass::AuthConfig, "401".to_owned());
        let failure = Failure::Declined { class, code, retry_after: None };
        let then = Timestamp::from_millis(NOW.as_millis() - seconds * 1000);
        carrier.breaker(Channel::Sms).leave(then, false).unwrap().failed(&failure, then);
    }
}

#[test]
fn priority_is_the_order_of_the_list_and_a_country_may_have_another() {
    let setting = three(|spec| {
        let own = CountrySpec { providers: Some(vec!["c".into(), "a".into()]), strategy: None };
        spec.countries.push((country("MY"), own));
    });
    assert_eq!(setting.order("+6581234567", None), "abc");
    assert_eq!(setting.order(MALAYSIA, None), "ca");
    assert_eq!(setting.order(MALAYSIA, Some("c")), "ac", "a resend prefers another");
    assert_eq!(setting.order(MALAYSIA, Some("b")), "ca");
    assert_eq!(setting.choose(MALAYSIA, None).unwrap().country, Some(country("MY")));
}

#[test]
fn d02_messages_go_where_they_may_and_to_numbers_of_people() {
    let allowing = three(|spec| spec.allow = vec![country("MY"), country("GB")]);
    let denying = three(|spec| spec.deny = vec![country("SG")]);
    for (number, allowed, denied) in [
        (MALAYSIA, "abc", "abc"),
        ("+6581234567", "Country", "Country"),
        ("+14155550100", "Country", "abc"),
        ("+442071838750", "Landline", "Landline"),
        ("+6561234567", "Country", "Country"),
        ("+19005550123", "Kind", "Kind"),
        ("+8816123456789", "Kind", "Kind"),
        ("+447012345678", "Kind", "Kind"),
        ("+9991234567", "Kind", "Kind"),
        // Of some country of +44 or +1, nobody knows which.
        ("+447700900123", "Country", "Country"),
        ("+12005551234", "Country", "Country"),
        // Of the Bahamas, which nobody named.
        ("+12421234567", "Country", "abc"),
    ] {
        assert_eq!(allowing.order(number, None), allowed, "{number}");
        assert_eq!(denying.order(number, None), denied, "{number}");
        let taken = allowing.chooser.takes(&phone(number));
        assert_eq!(taken.err().map_or_else(|| "abc".to_owned(), |why| format!("{why:?}")), allowed);
    }
    assert_eq!(three(|_| {}).order("+447700900123", None), "abc");
    let call = Contact::parse(Channel::Voice, MALAYSIA).unwrap();
    assert_eq!(allowing.chooser.takes(&call), Err(NotTaken::NoProvider), "nobody calls");
    assert!(allowing.chooser.serves(Channel::Sms) && !allowing.chooser.serves(Channel::Voice));
    assert_eq!(allowing.chooser.countries(), [country("GB"), country("MY")]);
}

#[test]
fn a_provider_serves_its_countries_and_networks_only() {
    let here = Common { countries: vec![country("MY")], ..Common::default() };
    let network = Common { networks: vec!["6012".to_owned(), "65".to_owned()], ..Common::default() };
    let setting = setting(&[("a", here), ("b", network)], |_| {});
    assert_eq!(setting.order("+60123456789", None), "ab");
    assert_eq!(setting.order("+60198765432", None), "a");
    assert_eq!(setting.order("+6581234567", None), "b");
    assert_eq!(setting.order("+14155550100", None), "NoProvider");
    let nowhere = Contact::parse(Channel::Email, "alice@example.com").unwrap();
    assert_eq!(setting.chooser.takes(&nowhere), Err(NotTaken::NoProvider));
}

#[test]
fn cheapest_goes_by_the_price_there_and_what_nobody_knows_comes_last() {
    let price = |own: Option<&str>, other: Option<&str>| Common {
        prices: own.map(|own| (country("MY"), own.parse().unwrap())).into_iter().collect(),
        price: other.map(|other| other.parse().unwrap()),
        ..Common::default()
    };
    let commons = [
        ("a", price(Some("0.05"), Some("0.01"))),
        ("b", price(None, None)),
        ("c", price(Some("0.03"), None)),
        ("d", price(None, Some("0.03"))),
    ];
    let setting = setting(&commons, |spec| spec.strategy = Strategy::Cheapest);
    assert_eq!(setting.order(MALAYSIA, None), "cdab");
    assert_eq!(setting.order("+6581234567", None), "adbc");
    let costs: Vec<_> = setting.choose(MALAYSIA, None).unwrap().tries.iter().map(|choice| choice.cost).collect();
    assert_eq!(costs, ["0.03", "0.03", "0.05", "0"].map(|cost| cost.parse().unwrap()));
    // What receipts tell stands in for a price that the config does not have.
    let mut counts = [0; What::ALL.len()];
    (counts[What::Priced.index()], counts[What::Price.index()]) = (10, 200_000);
    let of = Measured { provider: "b".to_owned(), channel: Channel::Sms, country: Some(country("MY")) };
    let week = Bucket { age: Grain::Coarse.span(), counts: vec![(of, counts)] };
    let names = ["a", "b", "c", "d"].map(Arc::from);
    let setting = Setting { known: Snapshot::new(&names, &[], &[week]), ..setting };
    assert_eq!(setting.order(MALAYSIA, None), "bcda");
}

#[test]
fn a_broken_provider_is_left_out_unless_all_are() {
    let setting = three(|_| {});
    setting.break_down("a", 10);
    assert_eq!(setting.order(MALAYSIA, None), "bc");
    assert_eq!(setting.order(MALAYSIA, Some("b")), "cb");
    setting.break_down("b", 20);
    setting.break_down("c", 15);
    assert_eq!(setting.order(MALAYSIA, None), "b", "the one that had the longest time to mend");
    let setting = three(|_| {});
    setting.break_down("a", 30);
    assert_eq!(setting.order(MALAYSIA, None), "abc", "its time is over");
}

#[test]
fn best_sends_most_to_whom_most_codes_come_back_from() {
    let setting = three(|spec| spec.strategy = best(0.0, 0.0));
    let first = setting.first();
    assert!(first.values().all(|times| (250..420).contains(times)), "nothing is known: {first:?}");
    let setting = setting.knowing(&[("a", 200, 100), ("b", 200, 170), ("c", 200, 150)]);
    let first = setting.first();
    assert!(first["b"] > 950 && !first.contains_key("a"), "{first:?}");
    assert_eq!(setting.order(MALAYSIA, None), "bca");
    assert_eq!(setting.order(MALAYSIA, Some("b")), "cab");
    let unsure = three(|spec| spec.strategy = best(0.0, 0.0)).knowing(&[("a", 10, 7), ("b", 10, 8), ("c", 200, 20)]);
    let first = unsure.first();
    assert!(first["a"] > 200 && first["b"] > 400 && !first.contains_key("c"), "little is known: {first:?}");
}

#[test]
fn best_keeps_exploring_a_little() {
    let setting =
        three(|spec| spec.strategy = best(0.0, 0.1)).knowing(&[("a", 900, 100), ("b", 900, 800), ("c", 900, 90)]);
    let first = setting.first();
    assert!((870..930).contains(&first["b"]), "{first:?}");
    assert!(first["a"] > 25 && first["c"] > 25, "{first:?}");
}

#[test]
fn nobody_below_the_floor_goes_before_anybody_above() {
    let known = [("a", 100, 45), ("b", 100, 20), ("c", 100, 90)];
    let floor = |floor| three(move |spec| spec.strategy = best(floor, 0.2)).knowing(&known);
    let first = floor(0.5).first();
    assert!(first.contains_key("a") && !first.contains_key("b"), "45 of 100 may be half of them: {first:?}");
    assert_eq!(floor(0.7).first().keys().collect::<Vec<_>>(), ["c"], "not even to explore");
    assert!(floor(0.7).order(MALAYSIA, Some("c")).starts_with('c'), "nor for a resend");
    let first = floor(0.95).first();
    assert!(first["c"] > 700, "the best of those below, if none is above: {first:?}");
    let broken = floor(0.7);
    broken.break_down("c", 1);
    assert_eq!(broken.order(MALAYSIA, None).len(), 2);
}
