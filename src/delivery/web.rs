//! Speaking HTTP to providers: one pooled client for all of them.
//!
//! Whatever goes wrong, it is known whether the request may have been carried out. Nothing of a visitor's request is ever
//! in one of these (D12), and no redirect is followed.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use tokio::time::timeout;

use crate::delivery::Failure;
use crate::words::FailureClass;

/// The most that is read of an answer, in bytes: none that matters is longer.
const MOST: usize = 64 * 1024;
/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection is kept for the next message.
const IDLE: Duration = Duration::from_secs(60);

/// The client of all providers. Clones share its connections.
#[derive(Debug, Clone)]
pub(super) struct Web {
    client: Client,
}

/// An answer that came in time.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

// === impl Web ===

impl Web {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        // The client panics without one. In the gateway it is there already, and this changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(64)
            .user_agent(concat!("otpgate/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client })
    }

    pub(super) fn post(&self, url: &str) -> RequestBuilder {
        self.client.post(url)
    }

    pub(super) fn request(&self, method: http::Method, url: &str) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Sends a request and reads its answer, whatever its status, within `limit`.
    pub(super) async fn send(&self, request: RequestBuilder, limit: Duration) -> Result<Answer, Failure> {
        match timeout(limit, exchange(request)).await {
            Ok(outcome) => outcome,
            // Nobody knows how far it came.
            Err(_) => Err(Failure::TimedOut { written: true }),
        }
    }
}

async fn exchange(request: RequestBuilder) -> Result<Answer, Failure> {
    let mut response = request.send().await.map_err(|error| unanswered(&error))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MOST => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(Answer { status, headers, body: body.freeze() }),
            // The provider has answered; what it said is lost.
            Ok(Some(_)) | Err(_) => return Err(Failure::Broken { written: true }),
        }
    }
}

fn unanswered(error: &reqwest::Error) -> Failure {
    if error.is_builder() {
        return Failure::Unsendable("its request cannot be written");
    }
    let mut causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    let is_tls = causes.any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause.is::<rustls::Error>() || io.is_some_and(|inner| inner.is::<rustls::Error>())
    });
    match (error.is_connect(), error.is_timeout()) {
        (true, _) if is_tls => Failure::Tls("the certificate or the handshake is not as it should be".to_owned()),
        (true, true) => Failure::TimedOut { written: false },
        (true, false) => Failure::Unreachable("no connection".to_owned()),
        (false, true) => Failure::TimedOut { written: true },
        (false, false) => Failure::Broken { written: true },
    }
}

// === impl Answer ===

impl Answer {
    /// The body as JSON; null when it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The wait that a `Retry-After` in seconds asks for, at most a day.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(header::RETRY_AFTER)?.to_str().ok()?;
        let seconds: u64 = text.trim().parse().ok()?;
        Some(Duration::from_secs(seconds.min(24 * 60 * 60)))
    }

    /// The class that the status alone tells: for answers that say nothing more.
    pub(super) fn class_of_status(&self) -> FailureClass {
        match self.status.as_u16() {
            401 => FailureClass::AuthConfig,
            402 => FailureClass::InsufficientBalance,
            429 => FailureClass::RateLimited,
            500..=599 => FailureClass::ProviderDown,
            _ => FailureClass::Unknown,
        }
    }

    /// A refusal of this class, with the provider's own number for it.
    pub(super) fn refusal(&self, class: FailureClass, code: Option<&str>) -> Failure {
        // Digits, dots and letters only: nothing that a provider repeats of the message passes (I9).
        let is_code = |code: &&str| {
            (1..=24).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        let code = code.filter(is_code).map_or_else(|| self.status.as_u16().to_string(), str::to_owned);
        Failure::Declined { class, code, retry_after: self.retry_after() }
    }
}
