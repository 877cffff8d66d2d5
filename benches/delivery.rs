//! What it costs to choose a provider, and how many messages go through one.
//!
//! `cargo bench --bench delivery`
//!
//! First the choice, among 20 providers in 200 countries, every one of them measured. Then 5,000 messages a second for some
//! seconds through a provider over HTTP on a loopback address: how many went out, how long they took, and how many ever
//! waited. At last a provider that does not answer: what is beyond the bound is refused at once.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::post;
use criterion::Criterion;
use otpgate::config::{self, Surroundings};
use otpgate::delivery::settings::DeliverySettings;
use otpgate::delivery::{Aim, Delivery, Failure, Message, Order, Outbox, SiteName, Tools};
use otpgate::seal::Code;
use otpgate::store::{Measure, Measured, MoneyBudget, SiteKey, What};
use otpgate::words::{ChallengeId, Channel, Contact, Reference};
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType, Region};
use tokio::runtime::Runtime;

const PROVIDERS: usize = 20;
const COUNTRIES: usize = 200;
/// The most that a choice may take.
const MOST: Duration = Duration::from_micros(5);
/// Messages a second, and for how many seconds.
const RATE: u32 = 5_000;
const SECONDS: u32 = 5;

fn delivery(yaml: &str, tools: Tools) -> Delivery {
    let nothing = |_: &str| None;
    let settings = config::read::<DeliverySettings>(yaml).unwrap();
    Delivery::new(settings.spec(&Surroundings::of(Path::new("otpgate.yaml"), &nothing)).unwrap(), tools).unwrap()
}

fn tools() -> Tools {
    Tools::alone(Arc::new(Outbox::default()))
}

/// A mobile number of each of the first countries that have them.
fn numbers() -> Vec<(Region, Contact)> {
    let mut regions: Vec<Region> = PHONE_NUMBER_UTIL.get_supported_regions().collect();
    regions.sort_unstable();
    let number = |region| {
        let example = PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(region, PhoneNumberType::Mobile).ok()?;
        let contact = Contact::parse(Channel::Sms, &example.format_as(PhoneNumberFormat::E164)).ok()?;
        Some((region, contact))
    };
    let numbers: Vec<_> = regions.into_iter().filter_map(number).take(COUNTRIES).collect();
    assert_eq!(numbers.len(), COUNTRIES);
    numbers
}

fn choosing(c: &mut Criterion) {
    let numbers = numbers();
    let names: Vec<String> = (0..PROVIDERS).map(|n| format!("p{n}")).collect();
    let providers: String = names.iter().map(|name| format!("  {name}: {{type: outbox}}\n")).collect();
    let list = names.join(", ");
    let countries: String = numbers.iter().map(|(region, _)| format!("{region}: {{providers: [{list}]}}, ")).collect();
    let runtime = Runtime::new().unwrap();
    let _inside = runtime.enter();
    for strategy in ["priority", "cheapest", "best"] {
        let tools = tools();
        for (place, (region, _)) in numbers.iter().enumerate() {
            let of = |name: &String| Measured {
                provider: name.clone(),
                channel: Channel::Sms,
                country: Some(region.to_string().parse().unwrap()),
            };
            let measures = names.iter().zip(0..).flat_map(|(name, n): (_, u64)| {
                let verified = 100 + (n * 31 + place as u64 * 17) % 300;
                [(What::Sent, 500), (What::Verified, verified), (What::Priced, 10), (What::Price, 50_000 + n)]
                    .map(|(what, add)| Measure { of: of(name), what, add, at: None })
            });
            runtime.block_on(tools.store.measure(&measures.collect::<Vec<_>>())).unwrap();
        }
        let yaml = format!(
            "providers:\n{providers}sms: {{strategy: {strategy}, providers: [{list}], countries: {{{countries}}}}}\n"
        );
        let delivery = delivery(&yaml, tools);
        runtime.block_on(delivery.learn()).unwrap();
        let choose = |place: usize| delivery.would_try(&numbers[place % COUNTRIES].1, Some("p3")).unwrap();
        for place in 0..COUNTRIES {
            assert_eq!(choose(place).len(), PROVIDERS);
        }
        let mut place = 0;
        c.bench_function(&format!("choose among 20 providers, 200 countries: {strategy}"), |b| {
            b.iter(|| {
                place += 1;
                black_box(choose(black_box(place)))
            });
        });
        let (rounds, start) = (100_000, Instant::now());
        for place in 0..rounds {
            black_box(choose(black_box(place)));
        }
        let each = start.elapsed() / u32::try_from(rounds).unwrap();
        println!("{strategy}: {each:?} for each choice");
        assert!(cfg!(debug_assertions) || each < MOST, "a choice takes {each:?}");
    }
}

fn message() -> Message {
    Message {
        to: Contact::parse(Channel::Sms, "+60123456789").unwrap(),
        code: Code::unsealed(b"123456"),
        site: SiteName::new("Example Shop", "shop.example.com"),
        aim: Aim::Open,
        expires_in: Duration::from_secs(300),
        reference: Reference::from_random([7; 5]),
        language: None,
        client: None,
    }
}

async fn send(delivery: &Delivery) -> Result<(), Failure> {
    let (message, site, budget) = (message(), SiteKey::new("shop.example.com"), MoneyBudget::default());
    let challenge = ChallengeId::from_random([9; 16]);
    let order = Order { message: &message, site: &site, challenge, send: 1, budget: &budget, avoid: None };
    delivery.send(&order).await.map(drop).map_err(|error| error.attempts()[0].failure.clone())
}

/// A provider that answers after this time; its address.
async fn provider(takes: Duration) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = move || async move {
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        r#"{"id": "abc-1"}"#
    };
    let router = Router::new().route("/send", post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}/send")
}

fn over_http(url: &str) -> Arc<Delivery> {
    let body = r#"'{"to": "{{ to }}", "text": "{{ text }}", "ref": "{{ id }}"}'"#;
    let own = format!("{{type: http, channels: sms, url: \"{url}\", body: {body}, id: /id, timeout: 5s}}");
    Arc::new(delivery(&format!("providers:\n  own: {own}\nsms: {{providers: own}}\n"), tools()))
}

async fn sending() {
    let delivery = over_http(&provider(Duration::ZERO).await);
    send(&delivery).await.unwrap();
    let (refused, largest) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (total, start) = (RATE * SECONDS, Instant::now());
    let mut sends = Vec::with_capacity(usize::try_from(total).unwrap());
    let mut begun = 0;
    while begun < total {
        let due = (start.elapsed().as_secs_f64() * f64::from(RATE)) as u32;
        while begun < due.min(total) {
            begun += 1;
            let (delivery, refused, largest) = (Arc::clone(&delivery), Arc::clone(&refused), Arc::clone(&largest));
            sends.push(tokio::spawn(async move {
                let start = Instant::now();
                largest.fetch_max(delivery.waiting(), Ordering::Relaxed);
                match send(&delivery).await {
                    Ok(()) => Some(start.elapsed()),
                    Err(_) => {
                        refused.fetch_add(1, Ordering::Relaxed);
                        None
                    }
                }
            }));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut took: Vec<Duration> = Vec::new();
    for send in sends {
        took.extend(send.await.unwrap());
    }
    let rate = took.len() as f64 / start.elapsed().as_secs_f64();
    took.sort_unstable();
    let quantile = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or_default();
    println!(
        "\n{total} messages offered at {RATE}/s through a loopback provider: {} went out at {rate:.0}/s, half within {:?}, \
         99 of 100 within {:?}; at most {} waited, {} were refused",
        took.len(),
        quantile(50),
        quantile(99),
        largest.load(Ordering::Relaxed),
        refused.load(Ordering::Relaxed),
    );
}

/// A provider takes 256 messages at a time, and 4,096 more may wait.
async fn beyond_the_bound() {
    const OFFERED: usize = 256 + 4096 + 1000;
    let delivery = over_http(&provider(Duration::from_secs(60)).await);
    let start = Instant::now();
    let sends: Vec<_> = (0..OFFERED)
        .map(|_| {
            let delivery = Arc::clone(&delivery);
            tokio::spawn(async move {
                let begun = Instant::now();
                (send(&delivery).await, begun.elapsed())
            })
        })
        .collect();
    let (mut at_once, mut later, mut longest) = (0, 0, Duration::ZERO);
    for send in sends {
        match send.await.unwrap() {
            (Err(Failure::Busy), took) if took < Duration::from_secs(1) => {
                at_once += 1;
                longest = longest.max(took);
            }
            (Err(_), _) => later += 1,
            (Ok(()), _) => panic!("nobody answered"),
        }
    }
    println!(
        "{OFFERED} messages at once to a provider that does not answer: {at_once} refused within {longest:?}, {later} given \
         up after their time ({:?} in all)",
        start.elapsed()
    );
    assert!(at_once >= 1000, "{at_once}");
    assert_eq!(delivery.waiting(), 0);
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    choosing(&mut criterion);
    criterion.final_summary();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(sending());
    runtime.block_on(beyond_the_bound());
}
