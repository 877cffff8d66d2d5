//! Watching the application's own login and logout.
//!
//! The request and the answer pass untouched. Before the answer's head goes to the client, what it did to the
//! application's session is written to the store, so that the client's very next request finds its subject.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode, header};

use crate::audit::{Event, Kind};
use crate::identity::{Login, Source, Watched};
use crate::seal::Purpose;
use crate::stepup::judge::about;
use crate::stepup::{Gateway, Site, Visit};
use crate::store::StoreError;
use crate::words::{KeyedHash, Subject};

/// A request whose answer may change whose the application's session is.
#[derive(Debug)]
pub struct Watch {
    site: Arc<Site>,
    /// The place of the login source among the site's sources.
    source: usize,
    form: Option<Watched>,
    logs_out: bool,
}

/// How long it is remembered whose a session is: as long as browsers keep long sessions. A login renews it.
pub(super) const SESSION_TTL: Duration = Duration::from_secs(30 * 24 * 60 * 60);

// === impl Watch ===

impl Watch {
    /// Watches a request, if the site has a login source. Every answer is looked at, since the application may change
    /// its session cookie anywhere; only a login's body is.
    pub(super) fn of(site: &Arc<Site>, visit: &Visit) -> Option<Self> {
        let path = visit.request.path.decoded();
        let (source, login) = site.login_at(path).or_else(|| site.logins().next())?;
        let posts = visit.request.method == http::Method::POST && login.is_login(path);
        let logs_out = site.logins().any(|(_, login)| login.is_logout(path));
        // Without a session and outside the login nothing can change that anybody knows of.
        if !posts && login.session(&visit.headers).is_none() {
            return None;
        }
        let form = if posts { Watched::start(&visit.headers) } else { None };
        Some(Self { site: Arc::clone(site), source, form, logs_out })
    }

    /// Is shown a piece of the request's body.
    pub fn request_body(&mut self, chunk: &[u8]) {
        if let Some(form) = &mut self.form {
            form.chunk(chunk);
        }
    }

    /// Is shown the head of the answer, before the client gets it.
    pub async fn response(&mut self, gateway: &Gateway, visit: &Visit, status: StatusCode, headers: &HeaderMap) {
        let form = self.form.take();
        if form.is_none() && !self.logs_out && !headers.contains_key(header::SET_COOKIE) {
            return;
        }
        let site = Arc::clone(&self.site);
        let Some(Source::Login(login)) = site.spec.sources.get(self.source) else { return };
        let set = login.session_set(headers);
        let after = set.filter(|value| !value.is_empty()).map(|value| gateway.session_hash(&site, value));
        let before = login.session(&visit.headers).map(|cookie| gateway.session_hash(&site, cookie));
        let named = form.filter(|_| login.success.is_met(status, headers)).and_then(|form| form.subject(&login.field));
        let turn = Turn { gateway, site: &site, visit, before, after };
        let outcome = match named {
            Some(subject) => turn.signed_in(login, &subject).await,
            None => turn.changed(set.is_some(), self.logs_out && status.as_u16() < 400).await,
        };
        if let Err(error) = outcome {
            // The subject stays unknown, and protected routes stay closed.
            tracing::error!(%error, "a sign-in could not be remembered");
        }
    }
}

/// What an answer does to the application's session.
struct Turn<'a> {
    gateway: &'a Gateway,
    site: &'a Site,
    visit: &'a Visit,
    /// The session cookie that came with the request, hashed.
    before: Option<KeyedHash>,
    /// The one that the answer sets, hashed.
    after: Option<KeyedHash>,
}

impl Turn<'_> {
    /// A login went well: the session that the browser has from now on is this subject's.
    async fn signed_in(&self, login: &Login, subject: &Subject) -> Result<(), StoreError> {
        let Some(session) = self.after.or(self.before) else {
            tracing::warn!(
                site = %self.site.spec.key, cookie = %login.session_cookie,
                "a sign-in went well, but neither it nor its answer had the session cookie: is `session_cookie` right?"
            );
            return Ok(());
        };
        let shared = self.gateway.shared();
        if let Some(before) = self.before.filter(|&before| before != session) {
            self.forget(before).await?;
        }
        let text = subject.as_str().as_bytes();
        let sealed = self.gateway.keys.seal(Purpose::Session, session.as_bytes(), text, &*shared.random);
        self.site.sessions.forget(session);
        shared.store.bind_session(&self.site.spec.key, session, &sealed, SESSION_TTL).await?;
        self.site.sessions.forget(session);
        self.record(Kind::LoginSeen, Some(subject));
        Ok(())
    }

    /// The answer cleared or changed the session cookie outside a login, or the request logged out: whose it is must be
    /// learned anew.
    async fn changed(&self, set: bool, logged_out: bool) -> Result<(), StoreError> {
        let Some(before) = self.before.filter(|&before| logged_out || (set && self.after != Some(before))) else {
            return Ok(());
        };
        self.forget(before).await?;
        if logged_out || self.after.is_none() {
            self.record(Kind::LogoutSeen, None);
        }
        Ok(())
    }

    async fn forget(&self, session: KeyedHash) -> Result<(), StoreError> {
        self.site.sessions.forget(session);
        self.gateway.shared().store.forget_session(&self.site.spec.key, session).await
    }

    fn record(&self, kind: Kind, subject: Option<&Subject>) {
        let shared = self.gateway.shared();
        let event = self.gateway.naming(self.site, subject, Event::new(kind, shared.reference()));
        shared.audit.record(about(self.site, self.visit, event));
    }
}
