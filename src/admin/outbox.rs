//! What `outbox` providers kept instead of sending it: a page for people, JSON for programs.

use std::sync::{Arc, LazyLock};

use axum::Json;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode, header};
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use ring::digest::{SHA256, digest};

use crate::admin::Admin;
use crate::admin::problem::Problem;
use crate::admin::wanted::wants_second;
use crate::delivery::Kept;

const PAGE: &str = "outbox.html";
const STYLE: &str = include_str!("assets/outbox.css");

static TEMPLATES: LazyLock<Result<Environment<'static>, minijinja::Error>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.add_template(PAGE, include_str!("assets/outbox.html"))?;
    Ok(templates)
});

/// The page runs no script and loads nothing but its empty icon; the one style that it may use is its own, named by its
/// hash.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
});

/// The messages that were kept, newest first.
pub(super) async fn show(State(admin): State<Arc<Admin>>, headers: HeaderMap) -> Result<Response, Problem> {
    let kept = admin.outbox.recent();
    if wants_second(&headers, "text/html", "application/json") {
        return Ok(([(header::VARY, "Accept")], Json(kept)).into_response());
    }
    let html = page(&kept).map_err(|error| {
        tracing::error!(%error, "the page of the outbox failed");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "unavailable", "the page could not be made; the log says why")
    })?;
    Ok(([(header::CONTENT_SECURITY_POLICY, POLICY.as_str()), (header::VARY, "Accept")], Html(html)).into_response())
}

/// Every value is escaped, since the template's name ends in `.html`.
fn page(kept: &[Kept]) -> Result<String, String> {
    let templates = TEMPLATES.as_ref().map_err(ToString::to_string)?;
    let template = templates.get_template(PAGE).map_err(|error| error.to_string())?;
    let values = context! { style => Value::from_safe_string(STYLE.to_owned()), messages => Value::from(Serde(kept)) };
    template.render(values).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
