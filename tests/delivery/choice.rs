//! Which provider gets a message: by its country, its price, what was learned, and what broke.

use std::sync::Arc;
use std::time::Duration;

use otpgate::audit::Audit;
use otpgate::delivery::{Failure, NotTaken, Outbox, Tools};
use otpgate::seal::SystemRandom;
use otpgate::store::memory::MemoryStore;
use otpgate::store::{Measure, Measured, MoneyBudget, What};
use otpgate::words::{Channel, Contact, Country, FailureClass, TestClock, Timestamp};

use super::world::{Mock, Says, World, message, message_to};

const MALAYSIA: &str = "+60123456789";
const SINGAPORE: &str = "+6581234567";

/// A world whose clock stands still.
fn world(yaml: &str) -> (World, Arc<TestClock>) {
    let clock = Arc::new(TestClock::at(Timestamp::from_millis(1_800_000_000_000)));
    let tools = Tools {
        store: Arc::new(MemoryStore::new(clock.clone())),
        audit: Arc::new(Audit::new(clock.clone())),
        clock: clock.clone(),
        random: Arc::new(SystemRandom::new()),
        ..Tools::alone(Arc::new(Outbox::new(clock.clone())))
    };
    (World::with(yaml, tools), clock)
}

/// Providers that take everything, and the keys of `sms`.
fn outboxes(providers: &[(&str, &str)], sms: &str) -> String {
    let lines = providers.iter().map(|(name, keys)| format!("  {name}: {{type: outbox{keys}}}\n"));
    format!("providers:\n{}sms: {{{sms}}}\n", lines.collect::<String>())
}

/// Providers over HTTP at these addresses, in this order.
fn over_http(urls: &[(&str, &str)], more: &str) -> String {
    let line = |(name, url): &(&str, &str)| {
        format!(
            "  {name}: {{type: http, channels: sms, url: \"{url}/send\", body: \"{{{{ to }}}}\", content_type: text/plain{more}}}\n"
        )
    };
    let names: Vec<_> = urls.iter().map(|(name, _)| *name).collect();
    format!("providers:\n{}sms: {{providers: [{}]}}\n", urls.iter().map(line).collect::<String>(), names.join(", "))
}

fn phone(number: &str) -> Contact {
    Contact::parse(Channel::Sms, number).unwrap()
}

fn order(world: &World, number: &str, avoid: Option<&str>) -> Vec<String> {
    let names = world.delivery.would_try(&phone(number), avoid).unwrap_or_default();
    names.iter().map(|name| name.to_string()).collect()
}

async fn carried_by(world: &World, number: &str) -> String {
    world.send(&message_to(phone(number))).await.unwrap().provider
}

#[tokio::test]
async fn a_country_has_its_own_order_and_a_resend_prefers_another_provider() {
    let providers = [("a", ""), ("b", ", countries: [MY, SG]"), ("c", ", networks: ['+6012', '+65']")];
    let (world, _) = world(&outboxes(&providers, "providers: [a, b, c], countries: {MY: {providers: [c, b]}}"));
    assert_eq!(order(&world, SINGAPORE, None), ["a", "b", "c"]);
    assert_eq!(order(&world, MALAYSIA, None), ["c", "b"]);
    assert_eq!(order(&world, "+60198765432", None), ["b"], "another network");
    assert_eq!(order(&world, "+14155550100", None), ["a"]);
    assert_eq!(carried_by(&world, MALAYSIA).await, "c");
    let resent = world.resend(&message_to(phone(MALAYSIA)), Some("c")).await.unwrap();
    assert_eq!(resent.provider, "b");
    let only = world.resend(&message_to(phone("+14155550100")), Some("a")).await.unwrap();
    assert_eq!(only.provider, "a", "the same one rather than none");
}

#[tokio::test]
async fn d02_no_message_goes_where_none_may_go() {
    let (world, _) = world(&outboxes(&[("a", "")], "providers: a, countries: {allow: [MY, GB, US], deny: US}"));
    for (number, wanted) in [
        (SINGAPORE, NotTaken::Country),
        ("+14155550100", NotTaken::Country),
        ("+442071838750", NotTaken::Landline),
        ("+19005550123", NotTaken::Kind),
        ("+33899123456", NotTaken::Kind),
        ("+61131234", NotTaken::Kind),
        ("+8816123456789", NotTaken::Kind),
        ("+12345678", NotTaken::Kind),
    ] {
        assert_eq!(world.delivery.takes(&phone(number)), Err(wanted), "{number}");
        let error = world.send(&message_to(phone(number))).await.unwrap_err();
        assert!(error.surely_not_sent() && error.recipient_refused() && error.attempts().is_empty(), "{number}");
        assert!(!format!("{error} {error:?}").contains(&number[3..]), "I9: {error:?}");
    }
    assert!(world.tools.outbox.recent().is_empty());
    assert_eq!(world.delivery.takes(&phone(MALAYSIA)), Ok(()));
    // Digits of an extension, and whatever else is no number, are no contact.
    for number in ["+60123456789;ext=12", "+60123456789 x12", "60123456789", "+060123456789", "+6012"] {
        assert!(Contact::parse(Channel::Sms, number).is_err(), "{number}");
    }
}

#[tokio::test]
async fn cheapest_goes_by_the_price_in_the_country() {
    let providers = [("a", ", prices: {MY: 0.05, default: 0.01}"), ("b", ", prices: {MY: 0.03}"), ("c", "")];
    let (world, _) = world(&outboxes(&providers, "providers: [c, a, b], strategy: cheapest"));
    assert_eq!(order(&world, MALAYSIA, None), ["b", "a", "c"]);
    assert_eq!(order(&world, SINGAPORE, None), ["a", "c", "b"]);
}

#[tokio::test]
async fn best_follows_what_every_gateway_learned() {
    let providers = [("a", ""), ("b", ""), ("c", "")];
    let sms = "providers: [a, b, c], strategy: best, best: {floor: 40%, explore: 0}";
    let (world, clock) = world(&outboxes(&providers, sms));
    let of = |name: &str| Measured {
        provider: name.to_owned(),
        channel: Channel::Sms,
        country: Some("MY".parse::<Country>().unwrap()),
    };
    for (name, verified) in [("a", 300), ("b", 480), ("c", 100)] {
        let measure = |what, add| Measure { of: of(name), what, add, at: None };
        world.tools.store.measure(&[measure(What::Sent, 500), measure(What::Verified, verified)]).await.unwrap();
    }
    clock.advance(Duration::from_secs(20 * 60));
    world.delivery.learn().await.unwrap();
    for _ in 0..50 {
        assert_eq!(order(&world, MALAYSIA, None), ["b", "a", "c"]);
        assert_eq!(order(&world, MALAYSIA, Some("b")), ["a", "b", "c"], "never below the floor");
    }
    let standings = world.delivery.standings();
    let shares: Vec<_> = standings.iter().map(|standing| standing.hour.verified_per_mille).collect();
    assert_eq!(shares, [Some(600), Some(960), Some(200)]);
    let metrics = world.tools.audit.metrics.encode();
    let line = r#"otpgate_verified_ratio{provider="b",channel="sms",country="MY",window="1h"} 0.96"#;
    assert!(metrics.lines().any(|known| known == line), "{metrics}");
}

#[tokio::test]
async fn d03_a_provider_that_is_out_of_order_is_left_alone_for_a_while() {
    let (bad, good) = (Mock::saying(503, "").await, Mock::saying(200, "").await);
    let (world, clock) = world(&over_http(&[("bad", &bad.url), ("good", &good.url)], ""));
    for _ in 0..8 {
        assert_eq!(carried_by(&world, MALAYSIA).await, "good");
    }
    assert_eq!(bad.seen().len(), 5, "after five failures it is not asked again");
    let open = r#"otpgate_provider_open{channel="sms",provider="bad"} 1"#;
    assert!(world.tools.audit.metrics.encode().lines().any(|line| line == open));
    clock.advance(Duration::from_secs(30));
    assert_eq!(carried_by(&world, MALAYSIA).await, "good");
    assert_eq!(bad.seen().len(), 6, "one message tries it");
    clock.advance(Duration::from_secs(59));
    carried_by(&world, MALAYSIA).await;
    assert_eq!(bad.seen().len(), 6, "and it is left alone for twice as long");
    clock.advance(Duration::from_secs(1));
    bad.says([Says::Answer(200, Vec::new(), String::new())]);
    assert_eq!(carried_by(&world, MALAYSIA).await, "bad");
    assert_eq!(carried_by(&world, MALAYSIA).await, "bad", "it answers again");
    assert!(!world.tools.audit.metrics.encode().contains(open));
}

#[tokio::test]
async fn one_attempt_is_better_than_none() {
    let bad = Mock::saying(401, "").await;
    let (world, _) = world(&over_http(&[("only", &bad.url)], ""));
    for times in 1..=3 {
        let error = world.send(&message(Channel::Sms)).await.unwrap_err();
        assert_eq!((error.attempts().len(), bad.seen().len()), (1, times));
    }
}

#[tokio::test]
async fn d03_a_short_rest_is_waited_for_when_there_is_nobody_else() {
    let busy = |seconds: &str| Says::Answer(429, vec![("Retry-After", seconds.to_owned())], String::new());
    let taken = Says::Answer(200, Vec::new(), String::new());
    let mock = Mock::start([busy("0"), taken.clone()]).await;
    let (world, _) = world(&over_http(&[("only", &mock.url)], ""));
    assert_eq!(carried_by(&world, MALAYSIA).await, "only");
    assert_eq!(mock.seen().len(), 2);
    // Once, and not when it takes longer than a visitor waits.
    for (answers, asked) in [(vec![busy("0"), busy("0"), taken.clone()], 2), (vec![busy("30"), taken.clone()], 1)] {
        let mock = Mock::start(answers).await;
        let (world, _) = self::world(&over_http(&[("only", &mock.url)], ""));
        let error = world.send(&message(Channel::Sms)).await.unwrap_err();
        let Failure::Declined { class, .. } = &error.attempts()[0].failure else { panic!("{error}") };
        assert_eq!((*class, mock.seen().len()), (FailureClass::RateLimited, asked));
    }
    // Another provider is faster than any rest.
    let (first, second) = (Mock::start([busy("1"), taken]).await, Mock::saying(200, "").await);
    let (world, _) = self::world(&over_http(&[("first", &first.url), ("second", &second.url)], ""));
    assert_eq!((carried_by(&world, MALAYSIA).await.as_str(), first.seen().len()), ("second", 1));
}

#[tokio::test]
async fn what_is_beyond_the_bound_waits_its_turn_or_is_refused_at_once() {
    let slow = Mock::start([Says::Nothing]).await;
    let yaml = over_http(&[("slow", &slow.url)], ", max_in_flight: 2, timeout: 1s");
    let world = Arc::new(world(&yaml).0);
    let sends: Vec<_> = (0..4)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.send(&message(Channel::Sms)).await.unwrap_err() })
        })
        .collect();
    tokio::time::timeout(Duration::from_secs(5), async {
        while world.delivery.waiting() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("two wait");
    assert!(world.tools.audit.metrics.encode().contains("\notpgate_sends_waiting 2\n"));
    let errors = futures_util::future::join_all(sends).await;
    assert_eq!(world.delivery.waiting(), 0);
    assert!(slow.seen().len() <= 4);
    for error in errors {
        let error = error.unwrap();
        let failure = &error.attempts()[0].failure;
        assert!(matches!(failure, Failure::TimedOut { written: true } | Failure::Busy), "{failure}");
    }
    // Where there is another provider, nobody waits.
    let good = Mock::saying(200, "").await;
    let yaml = over_http(&[("slow", &slow.url), ("good", &good.url)], ", max_in_flight: 1, timeout: 5s");
    let world = Arc::new(self::world(&yaml).0);
    let first = tokio::spawn({
        let world = Arc::clone(&world);
        async move { world.send(&message(Channel::Sms)).await }
    });
    let before = slow.seen().len();
    tokio::time::timeout(Duration::from_secs(5), async {
        while slow.seen().len() == before {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("the first is on its way");
    let second = world.send(&message(Channel::Sms)).await.unwrap();
    assert_eq!(second.provider, "good");
    assert!(matches!(second.failed[0].failure, Failure::Busy));
    first.abort();
}

#[tokio::test]
async fn when_the_budget_is_used_up_what_costs_nothing_still_goes() {
    let providers = [("paid", ", prices: {default: 0.30}"), ("free", "")];
    let (mut world, clock) = world(&outboxes(&providers, "providers: [paid, free]"));
    world.budget = MoneyBudget { per_hour: Some("0.70".parse().unwrap()), per_day: None };
    for (wanted, spent) in [("paid", Some("0.3")), ("paid", Some("0.6")), ("free", None)] {
        let delivered = world.send(&message(Channel::Sms)).await.unwrap();
        assert_eq!(delivered.provider, wanted);
        assert_eq!(delivered.spent.map(|spent| spent.hour), spent.map(|amount| amount.parse().unwrap()));
    }
    let metrics = world.tools.audit.metrics.encode();
    for line in [
        r#"otpgate_budget_exhausted_total{site="shop.example.com",budget="per_hour"} 1"#,
        r#"otpgate_spent{site="shop.example.com",window="1h"} 0.6"#,
    ] {
        assert!(metrics.lines().any(|known| known == line), "{line} is not in {metrics}");
    }
    clock.advance(Duration::from_secs(62 * 60));
    assert_eq!(carried_by(&world, MALAYSIA).await, "paid");

    let (mut world, _) = self::world(&outboxes(&providers[..1], "providers: paid"));
    world.budget = MoneyBudget { per_hour: None, per_day: Some("0.29".parse().unwrap()) };
    let error = world.send(&message(Channel::Sms)).await.unwrap_err();
    assert_eq!(error.exhausted().map(|(budget, _)| budget), Some("per_day"));
    assert!(error.surely_not_sent() && world.tools.outbox.recent().is_empty());
}

#[tokio::test]
async fn what_did_not_go_out_costs_nothing() {
    let bad = Mock::saying(503, "").await;
    let (mut world, _) = world(&over_http(&[("paid", &bad.url)], ", prices: {default: 0.30}"));
    world.budget = MoneyBudget { per_hour: Some("0.30".parse().unwrap()), per_day: None };
    for _ in 0..3 {
        assert!(world.send(&message(Channel::Sms)).await.unwrap_err().exhausted().is_none());
    }
    let spent = world.tools.store.spent(&world.site).await.unwrap();
    assert_eq!(spent.hour.millionths(), 0);
}
