//! What an answer of the application means for whose its session is.
//!
//! | what was seen | what is remembered |
//! |---|---|
//! | a sign-in that went well, with a clear name | the session that the browser has from now on is this subject's; the one before is forgotten |
//! | the same, in a session that was somebody else's and is kept, when the answer may be a mere redirect | that session is nobody's until a new one, or a logout: an application that sends whoever is signed in away from its login page would else let them choose a name |
//! | a sign-in that went well, with an unclear name | the session before and the one after are nobody's |
//! | one that did not go well, with another name than the session's or an unclear one | the session is nobody's |
//! | a logout, or a cleared cookie | the session is forgotten |
//! | another cookie, outside of a sign-in | forgotten; with `follow_rotation` the subject goes along |

use std::time::Duration;

use http::HeaderMap;

use crate::audit::{Event, Kind};
use crate::identity::{Attempt, Change, Login, Owner};
use crate::seal::Purpose;
use crate::stepup::judge::about;
use crate::stepup::{Gateway, Site, Visit};
use crate::store::StoreError;
use crate::words::{KeyedHash, Subject};

/// How long it is remembered whose a session is: as long as browsers keep long sessions. A login renews it.
pub(super) const SESSION_TTL: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How long a session stays nobody's.
const DOUBT_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// How long the old cookie is still known after the application changed it: requests that were on their way with it, and
/// pages that load their parts at once, are normal where every answer changes the cookie.
const FORMER_TTL: Duration = Duration::from_secs(10);

/// What an answer does to the application's session.
pub(super) struct Turn<'a> {
    gateway: &'a Gateway,
    site: &'a Site,
    visit: &'a Visit,
    login: &'a Login,
    follows: bool,
    /// The session cookies that came with the request, hashed. Two mean that neither is a session.
    before: Vec<KeyedHash>,
    /// The one that the answer sets, hashed.
    after: Option<KeyedHash>,
    change: Change<'a>,
}

// === impl Turn ===

impl<'a> Turn<'a> {
    pub(super) fn new(
        gateway: &'a Gateway,
        site: &'a Site,
        visit: &'a Visit,
        login: &'a Login,
        answer: &'a HeaderMap,
    ) -> Self {
        // Two forms may share one session.
        let same = |other: &&Login| other.session_cookie == login.session_cookie;
        let follows = site.logins().filter(same).any(|login| login.follow_rotation);
        let before = login.sessions(&visit.headers);
        let before = before.into_iter().map(|cookie| gateway.session_hash(site, cookie)).collect();
        let change = login.change(answer);
        let after = match change {
            Change::Set(value) => Some(gateway.session_hash(site, value)),
            Change::Kept | Change::Cleared | Change::Unclear => None,
        };
        Self { gateway, site, visit, login, follows, before, after, change }
    }

    /// Remembers what was seen.
    pub(super) async fn take(&self, attempt: Option<Attempt>, logs_out: bool) -> Result<(), StoreError> {
        match attempt {
            Some(Attempt { who: Some(subject), well: true, sure }) => self.signed_in(&subject, sure).await,
            Some(Attempt { who: None, well: true, .. }) => {
                tracing::warn!(site = %self.site.spec.key, "a sign-in could be read in two ways; it names nobody");
                self.doubt_all().await
            }
            Some(Attempt { who, well: false, .. }) => self.failed(who.as_ref()).await,
            None => self.changed(logs_out).await,
        }
    }

    /// Whatever the store says later, this gateway takes the session that came for nobody's. Of a new one it knows nothing.
    pub(super) fn distrust(&self) {
        for &session in &self.before {
            self.site.sessions.distrust(session);
        }
    }

    /// A login went well: the session that the browser has from now on is this subject's.
    async fn signed_in(&self, subject: &Subject, sure: bool) -> Result<(), StoreError> {
        let session = match (self.after, self.change, &*self.before) {
            (Some(after), ..) => after,
            (None, Change::Kept, [before]) => *before,
            (None, Change::Kept, []) => {
                tracing::warn!(
                    site = %self.site.spec.key, cookie = %self.login.session_cookie,
                    "a sign-in went well, but neither it nor its answer had the session cookie: is `session_cookie` right?"
                );
                return Ok(());
            }
            _ => return self.doubt_all().await,
        };
        if self.before.contains(&session) {
            if self.before.len() > 1 {
                return self.doubt_all().await;
            }
            // The owner in the store and not in memory: another gateway may have seen the last sign-in.
            let owner = self.gateway.owner_in_store(self.site, session).await?;
            if !sure && owner.is_some_and(|owner| !self.is_of(&owner, subject)) {
                tracing::warn!(
                    site = %self.site.spec.key,
                    "somebody else signed in within a session that the application kept; it is nobody's now"
                );
                return self.doubt_all().await;
            }
        }
        for &before in self.before.iter().filter(|&&before| before != session) {
            self.forget(before).await?;
        }
        self.bind(session, &Owner::Subject(subject.clone()), SESSION_TTL).await?;
        self.record(Kind::LoginSeen, Some(subject));
        self.gateway.count_subject(self.site, self.visit, subject);
        Ok(())
    }

    /// A login did not go well, as far as the answer tells.
    async fn failed(&self, who: Option<&Subject>) -> Result<(), StoreError> {
        for &before in &self.before {
            let Some(owner) = self.gateway.owner_in_store(self.site, before).await? else { continue };
            if !who.is_some_and(|who| self.is_of(&owner, who)) {
                self.bind(before, &Owner::Nobody, DOUBT_TTL).await?;
                if let Some(after) = self.after {
                    self.bind(after, &Owner::Nobody, DOUBT_TTL).await?;
                }
            } else if self.change != Change::Kept && self.after != Some(before) {
                self.forget(before).await?;
            }
        }
        Ok(())
    }

    /// No login: the request logged out, or the answer cleared or changed the session cookie.
    async fn changed(&self, logs_out: bool) -> Result<(), StoreError> {
        let kept = self.change == Change::Kept || self.after.is_some_and(|after| self.before == [after]);
        if self.before.is_empty() || (kept && !logs_out) {
            return Ok(());
        }
        if logs_out || self.change == Change::Cleared {
            self.forget_all().await?;
            self.record(Kind::LogoutSeen, None);
            return Ok(());
        }
        let ([before], Some(after)) = (&*self.before, self.after) else { return self.forget_all().await };
        match self.gateway.owner_in_store(self.site, *before).await? {
            None => Ok(()),
            // Else an application that renews its cookie on some page would make a doubtful session a new one.
            Some(Owner::Nobody) => self.bind(after, &Owner::Nobody, DOUBT_TTL).await,
            Some(Owner::Subject(subject) | Owner::Former(subject)) if self.follows => {
                self.bind(after, &Owner::Subject(subject.clone()), SESSION_TTL).await?;
                self.bind(*before, &Owner::Former(subject), FORMER_TTL).await
            }
            Some(Owner::Subject(_) | Owner::Former(_)) => self.forget(*before).await,
        }
    }

    fn is_of(&self, owner: &Owner, subject: &Subject) -> bool {
        let spelling = |subject: &Subject| self.site.spelling(subject.clone());
        match owner {
            Owner::Subject(known) | Owner::Former(known) => spelling(known) == spelling(subject),
            Owner::Nobody => false,
        }
    }

    async fn doubt_all(&self) -> Result<(), StoreError> {
        for &session in self.before.iter().chain(&self.after) {
            self.bind(session, &Owner::Nobody, DOUBT_TTL).await?;
        }
        Ok(())
    }

    async fn forget_all(&self) -> Result<(), StoreError> {
        for &before in &self.before {
            self.forget(before).await?;
        }
        Ok(())
    }

    /// Forgotten in memory before and after the store knows: an answer that was on its way must not bring the old back.
    async fn bind(&self, session: KeyedHash, owner: &Owner, ttl: Duration) -> Result<(), StoreError> {
        let shared = self.gateway.shared();
        let sealed =
            self.gateway.keys.seal(Purpose::Session, session.as_bytes(), owner.to_text().as_bytes(), &*shared.random);
        self.site.sessions.forget(session);
        shared.store.bind_session(&self.site.spec.key, session, &sealed, ttl).await?;
        self.site.sessions.forget(session);
        Ok(())
    }

    async fn forget(&self, session: KeyedHash) -> Result<(), StoreError> {
        self.site.sessions.forget(session);
        self.gateway.shared().store.forget_session(&self.site.spec.key, session).await?;
        self.site.sessions.forget(session);
        Ok(())
    }

    fn record(&self, kind: Kind, subject: Option<&Subject>) {
        let shared = self.gateway.shared();
        let event = self.gateway.naming(self.site, subject, Event::new(kind, shared.reference()));
        shared.audit.record(about(self.site, self.visit, event));
    }
}
