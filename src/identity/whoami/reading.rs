//! Reading an answer: a JSON pointer, a CSS selector or a regular expression. Pure.
//!
//! What could be read in two ways says nothing: two different matches, a JSON key that stands twice on the pointer's way,
//! another kind of answer than the one that was expected, text that is not UTF-8.

use std::fmt;

use http::header;
use regex::{Regex, RegexBuilder};
use scraper::{Html, Selector};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::identity::Answer;

/// How an answer is read.
#[derive(Debug)]
pub enum Reading {
    /// The tokens of a JSON pointer (RFC 6901).
    Pointer(Vec<String>),
    /// The text, or an attribute, of the elements that a CSS selector finds in a page.
    Selector(Selector, Option<String>),
    /// The one group of a regular expression.
    Regex(Regex),
}

/// Why an answer cannot be read this way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadReading {
    /// No pointer.
    #[error("expected a JSON pointer, such as `/user/email`")]
    Pointer,
    /// No selector.
    #[error("expected a CSS selector, such as `#user .name`")]
    Selector,
    /// No regular expression.
    #[error("expected a regular expression: {0}")]
    Regex(String),
    /// None, or more than one group.
    #[error("expected one group, around what names the visitor, such as `signed in as ([^<]+)`")]
    Groups,
}

/// The largest compiled expression, in bytes.
const COMPILED: usize = 256 * 1024;

type Text = Result<Option<String>, &'static str>;

const SEVERAL: &str = "it has more than one different match";

// === impl Reading ===

impl Reading {
    /// By a JSON pointer.
    ///
    /// # Errors
    /// When it is none, or the empty one: a whole document names nobody.
    pub fn pointer(text: &str) -> Result<Self, BadReading> {
        let rest = text.strip_prefix('/').ok_or(BadReading::Pointer)?;
        let token = |token: &str| {
            let bad = token.replace("~0", "").replace("~1", "").contains('~');
            if bad { Err(BadReading::Pointer) } else { Ok(token.replace("~1", "/").replace("~0", "~")) }
        };
        rest.split('/').map(token).collect::<Result<_, _>>().map(Self::Pointer)
    }

    /// By a CSS selector; the element's text, or one of its attributes.
    ///
    /// # Errors
    /// When it is none.
    pub fn selector(text: &str, attribute: Option<&str>) -> Result<Self, BadReading> {
        let selector = Selector::parse(text).map_err(|_| BadReading::Selector)?;
        Ok(Self::Selector(selector, attribute.map(str::to_ascii_lowercase)))
    }

    /// By a regular expression with one group.
    ///
    /// # Errors
    /// When it is none, has another number of groups, or is too large.
    pub fn regex(text: &str) -> Result<Self, BadReading> {
        let built = RegexBuilder::new(text).size_limit(COMPILED).dfa_size_limit(4 * COMPILED).build();
        let regex = built.map_err(|error| BadReading::Regex(last_line(&error.to_string())))?;
        if regex.captures_len() == 2 { Ok(Self::Regex(regex)) } else { Err(BadReading::Groups) }
    }

    /// What the application is told that can be read.
    #[must_use]
    pub const fn accept(&self) -> &'static str {
        match self {
            Self::Pointer(_) => "application/json",
            Self::Selector(..) => "text/html,application/xhtml+xml",
            Self::Regex(_) => "text/html,application/json;q=0.9,*/*;q=0.8",
        }
    }

    /// The text that an answer has there; `None` when it has none.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn text(&self, answer: &Answer) -> Text {
        let body = self.body(answer)?;
        let found = match self {
            Self::Pointer(tokens) => pointed(tokens, body)?,
            Self::Selector(selector, attribute) => selected(selector, attribute.as_deref(), body)?,
            Self::Regex(regex) => sole(
                regex
                    .captures_iter(body)
                    .filter_map(|found| found.get(1).map(|group| group.as_str().trim().to_owned())),
            )?,
        };
        Ok(found.filter(|text| !text.trim().is_empty()))
    }

    fn body<'a>(&self, answer: &'a Answer) -> Result<&'a str, &'static str> {
        if answer.headers.contains_key(header::CONTENT_ENCODING) {
            return Err("it is compressed, though nobody asked for that");
        }
        let kind = answer.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let mut parts = kind.split(';').map(|part| part.trim().to_ascii_lowercase());
        let kind = parts.next().unwrap_or_default();
        let is_json = kind == "application/json" || kind.ends_with("+json");
        let is_page = matches!(kind.as_str(), "text/html" | "application/xhtml+xml");
        let is_kind = match self {
            Self::Pointer(_) => is_json,
            Self::Selector(..) => is_page,
            Self::Regex(_) => is_json || is_page || kind.starts_with("text/") || kind.ends_with("xml"),
        };
        if !is_kind {
            return Err("its content type is not the one that can be read");
        }
        let text = std::str::from_utf8(&answer.body).map_err(|_| "it is no UTF-8")?;
        let charset =
            parts.find_map(|part| part.strip_prefix("charset=").map(|charset| charset.trim_matches('"').to_owned()));
        if charset.is_some_and(|charset| !matches!(charset.as_str(), "utf-8" | "utf8")) && !text.is_ascii() {
            return Err("it is in another encoding than UTF-8");
        }
        Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
    }
}

fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// The one text that all matches have.
fn sole(mut found: impl Iterator<Item = String>) -> Text {
    let Some(first) = found.next() else { return Ok(None) };
    if found.all(|other| other == first) { Ok(Some(first)) } else { Err(SEVERAL) }
}

fn selected(selector: &Selector, attribute: Option<&str>, body: &str) -> Text {
    let page = Html::parse_document(body);
    sole(page.select(selector).filter_map(|element| match attribute {
        Some(name) => element.value().attr(name).map(|value| value.trim().to_owned()),
        // As a browser shows it: line breaks and indentation are single spaces.
        None => {
            let text: String = element.text().collect();
            Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
        }
    }))
}

fn pointed(tokens: &[String], body: &str) -> Text {
    let mut json = serde_json::Deserializer::from_str(body);
    let mut twice = false;
    let found = Pointed { tokens, twice: &mut twice }.deserialize(&mut json);
    let found = found.and_then(|found| json.end().map(|()| found));
    match found {
        _ if twice => Err("a key stands twice on the way to what names the visitor"),
        Err(_) => Err("it is no JSON"),
        Ok(None | Some(Value::Null)) => Ok(None),
        Ok(Some(Value::String(text))) => Ok(Some(text)),
        Ok(Some(Value::Number(number))) if !number.is_f64() => Ok(Some(number.to_string())),
        Ok(Some(_)) => Err("what the pointer points to is neither a text nor a whole number"),
    }
}

/// Walks a pointer through JSON as it is read, so that a key that stands twice is seen.
struct Pointed<'a> {
    tokens: &'a [String],
    twice: &'a mut bool,
}

impl<'de> DeserializeSeed<'de> for Pointed<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.tokens.is_empty() {
            return serde::Deserialize::deserialize(deserializer).map(Some);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Pointed<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Some((token, rest)) = self.tokens.split_first() else { return Ok(None) };
        let (mut found, mut seen) = (None, false);
        while let Some(key) = map.next_key::<String>()? {
            if key == *token {
                *self.twice |= seen;
                seen = true;
                found = map.next_value_seed(Pointed { tokens: rest, twice: self.twice })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let Some((token, rest)) = self.tokens.split_first() else { return Ok(None) };
        let is_index = token == "0" || (!token.starts_with(['0', '+']) && !token.is_empty());
        let wanted = token.parse::<usize>().ok().filter(|_| is_index);
        let (mut found, mut index) = (None, 0);
        loop {
            if Some(index) == wanted {
                match list.next_element_seed(Pointed { tokens: rest, twice: self.twice })? {
                    Some(value) => found = value,
                    None => return Ok(found),
                }
            } else if list.next_element::<IgnoredAny>()?.is_none() {
                return Ok(found);
            }
            index += 1;
        }
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}
