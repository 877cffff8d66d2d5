//! The config of a directory in a database.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Credential, Fault, Period, Placed, Surroundings};
use crate::directory::settings::{Manner, within};
use crate::directory::sql::{SqlSpec, Statement, Url};

/// A database: PostgreSQL, MySQL or MariaDB, SQLite.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlSettings {
    /// Its address: `postgres://user:password@host/name`, `mysql://…` or `sqlite:path`.
    pub url: Placed<Credential>,
    /// What finds a subject's contacts. `{subject}` is bound as a value; columns are fields by their names: email, sms,
    /// voice, phone, language, country, id, subject, label, verified_at, changed_at. Each row is a contact or several.
    pub query: Placed<String>,
    /// What notes that a contact was proved, with `{subject}`, `{contact}`, `{channel}` and `{verified_at}`. Default:
    /// nothing does.
    pub update: Option<Placed<String>>,
    /// The most connections, 1 to 100. Default 4.
    pub pool: Option<Placed<u32>>,
    /// How long a look-up may take, connecting and all, 100ms to 30s. Default 1s.
    pub timeout: Option<Placed<Period>>,
}

/// The most connections when the config does not say.
const POOL: u32 = 4;
/// How long a look-up may take when the config does not say.
const TIMEOUT: Duration = Duration::from_secs(1);

impl SqlSettings {
    /// What is meant, and what is odd about it.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn spec(&self, around: &Surroundings<'_>, manner: Manner) -> Result<(SqlSpec, Vec<String>), Fault> {
        let url = Url::parse(self.url.reveal(around)?.reveal()).map_err(|bad| self.url.fault(bad.to_string()))?;
        let dialect = url.dialect();
        let query = Statement::query(&self.query.value, dialect).map_err(|bad| self.query.fault(bad.to_string()))?;
        let update =
            |text: &Placed<String>| Statement::update(&text.value, dialect).map_err(|bad| text.fault(bad.to_string()));
        let pool = match self.pool {
            Some(pool) if !(1..=100).contains(&pool.value) => return Err(pool.fault("expected 1 to 100 connections")),
            pool => pool.map_or(POOL, |pool| pool.value),
        };
        let mut odd = Vec::new();
        if url.is_open() {
            odd.push(
                "the database is asked across the network without a verified TLS connection: add \
                 ?sslmode=verify-full (PostgreSQL) or ?ssl-mode=VERIFY_IDENTITY (MySQL) to its address"
                    .to_owned(),
            );
        }
        if !names_whom_it_found(&self.query.value) {
            odd.push(
                "the query tells neither `subject` nor `id`: a database that compares without case or accents may find \
                 somebody else of a like name. Select the column of the name AS subject"
                    .to_owned(),
            );
        }
        let spec = SqlSpec {
            url,
            query,
            update: self.update.as_ref().map(update).transpose()?,
            pool,
            timeout: within(self.timeout, TIMEOUT)?,
            manner,
        };
        Ok((spec, odd))
    }
}

/// Whether a query has a column `subject` or `id`, as far as a look at its words tells.
fn names_whom_it_found(query: &str) -> bool {
    let lower = query.replace("{subject}", "").to_lowercase();
    let mut words = lower.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.any(|word| matches!(word, "subject" | "id")) || lower.contains('*')
}
