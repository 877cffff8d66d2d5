//! One-time codes: how they are drawn, and how a typed one is read.

use std::fmt;

use zeroize::Zeroize;

use crate::seal::Random;

/// How codes look: 6 to 10 decimal digits (NIST SP 800-63B-4, 3.1.3: at least six).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeShape {
    digits: u8,
}

/// A one-time code. `Debug` hides it, nothing displays it, and its memory is wiped (I9, O17).
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

/// What became of reading a typed code. Only [`Typed::Code`] is worth a try (O02).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// A code of the right shape.
    Code(Code),
    /// Nothing was typed.
    Empty,
    /// Fewer digits than a code has.
    TooShort,
    /// More digits than a code has.
    TooLong,
    /// Something else than digits.
    NotDigits,
}

// === impl CodeShape ===

impl CodeShape {
    /// Codes of `digits` digits; `None` unless 6 to 10.
    #[must_use]
    pub const fn new(digits: u8) -> Option<Self> {
        if digits >= 6 && digits <= 10 { Some(Self { digits }) } else { None }
    }

    /// The number of digits.
    #[must_use]
    pub const fn digits(self) -> u8 {
        self.digits
    }

    /// Draws a code. Digit by digit, rejecting bytes from 250 up, so that none is likelier than another (O19).
    #[must_use]
    pub fn draw(self, random: &dyn Random) -> Code {
        let mut code = String::with_capacity(usize::from(self.digits));
        while code.len() < usize::from(self.digits) {
            let [byte] = random.bytes();
            if byte < 250 {
                code.push(char::from(b'0' + byte % 10));
            }
        }
        Code(code)
    }

    /// Reads what a visitor typed: white space and hyphens of every kind are dropped, full-width and other decimal
    /// digits become ASCII ones, once, here (O03). At most 256 bytes are looked at.
    #[must_use]
    pub fn read(self, typed: &str) -> Typed {
        let mut digits = String::with_capacity(usize::from(self.digits));
        let (mut count, mut other) = (0_usize, typed.len() > 256);
        for character in typed.chars().take(256) {
            if character.is_whitespace() || is_hyphen(character) {
                continue;
            }
            match decimal(character) {
                Some(digit) => {
                    count += 1;
                    if count <= usize::from(self.digits) {
                        digits.push(char::from(b'0' + digit));
                    }
                }
                None => other = true,
            }
        }
        let wanted = usize::from(self.digits);
        if other {
            Typed::NotDigits
        } else if count == 0 {
            Typed::Empty
        } else if count < wanted {
            Typed::TooShort
        } else if count > wanted {
            Typed::TooLong
        } else {
            Typed::Code(Code(digits))
        }
    }
}

/// Hyphens and dashes that a telephone's keyboard or a mail program puts between digits, and zero-width marks.
const fn is_hyphen(character: char) -> bool {
    matches!(character, '-' | '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{ff0d}')
}

/// The value of a decimal digit in the scripts that telephones' keyboards write (Unicode category Nd).
fn decimal(character: char) -> Option<u8> {
    const ZEROES: [char; 12] = [
        '0', '\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{b66}', '\u{e50}', '\u{ed0}',
        '\u{1040}', '\u{ff10}',
    ];
    ZEROES.iter().find_map(|&zero| {
        let value = u32::from(character).checked_sub(u32::from(zero))?;
        u8::try_from(value).ok().filter(|&value| value < 10)
    })
}

// === impl Code ===

impl Code {
    /// The digits, for sending, sealing and hashing only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The code that was sealed: what came out of [`crate::seal::KeyRing::open`]. `None` unless all digits.
    #[must_use]
    pub fn unsealed(bytes: &[u8]) -> Option<Self> {
        let digits = std::str::from_utf8(bytes).ok()?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| Self(digits.to_owned()))
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

#[cfg(test)]
mod tests;
