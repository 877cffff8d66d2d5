//! The config's `directory` of a site.

mod http;
mod site;
mod verified;

pub use http::{BasicSettings, HttpDirectorySettings, MarkSettings};
pub use site::{SiteDirectory, SiteDirectorySettings};
pub use verified::VerifiedSettings;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Fault, Period, Placed, Surroundings};
use crate::directory::ldap::LdapDirectory;
use crate::directory::ldap::settings::LdapSettings;
use crate::directory::sql::SqlDirectory;
use crate::directory::sql::settings::SqlSettings;
use crate::directory::{Directory, FileDirectory, IdentityDirectory};
use crate::words::{Country, Subject};

/// A kind of directory: what maps a subject to contacts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum DirectorySettings {
    /// A YAML or CSV file.
    File(Placed<PathBuf>),
    /// The subject is itself an e-mail address, or a telephone number in E.164.
    Identity(NoSettings),
    /// A database: PostgreSQL, MySQL or MariaDB, SQLite.
    Sql(Box<SqlSettings>),
    /// LDAP: OpenLDAP, Active Directory and such.
    Ldap(Box<LdapSettings>),
    /// Asked over HTTP, answered with JSON.
    Http(Box<Placed<HttpDirectorySettings>>),
}

/// Nothing to set.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

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

// === impl Manner ===

impl Manner {
    /// Whether two spellings are one subject.
    #[must_use]
    pub fn is_same(self, one: &Subject, other: &Subject) -> bool {
        one == other || self.fold && one.folded() == other.folded()
    }
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
                let file = FileDirectory::load(&around.path(&path.value), manner)
                    .map_err(|error| path.fault(format!("`{shown}`: {error}")))?;
                let warnings = file.warnings().iter().map(|warning| format!("`{shown}`: {warning}")).collect();
                Ok(Loaded { directory: Arc::new(file), warnings })
            }
            DirectorySettings::Identity(NoSettings {}) => {
                Ok(Loaded { directory: Arc::new(IdentityDirectory), warnings: Vec::new() })
            }
            DirectorySettings::Sql(sql) => {
                let (spec, warnings) = sql.spec(around, manner)?;
                Ok(Loaded { directory: Arc::new(SqlDirectory::new(spec)), warnings })
            }
            DirectorySettings::Ldap(ldap) => {
                let (spec, warnings) = ldap.spec(around, manner)?;
                Ok(Loaded { directory: Arc::new(LdapDirectory::new(spec)), warnings })
            }
            DirectorySettings::Http(http) => {
                Ok(Loaded { directory: Arc::new(http.load(around, manner)?), warnings: Vec::new() })
            }
        }
    }
}

/// A time for a look-up.
pub(crate) fn within(written: Option<Placed<Period>>, otherwise: Duration) -> Result<Duration, Fault> {
    let known = Duration::from_millis(100)..=Duration::from_secs(30);
    match written {
        Some(time) if !known.contains(&time.value.0) => Err(time.fault("expected 100ms to 30s")),
        time => Ok(time.map_or(otherwise, |time| time.value.0)),
    }
}
