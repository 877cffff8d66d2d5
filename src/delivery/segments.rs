//! How many parts a text message takes, which is what it costs.
//!
//! A part holds 140 octets (3GPP TS 23.040, 9.2.3.24). A text whose letters all stand in the GSM 7-bit alphabet goes in
//! septets: 160 of them in a single part, 153 in each of several, of which a header takes the rest. Any other text goes
//! as UCS-2, in 70 or 67 units of two octets. What takes two units is never split over two parts.

/// The size of a text as a text message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segments {
    /// Whether it has letters outside the GSM 7-bit alphabet, so that it goes as UCS-2.
    pub unicode: bool,
    /// Septets, or UTF-16 code units.
    pub units: usize,
    /// Parts, at least one.
    pub parts: usize,
}

/// The septets of a single part, and of each of several.
const SEPTETS: (usize, usize) = (160, 153);
/// The UTF-16 code units of a single part, and of each of several.
const UTF16: (usize, usize) = (70, 67);

/// The size of `text` as a text message.
pub(super) fn measure(text: &str) -> Segments {
    let in_septets = || text.chars().map(septets);
    let unicode = in_septets().any(|septets| septets.is_none());
    let (units, parts) = if unicode {
        packed(text.chars().map(char::len_utf16), UTF16)
    } else {
        packed(in_septets().flatten(), SEPTETS)
    };
    Segments { unicode, units, parts }
}

/// How many septets `letter` takes in the GSM 7-bit default alphabet (3GPP TS 23.038, 6.2.1) and its extension table
/// (6.2.1.1), whose letters follow an escape; `None` when it stands in neither.
pub(super) const fn septets(letter: char) -> Option<usize> {
    match letter {
        '\n' | '\r' | ' '..='Z' | '_' | 'a'..='z' => Some(1),
        '£' | '¥' | '§' | '¤' | '¡' | '¿' | 'è' | 'é' | 'ù' | 'ì' | 'ò' | 'à' | 'Ç' | 'É' => Some(1),
        'Ø' | 'ø' | 'Å' | 'å' | 'Æ' | 'æ' | 'Ä' | 'ä' | 'Ö' | 'ö' | 'Ü' | 'ü' | 'Ñ' | 'ñ' | 'ß' => {
            Some(1)
        }
        'Δ' | 'Φ' | 'Γ' | 'Λ' | 'Ω' | 'Π' | 'Ψ' | 'Σ' | 'Θ' | 'Ξ' => Some(1),
        '\u{c}' | '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€' => Some(2),
        _ => None,
    }
}

impl Segments {
    /// The most units of a text like this that fit into one part.
    pub(super) const fn of_one_part(self) -> usize {
        if self.unicode { UTF16.0 } else { SEPTETS.0 }
    }
}

/// The sum of `sizes`, and the parts into which they go when each stays whole.
fn packed(sizes: impl Iterator<Item = usize> + Clone, (single, several): (usize, usize)) -> (usize, usize) {
    let units = sizes.clone().sum();
    if units <= single {
        return (units, 1);
    }
    let (parts, _) = sizes.fold((1, several), |(parts, left), size| {
        if size <= left { (parts, left - size) } else { (parts + 1, several.saturating_sub(size)) }
    });
    (units, parts)
}

#[cfg(test)]
mod tests;
