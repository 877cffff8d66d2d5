//! The directory as YAML.
//!
//! Entries are read one by one, each first as a [`Node`] of any shape: so what is wrong can be said in our words, with
//! its place, and without repeating a contact.

use std::fmt;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, Spanned};

use super::builder::{Builder, Field};
use super::{BadDirectoryFile, FileDirectory, Place, Problem};
use crate::directory::{Entry, Listed};
use crate::words::Channel;

/// YAML of any shape.
enum Node {
    /// Nothing.
    Empty,
    /// A text.
    Text(String),
    /// A number or a truth value, whose spelling is in the file: `+60123456789` would lose its `+`.
    Plain,
    /// A list.
    List(Vec<Spanned<Self>>),
    /// A mapping.
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

const ENTRY: &str =
    "an entry is written {email: …, sms: …, voice: …, language: …}, with those of the keys that it needs";
const ROOT: &str = "a directory is a mapping of subjects to their contacts, such as alice: {email: alice@example.com}";
const VALUE: &str = "a contact is written as the address, as {number: …, label: …} or {address: …, label: …}, or as a list \
                     of these";

/// Reads a mapping of subjects to entries.
pub(super) fn read(text: &str, fold: bool) -> Result<FileDirectory, BadDirectoryFile> {
    let mut reader = Reader { text, builder: Builder::new(fold), failed: None };
    let options = serde_saphyr::options! {
        // Room for a million entries; what unfolds from aliases stays bounded.
        budget: serde_saphyr::budget! {
            max_events: 50_000_000,
            max_nodes: 20_000_000,
            max_total_scalar_bytes: 1 << 30,
        },
        // Two spellings of a subject are as bad as one spelling twice: both are found where entries are added.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        with_snippet: false,
    };
    let read = serde_saphyr::with_deserializer_from_str_with_options(text, options, |deserializer| {
        deserializer.deserialize_any(&mut reader)
    });
    match (reader.failed, read) {
        (Some(failed), _) => Err(failed),
        (None, Err(error)) => Err(malformed(&error)),
        (None, Ok(())) => Ok(reader.builder.finish()),
    }
}

fn malformed(error: &serde_saphyr::Error) -> BadDirectoryFile {
    let error = error.without_snippet();
    let problem = Problem::Syntax(format!("this is no YAML that can be read: {error}"));
    match error.location() {
        Some(location) => problem.at(place(&location)),
        None => problem.into(),
    }
}

fn place(location: &Location) -> Place {
    Place { line: location.line(), column: Some(location.column()) }
}

struct Reader<'a> {
    text: &'a str,
    builder: Builder,
    /// What went wrong: the parser's own error type has no room for it.
    failed: Option<BadDirectoryFile>,
}

// === impl Reader ===

impl Reader<'_> {
    fn entry(&mut self, subject: &Spanned<String>, node: &Spanned<Node>) -> Result<(), BadDirectoryFile> {
        let at = place(&subject.referenced);
        let name = self.builder.subject(&subject.value).map_err(|problem| problem.at(at))?;
        let fields = match &node.value {
            Node::Empty => &[][..],
            Node::Map(fields) => fields,
            Node::Text(_) | Node::Plain | Node::List(_) => {
                return Err(Problem::Shape(ENTRY).at(place(&node.referenced)));
            }
        };
        let (mut seen, mut entry) = (Vec::new(), Entry::default());
        for (key, value) in fields {
            let at = place(&key.referenced);
            let field = Field::parse(&key.value).ok_or_else(|| unknown(&key.value).at(at))?;
            if seen.contains(&field) {
                return Err(Problem::KeyTwice(field.as_str()).at(at));
            }
            seen.push(field);
            match field {
                Field::Contact(channel) => self.values(&mut entry.contacts, channel, value)?,
                Field::Language => {
                    if let Some(language) = self.scalar(value)? {
                        entry.language = self.builder.language(&language, value.referenced.line());
                    }
                }
            }
        }
        self.builder.add(name, entry, at)
    }

    /// A contact or a list of them.
    fn values(
        &mut self,
        contacts: &mut Vec<Listed>,
        channel: Channel,
        node: &Spanned<Node>,
    ) -> Result<(), BadDirectoryFile> {
        match &node.value {
            Node::List(values) => values.iter().try_for_each(|value| self.value(contacts, channel, value)),
            _ => self.value(contacts, channel, node),
        }
    }

    /// A contact: its address, or its address and a label.
    fn value(
        &mut self,
        contacts: &mut Vec<Listed>,
        channel: Channel,
        node: &Spanned<Node>,
    ) -> Result<(), BadDirectoryFile> {
        let line = node.referenced.line();
        let Node::Map(fields) = &node.value else {
            if let Some(address) = self.scalar(node)? {
                self.builder.contact(contacts, channel, &address, None, line);
            }
            return Ok(());
        };
        let own = if channel == Channel::Email { "address" } else { "number" };
        let (mut address, mut label) = (None, None);
        for (key, value) in fields {
            let slot = match key.value.as_str() {
                word if word == own => &mut address,
                "label" => &mut label,
                _ => return Err(Problem::Shape(VALUE).at(place(&key.referenced))),
            };
            if slot.is_some() {
                return Err(Problem::Shape(VALUE).at(place(&key.referenced)));
            }
            *slot = self.scalar(value)?;
        }
        let address = address.ok_or_else(|| Problem::Shape(VALUE).at(place(&node.referenced)))?;
        self.builder.contact(contacts, channel, &address, label.as_deref(), line);
        Ok(())
    }

    /// A text, as it stands in the file.
    fn scalar(&self, node: &Spanned<Node>) -> Result<Option<String>, BadDirectoryFile> {
        match &node.value {
            Node::Empty => Ok(None),
            Node::Text(text) => Ok(Some(text.clone())),
            Node::Plain => {
                let span = node.defined.span();
                let written = span.byte_offset().zip(span.byte_len()).and_then(|(start, length)| {
                    let (start, length) = (usize::try_from(start).ok()?, usize::try_from(length).ok()?);
                    self.text.get(start..start.checked_add(length)?)
                });
                let written =
                    written.ok_or_else(|| Problem::Shape("put this value in quotes").at(place(&node.referenced)))?;
                Ok(Some(written.trim().to_owned()))
            }
            Node::List(_) | Node::Map(_) => Err(Problem::Shape(VALUE).at(place(&node.referenced))),
        }
    }
}

/// An unknown key. One that is no plain word could be somebody's name or address, and is not repeated.
fn unknown(key: &str) -> Problem {
    let is_word = key.len() <= 20 && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let meant = ["email", "sms", "voice", "language"]
        .into_iter()
        .find(|known| strsim::damerau_levenshtein(known, &key.to_lowercase()) <= 2);
    Problem::UnknownKey { key: is_word.then(|| key.to_owned()), meant }
}

impl<'de> Visitor<'de> for &mut Reader<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping of subjects to their contacts")
    }

    /// An empty file.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(subject) = map.next_key::<Spanned<String>>()? {
            let node = map.next_value::<Spanned<Node>>()?;
            if let Err(failed) = self.entry(&subject, &node) {
                self.failed = Some(failed);
                return Err(serde::de::Error::custom("not a directory"));
            }
        }
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, _text: &str) -> Result<(), E> {
        self.failed = Some(Problem::Shape(ROOT).into());
        Err(E::custom("not a directory"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _list: A) -> Result<(), A::Error> {
        self.failed = Some(Problem::Shape(ROOT).into());
        Err(serde::de::Error::custom("not a directory"))
    }
}

// === impl Node ===

impl<'de> serde::Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyNode)
    }
}

struct AnyNode;

impl<'de> Visitor<'de> for AnyNode {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Empty)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Empty)
    }

    fn visit_bool<E>(self, _value: bool) -> Result<Node, E> {
        Ok(Node::Plain)
    }

    fn visit_i64<E>(self, _value: i64) -> Result<Node, E> {
        Ok(Node::Plain)
    }

    fn visit_u64<E>(self, _value: u64) -> Result<Node, E> {
        Ok(Node::Plain)
    }

    fn visit_i128<E>(self, _value: i128) -> Result<Node, E> {
        Ok(Node::Plain)
    }

    fn visit_u128<E>(self, _value: u128) -> Result<Node, E> {
        Ok(Node::Plain)
    }

    fn visit_f64<E>(self, _value: f64) -> Result<Node, E> {
        Ok(Node::Plain)
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Node::Map(fields))
    }
}
