//! A YAML text as a tree of nodes that know their places.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Error, Location, NonFiniteFloatPolicy, Spanned};

use crate::config::{Fault, Place};

/// A value, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub place: Place,
    pub shape: Shape,
}

/// What a value is. What a scalar means is up to the setting that reads it: `no` and `08` are texts until then.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Nothing,
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

/// The tree of a YAML text.
pub(super) fn parse(text: &str) -> Result<Node, Fault> {
    // A mark at the start of the text is no part of it, and byte offsets do not count it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        reject_unsupported_tags: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        budget: serde_saphyr::budget! {
            max_documents: 2,
            max_depth: 32,
            max_nodes: 250_000,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_recorded_anchor_events: 20_000,
            max_merge_keys: 1_000,
        },
        // A short text of nested anchors can stand for billions of nodes (F05).
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 20_000,
            max_replay_stack_depth: 8,
        },
    };
    let raw: Spanned<Raw> = serde_saphyr::from_str_with_options(text, options).map_err(|error| fault(&error, text))?;
    Ok(node(raw, text))
}

/// What serde-saphyr says a value is.
enum Raw {
    Nothing,
    Text(String),
    /// A number or a boolean, whose spelling is in the text.
    Plain(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

fn node(raw: Spanned<Raw>, text: &str) -> Node {
    let place = place(raw.referenced);
    let shape = match raw.value {
        Raw::Nothing => Shape::Nothing,
        Raw::Text(scalar) => Shape::Scalar(scalar),
        Raw::Plain(guess) => Shape::Scalar(spelling(raw.defined, text).map_or(guess, str::to_owned)),
        Raw::List(list) => Shape::List(list.into_iter().map(|raw| node(raw, text)).collect()),
        Raw::Map(map) => Shape::Map(map.into_iter().map(|(key, value)| entry(key, value, text)).collect()),
    };
    Node { place, shape }
}

fn entry(key: Spanned<String>, value: Spanned<Raw>, text: &str) -> (Node, Node) {
    let key = Node { place: place(key.referenced), shape: Shape::Scalar(key.value) };
    let mut value = node(value, text);
    // Nothing stands nowhere: its key is what can be pointed at.
    if value.shape == Shape::Nothing {
        value.place = key.place;
    }
    (key, value)
}

/// How a plain scalar is spelled: `1.10` and `+60123456789` are not to become `1.1` and `60123456789`.
fn spelling(location: Location, text: &str) -> Option<&str> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let length = usize::try_from(span.byte_len()?).ok()?;
    text.get(start..start.checked_add(length)?).map(str::trim).filter(|spelling| !spelling.is_empty())
}

fn place(location: Location) -> Place {
    let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).max(1);
    Place { line: number(location.line()), column: number(location.column()) }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Plain(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Raw::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

const TOO_LARGE: &str = "this is too large or too deeply nested for a config: are there anchors within anchors?";

/// What is wrong with a text that is no YAML, without a piece of it.
fn fault(error: &Error, text: &str) -> Fault {
    let error = error.without_snippet();
    let place = error.location().filter(|location| location.line() > 0).map_or(Place::START, place);
    if let (Error::ExternalMessage { .. }, Some(tab)) = (error, tab_near(place, text)) {
        return Fault::new("this is a tab: indent with spaces").at(tab);
    }
    let message = match root(error) {
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("the key `{key}` stands here twice"),
        Error::DuplicateMappingKey { key: None, .. } => "a key stands here twice".to_owned(),
        Error::MultipleDocuments { .. } => "a config is one document: remove the `---`".to_owned(),
        Error::UnknownAnchor { .. } => "this alias has no anchor before it".to_owned(),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::RecursiveReferencesRequireWeakTypes { .. } => TOO_LARGE.to_owned(),
        Error::ExternalMessage { msg, .. } if msg.contains("recursion limit") => TOO_LARGE.to_owned(),
        Error::UnsupportedTag { .. } => "tags such as `!name` mean nothing here: remove it".to_owned(),
        Error::Unexpected { .. } | Error::NullIntoString { .. } => {
            "a key is a plain word: quote a text that begins with `{`, `[` or `*`".to_owned()
        }
        Error::ExternalMessage { msg, .. } if line_at(place, text).contains("${") => {
            format!("this is no YAML: {msg}; a text with `${{…}}` is to be quoted within `[]` and `{{}}`")
        }
        Error::ExternalMessage { msg, .. } => format!("this is no YAML: {msg}"),
        other => format!("this is no YAML: {other}"),
    };
    Fault::new(message).at(place)
}

/// The error behind an alias, or the error itself.
fn root(error: &Error) -> &Error {
    match error.without_snippet() {
        Error::AliasError { error, .. } => root(error),
        error => error,
    }
}

fn line_at(place: Place, text: &str) -> &str {
    let above = usize::try_from(place.line).unwrap_or(usize::MAX).saturating_sub(1);
    text.lines().nth(above).unwrap_or_default()
}

/// A tab in the indentation of the line at `place`, or of the next one, where it ends what began before it.
fn tab_near(place: Place, text: &str) -> Option<Place> {
    let lines = (1..).zip(text.lines()).skip(usize::try_from(place.line).ok()?.saturating_sub(1));
    lines.take(2).find_map(|(line, content)| {
        let indent = content.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).position(|byte| byte == b'\t')?;
        Some(Place { line, column: u32::try_from(indent).ok()?.saturating_add(1) })
    })
}
