//! What a call says, in pieces: providers write them in their own markup.

use std::fmt;

use crate::delivery::tongue::Tongue;
use crate::words::Language;

/// What a call says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Speech {
    /// In which language: one of those in which messages are written.
    pub language: Language,
    /// Who calls, and to press a key to hear the code: for calls that tell it to nobody else (O33). It holds no code.
    pub question: String,
    /// What is said, in order. Providers write it in their own markup and escape it.
    pub said: Vec<Utterance>,
}

/// A piece of what a call says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Utterance {
    /// A sentence.
    Sentence(String),
    /// The code, to be read slowly, digit by digit.
    Digits(String),
    /// Silence of so many seconds.
    Pause(u8),
}

// === impl Speech ===

impl Speech {
    /// The language with a country, as services that speak want it: `en-US`, `de-DE`, `fr-FR`, `es-ES`, `ms-MY` or
    /// `ja-JP`.
    pub(super) fn locale(&self) -> &'static str {
        Tongue::of(Some(&self.language)).locale()
    }
}

impl fmt::Display for Speech {
    /// As it is heard, on one line: digits with commas between them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = self.said.iter().filter_map(|piece| match piece {
            Utterance::Sentence(text) => Some(text.clone()),
            Utterance::Digits(digits) => Some(format!("{}.", spaced(digits))),
            Utterance::Pause(_) => None,
        });
        f.write_str(&said.collect::<Vec<_>>().join(" "))
    }
}

/// Digits one by one: `1, 2, 3`. A voice makes a short pause at each comma.
pub(super) fn spaced(digits: &str) -> String {
    digits.chars().map(String::from).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
