//! Applications that none of us wrote, unmodified, behind the gateway's own binary: each is signed in to through its own
//! form, by a client that does what a browser does, and must not notice. `scripts/setup.sh test` installs them.
// A test may unwrap: its panic is its report.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod django;
mod dokuwiki;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::process::wait_for;
use crate::support::{Answer, Client, Gateway, NAVIGATION};

/// An application that runs, until it is dropped.
struct Running(Child);

impl Running {
    /// Starts it and waits until it listens.
    fn start(what: &str, command: &mut Command, port: u16) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = Self(child.unwrap_or_else(|error| panic!("{what}: {error}; run scripts/setup.sh test")));
        let listens = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        wait_for(what, Duration::from_secs(60), listens);
        child
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Fills in a form of a page, by the end of its action, and sends it as a browser does.
async fn fill(browser: &mut Client, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
    let answer = browser.submit(page, action, fields).await;
    assert!(answer.status < 500, "{answer:?}");
    answer
}

/// Opens a protected page, answers the code that comes by the outbox, and gives what the application then shows.
async fn prove(browser: &mut Client, gateway: &Gateway, path: &str, to: &str) -> Answer {
    let mut address = path.to_owned();
    // A visitor who was sent to sign in is led back to the page that was asked for.
    for _ in 0..2 {
        let answer = browser.get(&address).await;
        address = answer.location().unwrap_or_else(|| panic!("no challenge: {answer:?}"));
        if address.starts_with("/.otpgate/challenge?id=") {
            break;
        }
    }
    assert!(address.starts_with("/.otpgate/challenge?id="), "{address}");
    let page = browser.get(&address).await;
    let code = last_code(gateway, to).await;
    let answer = browser.submit(&page, "/.otpgate/verify", &[("code", &code)]).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    browser.follow(answer).await
}

async fn last_code(gateway: &Gateway, to: &str) -> String {
    let answer = Client::new("127.0.0.1", gateway.admin).call("GET", "/outbox", None).await;
    let messages: Vec<Value> = serde_json::from_str(&answer.body).unwrap();
    let message = messages.iter().find(|message| message["to"] == to);
    message.unwrap_or_else(|| panic!("no message went to {to}"))["code"].as_str().unwrap().to_owned()
}

/// A form as a page of the site posts it, with a body of another kind than URL-encoded.
async fn post_as(browser: &mut Client, path: &str, kind: &str, body: &str) -> Answer {
    let origin = browser.base.clone();
    let mut headers = NAVIGATION.to_vec();
    headers.extend([("content-type", kind), ("origin", origin.as_str())]);
    browser.send("POST", path, &headers, body.to_owned()).await
}
