//! Patterns with `*` for anything, over whole values of headers, without regard to the case of ASCII letters.

use memchr::memmem::Finder;

/// A pattern: its pieces between stars, in lower case. Linear: the leftmost place of each piece is as good as any later one.
#[derive(Debug)]
pub(super) struct Wild {
    first: Vec<u8>,
    middle: Vec<Finder<'static>>,
    /// `None` without a star: then the first piece is all.
    last: Option<Vec<u8>>,
}

/// What most values fit into, in bytes: a user agent takes 70 to 200.
const SHORT: usize = 256;

// === impl Wild ===

impl Wild {
    pub(super) fn new(pattern: &str) -> Self {
        let pattern = pattern.to_ascii_lowercase();
        let mut pieces = pattern.split('*').map(str::as_bytes);
        let first = pieces.next().unwrap_or_default().to_vec();
        let last = pieces.next_back().map(<[u8]>::to_vec);
        let middle = pieces.filter(|piece| !piece.is_empty()).map(|piece| Finder::new(piece).into_owned()).collect();
        Self { first, middle, last }
    }

    /// Whether it is the whole of a value, which is in lower case ([`folded`]).
    pub(super) fn matches(&self, value: &[u8]) -> bool {
        let Some(rest) = value.strip_prefix(self.first.as_slice()) else { return false };
        let Some(last) = &self.last else { return rest.is_empty() };
        let Some(mut rest) = rest.strip_suffix(last.as_slice()) else { return false };
        self.middle.iter().all(|piece| {
            let place = piece.find(rest);
            rest = place.and_then(|place| rest.get(place + piece.needle().len()..)).unwrap_or_default();
            place.is_some()
        })
    }
}

/// Looks at a value in lower case. A short one takes no memory of its own.
pub(super) fn folded<T>(value: &[u8], look: impl FnOnce(&[u8]) -> T) -> T {
    let mut short = [0; SHORT];
    match short.get_mut(..value.len()) {
        Some(short) => {
            short.copy_from_slice(value);
            short.make_ascii_lowercase();
            look(short)
        }
        None => look(&value.to_ascii_lowercase()),
    }
}

#[cfg(test)]
mod tests;
