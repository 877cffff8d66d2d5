//! A directory in a database: PostgreSQL, MySQL or MariaDB, SQLite.
//!
//! The operator writes the statement; the subject is always bound, never part of its text (D08). Each row is a row of
//! [`Reading`]: a column is a field by its name. Connections are made at the first look-up and kept in a pool.

mod pool;
pub mod settings;
mod statement;
mod value;

use std::fmt;
use std::time::Duration;

use tokio::sync::OnceCell;

use crate::directory::settings::Manner;
use crate::directory::{Directory, DirectoryError, Entry, Mark, MarkError, Reading};
use crate::words::Subject;

pub use pool::{BadUrl, Url};
use pool::{Failure, Pool};
pub use statement::{BadStatement, Placeholder, Statement};

/// What a directory in a database is made of.
#[derive(Debug, Clone)]
pub struct SqlSpec {
    /// Where the database is.
    pub url: Url,
    /// What finds a subject's contacts.
    pub query: Statement,
    /// What notes that a contact was proved, if anything.
    pub update: Option<Statement>,
    /// The most connections.
    pub pool: u32,
    /// How long a look-up may take, connecting and all.
    pub timeout: Duration,
    /// How rows are read.
    pub manner: Manner,
}

/// A directory in a database.
pub struct SqlDirectory {
    name: String,
    spec: SqlSpec,
    pool: OnceCell<Pool>,
}

/// The most rows of one subject: more is a query that finds everybody.
const MOST_ROWS: usize = 100;

// === impl SqlDirectory ===

impl SqlDirectory {
    /// The directory; nothing is connected to.
    #[must_use]
    pub fn new(spec: SqlSpec) -> Self {
        Self { name: format!("sql {}", spec.url), spec, pool: OnceCell::new() }
    }

    async fn pool(&self) -> &Pool {
        let writes = self.spec.update.is_some();
        let make = async || Pool::new(&self.spec.url, self.spec.pool, self.spec.timeout, writes);
        self.pool.get_or_init(make).await
    }

    fn read(&self, subject: &Subject, rows: &[Vec<(String, Option<String>)>]) -> Result<Option<Entry>, DirectoryError> {
        if rows.len() > MOST_ROWS {
            return Err(DirectoryError::Wrong(format!(
                "the query gives more than {MOST_ROWS} rows: does its WHERE compare with {{subject}}?"
            )));
        }
        let mut reading = Reading::new(subject, self.spec.manner.fold, self.spec.manner.country);
        for row in rows {
            reading.row(&value::fields(row)?)?;
        }
        Ok(reading.told(&self.name))
    }
}

#[async_trait::async_trait]
impl Directory for SqlDirectory {
    fn name(&self) -> &str {
        &self.name
    }

    async fn find(&self, subject: &Subject) -> Result<Option<Entry>, DirectoryError> {
        let find = async { self.pool().await.rows(&self.spec.query, subject, MOST_ROWS + 1).await };
        let rows = tokio::time::timeout(self.spec.timeout, find).await.unwrap_or(Err(Failure::Late))?;
        self.read(subject, &rows)
    }

    /// The database, and what it is asked.
    fn identity(&self) -> String {
        format!("{}\n{:?}\n{}", self.name, self.spec.url.port(), self.spec.query.text)
    }

    fn tells_verified(&self) -> bool {
        self.spec.query.may_name("verified_at")
    }

    fn takes_marks(&self) -> bool {
        self.spec.update.is_some()
    }

    async fn mark(&self, mark: &Mark) -> Result<(), MarkError> {
        let Some(update) = &self.spec.update else {
            return Err(MarkError::Never("this directory has no `update`".to_owned()));
        };
        let write = async { self.pool().await.execute(update, mark).await };
        match tokio::time::timeout(self.spec.timeout, write).await.unwrap_or(Err(Failure::Late)) {
            Ok(0) => {
                // The subject or its contact changed meanwhile: telling it again would change nothing.
                tracing::warn!(directory = self.name, "the `update` changed no row");
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(Failure::Wrong(why)) => Err(MarkError::Never(why)),
            Err(failure) => Err(MarkError::Later(failure.to_string())),
        }
    }
}

impl fmt::Debug for SqlDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SqlDirectory({})", self.name)
    }
}

impl From<Failure> for DirectoryError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Wrong(why) => Self::Wrong(why),
            failure => Self::Unreachable(failure.to_string()),
        }
    }
}
