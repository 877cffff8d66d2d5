//! Whether the process lives, whether it can do its work, and what it counted.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::json;

use crate::admin::Admin;

/// How long the store has to answer: its own limit for one operation.
const STORE_TIMEOUT: Duration = Duration::from_secs(1);

/// The content type of the OpenMetrics text format, version 1.0.0.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The process lives.
pub(super) async fn alive() -> &'static str {
    "ok"
}

/// Whether the store answers: without it, protected routes answer 503.
pub(super) async fn ready(State(admin): State<Arc<Admin>>) -> Response {
    let gateway = admin.gateway();
    let answer = tokio::time::timeout(STORE_TIMEOUT, gateway.shared().store.ping()).await;
    let failure = match answer {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("the store cannot be reached: no answer within a second".to_owned()),
    };
    let status = if failure.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({"ready": failure.is_none(), "store": failure.as_deref().unwrap_or("ok")});
    (status, Json(body)).into_response()
}

/// Every metric. What the store knows of providers and money is asked for on the way, and shown the next time.
pub(super) async fn metrics(State(admin): State<Arc<Admin>>) -> impl IntoResponse {
    admin.gateway().delivery().freshen();
    ([(header::CONTENT_TYPE, OPENMETRICS)], admin.gateway().shared().audit.metrics.encode())
}
