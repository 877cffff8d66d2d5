//! Asking the site's application who is asking, and noticing when that changes.
//!
//! The `whoami` source's answers are remembered for a short time. A request that may change who is signed in ends what is
//! remembered of its session, when it goes on and when its answer comes; meanwhile nothing is remembered. The other gateways
//! are told of what surely changed: a sign-in or sign-out at a path that the config lists, and a session that was cleared.

use std::collections::HashMap;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use crate::identity::{About, Application, Named, Source, Unanswered, Whoami};
use crate::stepup::{Gateway, Site, Visit};
use crate::store::SiteKey;
use crate::words::KeyedHash;

/// A question for the application that is not answered yet.
pub(super) struct Pending<'s> {
    whoami: &'s Arc<Whoami>,
    about: About,
    cookie: HeaderValue,
}

/// What is remembered of a `whoami` source.
pub(super) enum Remembered<'s> {
    /// The application need not be asked.
    Said(Option<crate::words::Subject>),
    /// It must be asked.
    Ask(Pending<'s>),
}

/// A request whose answer may change whom the application names on its session.
#[derive(Debug)]
pub struct Changing {
    site: Arc<Site>,
    /// The sessions that the request itself may change, until its answer is seen.
    sessions: Vec<KeyedHash>,
    /// Whether the config lists its path.
    is_listed: bool,
}

impl Gateway {
    /// The same gateway, whose sites' applications can be asked.
    #[must_use]
    pub fn asking(mut self, applications: HashMap<SiteKey, Arc<dyn Application>>) -> Self {
        self.applications = applications;
        self
    }

    /// What the application said of the visitor's session, or the question to ask it. Sets `app_session`, if nobody has.
    pub(super) fn remembered_answer<'s>(
        &self,
        site: &Site,
        visit: &Visit,
        whoami: &'s Arc<Whoami>,
        app_session: &mut Option<KeyedHash>,
    ) -> Remembered<'s> {
        let session = whoami.session(&visit.headers).map(|cookie| self.session_hash(site, cookie));
        let (Some(session), Some(cookie)) = (session, whoami.cookie(&visit.headers)) else {
            return Remembered::Said(None);
        };
        app_session.get_or_insert(session);
        // All that the answer depends on: another host of the site may be another shop (X12).
        let host = visit.request.authority.to_string();
        let (site_key, id) = (site.spec.key.as_str(), whoami.id.as_str());
        let parts = [site_key.as_bytes(), id.as_bytes(), host.as_bytes(), cookie.as_bytes()];
        let about = About { key: self.keys.hash("whoami", &parts), session };
        match site.answers.get(about, self.shared.clock.now()) {
            Some(said) => Remembered::Said(said),
            None => Remembered::Ask(Pending { whoami, about, cookie }),
        }
    }

    /// Asks the application, unless it is being asked the same.
    pub(super) async fn ask_application(&self, site: &Site, visit: &Visit, pending: Pending<'_>) -> Named {
        let Pending { whoami, about, cookie } = pending;
        let application = self.applications.get(&site.spec.key).cloned().ok_or(Unanswered::Unreachable)?;
        let question = whoami.question(&visit.request, cookie);
        let (answers, whoami) = (Arc::clone(&site.answers), Arc::clone(whoami));
        let keep = whoami.keep;
        let asking = async move {
            let answer = answers.exchange(&*application, &question).await?;
            // Reading a large page takes a while, in which this thread has others to serve.
            let read = tokio::task::spawn_blocking(move || whoami.named(&answer)).await;
            read.unwrap_or(Err(Unanswered::Unreadable("reading it failed")))
        };
        site.answers.ask(about, keep, Arc::clone(&self.shared.clock), asking).await
    }
}

// === impl Changing ===

impl Changing {
    /// Follows a request on its way to the application, if the site asks that who its visitors are.
    pub(super) fn of(gateway: &Gateway, site: &Arc<Site>, visit: &Visit) -> Option<Self> {
        let mut sources = site.whoamis().peekable();
        sources.peek()?;
        let (mut sessions, mut is_listed) = (Vec::new(), false);
        for whoami in sources.filter(|whoami| whoami.may_change(&visit.request)) {
            is_listed |= whoami.changes_at.is_some();
            let hash = |cookie| gateway.session_hash(site, cookie);
            sessions.extend(whoami.sessions(&visit.headers).map(hash));
        }
        sessions.iter().for_each(|&session| site.answers.changes_begin(session));
        Some(Self { site: Arc::clone(site), sessions, is_listed })
    }

    /// Is shown the head of the answer, before the client gets it.
    pub async fn response(&mut self, gateway: &Gateway, visit: &Visit, answer: &HeaderMap) {
        let mut changed = if self.is_listed { self.sessions.clone() } else { Vec::new() };
        for whoami in self.site.whoamis() {
            let hash = |cookie| gateway.session_hash(&self.site, cookie);
            let mut set = whoami.set(answer).peekable();
            if set.peek().is_none() {
                continue;
            }
            let before: Vec<KeyedHash> = whoami.sessions(&visit.headers).map(hash).collect();
            for value in set {
                let after = hash(value);
                // An application that sends the same cookie once more only makes it live longer.
                if before.contains(&after) {
                    continue;
                }
                self.site.answers.changed(after);
                before.iter().for_each(|&session| self.site.answers.changed(session));
                if value.is_empty() {
                    changed.extend(&before);
                }
            }
        }
        for session in changed {
            if let Err(error) = gateway.shared().store.forget_session(&self.site.spec.key, session).await {
                tracing::warn!(%error, "the other gateways could not be told that a session has changed");
            }
        }
        self.end();
    }

    fn end(&mut self) {
        for session in self.sessions.drain(..) {
            self.site.answers.changes_end(session);
        }
    }
}

impl Drop for Changing {
    /// Without an answer nobody knows what the application did.
    fn drop(&mut self) {
        self.end();
    }
}

impl Site {
    /// Every source that asks the application.
    pub(super) fn whoamis(&self) -> impl Iterator<Item = &Arc<Whoami>> {
        self.spec.sources.iter().filter_map(|source| match source {
            Source::Whoami(whoami) => Some(whoami),
            _ => None,
        })
    }
}
