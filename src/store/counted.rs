//! What a send and a wrong code count against: one list for both stores, so that they cannot differ.

use crate::store::{Answer, FailureLimits, SendAsk, Window};
use crate::words::KeyedHash;

/// One limit of a send, and the count that it limits.
pub(super) struct Counted<'a> {
    /// The limit's name, as [`crate::store::Permit::TooMany`] tells it.
    pub name: &'static str,
    /// The count's name within its site.
    pub key: String,
    /// The windows; at least one.
    pub windows: &'a [Window],
}

/// The count of a subject's wrong codes.
pub(super) fn failures_of_subject(subject: KeyedHash) -> String {
    format!("failures.per_subject:{subject}")
}

// === impl SendAsk, Answer, FailureLimits ===

impl SendAsk<'_> {
    /// Everything that the send counts against.
    pub(super) fn counted(&self) -> Vec<Counted<'_>> {
        let (sends, typed) = (&self.limits.sends, &self.limits.typed);
        let mut counted = vec![
            Counted::of("per_subject", &self.subject, &sends.per_subject),
            Counted::of("per_contact", &self.contact, &sends.per_contact),
            Counted::of("per_ip", &self.ip, &sends.per_ip),
            Counted::of("per_network", &self.network, &sends.per_network),
        ];
        if let Some(country) = self.country {
            counted.push(Counted::of("per_country", &country, &sends.per_country));
        }
        if self.typed {
            counted.push(Counted::of("typed.per_ip", &self.ip, &typed.per_ip));
            counted.push(Counted::of("typed.per_network", &self.network, &typed.per_network));
        }
        counted.retain(|counted| !counted.windows.is_empty());
        counted
    }
}

impl Answer<'_> {
    /// The count of wrong codes from the client address.
    pub(super) fn failures_of_ip(&self) -> String {
        format!("failures.per_ip:{}", self.ip)
    }
}

impl FailureLimits {
    /// Wrong codes in a row that lock: a subject that failed at nothing is never locked.
    pub(super) fn in_a_row(&self) -> u32 {
        self.consecutive.max(1)
    }
}

// === impl Counted ===

impl<'a> Counted<'a> {
    fn of(name: &'static str, whom: &dyn std::fmt::Display, windows: &'a [Window]) -> Self {
        Self { name, key: format!("{name}:{whom}"), windows }
    }
}
