//! JSON in which a key that stands twice is seen, and places in it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// JSON of any shape. Two parsers may take another one of two equal keys, so that both are kept here.
#[derive(Debug, PartialEq)]
pub(in crate::directory) enum Json {
    Null,
    Text(String),
    /// A whole number, as it is written without an exponent.
    Whole(String),
    /// A truth value, or a number with a fraction.
    Other,
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

/// A place in JSON (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::directory) struct Pointer(Vec<String>);

/// A key on the way stands twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::directory) struct Twice;

// === impl Pointer ===

impl Pointer {
    /// The place that `text` names; `None` when it is no pointer.
    pub(in crate::directory) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self(Vec::new()));
        }
        let part = |part: &str| {
            let is_escaped = part.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
            is_escaped.then(|| part.replace("~1", "/").replace("~0", "~"))
        };
        text.strip_prefix('/')?.split('/').map(part).collect::<Option<_>>().map(Self)
    }

    /// What stands there.
    ///
    /// # Errors
    /// When a key on the way stands twice.
    pub(in crate::directory) fn find<'a>(&self, mut json: &'a Json) -> Result<Option<&'a Json>, Twice> {
        for part in &self.0 {
            let found = match json {
                Json::Map(entries) => {
                    let mut named = entries.iter().filter(|(key, _)| key == part);
                    let first = named.next();
                    if named.next().is_some() {
                        return Err(Twice);
                    }
                    first.map(|(_, value)| value)
                }
                Json::List(list) => {
                    let is_index = part == "0" || !part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit());
                    part.parse().ok().filter(|_| is_index).and_then(|index: usize| list.get(index))
                }
                _ => None,
            };
            let Some(found) = found else { return Ok(None) };
            json = found;
        }
        Ok(Some(json))
    }
}

// === impl Json ===

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyJson)
    }
}

struct AnyJson;

impl<'de> Visitor<'de> for AnyJson {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, _value: bool) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Whole(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Whole(value.to_string()))
    }

    fn visit_f64<E>(self, _value: f64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Json::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Json::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_find_what_rfc_6901_says() {
        let json: Json =
            serde_json::from_str(r#"{"a": [{"b/c": "x"}, 7], "": null, "m~n": "y", "t": 1, "t": 2}"#).unwrap();
        let find = |pointer: &str| Pointer::parse(pointer).unwrap().find(&json);
        assert_eq!(find("/a/0/b~1c"), Ok(Some(&Json::Text("x".to_owned()))));
        assert_eq!(find("/a/1"), Ok(Some(&Json::Whole("7".to_owned()))));
        assert_eq!(find("/"), Ok(Some(&Json::Null)));
        assert_eq!(find("/m~0n"), Ok(Some(&Json::Text("y".to_owned()))));
        assert_eq!(find(""), Ok(Some(&json)));
        for nowhere in ["/a/2", "/a/00", "/a/-", "/a/+1", "/b", "/a/0/b/c", "/m~0n/x"] {
            assert_eq!(find(nowhere), Ok(None), "{nowhere}");
        }
        assert_eq!(find("/t"), Err(Twice));
        for bad in ["a", "a/b", "/~", "/~2"] {
            assert_eq!(Pointer::parse(bad), None, "{bad}");
        }
    }
}
