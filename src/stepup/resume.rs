//! Resuming: a browser comes back for its parked request, with a one-time token in a cookie.
//!
//! The token is looked at before routing, and only for a navigation to exactly the address it is for. The parked request
//! is then judged again as what it is (R10), and taken in one atomic step: sent at most once (I8, R12).

use std::sync::Arc;

use http::HeaderValue;

use crate::audit::Kind;
use crate::challenge::Parked;
use crate::request::{CanonicalPath, CanonicalRequest, Query, RequestKind};
use crate::risk::Risk;
use crate::seal::Purpose;
use crate::stepup::judge::{Case, Resumed, about, resumed_headers};
use crate::stepup::pass::whom;
use crate::stepup::visit::RESUME;
use crate::stepup::{Gateway, NoBody, Ruling, Site, Visit};
use crate::store::Resumable;
use crate::words::{KeyedHash, Reference, ResumeToken};

/// What the cookie of a resumption says.
#[derive(Clone, Copy)]
struct Bearer<'a> {
    token: &'a str,
    /// The proof of whom the token was given.
    whom: &'a str,
}

impl Gateway {
    /// The ruling on a resumption; `None` when the request is none.
    pub(super) async fn resume(&self, site: &Arc<Site>, visit: &Visit) -> Option<Ruling> {
        if visit.request.kind != RequestKind::Navigation || visit.request.method != http::Method::GET {
            return None;
        }
        let (token, rest) = RESUME.find(&visit.headers, visit.request.scheme)?.split_once('.')?;
        let (address, whom) = rest.split_once('.')?;
        if !self.keys.is_form_token(visit.target().as_bytes(), address) {
            return None;
        }
        let bearer = Bearer { token, whom };
        let token = self.keys.hash("resume", &[ResumeToken::parse(token).ok()?.as_bytes()]);
        let reference = self.shared.reference();
        match self.shared.store.resumable(&site.spec.key, token).await {
            Err(error) => {
                tracing::error!(%error, "the store does not answer");
                Some(Ruling::Unavailable(reference))
            }
            Ok(Resumable::Unknown) => None,
            Ok(Resumable::Used) => Some(self.already_sent(visit, reference)),
            Ok(Resumable::Ready { parked, subject, sealed }) => {
                let context = [site.spec.key.as_str().as_bytes(), parked.as_bytes()].concat();
                let opened = self.keys.open(Purpose::Parked, &context, &sealed).and_then(Parked::decode)?;
                let resumed = Resumed { parked, token };
                Some(self.resume_parked(site, visit, opened, bearer, subject, resumed).await)
            }
        }
    }

    async fn resume_parked(
        &self,
        site: &Arc<Site>,
        visit: &Visit,
        parked: Parked,
        bearer: Bearer<'_>,
        counted: KeyedHash,
        resumed: Resumed,
    ) -> Ruling {
        let reference = self.shared.reference();
        let grant = self.grant(site, visit);
        let now = match self.identify(site, visit, grant.as_ref()).await {
            Ok(who) => who.subject,
            Err(_) => None,
        };
        let Some(then) = self.as_parked(site, visit, &parked) else { return Ruling::Unavailable(reference) };
        let mut body = NoBody(parked.body.clone());
        let mut case = Case {
            site,
            visit: &then,
            body: Some(parked.body),
            form: None,
            risk: Risk::default(),
            resumed: Some(resumed),
        };
        let now = match now {
            Some(now) => Some(now),
            // Of a sign-up it is whoever holds the contact that stands in it.
            None => self.holder(&mut case, &mut body).await,
        };
        let is_same = |now| self.keys.is_form_token(&whom(bearer.token, now, counted), bearer.whom);
        if !now.as_ref().is_some_and(is_same) {
            // Somebody else is signed in by now, or nobody (R11): the request stays parked until its time is over.
            self.shared.audit.record(about(site, visit, crate::audit::Event::new(Kind::SubjectMismatch, reference)));
            return Ruling::Refused(reference);
        }
        let ruling = self.decide(case, &mut body).await;
        let Ruling::Forward(mut forward) = ruling else { return ruling };
        match self.shared.store.take(&site.spec.key, resumed.token).await {
            Ok(true) => {
                let event = about(site, &then, crate::audit::Event::new(Kind::Resumed, reference));
                self.shared.audit.record(event);
                forward.set_cookies.extend(self.forget_token(visit));
                Ruling::Forward(forward)
            }
            Ok(false) => self.already_sent(visit, reference),
            Err(error) => {
                tracing::error!(%error, "the store does not answer");
                Ruling::Unavailable(reference)
            }
        }
    }

    /// The visit as it would have been without the interruption: the parked request from this client, with this
    /// browser's cookies.
    fn as_parked(&self, site: &Site, visit: &Visit, parked: &Parked) -> Option<Visit> {
        let (path, query) = match parked.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (parked.target.as_str(), None),
        };
        let request = CanonicalRequest {
            method: parked.method.clone(),
            path: CanonicalPath::parse(path.as_bytes(), site.path_rules).ok()?,
            query: Query::parse(query.map(str::as_bytes)).ok()?,
            ..visit.request.clone()
        };
        let headers = resumed_headers(&parked.headers, &visit.headers);
        Some(Visit { request, headers, certificate: visit.certificate.clone() })
    }

    fn already_sent(&self, visit: &Visit, reference: Reference) -> Ruling {
        Ruling::AlreadySent { cookies: self.forget_token(visit).into_iter().collect(), reference }
    }

    fn forget_token(&self, visit: &Visit) -> Option<HeaderValue> {
        RESUME.clear(visit.request.scheme).ok()
    }
}
