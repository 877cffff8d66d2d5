//! The languages in which messages are written.

use crate::words::Language;

/// A language in which messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tongue {
    English,
    German,
    French,
    Spanish,
    Malay,
    Japanese,
}

/// The tags of the languages in which messages are written, the one to fall back to first.
pub const LANGUAGES: [&str; 6] = ["en", "de", "fr", "es", "ms", "ja"];

// === impl Tongue ===

impl Tongue {
    /// In the order of [`LANGUAGES`].
    pub(super) const ALL: [Self; 6] =
        [Self::English, Self::German, Self::French, Self::Spanish, Self::Malay, Self::Japanese];

    /// The one in which somebody is addressed who wants `language`: any variety of German is German. English for
    /// everybody else.
    pub(super) fn of(language: Option<&Language>) -> Self {
        let wanted = language.map_or("", Language::primary);
        Self::ALL.into_iter().find(|tongue| tongue.tag() == wanted).unwrap_or(Self::English)
    }

    /// Its tag.
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
            Self::Malay => "ms",
            Self::Japanese => "ja",
        }
    }

    /// As a language.
    pub(super) fn language(self) -> Language {
        self.tag().parse().unwrap_or_else(|_| Language::english())
    }

    /// Its tag with a country, as services that speak want it.
    pub(super) const fn locale(self) -> &'static str {
        match self {
            Self::English => "en-US",
            Self::German => "de-DE",
            Self::French => "fr-FR",
            Self::Spanish => "es-ES",
            Self::Malay => "ms-MY",
            Self::Japanese => "ja-JP",
        }
    }
}

#[cfg(test)]
mod tests;
