//! The config's `store`.

use std::fmt;
use std::str::FromStr;

use redis::IntoConnectionInfo as _;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use url::Url;

/// Where things are remembered.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum StoreAddress {
    /// In this process: for one gateway, until it ends.
    #[default]
    Memory,
    /// In Redis, for gateways that share it: a checked URL, possibly with a password. `Debug` and `Display` hide that.
    Redis(String),
}

/// Why a text is no store. Never carries the text: there may be a password in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadStoreAddress {
    /// Something else than a store.
    #[error("no store: write `memory`, or `redis://` or `rediss://` with a host, such as `redis://127.0.0.1:6379`")]
    Unknown,
    /// Redis Cluster.
    #[error("`redis+cluster://` is not available yet: write `redis://` or `rediss://`")]
    Cluster,
    /// Redis Sentinel.
    #[error("`redis+sentinel://` is not available yet: write `redis://` or `rediss://`")]
    Sentinel,
    /// A path that is no database.
    #[error("no database: the path of a `redis://` address is a number, such as `/0`, or nothing")]
    Database,
    /// A query or a fragment.
    #[error("a `redis://` address has no `?` and no `#`: write them as `%3F` and `%23` in a password")]
    Extra,
}

// === impl StoreAddress ===

impl FromStr for StoreAddress {
    type Err = BadStoreAddress;

    fn from_str(text: &str) -> Result<Self, BadStoreAddress> {
        let text = text.trim();
        if text == "memory" {
            return Ok(Self::Memory);
        }
        match text.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase()).as_deref() {
            Some("redis+cluster" | "rediss+cluster") => return Err(BadStoreAddress::Cluster),
            Some("redis+sentinel" | "rediss+sentinel") => return Err(BadStoreAddress::Sentinel),
            Some("redis" | "rediss") => {}
            _ => return Err(BadStoreAddress::Unknown),
        }
        let url = Url::parse(text).map_err(|_| BadStoreAddress::Unknown)?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(BadStoreAddress::Unknown);
        }
        // A `#` that stands in a password unescaped would end the address early, and `#insecure` would switch the
        // verification of certificates off.
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BadStoreAddress::Extra);
        }
        let database = url.path().trim_start_matches('/');
        if !database.is_empty() && database.parse::<u16>().is_err() {
            return Err(BadStoreAddress::Database);
        }
        url.as_str().into_connection_info().map_err(|_| BadStoreAddress::Unknown)?;
        Ok(Self::Redis(url.into()))
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::Redis(address) => match Url::parse(address) {
                Ok(mut url) => {
                    if url.password().is_some() && url.set_password(Some("***")).is_err() {
                        return f.write_str(url.scheme());
                    }
                    f.write_str(url.as_str())
                }
                Err(_) => f.write_str("redis"),
            },
        }
    }
}

impl fmt::Debug for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreAddress({self})")
    }
}

impl<'de> Deserialize<'de> for StoreAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for StoreAddress {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StoreAddress".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^\s*(memory|rediss?://.+)\s*$",
            "examples": ["memory", "redis://127.0.0.1:6379", "rediss://user:password@redis.example.com:6380/0"]
        })
    }
}

#[cfg(test)]
mod tests;
