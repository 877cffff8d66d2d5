//! Whether the process lives, whether it can do its work, and what it counted.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::{Map, Value, json};

use crate::admin::Admin;
use crate::directory::{Directory as _, Health, Kept};
use crate::stepup::Site;
use crate::words::Timestamp;

/// How long the store has to answer: its own limit for one operation.
const STORE_TIMEOUT: Duration = Duration::from_secs(1);

/// The content type of the OpenMetrics text format, version 1.0.0.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The process lives.
pub(super) async fn alive() -> &'static str {
    "ok"
}

/// Whether the store answers: without it, protected routes answer 503.
///
/// A directory that is down is told and makes nothing unready: all gateways ask the same one, so that taking them out of
/// service would end the pages that need no code, and the visitors who have passed, as well.
pub(super) async fn ready(State(admin): State<Arc<Admin>>) -> Response {
    let gateway = admin.gateway();
    let answer = tokio::time::timeout(STORE_TIMEOUT, gateway.shared().store.ping()).await;
    let failure = match answer {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("the store cannot be reached: no answer within a second".to_owned()),
    };
    let status = if failure.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "ready": failure.is_none(),
        "store": failure.as_deref().unwrap_or("ok"),
        "directories": gateway.sites().map(|site| (site.spec.key.to_string(), directories(site))).collect::<Map<_, _>>(),
    });
    (status, Json(body)).into_response()
}

/// How the directories of a site fare, by what came of the last look-up: nobody is asked for this.
fn directories(site: &Site) -> Value {
    let told = |directory: &Arc<Kept>| {
        let (name, Health { answered, failing, trouble, .. }) = (directory.name(), directory.health());
        let answered = answered.map(Timestamp::as_secs);
        match (failing, trouble) {
            (Some((since, why)), _) => {
                json!({"directory": name, "state": why, "since": since.as_secs(), "answered": answered})
            }
            (None, Some(trouble)) => json!({"directory": name, "state": trouble, "answered": answered}),
            (None, None) if answered.is_some() => json!({"directory": name, "state": "ok", "answered": answered}),
            (None, None) => json!({"directory": name, "state": "not asked yet"}),
        }
    };
    site.spec.directories.iter().map(told).collect()
}

/// Every metric. What the store knows of providers and money is asked for on the way, and shown the next time.
pub(super) async fn metrics(State(admin): State<Arc<Admin>>) -> impl IntoResponse {
    admin.gateway().delivery().freshen();
    ([(header::CONTENT_TYPE, OPENMETRICS)], admin.gateway().shared().audit.metrics.encode())
}
