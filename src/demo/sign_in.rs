//! Login, logout and the account page.

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::json;

use super::pages;
use super::session::{SESSION_COOKIE, SignedIn, Visitor, session_id};
use super::shop::{Customer, Session, Shop};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Credentials {
    email: String,
    password: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Logout {
    form_token: String,
}

pub(super) async fn form(visitor: Visitor) -> Response {
    login_page(StatusCode::OK, visitor.0.as_ref(), "", None)
}

/// Signs in with a fresh session, and ends the one that the browser may have had.
pub(super) async fn sign_in(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    headers: HeaderMap,
    credentials: Result<Form<Credentials>, FormRejection>,
) -> Response {
    let Ok(Form(Credentials { email, password })) = credentials else {
        return unreadable(visitor.0.as_ref());
    };
    let Some(id) = shop.sign_in(&email, &password) else {
        let problem = "The e-mail address or the password is wrong.";
        return login_page(StatusCode::UNAUTHORIZED, visitor.0.as_ref(), &email, Some(problem));
    };
    if let Some(old) = session_id(&headers) {
        shop.sign_out(old);
    }
    let cookie = format!("{SESSION_COOKIE}={id}; Path=/; HttpOnly; SameSite=Lax");
    ([(header::SET_COOKIE, cookie)], Redirect::to("/account")).into_response()
}

pub(super) async fn sign_out(
    State(shop): State<Arc<Shop>>,
    SignedIn(session): SignedIn,
    headers: HeaderMap,
    logout: Result<Form<Logout>, FormRejection>,
) -> Response {
    let Ok(Form(Logout { form_token })) = logout else {
        return unreadable(Some(&session));
    };
    if !session.sent(&form_token) {
        return stale(&session);
    }
    if let Some(id) = session_id(&headers) {
        shop.sign_out(id);
    }
    let cookie = format!("{SESSION_COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}

pub(super) async fn account(State(shop): State<Arc<Shop>>, SignedIn(session): SignedIn) -> Response {
    let statement = shop.statement(session.customer);
    pages::page(
        StatusCode::OK,
        "account.html",
        Some(&session),
        json!({
            "balance": statement.balance.to_string(),
            "count": statement.count,
            "transfers": statement.transfers,
            "orders": session.customer.orders(),
        }),
    )
}

/// The answer to a form that is no form.
pub(super) fn unreadable(session: Option<&Session>) -> Response {
    pages::message(
        StatusCode::BAD_REQUEST,
        session,
        "That form could not be read",
        "What was sent is not a form of this site. Go back and try again.",
    )
}

/// The answer to a form that no page of this session has made.
pub(super) fn stale(session: &Session) -> Response {
    pages::message(
        StatusCode::FORBIDDEN,
        Some(session),
        "This form is out of date",
        "It was not made by a page of your present session. Open the page again and send it once more.",
    )
}

fn login_page(status: StatusCode, session: Option<&Session>, email: &str, problem: Option<&str>) -> Response {
    pages::page(status, "login.html", session, json!({"email": email, "problem": problem, "customers": customers()}))
}

/// Who can sign in, and with what: for the pages that print it.
pub(super) fn customers() -> serde_json::Value {
    Customer::ALL
        .map(|customer| json!({"email": customer.email(), "password": customer.password()}))
        .into_iter()
        .collect()
}
