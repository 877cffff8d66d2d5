//! An application that asks for name and password by HTTP itself: the browser keeps them, and sends them to the code page too.

use std::sync::Arc;

use serde_json::Value;

use crate::browser::Browser;
use crate::support::recorder::{Recorder, Then};
use crate::support::{Client, Gateway};
use crate::{CODE, CONTINUE};

const CONFIG: &str = "
listeners: {address: '127.0.0.1:{port}'}
store: memory
secrets: '{secret}'
sites:
  - hosts: wiki.localhost
    upstream: {servers: '127.0.0.1:{upstream}'}
    identity: {basic: {path: /private, realm: Wiki}}
    directory: {file: contacts.yaml}
    routes: [{path: /staff/**, policy: otp}]
delivery: {providers: {dev: {type: outbox}}, email: {providers: dev}}
admin: {address: '127.0.0.1:{admin}'}
";

/// `alice:secret`
const ALICE: &str = "Basic YWxpY2U6c2VjcmV0";

async fn code(gateway: &Gateway) -> String {
    let answer = Client::new("127.0.0.1", gateway.admin).call("GET", "/outbox", None).await;
    let messages: Vec<Value> = serde_json::from_str(&answer.body).unwrap();
    messages[0]["code"].as_str().unwrap().to_owned()
}

/// A browser sends credentials below the folder that asked for them, and elsewhere only when it is asked with the same realm.
#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_types_name_and_password_once_and_then_the_code() {
    let upstream = Arc::new(Recorder::answering(|exchange| {
        let is_known = exchange.heard.value("authorization") == Some(ALICE);
        let (status, body) = if is_known { ("200 OK", "<h1>The plans</h1>") } else { ("401 No", "<h1>Who?</h1>") };
        let how = "WWW-Authenticate: Basic realm=\"Wiki\"\r\nContent-Type: text/html";
        exchange.answer(format!("HTTP/1.1 {status}\r\n{how}\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        Then::Close
    }));
    let config = CONFIG.replace("{upstream}", &upstream.port.to_string());
    let gateway = Gateway::start(&config, &[("contacts.yaml", "alice: {email: alice@example.com}\n")]);
    let browser = Browser::start().await;
    // What is typed into the browser's own window goes into the address here.
    browser.open(&format!("http://alice:secret@wiki.localhost:{}/staff/plans/secret", gateway.port)).await;
    browser.at("/.otpgate/challenge*").await;
    browser.find(CODE).await;
    browser.fill(CODE, &code(&gateway).await).await;
    browser.press(CONTINUE).await;
    browser.at("/staff/plans/secret").await;
    browser.see("h1", "The plans").await;
    let served: Vec<_> = upstream.heard().into_iter().filter(|heard| heard.target() != "/private").collect();
    assert!(
        served.iter().all(|heard| heard.value("authorization") == Some(ALICE) || !heard.target().contains("staff"))
    );
}
