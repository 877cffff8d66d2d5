//! The one entry of the rooms above: a request in, and out comes either a request to forward or a whole answer.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::BodyExt as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tower::ServiceExt as _;

use crate::audit;
use crate::portal::{html, json, turn};
use crate::stepup::{BodyError, Forward, Gateway, RequestBody, Ruling, Site, Visit};

/// What becomes of a request.
#[derive(Debug)]
pub enum Handled {
    /// It goes on to the upstream.
    Forward(Box<Forward>),
    /// This is its answer.
    Answer(Response<Bytes>),
}

/// What a handler of the portal works with.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub gateway: Arc<Gateway>,
    pub site: Arc<Site>,
    pub visit: Arc<Visit>,
}

/// The gateway's own pages and endpoints.
#[derive(Debug, Clone)]
pub struct Portal {
    router: Router,
}

/// The most that is read of a body sent to the portal, in bytes: a code and a token are far shorter.
const MAX_BODY: usize = 16 * 1024;

/// What of a decoded path is escaped before the router reads it: everything but letters, digits, `/` and the marks of
/// the portal's own addresses.
const NOT_OF_A_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

// === impl Portal ===

impl Default for Portal {
    fn default() -> Self {
        Self { router: html::router().merge(json::router()).fallback(html::not_found) }
    }
}

impl Portal {
    /// Handles a request: one for the portal itself, or one that the conductor judges.
    pub async fn handle(
        &self,
        gateway: &Arc<Gateway>,
        site: &Arc<Site>,
        visit: Visit,
        body: &mut dyn RequestBody,
    ) -> (Visit, Handled) {
        if Gateway::is_portal(&visit.request.path) {
            site.metrics.count(audit::Verdict::Portal);
            let (visit, answer) = self.own(gateway, site, visit, body).await;
            return (visit, Handled::Answer(answer));
        }
        let handled = match gateway.judge(site, &visit, body).await {
            Ruling::Forward(forward) => Handled::Forward(forward),
            ruling => Handled::Answer(turn::answer(site, &visit, ruling)),
        };
        (visit, handled)
    }

    async fn own(
        &self,
        gateway: &Arc<Gateway>,
        site: &Arc<Site>,
        visit: Visit,
        body: &mut dyn RequestBody,
    ) -> (Visit, Response<Bytes>) {
        let bytes = if matches!(visit.request.method, Method::GET | Method::HEAD) {
            Bytes::new()
        } else {
            match body.read(MAX_BODY).await {
                Ok(bytes) => bytes,
                Err(BodyError::TooLarge) => {
                    let answer = turn::too_large_for_portal(gateway, site, &visit, MAX_BODY);
                    return (visit, answer);
                }
                Err(BodyError::Broken) => {
                    let answer = turn::broken(gateway, site, &visit);
                    return (visit, answer);
                }
            }
        };
        let visit = Arc::new(visit);
        let call = Call { gateway: Arc::clone(gateway), site: Arc::clone(site), visit: Arc::clone(&visit) };
        let answer = self.route(call, bytes).await;
        (Arc::unwrap_or_clone(visit), answer)
    }

    async fn route(&self, call: Call, bytes: Bytes) -> Response<Bytes> {
        // The canonical path, not the one on the wire: exactly one spelling of each address exists. It is decoded, so
        // a `?` or `%` in it is part of a name. The query is read out of the visit.
        let uri = utf8_percent_encode(call.visit.request.path.folded(), NOT_OF_A_PATH).to_string();
        let request = http::Request::builder().method(call.visit.request.method.clone()).uri(uri).extension(call);
        let Ok(request) = request.body(Body::from(bytes)) else { return plain(StatusCode::BAD_REQUEST) };
        let Ok(response) = self.router.clone().oneshot(request).await;
        let (head, body) = response.into_parts();
        match body.collect().await {
            Ok(body) => Response::from_parts(head, body.to_bytes()),
            Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

fn plain(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}
