//! How a session is spelled in its cookie.

use percent_encoding::percent_decode;

/// The one spelling of a session cookie's value, whichever of its spellings a request has: without quotes and escapes, in
/// lower case, up to a NUL.
///
/// PHP decodes `%61` and `+` in a cookie, Python and Java unquote it (RFC 2109), and a database may not look at case. So
/// somebody who knows a victim's password could sign in twice in one session of an application that keeps it at sign-in:
/// as himself under one spelling, as the victim under another. Then the first would be his here and the victim's there.
#[must_use]
pub fn one_spelling(value: &str) -> Vec<u8> {
    let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let bare = quoted.map_or_else(|| value.as_bytes().to_vec(), |inside| unescaped(inside.as_bytes()));
    let mut one: Vec<u8> = percent_decode(&bare).take_while(|&byte| byte != 0).collect();
    for byte in &mut one {
        *byte = if *byte == b'+' { b' ' } else { byte.to_ascii_lowercase() };
    }
    one.trim_ascii().to_vec()
}

/// The inside of a quoted value: `\"` is a quote, and `\141` the byte of that octal number, as Python writes it.
fn unescaped(inside: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        let octal = after.get(..3).filter(|digits| digits.iter().all(|digit| (b'0'..=b'7').contains(digit)));
        if let Some(number) = octal.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()) {
            plain.push(number);
            rest = after.get(3..).unwrap_or_default();
        } else if let Some((&byte, after)) = after.split_first() {
            plain.push(byte);
            rest = after;
        }
    }
    plain
}
