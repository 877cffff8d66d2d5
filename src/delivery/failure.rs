//! Why a message did not go out, and whether it surely did not.
//!
//! Nothing here carries an address, a code or a password: of a server's answer the numbers are kept and the text is
//! dropped, since servers like to repeat the recipient in it (I9).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::delivery::{NotTaken, Remedy, Told};
use crate::words::{Channel, FailureClass};

/// No provider surely took a message.
#[derive(Debug, Clone, thiserror::Error)]
pub struct SendError {
    channel: Channel,
    attempts: Vec<Attempt>,
    /// The budget that is used up, and how long until something may fit: a provider that costs money was left out.
    exhausted: Option<(&'static str, Duration)>,
    /// Why no provider was asked at all.
    not_taken: Option<NotTaken>,
}

/// What one provider failed at.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The provider, by its name in the config.
    pub provider: Arc<str>,
    /// Why.
    pub failure: Failure,
}

/// Why one provider did not take a message. `written` says that the whole message may have been on its way: then it may
/// have been sent.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// No connection: the name does not resolve, or nobody listens.
    #[error("cannot connect: {0}")]
    Unreachable(String),
    /// No TLS, or a certificate that is not trusted.
    #[error("no safe connection: {0}. `ca` adds a certificate to trust")]
    Tls(String),
    /// The server offers no STARTTLS.
    #[error("the server offers no STARTTLS, and the message must not travel in clear: use smtps://")]
    NoStartTls,
    /// The server does not take the user name and password.
    #[error("the server refused the user name or password ({0})")]
    SignIn(Reply),
    /// The server knows no way to sign in that we know.
    #[error("the server offers neither AUTH PLAIN nor AUTH LOGIN: leave user name and password out of the url")]
    NoSignIn,
    /// The server refuses this recipient for good.
    #[error("the server refused the recipient ({0})")]
    Recipient(Reply),
    /// The server refuses the message, now or for good.
    #[error("the server refused the message ({0})")]
    Refused(Reply),
    /// No answer in time.
    #[error("no answer in time{}", maybe(*.written))]
    TimedOut {
        /// Whether the message may have been sent.
        written: bool,
    },
    /// The connection broke, or the answer was none.
    #[error("the connection broke{}", maybe(*.written))]
    Broken {
        /// Whether the message may have been sent.
        written: bool,
    },
    /// The provider cannot carry this message.
    #[error("the message cannot be written: {0}")]
    Unsendable(&'static str),
    /// The provider answered that it does not take the message.
    #[error("the provider declined ({class}, {code})")]
    Declined {
        /// Why.
        class: FailureClass,
        /// The provider's own number for it, or the status of its answer.
        code: String,
        /// How long the provider asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// Too many messages wait for this provider already.
    #[error("too many messages wait for the provider")]
    Busy,
    /// The gateway itself could not note the message, so it was not sent.
    #[error("the store does not answer")]
    Store,
}

/// The numbers of a server's answer, such as `550 5.1.1` (RFC 5321, 4.2; RFC 3463).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    enhanced: Option<String>,
}

fn maybe(written: bool) -> &'static str {
    if written { " after the message was written: it may have been sent" } else { "" }
}

// === impl SendError ===

impl SendError {
    pub(super) const fn new(channel: Channel, attempts: Vec<Attempt>) -> Self {
        Self { channel, attempts, exhausted: None, not_taken: None }
    }

    pub(super) const fn out_of_money(mut self, exhausted: Option<(&'static str, Duration)>) -> Self {
        self.exhausted = exhausted;
        self
    }

    pub(super) const fn not_taken(mut self, why: NotTaken) -> Self {
        self.not_taken = Some(why);
        self
    }

    /// The budget (`per_hour` or `per_day`) that is used up, and how long until something may fit.
    #[must_use]
    pub const fn exhausted(&self) -> Option<(&'static str, Duration)> {
        self.exhausted
    }

    /// Whether the message surely reached nobody.
    #[must_use]
    pub fn surely_not_sent(&self) -> bool {
        self.attempts.iter().all(|attempt| attempt.failure.surely_not_sent())
    }

    /// Whether every provider that was tried refused the recipient for good: a resend will not help.
    #[must_use]
    pub fn recipient_refused(&self) -> bool {
        self.not_taken.is_some_and(|why| why != NotTaken::NoProvider)
            || !self.attempts.is_empty()
                && self.attempts.iter().all(|attempt| matches!(attempt.failure.remedy().told, Told::AnotherWay))
    }

    /// Why, in one word: what is true of the recipient rather than what is wrong with a provider.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self.not_taken {
            Some(NotTaken::Country) => return FailureClass::RegionBlocked,
            Some(NotTaken::Landline) => return FailureClass::Landline,
            Some(NotTaken::Kind) => return FailureClass::InvalidNumber,
            Some(NotTaken::NoProvider) | None => {}
        }
        let mut classes = self.attempts.iter().map(|attempt| attempt.failure.class());
        let last = self.attempts.last().map(|attempt| attempt.failure.class());
        let of_recipient = classes.find(|class| Remedy::of(*class).told != Told::OurFault);
        of_recipient.or(last).unwrap_or(FailureClass::Unknown)
    }

    /// What was tried, in order.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((budget, _)) = self.exhausted {
            write!(f, "the budget {budget} is used up; ")?;
        }
        if let Some(why) = self.not_taken.filter(|why| *why != NotTaken::NoProvider) {
            return write!(f, "no provider was asked: {why}");
        }
        if self.attempts.is_empty() {
            return write!(f, "no provider carries {}", self.channel);
        }
        for (position, attempt) in self.attempts.iter().enumerate() {
            let between = if position == 0 { "" } else { "; " };
            write!(f, "{between}{}: {}", attempt.provider, attempt.failure)?;
        }
        Ok(())
    }
}

// === impl Failure ===

impl Failure {
    /// Whether the message surely reached nobody.
    #[must_use]
    pub const fn surely_not_sent(&self) -> bool {
        !matches!(self, Self::TimedOut { written: true } | Self::Broken { written: true })
    }

    /// Why, in the words that all providers share.
    #[must_use]
    pub const fn class(&self) -> FailureClass {
        match self {
            Self::Unreachable(_) | Self::TimedOut { .. } | Self::Broken { .. } => FailureClass::ProviderDown,
            Self::Tls(_) | Self::NoStartTls | Self::SignIn(_) | Self::NoSignIn => FailureClass::AuthConfig,
            Self::Recipient(_) => FailureClass::InvalidNumber,
            // 4xx is "not now" (RFC 5321, 4.2.1).
            Self::Refused(reply) if reply.code < 500 => FailureClass::ProviderDown,
            Self::Refused(_) | Self::Unsendable(_) => FailureClass::Unknown,
            Self::Declined { class, .. } => *class,
            Self::Busy => FailureClass::RateLimited,
            Self::Store => FailureClass::Unknown,
        }
    }

    /// What follows from it.
    #[must_use]
    pub const fn remedy(&self) -> Remedy {
        Remedy::of(self.class())
    }
}

// === impl Reply ===

impl Reply {
    /// The numbers of an answer with this code and text.
    pub(super) fn new(code: u16, text: &str) -> Self {
        let first = text.split_whitespace().next().unwrap_or_default();
        let mut parts = first.split('.');
        let is_number = |part: Option<&str>| {
            part.is_some_and(|part| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let enhanced = is_number(parts.next()) && is_number(parts.next()) && is_number(parts.next());
        Self { code, enhanced: (enhanced && parts.next().is_none()).then(|| first.to_owned()) }
    }

    /// The three digits.
    #[must_use]
    pub const fn code(&self) -> u16 {
        self.code
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        self.enhanced.iter().try_for_each(|enhanced| write!(f, " {enhanced}"))
    }
}
