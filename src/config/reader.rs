//! serde's way into the tree: derived code asks, nodes answer, and every fault gets the place of its node.

use std::str::FromStr;

use serde::de::value::U32Deserializer;
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::config::node::{Node, Shape};
use crate::config::{Fault, many, not_yet, placed};

/// The serde name of an enum that is written as a map with the key `type`, such as `{type: smtp, url: …}`. serde's own
/// internally tagged enums lose every place.
pub const TYPED: &str = "$typed";

/// Deserializes with every fault at the place of `node`, unless a nearer one is known.
fn at<T>(node: &Node, result: Result<T, Fault>) -> Result<T, Fault> {
    result.map_err(|fault| fault.at(node.place))
}

fn expected<T>(node: &Node, what: &str) -> Result<T, Fault> {
    let found = match node.shape {
        Shape::Nothing => "nothing",
        Shape::Scalar(_) => "a single value",
        Shape::List(_) => "a list",
        Shape::Map(_) => "keys and values",
    };
    Err(Fault::new(format!("expected {what}, found {found}")).at(node.place))
}

impl Node {
    fn scalar(&self, what: &str) -> Result<&str, Fault> {
        match &self.shape {
            Shape::Scalar(text) => Ok(text),
            _ => expected(self, what),
        }
    }

    fn number<T: FromStr + std::fmt::Display>(&self, least: T, most: T) -> Result<T, Fault> {
        let what = format!("a whole number from {least} to {most}");
        let text = self.scalar(&what)?;
        let padded = text.len() > 1 && text.starts_with('0');
        match text.parse() {
            // `010` is eight to some programs and ten to others.
            Ok(_) if padded => Err(Fault::new("write the number without leading zeros").at(self.place)),
            Ok(number) => Ok(number),
            Err(_) => Err(Fault::new(format!("expected {what}")).at(self.place)),
        }
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $kind:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            let number = self.number($kind::MIN, $kind::MAX)?;
            at(self, visitor.$visit(number))
        })*
    };
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let result = match &self.shape {
            Shape::Nothing => visitor.visit_unit(),
            Shape::Scalar(text) => visitor.visit_borrowed_str(text),
            Shape::List(list) => visitor.visit_seq(Elements(list.iter())),
            Shape::Map(map) => visitor.visit_map(Entries::new(map, None)),
        };
        at(self, result)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        // `no` and `on` are booleans to some programs and texts to others.
        match self.scalar("true or false")? {
            "true" => at(self, visitor.visit_bool(true)),
            "false" => at(self, visitor.visit_bool(false)),
            _ => Err(Fault::new("expected true or false").at(self.place)),
        }
    }

    numbers! {
        deserialize_u8 visit_u8 u8
        deserialize_u16 visit_u16 u16
        deserialize_u32 visit_u32 u32
        deserialize_u64 visit_u64 u64
        deserialize_i64 visit_i64 i64
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let text = self.scalar("a text")?;
        at(self, visitor.visit_borrowed_str(text))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.shape {
            Shape::Nothing => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.shape {
            Shape::List(_) => self.deserialize_any(visitor),
            _ => expected(self, "a list"),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.shape {
            Shape::Map(_) => self.deserialize_any(visitor),
            _ => expected(self, "keys and values"),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Fault> {
        match name {
            placed::PLACED => visitor.visit_seq(Parts { node: self, part: 0 }),
            not_yet::NOT_YET => Err(Fault::not_yet()),
            many::MANY => match &self.shape {
                Shape::List(_) => self.deserialize_any(visitor),
                Shape::Nothing => expected(self, "a value or a list"),
                _ => visitor.visit_seq(Elements(std::slice::from_ref(self).iter())),
            },
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let one_of = format!("one of {}", variants.join(", "));
        let result = match &self.shape {
            Shape::Map(map) if name == TYPED => match find(map, "type") {
                Some((index, kind)) => visitor.visit_enum(Variant { word: kind, content: Content::Rest(self, index) }),
                None => return Err(Fault::new(format!("the key `type` is missing: {one_of}")).at(self.place)),
            },
            _ if name == TYPED => return expected(self, "keys and values with the key `type`"),
            Shape::Scalar(_) => visitor.visit_enum(Variant { word: self, content: Content::None }),
            Shape::Map(map) => match map.as_slice() {
                [(key, value)] => visitor.visit_enum(Variant { word: key, content: Content::Value(value) }),
                _ => return Err(Fault::new(format!("expected just one key, {one_of}")).at(self.place)),
            },
            Shape::Nothing | Shape::List(_) => return expected(self, &one_of),
        };
        at(self, result)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
    }
}

/// The entry of `key`, and its index.
fn find<'a>(map: &'a [(Node, Node)], key: &str) -> Option<(usize, &'a Node)> {
    let index = map.iter().position(|(known, _)| matches!(&known.shape, Shape::Scalar(text) if text == key))?;
    map.get(index).map(|(_, value)| (index, value))
}

/// The elements of a list.
struct Elements<'de>(std::slice::Iter<'de, Node>);

impl<'de> de::SeqAccess<'de> for Elements<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        self.0.next().map(|node| at(node, seed.deserialize(node))).transpose()
    }
}

/// The three parts of a [`Placed`](super::Placed): line, column, value.
struct Parts<'de> {
    node: &'de Node,
    part: u8,
}

impl<'de> de::SeqAccess<'de> for Parts<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        self.part += 1;
        let number = |number: u32| -> U32Deserializer<Fault> { number.into_deserializer() };
        match self.part {
            1 => seed.deserialize(number(self.node.place.line)).map(Some),
            2 => seed.deserialize(number(self.node.place.column)).map(Some),
            3 => at(self.node, seed.deserialize(self.node)).map(Some),
            _ => Ok(None),
        }
    }
}

/// The entries of a map, but for the one at `without`.
struct Entries<'de> {
    entries: std::iter::Enumerate<std::slice::Iter<'de, (Node, Node)>>,
    without: Option<usize>,
    current: Option<&'de (Node, Node)>,
}

impl<'de> Entries<'de> {
    fn new(entries: &'de [(Node, Node)], without: Option<usize>) -> Self {
        Self { entries: entries.iter().enumerate(), without, current: None }
    }
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let without = self.without;
        self.current = self.entries.find(|(index, _)| Some(*index) != without).map(|(_, entry)| entry);
        self.current.map(|(key, _)| at(key, seed.deserialize(key))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (key, value) = self.current.ok_or_else(|| Fault::new("a value without a key"))?;
        at(value, named(key, seed.deserialize(value)))
    }
}

/// Adds the name of `key` to a fault that wants it.
fn named<T>(key: &Node, result: Result<T, Fault>) -> Result<T, Fault> {
    result.map_err(|fault| match &key.shape {
        Shape::Scalar(text) => fault.under(text, key.place),
        _ => fault,
    })
}

/// A word out of several, and what stands with it.
struct Variant<'de> {
    word: &'de Node,
    content: Content<'de>,
}

enum Content<'de> {
    /// The word stands alone.
    None,
    /// `word: value`.
    Value(&'de Node),
    /// The other entries of the map in which the word stands under this index.
    Rest(&'de Node, usize),
}

impl<'de> de::EnumAccess<'de> for Variant<'de> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let word = at(self.word, seed.deserialize(self.word))?;
        Ok((word, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.content {
            Content::None => Ok(()),
            Content::Value(node) => Err(Fault::new("expected the word alone, without settings").at(node.place)),
            Content::Rest(node, index) => {
                de::Deserialize::deserialize(Rest { node, without: index }).map(|NoKeys {}| ())
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        named(
            self.word,
            match self.content {
                Content::Value(node) => at(node, seed.deserialize(node)),
                Content::Rest(node, without) => at(node, seed.deserialize(Rest { node, without })),
                // Fails, since no settings stand behind the word, but says so in the words of what was expected.
                Content::None => at(self.word, seed.deserialize(Rest { node: self.word, without: 0 })),
            },
        )
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        Err(de::Error::invalid_type(de::Unexpected::TupleVariant, &visitor))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        Err(de::Error::invalid_type(de::Unexpected::StructVariant, &visitor))
    }
}

/// What stands beside a word that has no settings.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct NoKeys {}

/// A map without its `type`.
struct Rest<'de> {
    node: &'de Node,
    without: usize,
}

impl<'de> Deserializer<'de> for Rest<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.shape {
            Shape::Map(map) => at(self.node, visitor.visit_map(Entries::new(map, Some(self.without)))),
            _ => expected(self.node, "keys and values"),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Fault> {
        if name == not_yet::NOT_YET { Err(Fault::not_yet()) } else { visitor.visit_newtype_struct(self) }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
