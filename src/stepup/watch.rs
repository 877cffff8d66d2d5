//! Watching the application's own login and logout.
//!
//! The request and the answer pass untouched. Before the answer's head goes to the client, what it did to the
//! application's session is written to the store, so that the client's very next request finds its subject. What a
//! sign-in means for whose the session is stands in [`turn`](super::turn).

use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode, header};

use crate::identity::{Attempt, Login, LoginRequest, Watched};
use crate::stepup::turn::Turn;
use crate::stepup::{Gateway, Site, Visit};

/// A request whose answer may change whose the application's session is.
#[derive(Debug)]
pub struct Watch {
    site: Arc<Site>,
    form: Option<Form>,
}

/// What may be a login form. It is kept as it goes to the application: a request that was parked is resumed by another.
#[derive(Debug)]
struct Form {
    method: Method,
    query: Option<String>,
    headers: HeaderMap,
    body: Watched,
}

// === impl Watch ===

impl Watch {
    /// Watches a request, if the site has a login source. Every answer is looked at, since the application may change
    /// its session cookie anywhere; only a login's body is.
    pub(super) fn of(site: &Arc<Site>, visit: &Visit) -> Option<Self> {
        let path = visit.request.path.decoded();
        let signs_in = site.logins().any(|login| login.is_near_login(path));
        // Without a session and outside the login nothing can change that anybody knows of.
        if !signs_in && !site.logins().any(|login| login.names_session(&visit.headers)) {
            return None;
        }
        let form = signs_in.then(|| Form {
            method: visit.request.method.clone(),
            query: visit.target().split_once('?').map(|(_, query)| query.to_owned()),
            headers: visit.headers.clone(),
            body: Watched::default(),
        });
        Some(Self { site: Arc::clone(site), form })
    }

    /// Is told that the request starts, be it for the first time or on a second connection.
    pub fn starts(&mut self) {
        if let Some(form) = &mut self.form {
            form.body = Watched::default();
        }
    }

    /// Is shown a piece of the request's body, and its end.
    pub fn request_body(&mut self, chunk: &[u8], end: bool) {
        if let Some(form) = &mut self.form {
            form.body.chunk(chunk, end);
        }
    }

    /// Is shown the head of the answer, before the client gets it.
    pub async fn response(&mut self, gateway: &Gateway, visit: &Visit, status: StatusCode, answer: &HeaderMap) {
        let form = self.form.take();
        let path = visit.request.path.decoded();
        let site = &*self.site;
        let signs_out = |login: &Login| status.as_u16() < 400 && login.is_logout(path);
        if form.is_none() && !site.logins().any(signs_out) && !answer.contains_key(header::SET_COOKIE) {
            return;
        }
        let mut cookies: Vec<&str> = Vec::new();
        for login in site.logins() {
            if cookies.contains(&login.session_cookie.as_str()) {
                continue;
            }
            cookies.push(&login.session_cookie);
            // Two applications may share a host: what happens to one's session is nothing to the other's.
            let same = |other: &&Login| other.session_cookie == login.session_cookie;
            let attempt = form.as_ref().and_then(|Form { method, query, headers, body }| {
                let request = LoginRequest { method, path, query: query.as_deref(), headers, body };
                let attempts = site.logins().filter(same).filter_map(|login| login.attempt(&request, status, answer));
                attempts.reduce(Attempt::and)
            });
            let turn = Turn::new(gateway, site, visit, login, answer);
            let logs_out = site.logins().filter(same).any(signs_out);
            if let Err(error) = turn.take(attempt, logs_out).await {
                // The subject stays unknown, and protected routes stay closed.
                turn.distrust();
                tracing::error!(%error, "a sign-in could not be remembered");
            }
        }
    }
}
