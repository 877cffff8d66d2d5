//! Shows a request as it arrived: what a program behind a proxy gets to see.

use axum::Json;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use ring::digest::{Context, SHA256};
use serde_json::{Value, json};

/// The longest body that is shown; longer ones are read to the end, but only their length and digest are.
const MAX_SHOWN: usize = 2 * 1024 * 1024;

pub(super) async fn echo(request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mut stream = body.into_data_stream();
    let mut digest = Context::new(&SHA256);
    let mut length: u64 = 0;
    let mut shown = Some(Vec::new());
    while let Some(chunk) = stream.next().await {
        let Ok(chunk) = chunk else {
            return (StatusCode::BAD_REQUEST, "The body broke off.\n").into_response();
        };
        length += chunk.len() as u64;
        digest.update(&chunk);
        match shown.as_mut() {
            Some(bytes) if bytes.len() + chunk.len() <= MAX_SHOWN => {
                bytes.extend_from_slice(&chunk);
            }
            _ => shown = None,
        }
    }
    let headers: Vec<[Value; 2]> = head
        .headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            [json!(name.as_str()), json!(value)]
        })
        .collect();
    Json(json!({
        "method": head.method.as_str(),
        "target": head.uri.path_and_query().map(|target| target.as_str()),
        "path": head.uri.path(),
        "query": head.uri.query(),
        "version": format!("{:?}", head.version),
        "headers": headers,
        "body": {
            "length": length,
            "sha256": hex(digest.finish().as_ref()),
            "base64": shown.map(|bytes| STANDARD.encode(bytes)),
        },
    }))
    .into_response()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
