//! The config's `admin`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Address, Credential, Placed};

/// The listener of health, metrics and the admin API.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdminSettings {
    /// Its address, such as `127.0.0.1:9180`.
    pub address: Placed<Address>,
    /// The bearer token. May be left out on a loopback address.
    pub token: Option<Placed<Credential>>,
}
