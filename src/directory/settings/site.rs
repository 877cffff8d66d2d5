//! A directory in the list of a site: its kind, and beside it what every kind can have.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::StrDeserializer;
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IntoDeserializer as _, MapAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

use super::{DirectorySettings, Loaded, Manner, NoSettings};
use crate::config::{Fault, Period, Placed, Surroundings};
use crate::directory::{Directory, Keep};

/// A directory of a site.
#[derive(Debug)]
pub struct SiteDirectorySettings {
    kind: Placed<DirectorySettings>,
    /// How long its answers hold.
    cache: Option<Placed<Period>>,
    /// How old an answer may be that is taken while it is down.
    stale: Option<Placed<Period>>,
}

/// A directory of a site that was made.
#[derive(Debug)]
pub struct SiteDirectory {
    /// The directory.
    pub directory: Arc<dyn Directory>,
    /// How long its answers are kept.
    pub keep: Option<Keep>,
    /// What is odd about it.
    pub warnings: Vec<String>,
}

/// The kinds, and the keys that may stand beside one.
const KEYS: &[&str] = &["file", "sql", "ldap", "http", "identity", "cache", "stale"];

/// The only kind that says nothing more, so that its word may stand alone.
const ALONE: &str = "identity";

// === impl SiteDirectorySettings ===

impl SiteDirectorySettings {
    /// Makes the directory. Files are read; nothing is connected to.
    ///
    /// # Errors
    /// When it cannot be read or is malformed, or when its answers cannot be kept as it says.
    pub fn load(&self, around: &Surroundings<'_>, manner: Manner) -> Result<SiteDirectory, Fault> {
        let keep = self.keep()?;
        let Loaded { directory, warnings } = self.kind.load(around, manner)?;
        Ok(SiteDirectory { directory, keep, warnings })
    }

    /// How long its answers are kept.
    fn keep(&self) -> Result<Option<Keep>, Fault> {
        let is_near = matches!(self.kind.value, DirectorySettings::File(_) | DirectorySettings::Identity(_));
        match self.cache.as_ref().or(self.stale.as_ref()) {
            Some(written) if is_near => {
                return Err(
                    written.fault("this directory answers out of memory: `cache` and `stale` mean nothing to it")
                );
            }
            None if is_near => return Ok(None),
            _ => {}
        }
        let fresh = self.cache.as_ref().map_or(Keep::REMOTE.fresh, |cache| cache.value.0);
        let stale = self.stale.as_ref().map_or(Keep::REMOTE.stale, |stale| stale.value.0);
        match &self.stale {
            Some(written) if stale < fresh => Err(written.fault("`stale` is shorter than `cache`: write a longer one")),
            _ => Ok(Some(Keep { fresh, stale })),
        }
    }
}

impl<'de> Deserialize<'de> for SiteDirectorySettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SettingsVisitor)
    }
}

struct SettingsVisitor;

impl<'de> Visitor<'de> for SettingsVisitor {
    type Value = SiteDirectorySettings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a kind of directory with its settings, such as `file: contacts.yaml`")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Self::Value, E> {
        if word != ALONE {
            return Err(E::invalid_type(de::Unexpected::Str(word), &self));
        }
        let kind = Placed { value: DirectorySettings::Identity(NoSettings {}), place: crate::config::Place::START };
        Ok(SiteDirectorySettings { kind, cache: None, stale: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut kind, mut cache, mut stale) = (None, None, None);
        while let Some(key) = map.next_key::<Placed<Key>>()? {
            match key.value.0.as_str() {
                "cache" => cache = Some(map.next_value()?),
                "stale" => stale = Some(map.next_value()?),
                word if kind.is_some() => {
                    return Err(de::Error::custom(format!(
                        "a directory is of one kind, with `cache` and `stale` beside it: `{word}` is to be another one"
                    )));
                }
                word => {
                    let value = DirectorySettings::deserialize(Kind { word, map: &mut map })?;
                    kind = Some(Placed { value, place: key.place });
                }
            }
        }
        let kind = kind.ok_or_else(|| de::Error::invalid_type(de::Unexpected::Map, &self))?;
        Ok(SiteDirectorySettings { kind, cache, stale })
    }
}

/// One of [`KEYS`]: what is none is told where it stands.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        if KEYS.contains(&word.as_str()) { Ok(Self(word)) } else { Err(de::Error::unknown_variant(&word, KEYS)) }
    }
}

/// The entry of a map that names a kind, as an enum.
struct Kind<'a, A> {
    word: &'a str,
    map: &'a mut A,
}

impl<'de, A: MapAccess<'de>> Deserializer<'de> for Kind<'_, A> {
    type Error = A::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_enum(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, A: MapAccess<'de>> de::EnumAccess<'de> for Kind<'_, A> {
    type Error = A::Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), A::Error> {
        let word: StrDeserializer<'_, A::Error> = self.word.into_deserializer();
        Ok((seed.deserialize(word)?, self))
    }
}

impl<'de, A: MapAccess<'de>> de::VariantAccess<'de> for Kind<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.map.next_value()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.map.next_value_seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, A::Error> {
        Err(de::Error::invalid_type(de::Unexpected::TupleVariant, &visitor))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, A::Error> {
        Err(de::Error::invalid_type(de::Unexpected::StructVariant, &visitor))
    }
}

impl JsonSchema for SiteDirectorySettings {
    fn schema_name() -> Cow<'static, str> {
        "SiteDirectorySettings".into()
    }

    /// That of the kinds, each with the keys that may stand beside it.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let period = |generator: &mut SchemaGenerator, about: &str| {
            let mut schema = generator.subschema_for::<Period>();
            schema.insert("description".to_owned(), about.into());
            Value::from(schema)
        };
        let cache = period(generator, "How long its answers hold. Default 30s, and none for what is in memory anyway.");
        let stale = period(generator, "How old an answer may be that is taken while it is down. Default none.");
        let mut schema = DirectorySettings::json_schema(generator);
        if let Some(Value::Array(kinds)) = schema.get_mut("oneOf") {
            for kind in kinds.iter_mut() {
                if let Some(Value::Object(keys)) = kind.get_mut("properties") {
                    keys.insert("cache".to_owned(), cache.clone());
                    keys.insert("stale".to_owned(), stale.clone());
                }
            }
            kinds.push(json_schema!({"const": ALONE}).into());
        }
        schema
    }
}
