use std::io::Write as _;

use http::{HeaderName, HeaderValue, Method};

use super::*;
use crate::request::{Door, PathRules, RawRequest, TrustedProxies};
use crate::risk::{AddressList, ListFile, Means, RuleSettings};

fn rule(yaml: &str) -> Rule {
    crate::config::read::<RuleSettings>(yaml).unwrap().rule().unwrap()
}

/// What most requests meet costs no memory: a database, a list and rules of every kind, of which none has anything to say.
#[test]
fn a_request_that_nothing_speaks_against_allocates_nothing() {
    let mut listed = tempfile::NamedTempFile::new().unwrap();
    (0..5_000_u32).for_each(|number| writeln!(listed, "203.{}.{}.0/24", number / 256, number % 256).unwrap());
    let list = AddressList { name: "listed".into(), means: Means::Points(60) };
    let country = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("geoip/country.mmdb");
    let address = AddressRisk::new(
        vec![DatabaseFile::open(country).unwrap()],
        vec![ListFile::of_addresses(list, listed.path().to_owned())],
        vec!["GB".parse().unwrap()],
        Points::default(),
    );
    let rules = [
        "{when: {country: KP, path: /admin/**}, points: 20, reason: a}",
        "{when: {asn: AS64496}, points: 20, reason: b}",
        "{when: {header: {User-Agent: ['*sqlmap*', 'nikto/*']}}, points: 20, reason: c}",
        "{when: {no_header: Accept-Language, path: /forms/**}, points: 20, reason: d}",
    ];
    let rules = rules.into_iter().map(rule).collect();
    let scoring = Scoring { address: address.unwrap(), rules, ..Scoring::default() };
    let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36";
    let headers = HeaderMap::from_iter([
        (http::header::HOST, HeaderValue::from_static("shop.test")),
        (http::header::USER_AGENT, HeaderValue::from_static(agent)),
        (http::header::ACCEPT, HeaderValue::from_static("text/html")),
        (http::header::ACCEPT_LANGUAGE, HeaderValue::from_static("en")),
        (HeaderName::from_static("sec-ch-ua"), HeaderValue::from_static("\"Chromium\";v=\"148\"")),
        (HeaderName::from_static("sec-ch-ua-mobile"), HeaderValue::from_static("?0")),
        (HeaderName::from_static("sec-ch-ua-platform"), HeaderValue::from_static("\"Linux\"")),
    ]);
    let request = |ip: &str| {
        let (method, target, peer) = (&Method::GET, b"/account/orders".as_slice(), ip.parse().unwrap());
        let raw = RawRequest { method, target, headers: &headers, authority: None, peer, tls: true };
        Door::enter(raw, &TrustedProxies::default()).unwrap().path(PathRules::default()).unwrap()
    };
    let (london, listed) = (request("81.2.69.142"), request("203.0.1.7"));
    // What is made once is made.
    assert_eq!(scoring.of(&london, &headers).score(), 0);
    let told = allocation_counter::measure(|| drop(scoring.of(&london, &headers)));
    assert_eq!((told.count_total, told.bytes_total), (0, 0));
    // It can tell.
    let told = allocation_counter::measure(|| assert!(scoring.of(&listed, &headers).score() >= 60));
    assert!(told.count_total > 0);
}
