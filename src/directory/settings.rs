//! The config's `directory` of a site.

use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Fault, NotYet, Placed, Surroundings};
use crate::directory::{Directory, FileDirectory};
use crate::words::Country;

/// A directory: what maps a subject to contacts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum DirectorySettings {
    /// A YAML or CSV file.
    File(Placed<PathBuf>),
    #[schemars(skip)]
    Sql(NotYet),
    #[schemars(skip)]
    Ldap(NotYet),
    #[schemars(skip)]
    Http(NotYet),
}

/// How a site's directories are read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// Whether subjects are case-insensitive.
    pub fold: bool,
    /// Where telephone numbers without a country code are from.
    pub country: Option<Country>,
}

/// A directory that was read, and what is odd about it.
#[derive(Debug)]
pub struct Loaded {
    /// The directory.
    pub directory: Arc<dyn Directory>,
    /// What is odd about it.
    pub warnings: Vec<String>,
}

// === impl DirectorySettings ===

impl Placed<DirectorySettings> {
    /// Makes the directory. Files are read; nothing is connected to.
    ///
    /// # Errors
    /// When it cannot be read or is malformed.
    pub fn load(&self, around: &Surroundings<'_>, manner: Manner) -> Result<Loaded, Fault> {
        match &self.value {
            DirectorySettings::File(path) => {
                let shown = path.value.display();
                let file = FileDirectory::load(&around.path(&path.value), manner.fold)
                    .map_err(|error| path.fault(format!("`{shown}`: {error}")))?;
                let warnings = file.warnings().iter().map(|warning| format!("`{shown}`: {warning}")).collect();
                Ok(Loaded { directory: Arc::new(file), warnings })
            }
            DirectorySettings::Sql(never) | DirectorySettings::Ldap(never) | DirectorySettings::Http(never) => {
                match *never {}
            }
        }
    }
}
