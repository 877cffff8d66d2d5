//! What providers send to the host of `public_url`: receipts, and requests for what a call says.
//!
//! Nobody signs in here and nothing is told: an answer is a status, and of a call its words. The signature of every vendor
//! covers the address, so the query goes on byte for byte.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};

use crate::audit::Verdict;
use crate::delivery::Callback;
use crate::portal::page;
use crate::portal::turn::PAUSE;
use crate::stepup::{BodyError, Gateway, RequestBody, Unheard, Visit};
use crate::words::MessageId;

/// The most that is read of a body, in bytes: a receipt has a few hundred.
const MAX_BODY: usize = 64 * 1024;

const RECEIPTS: &str = "/.otpgate/receipts/";
const WORDS: &str = "/.otpgate/words/";

/// Answers a request of a provider; `None` when it is for neither of the two addresses.
pub async fn hear(gateway: &Gateway, visit: &Visit, body: &mut dyn RequestBody) -> Option<Response<Bytes>> {
    let path = visit.request.path.decoded();
    let (provider, fetches) = match (path.strip_prefix(RECEIPTS), path.strip_prefix(WORDS)) {
        (Some(provider), _) => (provider, false),
        (None, Some(provider)) => (provider, true),
        (None, None) => return None,
    };
    gateway.shared().audit.metrics.outside().count(Verdict::Portal);
    let method = &visit.request.method;
    if !matches!(*method, Method::GET | Method::POST) {
        let mut answer = bare(StatusCode::METHOD_NOT_ALLOWED);
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
        return Some(answer);
    }
    // What no provider signs: bytes that are no text.
    let Ok(query) = std::str::from_utf8(visit.request.query.raw().unwrap_or_default()) else {
        return Some(bare(StatusCode::BAD_REQUEST));
    };
    let body = match read(body).await {
        Ok(body) => body,
        Err(BodyError::TooLarge) => return Some(bare(StatusCode::PAYLOAD_TOO_LARGE)),
        Err(BodyError::Broken) => return Some(bare(StatusCode::BAD_REQUEST)),
    };
    let url = format!("{}{}", gateway.delivery().public_url().unwrap_or_default(), visit.target());
    let now = gateway.shared().clock.now();
    let callback = Callback { method, url: &url, query, headers: &visit.headers, body: &body, now };
    let heard = if fetches {
        words(gateway, provider, &callback).await
    } else {
        gateway.receive(provider, &callback).await.map(|()| bare(StatusCode::NO_CONTENT))
    };
    Some(heard.unwrap_or_else(turned_away))
}

async fn read(body: &mut dyn RequestBody) -> Result<Bytes, BodyError> {
    if body.declared().is_some_and(|declared| declared > MAX_BODY as u64) {
        return Err(BodyError::TooLarge);
    }
    body.read(MAX_BODY).await
}

async fn words(gateway: &Gateway, provider: &str, callback: &Callback<'_>) -> Result<Response<Bytes>, Unheard> {
    let id = callback.parameter("m").and_then(|id| MessageId::parse(&id).ok()).ok_or(Unheard::Nothing)?;
    let token = callback.parameter("t").unwrap_or_default();
    let words = gateway.words(provider, id, &token, callback).await?;
    Ok(page::answer(StatusCode::OK, "application/xml", words))
}

fn turned_away(unheard: Unheard) -> Response<Bytes> {
    match unheard {
        Unheard::Nothing => bare(StatusCode::NOT_FOUND),
        Unheard::NotBelieved => bare(StatusCode::FORBIDDEN),
        Unheard::Malformed => bare(StatusCode::BAD_REQUEST),
        Unheard::Unavailable => {
            let mut answer = bare(StatusCode::SERVICE_UNAVAILABLE);
            page::retry_after(answer.headers_mut(), PAUSE);
            answer
        }
    }
}

fn bare(status: StatusCode) -> Response<Bytes> {
    page::answer(status, "", Bytes::new())
}
