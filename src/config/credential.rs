//! Texts that may carry secrets: `${ENV}` and `file:PATH`.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::config::{Fault, Placed};

/// A text of the config that may carry a secret, as it is written: `file:PATH` alone stands for the content of a file,
/// `${NAME}` anywhere for an environment variable, `$$` for a dollar sign. A variable between `://` and `@` is a user
/// name or a password, and is escaped as a URL wants it.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Credential(String);

/// A secret text. `Debug` hides it, nothing displays it, and its memory is wiped (I9).
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

/// A piece of a text that may carry secrets.
#[derive(Debug, Clone)]
pub enum Piece {
    /// What is written.
    Text(String),
    /// What a variable or a file holds.
    Secret(SecretText),
}

/// What surrounds a config: the folder that relative paths start from, and the environment.
pub struct Surroundings<'a> {
    folder: &'a Path,
    variable: &'a dyn Fn(&str) -> Option<String>,
}

// === impl Credential ===

impl Placed<Credential> {
    /// The text that is meant.
    ///
    /// # Errors
    /// When a variable is not set or empty, or a file cannot be read or is empty: names it, never a value (F07).
    pub fn reveal(&self, around: &Surroundings<'_>) -> Result<SecretText, Fault> {
        let written = self.value.0.as_str();
        let revealed = match written.strip_prefix("file:") {
            Some(path) => around.content(path),
            None => around.expand(written),
        };
        revealed.map_err(|message| self.fault(message))
    }

    /// The text that is meant, with the secrets in it set apart: for templates, in which no secret is to be read as one.
    ///
    /// # Errors
    /// As [`Placed::reveal`].
    pub fn pieces(&self, around: &Surroundings<'_>) -> Result<Vec<Piece>, Fault> {
        let written = self.value.0.as_str();
        let pieces = match written.strip_prefix("file:") {
            Some(path) => around.content(path).map(|content| vec![Piece::Secret(content)]),
            None => around.pieces(written).map(|pieces| pieces.into_iter().map(|(_, piece)| piece).collect()),
        };
        pieces.map_err(|message| self.fault(message))
    }
}

impl Credential {
    /// The text as it is written, before anything is revealed.
    #[must_use]
    pub fn written(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Credential {
    fn from(written: &str) -> Self {
        Self(written.to_owned())
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

impl JsonSchema for Credential {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Credential".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "examples": ["${OTPGATE_SECRET}", "file:/run/secrets/otpgate"]})
    }
}

// === impl SecretText ===

impl SecretText {
    /// The text, for comparing and sending only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

/// Where user name and password stand in a URL (RFC 3986, section 3.2.1).
fn credentials(url: &str) -> Range<usize> {
    let Some(start) = url.find("://").map(|at| at + 3) else { return 0..0 };
    let authority = url.get(start..).unwrap_or_default();
    let authority = authority.split('/').next().unwrap_or_default();
    authority.rfind('@').map_or(0..0, |at| start..start + at)
}

// === impl Surroundings ===

impl<'a> Surroundings<'a> {
    /// What surrounds the config at `path`, with environment variables out of `variable`.
    pub fn of(path: &'a Path, variable: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { folder: path.parent().unwrap_or_else(|| Path::new("")), variable }
    }

    /// A path of the config, which is relative to the config file.
    #[must_use]
    pub fn path(&self, written: &Path) -> PathBuf {
        self.folder.join(written)
    }

    fn content(&self, path: &str) -> Result<SecretText, String> {
        let text = std::fs::read_to_string(self.path(Path::new(path)))
            .map_err(|error| format!("the file `{path}` cannot be read: {error}"))?;
        let text = Zeroizing::new(text);
        match text.trim() {
            "" => Err(format!("the file `{path}` is empty")),
            trimmed => Ok(trimmed.to_owned().into()),
        }
    }

    fn expand(&self, written: &str) -> Result<SecretText, String> {
        let credentials = credentials(written);
        let mut text = Zeroizing::new(String::with_capacity(written.len()));
        for (place, piece) in self.pieces(written)? {
            match piece {
                Piece::Text(written) => text.push_str(&written),
                Piece::Secret(secret) if credentials.contains(&place) => {
                    text.extend(utf8_percent_encode(secret.reveal(), NON_ALPHANUMERIC));
                }
                Piece::Secret(secret) => text.push_str(secret.reveal()),
            }
        }
        if text.trim().is_empty() { Err("expected a text that is not empty".to_owned()) } else { Ok(SecretText(text)) }
    }

    /// The pieces of a text, and where they stand in it.
    fn pieces(&self, written: &str) -> Result<Vec<(usize, Piece)>, String> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = written;
        while let Some((before, after)) = rest.split_once('$') {
            text.push_str(before);
            let place = written.len() - after.len();
            rest = if let Some(after) = after.strip_prefix('$') {
                text.push('$');
                after
            } else if let Some(named) = after.strip_prefix('{') {
                let (name, after) = named.split_once('}').ok_or("`${` without `}`: write `${NAME}`")?;
                pieces.push((place, Piece::Text(std::mem::take(&mut text))));
                pieces.push((place, Piece::Secret(SecretText(self.variable(name)?))));
                after
            } else {
                text.push('$');
                after
            };
        }
        text.push_str(rest);
        pieces.push((written.len(), Piece::Text(text)));
        Ok(pieces)
    }

    fn variable(&self, name: &str) -> Result<Zeroizing<String>, String> {
        let named = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !named {
            return Err("the name in `${…}` has letters, digits and `_` only".to_owned());
        }
        match (self.variable)(name) {
            None => Err(format!("the environment variable `{name}` is not set")),
            Some(value) if value.trim().is_empty() => Err(format!("the environment variable `{name}` is empty")),
            Some(value) => Ok(Zeroizing::new(value)),
        }
    }
}

impl fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Surroundings({})", self.folder.display())
    }
}
