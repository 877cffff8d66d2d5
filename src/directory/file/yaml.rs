//! The directory as YAML.
//!
//! Entries are read one by one, each first as a [`Node`] of any shape: so what is wrong can be said in our words, with
//! its place, and without repeating a contact.

use std::fmt;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, Spanned};

use super::builder::{Builder, Row};
use super::{BadDirectoryFile, Contents, Place, Problem};
use crate::directory::Field;
use crate::directory::settings::Manner;
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

/// The keys of an entry.
const KEYS: [(&str, Field); 7] = [
    ("email", Field::Contact(Channel::Email)),
    ("sms", Field::Contact(Channel::Sms)),
    ("voice", Field::Contact(Channel::Voice)),
    ("phone", Field::Phone),
    ("language", Field::Language),
    ("country", Field::Country),
    ("id", Field::Id),
];

/// The keys of a contact but for its address.
const ABOUT: [(&str, Field); 3] =
    [("label", Field::Label(None)), ("verified_at", Field::VerifiedAt(None)), ("changed_at", Field::ChangedAt(None))];

const ENTRY: &str =
    "an entry is written {email: …, sms: …, voice: …, language: …}, with those of the keys that it needs";
const ROOT: &str = "a directory is a mapping of subjects to their contacts, such as alice: {email: alice@example.com}";
const VALUE: &str = "a contact is written as the address, as {number: …} or {address: …} with `label`, `verified_at` and \
                     `changed_at` where they are known, or as a list of these";

/// Reads a mapping of subjects to entries.
pub(super) fn read(text: &str, manner: Manner) -> Result<Contents, BadDirectoryFile> {
    let mut reader = Reader { text, builder: Builder::new(manner), failed: None };
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

/// What stands at one place of an entry.
struct Said {
    line: u64,
    fields: Vec<(Field, String)>,
}

// === impl Said ===

impl Said {
    fn fields(&self) -> impl Iterator<Item = (Field, &str)> {
        self.fields.iter().map(|(field, text)| (*field, text.as_str()))
    }

    fn says(&self, field: Field) -> bool {
        self.fields.iter().any(|(known, _)| *known == field)
    }
}

// === impl Reader ===

impl Reader<'_> {
    fn entry(&mut self, subject: &Spanned<String>, node: &Spanned<Node>) -> Result<(), BadDirectoryFile> {
        let at = place(&subject.referenced);
        let keys = match &node.value {
            Node::Empty => &[][..],
            Node::Map(keys) => keys,
            Node::Text(_) | Node::Plain | Node::List(_) => {
                return Err(Problem::Shape(ENTRY).at(place(&node.referenced)));
            }
        };
        let (mut seen, mut own, mut contacts) = (Vec::new(), Vec::new(), Vec::new());
        for (key, value) in keys {
            let at = place(&key.referenced);
            let known = KEYS.iter().find(|(name, _)| *name == key.value);
            let (name, field) = *known.ok_or_else(|| unknown(&key.value).at(at))?;
            if seen.contains(&field) {
                return Err(Problem::KeyTwice(name).at(at));
            }
            seen.push(field);
            match (field, &value.value) {
                (Field::Contact(_) | Field::Phone, Node::List(values)) => {
                    for value in values {
                        contacts.extend(self.contact(field, value)?);
                    }
                }
                (Field::Contact(_) | Field::Phone, _) => contacts.extend(self.contact(field, value)?),
                _ => own.extend(self.one(field, value)?),
            }
        }
        // What is said of the subject comes first: its country tells what its numbers mean. Its `id` stands in each row.
        let id: Vec<_> = own.iter().flat_map(Said::fields).filter(|(field, _)| *field == Field::Id).collect();
        let mut rows = Vec::with_capacity(own.len() + contacts.len());
        for said in own.iter().chain(&contacts) {
            rows.push(Row { line: said.line, fields: said.fields().chain(id.iter().copied()).collect() });
        }
        self.builder.add(&subject.value, at, &rows)
    }

    /// A contact: its address, or its address and what is known of it.
    fn contact(&self, field: Field, node: &Spanned<Node>) -> Result<Option<Said>, BadDirectoryFile> {
        let Node::Map(keys) = &node.value else { return self.one(field, node) };
        let address = if field == Field::Contact(Channel::Email) { "address" } else { "number" };
        let mut said = Said { line: node.referenced.line(), fields: Vec::new() };
        for (key, value) in keys {
            let about = ABOUT.iter().find(|(name, _)| *name == key.value).map(|(_, about)| *about);
            let about = about.or_else(|| (key.value == address).then_some(field));
            let about = about.filter(|about| !said.says(*about));
            let about = about.ok_or_else(|| Problem::Shape(VALUE).at(place(&key.referenced)))?;
            said.fields.extend(self.scalar(value)?.map(|text| (about, text)));
        }
        if said.says(field) { Ok(Some(said)) } else { Err(Problem::Shape(VALUE).at(place(&node.referenced))) }
    }

    fn one(&self, field: Field, node: &Spanned<Node>) -> Result<Option<Said>, BadDirectoryFile> {
        let said = |text| Said { line: node.referenced.line(), fields: vec![(field, text)] };
        Ok(self.scalar(node)?.map(said))
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
    let typed = key.to_lowercase();
    let meant = KEYS.iter().map(|(name, _)| (strsim::damerau_levenshtein(name, &typed), *name)).min();
    let meant = meant.filter(|(slips, name)| *slips <= 2 && *slips < name.len()).map(|(_, name)| name);
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
