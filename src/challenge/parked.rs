//! The parked request: what a challenge interrupted, byte for byte.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

/// A request that waits for a code. It has no cookies and no authorisation: the resuming request brings its own (R14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// The method.
    pub method: Method,
    /// The target as it goes over the wire.
    pub target: String,
    /// The headers but for those that belong to a connection, a client or its credentials.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

#[derive(Serialize, Deserialize)]
struct Head {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
}

/// Headers that are not parked: credentials, and what belongs to one connection or one transfer. Forwarded and identity
/// headers are removed on the way to the upstream as from any request.
const NOT_PARKED: [HeaderName; 16] = [
    header::COOKIE,
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::RANGE,
];

// === impl Parked ===

impl Parked {
    /// Parks a request.
    #[must_use]
    pub fn new(method: Method, target: &str, headers: &HeaderMap, body: Bytes) -> Self {
        let headers = headers
            .iter()
            .filter(|(name, _)| !NOT_PARKED.contains(name) && !is_hop_by_hop(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        Self { method, target: target.to_owned(), headers, body }
    }

    /// The sealed form's plain text: the length of the head, the head as JSON, the body as it came.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let head = Head {
            method: self.method.as_str().to_owned(),
            target: self.target.clone(),
            headers: self.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect(),
        };
        let head = serde_json::to_vec(&head).unwrap_or_default();
        let length = u32::try_from(head.len()).unwrap_or(u32::MAX);
        [&length.to_le_bytes()[..], &head, &self.body].concat()
    }

    /// Reads [`Parked::encode`] back.
    #[must_use]
    pub fn decode(bytes: Vec<u8>) -> Option<Self> {
        let bytes = Bytes::from(bytes);
        let (length, _) = bytes.split_first_chunk::<4>()?;
        let start = usize::try_from(u32::from_le_bytes(*length)).ok()?.checked_add(4)?;
        let head: Head = serde_json::from_slice(bytes.get(4..start)?).ok()?;
        let mut headers = HeaderMap::new();
        for (name, value) in head.headers {
            headers.append(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
        }
        let body = bytes.slice(start..);
        Some(Self { method: Method::from_bytes(head.method.as_bytes()).ok()?, target: head.target, headers, body })
    }
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(name.as_str(), "keep-alive" | "proxy-connection" | "http2-settings" | "if-range")
}

/// What tells one request from another: method, target, and type and content of the body. For likeness, and for a
/// confirmation, which any change voids (O30).
#[must_use]
pub fn digest(method: &Method, target: &str, headers: &HeaderMap, body: &[u8]) -> [u8; 32] {
    let kind = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let encoding = headers.get(header::CONTENT_ENCODING).map_or(&b""[..], HeaderValue::as_bytes);
    let mut context = Context::new(&SHA256);
    for part in [method.as_str().as_bytes(), target.as_bytes(), kind, encoding, body] {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part);
    }
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    out
}

#[cfg(test)]
mod tests;
