//! Where somebody was, as an address tells it.

use crate::words::Country;

/// Where somebody was, as far as databases know of the address, and no finer than is kept: a tenth of a degree is 11 km.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spot {
    /// The country.
    pub country: Option<Country>,
    /// The number of the autonomous system.
    pub system: Option<u32>,
    /// Where it is about.
    pub about: Option<About>,
}

/// A position on earth, rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// Tenths of a degree north of the equator, -900 to 900.
    pub north: i16,
    /// Tenths of a degree east of Greenwich, -1800 to 1800.
    pub east: i16,
    /// How far off it may be, in kilometres.
    pub within: u16,
}

// === impl Spot ===

impl Spot {
    /// The length of [`Spot::to_bytes`].
    pub const BYTES: usize = 12;
    /// What stands for no position.
    const NOWHERE: i16 = i16::MIN;

    /// Whether nothing is known.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        self.country.is_none() && self.system.is_none() && self.about.is_none()
    }

    /// As it is sealed: two letters, the system, and the position, each zero or [`i16::MIN`] where it is not known.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let about = self.about.unwrap_or(About { north: Self::NOWHERE, east: 0, within: 0 });
        let mut bytes = [0; Self::BYTES];
        let country = self.country.as_ref().map_or(&[0, 0][..], |country| country.as_str().as_bytes());
        let parts = [
            country,
            &self.system.unwrap_or_default().to_le_bytes(),
            &about.north.to_le_bytes(),
            &about.east.to_le_bytes(),
            &about.within.to_le_bytes(),
        ];
        for (byte, value) in bytes.iter_mut().zip(parts.iter().copied().flatten()) {
            *byte = *value;
        }
        bytes
    }

    /// Reads [`Spot::to_bytes`] back.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let [c0, c1, s0, s1, s2, s3, n0, n1, e0, e1, w0, w1] = bytes;
        let system = u32::from_le_bytes([s0, s1, s2, s3]);
        let north = i16::from_le_bytes([n0, n1]);
        let about = About { north, east: i16::from_le_bytes([e0, e1]), within: u16::from_le_bytes([w0, w1]) };
        Self {
            country: std::str::from_utf8(&[c0, c1]).ok().and_then(|letters| letters.parse().ok()),
            system: (system > 0).then_some(system),
            about: (north != Self::NOWHERE).then_some(about),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spot_reads_back() {
        let about = Some(About { north: -337, east: 1512, within: 20 });
        for spot in [
            Spot::default(),
            Spot { country: "MY".parse().ok(), ..Spot::default() },
            Spot { system: Some(4_200_000_000), ..Spot::default() },
            Spot { country: "AU".parse().ok(), system: Some(1221), about },
            Spot { about: Some(About { north: 0, east: 0, within: 0 }), ..Spot::default() },
        ] {
            assert_eq!(Spot::from_bytes(spot.to_bytes()), spot);
        }
        assert!(Spot::from_bytes([0; 12]).about.is_some(), "zero is a place in the sea, and not the default");
    }
}
