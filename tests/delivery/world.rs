//! What tests of providers share: a delivery made of YAML as an operator writes it, messages, mock servers on a loopback
//! address that record what they are asked, and the vendors' own SDKs as oracles.
#![allow(dead_code)]

use std::collections::VecDeque;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use otpgate::config::{self, Surroundings};
use otpgate::delivery::settings::DeliverySettings;
use otpgate::delivery::{
    Aim, BadCallback, Callback, Delivered, Delivery, Failure, Heard, Message, Order, Outbox, SendError, SiteName, Tools,
};
use otpgate::seal::Code;
use otpgate::store::{MoneyBudget, SiteKey};
use otpgate::words::{ChallengeId, Channel, Clock as _, Contact, Reference, SystemClock};
use serde_json::Value;

/// The base of receipts in these tests.
pub(crate) const PUBLIC_URL: &str = "https://otp.example.test";

/// A delivery and what it works with.
pub(crate) struct World {
    pub(crate) delivery: Delivery,
    pub(crate) tools: Tools,
    pub(crate) site: SiteKey,
    pub(crate) budget: MoneyBudget,
}

/// A provider's server, which answers as it is told and remembers what it was asked.
#[derive(Clone)]
pub(crate) struct Mock {
    pub(crate) url: String,
    state: Arc<Mutex<Told>>,
}

#[derive(Default)]
struct Told {
    /// Answers in order; the last one stays.
    answers: VecDeque<Says>,
    seen: Vec<Asked>,
}

/// What a mock does with a request.
#[derive(Clone)]
pub(crate) enum Says {
    /// Answers so.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// Reads the request and never answers.
    Nothing,
    /// Reads the request and breaks the connection, after this much of an answer was promised.
    Breaks,
}

/// A request as a mock got it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl World {
    /// The delivery that this YAML under `delivery:` means.
    pub(crate) fn new(yaml: &str) -> Self {
        Self::with(yaml, Tools::alone(Arc::new(Outbox::default())))
    }

    pub(crate) fn with(yaml: &str, tools: Tools) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let nothing = |_: &str| None;
        let around = Surroundings::of(Path::new("otpgate.yaml"), &nothing);
        let settings = config::read::<DeliverySettings>(yaml).unwrap_or_else(|fault| panic!("{}", fault.message()));
        let mut spec = settings.spec(&around).unwrap_or_else(|fault| panic!("{}", fault.message()));
        spec.public_url = Some(PUBLIC_URL.to_owned());
        let delivery = Delivery::new(spec, tools.clone()).unwrap();
        Self { delivery, tools, site: SiteKey::new("shop.example.com"), budget: MoneyBudget::default() }
    }

    /// Why this YAML means no delivery.
    pub(crate) fn fault(yaml: &str) -> String {
        let nothing = |_: &str| None;
        let around = Surroundings::of(Path::new("otpgate.yaml"), &nothing);
        let settings = config::read::<DeliverySettings>(yaml);
        settings.and_then(|settings| settings.spec(&around)).map(drop).unwrap_err().message().to_owned()
    }

    pub(crate) async fn send(&self, message: &Message) -> Result<Delivered, SendError> {
        self.resend(message, None).await
    }

    pub(crate) async fn resend(&self, message: &Message, avoid: Option<&str>) -> Result<Delivered, SendError> {
        let challenge = ChallengeId::from_random([9; 16]);
        let order = Order { message, site: &self.site, challenge, send: 1, budget: &self.budget, avoid };
        self.delivery.send(&order).await
    }

    /// The one failure of a message that a single provider is asked to carry.
    pub(crate) async fn failure(&self, message: &Message) -> Failure {
        let error = self.send(message).await.unwrap_err();
        let told = format!("{error} {error:?} {:?}", self.delivery);
        for secret in [message.to.reveal(), message.code.as_ref().unwrap().reveal()] {
            assert!(!told.contains(secret), "I9: {told}");
        }
        assert_eq!(error.attempts().len(), 1, "{error}");
        error.attempts()[0].failure.clone()
    }

    /// What the provider `name` reads out of a request to `/.otpgate/receipts/<name>` with this query.
    pub(crate) fn read(
        &self,
        name: &str,
        method: &Method,
        query: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Heard, BadCallback> {
        let mark = if query.is_empty() { "" } else { "?" };
        let url = format!("{PUBLIC_URL}/.otpgate/receipts/{name}{mark}{query}");
        self.delivery.read(name, &Callback { method, url: &url, query, headers, body, now: SystemClock.now() })
    }
}

/// A message on `channel`, to a number of Malaysia or an address, with the code 123456.
pub(crate) fn message(channel: Channel) -> Message {
    let to = if channel == Channel::Email { "alice@example.com" } else { "+60123456789" };
    message_to(Contact::parse(channel, to).unwrap())
}

pub(crate) fn message_to(to: Contact) -> Message {
    Message {
        to,
        code: Code::unsealed(b"123456"),
        site: SiteName::new("Example Shop", "shop.example.com"),
        aim: Aim::Open,
        expires_in: Duration::from_secs(300),
        reference: Reference::from_random([7; 5]),
        language: None,
        client: Some("203.0.113.7".parse().unwrap()),
    }
}

impl Mock {
    /// One that answers every request in this way.
    pub(crate) async fn saying(status: u16, body: &str) -> Self {
        Self::start([Says::Answer(status, Vec::new(), body.to_owned())]).await
    }

    /// One that answers with these in order, and with the last one from then on.
    pub(crate) async fn start(answers: impl IntoIterator<Item = Says>) -> Self {
        let told = Told { answers: answers.into_iter().collect(), seen: Vec::new() };
        let state = Arc::new(Mutex::new(told));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, state }
    }

    /// What comes from now on.
    pub(crate) fn says(&self, answers: impl IntoIterator<Item = Says>) {
        self.state.lock().unwrap().answers = answers.into_iter().collect();
    }

    /// What it was asked, oldest first.
    pub(crate) fn seen(&self) -> Vec<Asked> {
        self.state.lock().unwrap().seen.clone()
    }

    /// The last request.
    pub(crate) fn last(&self) -> Asked {
        self.seen().pop().expect("it was asked nothing")
    }
}

async fn answer(State(state): State<Arc<Mutex<Told>>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let target = head.uri.path_and_query().unwrap().to_string();
    let asked = Asked { method: head.method, target, headers: head.headers, body };
    let says = {
        let mut told = state.lock().unwrap();
        told.seen.push(asked);
        let says = told.answers.front().cloned().unwrap();
        if told.answers.len() > 1 {
            told.answers.pop_front();
        }
        says
    };
    match says {
        Says::Answer(status, headers, body) => {
            let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Body::from(body)).unwrap()
        }
        Says::Nothing => std::future::pending().await,
        Says::Breaks => {
            let pieces = [Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("broken"))];
            Response::new(Body::from_stream(futures_util::stream::iter(pieces)))
        }
    }
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The fields of a form, in their order.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }

    pub(crate) fn field(&self, name: &str) -> Option<String> {
        self.form().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Runs `tests/delivery/oracle/<script>` with a vendor's own SDK: what it prints for `input`, both JSON.
pub(crate) fn oracle(script: &str, input: &Value) -> Value {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut child = Command::new(root.join("target/venv/bin/python"))
        // Else the folder of the script comes first, and `vonage` there is the script.
        .arg("-I")
        .arg(root.join("tests/delivery/oracle").join(script))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("target/venv is needed: `make test` makes it");
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{script} failed");
    serde_json::from_slice(&output.stdout).unwrap()
}
