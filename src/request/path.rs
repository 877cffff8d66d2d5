//! The path of a request: decoded once for the rules, and cleaned for the upstream.
//!
//! Both forms come out of one reading, so that a rule can never see another path than the upstream does (I6).
//! Dot segments and empty segments are resolved, every other escape is forwarded byte for byte, and what two programs
//! could read differently is refused. Start at [`CanonicalPath::parse`].

use std::borrow::Cow;

use thiserror::Error;

#[cfg(test)]
mod tests;

/// The longest path that is read, in bytes.
pub const MAX_BYTES: usize = 16 * 1024;
/// The most segments that a path may have, empty ones counted.
pub const MAX_SEGMENTS: usize = 1_000;

/// How a site wants its paths read. The default is the strict reading, for sites with protected routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PathRules {
    /// Whether `;` may stand in a path. Some servers cut a segment there (`/admin;x` is `/admin` to them), others
    /// do not, so it is for sites without protected routes only.
    pub parameters_allowed: bool,
}

/// Why a path is refused. The sentences repeat nothing that the client sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadPath {
    /// The request target is no path at all.
    #[error("the path must begin with a slash")]
    NotAbsolute,
    /// Over [`MAX_BYTES`].
    #[error("the path is longer than 16 KiB")]
    TooLong,
    /// Over [`MAX_SEGMENTS`].
    #[error("the path has more than 1,000 segments")]
    TooManySegments,
    /// A raw `#`: some servers cut there, some do not.
    #[error("the path holds a raw '#'; send it as %23")]
    Fragment,
    /// A byte that has no place in a path (RFC 3986, section 3.3).
    #[error("the path holds a byte that must be percent-encoded")]
    RawByte,
    /// A control character, raw or encoded.
    #[error("the path holds a control character")]
    Control,
    /// `%` without two hexadecimal digits.
    #[error("the path holds a '%' that is not followed by two hexadecimal digits; send a percent sign as %25")]
    BadEscape,
    /// `%2f`: one segment to some servers, two to others.
    #[error("the path holds an encoded slash")]
    EncodedSlash,
    /// `\` or `%5c`: a slash to some servers.
    #[error("the path holds a backslash")]
    Backslash,
    /// `;` or `%3b` where [`PathRules::parameters_allowed`] is off.
    #[error("the path holds a ';', which servers read in different ways")]
    Parameters,
    /// More `..` than segments before it.
    #[error("the path climbs above its root")]
    Climbs,
    /// The decoded bytes are no UTF-8, overlong forms included.
    #[error("the decoded path is not valid UTF-8")]
    NotUtf8,
    /// White space at the edge of a segment, which some servers trim.
    #[error("a segment of the path begins or ends with white space")]
    EdgeSpace,
}

impl BadPath {
    /// The HTTP status that answers it: 414 for a path that is too long, else 400.
    pub fn status(self) -> u16 {
        match self {
            Self::TooLong | Self::TooManySegments => 414,
            _ => 400,
        }
    }
}

/// A path that the gateway and the upstream read alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanonicalPath {
    wire: String,
    /// Only where it differs from `wire`.
    decoded: Option<String>,
    /// Only where it differs from the decoded form.
    folded: Option<String>,
}

impl CanonicalPath {
    /// Reads the path of a request target: the bytes before any `?`.
    ///
    /// # Errors
    /// [`BadPath`] for everything that an upstream could read in another way.
    pub fn parse(raw: &[u8], rules: PathRules) -> Result<Self, BadPath> {
        let (raw, looks) = look_over(raw, rules)?;
        if !looks.escaped && !looks.untidy {
            let folded = looks.upper_case.then(|| raw.to_ascii_lowercase());
            return Ok(Self { wire: raw.to_owned(), decoded: None, folded });
        }
        let (wire, decoded) = resolve(raw, rules)?;
        let folded = match fold(&decoded) {
            Cow::Borrowed(_) => None,
            Cow::Owned(folded) => Some(folded),
        };
        let decoded = (decoded != wire).then_some(decoded);
        Ok(Self { wire, decoded, folded })
    }

    /// The path to forward: ASCII, without dot or empty segments, other escapes as the client sent them.
    pub fn wire(&self) -> &str {
        &self.wire
    }

    /// The path for rules that must match exactly: percent-decoded once. A `/` always separates segments.
    pub fn decoded(&self) -> &str {
        self.decoded.as_deref().unwrap_or(&self.wire)
    }

    /// The path for protecting rules, which match without regard to case: [`decoded`](Self::decoded) through [`fold`].
    pub fn folded(&self) -> &str {
        self.folded.as_deref().unwrap_or_else(|| self.decoded())
    }
}

/// Lower-cases `text` for matching without regard to case.
///
/// Letters outside ASCII are folded only to a single letter outside ASCII, so that none ever becomes an ASCII letter:
/// the Kelvin sign U+212A stays what it is (CVE-2026-27590).
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| fold_char(c) == c) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(fold_char).collect())
}

fn fold_char(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(folded), None) if !folded.is_ascii() => folded,
        _ => c,
    }
}

/// What one look over the raw bytes found.
#[derive(Default)]
struct Looks {
    /// There is a `%`.
    escaped: bool,
    /// There may be an empty or a dot segment.
    untidy: bool,
    upper_case: bool,
}

/// Refuses every byte that may not stand in a path at all, and tells whether the rest needs work.
fn look_over(raw: &[u8], rules: PathRules) -> Result<(&str, Looks), BadPath> {
    if raw.len() > MAX_BYTES {
        return Err(BadPath::TooLong);
    }
    if raw.first() != Some(&b'/') {
        return Err(BadPath::NotAbsolute);
    }
    let mut looks = Looks::default();
    let mut segments = 0;
    let mut before = 0;
    for &byte in raw {
        match byte {
            b'/' => {
                segments += 1;
                looks.untidy |= before == b'/';
            }
            b'.' => looks.untidy |= before == b'/',
            b'%' => looks.escaped = true,
            b'A'..=b'Z' => looks.upper_case = true,
            b'#' => return Err(BadPath::Fragment),
            b'\\' => return Err(BadPath::Backslash),
            b';' if !rules.parameters_allowed => return Err(BadPath::Parameters),
            b';' => looks.untidy = true,
            0x00..=0x1f | 0x7f => return Err(BadPath::Control),
            b' ' | b'?' | 0x80.. => return Err(BadPath::RawByte),
            _ => {}
        }
        before = byte;
    }
    if segments > MAX_SEGMENTS {
        return Err(BadPath::TooManySegments);
    }
    let text = std::str::from_utf8(raw).map_err(|_| BadPath::RawByte)?;
    Ok((text, looks))
}

/// Decodes every segment once and resolves dot and empty ones: the wire form and the decoded form.
fn resolve(raw: &str, rules: PathRules) -> Result<(String, String), BadPath> {
    let mut kept: Vec<(&str, Cow<'_, str>)> = Vec::new();
    let mut ends_in_slash = false;
    for segment in raw.split('/').skip(1) {
        let decoded = decode_segment(segment, rules)?;
        ends_in_slash = matches!(&*decoded, "" | "." | "..");
        match &*decoded {
            "" | "." => {}
            ".." => {
                kept.pop().ok_or(BadPath::Climbs)?;
            }
            _ => kept.push((segment, decoded)),
        }
    }
    let mut wire = String::with_capacity(raw.len());
    let mut plain = String::with_capacity(raw.len());
    for (segment, decoded) in &kept {
        wire.push('/');
        wire.push_str(segment);
        plain.push('/');
        plain.push_str(decoded);
    }
    if ends_in_slash || kept.is_empty() {
        wire.push('/');
        plain.push('/');
    }
    Ok((wire, plain))
}

fn decode_segment(segment: &str, rules: PathRules) -> Result<Cow<'_, str>, BadPath> {
    let decoded = if segment.contains('%') { Cow::Owned(unescape(segment, rules)?) } else { Cow::Borrowed(segment) };
    if decoded.chars().any(char::is_control) {
        return Err(BadPath::Control);
    }
    if decoded.starts_with(char::is_whitespace) || decoded.ends_with(char::is_whitespace) {
        return Err(BadPath::EdgeSpace);
    }
    // `..;x` is `..` to a server that knows parameters and a name to one that does not: no site can want it.
    if let Some((name, _)) = decoded.split_once(';')
        && matches!(name, "" | "." | "..")
    {
        return Err(BadPath::Parameters);
    }
    Ok(decoded)
}

/// Percent-decoding (RFC 3986, section 2.1), once. Not a library's: those leave a bad escape as it is.
fn unescape(segment: &str, rules: PathRules) -> Result<String, BadPath> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let high = hex(bytes.next())?;
        let low = hex(bytes.next())?;
        match high << 4 | low {
            b'/' => return Err(BadPath::EncodedSlash),
            b'\\' => return Err(BadPath::Backslash),
            b';' if !rules.parameters_allowed => return Err(BadPath::Parameters),
            0x00..=0x1f | 0x7f => return Err(BadPath::Control),
            byte => decoded.push(byte),
        }
    }
    String::from_utf8(decoded).map_err(|_| BadPath::NotUtf8)
}

fn hex(digit: Option<u8>) -> Result<u8, BadPath> {
    match digit {
        Some(digit @ b'0'..=b'9') => Ok(digit - b'0'),
        Some(digit @ b'a'..=b'f') => Ok(digit - b'a' + 10),
        Some(digit @ b'A'..=b'F') => Ok(digit - b'A' + 10),
        _ => Err(BadPath::BadEscape),
    }
}
