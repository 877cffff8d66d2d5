//! Who is asking: the site's identity sources, asked in order.

use http::HeaderMap;

use crate::grant::Grant;
use crate::identity::jwt::Named;
use crate::identity::{Ask, Login, Owner, Source};
use crate::seal::Purpose;
use crate::stepup::visit::GRANT;
use crate::stepup::{Gateway, Outage, Site, Visit};
use crate::store::StoreError;
use crate::words::{EmailAddress, KeyedHash, Origin, Proof, Subject};

/// Who is asking.
#[derive(Debug, Clone, Default)]
pub(super) struct Who {
    /// The subject; `None` when no source names one.
    pub subject: Option<Subject>,
    /// Whether the subject is nobody but the holder of the contact in the request's own form.
    pub is_holder: bool,
    /// The application's session, hashed.
    pub app_session: Option<KeyedHash>,
    /// Whether this gateway had not met the session before.
    pub is_new: bool,
}

/// Why it cannot be said who is asking.
#[derive(Debug)]
pub(super) enum Unknown {
    /// Two sources name different subjects, or one names what cannot be a subject.
    Conflict,
    /// What would tell does not answer.
    Outage(Outage),
}

impl<E: Into<Outage>> From<E> for Unknown {
    fn from(error: E) -> Self {
        Self::Outage(error.into())
    }
}

impl Gateway {
    /// The grant in the request's cookie, unless it was ended.
    pub(super) fn grant(&self, site: &Site, visit: &Visit) -> Option<Grant> {
        let scheme = visit.request.scheme;
        let grant = Grant::open(&self.keys, &site.spec.key, scheme, GRANT.find(&visit.headers, scheme)?)?;
        (!site.revoked.is_ended(grant.id)).then_some(grant)
    }

    /// The proofs of a grant that count for `subject`: of that very subject (C05), and not revoked.
    pub(super) fn proofs(&self, site: &Site, grant: Option<Grant>, subject: Option<&Subject>) -> Vec<Proof> {
        let Some(grant) = grant.filter(|grant| Some(&grant.subject) == subject) else { return Vec::new() };
        let mut proofs = grant.proofs;
        if site.revoked.has_subjects() {
            let named = site.revoked.void_until(self.subject_hash(site, &grant.subject));
            let counted = grant.account.and_then(|account| site.revoked.void_until(account));
            if let Some(until) = named.max(counted) {
                proofs.retain(|proof| proof.at > until);
            }
        }
        proofs
    }

    /// Asks every source. All must agree: a request in which two name different people is nobody's. The application is asked
    /// only when no other source names anybody, or credentials are said to be of somebody else; what it said lately must
    /// agree, too.
    pub(super) async fn identify(&self, site: &Site, visit: &Visit, grant: Option<&Grant>) -> Result<Who, Unknown> {
        let mut who = Who::default();
        let (mut pending, mut is_unclear) = (Vec::new(), false);
        for source in &site.spec.sources {
            let named = match source {
                Source::Login(login) => self.by_session(site, login, visit, &mut who).await?,
                Source::Header(header) => {
                    header.subject(&visit.headers, visit.request.peer).map_err(|_| Unknown::Conflict)?
                }
                Source::ClientCertificate(certificate) => match &visit.certificate {
                    Some(names) => certificate.subject(names).map_err(|_| Unknown::Conflict)?,
                    None => None,
                },
                Source::Jwt(jwt) => match jwt.named(&visit.headers, self.shared.clock.now()).await? {
                    Named::Nobody => None,
                    Named::Somebody(subject) => Some(subject),
                    Named::Unclear => return Err(Unknown::Conflict),
                },
                Source::Whoami(whoami) => {
                    let remembered = self.remembered_answer(site, visit, whoami, &mut who.app_session);
                    remembered.or_asks(&mut pending, &mut is_unclear)
                }
                Source::Basic(basic) => {
                    self.remembered_credentials(site, visit, basic).or_asks(&mut pending, &mut is_unclear)
                }
                Source::Ask(_) => None,
            };
            who.agree(site, named)?;
        }
        for question in pending {
            if question.matters(who.subject.as_ref()) {
                let named = self.ask_application(site, visit, question).await?;
                who.agree(site, named)?;
            }
        }
        // An asked visitor is whom the grant names, and only while no other source names anybody.
        for source in &site.spec.sources {
            if let (Source::Ask(ask), None) = (source, &who.subject) {
                who.agree(site, asked(ask, grant))?;
            }
        }
        // The application may take them for somebody else's.
        if is_unclear && who.subject.is_some() { Err(Unknown::Conflict) } else { Ok(who) }
    }

    async fn by_session(
        &self,
        site: &Site,
        login: &Login,
        visit: &Visit,
        who: &mut Who,
    ) -> Result<Option<Subject>, Unknown> {
        let Some(cookie) = login.session(&visit.headers) else { return Ok(None) };
        let session = self.session_hash(site, cookie);
        who.app_session.get_or_insert(session);
        if let Some(subject) = site.sessions.get(session) {
            return Ok(Some(subject));
        }
        who.is_new = true;
        let owner = self.owner_in_store(site, session).await?;
        Ok(match owner.filter(|_| !site.sessions.is_distrusted(session)) {
            Some(Owner::Subject(subject) | Owner::Former(subject)) => Some(subject),
            Some(Owner::Nobody) | None => None,
        })
    }

    /// Whose a session is, as the store has it now: remembered, when it is somebody's to stay.
    pub(super) async fn owner_in_store(&self, site: &Site, session: KeyedHash) -> Result<Option<Owner>, StoreError> {
        let asked = site.sessions.epoch();
        let Some(sealed) = self.shared.store.session(&site.spec.key, session).await? else { return Ok(None) };
        let text = self.keys.open(Purpose::Session, session.as_bytes(), &sealed);
        let owner = text.and_then(|text| String::from_utf8(text).ok()).and_then(|text| Owner::parse(&text).ok());
        if let Some(Owner::Subject(subject)) = &owner {
            site.sessions.remember(session, subject.clone(), sealed, asked);
        }
        Ok(owner)
    }
}

/// The subject of a grant, if it is an address that may be typed and was proved as such: an address that somebody typed into
/// a sign-up form makes nobody its subject.
fn asked(ask: &Ask, grant: Option<&Grant>) -> Option<Subject> {
    let grant = grant.filter(|grant| grant.proofs.iter().any(|proof| proof.origin == Origin::Directory))?;
    let address = EmailAddress::parse(grant.subject.as_str()).ok()?;
    ask.allows(&address).then(|| grant.subject.clone())
}

impl Who {
    fn agree(&mut self, site: &Site, named: Option<Subject>) -> Result<(), Unknown> {
        match (&self.subject, named.map(|named| site.spelling(named))) {
            (Some(known), Some(other)) if *known != other => return Err(Unknown::Conflict),
            (None, Some(named)) => self.subject = Some(named),
            _ => {}
        }
        Ok(())
    }

    /// The subject that an identity source named.
    pub(super) fn named(&self) -> Option<&Subject> {
        self.subject.as_ref().filter(|_| !self.is_holder)
    }
}

impl Site {
    /// The application's session, by the first source that knows its cookie.
    pub(super) fn app_session<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        self.spec.sources.iter().find_map(|source| match source {
            Source::Login(login) => login.session(headers),
            Source::Whoami(whoami) => whoami.session(headers),
            _ => None,
        })
    }

    /// Whether the site's visitors are asked for an address when no other source names them.
    pub(super) fn asks(&self) -> bool {
        self.spec.sources.iter().any(|source| matches!(source, Source::Ask(_)))
    }

    /// Every watched login form.
    pub(super) fn logins(&self) -> impl Iterator<Item = &Login> {
        self.spec.sources.iter().filter_map(|source| match source {
            Source::Login(login) => Some(login),
            _ => None,
        })
    }
}
