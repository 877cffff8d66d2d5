//! What an operator writes of how providers are chosen and what they may cost.

use std::time::Duration;

use otpgate::delivery::{ChannelSpec, Strategy};
use otpgate::server::Plan;
use otpgate::store::PumpingMode;
use otpgate::words::{Channel, Country, Currency};

use crate::{SMALL, Written, changed};

const EMAIL: &str = "  email: {providers: dev}\n";

fn plan(config: &str) -> Plan {
    Written::new(config.as_bytes()).plan().unwrap_or_else(|error| panic!("{error}"))
}

/// The small config with two more providers, and these keys of `sms` on its last line.
fn with_sms(keys: &str) -> String {
    let providers = "    dev: {type: outbox}\n    b: {type: outbox}\n    c: {type: outbox}\n";
    let config = changed("    dev: {type: outbox}\n", providers);
    format!("{config}  sms: {{{keys}}}\n")
}

fn sms(keys: &str) -> ChannelSpec {
    let plan = plan(&with_sms(keys));
    plan.delivery.channels.into_iter().find(|spec| spec.channel == Channel::Sms).unwrap()
}

fn country(code: &str) -> Country {
    code.parse().unwrap()
}

#[test]
fn a_channel_says_how_a_provider_is_chosen() {
    let spec = sms("providers: [c, dev]");
    assert_eq!(spec.strategy, Strategy::Priority);
    assert_eq!(spec.providers.iter().map(|name| &**name).collect::<Vec<_>>(), ["c", "dev"]);
    assert!(spec.countries.is_empty() && spec.allow.is_empty() && spec.deny.is_empty());
    assert_eq!(sms("providers: dev, strategy: cheapest").strategy, Strategy::Cheapest);
    let Strategy::Best(rules) = sms("providers: [dev, b], strategy: best").strategy else { panic!() };
    assert_eq!((rules.floor, rules.explore), (0.0, 0.01));
    let best = "providers: [dev, b], strategy: best, best: {floor: 0.5, explore: 2%}";
    let Strategy::Best(rules) = sms(best).strategy else { panic!() };
    assert_eq!((rules.floor, rules.explore), (0.5, 0.02));
}

#[test]
fn a_country_has_its_own_providers_and_strategy() {
    let keys = "providers: [dev, b], best: {floor: 30%}, countries: {MY: {providers: [c, b], strategy: best}, \
                sg: {strategy: cheapest}, allow: [US, MY, SG], NO: {providers: c}, deny: KP}";
    let config = with_sms(&keys.replace(", NO: {providers: c}", ""));
    let spec = plan(&config).delivery.channels.pop().unwrap();
    assert_eq!(spec.allow, ["US", "MY", "SG"].map(country));
    assert_eq!(spec.deny, [country("KP")]);
    let [(my, malaysia), (sg, singapore)] = &*spec.countries else { panic!("{:?}", spec.countries) };
    assert_eq!((*my, *sg), (country("MY"), country("SG")));
    let others = malaysia.providers.iter().flatten().map(|name| &**name);
    assert_eq!(others.collect::<Vec<_>>(), ["c", "b"]);
    let Some(Strategy::Best(rules)) = malaysia.strategy else { panic!() };
    assert_eq!(rules.floor, 0.3);
    assert_eq!((&singapore.providers, singapore.strategy), (&None, Some(Strategy::Cheapest)));
    // Norway is a country and no boolean.
    assert_eq!(sms("providers: dev, countries: {allow: [NO]}").allow, [country("NO")]);
    assert_eq!(sms("providers: dev, countries: {NO: {providers: b}}").countries[0].0, country("NO"));
}

#[test]
fn what_is_wrong_with_a_channel_is_told_where_it_stands() {
    for (keys, wanted) in [
        ("providers: dev, strategy: bst", "unknown word `bst`: did you mean `best`?"),
        ("providers: dev, stratgy: best", "unknown key `stratgy`: did you mean `strategy`?"),
        ("providers: [dev, dev]", "`dev` stands here twice"),
        ("providers: dev, strategy: best, best: {flor: 1}", "unknown key `flor`: did you mean `floor`?"),
        ("providers: dev, strategy: best, best: {floor: 5}", "expected a share from 0 to 1, such as `0.25` or `25%`"),
        ("providers: dev, strategy: best, best: {floor: -1}", "expected a share from 0 to 1, such as `0.25` or `25%`"),
        ("providers: dev, strategy: best, best: {explore: 60%}", "expected at most 50%: the rest is for the best one"),
        ("providers: dev, best: {floor: 0.5}", "`best` says how `strategy: best` chooses, and nothing chooses so"),
        ("providers: dev, countries: {alow: MY}", "unknown key `alow`: did you mean `allow`?"),
        ("providers: dev, countries: {USA: {}}", "unknown key `USA`: expected `allow`, `deny` or a country such as MY"),
        ("providers: dev, countries: {allow: USA}", "not a country: write its two letters, such as MY (ISO 3166-1)"),
        ("providers: dev, countries: {deny: [MY, UK]}", "no telephone number is of a country UK: write GB"),
        ("providers: dev, countries: {allow: []}", "the list is empty: leave the key out"),
        ("providers: dev, countries: [MY]", "expected keys and values, found a list"),
        ("providers: dev, countries: {MY: {}, my: {}}", "the country MY stands here twice"),
        ("providers: dev, countries: {MY: {provider: b}}", "unknown key `provider`: did you mean `providers`?"),
        ("providers: dev, countries: {MY: {providers: zebra}}", "unknown provider `zebra`: there is `dev`, `b`, `c`"),
        (
            "providers: dev, countries: {MY: {providers: b}, allow: SG}",
            "no message goes to MY: `allow` or `deny` does not let it",
        ),
        (
            "providers: dev, countries: {MY: {providers: b}, deny: MY}",
            "no message goes to MY: `allow` or `deny` does not let it",
        ),
    ] {
        let fault = Written::new(with_sms(keys).as_bytes()).fault();
        let (place, message) = fault.split_once(": ").unwrap();
        assert_eq!(message, wanted, "{keys}");
        let column: usize = place.strip_prefix("21:").unwrap_or_else(|| panic!("{keys}: {fault}")).parse().unwrap();
        assert!(column > "  sms: {".len(), "{keys}: {place}");
    }
    let on_email = changed(EMAIL, "  email: {providers: dev, countries: {allow: MY}}\n");
    assert_eq!(Written::new(on_email.as_bytes()).fault(), "18:38: an e-mail goes to no country: leave `countries` out");
}

#[test]
fn a_provider_says_where_it_is_used_at_which_price_and_how_often_at_a_time() {
    let written = "{type: outbox, countries: [MY, SG], networks: '+6012', prices: {MY: 0.05, default: 0.0083}, \
                   max_in_flight: 20}";
    let plan = plan(&changed("{type: outbox}", written));
    let common = &plan.delivery.providers[0].common;
    assert_eq!(common.countries, ["MY", "SG"].map(country));
    assert_eq!(common.networks, ["6012"]);
    assert_eq!(common.prices, [(country("MY"), "0.05".parse().unwrap())]);
    assert_eq!((common.price, common.max_in_flight), (Some("0.0083".parse().unwrap()), 20));
    for (written, wanted) in [
        ("max_in_flight: 0", "17:40: expected a number of messages from 1 to 10000"),
        ("countries: [UK]", "17:37: no telephone number is of a country UK: write GB"),
        ("prices: {UK: 1}", "17:34: no telephone number is of a country UK: write GB"),
        (
            "prices: {MY: -1}",
            "17:38: not an amount of money: write a number such as 0.0083, not negative and below a billion",
        ),
    ] {
        let config = changed("{type: outbox}", &format!("{{type: outbox, {written}}}"));
        assert_eq!(Written::new(config.as_bytes()).fault(), wanted);
    }
}

#[test]
fn a_budget_is_exact_and_the_guard_against_pumping_is_set() {
    let keys = "limits:\n  budget: {per_day: 50.00, per_hour: 0.1, currency: eur}\n  pumping: {mode: observe, window: 2h, \
                grace: 1m, at_least: 50, verified_below: 15%, sequence: 8, pause: 1d}";
    let written = plan(&changed("store: memory", keys));
    let limits = &written.rules.limits;
    assert_eq!(limits.money.per_day, Some("50".parse().unwrap()));
    assert_eq!(limits.money.per_hour.unwrap().millionths(), 100_000);
    assert_eq!(written.delivery.currency, "EUR".parse::<Currency>().unwrap());
    let rules = &limits.pumping;
    assert_eq!((rules.mode, rules.at_least, rules.verified_below, rules.sequence), (PumpingMode::Observe, 50, 15, 8));
    let minute = |minutes: u64| Duration::from_secs(60 * minutes);
    assert_eq!((rules.window, rules.grace, rules.pause), (minute(120), minute(1), minute(24 * 60)));
    let default = plan(SMALL);
    assert_eq!(default.delivery.currency, Currency::USD);
    assert_eq!(default.rules.limits, otpgate::store::Limits::default());
    for (keys, wanted) in [
        ("budget: {per_day: 0}", "2:28: expected more than 0: without a key nothing is limited"),
        (
            "budget: {per_day: 1, per_hour: 2}",
            "2:41: expected at most `per_day`: an hour cannot cost more than its day",
        ),
        (
            "budget: {per_day: a}",
            "2:28: not an amount of money: write a number such as 0.0083, not negative and below a billion",
        ),
        ("budget: {currency: dollar}", "2:29: not a currency: write its three letters, such as USD (ISO 4217)"),
        ("budget: {per_week: 1}", "2:19: unknown key `per_week`"),
        ("pumping: {mode: blok}", "2:26: unknown word `blok`: did you mean `block`?"),
        ("pumping: {verified_below: 12.5%}", "2:36: expected a whole number of percent up to 50%, such as `10%`"),
        ("pumping: {window: 1m}", "2:28: expected a time from 10m to 1d"),
        ("pumping: {sequence: 1}", "2:30: expected 2 to 100 numbers"),
    ] {
        let config = changed("store: memory", &format!("limits: {{{keys}}}"));
        assert_eq!(Written::new(config.as_bytes()).fault(), wanted);
    }
}
