//! Multipart forms (RFC 7578), in exactly the framing that browsers and HTTP clients write.
//!
//! Readers of multipart bodies agree on little else: bare line feeds, folded headers, `name*`, two names, text before
//! the first boundary. A general parser reads such a body in one way; this one says that it cannot be told.

use super::name::{Match, Wanted};
use super::{MOST_FIELDS, Said, kind, urlencoded};

/// The most bytes of a part's headers: some readers stop at a few kilobytes.
const MOST_HEAD: usize = 1024;

struct Part<'b> {
    name: &'b str,
    is_file: bool,
    /// Its `Content-Type`, if it has one.
    kind: Option<&'b str>,
    content: &'b [u8],
}

/// What a body says in the wanted field.
pub(super) fn read(wanted: &Wanted, boundary: &str, body: &[u8]) -> Said {
    let Some(parts) = parts(boundary, body) else { return Said::Unclear };
    let mut found = None;
    for part in &parts {
        if urlencoded::bends(part.name, part.content) {
            return Said::Unclear;
        }
        match wanted.matches(part.name) {
            Match::Exact if found.is_none() && !part.is_file => found = Some(part),
            Match::Exact | Match::Like => return Said::Unclear,
            Match::Other => {}
        }
    }
    let Some(part) = found else { return Said::Nothing };
    match std::str::from_utf8(part.content) {
        Ok(text) if part.kind.is_none_or(is_plain) => Said::plain(text.to_owned()),
        _ => Said::Unclear,
    }
}

/// Plain text in UTF-8: others decode a part's own charset.
fn is_plain(kind: &str) -> bool {
    let (media, charset) = kind.split_once(';').map_or((kind, None), |(media, rest)| (media, Some(rest.trim())));
    let named = |parameter: &str| {
        let value = parameter.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("charset"));
        value.is_some_and(|(_, value)| kind::is_utf8(value.trim_matches('"')))
    };
    media.trim().eq_ignore_ascii_case("text/plain") && charset.is_none_or(named)
}

/// Every part; `None` when the framing is odd anywhere.
fn parts<'b>(boundary: &str, body: &'b [u8]) -> Option<Vec<Part<'b>>> {
    let dashed = format!("--{boundary}");
    let mut rest = body.strip_prefix(dashed.as_bytes())?;
    let mut parts = Vec::new();
    loop {
        if let Some(end) = rest.strip_prefix(b"--") {
            return (end.is_empty() || end == b"\r\n").then_some(parts);
        }
        rest = rest.strip_prefix(b"\r\n")?;
        let head_end = find(rest, b"\r\n\r\n").filter(|&end| end <= MOST_HEAD)?;
        let (head, content) = (&rest[..head_end], &rest[head_end + 4..]);
        // Wherever the boundary stands, somebody takes it for one: behind a bare line feed, or as the start of a longer.
        let next = find(content, dashed.as_bytes())?;
        let content_end = next.checked_sub(2).filter(|&end| content[end..next] == *b"\r\n")?;
        parts.push(part(std::str::from_utf8(head).ok()?, &content[..content_end])?);
        if parts.len() > MOST_FIELDS {
            return None;
        }
        rest = &content[next + dashed.len()..];
    }
}

fn part<'b>(head: &'b str, content: &'b [u8]) -> Option<Part<'b>> {
    let (mut disposition, mut kind) = (None, None);
    for line in head.split("\r\n") {
        // A folded line starts with a blank; a control character is a bare line end or worse.
        let (name, value) = line.split_once(':')?;
        if line.chars().any(char::is_control) || name.is_empty() || name.contains(' ') {
            return None;
        }
        let slot = match name {
            name if name.eq_ignore_ascii_case("content-disposition") => &mut disposition,
            name if name.eq_ignore_ascii_case("content-type") => &mut kind,
            // `Content-Transfer-Encoding` above all.
            _ => return None,
        };
        if slot.replace(value.trim()).is_some() {
            return None;
        }
    }
    if kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("multipart")) {
        return None;
    }
    let mut parameters = disposition?.split(';');
    if parameters.next()?.trim() != "form-data" {
        return None;
    }
    let name = parameter(parameters.next()?, "name=")?;
    let is_file = match parameters.next() {
        Some(file) => parameter(file, "filename=").map(|_| true)?,
        None => false,
    };
    parameters.next().is_none().then_some(Part { name, is_file, kind, content })
}

/// The value of a parameter in quotes, or of plain letters without. Browsers write a quote and a line end in a name as
/// an escape, which some decode and some do not.
fn parameter<'h>(text: &'h str, name: &str) -> Option<&'h str> {
    let value = text.trim_start_matches(' ').strip_prefix(name)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').filter(|value| !value.contains(['"', '\\', '%'])),
        None => Some(value).filter(|value| !value.is_empty() && value.chars().all(plain)),
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}
