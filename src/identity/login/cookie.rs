//! The application's session cookie: in a request, where it must be unmistakable, and in an answer.

use std::borrow::Cow;

use http::{HeaderMap, header};
use percent_encoding::percent_decode;

use crate::identity::Login;

/// What an answer does to a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'h> {
    /// Nothing.
    Kept,
    /// It clears it.
    Cleared,
    /// It sets it to this, which is not empty.
    Set(&'h str),
    /// It sets it to several things, of which the browser may send any.
    Unclear,
}

// === impl Login ===

impl Login {
    /// The application's session cookie in a request; `None` when it is absent, empty, or comes twice in whatever
    /// spelling: then the application may take the other one (C03).
    #[must_use]
    pub fn session<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let mut found = self.alike(headers);
        let (name, value) = found.next()?;
        if found.next().is_some() || name != self.session_cookie.as_bytes() || value.is_empty() {
            return None;
        }
        std::str::from_utf8(value).ok()
    }

    /// Whether a request names any session, however it spells the cookie.
    #[must_use]
    pub fn names_session(&self, headers: &HeaderMap) -> bool {
        self.alike(headers).next().is_some()
    }

    /// Every session that a request names, however it spells the cookie.
    #[must_use]
    pub fn sessions<'h>(&self, headers: &'h HeaderMap) -> Vec<&'h str> {
        let values = self.alike(headers).filter_map(|(_, value)| std::str::from_utf8(value).ok());
        let mut sessions: Vec<&str> = values.filter(|value| !value.is_empty()).collect();
        sessions.sort_unstable();
        sessions.dedup();
        sessions
    }

    /// What an answer does to the session cookie.
    #[must_use]
    pub fn change<'h>(&self, answer: &'h HeaderMap) -> Change<'h> {
        Change::of(&self.session_cookie, answer)
    }

    /// Name and value of every cookie that some application could take for the session's.
    fn alike<'h>(&self, headers: &'h HeaderMap) -> impl Iterator<Item = (&'h [u8], &'h [u8])> {
        let lines = headers.get_all(header::COOKIE).iter();
        let pairs = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b';'));
        // RFC 2109 had a comma between cookies, and some readers still do: behind one a cookie of this name may stand.
        let pieces = pairs.flat_map(|pair| {
            let mut start = 0;
            pair.split(|&byte| byte == b',').map(move |piece| {
                let from = start;
                start += piece.len() + 1;
                if from == 0 { pair } else { piece }
            })
        });
        pieces.map(split).filter(|(name, _)| is_like(name, &self.session_cookie))
    }
}

/// A pair at its first `=`.
fn split(pair: &[u8]) -> (&[u8], &[u8]) {
    let at = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
    (pair[..at].trim_ascii(), pair.get(at + 1..).unwrap_or_default().trim_ascii())
}

/// Whether an application could take `name` for `wanted`: PHP has decoded escapes in it, cuts at a NUL, writes `_` for
/// blank, `.` and `[`, and makes an array of `name[x]`; ASP.NET does not look at case.
fn is_like(name: &[u8], wanted: &str) -> bool {
    let name = if name.contains(&b'%') { Cow::from(percent_decode(name)) } else { Cow::Borrowed(name) };
    let name = name.split(|&byte| byte == 0).next().unwrap_or_default().trim_ascii();
    let base = name.split(|&byte| byte == b'[').next().unwrap_or_default();
    let bent = |byte: u8| if matches!(byte, b'.' | b' ' | b'[') { b'_' } else { byte.to_ascii_lowercase() };
    let same =
        |name: &[u8]| name.len() == wanted.len() && name.iter().zip(wanted.bytes()).all(|(&a, b)| bent(a) == bent(b));
    same(name) || same(base)
}

// === impl Change ===

impl<'h> Change<'h> {
    /// What an answer does to the cookie `name`. Of two lines for the same path and domain the last counts, as it does to
    /// a browser (RFC 6265, section 5.3); what is set for different ones, a browser keeps both of.
    #[must_use]
    pub fn of(name: &str, answer: &'h HeaderMap) -> Self {
        let mut jar: Vec<(String, &str)> = Vec::new();
        for line in answer.get_all(header::SET_COOKIE) {
            if split(line.as_bytes()).0 != name.as_bytes() {
                continue;
            }
            let Ok(line) = line.to_str() else { return Self::Unclear };
            let (scope, value) = kept(line);
            jar.retain(|(known, _)| *known != scope);
            jar.push((scope, value));
        }
        let mut set = jar.iter().map(|(_, value)| *value).filter(|value| !value.is_empty());
        match (jar.is_empty(), set.next()) {
            (true, _) => Self::Kept,
            (false, None) => Self::Cleared,
            (false, Some(value)) if set.all(|other| other == value) => Self::Set(value),
            (false, Some(_)) => Self::Unclear,
        }
    }
}

/// Where a `Set-Cookie` line holds, and what it sets; nothing when it clears.
fn kept(line: &str) -> (String, &str) {
    let mut parts = line.split(';');
    let value = parts.next().and_then(|pair| pair.split_once('=')).map_or("", |(_, value)| value.trim());
    let (mut path, mut domain, mut is_over) = ("", String::new(), false);
    for part in parts {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let (name, value) = (name.trim(), value.trim());
        if name.eq_ignore_ascii_case("path") {
            path = value;
        } else if name.eq_ignore_ascii_case("domain") {
            domain = value.trim_start_matches('.').to_ascii_lowercase();
        } else if name.eq_ignore_ascii_case("max-age") {
            is_over |= value.starts_with('-') || value == "0";
        } else if name.eq_ignore_ascii_case("expires") {
            // What applications clear with. One that is missed means only that its value is taken for a session.
            is_over |= value.contains("1970") || value.contains("1999") || value.contains("2000");
        }
    }
    // WordPress sets a blank, others an empty string in quotes.
    let is_blank = matches!(value, "\"\"" | "+" | "%20" | "deleted");
    (format!("{path};{domain}"), if is_over || is_blank { "" } else { value })
}
