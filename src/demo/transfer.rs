//! The transfer form, and the page that shows what arrived.

use std::sync::Arc;

use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::json;

use super::pages;
use super::session::SignedIn;
use super::shop::{Session, Shop, TransferOrder};
use super::sign_in::{stale, unreadable};

/// The fields of the form.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct TransferForm {
    form_token: String,
    to: String,
    amount: String,
    note: String,
}

#[derive(Deserialize)]
pub(super) struct Which {
    id: u64,
}

pub(super) async fn form(State(shop): State<Arc<Shop>>, SignedIn(session): SignedIn) -> Response {
    form_page(StatusCode::OK, &shop, &session, &TransferOrder::default(), None)
}

/// Carries the transfer out and sends the browser to [`done`].
pub(super) async fn send(
    State(shop): State<Arc<Shop>>,
    SignedIn(session): SignedIn,
    form: Result<Form<TransferForm>, FormRejection>,
) -> Response {
    let Ok(Form(TransferForm { form_token, to, amount, note })) = form else {
        return unreadable(Some(&session));
    };
    if !session.sent(&form_token) {
        return stale(&session);
    }
    let order = TransferOrder { to, amount, note };
    match shop.transfer(session.customer, order.clone()) {
        Ok(transfer) => Redirect::to(&format!("/transfer/done?id={}", transfer.id)).into_response(),
        Err(problem) => {
            form_page(StatusCode::UNPROCESSABLE_ENTITY, &shop, &session, &order, Some(&problem.to_string()))
        }
    }
}

/// Shows a transfer exactly as it arrived, to the customer who sent it.
pub(super) async fn done(
    State(shop): State<Arc<Shop>>,
    SignedIn(session): SignedIn,
    which: Result<Query<Which>, QueryRejection>,
) -> Response {
    let transfer = which.ok().and_then(|Query(which)| shop.find_transfer(session.customer, which.id));
    let Some(transfer) = transfer else {
        return pages::message(
            StatusCode::NOT_FOUND,
            Some(&session),
            "No such transfer",
            "There is no transfer of yours with this number.",
        );
    };
    let total = shop.statement(session.customer).count;
    pages::page(StatusCode::OK, "done.html", Some(&session), json!({"transfer": transfer, "total": total}))
}

fn form_page(
    status: StatusCode,
    shop: &Shop,
    session: &Session,
    order: &TransferOrder,
    problem: Option<&str>,
) -> Response {
    let balance = shop.statement(session.customer).balance.to_string();
    pages::page(status, "transfer.html", Some(session), json!({"order": order, "problem": problem, "balance": balance}))
}
