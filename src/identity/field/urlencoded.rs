//! URL-encoded forms and queries, as browsers write them (<https://url.spec.whatwg.org/#urlencoded-parsing>).

use super::name::{Match, Wanted};
use super::{MOST_FIELDS, Said, kind};

/// What a body says in the wanted field.
pub(super) fn read(wanted: &Wanted, body: &[u8]) -> Said {
    // JSON or XML under this name: PHP applications read `php://input` whatever it is called.
    if matches!(body.trim_ascii_start().first(), Some(b'{' | b'[' | b'<' | b'"')) {
        return Said::Unclear;
    }
    match (find(wanted, body, b"&"), find(wanted, body, b"&;")) {
        // Some take `;` for a separator too: both readings must agree.
        (Some(None), Some(None)) => Said::Nothing,
        (Some(Some(one)), Some(Some(other))) if one == other => decode(one).map_or(Said::Unclear, Said::plain),
        _ => Said::Unclear,
    }
}

/// Whether a query has the field in some spelling.
pub(super) fn mentions(wanted: &Wanted, query: &[u8]) -> bool {
    find(wanted, query, b"&") != Some(None) || find(wanted, query, b"&;") != Some(None)
}

/// The raw value of the only field that could be the wanted one; `None` when that cannot be told.
fn find<'b>(wanted: &Wanted, text: &'b [u8], separators: &[u8]) -> Option<Option<&'b [u8]>> {
    let mut found = None;
    for (count, pair) in text.split(|byte| separators.contains(byte)).enumerate() {
        let (name, value) = split(pair);
        let name = decode(name).filter(|name| !name.chars().any(char::is_control))?;
        if count >= MOST_FIELDS || bends(&name, value) {
            return None;
        }
        match wanted.matches(&name) {
            Match::Exact if found.is_none() => found = Some(value),
            Match::Exact | Match::Like => return None,
            Match::Other => {}
        }
    }
    Some(found)
}

/// Whether a field tells some applications to read the others in another charset: `_charset_` of HTML, `utf8` of Rails
/// and `qs`.
pub(super) fn bends(name: &str, value: &[u8]) -> bool {
    match name {
        "_charset_" => !value.is_empty() && !std::str::from_utf8(value).is_ok_and(kind::is_utf8),
        "utf8" => decode(value).as_deref() != Some("✓"),
        _ => false,
    }
}

/// A pair at its first `=`.
pub(super) fn split(pair: &[u8]) -> (&[u8], &[u8]) {
    match pair.iter().position(|&byte| byte == b'=') {
        Some(at) => (&pair[..at], &pair[at + 1..]),
        None => (pair, b""),
    }
}

/// Text with `+` and escapes decoded; `None` for a bad escape, which some decode in ways of their own (`%u0041`), or
/// what is no UTF-8.
pub(super) fn decode(text: &[u8]) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => hex(*bytes.next()?)? << 4 | hex(*bytes.next()?)?,
            _ => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
