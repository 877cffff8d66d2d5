//! The config of a `basic` source.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Fault, Period, Placed};
use crate::identity::settings::{local_target, within};
use crate::identity::{Basic, Keep};

/// Name and password in `Authorization: Basic`, once the application has accepted them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BasicSourceSettings {
    /// What the application is asked for with these credentials: a path that it answers with 2xx to everybody it knows,
    /// and with 401 to everybody else.
    pub path: Placed<String>,
    /// How long accepted credentials are remembered, 5m at most; refused ones for 5s at most. Default 30s.
    pub cache: Option<Placed<Period>>,
    /// How long the application may take, 30s at most. Default 2s.
    pub timeout: Option<Placed<Period>>,
    /// What visitors are told that name and password are for; best what the application calls it itself. Default: the
    /// site's first host.
    pub realm: Option<Placed<String>>,
}

// === impl BasicSourceSettings ===

impl BasicSourceSettings {
    pub(in crate::identity) fn source(&self) -> Result<Basic, Fault> {
        Ok(Basic {
            id: self.path.value.clone(),
            target: local_target(&self.path)?,
            keep: Keep::of(within(self.cache, Duration::from_secs(30), Keep::LONGEST)?),
            timeout: within(self.timeout, Duration::from_secs(2), Duration::from_secs(30))?,
            realm: self.realm.as_ref().map(realm).transpose()?,
        })
    }
}

/// Stands between quotes in a header.
fn realm(written: &Placed<String>) -> Result<String, Fault> {
    let text = written.value.trim();
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    if text.is_empty() || text.len() > 100 || !text.bytes().all(is_plain) {
        return Err(
            written.fault("expected at most 100 letters, digits and signs of ASCII, without quotes or backslashes")
        );
    }
    Ok(text.to_owned())
}
