//! Templates to responses. Every value is escaped, since every template is HTML.

use std::sync::LazyLock;

use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use serde_json::json;

use super::shop::Session;

#[cfg(test)]
mod tests;

const TEMPLATES: [(&str, &str); 8] = [
    ("layout.html", include_str!("templates/layout.html")),
    ("home.html", include_str!("templates/home.html")),
    ("login.html", include_str!("templates/login.html")),
    ("account.html", include_str!("templates/account.html")),
    ("transfer.html", include_str!("templates/transfer.html")),
    ("done.html", include_str!("templates/done.html")),
    ("live.html", include_str!("templates/live.html")),
    ("message.html", include_str!("templates/message.html")),
];

static ENVIRONMENT: LazyLock<Result<Environment<'static>, minijinja::Error>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    Ok(environment)
});

/// Renders a page for a visitor. A template that fails is a fault of the program and answers 500.
pub(super) fn page(status: StatusCode, name: &str, session: Option<&Session>, values: serde_json::Value) -> Response {
    let me = session.map(|session| {
        context! {
            name => session.customer.name(),
            email => session.customer.email(),
            form_token => session.form_token(),
        }
    });
    let rendered = ENVIRONMENT.as_ref().map_err(ToString::to_string).and_then(|environment| {
        environment
            .get_template(name)
            .and_then(|template| template.render(context! { me, here => name, ..Value::from(Serde(values)) }))
            .map_err(|error| error.to_string())
    });
    match rendered {
        Ok(html) => (status, [(header::CACHE_CONTROL, "no-store")], Html(html)).into_response(),
        Err(error) => {
            tracing::error!(template = name, error, "a page of the demo application failed");
            (StatusCode::INTERNAL_SERVER_ERROR, "This page could not be shown.\n").into_response()
        }
    }
}

/// A page with a heading and a sentence.
pub(super) fn message(status: StatusCode, session: Option<&Session>, heading: &str, text: &str) -> Response {
    page(status, "message.html", session, json!({"heading": heading, "text": text}))
}
