//! Fetching over HTTP what may be long, slow, or something else altogether.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Url};
use tokio::time::timeout;

use crate::risk::NotFetched;

/// The client by which lists are fetched. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Web {
    client: Client,
    limits: WebLimits,
}

/// What a list may cost.
#[derive(Debug, Clone, Copy)]
pub struct WebLimits {
    /// Its size, in bytes.
    pub bytes: usize,
    /// The time from the first byte sent to the last one received.
    pub time: Duration,
}

/// An answer that is one.
#[derive(Debug)]
pub(super) enum Answer {
    /// 304: nothing has changed.
    Same,
    /// A text.
    Text { text: Vec<u8>, etag: Option<String>, modified: Option<String> },
}

/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How often an address may lead to another one of the same server.
const REDIRECTS: usize = 3;
/// The longest validator that is kept: an address must not fill the disk by it.
const VALIDATOR: usize = 1024;
/// The longest wait that a server may ask for.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for WebLimits {
    /// 64 MiB, three times a list of a million networks, within two minutes.
    fn default() -> Self {
        Self { bytes: 64 * 1024 * 1024, time: Duration::from_secs(120) }
    }
}

// === impl Web ===

impl Web {
    /// The client.
    ///
    /// # Errors
    /// When there is no telling whom to trust.
    pub fn new(limits: WebLimits) -> Result<Self, Arc<reqwest::Error>> {
        // The client panics without one. In the gateway it is there already, and this changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .redirect(Policy::custom(same_server))
            .referer(false)
            .connect_timeout(CONNECT)
            // Hours go by between one question and the next.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("otpgate/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(Arc::new)?;
        Ok(Self { client, limits })
    }

    /// Fetches a list, unless it is the one that these validators (`ETag`, `Last-Modified`) came with.
    pub(super) async fn get(
        &self,
        url: &Url,
        validators: Option<(Option<&str>, Option<&str>)>,
    ) -> Result<Answer, NotFetched> {
        let late = || NotFetched::Unreachable("no whole answer in time");
        timeout(self.limits.time, self.exchange(url, validators)).await.unwrap_or_else(|_| Err(late()))
    }

    async fn exchange(
        &self,
        url: &Url,
        validators: Option<(Option<&str>, Option<&str>)>,
    ) -> Result<Answer, NotFetched> {
        let mut request = self.client.get(url.clone());
        let (etag, modified) = validators.unwrap_or_default();
        for (name, value) in [(IF_NONE_MATCH, etag), (IF_MODIFIED_SINCE, modified)] {
            if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                request = request.header(name, value);
            }
        }
        let mut answer = request.send().await.map_err(|error| unanswered(&error))?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED => return Ok(Answer::Same),
            status => return Err(NotFetched::Status { status, retry_after: retry_after(answer.headers()) }),
        }
        let too_large = NotFetched::TooLarge(self.limits.bytes);
        if answer.content_length().is_some_and(|length| length > self.limits.bytes as u64) {
            return Err(too_large);
        }
        let (etag, modified) = (validator(answer.headers(), &ETAG), validator(answer.headers(), &LAST_MODIFIED));
        let mut text = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| unanswered(&error))? {
            if text.len() + piece.len() > self.limits.bytes {
                return Err(too_large);
            }
            text.extend_from_slice(&piece);
        }
        Ok(Answer::Text { text, etag, modified })
    }
}

/// The operator named a server; where it points to is its own affair, and another server, or one within the operator's network,
/// is not.
fn same_server(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let is_same = attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
    if is_same && attempt.previous().len() <= REDIRECTS { attempt.follow() } else { attempt.error(Elsewhere) }
}

#[derive(Debug, thiserror::Error)]
#[error("a redirect to elsewhere")]
struct Elsewhere;

fn validator(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    (value.len() <= VALIDATOR).then(|| value.to_owned())
}

/// The wait that a `Retry-After` in seconds asks for.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(PATIENCE))
}

/// Why there is no answer; the error itself repeats the address.
fn unanswered(error: &reqwest::Error) -> NotFetched {
    if error.is_redirect() {
        return NotFetched::Elsewhere;
    }
    NotFetched::Unreachable(match error.is_connect() {
        true if is_tls(error) => "its certificate or the TLS handshake is not as it should be",
        true => "no connection",
        false => "the connection broke before the end",
    })
}

/// Whether TLS is what went wrong. An error of the operating system's kind hides what it wraps from `source`.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || wrapped.is_some_and(|wrapped| is_tls(wrapped)) || error.source().is_some_and(is_tls)
}
