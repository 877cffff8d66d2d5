//! What a phone number tells: its country, and what kind of line it is.
//!
//! By the numbering plans of libphonenumber. Who may number what changes all the time, and a number can be ported: the kind
//! is that of the range, which is enough to tell a text message from a waste of money.

use std::sync::LazyLock;

use moka::sync::Cache;
use rlibphonenumber::{NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType, Region};

use crate::words::{Channel, Country, PhoneNumber};

/// What a phone number tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberFacts {
    /// Its country; `None` when it belongs to no country or is no number.
    pub country: Option<Country>,
    /// What kind of line it is.
    pub kind: PhoneKind,
}

/// What kind of line a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PhoneKind {
    /// A mobile telephone.
    Mobile,
    /// A fixed line.
    FixedLine,
    /// Either: the numbering plan does not tell them apart, as in North America.
    FixedLineOrMobile,
    /// A telephone on the internet.
    Voip,
    /// Who calls it pays for what it offers.
    Premium,
    /// Who is called pays.
    TollFree,
    /// Both pay.
    SharedCost,
    /// A number that follows a person, such as +44 70: who calls it pays the way.
    Personal,
    /// A pager.
    Pager,
    /// The one number of a company.
    Uan,
    /// A satellite telephone, or a network that belongs to no country.
    Satellite,
    /// In no range that the numbering plan names, and as long as a number of its country can be: plans grow faster than
    /// what is known of them, so that a provider is left to find out.
    Unlisted,
    /// No number that anybody could have: no such range, too short or too long, or not written as E.164 has it.
    Unknown,
}

/// What numbers tell, remembered: to look at one takes tens of microseconds, and the first one of a country some
/// milliseconds.
pub(super) struct Numbers(Cache<PhoneNumber, NumberFacts>);

/// How many numbers are remembered.
const REMEMBERED: u64 = 20_000;

/// Calling codes of no country, at prices of their own: Inmarsat (870), the satellite systems (881) and international
/// networks (882, 883), as ITU-T E.164.1 assigns them.
const BEYOND: [&str; 4] = ["870", "881", "882", "883"];

/// The countries that have numbers.
static HAVE_NUMBERS: LazyLock<Vec<Country>> =
    LazyLock::new(|| PHONE_NUMBER_UTIL.get_supported_regions().filter_map(country).collect());

/// Whether any number is of this country: `UK` is none (it is `GB`), and a rule for it would never hold.
pub(super) fn has_numbers(country: Country) -> bool {
    HAVE_NUMBERS.contains(&country)
}

fn country(region: Region) -> Option<Country> {
    region.as_region_str().parse().ok()
}

/// The country of a calling code that is one country's alone: of those that share one (+1, +7, +44 and a few more) a number
/// in no known range could be any's, and `allow` must not take one for another's.
fn only_region(calling_code: i32) -> Option<Region> {
    let mut regions = PHONE_NUMBER_UTIL.get_regions_for_country_calling_code(calling_code)?;
    let first = regions.next()?;
    regions.next().is_none().then_some(first)
}

// === impl PhoneKind ===

impl PhoneKind {
    /// Whether a message on `channel` can reach such a line.
    pub(super) const fn takes(self, channel: Channel) -> bool {
        match self {
            Self::Mobile | Self::FixedLineOrMobile | Self::Voip | Self::Unlisted => true,
            Self::FixedLine | Self::TollFree | Self::Uan => !matches!(channel, Channel::Sms),
            _ => false,
        }
    }
}

// === impl NumberFacts ===

impl NumberFacts {
    fn of(number: &PhoneNumber) -> Self {
        const NOTHING: NumberFacts = NumberFacts { country: None, kind: PhoneKind::Unknown };
        let written = number.reveal();
        if BEYOND.iter().any(|code| written.get(1..).is_some_and(|digits| digits.starts_with(code))) {
            return Self { country: None, kind: PhoneKind::Satellite };
        }
        let Ok(parsed) = rlibphonenumber::PhoneNumber::parse(written, None) else { return NOTHING };
        let country = parsed.get_region_code().or_else(|| only_region(parsed.country_code)).and_then(country);
        // `+44 07…` is understood, too; but one telephone must not have two numbers to count by (I4).
        if parsed.format_as(PhoneNumberFormat::E164) != written {
            return Self { country, kind: PhoneKind::Unknown };
        }
        let kind = match parsed.get_type() {
            PhoneNumberType::Mobile => PhoneKind::Mobile,
            PhoneNumberType::FixedLine => PhoneKind::FixedLine,
            PhoneNumberType::FixedLineOrMobile => PhoneKind::FixedLineOrMobile,
            PhoneNumberType::VoIP => PhoneKind::Voip,
            PhoneNumberType::PremiumRate => PhoneKind::Premium,
            PhoneNumberType::TollFree => PhoneKind::TollFree,
            PhoneNumberType::SharedCost => PhoneKind::SharedCost,
            PhoneNumberType::PersonalNumber => PhoneKind::Personal,
            PhoneNumberType::Pager => PhoneKind::Pager,
            PhoneNumberType::UAN => PhoneKind::Uan,
            PhoneNumberType::Unknown if parsed.is_possible_with_reason() == Ok(NumberLengthType::IsPossible) => {
                PhoneKind::Unlisted
            }
            PhoneNumberType::VoiceMail | PhoneNumberType::Unknown => PhoneKind::Unknown,
        };
        Self { country, kind }
    }
}

// === impl Numbers ===

impl Numbers {
    pub(super) fn new() -> Self {
        Self(Cache::new(REMEMBERED))
    }

    pub(super) fn facts(&self, number: &PhoneNumber) -> NumberFacts {
        self.0.get_with_by_ref(number, || NumberFacts::of(number))
    }
}

/// Compiles what is needed for the numbers of these countries, so that no visitor waits for it.
pub(super) fn warm_up(countries: &[Country]) {
    for country in countries {
        let Ok(region) = Region::from_code(country.as_str()) else { continue };
        if let Ok(example) = PHONE_NUMBER_UTIL.get_example_number(region) {
            let _ = (example.get_region_code(), example.get_type());
        }
    }
}

impl std::fmt::Debug for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Numbers")
    }
}

#[cfg(test)]
mod tests;
