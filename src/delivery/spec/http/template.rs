//! Texts with places to fill in: what an operator writes of a request.
//!
//! How a value is escaped follows from where the template stands, and nothing in a template turns that off: no value,
//! whatever it holds, adds a member, a parameter or an element. Secrets are values too, so none is read as a template.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use minijinja::{Environment, Error, Output, State, UndefinedBehavior, Value};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::config::{Piece, SecretText, did_you_mean};

/// A text with places to fill in. `Debug` hides it: an operator may have written a secret into it.
#[derive(Clone)]
pub(in crate::delivery) struct Template {
    source: Arc<str>,
    secrets: Arc<[SecretText]>,
    escape: Escape,
}

/// Where a template stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::delivery) enum Escape {
    /// In a JSON text, inside quotes.
    Json,
    /// In an address behind its host, or in a form.
    Url,
    /// In an XML text or attribute.
    Xml,
    /// Where nothing has a meaning of its own: plain text. A header takes no line breaks, whatever is filled in.
    Plain,
}

/// What a template is filled with.
pub(in crate::delivery) type Values = Vec<(&'static str, Value)>;

/// Letters, digits and the other characters that mean nothing in an address (RFC 3986, 2.3).
const NOT_UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

static JSON: LazyLock<Environment<'static>> = LazyLock::new(|| environment(json));
static URL: LazyLock<Environment<'static>> = LazyLock::new(|| environment(percent));
static XML: LazyLock<Environment<'static>> = LazyLock::new(|| environment(xml));
static PLAIN: LazyLock<Environment<'static>> = LazyLock::new(|| environment(|text| Cow::Borrowed(text)));

fn environment<'source>(escape: fn(&str) -> Cow<'_, str>) -> Environment<'source> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Whatever the engine holds for safe already, the escaping is ours.
    environment.set_formatter(move |out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value| {
        let text = value.as_str().map_or_else(|| Cow::Owned(value.to_string()), Cow::Borrowed);
        out.write_str(&escape(&text)).map_err(Error::from)
    });
    environment
}

fn json(text: &str) -> Cow<'_, str> {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    let inside = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Cow::Owned(inside.unwrap_or_default().to_owned())
}

fn percent(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, NOT_UNRESERVED).into()
}

fn xml(text: &str) -> Cow<'_, str> {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\t' | '\n' => escaped.push(character),
            // No XML text holds other control characters, or these two (XML 1.0, 2.2).
            _ if character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}') => escaped.push(' '),
            _ => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

// === impl Template ===

impl Template {
    /// The template of these pieces, in which `names` and nothing else can be filled in.
    ///
    /// # Errors
    /// When it does not parse or uses another name.
    pub(in crate::delivery) fn new(pieces: Vec<Piece>, escape: Escape, names: &[&str]) -> Result<Self, String> {
        let (mut source, mut secrets) = (String::new(), Vec::new());
        for piece in pieces {
            match piece {
                Piece::Text(text) => source.push_str(&text),
                Piece::Secret(secret) => {
                    source.push_str(&format!("{{{{ {} }}}}", secret_name(secrets.len())));
                    secrets.push(secret);
                }
            }
        }
        let template = Self { source: source.into(), secrets: secrets.into(), escape };
        template.check(names)?;
        Ok(template)
    }

    fn check(&self, names: &[&str]) -> Result<(), String> {
        let parser = Environment::new();
        let parsed = parser.template_from_str(&self.source).map_err(|error| told(&error))?;
        let mut unknown: Vec<String> = parsed.undeclared_variables(false).into_iter().collect();
        let own: Vec<String> = (0..self.secrets.len()).map(secret_name).collect();
        unknown.retain(|name| !names.contains(&name.as_str()) && !own.contains(name));
        unknown.sort();
        match unknown.first() {
            Some(name) => {
                let hint = did_you_mean(name, names.iter().copied());
                let all = if hint.is_empty() { format!(": there is {}", names.join(", ")) } else { hint };
                Err(format!("nothing is called `{name}` here{all}"))
            }
            None => Ok(()),
        }
    }

    /// Whether it stands in a JSON text.
    pub(in crate::delivery) const fn is_json(&self) -> bool {
        matches!(self.escape, Escape::Json)
    }

    /// Whether `name` is filled in.
    pub(in crate::delivery) fn uses(&self, name: &str) -> bool {
        let parser = Environment::new();
        let parsed = parser.template_from_str(&self.source);
        parsed.is_ok_and(|template| template.undeclared_variables(false).contains(name))
    }

    /// The text with everything filled in.
    ///
    /// # Errors
    /// When the template does something with a value that cannot be done; says nothing of the values.
    pub(in crate::delivery) fn fill(&self, values: &Values) -> Result<String, String> {
        let own = self.secrets.iter().enumerate();
        let own = own.map(|(index, secret)| (secret_name(index), Value::from(secret.reveal())));
        let given = values.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let context: BTreeMap<String, Value> = own.chain(given).collect();
        self.environment().render_str(&self.source, context).map_err(|error| told(&error))
    }

    fn environment(&self) -> &'static Environment<'static> {
        match self.escape {
            Escape::Json => &JSON,
            Escape::Url => &URL,
            Escape::Xml => &XML,
            Escape::Plain => &PLAIN,
        }
    }
}

fn secret_name(index: usize) -> String {
    format!("secret_{index}")
}

/// What is wrong with a template, in its own terms: the kind and the line, since the rest can hold values.
fn told(error: &Error) -> String {
    match error.line() {
        Some(line) => format!("not a template: {} in its line {line}", error.kind()),
        None => format!("not a template: {}", error.kind()),
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({:?})", self.escape)
    }
}

#[cfg(test)]
mod tests;
