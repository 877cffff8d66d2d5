use http::{HeaderValue, Method};

use super::*;
use crate::request::{Door, PathRules, RawRequest, TrustedProxies};
use crate::risk::{Scoring, Whereabouts};

fn rule(yaml: &str) -> Result<Rule, Fault> {
    crate::config::read::<RuleSettings>(yaml)?.rule()
}

fn request(target: &str, headers: &HeaderMap) -> CanonicalRequest {
    let mut all = headers.clone();
    all.insert(http::header::HOST, HeaderValue::from_static("shop.test"));
    let peer = "192.0.2.1".parse().unwrap();
    let (method, target) = (&Method::GET, target.as_bytes());
    let raw = RawRequest { method, target, headers: &all, authority: None, peer, tls: false };
    Door::enter(raw, &TrustedProxies::default()).unwrap().path(PathRules::default()).unwrap()
}

fn holds(when: &str, target: &str, headers: &[(&'static str, &'static str)], at: Whereabouts) -> bool {
    let rule = rule(&format!("{{when: {{{when}}}, points: 10, reason: odd}}")).unwrap();
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
    let mut risk = Risk { at, ..Risk::default() };
    rule.judge(&request(target, &headers), &headers, &mut risk);
    risk.score() == 10
}

#[test]
fn all_that_a_rule_looks_for_must_hold_and_one_of_each_list() {
    let at = Whereabouts { country: "RU".parse().ok(), system: Some(64_496), ..Whereabouts::default() };
    let nowhere = Whereabouts::default();
    let curl = &[("user-agent", "curl/8.5.0")][..];
    for (when, target, headers, at, wanted) in [
        ("country: [KP, RU]", "/", &[][..], at, true),
        ("country: KP", "/", &[], at, false),
        ("country: RU", "/", &[], nowhere, false),
        ("asn: [AS1, AS64496]", "/", &[], at, true),
        ("asn: 64496", "/", &[], at, true),
        ("asn: AS1", "/", &[], at, false),
        ("path: /wp-admin/**", "/WP-ADMIN/x", &[], nowhere, true),
        ("path: [/a, /b/**]", "/b", &[], nowhere, true),
        ("path: /wp-admin/**", "/shop?x=/wp-admin/", &[], nowhere, false),
        ("header: {User-Agent: ['wget*', 'CURL/*']}", "/", curl, nowhere, true),
        ("header: {User-Agent: 'curl'}", "/", curl, nowhere, false),
        ("header: {User-Agent: 'c*8.5*'}", "/", curl, nowhere, true),
        ("header: {User-Agent: 'c.*'}", "/", curl, nowhere, false),
        ("header: {User-Agent: '*'}", "/", &[], nowhere, false),
        ("header: {Accept: '*', User-Agent: '*'}", "/", curl, nowhere, false),
        ("no_header: [Accept, Accept-Language]", "/", curl, nowhere, true),
        ("no_header: [Accept, User-Agent]", "/", curl, nowhere, false),
        ("country: RU, path: /admin/**", "/admin", &[], at, true),
        ("country: RU, path: /admin/**", "/shop", &[], at, false),
    ] {
        assert_eq!(holds(when, target, headers, at), wanted, "{when} {target}");
    }
}

#[test]
fn nothing_about_a_trusted_address_counts() {
    for (when, wanted) in [("country: RU", 0), ("country: RU, path: /**", 0), ("path: /**", 10)] {
        let rule = rule(&format!("{{when: {{{when}}}, points: 10, reason: odd}}")).unwrap();
        let at = Whereabouts { country: "RU".parse().ok(), ..Whereabouts::default() };
        let mut risk = Risk { at, trusted_by: Some("office".into()), ..Risk::default() };
        rule.judge(&request("/", &HeaderMap::new()), &HeaderMap::new(), &mut risk);
        assert_eq!(risk.score(), wanted, "{when}");
    }
}

#[test]
fn what_cannot_be_a_rule_says_what_to_write() {
    for (yaml, wrong) in [
        ("{when: {}, points: 10, reason: odd}", "what does it look for"),
        ("{when: {path: admin}, points: 10, reason: odd}", "starts with `/`"),
        ("{when: {path: /**}, points: 0, reason: odd}", "expected 1 to 100"),
        ("{when: {path: /**}, points: 101, reason: odd}", "from 0 to 100"),
        ("{when: {path: /**}, points: 1, reason: ' '}", "expected a few words"),
        ("{when: {path: /**}, points: 1, reason: 'a, b'}", "without commas"),
        ("{when: {asn: ASX}, points: 1, reason: odd}", "such as AS64496"),
        ("{when: {header: {'a b': x}}, points: 1, reason: odd}", "the name of a header"),
        ("{when: {path: /**, reason: x}, points: 1, reason: odd}", "unknown key `reason`"),
    ] {
        let fault = rule(yaml).unwrap_err().to_string();
        assert!(fault.contains(wrong), "{yaml}: {fault}");
    }
}

/// The score of a request is its signals' sum, those of rules among them.
#[test]
fn rules_add_to_the_score() {
    let rules = ["{when: {path: /a/**}, points: 30, reason: one}", "{when: {path: /**}, points: 15, reason: two}"];
    let scoring = Scoring { rules: rules.map(|yaml| rule(yaml).unwrap()).into(), ..Scoring::default() };
    let score = |target: &str| scoring.of(&request(target, &HeaderMap::new()), &HeaderMap::new());
    assert_eq!((score("/a").score(), score("/b").score()), (45, 15));
    assert_eq!(score("/a").signals()[0].to_string(), "one 30");
    assert!(scoring.is_on());
}
