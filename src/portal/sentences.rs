//! Every sentence that a visitor reads, by key.
//!
//! One file a language; English is the only one, and the one to fall back to. A place `{name}` is filled in where the
//! sentence is said. Numbers choose between the forms `.one` and `.other` of a sentence.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use minijinja::Error;
use minijinja::value::{Kwargs, Value};

#[cfg(test)]
mod tests;

/// A file that cannot be read leaves every sentence as its key; a test reads it.
static ENGLISH: LazyLock<BTreeMap<String, String>> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("sentences/en.yaml")).unwrap_or_default());

/// The sentence as plain text, with its places filled.
pub(super) fn say(key: &str, places: &[(&str, &str)]) -> String {
    let place = |name: &str| places.iter().find(|(known, _)| *known == name).map(|(_, text)| Cow::Borrowed(*text));
    fill(find(key, None).unwrap_or(key), place)
}

/// Whether there is such a sentence.
pub(super) fn is_there(key: &str) -> bool {
    ENGLISH.contains_key(key)
}

/// Every key.
#[cfg(test)]
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    ENGLISH.keys().map(String::as_str)
}

/// The sentence for a template: `t("key", place=value)`. Escaped, and so are the values, unless they are markup.
pub(super) fn t(key: &str, places: Kwargs) -> Result<Value, Error> {
    Ok(Value::from_safe_string(filled(key, &places)?))
}

/// The paragraphs of a sentence for a template: `paragraphs("key", place=value)`.
pub(super) fn paragraphs(key: &str, places: Kwargs) -> Result<Vec<Value>, Error> {
    Ok(filled(key, &places)?.split("\n\n").map(|text| Value::from_safe_string(text.to_owned())).collect())
}

/// A length of time in words, rounded up: `30 seconds`, `5 minutes`, `2 hours`.
pub(super) fn duration(time: Duration) -> String {
    let seconds = seconds(time);
    let (unit, length) = match seconds {
        0..90 => ("seconds", 1),
        90..5_400 => ("minutes", 60),
        5_400..129_600 => ("hours", 3_600),
        _ => ("days", 86_400),
    };
    let count = seconds.div_ceil(length);
    let key = format!("time.{unit}");
    fill(find(&key, Some(count)).unwrap_or(&key), |_| Some(count.to_string().into()))
}

/// Whole seconds, rounded up: one that waits as long as it is told comes in time.
pub(super) fn seconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis().div_ceil(1000)).unwrap_or(u64::MAX)
}

/// The text with what is markup in HTML, between tags and in quoted attributes, escaped.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn filled(key: &str, places: &Kwargs) -> Result<String, Error> {
    let count = if places.has("n") { places.get::<u64>("n").ok() } else { None };
    let mut values = BTreeMap::new();
    for name in places.args() {
        let value: Value = places.get(name)?;
        let text = value.to_string();
        values.insert(name, if value.is_safe() { text } else { escaped(&text) });
    }
    let sentence = escaped(find(key, count).unwrap_or(key));
    Ok(fill(&sentence, |name| values.get(name).map(|text| text.as_str().into())))
}

fn find(key: &str, count: Option<u64>) -> Option<&'static str> {
    let form = count.and_then(|count| ENGLISH.get(&format!("{key}.{}", if count == 1 { "one" } else { "other" })));
    form.or_else(|| ENGLISH.get(key)).map(String::as_str)
}

/// A place that nothing fills stays as it is.
fn fill<'a>(sentence: &str, place: impl Fn(&str) -> Option<Cow<'a, str>>) -> String {
    let mut filled = String::with_capacity(sentence.len() + 32);
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        match after.split_once('}').and_then(|(name, after)| Some((place(name)?, after))) {
            Some((text, after)) => {
                filled.push_str(&text);
                rest = after;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}
