//! Who is asking: the session cookie as axum extractors.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;

use super::shop::{Session, Shop};

/// The application's own session cookie.
pub const SESSION_COOKIE: &str = "SHOPSESSION";

/// Whoever asks, signed in or not.
pub(super) struct Visitor(pub(super) Option<Session>);

/// A signed-in customer; anyone else is sent to the login page.
pub(super) struct SignedIn(pub(super) Session);

/// A signed-in customer of the JSON interface; anyone else gets a 401.
pub(super) struct ApiCustomer(pub(super) Session);

/// The value of the session cookie, whatever it is worth.
pub(super) fn session_id(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == SESSION_COOKIE).then_some(value))
}

fn session(parts: &Parts, shop: &Shop) -> Option<Session> {
    shop.session(session_id(&parts.headers)?)
}

impl FromRequestParts<Arc<Shop>> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, shop: &Arc<Shop>) -> Result<Self, Infallible> {
        Ok(Self(session(parts, shop)))
    }
}

impl FromRequestParts<Arc<Shop>> for SignedIn {
    type Rejection = Redirect;

    async fn from_request_parts(parts: &mut Parts, shop: &Arc<Shop>) -> Result<Self, Redirect> {
        session(parts, shop).map(Self).ok_or_else(|| Redirect::to("/login"))
    }
}

impl FromRequestParts<Arc<Shop>> for ApiCustomer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shop: &Arc<Shop>) -> Result<Self, Response> {
        session(parts, shop).map(Self).ok_or_else(|| {
            let body = json!({"error": "sign_in_required", "detail": "Sign in at /login first."});
            (StatusCode::UNAUTHORIZED, Json(body)).into_response()
        })
    }
}
