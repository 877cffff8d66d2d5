//! Policies: what must have been proved to pass.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::words::{Channel, ChannelSet};

/// What a route asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Policy {
    /// The request goes on, whoever sends it.
    Bypass,
    /// The request is refused, whoever sends it.
    Deny,
    /// Something must have been proved.
    StepUp(Arc<StepUp>),
}

/// A policy of the config: what must have been proved to pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepUp {
    /// Its name in the config; `otp` is built in.
    pub name: Arc<str>,
    /// Any one of these channels must have been answered on.
    pub channels: ChannelSet,
    /// How old a proof may be. Zero confirms every single request.
    pub max_age: Duration,
    /// The score (0 to 100) from which a challenge is put; 0 is always.
    pub challenge_at: u8,
    /// The score (0 to 100) from which the request is refused.
    pub deny_at: u8,
    /// The same policy from a higher score on, with other channels.
    pub escalation: Option<Escalation>,
    /// What a proof is bound to besides the subject.
    pub bind: Vec<Binding>,
    /// Decide and log, but forward.
    pub observe: bool,
    /// When the first code goes out.
    pub send: SendWhen,
    /// Whose contact is to be proved.
    pub contact: ContactRule,
}

/// What a policy asks for from a score on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    /// The score, 1 to 100.
    pub at: u8,
    /// The policy, which escalates no further.
    pub to: Arc<StepUp>,
}

/// Whose contact a policy wants to be proved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ContactRule {
    /// One that the directory has for the subject.
    #[default]
    Directory,
    /// One that the directory has for the subject, unless it says that one was proved within this time, above zero.
    Recheck(Duration),
    /// The one that stands in this field of the request's own form: its name, or a JSON pointer (RFC 6901).
    Form(Arc<str>),
}

/// What a proof can be bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    /// The subject: always.
    Subject,
    /// The application's session cookie.
    AppSession,
    /// The client's network: /24 of IPv4, /48 of IPv6.
    Network,
}

/// When the first code of a challenge goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SendWhen {
    /// With the page, when there is just one usable contact.
    #[default]
    OnArrival,
    /// When the visitor asks for it.
    OnClick,
}

// === impl Policy ===

impl Policy {
    /// Its name in the config.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Bypass => "bypass",
            Self::Deny => "deny",
            Self::StepUp(policy) => &policy.name,
        }
    }
}

// === impl StepUp ===

impl StepUp {
    /// The same policy, which only observes, or does more.
    #[must_use]
    pub fn observing(&self, observe: bool) -> Self {
        let escalation = self.escalation.as_ref().map(|Escalation { at, to }| {
            let to = Self { observe, ..Self::clone(to) };
            Escalation { at: *at, to: Arc::new(to) }
        });
        Self { observe, escalation, ..self.clone() }
    }

    /// Whether every single request is to be confirmed.
    #[must_use]
    pub const fn confirms_each_request(&self) -> bool {
        self.max_age.is_zero()
    }

    /// How lately a contact must have been proved, by the directory's own word, for nobody to be asked; `None` when its word
    /// does not count.
    #[must_use]
    pub const fn recheck(&self) -> Option<Duration> {
        match self.contact {
            ContactRule::Recheck(within) => Some(within),
            ContactRule::Directory | ContactRule::Form(_) => None,
        }
    }

    /// The policy as it is for this score.
    #[must_use]
    pub fn at(self: &Arc<Self>, score: u8) -> &Arc<Self> {
        match &self.escalation {
            Some(escalation) if score >= escalation.at => &escalation.to,
            _ => self,
        }
    }

    /// Whether an answer on `channel` counts. One that a higher score would have asked for does.
    #[must_use]
    pub fn accepts(&self, channel: Channel) -> bool {
        let to = self.escalation.as_ref().map(|escalation| &escalation.to);
        self.channels.contains(channel) || to.is_some_and(|to| to.channels.contains(channel))
    }

    /// Whether a proof must be bound to `binding`.
    #[must_use]
    pub fn binds(&self, binding: Binding) -> bool {
        self.bind.contains(&binding)
    }
}
