//! Asking the site's application who is asking, and noticing when that changes.
//!
//! The `whoami` source's answers are remembered for a short time. A request that may change who is signed in ends what is
//! remembered of its session, when it goes on and when its answer comes; meanwhile nothing is remembered. The other gateways
//! are told of what surely changed: a sign-in or sign-out at a path that the config lists, and a session that was cleared.
//!
//! Of the `basic` source it is remembered which credentials the application accepted. When it refuses them on a request that
//! was forwarded, they are forgotten at once, here and on the other gateways.

use std::collections::HashMap;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode};

use crate::identity::{
    About, Answer, Answers, Application, Basic, Named, Presented, Question, Source, Unanswered, Whoami,
};
use crate::stepup::{Gateway, Site, Visit};
use crate::store::SiteKey;
use crate::words::{KeyedHash, Subject};

/// A question for the application that is not answered yet.
pub(super) struct Pending<'s> {
    asks: Asks<'s>,
    about: About,
}

/// What is asked, and with what.
enum Asks<'s> {
    /// Whose session it is that goes along as a cookie.
    Whoami(&'s Arc<Whoami>, HeaderValue),
    /// Whether it accepts credentials, which are said to be of this subject.
    Basic(&'s Arc<Basic>, HeaderValue, Subject),
}

/// What is remembered of what a source was told.
pub(super) enum Remembered<'s> {
    /// The application need not be asked.
    Said(Option<Subject>),
    /// It must be asked.
    Ask(Pending<'s>),
    /// Nobody can tell whom the application would take it for.
    Unclear,
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
        // All that the answer depends on: another host of the site may be another shop (X12), and many applications send
        // plain HTTP away.
        let host = format!("{}://{}", visit.request.scheme, visit.request.authority);
        let (site_key, id) = (site.spec.key.as_str(), whoami.id.as_str());
        let parts = [site_key.as_bytes(), id.as_bytes(), host.as_bytes(), cookie.as_bytes()];
        let about = About { key: self.keys.hash("whoami", &parts), session };
        match site.answers.get(about, self.shared.clock.now()) {
            Some(said) => Remembered::Said(said),
            None => Remembered::Ask(Pending { asks: Asks::Whoami(whoami, cookie), about }),
        }
    }

    /// Whose credentials the application accepted, or the question whether it does.
    pub(super) fn remembered_credentials<'s>(
        &self,
        site: &Site,
        visit: &Visit,
        basic: &'s Arc<Basic>,
    ) -> Remembered<'s> {
        let value = match Basic::presented(&visit.headers) {
            Presented::Nothing => return Remembered::Said(None),
            Presented::Unclear => return Remembered::Unclear,
            Presented::Credentials(value) => value,
        };
        let about = self.about_credentials(site, visit, basic, value);
        if let Some(said) = site.answers.get(about, self.shared.clock.now()) {
            return Remembered::Said(said);
        }
        match Basic::user(value) {
            Some(user) => {
                Remembered::Ask(Pending { asks: Asks::Basic(basic, value.clone(), site.spelling(user)), about })
            }
            None => Remembered::Unclear,
        }
    }

    /// What the application's word on credentials goes by: never the credentials themselves.
    fn about_credentials(&self, site: &Site, visit: &Visit, basic: &Basic, value: &HeaderValue) -> About {
        let host = visit.request.authority.to_string();
        let (site_key, id) = (site.spec.key.as_str(), basic.id.as_str());
        let parts = [site_key.as_bytes(), id.as_bytes(), host.as_bytes(), value.as_bytes()];
        let key = self.keys.hash("basic", &parts);
        About { key, session: key }
    }

    /// Asks the application, unless it is being asked the same.
    pub(super) async fn ask_application(&self, site: &Site, visit: &Visit, pending: Pending<'_>) -> Named {
        let Pending { asks, about } = pending;
        let application = self.applications.get(&site.spec.key).cloned().ok_or(Unanswered::Unreachable)?;
        let answers = Asked { answers: Arc::clone(&site.answers), application };
        let clock = Arc::clone(&self.shared.clock);
        match asks {
            Asks::Whoami(whoami, cookie) => {
                let (question, whoami) = (whoami.question(&visit.request, cookie), Arc::clone(whoami));
                let keep = whoami.keep;
                site.answers.ask(about, keep, clock, answers.whose(question, whoami)).await
            }
            Asks::Basic(basic, credentials, user) => {
                let question = basic.question(&visit.request, Some(&credentials));
                let without = basic.question(&visit.request, None);
                site.answers.ask(about, basic.keep, clock, answers.accepted(question, without, user)).await
            }
        }
    }
}

// === impl Remembered ===

impl<'s> Remembered<'s> {
    /// What is remembered; else the question goes to those that are still to be asked.
    pub(super) fn or_asks(self, pending: &mut Vec<Pending<'s>>, is_unclear: &mut bool) -> Option<Subject> {
        match self {
            Self::Said(said) => return said,
            Self::Ask(question) => pending.push(question),
            Self::Unclear => *is_unclear = true,
        }
        None
    }
}

// === impl Pending ===

impl Pending<'_> {
    /// Whether the answer can add anything to the subject that other sources name. Credentials that are said to be of
    /// another one can, if they are accepted.
    pub(super) fn matters(&self, named: Option<&Subject>) -> bool {
        match (&self.asks, named) {
            (_, None) => true,
            (Asks::Whoami(..), Some(_)) => false,
            (Asks::Basic(_, _, user), Some(named)) => user != named,
        }
    }
}

/// An application that is asked, within the bounds of its site.
struct Asked {
    answers: Arc<Answers>,
    application: Arc<dyn Application>,
}

impl Asked {
    async fn exchange(&self, question: &Question) -> Result<Answer, Unanswered> {
        self.answers.exchange(&*self.application, question).await
    }

    /// Whom the answer names.
    async fn whose(self, question: Question, whoami: Arc<Whoami>) -> Named {
        let answer = self.exchange(&question).await?;
        // Reading a large page takes a while, in which this thread has others to serve.
        let read = tokio::task::spawn_blocking(move || whoami.named(&answer)).await;
        read.unwrap_or(Err(Unanswered::Unreadable("reading it failed")))
    }

    /// The user, if the application accepts the credentials and no request without them.
    async fn accepted(self, with: Question, without: Question, user: Subject) -> Named {
        if !Basic::accepts(&self.exchange(&with).await?)? {
            return Ok(None);
        }
        Basic::is_closed(&self.exchange(&without).await?)?;
        Ok(Some(user))
    }
}

// === impl Changing ===

impl Changing {
    /// Follows a request on its way to the application, if the site asks that who its visitors are.
    pub(super) fn of(gateway: &Gateway, site: &Arc<Site>, visit: &Visit) -> Option<Self> {
        if site.whoamis().next().is_none() && site.basics().next().is_none() {
            return None;
        }
        let (mut sessions, mut is_listed) = (Vec::new(), false);
        for whoami in site.whoamis().filter(|whoami| whoami.may_change(&visit.request)) {
            is_listed |= whoami.changes_at.is_some();
            let hash = |cookie| gateway.session_hash(site, cookie);
            sessions.extend(whoami.sessions(&visit.headers).map(hash));
        }
        sessions.iter().for_each(|&session| site.answers.changes_begin(session));
        Some(Self { site: Arc::clone(site), sessions, is_listed })
    }

    /// Is shown the head of the answer, before the client gets it.
    pub async fn response(&mut self, gateway: &Gateway, visit: &Visit, status: StatusCode, answer: &HeaderMap) {
        let mut changed = if self.is_listed { self.sessions.clone() } else { Vec::new() };
        if status == StatusCode::UNAUTHORIZED
            && let Presented::Credentials(value) = Basic::presented(&visit.headers)
        {
            let all = self.site.basics().map(|basic| gateway.about_credentials(&self.site, visit, basic, value));
            changed.extend(all.filter(|&about| self.site.answers.refused(about)).map(|about| about.key));
        }
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

    /// Every source that believes credentials.
    pub fn basics(&self) -> impl Iterator<Item = &Arc<Basic>> {
        self.spec.sources.iter().filter_map(|source| match source {
            Source::Basic(basic) => Some(basic),
            _ => None,
        })
    }
}
