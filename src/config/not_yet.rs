//! Keys that the design has and this version has not.

use serde::de::{Deserialize, Deserializer};

/// The value of a key that later work brings. No value of it exists: the key is refused with its name, never ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotYet {}

/// The name by which [`NotYet`] tells the reader what it is.
pub(super) const NOT_YET: &str = "$not_yet";

impl<'de> Deserialize<'de> for NotYet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(NOT_YET, Never)
    }
}

struct Never;

impl serde::de::Visitor<'_> for Never {
    type Value = NotYet;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nothing: this key is not available yet")
    }
}
