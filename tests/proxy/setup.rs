//! A gateway with an upstream behind it, and the ways in which these tests ask it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::support::raw::{self, Raw, Reply};
use crate::support::recorder::Recorder;
use crate::support::{Client, Gateway};

/// The host that the tests ask for.
pub(crate) const HOST: &str = "app.test";

/// The directory.
pub(crate) const PEOPLE: &str = "alice: {email: alice@example.com}\nbob: {email: bob@example.com}\n";

/// The routes of most tests: two areas that need a code, one that does not, and nothing else.
pub(crate) const ROUTES: &[&str] = &[
    "{path: /public/**, policy: bypass}",
    "{path: /health, policy: bypass}",
    "{path: /readonly, methods: GET, policy: bypass}",
    "{path: [/admin/**, /pay/**, /kiosk/**], policy: mail}",
];

/// A config, as far as tests change it. `text` writes the YAML.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Lines of the one listener, beside its address.
    pub listener: String,
    /// Whole further listeners, as flow maps.
    pub listeners: Vec<String>,
    /// Top-level lines.
    pub top: String,
    pub store: String,
    pub policies: Vec<String>,
    pub hosts: String,
    pub servers: Vec<String>,
    /// Lines of `upstream`, beside its servers.
    pub upstream: String,
    /// The peers that may name the subject.
    pub identity_from: String,
    pub default_policy: String,
    pub routes: Vec<String>,
    /// Whole further sites, as flow maps.
    pub sites: Vec<String>,
}

/// A running gateway and the upstream behind it.
pub(crate) struct Setup {
    pub gateway: Gateway,
    pub upstream: Recorder,
}

// === impl Config ===

impl Config {
    /// The common config in front of these servers.
    pub(crate) fn to<S: Into<String>>(servers: impl IntoIterator<Item = S>) -> Self {
        Self {
            listener: String::new(),
            listeners: Vec::new(),
            top: String::new(),
            store: "memory".to_owned(),
            policies: vec!["mail: {channels: email, max_age: 15m}".to_owned()],
            hosts: HOST.to_owned(),
            servers: servers.into_iter().map(Into::into).collect(),
            upstream: String::new(),
            identity_from: "127.0.0.1".to_owned(),
            default_policy: "deny".to_owned(),
            routes: ROUTES.iter().map(|&route| route.to_owned()).collect(),
            sites: Vec::new(),
        }
    }

    /// The same with these routes.
    pub(crate) fn routes(mut self, routes: &[&str]) -> Self {
        self.routes = routes.iter().map(|&route| route.to_owned()).collect();
        self
    }

    /// The YAML.
    pub(crate) fn text(&self) -> String {
        let mut out = String::from("listeners:\n  - address: 127.0.0.1:{port}\n");
        indent(&mut out, 4, &self.listener);
        list(&mut out, 2, &self.listeners);
        writeln!(out, "store: {}\nsecrets: [\"{{secret}}\"]", self.store).unwrap();
        indent(&mut out, 0, &self.top);
        out.push_str("policies:\n");
        for policy in &self.policies {
            indent(&mut out, 2, policy);
        }
        writeln!(out, "sites:\n  - hosts: {}\n    upstream:", self.hosts).unwrap();
        writeln!(out, "      servers: [{}]", self.servers.join(", ")).unwrap();
        indent(&mut out, 6, &self.upstream);
        writeln!(out, "    identity:\n      - header: {{name: X-Remote-User, from: {}}}", self.identity_from).unwrap();
        writeln!(out, "    directory:\n      - file: people.yaml\n    default_policy: {}", self.default_policy)
            .unwrap();
        if !self.routes.is_empty() {
            out.push_str("    routes:\n");
            list(&mut out, 6, &self.routes);
        }
        list(&mut out, 2, &self.sites);
        out.push_str("delivery:\n  providers:\n    dev: {type: outbox}\n  email: {providers: dev}\n");
        out.push_str("admin: {address: \"127.0.0.1:{admin}\"}\n");
        out
    }

    /// Starts a gateway with it.
    pub(crate) fn start(&self) -> Gateway {
        self.start_with(&[])
    }

    /// Starts a gateway with it and these files.
    pub(crate) fn start_with(&self, files: &[(&str, &str)]) -> Gateway {
        let mut all = vec![("people.yaml", PEOPLE)];
        all.extend(files);
        Gateway::start(&self.text(), &all)
    }
}

fn indent(out: &mut String, by: usize, lines: &str) {
    for line in lines.lines() {
        writeln!(out, "{:by$}{line}", "").unwrap();
    }
}

fn list(out: &mut String, by: usize, entries: &[String]) {
    for entry in entries {
        writeln!(out, "{:by$}- {entry}", "").unwrap();
    }
}

// === impl Setup ===

impl Setup {
    /// The common config in front of an upstream that says `ok`.
    pub(crate) fn start() -> Self {
        Self::before(Recorder::start(), |_| ())
    }

    /// The common config with these routes.
    pub(crate) fn with_routes(routes: &[&str]) -> Self {
        Self::before(Recorder::start(), |config| *config = config.clone().routes(routes))
    }

    /// A changed config in front of `upstream`.
    pub(crate) fn before(upstream: Recorder, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::to([upstream.address()]);
        change(&mut config);
        Self { gateway: config.start(), upstream }
    }

    /// Sends exact bytes on a connection of their own; `None` when it is closed without an answer.
    pub(crate) fn ask(&self, bytes: impl AsRef<[u8]>) -> Option<Reply> {
        raw::ask(self.gateway.port, bytes)
    }

    /// A connection.
    pub(crate) fn connect(&self) -> Raw {
        Raw::connect(self.gateway.port)
    }

    /// Asks for a target as an API client that `X-Remote-User` names alice.
    pub(crate) fn get(&self, target: &str) -> Reply {
        self.ask(request("GET", target, &[])).unwrap_or_else(|| panic!("no answer for {target:?}"))
    }

    /// Asserts that a request is turned away, and that the upstream gets no byte of it (I1). Gives its status; 0 for a
    /// connection that is closed without an answer.
    pub(crate) fn stays_out(&self, bytes: impl AsRef<[u8]>) -> u16 {
        let shown = raw::latin1(&bytes.as_ref()[..bytes.as_ref().len().min(300)]);
        let before = self.upstream.bytes();
        let status = self.ask(bytes).map_or(0, |reply| reply.status);
        assert!(status == 0 || (400..500).contains(&status), "{status} for {shown:?}");
        assert_eq!(self.upstream.bytes(), before, "the upstream got something of {shown:?}");
        status
    }

    /// Asserts that a request is refused as unreadable: 4xx but neither a challenge nor a policy's no.
    pub(crate) fn refuses(&self, bytes: impl AsRef<[u8]>) {
        let shown = raw::latin1(&bytes.as_ref()[..bytes.as_ref().len().min(300)]);
        let status = self.stays_out(bytes);
        assert!(!matches!(status, 401 | 403), "{status} for {shown:?}");
    }

    /// Asserts that a target is challenged.
    pub(crate) fn challenges(&self, target: &str) {
        let status = self.stays_out(request("GET", target, &[]));
        assert_eq!(status, 401, "{target:?}");
    }

    /// Asserts that a target is forwarded, and as what.
    pub(crate) fn forwards(&self, target: &str, as_target: &str) {
        self.upstream.forget();
        let reply = self.get(target);
        assert_eq!(reply.status, 200, "{target:?}: {}", reply.text());
        assert_eq!(self.upstream.only().target(), as_target, "{target:?}");
    }

    /// Passes a step-up as `subject` at `path`; gives the cookies as a `Cookie` value.
    pub(crate) async fn grant(&self, subject: &str, path: &str) -> String {
        grant(&self.gateway, HOST, subject, path).await
    }
}

/// A request of an API client for the common site, signed in as alice, that wants the connection closed.
pub(crate) fn request(method: &str, target: &str, headers: &[&str]) -> String {
    let mut all = vec!["X-Remote-User: alice", "Accept: application/json", "Connection: close"];
    all.extend(headers);
    bare(method, target, &all)
}

/// A request for the common site with no headers but these.
pub(crate) fn bare(method: &str, target: &str, headers: &[&str]) -> String {
    let mut out = format!("{method} {target} HTTP/1.1\r\nHost: {HOST}\r\n");
    for header in headers {
        out.push_str(header);
        out.push_str("\r\n");
    }
    out.push_str("\r\n");
    out
}

/// What a browser's navigation carries, and the name of the subject.
pub(crate) const BROWSER: &[&str] =
    &["X-Remote-User: alice", "Accept: text/html", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"];

/// Passes a step-up over plain HTTP and gives the cookies as a `Cookie` value.
pub(crate) async fn grant(gateway: &Gateway, host: &str, subject: &str, path: &str) -> String {
    let mut client = Client::new(host, gateway.port);
    step_up(gateway, &mut client, &[], subject, path).await;
    cookie_line(&client)
}

/// The jar as a `Cookie` value.
pub(crate) fn cookie_line(client: &Client) -> String {
    client.jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
}

/// Passes a step-up over the JSON endpoints. `more` are headers for every request.
pub(crate) async fn step_up(gateway: &Gateway, client: &mut Client, more: &[(&str, &str)], subject: &str, path: &str) {
    let origin = client.base.clone();
    let mut headers = vec![
        ("accept", "application/json"),
        ("content-type", "application/json"),
        ("origin", origin.as_str()),
        ("sec-fetch-site", "same-origin"),
        ("x-remote-user", subject),
    ];
    headers.extend(more);
    let asked = client.send("GET", path, &headers, "").await;
    assert_eq!((asked.status, asked.problem().as_str()), (401, "step-up-required"), "{asked:?}");
    let id = asked.json()["challenge"]["id"].clone();
    let choice = json!({"id": id, "channel": "email", "contact": 0}).to_string();
    let sent = client.send("POST", "/.otpgate/api/send", &headers, choice).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    let code = code_for(gateway, &format!("{subject}@example.com")).await;
    let answer = json!({"id": id, "code": code}).to_string();
    let passed = client.send("POST", "/.otpgate/api/verify", &headers, answer).await;
    assert_eq!(passed.status, 200, "{passed:?}");
}

/// The newest code that went to an address.
pub(crate) async fn code_for(gateway: &Gateway, address: &str) -> String {
    let messages = admin_json(gateway, "/outbox").await;
    let all = messages.as_array().unwrap();
    let newest = all.iter().find(|message| message["to"] == address).unwrap_or_else(|| panic!("{messages}"));
    newest["code"].as_str().unwrap().to_owned()
}

async fn admin_json(gateway: &Gateway, path: &str) -> Value {
    let mut client = Client::new("localhost", gateway.admin);
    let answer = client.send("GET", path, &[("accept", "application/json")], "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The metrics.
pub(crate) fn metrics(gateway: &Gateway) -> String {
    let ask = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    raw::ask(gateway.admin, ask).unwrap().text()
}

/// A number in kilobytes out of `/proc/<pid>/status`, such as `VmRSS`.
pub(crate) fn memory(pid: u32, what: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
