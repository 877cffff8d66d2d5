//! Directories in real databases: PostgreSQL, MariaDB, SQLite.

use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use otpgate::directory::settings::Manner;
use otpgate::directory::sql::{SqlDirectory, SqlSpec, Statement, Url};
use otpgate::directory::{Directory, DirectoryError, Entry, Mark, MarkError};
use otpgate::words::{Channel, Contact, Country, Subject, Timestamp};
use tempfile::TempDir;

use crate::servers::{PASSWORD, Server, asked, mariadb, mysql, postgres, psql};
use crate::support::{Client, Gateway, Upstream};

/// The same people everywhere. `bob` stands there twice, as two people whom a careless query would take for one.
const PEOPLE: &str = "
INSERT INTO users (id, login, email, phone, lang, changed) VALUES
  (1, 'alice', 'alice@example.com', '012-345 6789', 'de', '2026-11-27 12:00:00'),
  (2, 'bob', 'bob@example.com', 'n/a', NULL, NULL),
  (3, 'Bob', 'other@example.com', NULL, NULL, NULL),
  (4, 'o''brien; DROP TABLE users --', 'obrien@example.com', NULL, NULL, NULL),
  (5, '100%', 'percent@example.com', NULL, NULL, NULL),
  (6, 'back\\slash', 'slash@example.com', NULL, NULL, NULL),
  (7, 'jürgen', 'juergen@example.com', NULL, NULL, NULL);";
/// A name that would be a statement, if names were ever part of one.
const HOSTILE: &str = "o'brien; DROP TABLE users --";
const QUERY: &str = "SELECT id, login AS subject, email, phone, lang AS language, changed AS changed_at FROM users \
                     WHERE login = {subject}";
const UPDATE: &str = "UPDATE users SET verified = {verified_at} WHERE login = {subject} AND email = {contact}";

fn database() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        postgres(&format!(
            "CREATE TABLE users (id bigint PRIMARY KEY, login text, email varchar(99), phone text, lang char(2), \
             changed timestamptz, verified timestamptz); SET TIME ZONE 'UTC'; {PEOPLE}"
        ))
    })
}

fn postgres_url(server: &Server) -> String {
    format!("postgres://otpgate:{PASSWORD}@127.0.0.1:{}/postgres", server.port)
}

fn maria() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        // Its usual collation takes case and accents for nothing.
        let people = PEOPLE.replace('\\', "\\\\");
        mariadb(&format!(
            "CREATE TABLE users (id int unsigned PRIMARY KEY, login varchar(99) COLLATE utf8mb4_general_ci, email \
             varchar(99), phone varchar(40), lang varchar(9), changed datetime, verified datetime); {people}"
        ))
    })
}

fn mysql_url(server: &Server) -> String {
    format!("mysql://otpgate:{PASSWORD}@127.0.0.1:{}/shop", server.port)
}

fn sqlite() -> (TempDir, String) {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("shop.db");
    let table =
        "CREATE TABLE users (id integer, login text, email text, phone text, lang text, changed text, verified text);";
    let script = format!(
        "import sqlite3\nsqlite3.connect({:?}).executescript({:?})",
        file.to_str().unwrap(),
        table.to_owned() + PEOPLE
    );
    assert!(Command::new("python3").args(["-c", &script]).status().unwrap().success());
    let url = format!("sqlite:{}", file.display());
    (dir, url)
}

fn directory(url: &str, query: &str, update: Option<&str>) -> SqlDirectory {
    let url = Url::parse(url).unwrap();
    let dialect = url.dialect();
    SqlDirectory::new(SqlSpec {
        query: Statement::query(query, dialect).unwrap(),
        update: update.map(|update| Statement::update(update, dialect).unwrap()),
        url,
        pool: 2,
        timeout: Duration::from_secs(2),
        manner: Manner { fold: false, country: "MY".parse::<Country>().ok() },
    })
}

fn subject(name: &str) -> Subject {
    Subject::parse(name).unwrap()
}

async fn find(directory: &SqlDirectory, name: &str) -> Result<Option<Entry>, DirectoryError> {
    directory.find(&subject(name)).await
}

fn addresses(entry: Option<Entry>) -> Vec<String> {
    entry.iter().flat_map(Entry::contacts).map(|contact| contact.reveal().to_owned()).collect()
}

/// What every database must do.
async fn keeps_every_promise(url: &str) {
    let directory = directory(url, QUERY, Some(UPDATE));
    let alice = find(&directory, "alice").await.unwrap().unwrap();
    assert_eq!(addresses(Some(alice.clone())), ["alice@example.com", "+60123456789", "+60123456789"]);
    assert_eq!(alice.id, Some(subject("1")));
    assert_eq!(alice.language, "de".parse().ok());
    assert_eq!(alice.contacts[0].changed_at, Some(Timestamp::from_millis(1_795_780_800_000)));
    // A number that is none is left out, and the rest stays.
    let bob = directory.find(&subject("bob")).await;
    if let Ok(bob) = bob {
        assert_eq!(addresses(bob), ["bob@example.com"]);
    } else {
        // H19: a collation that finds two people finds nobody.
        assert_eq!(bob, Err(DirectoryError::Ambiguous));
    }
    assert_eq!(find(&directory, "nobody").await, Ok(None));
    // D08: names are values.
    for (name, address) in [
        (HOSTILE, "obrien@example.com"),
        ("100%", "percent@example.com"),
        ("back\\slash", "slash@example.com"),
        ("jürgen", "juergen@example.com"),
    ] {
        assert_eq!(addresses(find(&directory, name).await.unwrap()), [address], "{name}");
    }
    for name in
        ["' OR '1'='1", "alice' --", "alice\"; SELECT 1", "%", "_____", "alice\\", "{subject}", "$1", "?", "aliсe"]
    {
        assert_eq!(find(&directory, name).await, Ok(None), "{name}");
    }
    assert_eq!(find(&directory, &"x".repeat(256)).await, Ok(None));
    assert!(find(&directory, "alice").await.unwrap().is_some(), "the table is still there");

    let mark = |name: &str, address: &str| Mark {
        subject: subject(name),
        contact: Contact::parse(Channel::Email, address).unwrap(),
        at: Timestamp::from_millis(1_795_780_800_000),
    };
    assert!(directory.takes_marks());
    directory.mark(&mark("alice", "alice@example.com")).await.unwrap();
    directory.mark(&mark("alice", "alice@example.com")).await.unwrap();
    directory.mark(&mark("alice", "gone@example.com")).await.unwrap();
}

#[tokio::test]
async fn d08_postgresql_takes_names_as_values() {
    keeps_every_promise(&postgres_url(database())).await;
    assert_eq!(
        asked(psql(database()), "SELECT extract(epoch FROM verified)::bigint FROM users WHERE login = 'alice'"),
        "1795780800"
    );
}

#[tokio::test]
async fn d08_mariadb_takes_names_as_values() {
    keeps_every_promise(&mysql_url(maria())).await;
    assert_eq!(asked(mysql(maria()), "SELECT verified FROM shop.users WHERE login = 'alice'"), "2026-11-27 12:00:00");
}

#[tokio::test]
async fn d08_sqlite_takes_names_as_values() {
    let (_dir, url) = sqlite();
    keeps_every_promise(&url).await;
}

/// H19: what a collation takes for one is nobody, never somebody else.
#[tokio::test]
async fn h19_another_spelling_of_a_database_is_nobody() {
    let directory = directory(&mysql_url(maria()), QUERY, None);
    for name in ["ALICE", "Jurgen", "alicé", "alice "] {
        let found = directory.find(&subject(name)).await;
        if name.trim() == "alice" {
            assert!(found.unwrap().is_some(), "a subject has no edge spaces");
        } else {
            assert_eq!(found, Err(DirectoryError::Ambiguous), "{name}");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_query_is_told_without_anybodys_name() {
    let url = postgres_url(database());
    for (query, wanted) in [
        ("SELECT email FROM nowhere WHERE login = {subject}", "42P01 (there is no such table)"),
        ("SELECT mail FROM users WHERE login = {subject}", "42703 (there is no such column)"),
        ("SELECT email AS contact FROM users WHERE login = {subject}", "the query has a column `contact`"),
        ("SELECT email FROM users WHERE id = {subject}::int", "22P02"),
        ("SELECT email FROM users WHERE id = {subject}", "42883 (types that cannot be compared"),
        ("SELECT 1.5 AS email FROM users WHERE login = {subject}", "of the type NUMERIC"),
    ] {
        let error = find(&directory(&url, query, None), "alice").await.unwrap_err();
        assert!(matches!(&error, DirectoryError::Wrong(_)), "{query}: {error}");
        assert!(error.to_string().contains(wanted), "{query}: {error}");
        assert!(!error.to_string().contains("alice"), "{error}");
    }
    let open = "SELECT 'a' || n || '@b.example' AS email FROM generate_series(1, 500) AS n WHERE {subject} = 'alice'";
    let error = find(&directory(&url, open, None), "alice").await.unwrap_err();
    assert!(error.to_string().contains("more than 100 rows"), "{error}");
    // An integer, a number of several rows, and a text of another type.
    let rows = "SELECT * FROM (VALUES ('alice', 'a@b.example', 'home'), ('alice', 'c@d.example', 'work')) AS t \
                (subject, email, label) WHERE subject = {subject}";
    let entry = find(&directory(&url, rows, None), "alice").await.unwrap().unwrap();
    let labels: Vec<_> = entry.contacts().map(|contact| contact.label().unwrap()).collect();
    assert_eq!(labels, ["home", "work"]);

    let broken = directory(&url, QUERY, Some("UPDATE nowhere SET x = {verified_at} WHERE login = {subject}"));
    let mark = Mark {
        subject: subject("alice"),
        contact: Contact::parse(Channel::Email, "a@b.example").unwrap(),
        at: Timestamp::default(),
    };
    assert!(matches!(broken.mark(&mark).await, Err(MarkError::Never(_))));
}

/// D10: whatever is wrong with a server, nothing is known, soon, and it comes back by itself.
#[tokio::test]
async fn d10_a_database_that_is_away_is_unreachable_and_comes_back() {
    let server = postgres(
        "CREATE TABLE users (id bigint, login text, email text, phone text, lang text, changed timestamptz, verified timestamptz); \
         INSERT INTO users (id, login, email) VALUES (1, 'alice', 'alice@example.com')",
    );
    let kept = directory(&postgres_url(&server), QUERY, None);
    assert!(find(&kept, "alice").await.unwrap().is_some());

    let wrong = directory(&postgres_url(&server).replace(PASSWORD, "wr0ng-passw0rd"), QUERY, None);
    let error = find(&wrong, "alice").await.unwrap_err().to_string();
    assert!(error.contains("user or password are wrong") && !error.contains("wr0ng"), "{error}");
    let nobody = directory(&format!("postgres://otpgate:{PASSWORD}@127.0.0.1:1/postgres"), QUERY, None);
    assert!(matches!(find(&nobody, "alice").await, Err(DirectoryError::Unreachable(_))));
    let slow = directory(&postgres_url(&server), "SELECT email FROM users, pg_sleep(30) WHERE login = {subject}", None);
    let started = Instant::now();
    assert!(matches!(find(&slow, "alice").await, Err(DirectoryError::Unreachable(_) | DirectoryError::Wrong(_))));
    assert!(started.elapsed() < Duration::from_secs(5));

    // Its connections are cut, as by a restart.
    asked(psql(&server), "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()");
    assert!(find(&kept, "alice").await.unwrap().is_some(), "another connection is made");
    server.signal("STOP");
    let started = Instant::now();
    // The server's processes for connections go on: a new connection is what is never taken.
    let fresh = directory(&postgres_url(&server), QUERY, None);
    assert!(matches!(find(&fresh, "alice").await, Err(DirectoryError::Unreachable(_))));
    assert!(started.elapsed() < Duration::from_secs(5));
    server.signal("CONT");
    assert!(find(&fresh, "alice").await.unwrap().is_some());
}

/// D10, I2: behind the real gateway, a code goes where the database says, and nothing goes on while it is away.
#[tokio::test]
async fn d10_i2_a_code_goes_where_a_database_says() {
    let (_dir, lite) = sqlite();
    for url in [postgres_url(database()), mysql_url(maria()), lite] {
        let upstream = Upstream::start();
        let config = |url: &str| {
            let directory = format!("      - sql: {{url: \"{url}\", query: \"{QUERY}\"}}\n        cache: 0s");
            crate::config(&directory, upstream.port)
        };
        let gateway = Gateway::start(&config(&url), &[]);
        let mut browser = Client::new("shop.test", gateway.port);
        browser.always = vec![("x-user".to_owned(), HOSTILE.to_owned())];
        let parked = browser.get("/account").await;
        let page = browser.get(&parked.location().unwrap()).await;
        let sent = Client::new("127.0.0.1", gateway.admin).call("GET", "/outbox", None).await.json();
        assert_eq!(sent[0]["to"], "obrien@example.com", "{url}");
        let code = sent[0]["code"].as_str().unwrap().to_owned();
        assert_eq!(browser.submit(&page, "/.otpgate/verify", &[("code", &code)]).await.status, 303);
        assert_eq!(browser.get("/account").await.status, 200);

        gateway.reload(&config("postgres://nobody:nothing@127.0.0.1:1/none"));
        crate::support::process::wait_for("the reload", Duration::from_secs(10), || {
            let told = gateway.log();
            told.contains("reloaded")
        });
        let mut other = browser.other();
        other.always = vec![("x-user".to_owned(), "bob".to_owned())];
        assert_eq!(other.get("/account").await.status, 503, "{url}");
        assert_eq!(other.get("/public").await.status, 200);
        assert!(!gateway.log().contains(PASSWORD), "I9");
    }
}
