//! What a request says of the program that made it: robots that say so, and browsers whose headers do not fit together.
//!
//! Anybody can write these headers, so they tell the honest and the careless. Clients of an API rightly say `curl`: what is
//! found here is worth few points.

use std::sync::LazyLock;

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderName};
use regex::bytes::Regex;

use crate::request::{CanonicalRequest, RequestKind, Scheme};

/// Programs that are no browser, by what their user agent says: libraries, tools, browsers without a window, and whatever calls
/// itself a robot.
static ROBOTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let named = r"(?i-u)curl/|wget/|libwww|lwp-|python|aiohttp|httpx/|urllib|scrapy|go-http-client|okhttp/|java/|apache-httpclient|axios/|node-fetch|undici|got \(|guzzle|php/|ruby|faraday|reqwest|hyper/|libcurl|httpie/|postmanruntime|insomnia/|headless|phantomjs|selenium|puppeteer|playwright|(?:^|[^u])bot\b|crawler|spider|scraper|archiver|masscan|nmap|nikto|sqlmap|zgrab";
    // `u` before it: Cubot makes telephones. A pattern that is wrong fails every test of this file; then nobody would be a robot.
    Regex::new(named).ok()
});

/// From this version on a browser of Chromium's tells its brands over https (Chrome Platform Status, "User-Agent Client Hints").
const HINTS_SINCE: u32 = 90;

const BRANDS: HeaderName = HeaderName::from_static("sec-ch-ua");
const PLATFORM: HeaderName = HeaderName::from_static("sec-ch-ua-platform");
const MOBILE: HeaderName = HeaderName::from_static("sec-ch-ua-mobile");

/// Whether a request says that no browser made it, or does not say what did; and what exactly.
pub(super) fn robot(headers: &HeaderMap) -> Option<&'static str> {
    let agent = headers.get(USER_AGENT).map(|agent| agent.as_bytes().trim_ascii()).unwrap_or_default();
    if agent.is_empty() {
        return Some("no user agent");
    }
    ROBOTS.as_ref().is_some_and(|robots| robots.is_match(agent)).then_some("by its user agent")
}

/// What is wrong with the client hints of a request. Only navigations over https have all of them.
pub(super) fn hints(request: &CanonicalRequest, headers: &HeaderMap) -> Option<&'static str> {
    if request.scheme != Scheme::Https || request.kind != RequestKind::Navigation {
        return None;
    }
    let agent = headers.get(USER_AGENT)?.as_bytes();
    let brands = headers.get(BRANDS);
    let Some(version) = chromium(agent) else {
        return (brands.is_some() && has(agent, b"Firefox/")).then_some("a browser that sends none");
    };
    if brands.is_none() {
        // What an application shows in its own window (WebView) may send none.
        let sends = version >= HINTS_SINCE && !has(agent, b"; wv)");
        return sends.then_some("missing");
    }
    if let Some(platform) = headers.get(PLATFORM).and_then(|platform| family(platform.as_bytes()))
        && agent_family(agent).is_some_and(|agent| agent != platform)
    {
        return Some("another platform than its user agent");
    }
    match headers.get(MOBILE).map(|mobile| mobile.as_bytes().trim_ascii()) {
        Some(b"?1") if !has(agent, b"Mobile") => Some("mobile, other than its user agent"),
        Some(b"?0") if has(agent, b"Mobile") => Some("not mobile, other than its user agent"),
        _ => None,
    }
}

/// The version of Chromium that a user agent names.
fn chromium(agent: &[u8]) -> Option<u32> {
    let name = b"Chrome/";
    let place = agent.windows(name.len()).position(|window| window == name)?;
    let digits = agent.get(place + name.len()..)?.iter().take_while(|byte| byte.is_ascii_digit()).take(6);
    let version = digits.fold(0, |version: u32, digit| version * 10 + u32::from(digit - b'0'));
    (version > 0).then_some(version)
}

/// Platforms that are told apart. A telephone that shows the pages of large screens calls itself Linux, so those two are one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Windows,
    Apple,
    Linux,
    ChromeOs,
}

/// The platform of a hint: the text in quotes.
fn family(hint: &[u8]) -> Option<Family> {
    match hint.trim_ascii() {
        b"\"Windows\"" => Some(Family::Windows),
        b"\"macOS\"" | b"\"iOS\"" => Some(Family::Apple),
        b"\"Linux\"" | b"\"Android\"" => Some(Family::Linux),
        b"\"Chrome OS\"" | b"\"Chromium OS\"" | b"\"ChromeOS\"" => Some(Family::ChromeOs),
        _ => None,
    }
}

fn agent_family(agent: &[u8]) -> Option<Family> {
    let of = [
        (&b"Windows NT"[..], Family::Windows),
        (b"Macintosh", Family::Apple),
        (b"iPhone", Family::Apple),
        (b"iPad", Family::Apple),
        (b"CrOS", Family::ChromeOs),
        (b"Android", Family::Linux),
        (b"Linux", Family::Linux),
    ];
    // It stands in the first brackets: what follows is the same for all.
    let end = agent.iter().position(|&byte| byte == b')').unwrap_or(agent.len());
    let system = agent.get(..end)?;
    of.into_iter().find(|(name, _)| has(system, name)).map(|(_, family)| family)
}

fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests;
