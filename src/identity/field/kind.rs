//! What kind of body a request says it has.

use http::{HeaderMap, header};

/// The kinds of body that are read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    UrlEncoded,
    /// With its boundary.
    Multipart(String),
    Json,
    /// Another, none, or one that could be read as two: applications may parse it all the same.
    Other,
}

// === impl Kind ===

impl Kind {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self::known(headers).unwrap_or(Self::Other)
    }

    fn known(headers: &HeaderMap) -> Option<Self> {
        let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
        let (kind, None) = (kinds.next()?.to_str().ok()?, kinds.next()) else { return None };
        if headers.contains_key(header::CONTENT_ENCODING) {
            return None;
        }
        let mut parts = kind.split(';');
        let media = parts.next()?.trim().to_ascii_lowercase();
        let (mut boundary, mut charset) = (None, None);
        for part in parts {
            let (name, value) = part.split_once('=')?;
            let slot = match name.trim() {
                name if name.eq_ignore_ascii_case("boundary") => &mut boundary,
                name if name.eq_ignore_ascii_case("charset") => &mut charset,
                // PHP finds `boundary` within any name.
                _ => return None,
            };
            if slot.replace(unquoted(value.trim())?).is_some() {
                return None;
            }
        }
        if charset.is_some_and(|charset| !is_utf8(charset)) {
            return None;
        }
        match (media.as_str(), boundary) {
            ("application/x-www-form-urlencoded", None) => Some(Self::UrlEncoded),
            ("application/json", None) => Some(Self::Json),
            (media, None) if media.starts_with("application/") && media.ends_with("+json") => Some(Self::Json),
            ("multipart/form-data", Some(boundary)) => {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
                // RFC 2046, section 5.1.1: at most 70 characters. Of those that it allows, PHP and others stop at some.
                let whole = (1..=70).contains(&boundary.len()) && boundary.bytes().all(plain);
                whole.then(|| Self::Multipart(boundary.to_owned()))
            }
            _ => None,
        }
    }
}

pub(super) fn is_utf8(charset: &str) -> bool {
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

/// A parameter's value, in quotes or not; `None` when a quote or an escape is left in it.
fn unquoted(value: &str) -> Option<&str> {
    let bare = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    (!bare.is_empty() && !bare.contains(['"', '\\', ' ', ',', '\t'])).then_some(bare)
}
