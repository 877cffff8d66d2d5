//! One event: what happened, for whom, why, and nothing that must stay secret.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::audit::{Kind, printable, rfc3339};
use crate::words::{Channel, Contact, KeyedHash, Reference, Subject, Timestamp};

/// The `tracing` target of audit events.
pub const TARGET: &str = "otpgate::audit";

/// The longest path and the longest reason that an event keeps, in characters.
const LONG: usize = 256;
/// The longest name (site, policy, method) that an event keeps, in characters.
const SHORT: usize = 128;
/// The most reasons that an event keeps.
const REASONS: usize = 16;

/// Something that happened, before it is recorded.
///
/// ```
/// use otpgate::audit::{Event, Kind};
/// use otpgate::words::Reference;
///
/// let event = Event::new(Kind::Refused, Reference::from_random([7; 5]))
///     .site("shop.example.com")
///     .request("GET", "/staff/list")
///     .reason("deny");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "an event counts once it is given to `Audit::record`"]
pub struct Event {
    kind: Kind,
    reference: Reference,
    line: Line,
}

/// A recorded event as it stands in the log and in the store: one line of JSON, masked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Line {
    /// When: RFC 3339, UTC, milliseconds.
    pub time: String,
    /// The word of its [`Kind`].
    pub kind: String,
    /// The code that a visitor can read out.
    pub reference: String,
    /// The site: its first host name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The policy of the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The subject, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The subject's keyed hash, in hexadecimal digits: the same person has the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_hash: Option<String>,
    /// The channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The contact, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// The client address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The path, without the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The score, 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<u8>,
    /// Why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

// === impl Event ===

impl Event {
    /// An event under the reference that the visitor's page shows.
    pub fn new(kind: Kind, reference: Reference) -> Self {
        let line = Line { kind: kind.as_str().to_owned(), reference: reference.to_string(), ..Line::default() };
        Self { kind, reference, line }
    }

    /// At this site: its first host name.
    pub fn site(mut self, site: &str) -> Self {
        self.line.site = Some(printable(site, SHORT));
        self
    }

    /// Under this policy.
    pub fn policy(mut self, policy: &str) -> Self {
        self.line.policy = Some(printable(policy, SHORT));
        self
    }

    /// For this subject, of which the mask and the keyed hash are kept.
    pub fn subject(mut self, subject: &Subject, hash: KeyedHash) -> Self {
        self.line.subject = Some(printable(&subject.masked(), SHORT));
        self.line.subject_hash = Some(hash.to_string());
        self
    }

    /// On this channel.
    pub fn channel(mut self, channel: Channel) -> Self {
        self.line.channel = Some(channel.as_str().to_owned());
        self
    }

    /// To this contact, of which the channel and the mask are kept.
    pub fn contact(mut self, contact: &Contact) -> Self {
        self.line.contact = Some(printable(&contact.masked(), SHORT));
        self.channel(contact.channel())
    }

    /// From this client address.
    pub fn client(mut self, address: IpAddr) -> Self {
        self.line.client = Some(address.to_canonical().to_string());
        self
    }

    /// On this request. A query is cut off, should `path` have one.
    pub fn request(mut self, method: &str, path: &str) -> Self {
        let path = path.split_once('?').map_or(path, |(path, _query)| path);
        self.line.method = Some(printable(method, SHORT));
        self.line.path = Some(printable(path, LONG));
        self
    }

    /// With this score, 0 to 100.
    pub fn score(mut self, score: u8) -> Self {
        self.line.score = Some(score);
        self
    }

    /// For this reason; may be given several times. A reason is a word or an error's text, and never a value that came
    /// with the request.
    pub fn reason(mut self, reason: impl fmt::Display) -> Self {
        if self.line.reasons.len() < REASONS {
            self.line.reasons.push(printable(&reason.to_string(), LONG));
        }
        self
    }

    /// For these reasons.
    pub fn reasons<I: IntoIterator<Item: fmt::Display>>(self, reasons: I) -> Self {
        reasons.into_iter().take(REASONS).fold(self, Self::reason)
    }

    /// What happened.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Its reference.
    #[must_use]
    pub const fn reference(&self) -> Reference {
        self.reference
    }

    /// The line of this event, which happened at `moment`.
    #[must_use]
    pub fn at(self, moment: Timestamp) -> Line {
        Line { time: rfc3339(moment), ..self.line }
    }
}

// === impl Line ===

impl Line {
    /// One line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Line::to_json`] wrote, by this version or another. `None` for anything else.
    #[must_use]
    pub fn parse(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// Writes the event to the log, at `info`, field by field.
    pub(super) fn log(&self) {
        let reasons = (!self.reasons.is_empty()).then(|| self.reasons.join(", "));
        let happened = Kind::parse(&self.kind).map_or("", Kind::happened);
        tracing::info!(
            target: TARGET,
            kind = self.kind.as_str(),
            reference = self.reference.as_str(),
            site = self.site.as_deref(),
            policy = self.policy.as_deref(),
            subject = self.subject.as_deref(),
            subject_hash = self.subject_hash.as_deref(),
            channel = self.channel.as_deref(),
            contact = self.contact.as_deref(),
            client = self.client.as_deref(),
            method = self.method.as_deref(),
            path = self.path.as_deref(),
            score = self.score,
            reasons = reasons.as_deref(),
            "{happened}"
        );
    }
}

#[cfg(test)]
mod tests;
