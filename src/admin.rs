//! Health, metrics and the admin API, on a listener of their own: an axum router.
//!
//! May use every room below `portal`. Never mounted on a public listener (F09), and every address is matched exactly
//! (F10).
//!
//! | address | what it does | token |
//! |---|---|---|
//! | `GET /healthz` | `ok` while the process lives | no |
//! | `GET /readyz` | whether the store answers: 200 or 503 | no |
//! | `GET /metrics` | every metric, as OpenMetrics text | yes |
//! | `GET /outbox` | what `outbox` providers kept, as a page or as JSON; the token may come as a Basic password | yes |
//! | `POST /revoke`, `POST /unlock`, `POST /trust-contacts` | `{"subject": …, "site": …}`, the site may be left out | yes |
//! | `GET /bans` | the addresses that are banned at present | yes |
//! | `POST /lift-ban` | `{"address": …, "site": …}`, the site may be left out | yes |
//! | `GET /lookup/{reference}` | what happened under a reference, as JSON or as text for people | yes |
//!
//! Start at [`router`]; who is let in is decided in `door.rs`.

mod door;
mod health;
mod operate;
mod outbox;
mod problem;
pub mod settings;
mod token;
mod wanted;

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

pub use token::{AdminToken, BadToken};

use crate::delivery::Outbox;
use crate::stepup::Gateway;
use problem::Problem;

/// What every handler works with.
struct Admin {
    current: Arc<ArcSwap<Gateway>>,
    outbox: Arc<Outbox>,
    token: Option<AdminToken>,
}

/// The address of the outbox: the one that people open in a browser.
const OUTBOX: &str = "/outbox";
/// The most that is read of a body, in bytes: a subject and a host name are far shorter.
const MAX_BODY: usize = 16 * 1024;

/// The admin listener's addresses, for the gateway that `current` holds whenever a request comes. Without a `token`
/// everybody who reaches the listener is an operator: then it must be on a loopback address.
pub fn router(current: Arc<ArcSwap<Gateway>>, outbox: Arc<Outbox>, token: Option<AdminToken>) -> Router {
    let admin = Arc::new(Admin { current, outbox, token });
    let open = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .method_not_allowed_fallback(wrong_method);
    let guarded = Router::new()
        .route("/metrics", get(health::metrics))
        .route(OUTBOX, get(outbox::show))
        .route("/revoke", post(operate::revoke))
        .route("/unlock", post(operate::unlock))
        .route("/trust-contacts", post(operate::trust_contacts))
        .route("/bans", get(operate::bans))
        .route("/lift-ban", post(operate::lift_ban))
        .route("/lookup/{reference}", get(operate::lookup))
        .method_not_allowed_fallback(wrong_method)
        .fallback(not_found)
        .layer(from_fn(door::changes_by_own_hand))
        .layer(from_fn_with_state(Arc::clone(&admin), door::token));
    open.merge(guarded)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Arc::clone(&admin), door::host))
        .layer(from_fn(door::guarding_headers))
        .with_state(admin)
}

async fn not_found() -> Problem {
    Problem::not_found(
        "not-found",
        "the addresses are /healthz, /readyz, /metrics, /outbox, /revoke, /unlock, /trust-contacts, /bans, /lift-ban and \
         /lookup/REFERENCE",
    )
}

async fn wrong_method() -> Problem {
    Problem::wrong_method()
}

// === impl Admin ===

impl Admin {
    fn gateway(&self) -> Arc<Gateway> {
        self.current.load_full()
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Admin")
    }
}
