//! Pages of a provider's own, on which a visitor proves an address: the provider sends a code of its own there, checks it,
//! and tells us. Nobody gets a code of ours.
//!
//! What a browser says when it comes back counts for nothing. A page is believed only when who reports knows the secret that
//! was told to us alone as it was opened, and when the address that was proved is the one that was chosen: the visitor can
//! type another one there.

use std::fmt;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::delivery::{BadCallback, Callback, Delivery, Failure, Message};
use crate::seal::Purpose;
use crate::words::{Channel, Contact, MessageId};

/// A page that was opened for one message, as the store keeps it sealed. `Debug` hides it: who knows its secret can say
/// that an address was proved.
#[derive(Clone, Serialize, Deserialize)]
pub struct Page {
    /// The provider's name of it.
    pub(super) id: String,
    /// Where the visitor goes on.
    pub(super) link: String,
    /// What only the provider and we know.
    pub(super) secret: String,
    /// The address that is to be proved.
    pub(super) to: String,
}

/// What a provider needs to open a page.
pub(super) struct PageOrder<'a> {
    /// Whom and what it is for.
    pub message: &'a Message,
    /// The name of the message.
    pub id: MessageId,
    /// How the provider is to reach the address: by e-mail, SMS or voice.
    pub by: Channel,
    /// Where it reports.
    pub receipts: Option<&'a str>,
    /// Where it sends the browser back: an absolute address.
    pub back: &'a str,
}

/// What a provider says of a page. Nothing of it is believed before [`Page::is_told_by`].
#[derive(Clone)]
pub struct PageReport {
    /// The message that the page was opened for.
    pub message: MessageId,
    pub(super) id: String,
    pub(super) secret: String,
    /// Whether an address was proved.
    pub is_proved: bool,
    /// The addresses that were.
    pub(super) addresses: Vec<String>,
}

// === impl Page ===

impl Page {
    /// Where the visitor goes on: an `http` or `https` address.
    #[must_use]
    pub fn link(&self) -> &str {
        &self.link
    }

    /// Whether a report comes from who opened the page. Takes the same time whatever is wrong with it.
    #[must_use]
    pub fn is_told_by(&self, report: &PageReport) -> bool {
        let secret = self.secret.as_bytes().ct_eq(report.secret.as_bytes());
        (secret & self.id.as_bytes().ct_eq(report.id.as_bytes())).into()
    }

    /// Whether what was proved is the address that was chosen, and no other.
    #[must_use]
    pub fn is_of(&self, report: &PageReport) -> bool {
        !report.addresses.is_empty() && self.is_to_all(&report.addresses)
    }

    pub(super) fn is_to_all(&self, addresses: &[String]) -> bool {
        addresses.iter().all(|address| self.is_to(address))
    }

    fn is_to(&self, address: &str) -> bool {
        let parse = |text: &str| Contact::parse(Channel::Hosted, text).ok();
        let with_plus = format!("+{}", address.trim());
        match (parse(&self.to), parse(address).or_else(|| parse(&with_plus))) {
            (Some(mine), Some(theirs)) => mine.reveal().eq_ignore_ascii_case(theirs.reveal()),
            _ => false,
        }
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Page(…)")
    }
}

// === impl PageReport ===

impl fmt::Debug for PageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageReport({}, {})", self.message, self.is_proved)
    }
}

// === impl Delivery ===

impl Delivery {
    /// Seals a page for the store.
    pub(super) fn seal_page(&self, id: MessageId, page: &Page) -> Vec<u8> {
        let plain = serde_json::to_vec(page).unwrap_or_default();
        self.tools.keys.seal(Purpose::Words, id.as_bytes(), &plain, &*self.tools.random)
    }

    /// The page of a message, as the store keeps it; `None` when it has none.
    #[must_use]
    pub fn page(&self, id: MessageId, sealed: &[u8]) -> Option<Page> {
        let plain = self.tools.keys.open(Purpose::Words, id.as_bytes(), sealed)?;
        serde_json::from_slice(&plain).ok()
    }

    /// Reads a request in which the provider `name` reports of a page of its own; `None` for one that has no pages.
    #[must_use]
    pub fn read_page(&self, name: &str, callback: &Callback<'_>) -> Option<Result<PageReport, BadCallback>> {
        self.carrier(name).ok()?.provider.read_page(callback)
    }

    /// Asks the provider `name` what became of a page: whether the address was proved. `None` when it may not be asked, was
    /// asked just now, or does not say.
    pub async fn ask_page(&self, name: &str, page: &Page) -> Option<bool> {
        self.carrier(name).ok()?.provider.ask_page(page).await
    }
}

/// A link as a page may show it: an address of the web, which no browser takes for a script.
pub(super) fn checked_link(link: &str) -> Result<String, Failure> {
    let url = url::Url::parse(link).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.map(String::from).ok_or(Failure::Unsendable("its page has no address"))
}

#[cfg(test)]
mod tests;
