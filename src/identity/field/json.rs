//! JSON bodies, read strictly.
//!
//! Of a key that comes twice some readers take the first and some the last, and `serde_json` hides that there were two.
//! So this walks the document along the pointer and sees every key there; what is beside the way is only skipped.

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Said;
use super::name::{Match, Wanted, key_matches};

/// The greatest integer that every reader takes for itself: JavaScript's and PHP's numbers are doubles beyond (RFC 8259,
/// section 6).
const MOST: u64 = (1 << 53) - 1;

/// What a body says in the wanted field.
pub(super) fn read(wanted: &Wanted, body: &[u8]) -> Said {
    // What is skipped is not looked at for bad UTF-8, so the whole is looked at first.
    if std::str::from_utf8(body).is_err() || !body.trim_ascii_start().starts_with(b"{") {
        return Said::Unclear;
    }
    let said = walk(&wanted.way(), body);
    // Where `user[email]` is the name in a form, an application that nests reads `{"user": {"email": …}}` alike.
    match wanted.nested().map(|way| walk(&way, body)) {
        None | Some(Said::Nothing) => said,
        Some(_) => Said::Unclear,
    }
}

fn walk(way: &[&str], body: &[u8]) -> Said {
    let mut reader = serde_json::Deserializer::from_slice(body);
    match Way(way).deserialize(&mut reader) {
        Ok(said) if reader.end().is_ok() => said,
        _ => Said::Unclear,
    }
}

/// The rest of the way to the field.
struct Way<'w>(&'w [&'w str]);

// === impl Way ===

impl<'de> DeserializeSeed<'de> for Way<'_> {
    type Value = Said;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Said, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Way<'_> {
    type Value = Said;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Said, A::Error> {
        let (mut said, mut seen) = (Said::Nothing, false);
        while let Some(key) = map.next_key::<String>()? {
            let Some((&next, rest)) = self.0.split_first() else {
                said = Said::Unclear;
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            match key_matches(&key, next) {
                Match::Exact if !seen => {
                    seen = true;
                    let there = map.next_value_seed(Way(rest))?;
                    // A like that came before it stays what counts.
                    said = if said == Said::Nothing { there } else { Said::Unclear };
                }
                Match::Exact | Match::Like => {
                    said = Said::Unclear;
                    map.next_value::<IgnoredAny>()?;
                }
                Match::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        // An empty object where text should be is no text.
        Ok(if self.0.is_empty() { Said::Unclear } else { said })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Said, A::Error> {
        let Some((&next, rest)) = self.0.split_first() else {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Said::Unclear);
        };
        // RFC 6901, section 4: an index has no leading zero.
        let index = next.parse::<usize>().ok().filter(|index| index.to_string() == next);
        let (mut said, mut at) = (Said::Unclear, 0);
        loop {
            let more = if index == Some(at) {
                let element = list.next_element_seed(Way(rest))?;
                element.map(|element| said = element).is_some()
            } else {
                list.next_element::<IgnoredAny>()?.is_some()
            };
            if !more {
                return Ok(said);
            }
            at += 1;
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Said, E> {
        Ok(if self.0.is_empty() { Said::plain(text.to_owned()) } else { Said::Unclear })
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Said, E> {
        let whole = self.0.is_empty() && number <= MOST;
        Ok(if whole { Said::plain(number.to_string()) } else { Said::Unclear })
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Said, E> {
        let whole = self.0.is_empty() && number.unsigned_abs() <= MOST;
        Ok(if whole { Said::plain(number.to_string()) } else { Said::Unclear })
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Said, E> {
        Ok(Said::Unclear)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Said, E> {
        Ok(Said::Unclear)
    }

    fn visit_unit<E: Error>(self) -> Result<Said, E> {
        Ok(if self.0.is_empty() { Said::Unclear } else { Said::Nothing })
    }
}
