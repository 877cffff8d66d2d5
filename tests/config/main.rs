//! The config: what an operator writes, what they are told, and what the commands make of it.
#![allow(clippy::unwrap_used, missing_docs)]

mod choice;
mod commands;
mod example;
mod faults;
mod good;
mod mutations;
mod oddities;
mod templates;

use std::path::PathBuf;

use otpgate::server::{ConfigError, Plan, plan_with};
use tempfile::TempDir;

/// A secret for tests: 32 bytes that are no secret.
const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A small good config. Its line numbers are what the tables of this test point at.
const SMALL: &str = "\
listeners: {address: 127.0.0.1:8080}
store: memory
secrets: \"${SECRET}\"
policies:
  account: {channels: email, max_age: 15m}
sites:
  - hosts: shop.example.com
    upstream: {servers: 127.0.0.1:9000}
    identity:
      - login: {path: /login, field: email, session_cookie: SID, logout: /logout}
    sign_in: /login
    directory: {file: contacts.yaml}
    routes:
      - {path: /account/**, policy: account}
delivery:
  providers:
    dev: {type: outbox}
  email: {providers: dev}
";

/// A config in a folder of its own, with the files that it names.
struct Written {
    folder: TempDir,
}

impl Written {
    fn new(config: &[u8]) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("otpgate.yaml"), config).unwrap();
        std::fs::write(folder.path().join("contacts.yaml"), "alice: {email: alice@example.com}\n").unwrap();
        Self { folder }
    }

    fn file(self, name: &str, content: &str) -> Self {
        std::fs::write(self.folder.path().join(name), content).unwrap();
        self
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("otpgate.yaml")
    }

    fn plan(&self) -> Result<Plan, ConfigError> {
        plan_with(&self.path(), &|name| match name {
            "SECRET" | "OTPGATE_SECRET" => Some(SECRET.to_owned()),
            "PASSWORD" => Some("hunter2".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        })
    }

    /// `line:column: message` of what is wrong.
    fn fault(&self) -> String {
        match self.plan() {
            Ok(_) => "nothing is wrong".to_owned(),
            Err(ConfigError { place: Some(place), message, .. }) => format!("{place}: {message}"),
            Err(ConfigError { message, .. }) => message,
        }
    }

    /// `line:column: text` of what is odd.
    fn oddities(&self) -> Vec<String> {
        let plan = self.plan().unwrap_or_else(|error| panic!("{error}"));
        plan.warnings.into_iter().map(|warning| format!("{}: {}", warning.place, warning.text)).collect()
    }
}

/// [`SMALL`] with one text in place of another.
fn changed(from: &str, to: &str) -> String {
    assert_eq!(SMALL.matches(from).count(), 1, "{from:?} does not stand in the config just once");
    SMALL.replace(from, to)
}
