//! What a request says of the program that made it: robots that say so, and browsers whose headers do not fit together.
//!
//! Anybody can write these headers, so they tell the honest and the careless. Clients of an API rightly say `curl`: what is
//! found here is worth few points.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use http::header::USER_AGENT;
use http::{HeaderMap, HeaderName};
use memchr::memmem::{self, Finder};

use crate::request::{CanonicalRequest, RequestKind, Scheme};
use crate::risk::wild::folded;

/// Programs that are no browser, by what their user agent says, in lower case: libraries, tools, browsers without a window, and
/// what gathers pages. What calls itself a bot is found besides ([`is_bot`]): of words this short the search below is slow.
const ROBOTS: &[&str] = &[
    "curl/",
    "wget/",
    "libwww",
    "lwp-",
    "python",
    "aiohttp",
    "httpx/",
    "urllib",
    "scrapy",
    "go-http-client",
    "okhttp/",
    "java/",
    "apache-httpclient",
    "axios/",
    "node-fetch",
    "undici",
    "got (",
    "guzzle",
    "php/",
    "ruby",
    "faraday",
    "reqwest",
    "hyper/",
    "libcurl",
    "httpie/",
    "postmanruntime",
    "insomnia/",
    "headless",
    "phantomjs",
    "selenium",
    "puppeteer",
    "playwright",
    "crawler",
    "spider",
    "scraper",
    "archiver",
    "masscan",
    "nmap",
    "nikto",
    "sqlmap",
    "zgrab",
];
static ROBOT: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| search(ROBOTS));

/// Words, of which the first is found that begins first. Words that are wrong fail every test of this file; then none is found.
fn search(words: &[&str]) -> Option<AhoCorasick> {
    AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(words).ok()
}

/// From this version on a browser of Chromium's tells its brands over https (Chrome Platform Status, "User-Agent Client Hints").
const HINTS_SINCE: u32 = 90;

// What is looked for in each page's user agent: a search that is made once.
static BOT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("bot"));
static CHROME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("Chrome/"));
static PHONE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("Mobile"));

const BRANDS: HeaderName = HeaderName::from_static("sec-ch-ua");
const PLATFORM: HeaderName = HeaderName::from_static("sec-ch-ua-platform");
const MOBILE: HeaderName = HeaderName::from_static("sec-ch-ua-mobile");

/// Whether a request says that no browser made it, or does not say what did; and what exactly.
pub(super) fn robot(headers: &HeaderMap) -> Option<&'static str> {
    let agent = headers.get(USER_AGENT).map(|agent| agent.as_bytes().trim_ascii()).unwrap_or_default();
    if agent.is_empty() {
        return Some("no user agent");
    }
    let named = |agent: &[u8]| ROBOT.as_ref().is_some_and(|robots| robots.is_match(agent)) || is_bot(agent);
    folded(agent, named).then_some("by its user agent")
}

/// Whether a user agent, in lower case, has a word that ends in `bot`; but none in `ubot`, since Cubot makes telephones.
fn is_bot(agent: &[u8]) -> bool {
    let byte = |place: usize| agent.get(place).copied();
    BOT.find_iter(agent).any(|place| {
        let before = place.checked_sub(1).and_then(byte);
        let is_end = byte(place + 3).is_none_or(|next| !next.is_ascii_alphanumeric() && next != b'_');
        before != Some(b'u') && is_end
    })
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
        Some(b"?1") if PHONE.find(agent).is_none() => Some("mobile, other than its user agent"),
        Some(b"?0") if PHONE.find(agent).is_some() => Some("not mobile, other than its user agent"),
        _ => None,
    }
}

/// The version of Chromium that a user agent names.
fn chromium(agent: &[u8]) -> Option<u32> {
    let place = CHROME.find(agent)?;
    let digits = agent.get(place + CHROME.needle().len()..)?.iter().take_while(|byte| byte.is_ascii_digit()).take(6);
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

/// The platforms that user agents name: of several, the first in this order.
const SYSTEMS: [(&str, Family); 7] = [
    ("Windows NT", Family::Windows),
    ("Macintosh", Family::Apple),
    ("iPhone", Family::Apple),
    ("iPad", Family::Apple),
    ("CrOS", Family::ChromeOs),
    ("Android", Family::Linux),
    ("Linux", Family::Linux),
];
static SYSTEM: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| search(&SYSTEMS.map(|(name, _)| name)));

fn agent_family(agent: &[u8]) -> Option<Family> {
    // It stands in the first brackets: what follows is the same for all.
    let end = memchr::memchr(b')', agent).unwrap_or(agent.len());
    let named = SYSTEM.as_ref()?.find_iter(agent.get(..end)?).map(|found| found.pattern().as_usize()).min()?;
    SYSTEMS.get(named).map(|&(_, family)| family)
}

fn has(text: &[u8], part: &[u8]) -> bool {
    memmem::find(text, part).is_some()
}

#[cfg(test)]
mod tests;
