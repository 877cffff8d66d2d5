//! Watching the application's own login and logout.
//!
//! The request and the answer pass untouched. Before the answer's head goes to the client, what it did to the
//! application's session is written to the store, so that the client's very next request finds its subject. What a
//! sign-in means for whose the session is stands in [`turn`](super::turn).

use std::sync::Arc;

use http::{HeaderMap, StatusCode, header};

use crate::identity::{Attempt, Login, LoginRequest, Watched};
use crate::stepup::turn::Turn;
use crate::stepup::{Gateway, Site, Visit};

/// A request whose answer may change whose the application's session is.
#[derive(Debug)]
pub struct Watch {
    site: Arc<Site>,
    /// The body, on a login path.
    body: Option<Watched>,
}

// === impl Watch ===

impl Watch {
    /// Watches a request, if the site has a login source. Every answer is looked at, since the application may change
    /// its session cookie anywhere; only a login's body is.
    pub(super) fn of(site: &Arc<Site>, visit: &Visit) -> Option<Self> {
        let path = visit.request.path.decoded();
        let signs_in = site.logins().any(|login| login.is_near_login(path));
        // Without a session and outside the login nothing can change that anybody knows of.
        if !signs_in && site.logins().all(|login| login.sessions(&visit.headers).is_empty()) {
            return None;
        }
        Some(Self { site: Arc::clone(site), body: signs_in.then(Watched::default) })
    }

    /// Is told that the request starts, be it for the first time or on a second connection.
    pub fn starts(&mut self) {
        if let Some(body) = &mut self.body {
            *body = Watched::default();
        }
    }

    /// Is shown a piece of the request's body, and its end.
    pub fn request_body(&mut self, chunk: &[u8], end: bool) {
        if let Some(body) = &mut self.body {
            body.chunk(chunk, end);
        }
    }

    /// Is shown the head of the answer, before the client gets it.
    pub async fn response(&mut self, gateway: &Gateway, visit: &Visit, status: StatusCode, headers: &HeaderMap) {
        let body = self.body.take();
        let path = visit.request.path.decoded();
        let site = &*self.site;
        let logs_out = status.as_u16() < 400 && site.logins().any(|login| login.is_logout(path));
        if body.is_none() && !logs_out && !headers.contains_key(header::SET_COOKIE) {
            return;
        }
        let target = visit.target();
        let query = target.split_once('?').map(|(_, query)| query);
        let mut cookies: Vec<&str> = Vec::new();
        for login in site.logins() {
            if cookies.contains(&login.session_cookie.as_str()) {
                continue;
            }
            cookies.push(&login.session_cookie);
            let attempt = body.as_ref().and_then(|body| {
                let request =
                    LoginRequest { method: &visit.request.method, path, query, headers: &visit.headers, body };
                let same = |other: &&Login| other.session_cookie == login.session_cookie;
                let attempts = site.logins().filter(same).filter_map(|login| login.attempt(&request, status, headers));
                attempts.reduce(Attempt::and)
            });
            let turn = Turn::new(gateway, site, visit, login, headers);
            if let Err(error) = turn.take(attempt, logs_out).await {
                // The subject stays unknown, and protected routes stay closed.
                turn.distrust();
                tracing::error!(%error, "a sign-in could not be remembered");
            }
        }
    }
}
