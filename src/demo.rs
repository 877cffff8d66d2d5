//! The demo's application: Harbour Supplies, a small back office of the older kind.
//!
//! It has its own login, its own session cookie and its own forms, and it knows nothing of the gateway that may stand
//! in front of it: this room uses no other. Everything lives in memory and is bounded. Tests use it as the upstream
//! that none of their code can steer, and `/echo` shows what reached it.
//!
//! | address | what it does |
//! |---|---|
//! | `/` | what there is to see |
//! | `/login`, `/logout` | sets and clears the cookie [`SESSION_COOKIE`] |
//! | `/account` | profile, balance, orders, transfers; needs a login |
//! | `/transfer`, `/transfer/done` | sends money, and shows exactly what arrived and how often |
//! | `/api/balance`, `/api/transfer` | the same as JSON, with a 401 of its own |
//! | `/live`, `/live/ws`, `/live/events` | prices over WebSocket and as server-sent events |
//! | `/echo`, `/echo/…` | any method: the request as it arrived |
//! | `/healthz` | `ok` |
//!
//! Start reading at [`app`].

mod api;
mod echo;
mod live;
mod money;
mod pages;
mod session;
mod shop;
mod sign_in;
mod transfer;

use std::future::{Future, IntoFuture};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::{any, get, post};
use tokio::net::TcpListener;

pub use session::SESSION_COOKIE;
pub use shop::Customer;

use session::Visitor;
use shop::Shop;

/// How long a shutdown waits for open requests.
const GRACE: Duration = Duration::from_secs(3);

/// A fresh shop that has just opened: nobody is signed in and no transfer has arrived.
pub fn app() -> Router {
    router(Arc::new(Shop::open()))
}

/// Serves a fresh shop until `shutdown` is ready, then ends its live feeds and open requests within three seconds.
///
/// # Errors
/// Whatever the listener reports when it can accept no more connections.
pub async fn serve<F>(listener: TcpListener, shutdown: F) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let shop = Arc::new(Shop::open());
    let closed = shop.closed();
    let serving = axum::serve(listener, router(Arc::clone(&shop)))
        .with_graceful_shutdown(async move {
            shutdown.await;
            shop.close();
        })
        .into_future();
    tokio::select! {
        ended = serving => ended,
        () = async { closed.await; tokio::time::sleep(GRACE).await } => Ok(()),
    }
}

fn router(shop: Arc<Shop>) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/login", get(sign_in::form).post(sign_in::sign_in))
        .route("/logout", post(sign_in::sign_out))
        .route("/account", get(sign_in::account))
        .route("/transfer", get(transfer::form).post(transfer::send))
        .route("/transfer/done", get(transfer::done))
        .route("/api/balance", get(api::balance))
        .route("/api/transfer", post(api::transfer))
        .route("/live", get(live::page))
        .route("/live/ws", any(live::socket))
        .route("/live/events", get(live::events))
        .route("/echo", any(echo::echo))
        .route("/echo/{*rest}", any(echo::echo))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/style.css", get(style))
        .route("/live.js", get(script))
        .fallback(not_found)
        .with_state(shop)
}

async fn home(visitor: Visitor) -> axum::response::Response {
    pages::page(StatusCode::OK, "home.html", visitor.0.as_ref(), serde_json::json!({"customers": sign_in::customers()}))
}

async fn not_found(visitor: Visitor) -> axum::response::Response {
    pages::message(
        StatusCode::NOT_FOUND,
        visitor.0.as_ref(),
        "Page not found",
        "There is nothing at this address. It may have been mistyped.",
    )
}

async fn style() -> impl axum::response::IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("demo/assets/style.css"))
}

async fn script() -> impl axum::response::IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("demo/assets/live.js"))
}
