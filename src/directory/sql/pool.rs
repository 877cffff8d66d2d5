//! Connections to a database, and what its values are as text.

use std::fmt;
use std::str::FromStr as _;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlPool, MySqlPoolOptions, MySqlRow};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteRow};
use sqlx::types::Uuid;
use sqlx::types::chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use sqlx::{AssertSqlSafe, Column as _, ConnectOptions as _, Database, Decode, MySql, Postgres, Row, Sqlite};
use sqlx::{TypeInfo as _, ValueRef as _};

use crate::config::is_this_machine;
use crate::directory::Mark;
use crate::directory::sql::statement::{Placeholder, Statement};
use crate::words::{Subject, Timestamp};

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL.
    Postgres,
    /// MySQL, MariaDB.
    MySql,
    /// SQLite.
    Sqlite,
}

/// Where a database is. `Display` and `Debug` show neither user nor password.
#[derive(Clone)]
pub struct Url {
    dialect: Dialect,
    options: Options,
}

#[derive(Clone)]
enum Options {
    Postgres(Box<PgConnectOptions>),
    MySql(Box<MySqlConnectOptions>),
    Sqlite(Box<SqliteConnectOptions>),
}

/// Why a text is no address of a database. Never carries it: it has a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Of no database that is known.
    #[error("expected the address of a database: postgres://user:password@host/name, mysql://… or sqlite:path")]
    Scheme,
    /// Of a known one, but malformed.
    #[error("this address of a database cannot be read: escape what is special in its password as %XX")]
    Malformed,
}

/// Connections to a database.
#[derive(Debug)]
pub(super) enum Pool {
    Postgres(PgPool),
    MySql(MySqlPool),
    Sqlite(SqlitePool),
}

/// Why a database gave no answer. Never carries a value, a name or a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    #[error("it did not answer in time")]
    Late,
    #[error("{0}")]
    Down(String),
    #[error("{0}")]
    Wrong(String),
}

/// A row: columns and their values as text.
type Texts = Vec<(String, Option<String>)>;

/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(5 * 60);

// === impl Dialect ===

impl Dialect {
    pub(super) fn placeholder(self, nth: usize) -> String {
        match self {
            Self::Postgres => format!("${nth}"),
            Self::MySql | Self::Sqlite => "?".to_owned(),
        }
    }
}

// === impl Url ===

impl Url {
    /// Parses an address.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, BadUrl> {
        let scheme = text.split(':').next().unwrap_or_default();
        let malformed = |_| BadUrl::Malformed;
        let (dialect, options) = match scheme {
            "postgres" | "postgresql" => {
                let options = PgConnectOptions::from_str(text).map_err(malformed)?;
                (Dialect::Postgres, Options::Postgres(Box::new(options.application_name("otpgate"))))
            }
            "mysql" | "mariadb" => {
                let text = text.replacen("mariadb://", "mysql://", 1);
                let options = MySqlConnectOptions::from_str(&text).map_err(malformed)?;
                (Dialect::MySql, Options::MySql(Box::new(options)))
            }
            "sqlite" => {
                let options = SqliteConnectOptions::from_str(text).map_err(malformed)?;
                (Dialect::Sqlite, Options::Sqlite(Box::new(options.create_if_missing(false))))
            }
            _ => return Err(BadUrl::Scheme),
        };
        Ok(Self { dialect, options })
    }

    /// Which database it is.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The port of its server, where it has one.
    pub(super) fn port(&self) -> Option<u16> {
        match &self.options {
            Options::Postgres(options) => Some(options.get_port()),
            Options::MySql(options) => Some(options.get_port()),
            Options::Sqlite(_) => None,
        }
    }

    /// Whether passwords and contacts may cross a network without a verified TLS connection.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let away = |host: &str| !(is_this_machine(host) || host.starts_with('/'));
        match &self.options {
            Options::Postgres(options) => {
                use sqlx::postgres::PgSslMode as Mode;
                away(options.get_host())
                    && options.get_socket().is_none()
                    && !matches!(options.get_ssl_mode(), Mode::VerifyCa | Mode::VerifyFull)
            }
            Options::MySql(options) => {
                use sqlx::mysql::MySqlSslMode as Mode;
                away(options.get_host())
                    && options.get_socket().is_none()
                    && !matches!(options.get_ssl_mode(), Mode::VerifyCa | Mode::VerifyIdentity)
            }
            Options::Sqlite(_) => false,
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.options {
            Options::Postgres(options) => {
                write!(f, "postgres {}/{}", options.get_host(), options.get_database().unwrap_or_default())
            }
            Options::MySql(options) => {
                write!(f, "mysql {}/{}", options.get_host(), options.get_database().unwrap_or_default())
            }
            Options::Sqlite(options) => write!(f, "sqlite {}", options.get_filename().display()),
        }
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

// === impl Pool ===

impl Pool {
    /// The pool of a database. Nothing is connected to yet. Must be made within a runtime.
    pub(super) fn new(url: &Url, most: u32, timeout: Duration, writes: bool) -> Self {
        // Statements and their values are nobody's business (I9).
        match &url.options {
            Options::Postgres(options) => {
                let patience = format!("{}ms", timeout.as_millis());
                let options =
                    (**options).clone().disable_statement_logging().options([("statement_timeout", patience)]);
                let pool = PgPoolOptions::new().max_connections(most).acquire_timeout(timeout).idle_timeout(IDLE);
                Self::Postgres(pool.connect_lazy_with(options))
            }
            Options::MySql(options) => {
                let options = (**options).clone().disable_statement_logging();
                let pool = MySqlPoolOptions::new().max_connections(most).acquire_timeout(timeout).idle_timeout(IDLE);
                Self::MySql(pool.connect_lazy_with(options))
            }
            Options::Sqlite(options) => {
                let options = (**options).clone().disable_statement_logging().read_only(!writes).busy_timeout(timeout);
                let pool = SqlitePoolOptions::new().max_connections(most).acquire_timeout(timeout).idle_timeout(IDLE);
                Self::Sqlite(pool.connect_lazy_with(options))
            }
        }
    }

    /// The rows that a query gives for a subject, `most` at most.
    pub(super) async fn rows(&self, query: &Statement, subject: &Subject, most: usize) -> Result<Vec<Texts>, Failure> {
        let subject = || subject.as_str().to_owned();
        let text = AssertSqlSafe(query.text.clone());
        match self {
            Self::Postgres(pool) => {
                let query = query.binds.iter().fold(sqlx::query::<Postgres>(text), |query, _| query.bind(subject()));
                collect(query.fetch(pool), most, postgres).await
            }
            Self::MySql(pool) => {
                let query = query.binds.iter().fold(sqlx::query::<MySql>(text), |query, _| query.bind(subject()));
                collect(query.fetch(pool), most, mysql).await
            }
            Self::Sqlite(pool) => {
                let query = query.binds.iter().fold(sqlx::query::<Sqlite>(text), |query, _| query.bind(subject()));
                collect(query.fetch(pool), most, sqlite).await
            }
        }
    }

    /// How many rows an update changed.
    pub(super) async fn execute(&self, update: &Statement, mark: &Mark) -> Result<u64, Failure> {
        let text = AssertSqlSafe(update.text.clone());
        let changed = match self {
            Self::Postgres(pool) => {
                let query = update.binds.iter().fold(sqlx::query::<Postgres>(text), |query, &bind| {
                    bound::<PgArguments, Postgres>(query, bind, mark)
                });
                query.execute(pool).await.map(|done| done.rows_affected())
            }
            Self::MySql(pool) => {
                let query = update
                    .binds
                    .iter()
                    .fold(sqlx::query::<MySql>(text), |query, &bind| bound::<MySqlArguments, MySql>(query, bind, mark));
                query.execute(pool).await.map(|done| done.rows_affected())
            }
            Self::Sqlite(pool) => {
                let query = update.binds.iter().fold(sqlx::query::<Sqlite>(text), |query, &bind| {
                    bound::<SqliteArguments, Sqlite>(query, bind, mark)
                });
                query.execute(pool).await.map(|done| done.rows_affected())
            }
        };
        changed.map_err(|error| Failure::of(&error))
    }
}

fn bound<'q, A, D>(query: Query<'q, D, A>, bind: Placeholder, mark: &Mark) -> Query<'q, D, A>
where
    D: Database<Arguments = A>,
    A: 'q + sqlx::Arguments<Database = D> + sqlx::IntoArguments<D>,
    String: sqlx::Encode<'q, D> + sqlx::Type<D>,
    DateTime<Utc>: sqlx::Encode<'q, D> + sqlx::Type<D>,
{
    match bind {
        Placeholder::Subject => query.bind(mark.subject.as_str().to_owned()),
        Placeholder::Contact => query.bind(mark.contact.reveal().to_owned()),
        Placeholder::Channel => query.bind(mark.contact.channel().as_str().to_owned()),
        Placeholder::VerifiedAt => query.bind(moment(mark.at)),
    }
}

fn moment(at: Timestamp) -> DateTime<Utc> {
    i64::try_from(at.as_secs()).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0)).unwrap_or_default()
}

async fn collect<R>(
    mut rows: futures_util::stream::BoxStream<'_, Result<R, sqlx::Error>>,
    most: usize,
    read: fn(&R) -> Result<Texts, Failure>,
) -> Result<Vec<Texts>, Failure> {
    let mut texts = Vec::new();
    while let Some(row) = rows.try_next().await.map_err(|error| Failure::of(&error))? {
        texts.push(read(&row)?);
        if texts.len() >= most {
            break;
        }
    }
    Ok(texts)
}

/// The texts of a row; `read` knows the types of one database.
fn texts<R: Row>(row: &R, read: impl Fn(&R, usize, &str) -> Option<String>) -> Result<Texts, Failure>
where
    usize: sqlx::ColumnIndex<R>,
{
    let text = |column: &<R::Database as Database>::Column| {
        let (name, at) = (column.name().to_owned(), column.ordinal());
        let raw = row.try_get_raw(at).map_err(|error| Failure::of(&error))?;
        if raw.is_null() {
            return Ok((name, None));
        }
        let kind = raw.type_info().name().to_ascii_uppercase();
        match read(row, at, &kind) {
            Some(text) => Ok((name, Some(text))),
            None => Err(Failure::Wrong(format!(
                "its column `{name}` is of the type {kind}, which cannot be read: cast it to text in the query"
            ))),
        }
    };
    row.columns().iter().map(text).collect()
}

fn postgres(row: &PgRow) -> Result<Texts, Failure> {
    texts(row, |row, at, kind| match kind {
        "INT2" => get::<i16, _>(row, at).map(|n| n.to_string()),
        "INT4" => get::<i32, _>(row, at).map(|n| n.to_string()),
        "INT8" => get::<i64, _>(row, at).map(|n| n.to_string()),
        "UUID" => get::<Uuid, _>(row, at).map(|id| id.to_string()),
        "TIMESTAMPTZ" => get::<DateTime<Utc>, _>(row, at).map(|time| seconds(time.timestamp())),
        "TIMESTAMP" => get::<NaiveDateTime, _>(row, at).map(|time| seconds(time.and_utc().timestamp())),
        "DATE" => get::<NaiveDate, _>(row, at).and_then(midnight),
        _ => unchecked::<Postgres, _>(row, at),
    })
}

fn mysql(row: &MySqlRow) -> Result<Texts, Failure> {
    texts(row, |row, at, kind| match kind {
        "TIMESTAMP" => get::<DateTime<Utc>, _>(row, at).map(|time| seconds(time.timestamp())),
        "DATETIME" => get::<NaiveDateTime, _>(row, at).map(|time| seconds(time.and_utc().timestamp())),
        "DATE" => get::<NaiveDate, _>(row, at).and_then(midnight),
        _ if kind.contains("INT") && kind.contains("UNSIGNED") => get::<u64, _>(row, at).map(|n| n.to_string()),
        _ if kind.contains("INT") => get::<i64, _>(row, at).map(|n| n.to_string()),
        "FLOAT" | "DOUBLE" | "DECIMAL" | "BIT" | "BOOLEAN" | "JSON" | "TIME" | "YEAR" => None,
        _ => get::<Vec<u8>, _>(row, at).and_then(|bytes| String::from_utf8(bytes).ok()),
    })
}

fn sqlite(row: &SqliteRow) -> Result<Texts, Failure> {
    // A value has its own type here, whatever its column was declared as.
    texts(row, |row, at, kind| match kind {
        "REAL" | "BLOB" => None,
        _ => unchecked::<Sqlite, _>(row, at),
    })
}

fn get<'r, T, R: Row>(row: &'r R, at: usize) -> Option<T>
where
    T: Decode<'r, R::Database> + sqlx::Type<R::Database>,
    usize: sqlx::ColumnIndex<R>,
{
    row.try_get::<T, _>(at).ok()
}

/// A text of any textual type: `citext`, enumerations and such.
fn unchecked<'r, D: Database, R: Row<Database = D>>(row: &'r R, at: usize) -> Option<String>
where
    String: Decode<'r, D> + sqlx::Type<D>,
    usize: sqlx::ColumnIndex<R>,
{
    row.try_get_unchecked::<String, _>(at).ok()
}

fn seconds(seconds: i64) -> String {
    seconds.max(0).to_string()
}

fn midnight(date: NaiveDate) -> Option<String> {
    Some(seconds(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp()))
}

// === impl Failure ===

impl Failure {
    fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut => Self::Late,
            // Its message could repeat a value; its code is SQLSTATE's, or the database's own.
            sqlx::Error::Database(error) => {
                let code = error.code().unwrap_or_default();
                let why = meaning(&code).map(|why| format!(" ({why})")).unwrap_or_default();
                let text = format!("the database answered with the error {code}{why}");
                if is_passing(&code) { Self::Down(text) } else { Self::Wrong(text) }
            }
            sqlx::Error::Io(error) => Self::Down(format!("the connection failed: {}", error.kind())),
            sqlx::Error::Tls(_) => Self::Down("TLS failed: is the certificate valid, for this name?".to_owned()),
            sqlx::Error::Protocol(_) => Self::Down("the database broke off".to_owned()),
            sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => Self::Down("the connection ended".to_owned()),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                Self::Wrong("a column of the query cannot be read as text".to_owned())
            }
            _ => Self::Down("the database cannot be asked".to_owned()),
        }
    }
}

/// What codes mean that an operator is likely to meet: SQLSTATE of PostgreSQL (its manual, appendix A), and of MySQL.
fn meaning(code: &str) -> Option<&'static str> {
    Some(match code {
        "28P01" | "28000" => "user or password are wrong",
        "42P01" | "42S02" => "there is no such table",
        "42703" | "42S22" => "there is no such column",
        "42501" | "42000" => "not allowed to, or wrong syntax",
        "42601" => "wrong syntax",
        "42883" => "types that cannot be compared: cast {subject}, as in {subject}::int",
        "3D000" => "there is no such database",
        "57014" => "the statement took too long",
        _ => return None,
    })
}

/// Whether the same may go well a moment later: connections, resources, operators, deadlocks (SQLSTATE classes), and
/// SQLite's BUSY and LOCKED.
fn is_passing(code: &str) -> bool {
    ["08", "53", "57", "58", "28", "40", "55", "3D"].iter().any(|class| code.len() == 5 && code.starts_with(class))
        || matches!(code, "5" | "6" | "517" | "261" | "262" | "14" | "HY000")
}
