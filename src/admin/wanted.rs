//! Which of two media types a client would rather have.

use http::HeaderMap;
use http::header::ACCEPT;

/// Whether a client would rather have `second` than `first`, by its `Accept` lines (RFC 9110, 12.5.1). Where it does
/// not care, or takes neither, it gets `first`.
pub(super) fn wants_second(headers: &HeaderMap, first: &str, second: &str) -> bool {
    quality(headers, second) > quality(headers, first)
}

/// How much a client wants `media_type`, in thousandths. The closest range that it names decides.
fn quality(headers: &HeaderMap, media_type: &str) -> u16 {
    let kind = media_type.split('/').next().unwrap_or_default();
    let lines = headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let ranges = lines.flat_map(|line| line.split(',')).filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let closeness = match name.split_once('/') {
            _ if name.eq_ignore_ascii_case(media_type) => 3,
            Some((given, "*")) if given.eq_ignore_ascii_case(kind) => 2,
            Some(("*", "*")) => 1,
            _ => return None,
        };
        let given = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let quality = given.map_or(Ok(1.0), str::parse::<f32>).unwrap_or(0.0).clamp(0.0, 1.0);
        // Between 0 and 1000 after the clamp.
        Some((closeness, (quality * 1000.0) as u16))
    });
    ranges.max().map_or(0, |(_, quality)| quality)
}

#[cfg(test)]
mod tests;
