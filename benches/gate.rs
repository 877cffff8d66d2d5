//! What the gate costs a request: the figures of the README.
//!
//! `cargo bench --bench gate`

use std::hint::black_box;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderMap, Method};
use otpgate::gate::{Criteria, Facts, Route, Routes, Verdict, judge};
use otpgate::grant::Grant;
use otpgate::request::{CanonicalRequest, Glob, Networks, OwnCookie, PathRules, RawRequest, Scheme};
use otpgate::seal::{KeyRing, Secret, SystemRandom};
use otpgate::store::SiteKey;
use otpgate::words::{
    Channel, ContactRule, GrantId, KeyedHash, Origin, Policy, Proof, SendWhen, StepUp, Subject, Timestamp,
};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn policy() -> Policy {
    Policy::StepUp(Arc::new(StepUp {
        name: "account".into(),
        channels: [Channel::Email].into_iter().collect(),
        max_age: Duration::from_secs(900),
        challenge_at: 0,
        deny_at: 90,
        escalation: None,
        bind: vec![],
        observe: false,
        send: SendWhen::OnArrival,
        contact: ContactRule::Directory,
    }))
}

fn routes(count: usize) -> Routes {
    let list = (0..count)
        .map(|n| Route {
            paths: vec![Glob::parse(&format!("/section{}/page{n}/**", n % 37)).expect("a glob")],
            path_regex: vec![],
            criteria: Criteria::default(),
            policy: if n % 3 == 0 { Policy::Bypass } else { policy() },
        })
        .collect();
    Routes::new(list, Policy::Bypass).expect("routes")
}

fn keys() -> KeyRing {
    KeyRing::new(&[Secret::parse(&Secret::generate(&SystemRandom::new())).expect("a secret")]).expect("a key ring")
}

fn grant() -> Grant {
    let proof = Proof {
        channel: Channel::Email,
        others: vec![],
        contact: KeyedHash::new([1; 16]),
        origin: Origin::Directory,
        at: NOW,
        app_session: None,
        network: KeyedHash::new([2; 16]),
        spot: otpgate::words::Spot::default(),
    };
    let subject = Subject::parse("alice@example.com").expect("a subject");
    Grant { id: GrantId::from_random([3; 16]), subject, account: None, proofs: vec![proof] }
}

fn canonical(headers: &HeaderMap, target: &str) -> CanonicalRequest {
    let raw = RawRequest {
        method: &Method::GET,
        target: target.as_bytes(),
        headers,
        authority: None,
        peer: IpAddr::from([192, 0, 2, 1]),
        tls: true,
    };
    CanonicalRequest::new(raw, &Networks::default(), PathRules::default()).expect("a canonical request")
}

fn bench(c: &mut Criterion) {
    let (keys, site, random) = (keys(), SiteKey::new("shop.example.com"), SystemRandom::new());
    let value = grant().seal(&keys, &site, Scheme::Https, &random);
    let cookie = OwnCookie::named("grant");
    let mut headers = HeaderMap::new();
    let line = format!("theme=dark; SID=0123456789abcdef; {}={value}; lang=en", cookie.full_name(Scheme::Https));
    headers.insert("host", "shop.example.com".parse().expect("a host"));
    headers.insert("cookie", line.parse().expect("a cookie"));

    c.bench_function("seal a grant", |b| {
        let grant = grant();
        b.iter(|| black_box(&grant).seal(&keys, &site, Scheme::Https, &random));
    });
    c.bench_function("open a grant", |b| {
        b.iter(|| Grant::open(&keys, &site, Scheme::Https, black_box(&value)));
    });

    let thousand = routes(1000);
    let request = canonical(&headers, "/section26/page988/orders/2026/11?sort=date");
    assert_eq!(thousand.find(&request).0, Some(988));
    c.bench_function("match a path among 1,000 routes", |b| b.iter(|| thousand.find(black_box(&request)).0));

    let fifty = routes(50);
    c.bench_function("whole verdict with a good grant, 50 routes", |b| {
        b.iter(|| {
            let request = canonical(black_box(&headers), "/section12/page49/orders/2026/11?sort=date");
            let (_, policy) = fifty.find(&request);
            let grant = cookie
                .find(&headers, Scheme::Https)
                .and_then(|value| Grant::open(&keys, &site, Scheme::Https, value))
                .expect("a good grant");
            let facts = Facts {
                policy,
                has_subject: true,
                proofs: &grant.proofs,
                vouched: &[],
                wanted: None,
                confirmed: false,
                score: 0,
                is_whole: true,
                app_session: None,
                network: KeyedHash::new([2; 16]),
                now: NOW,
            };
            let verdict = judge(&facts);
            assert!(matches!(verdict, Verdict::Forward(_)));
        });
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
