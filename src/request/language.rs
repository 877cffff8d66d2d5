//! `Accept-Language`: which of the languages that there are a client would rather read (RFC 9110, 12.5.4).

use std::cmp::Reverse;

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

use crate::words::Language;

/// What a client says of a language, or of a variety of it.
struct Range<'a> {
    /// Its first part; `*` is any language that is not named.
    primary: &'a str,
    /// How much it is wanted, in thousandths.
    weight: u16,
}

/// The most ranges that are looked at.
const RANGES: usize = 32;

/// The one of `known`, which are primary language tags in lower case, that the client wants most: the first that it names
/// among those of the same weight. A variety such as `de-AT` is served with its language. `None` when it wants none.
///
/// What does not follow the grammar is skipped.
#[must_use]
pub fn preferred_language(headers: &HeaderMap, known: &[&str]) -> Option<Language> {
    let lines = headers.get_all(ACCEPT_LANGUAGE).iter().filter_map(|line| line.to_str().ok());
    let ranges: Vec<Range<'_>> = lines.flat_map(|line| line.split(',')).take(RANGES).filter_map(Range::parse).collect();
    let wanted = |language: &str| {
        let named = |name: &str| {
            let places = ranges.iter().zip(0..).filter(|(range, _)| range.primary.eq_ignore_ascii_case(name));
            places.map(|(range, place)| (range.weight, Reverse(place))).max()
        };
        named(language).or_else(|| named("*")).filter(|(weight, _)| *weight > 0)
    };
    let all = known.iter().zip(0..).filter_map(|(language, n)| Some((wanted(language)?, Reverse(n), language)));
    all.max().and_then(|(_, _, language)| language.parse().ok())
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(|part| part.trim_matches([' ', '\t']));
        let range = parts.next()?;
        let weight = match (parts.next(), parts.next()) {
            (None, _) => 1000,
            (Some(weight), None) => thousandths(weight.strip_prefix("q=").or_else(|| weight.strip_prefix("Q="))?)?,
            _ => return None,
        };
        if range == "*" {
            return Some(Self { primary: range, weight });
        }
        let mut subtags = range.split('-');
        let primary = subtags.next()?;
        let fits = |tag: &str| (1..=8).contains(&tag.len());
        let is_tag = fits(primary)
            && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
            && subtags.all(|tag| fits(tag) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        is_tag.then_some(Self { primary, weight })
    }
}

/// A weight (RFC 9110, 12.4.2): 0 to 1 with at most three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(part),
        "1" if part == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
