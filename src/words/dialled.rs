//! Telephone numbers as people dial them at home: without a country code, or with the prefix that is dialled for abroad.
//!
//! By the numbering plans of libphonenumber. Start at [`e164`]; only [`PhoneNumber`](super::PhoneNumber) uses it.

use rlibphonenumber::{PhoneNumber, PhoneNumberFormat, Region};

use crate::words::Country;

/// The longest text that can be a number: fifteen digits, a prefix for abroad, and what is written between them.
const LONGEST: usize = 40;

/// The E.164 form of `text` as it is dialled in `country`; `None` unless the number is one that somebody there or abroad
/// can have by its country's plan.
///
/// Letters are no digits here, so that no extension (`ext. 5`, `;ext=5`) is dropped in silence (D02). Digits of other
/// scripts are, as their users write them.
pub(super) fn e164(text: &str, country: Country) -> Option<String> {
    let written = |c: char| c.is_numeric() || matches!(c, ' ' | '\u{a0}' | '-' | '\u{2011}' | '.' | '/' | '(' | ')');
    if text.chars().count() > LONGEST || !text.chars().all(written) {
        return None;
    }
    let region = Region::from_code(country.as_str()).ok()?;
    let number = PhoneNumber::parse(text, Some(region)).ok()?;
    (number.is_valid() && number.extension.is_none()).then(|| number.format_as(PhoneNumberFormat::E164).into_owned())
}
