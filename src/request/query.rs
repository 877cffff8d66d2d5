//! The query of a request: forwarded byte for byte, and read for the rules that ask.
//!
//! Servers disagree on `;` (a separator to some) and on `name[]` (an array called `name` to some). A rule that protects
//! must therefore hold under every reading ([`Query::any`]), and one that lets through must hold under all of them
//! ([`Query::all`]) (P23).

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode;
use thiserror::Error;

#[cfg(test)]
mod tests;

/// The most pairs that a query may have, under either way of splitting.
pub const MAX_PAIRS: usize = 1_000;

/// Why a query is refused, always with 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadQuery {
    /// A raw `#`: some servers cut there, some do not.
    #[error("the query holds a raw '#'; send it as %23")]
    Fragment,
    /// A raw space or control character, which could end the request line for some server.
    #[error("the query holds a raw space or control character; percent-encode it")]
    RawByte,
    /// Over [`MAX_PAIRS`].
    #[error("the query has more than 1,000 parameters")]
    TooManyPairs,
}

/// The query as it came, without its `?`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Query {
    raw: Option<Box<[u8]>>,
    /// There is a `;`, so that the two ways of splitting differ.
    semicolons: bool,
}

/// Where one pair ends and the next begins.
#[derive(Clone, Copy)]
enum Splitting {
    /// At `&`, as the URL standard says.
    Ampersand,
    /// At `&` and at `;`, as HTML 4 advised servers to do.
    AmpersandAndSemicolon,
}

/// How a pair spells the name that a rule asks for.
#[derive(PartialEq, Eq)]
enum Spelling {
    Plain,
    /// `name[]`, `name[0]`, `name[x][y]`.
    Array,
}

impl Query {
    /// Takes the bytes after the first `?` of a request target; `None` where there is no `?`.
    ///
    /// # Errors
    /// [`BadQuery`] when a raw `#`, space or control character stands in it, or more than [`MAX_PAIRS`] pairs.
    pub fn parse(raw: Option<&[u8]>) -> Result<Self, BadQuery> {
        let Some(raw) = raw else {
            return Ok(Self::default());
        };
        let mut separators = 0;
        let mut semicolons = false;
        for &byte in raw {
            match byte {
                b'&' => separators += 1,
                b';' => {
                    separators += 1;
                    semicolons = true;
                }
                b'#' => return Err(BadQuery::Fragment),
                0x00..=0x20 | 0x7f => return Err(BadQuery::RawByte),
                _ => {}
            }
        }
        if separators >= MAX_PAIRS {
            return Err(BadQuery::TooManyPairs);
        }
        Ok(Self { raw: Some(raw.into()), semicolons })
    }

    /// The bytes to forward, without the `?`. `Some(b"")` for a `?` that nothing follows.
    pub fn raw(&self) -> Option<&[u8]> {
        self.raw.as_deref()
    }

    /// For rules that protect: whether some value of `name` matches under some reading.
    ///
    /// `name[]` and its like count as `name`. A pair without `=` has the empty value.
    pub fn any(&self, name: &str, mut matches: impl FnMut(&str) -> bool) -> bool {
        self.splittings().iter().any(|&splitting| self.values(name, splitting).any(|(_, value)| matches(&value)))
    }

    /// For rules that let through: whether `name` is there, spelled plainly, and all its values match under every reading.
    pub fn all(&self, name: &str, mut matches: impl FnMut(&str) -> bool) -> bool {
        self.splittings().iter().all(|&splitting| {
            let mut found = false;
            for (spelling, value) in self.values(name, splitting) {
                if spelling == Spelling::Array || !matches(&value) {
                    return false;
                }
                found = true;
            }
            found
        })
    }

    fn splittings(&self) -> &'static [Splitting] {
        if self.semicolons {
            &[Splitting::Ampersand, Splitting::AmpersandAndSemicolon]
        } else {
            &[Splitting::Ampersand]
        }
    }

    fn values<'a>(&'a self, name: &'a str, splitting: Splitting) -> impl Iterator<Item = (Spelling, Cow<'a, str>)> {
        let raw = self.raw.as_deref().unwrap_or_default();
        let ends_pair = move |byte: &u8| match splitting {
            Splitting::Ampersand => *byte == b'&',
            Splitting::AmpersandAndSemicolon => matches!(byte, b'&' | b';'),
        };
        raw.split(ends_pair).filter(|pair| !pair.is_empty()).filter_map(move |pair| {
            let mut halves = pair.splitn(2, |&byte| byte == b'=');
            let key = decode(halves.next().unwrap_or_default());
            let value = halves.next().unwrap_or_default();
            Some((spelling_of(&key, name)?, decode(value)))
        })
    }
}

/// Shows the length alone: queries carry one-time links and tokens, and a log is no place for them (I9).
impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.raw {
            Some(raw) => write!(f, "Query({} bytes)", raw.len()),
            None => f.write_str("Query(none)"),
        }
    }
}

fn spelling_of(key: &str, name: &str) -> Option<Spelling> {
    match key.strip_prefix(name)? {
        "" => Some(Spelling::Plain),
        rest if rest.starts_with('[') => Some(Spelling::Array),
        _ => None,
    }
}

/// Form decoding: `+` is a space, `%XX` is decoded once, a bad escape stays as it is, bad UTF-8 becomes U+FFFD.
fn decode(raw: &[u8]) -> Cow<'_, str> {
    if !raw.contains(&b'+') {
        return percent_decode(raw).decode_utf8_lossy();
    }
    let spaced: Vec<u8> = raw.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    Cow::Owned(percent_decode(&spaced).decode_utf8_lossy().into_owned())
}
