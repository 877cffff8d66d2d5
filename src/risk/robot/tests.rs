use http::{HeaderValue, Method};
use proptest::prelude::*;
use regex::bytes::Regex;

use super::*;
use crate::request::{Door, PathRules, RawRequest, TrustedProxies};

const CHROME: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36";
const PHONE: &str =
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Mobile Safari/537.36";
const TABLET: &str =
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36";
const MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36";
const DESK: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0";
const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";

fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
    all.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

/// Programs that say what they are, in any case; and those that say nothing.
#[test]
fn robots_say_so() {
    for agent in [
        "curl/8.15.0",
        "Wget/1.24.5",
        "python-requests/2.32.4",
        "Python/3.13 aiohttp/3.12.15",
        "Go-http-client/2.0",
        "Java/21.0.4",
        "axios/1.11.0",
        "Scrapy/2.13.3 (+https://scrapy.org)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/148.0.0.0 Safari/537.36",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "MOZILLA/5.0 (COMPATIBLE; BINGBOT/2.0)",
        "facebookexternalhit/1.1 SomeCrawler",
        "",
        "  ",
    ] {
        assert!(robot(&headers(&[("user-agent", agent)])).is_some(), "{agent}");
    }
    assert_eq!(robot(&HeaderMap::new()), Some("no user agent"));
}

/// People are none, by whatever they come.
#[test]
fn browsers_are_no_robots() {
    for agent in [
        CHROME,
        PHONE,
        TABLET,
        MAC,
        DESK,
        FIREFOX,
        SAFARI,
        "Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/96.0.4664.45 Mobile Safari/537.36",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36 Edg/147.0.0.0",
        "Opera/9.80 (Windows NT 6.1) Presto/2.12.388 Version/12.18",
        "Lynx/2.9.2 libssl/3.0",
    ] {
        assert_eq!(robot(&headers(&[("user-agent", agent)])), None, "{agent}");
    }
}

fn hinted(tls: bool, all: &[(&'static str, &'static str)]) -> Option<&'static str> {
    let mut headers = headers(all);
    headers.insert("host", HeaderValue::from_static("shop.example.com"));
    headers.insert("sec-fetch-mode", HeaderValue::from_static("navigate"));
    headers.insert("sec-fetch-dest", HeaderValue::from_static("document"));
    let (method, peer) = (&Method::GET, "192.0.2.1".parse().unwrap());
    let raw = RawRequest { method, target: b"/account", headers: &headers, authority: None, peer, tls };
    let request = Door::enter(raw, &TrustedProxies::default()).unwrap().path(PathRules { parameters_allowed: false });
    hints(&request.unwrap(), &headers)
}

/// A browser tells what it is twice, and both must agree.
#[test]
fn hints_fit_the_user_agent() {
    let brands = ("sec-ch-ua", "\"Chromium\";v=\"148\", \"Not=A?Brand\";v=\"24\"");
    let all = |agent, platform, mobile| {
        let hints = [("user-agent", agent), brands, ("sec-ch-ua-platform", platform), ("sec-ch-ua-mobile", mobile)];
        hinted(true, &hints)
    };
    for (agent, platform, mobile) in [
        (CHROME, "\"Windows\"", "?0"),
        (PHONE, "\"Android\"", "?1"),
        (TABLET, "\"Android\"", "?0"),
        (MAC, "\"macOS\"", "?0"),
        (DESK, "\"Linux\"", "?0"),
        // A telephone that shows pages as on a desk.
        (DESK, "\"Android\"", "?0"),
        (CHROME, "\"Unknown\"", "?0"),
    ] {
        assert_eq!(all(agent, platform, mobile), None, "{agent} {platform} {mobile}");
    }
    for (agent, platform, mobile) in [
        (CHROME, "\"Linux\"", "?0"),
        (PHONE, "\"Windows\"", "?1"),
        (MAC, "\"Windows\"", "?0"),
        (CHROME, "\"Windows\"", "?1"),
        (PHONE, "\"Android\"", "?0"),
        (FIREFOX, "\"Linux\"", "?0"),
    ] {
        assert!(all(agent, platform, mobile).is_some(), "{agent} {platform} {mobile}");
    }
}

/// Only what should send hints is missed for sending none.
#[test]
fn hints_are_missed_where_they_belong() {
    let old = "Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/49.0.2623.112 Safari/537.36";
    let view = "Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/148.0.0.0 Mobile Safari/537.36";
    assert_eq!(hinted(true, &[("user-agent", CHROME)]), Some("missing"));
    assert_eq!(hinted(false, &[("user-agent", CHROME)]), None, "over plain HTTP none are sent");
    for agent in [old, view, FIREFOX, SAFARI, "curl/8.15.0", "Chrome/", "Chrome/9999999999999"] {
        assert_eq!(hinted(true, &[("user-agent", agent)]).is_some(), agent.starts_with("Chrome/9"), "{agent}");
    }
    assert_eq!(hinted(true, &[]), None);
}

proptest! {
    /// The searches find what the one expression does that says the same.
    #[test]
    fn robots_are_words(parts in prop::collection::vec(prop::sample::select(PARTS), 0..8)) {
        let (agent, words) = (parts.concat(), ROBOTS.join("|").replace('(', r"\("));
        let expression = Regex::new(&format!(r"(?i-u){words}|(?:^|[^u])bot\b")).unwrap();
        let headers = HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_bytes(agent.as_bytes()).unwrap())]);
        let wanted = agent.trim_ascii().is_empty() || expression.is_match(agent.trim_ascii().as_bytes());
        prop_assert_eq!(robot(&headers).is_some(), wanted, "{}", agent);
    }
}

const PARTS: &[&str] = &[
    "bot",
    "BOT",
    "u",
    "U",
    "b",
    "ot",
    "_",
    " ",
    "/",
    "-",
    "é",
    "1",
    "curl",
    "Curl/",
    "got",
    "GOT (",
    "python",
    "Mozilla/5.0 (",
    "spide",
    "r",
    "head",
    "less",
    "like Gecko) Chrome/148.0.0.0 Safari/537.36 ",
];
