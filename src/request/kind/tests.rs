use http::HeaderName;

use super::*;

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    map
}

fn kind(lines: &[(&str, &str)]) -> RequestKind {
    RequestKind::of(&headers(lines))
}

#[test]
fn w01_an_upgrade_is_an_upgrade_whatever_else_is_said() {
    let lines = [("Upgrade", "websocket"), ("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Mode", "navigate")];
    assert_eq!(kind(&lines), RequestKind::Upgrade);
    assert_eq!(kind(&[("Upgrade", "h2c"), ("Accept", "text/html")]), RequestKind::Navigation);
    assert_eq!(kind(&[("Upgrade", "h2c, websocket")]), RequestKind::Upgrade);
}

#[test]
fn w05_w08_sec_fetch_decides_where_it_is_sent() {
    let fetched = |dest, mode| kind(&[("Sec-Fetch-Dest", dest), ("Sec-Fetch-Mode", mode), ("Accept", "text/html")]);
    assert_eq!(fetched("document", "navigate"), RequestKind::Navigation);
    assert_eq!(fetched("empty", "cors"), RequestKind::ApiClient);
    for (dest, mode) in [
        ("image", "no-cors"),
        ("iframe", "navigate"),
        ("embed", "navigate"),
        ("document", "no-cors"),
        ("script", "cors"),
        ("worker", "same-origin"),
    ] {
        assert_eq!(fetched(dest, mode), RequestKind::SubResource, "{dest} {mode}");
    }
    assert_eq!(kind(&[("Sec-Fetch-Dest", "document")]), RequestKind::SubResource);
}

#[test]
fn w05_without_sec_fetch_the_other_headers_decide() {
    use RequestKind::{ApiClient, Navigation};
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    assert_eq!(kind(&[("Accept", browser)]), Navigation);
    assert_eq!(kind(&[("Accept", "Text/HTML")]), Navigation);
    assert_eq!(kind(&[("Accept", "text/html, application/json")]), Navigation);
    assert_eq!(kind(&[]), ApiClient);
    assert_eq!(kind(&[("Accept", "*/*")]), ApiClient);
    assert_eq!(kind(&[("Accept", "application/json")]), ApiClient);
    assert_eq!(kind(&[("Accept", "application/problem+json")]), ApiClient);
    assert_eq!(kind(&[("Accept", "application/json, text/html;q=0.0")]), ApiClient);
    assert_eq!(kind(&[("Accept", browser), ("X-Requested-With", "XMLHttpRequest")]), ApiClient);
    assert_eq!(kind(&[("Accept", browser), ("Authorization", "bearer abc")]), ApiClient);
    assert_eq!(kind(&[("Accept", browser), ("Authorization", "Basic abc")]), Navigation);
}

#[test]
fn a_prefetch_is_known() {
    for (name, value) in [
        ("Sec-Purpose", "prefetch"),
        ("Sec-Purpose", "prefetch;prerender"),
        ("Purpose", "Prefetch"),
        ("X-Moz", "prefetch"),
        ("X-Purpose", "preview"),
    ] {
        assert!(is_prefetch(&headers(&[(name, value)])), "{name}: {value}");
    }
    assert!(!is_prefetch(&headers(&[("Accept", "prefetch")])));
    assert!(!is_prefetch(&headers(&[("Purpose", "payment")])));
}

#[test]
fn c12_r15_the_sites_own_pages_are_told_from_others() {
    let asked = Authority::parse(b"shop.example").unwrap();
    let origin = |lines: &[(&str, &str)]| own_origin(&headers(lines), Scheme::Https, &asked);
    let own = "https://shop.example";
    let evil = "https://evil.example";
    for (lines, expected) in [
        (&[][..], OwnOrigin::Unknown),
        (&[("Sec-Fetch-Site", "same-origin")], OwnOrigin::Own),
        (&[("Sec-Fetch-Site", "none")], OwnOrigin::Own),
        (&[("Sec-Fetch-Site", "same-site")], OwnOrigin::Foreign),
        (&[("Sec-Fetch-Site", "cross-site")], OwnOrigin::Foreign),
        (&[("Sec-Fetch-Site", "strange")], OwnOrigin::Foreign),
        (&[("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "none")], OwnOrigin::Foreign),
        (&[("Origin", own)], OwnOrigin::Own),
        (&[("Origin", evil)], OwnOrigin::Foreign),
        (&[("Origin", "http://shop.example")], OwnOrigin::Foreign),
        (&[("Origin", "https://shop.example:8443")], OwnOrigin::Foreign),
        (&[("Origin", "null")], OwnOrigin::Foreign),
        (&[("Origin", own), ("Origin", own)], OwnOrigin::Foreign),
        (&[("Origin", own), ("Sec-Fetch-Site", "cross-site")], OwnOrigin::Foreign),
        (&[("Origin", evil), ("Sec-Fetch-Site", "same-origin")], OwnOrigin::Foreign),
        (&[("Origin", evil), ("Sec-Fetch-Site", "none")], OwnOrigin::Foreign),
        (&[("Origin", own), ("Sec-Fetch-Site", "same-origin")], OwnOrigin::Own),
        (&[("Origin", "null"), ("Sec-Fetch-Site", "same-origin")], OwnOrigin::Own),
        (&[("Origin", "null"), ("Sec-Fetch-Site", "none")], OwnOrigin::Foreign),
    ] {
        assert_eq!(origin(lines), expected, "{lines:?}");
    }
}
