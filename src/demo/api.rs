//! The JSON interface that the shop's own scripts use. It needs the same session cookie as the pages.
//!
//! A form of another site cannot post JSON, so these addresses need no form token.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::session::ApiCustomer;
use super::shop::{Shop, TransferOrder};

/// The body of a transfer. The amount is a string or a number: `"25.50"` or `25.5`.
#[derive(Deserialize)]
pub(super) struct TransferBody {
    to: String,
    amount: Value,
    #[serde(default)]
    note: String,
}

pub(super) async fn balance(State(shop): State<Arc<Shop>>, ApiCustomer(session): ApiCustomer) -> Json<Value> {
    let statement = shop.statement(session.customer);
    Json(json!({
        "email": session.customer.email(),
        "balance": statement.balance.to_string(),
        "currency": "EUR",
        "transfers": statement.count,
    }))
}

pub(super) async fn transfer(
    State(shop): State<Arc<Shop>>,
    ApiCustomer(session): ApiCustomer,
    body: Result<Json<TransferBody>, JsonRejection>,
) -> Response {
    let TransferBody { to, amount, note } = match body {
        Ok(Json(body)) => body,
        Err(rejection) => {
            return problem(rejection.status(), "bad_request", &rejection.body_text());
        }
    };
    let amount = match amount {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let order = TransferOrder { to, amount, note };
    match shop.transfer(session.customer, order) {
        Ok(transfer) => {
            let balance = shop.statement(session.customer).balance.to_string();
            let answer = json!({"transfer": transfer, "balance": balance});
            (StatusCode::CREATED, Json(answer)).into_response()
        }
        Err(error) => problem(StatusCode::UNPROCESSABLE_ENTITY, "not_sent", &error.to_string()),
    }
}

fn problem(status: StatusCode, error: &str, detail: &str) -> Response {
    (status, Json(json!({"error": error, "detail": detail}))).into_response()
}
