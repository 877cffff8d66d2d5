//! What it costs to score a request by its address: the figures of the README.
//!
//! `cargo bench --bench risk`

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, Method};
use ipnet::Ipv4Net;
use mmdb_writer::{Value, Writer};
use otpgate::request::{CanonicalRequest, Door, PathRules, RawRequest, TrustedProxies};
use otpgate::risk::{
    AddressList, AddressRisk, DatabaseFile, Held, ListFile, Mark, Means, Points, PrefixTable, Rates, Risk, Rule,
    RuleSettings, Scoring, Whom, networks,
};
use otpgate::store::Sign;
use otpgate::words::Timestamp;

/// The prefixes that are listed: a third of them single addresses, the rest /24 to /29, all over the public space.
const LISTED: u32 = 1_000_000;

/// Numbers that look like chance and are the same every time (a linear congruential generator, Numerical Recipes).
struct Dice(u32);

impl Dice {
    const fn roll(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0
    }

    fn public(&mut self) -> Ipv4Addr {
        loop {
            let ip = Ipv4Addr::from(self.roll());
            let [first, second, ..] = ip.octets();
            let is_private =
                matches!((first, second), (0 | 10 | 127, _) | (100, 64..128) | (169, 254) | (172, 16..32) | (192, 168));
            if !is_private && first < 224 {
                return ip;
            }
        }
    }
}

fn list(folder: &Path) -> PathBuf {
    let mut dice = Dice(1);
    let mut text = String::new();
    for number in 0..LISTED {
        let length = if number % 3 == 0 { 32 } else { 24 + number % 6 };
        text.push_str(&format!("{}/{length}\n", dice.public()));
    }
    let path = folder.join("listed.txt");
    std::fs::write(&path, text).expect("a list");
    path
}

/// A database of autonomous systems as large as that of iptoasn.
fn systems(folder: &Path) -> PathBuf {
    let mut dice = Dice(2);
    let mut writer = Writer::new("benchmark ASN");
    for number in 0..400_000_u32 {
        let network = Ipv4Net::new(dice.public(), 24).expect("a network");
        let system = Value::map([("autonomous_system_number", Value::from(number % 70_000 + 1))]);
        writer.insert_value(network, system).expect("an entry");
    }
    let path = folder.join("asn.mmdb");
    std::fs::write(&path, writer.to_bytes().expect("a database")).expect("a file");
    path
}

/// What a browser sends.
fn headers() -> HeaderMap {
    let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36";
    let all = [
        (http::header::HOST, "shop.example.com"),
        (http::header::USER_AGENT, agent),
        (http::header::ACCEPT, "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
        (http::header::ACCEPT_LANGUAGE, "en-GB,en;q=0.9"),
        (http::HeaderName::from_static("sec-ch-ua"), "\"Chromium\";v=\"148\", \"Not=A?Brand\";v=\"24\""),
        (http::HeaderName::from_static("sec-ch-ua-mobile"), "?0"),
        (http::HeaderName::from_static("sec-ch-ua-platform"), "\"Linux\""),
        (http::HeaderName::from_static("sec-fetch-mode"), "navigate"),
        (http::HeaderName::from_static("sec-fetch-dest"), "document"),
    ];
    all.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
}

/// Twenty rules of the kinds that there are, of which an honest visitor meets none.
fn rules() -> Vec<Rule> {
    let kinds = |number: u32| match number % 4 {
        0 => format!("country: [KP, IR, SY, CU], path: /section{number}/**"),
        1 => format!("asn: [AS{}, AS{}]", 64_496 + number, 64_512 + number),
        2 => format!("header: {{User-Agent: ['*robot{number}*', 'tool{number}/*']}}"),
        _ => format!("no_header: Accept-Language, path: [/forms{number}/**, /api{number}/**]"),
    };
    let rule = |number: u32| {
        let text = format!("{{when: {{{}}}, points: 20, reason: rule {number}}}", kinds(number));
        otpgate::config::read::<RuleSettings>(&text).and_then(|settings| settings.rule()).expect("a rule")
    };
    (0..20).map(rule).collect()
}

fn request(peer: IpAddr, headers: &HeaderMap) -> CanonicalRequest {
    let (method, target) = (&Method::GET, b"/account/orders?page=2".as_slice());
    let raw = RawRequest { method, target, headers, authority: None, peer, tls: true };
    let door = Door::enter(raw, &TrustedProxies::default()).expect("a good request");
    door.path(PathRules { parameters_allowed: false }).expect("a good path")
}

fn bench(c: &mut Criterion) {
    let folder = std::env::temp_dir().join(format!("otpgate-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let listed = list(&folder);
    let text = std::fs::read_to_string(&listed).expect("a list");
    let started = Instant::now();
    let read = networks(&text, otpgate::risk::Meaning::Suspect).expect("networks");
    let table = PrefixTable::new(read.iter().map(|&network| (0, network)));
    let (took, bytes) = (started.elapsed(), table.bytes());
    println!("{LISTED} prefixes read and put into a table in {took:?}, {} bytes for each", bytes / LISTED as usize);

    let country = Path::new(env!("CARGO_MANIFEST_DIR")).join("geoip/country.mmdb");
    let open = |path| DatabaseFile::open(path).expect("a database");
    let list = AddressList { name: "listed".into(), means: Means::Points(60) };
    let address = AddressRisk::new(
        vec![open(country), open(systems(&folder))],
        vec![ListFile::of_addresses(list, listed.clone())],
        vec!["MY".parse().expect("a country")],
        Points::default(),
    )
    .expect("a risk");
    let scoring = Scoring { address, rules: rules(), ..Scoring::default() };

    let mut dice = Dice(3);
    let headers = headers();
    let requests: Vec<CanonicalRequest> = (0..65_536).map(|_| request(dice.public().into(), &headers)).collect();
    let mut next = requests.iter().cycle();
    let mut group = c.benchmark_group("address");
    group.bench_function("which of 1,000,000 prefixes", |b| {
        b.iter(|| table.lists_of(black_box(next.next().expect("a request").client.ip)));
    });
    group.bench_function("the whole score: country, ASN, 1,000,000 prefixes and 20 rules", |b| {
        b.iter(|| scoring.of(black_box(next.next().expect("a request")), &headers));
    });
    // Visitors come with a page and all that belongs to it: of their address the processor's caches know the way.
    group.bench_function("the same, of an address that was here a moment ago", |b| {
        b.iter(|| scoring.of(black_box(&requests[0]), &headers));
    });
    group.finish();

    // What is held against addresses, as after a busy night: 10,000 of them.
    let (start, until) = (Timestamp::from_millis(1_790_000_000_000), Timestamp::from_millis(1_790_000_600_000));
    let mark = |sign| Mark { sign, count: 25, span: Duration::from_secs(600), until };
    let flagged = (0..10_000).map(|_| (Whom::address(dice.public().into()), mark(Sign::Failures)));
    let held = Held::new(flagged.collect::<Vec<_>>());
    let rates = Rates::default();
    let mut group = c.benchmark_group("behaviour");
    group.bench_function("what is held against an address and what is around it", |b| {
        b.iter(|| {
            let (client, mut risk) = (next.next().expect("a request").client, Risk::default());
            held.judge(&client, start, &scoring.points, &mut risk);
            (risk, held.ban(&client, start))
        });
    });
    group.bench_function("the rate of an address", |b| {
        b.iter(|| {
            rates.count(&Whom::address(next.next().expect("a request").client.ip), Duration::from_secs(60), start)
        });
    });
    group.finish();
    under_reload(&scoring, &requests, &headers, &listed);
    let _ = std::fs::remove_dir_all(&folder);
}

/// How long requests are measured, with and without reloads.
const MEASURED: Duration = Duration::from_secs(20);

/// What a reload of the list costs the requests in flight: each is timed, alone and beside a thread that reads the list and
/// swaps the table over and over, three times in turn.
fn under_reload(scoring: &Scoring, requests: &[CanonicalRequest], headers: &HeaderMap, listed: &Path) {
    for round in 1..=3 {
        let (p50, p99, _) = timed(scoring, requests, headers);
        let stop = AtomicBool::new(false);
        let (reloads, (p50_beside, p99_beside, count)) = std::thread::scope(|scope| {
            let reloading = scope.spawn(|| {
                let mut reloads = 0;
                while !stop.load(Ordering::Relaxed) {
                    let file = std::fs::File::options().append(true).open(listed).expect("the list");
                    file.set_modified(SystemTime::now()).expect("a new time");
                    reloads += scoring.renew().iter().filter(|renewed| renewed.result.is_ok()).count();
                }
                reloads
            });
            let timed = timed(scoring, requests, headers);
            stop.store(true, Ordering::Relaxed);
            (reloading.join().expect("reloads"), timed)
        });
        let more = 100.0 * (p99_beside / p99 - 1.0);
        println!(
            "round {round}: p50 {p50:.0} ns, p99 {p99:.0} ns; beside {reloads} reloads p50 {p50_beside:.0} ns, \
             p99 {p99_beside:.0} ns ({more:+.1} %), {count} requests"
        );
    }
}

/// The median and the 99th percentile of scoring one request, in nanoseconds, and how many there were.
fn timed(scoring: &Scoring, requests: &[CanonicalRequest], headers: &HeaderMap) -> (f64, f64, usize) {
    let (began, mut times) = (Instant::now(), Vec::with_capacity(20_000_000));
    'measured: loop {
        for request in requests {
            let started = Instant::now();
            black_box(scoring.of(black_box(request), headers));
            times.push(u32::try_from(started.elapsed().as_nanos()).unwrap_or(u32::MAX));
            if times.len() == times.capacity() || began.elapsed() > MEASURED {
                break 'measured;
            }
        }
    }
    times.sort_unstable();
    let at = |share: usize| f64::from(times[(times.len() - 1) * share / 100]);
    (at(50), at(99), times.len())
}

criterion_group!(benches, bench);
criterion_main!(benches);
