//! The engine under the settings: YAML with places, hints, durations, sizes, secrets.
//!
//! May use: `words`, `seal`, `request`. Knows no key of the config: each room owns its settings type. A file becomes a
//! tree of nodes that know their places ([`read`]); serde's derived code reads settings out of it, and every
//! [`Fault`] on the way names the place and what to write instead, never a neighbouring line, which may hold a secret.
//! What is checked later points at its place with [`Placed`].
//!
//! Start at [`read`]; then the types that settings are made of: [`Placed`], [`Many`], [`Named`], [`NotYet`], [`Period`],
//! [`Size`], [`Share`], [`Network`], [`Address`], [`Credential`].

mod credential;
mod error;
mod hint;
mod many;
mod node;
mod not_yet;
mod placed;
mod reader;
mod values;

pub use credential::{Credential, Piece, SecretText, Surroundings};
pub use error::{ConfigError, Fault, Place, Warning};
pub use hint::{did_you_mean, unknown};
pub use many::{Many, Named};
pub use not_yet::NotYet;
pub use placed::Placed;
pub use reader::TYPED;
pub use values::{Address, Network, Period, Share, Size, is_this_machine};

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use serde::de::DeserializeOwned;

/// The largest config file, in bytes (F05).
const MAX_FILE: u64 = 10 * 1024 * 1024;

/// Reads settings out of the YAML text of a config file.
///
/// # Errors
/// The first thing that is wrong with it, with its place.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    let root = node::parse(text)?;
    T::deserialize(&root)
}

/// The text of a config file.
///
/// # Errors
/// When it cannot be read, is larger than 10 MiB, or is no UTF-8.
pub fn text_of(path: &Path) -> Result<String, Fault> {
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| Fault::new(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Fault::new("is larger than 10 MiB: that is no config"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..good).unwrap_or_default();
        Fault::new("this is no UTF-8: save the file as UTF-8").at(Place::behind(before))
    })
}

#[cfg(test)]
mod tests;
