//! The sentences of messages, language by language, and the texts that are made of them.
//!
//! One file a language, with the same keys. A place `{name}` is filled in where the sentence is said; what a sentence is
//! filled with is never read as a sentence again. How sentences make a message is in [`super::templates`].

use std::collections::BTreeMap;
use std::time::Duration;

pub(in crate::delivery) use crate::delivery::speech::{Speech, Utterance};
use crate::delivery::tongue::Tongue;
use crate::delivery::{Aim, segments};

/// An e-mail as it is read.
pub(super) struct EmailText {
    /// The tag of its language.
    pub language: &'static str,
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// A text message as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SmsText {
    /// The text.
    pub text: String,
    /// Whether it has letters outside the GSM 7-bit alphabet, so that it goes as UCS-2.
    pub unicode: bool,
    /// How many parts it takes.
    pub parts: u8,
}

/// The sentences of one language, by key.
#[derive(Debug, Clone)]
pub(super) struct Sentences(BTreeMap<String, String>);

/// What sentences are filled with, all of it one line of text.
#[derive(Debug, Clone, Default)]
pub(super) struct Places<'a> {
    pub name: &'a str,
    pub host: &'a str,
    pub code: &'a str,
    pub time: &'a str,
    pub reference: &'a str,
    pub client: &'a str,
    pub support: &'a str,
}

/// The places that a sentence may have; one of time has `n` alone.
pub(super) const PLACES: [&str; 7] = ["name", "host", "code", "time", "reference", "client", "support"];

// === impl SmsText ===

impl SmsText {
    pub(super) fn of(text: String) -> Self {
        let size = segments::measure(&text);
        Self { text, unicode: size.unicode, parts: u8::try_from(size.parts).unwrap_or(u8::MAX) }
    }
}

// === impl Sentences ===

impl Sentences {
    /// The sentences that are part of the program. A file that cannot be read leaves none; a test reads them all.
    pub(super) fn built_in(tongue: Tongue) -> Self {
        Self(serde_saphyr::from_str(source(tongue)).unwrap_or_default())
    }

    /// The sentence of exactly this key.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Every key.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.keys().map(String::as_str)
    }

    /// Puts a sentence in the place of another.
    pub(super) fn replace(&mut self, key: &str, text: String) {
        self.0.insert(key.to_owned(), text);
    }

    /// A duration for people, never longer than it is: `5 minutes`, `45 seconds`. What is missing to a full second is
    /// added first, so that a code that was made just now has its whole time.
    pub(super) fn time(&self, duration: Duration) -> String {
        let seconds = duration.as_millis().div_ceil(1000);
        let (count, unit) = match seconds {
            0..60 => (seconds, "seconds"),
            60..7200 => (seconds / 60, "minutes"),
            _ => (seconds / 3600, "hours"),
        };
        let form = if count == 1 { "one" } else { "other" };
        let (key, count) = (format!("{unit}.{form}"), count.to_string());
        fill(self.get(&key).unwrap_or(unit), |place| (place == "n").then_some(&*count))
    }

    /// Every sentence for this aim, filled, by its key without an aim.
    pub(super) fn said(&self, aim: Aim, places: &Places<'_>) -> BTreeMap<&str, String> {
        let said = self.0.iter().filter_map(|(key, text)| {
            let key = match key.split_once('.') {
                None => key,
                Some((key, end)) if end == aim.as_str() => key,
                Some(_) => return None,
            };
            Some((key, fill(text, |place| places.get(place))))
        });
        said.collect()
    }
}

impl Places<'_> {
    fn get(&self, place: &str) -> Option<&str> {
        Some(match place {
            "name" => self.name,
            "host" => self.host,
            "code" => self.code,
            "time" => self.time,
            "reference" => self.reference,
            "client" => self.client,
            "support" => self.support,
            _ => return None,
        })
    }
}

/// The places of a sentence, in their order.
pub(super) fn places_of(sentence: &str) -> Vec<&str> {
    sentence.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(place, _)| place)).collect()
}

/// A place that nothing fills stays as it is.
fn fill<'a>(sentence: &str, place: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut filled = String::with_capacity(sentence.len() + 32);
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        match after.split_once('}').and_then(|(name, after)| Some((place(name)?, after))) {
            Some((text, after)) => {
                filled.push_str(text);
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

const fn source(tongue: Tongue) -> &'static str {
    match tongue {
        Tongue::English => include_str!("sentences/en.yaml"),
        Tongue::German => include_str!("sentences/de.yaml"),
        Tongue::French => include_str!("sentences/fr.yaml"),
        Tongue::Spanish => include_str!("sentences/es.yaml"),
        Tongue::Malay => include_str!("sentences/ms.yaml"),
        Tongue::Japanese => include_str!("sentences/ja.yaml"),
    }
}

#[cfg(test)]
mod tests;
