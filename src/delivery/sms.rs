//! A text message: what a template says, and the last line that binds the code to its host.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

use crate::delivery::SiteName;
use crate::delivery::segments::{measure, septets};
use crate::delivery::sentences::SmsText;

/// A text message that takes more than one part at its longest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LongSms {
    /// The tag of its language.
    pub language: &'static str,
    /// The operator's file that says so, by its name; `None` when it is what the program says.
    pub file: Option<String>,
    parts: u8,
    /// The characters, or units of UCS-2, that are too many for one part.
    over: usize,
    /// The few letters because of which a part has room for 70 characters instead of 160.
    letters: Vec<char>,
}

/// The longest name of a site in a text message, in characters.
const NAME: usize = 30;
/// The fewest characters to which a name is cut so that everything fits into one part.
const SHORT_NAME: usize = 12;
/// The same in a text of which one part holds 70 characters.
const SHORT_UNICODE_NAME: usize = 6;
/// The most letters outside the GSM 7-bit alphabet of a text that could easily do without them.
const FEW_LETTERS: usize = 8;

/// The text message of a site: what `says` makes of the site's name, and behind an empty line the line that binds the code
/// to the host, so that a browser fills it in there and nowhere else (U20). The name is written in the GSM 7-bit
/// alphabet where the rest is, and gives way for one part; the last line never does.
pub(super) fn compose(site: &SiteName, code: &str, says: impl Fn(&str) -> Option<String>) -> Option<SmsText> {
    let last = binding(site.host(), code);
    let whole = |name: &str| says(name).map(|text| SmsText::of(text + &last));
    let plain = gsm(site.name()).or_else(|| gsm(site.host())).unwrap_or_default();
    let (mut name, mut shortest) = (shortened(&plain, NAME), SHORT_NAME);
    let mut sms = whole(&name)?;
    if sms.unicode {
        (name, shortest) = (shortened(site.name(), NAME), SHORT_UNICODE_NAME);
        sms = whole(&name)?;
    }
    if sms.parts > 1 {
        let size = measure(&sms.text);
        let left = name.chars().count().saturating_sub(size.units.saturating_sub(size.of_one_part()));
        if left >= shortest {
            let shorter = whole(&shortened(&name, left))?;
            if shorter.parts == 1 {
                return Some(shorter);
            }
        }
    }
    Some(sms)
}

/// An empty line and `@host #code` (<https://wicg.github.io/sms-one-time-codes/>). The binding is for names: nothing for an
/// address. A notice has no code to bind.
fn binding(host: &str, code: &str) -> String {
    let is_name = host.contains(|c: char| c.is_ascii_alphabetic()) && !host.contains(':');
    if is_name && !code.is_empty() { format!("\n\n@{host} #{code}") } else { String::new() }
}

/// `text` in the letters that a text message has one septet for, accents dropped where they must be; `None` when it cannot
/// be written so.
fn gsm(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for character in text.nfc() {
        match character {
            '[' | '{' => out.push('('),
            ']' | '}' => out.push(')'),
            '\u{2018}' | '\u{2019}' | '`' => out.push('\''),
            '\u{201c}'..='\u{201f}' => out.push('"'),
            '\u{2010}'..='\u{2015}' => out.push('-'),
            '…' => out.push_str("..."),
            '€' => out.push_str("EUR"),
            '^' | '\\' | '~' | '|' => out.push(' '),
            character if septets(character) == Some(1) && !character.is_control() => out.push(character),
            _ => out.push(character.nfd().next().filter(char::is_ascii_alphanumeric)?),
        }
    }
    Some(out)
}

fn shortened(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        text.to_owned()
    } else {
        let kept: String = text.chars().take(max.saturating_sub(2)).collect();
        format!("{}..", kept.trim_end())
    }
}

// === impl LongSms ===

impl LongSms {
    /// What is too long about a text message; `None` when it takes one part.
    pub(super) fn of(sms: &SmsText, language: &'static str, file: Option<String>) -> Option<Self> {
        if sms.parts <= 1 {
            return None;
        }
        let size = measure(&sms.text);
        let mut letters: Vec<char> = sms.text.chars().filter(|&letter| septets(letter).is_none()).collect();
        letters.sort_unstable();
        letters.dedup();
        if letters.len() > FEW_LETTERS {
            letters.clear();
        }
        Some(Self { language, file, parts: sms.parts, over: size.units - size.of_one_part(), letters })
    }
}

impl fmt::Display for LongSms {
    /// `2 parts in de, 12 characters too many for one`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { language, parts, over, letters, .. } = self;
        let s = if *over == 1 { "" } else { "s" };
        write!(f, "{parts} parts in `{language}`, {over} character{s} too many for one")?;
        if !letters.is_empty() {
            let letters: Vec<String> = letters.iter().map(|letter| format!("`{letter}`")).collect();
            let make = if letters.len() == 1 { "makes" } else { "make" };
            write!(f, " ({} {make} it UCS-2, of which a part holds 70 instead of 160)", letters.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
