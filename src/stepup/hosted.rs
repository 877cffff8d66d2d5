//! Pages of a provider's own: opened like a message is sent, proved by the provider's word, and finished by the browser that
//! opened them.
//!
//! What the provider says moves the message to delivered, which on this channel means that the address was proved; nothing
//! else can say so. The challenge is passed only when its own browser then asks for it, with the code that nobody was sent:
//! so the browser, the subject, the tries, the expiry and the one use of a code hold as for any other (I3).

use crate::audit::{Event, Kind, ReceiptOutcome};
use crate::challenge::Particulars;
use crate::delivery::{BadCallback, Page, PageReport, Receipt, Whose};
use crate::seal::{Code, Purpose};
use crate::stepup::steps::{Mine, NotMine};
use crate::stepup::{Gateway, HostedPage, Outage, Site, Standing, Unheard, Verified, Visit};
use crate::store::{Challenge, Report, Reported, State, StoreError, TrackedMessage, Which};
use crate::words::{ChallengeId, Channel, MessageId, Progress};

const FORGED: BadCallback = BadCallback::Forged("the secret of its page is wrong");

impl Gateway {
    /// The visitor has finished on a provider's page, and goes on if the provider says so, too.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn finish(&self, site: &Site, visit: &Visit, id: Option<ChallengeId>) -> Result<Verified, Outage> {
        let mine = match self.mine(site, visit, id).await {
            Ok(mine) => mine,
            Err(NotMine::Arrival(arrival)) => return Ok(Verified::Not(arrival)),
            Err(NotMine::Outage(outage)) => return Err(outage),
        };
        let standing = || Box::new(self.standing_of(mine.challenge.clone(), &mine.particulars));
        match mine.challenge.state {
            State::Sent => {}
            State::Open => return Ok(Verified::NotSent(standing())),
            State::Passed => return Ok(Verified::Spent(standing())),
            State::Locked(lock) => return Ok(Verified::Locked(standing(), lock)),
            State::Expired => return Ok(Verified::Expired(standing())),
        }
        let standing = self.standing_now(site, mine.challenge.clone(), &mine.particulars).await?;
        match &standing.page {
            None => return Ok(Verified::NotSent(Box::new(standing))),
            Some(page) if !page.is_proved => return Ok(Verified::Unfinished(Box::new(standing))),
            Some(_) => {}
        }
        let Mine { challenge, browser, .. } = &mine;
        let sealed = self.shared.store.sealed_code(&site.spec.key, self.browser_hash(browser), challenge.id).await?;
        let code = sealed.and_then(|sealed| self.keys.open(Purpose::Code, challenge.id.as_bytes(), &sealed));
        match code.and_then(|code| Code::unsealed(&code)) {
            Some(code) => self.answer(site, visit, mine, &code).await,
            // Meanwhile its time ran out, or its subject was locked.
            None => Ok(Verified::Expired(Box::new(standing))),
        }
    }

    /// A provider reports of a page of its own.
    pub(super) async fn receive_page(
        &self,
        provider: &str,
        read: Result<PageReport, BadCallback>,
    ) -> Result<(), Unheard> {
        let report = read.map_err(|bad| self.unheard(provider, bad))?;
        let metrics = &self.shared.audit.metrics;
        let unavailable = |error: StoreError| {
            tracing::error!(%error, provider, "what a provider says of its page could not be noted");
            metrics.received(provider, ReceiptOutcome::Unavailable);
            Unheard::Unavailable
        };
        let Some((message, page)) = self.page_of(provider, report.message).await.map_err(unavailable)? else {
            metrics.received(provider, ReceiptOutcome::Unknown);
            return Err(Unheard::NotBelieved);
        };
        if !page.is_told_by(&report) {
            return Err(self.unheard(provider, FORGED));
        }
        metrics.received(provider, ReceiptOutcome::Accepted);
        if !report.is_proved {
            return Ok(());
        }
        if !page.is_of(&report) {
            tracing::warn!(provider, reference = %message.reference, "another address was proved than was chosen");
            let event = Event::new(Kind::NotDelivered, message.reference).site(message.site.as_str());
            self.note(event.channel(Channel::Hosted).reason("another_address")).await;
            return Ok(());
        }
        self.proved(&message).await.map_err(unavailable)
    }

    /// A challenge as it stands, with the provider's page if that is how it goes on.
    pub(super) async fn standing_now(
        &self,
        site: &Site,
        challenge: Challenge,
        particulars: &Particulars,
    ) -> Result<Standing, StoreError> {
        let (id, last) = (challenge.id, challenge.sent.last().filter(|last| last.to.channel == Channel::Hosted));
        let carried = last.and_then(|last| last.carried.clone());
        let mut standing = self.standing_of(challenge, particulars);
        if standing.state != State::Sent {
            return Ok(standing);
        }
        let Some((provider, message)) = carried else { return Ok(standing) };
        let Some((message, page)) = self.page_of(&provider, message).await? else { return Ok(standing) };
        if message.site != site.spec.key || message.challenge != id {
            return Ok(standing);
        }
        let mut is_proved = message.progress == Progress::Delivered;
        if !is_proved && self.delivery.ask_page(&provider, &page).await == Some(true) {
            self.proved(&message).await?;
            is_proved = true;
        }
        standing.page = Some(HostedPage { link: page.link().to_owned(), is_proved });
        Ok(standing)
    }

    /// The page that a provider opened for a message, and the message.
    pub(super) async fn page_of(
        &self,
        provider: &str,
        id: MessageId,
    ) -> Result<Option<(TrackedMessage, Page)>, StoreError> {
        let known = self.shared.store.message(id).await?;
        let known = known.filter(|known| known.channel == Channel::Hosted && known.provider == provider);
        let Some(message) = known else { return Ok(None) };
        let sealed = self.shared.store.words(id).await?;
        let page = sealed.and_then(|sealed| self.delivery.page(id, &sealed));
        Ok(page.map(|page| (message, page)))
    }

    /// The address of a page was proved.
    async fn proved(&self, message: &TrackedMessage) -> Result<(), StoreError> {
        let (which, progress) = (Which::Ours(message.id), Progress::Delivered);
        let report = Report { which, provider: &message.provider, progress, price: None, nonce: None };
        if let Reported::Moved(message, ..) = self.shared.store.report(&report).await? {
            let whose = Whose::Ours(message.id);
            self.moved(&message, &Receipt { whose, progress, price: None, parts: None }).await;
        }
        Ok(())
    }
}

/// Where a provider's page sends the browser back: to the page of its challenge, on the host where it began. It is part of
/// the path, since a provider may add a query of its own.
pub(super) fn way_back(visit: &Visit, id: ChallengeId) -> String {
    let request = &visit.request;
    format!("{}://{}/.otpgate/back/{id}", request.scheme.as_str(), request.authority)
}
