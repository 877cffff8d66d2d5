//! The labels of the metrics. Each value is a word of an enum or a name of the config.

use prometheus_client::encoding::EncodeLabelSet;

/// Declares an enum whose variants are label values.
macro_rules! label_values {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// The label value.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

label_values! {
    /// What became of a request.
    Verdict {
        /// It went to the upstream.
        Forward = "forward",
        /// It went to the upstream because its policy only observes.
        Observe = "observe",
        /// A code was asked for.
        Challenge = "challenge",
        /// It was sent to the application's sign-in.
        SignIn = "sign_in",
        /// It was refused by policy.
        Refuse = "refuse",
        /// It was for the portal.
        Portal = "portal",
        /// It was ambiguous (400), or its host unknown (421).
        Invalid = "invalid",
        /// The verdict could not be reached (503).
        Unavailable = "unavailable",
    }
}

label_values! {
    /// Why the upstream did not answer.
    UpstreamError {
        /// No connection.
        Connect = "connect",
        /// No TLS handshake, or the wrong certificate.
        Tls = "tls",
        /// No answer in time.
        Timeout = "timeout",
        /// The connection broke.
        Broken = "broken",
        /// No server of the upstream is healthy.
        NoServer = "no_server",
    }
}

label_values! {
    /// What became of a message.
    SendOutcome {
        /// The provider took it.
        Accepted = "accepted",
        /// It surely reached nobody.
        Failed = "failed",
        /// Nobody knows whether it went out, such as after a timeout.
        Unknown = "unknown",
    }
}

label_values! {
    /// What became of what a provider reported.
    ReceiptOutcome {
        /// It was believed, and noted as far as it said anything new.
        Accepted = "accepted",
        /// Its signature is missing or wrong.
        Forged = "forged",
        /// It was signed too long ago.
        Stale = "stale",
        /// It came before.
        Replayed = "replayed",
        /// It is of a message that nobody knows (any more).
        Unknown = "unknown",
        /// It is signed and cannot be read.
        Malformed = "malformed",
        /// The store did not answer: the provider was told to come again.
        Unavailable = "unavailable",
    }
}

label_values! {
    /// What became of telling somebody of a contact that was proved.
    MarkOutcome {
        /// It was taken.
        Taken = "taken",
        /// It was not taken, and is told again later.
        Later = "later",
        /// It is not told any more.
        Dropped = "dropped",
    }
}

label_values! {
    /// What a directory answered.
    Lookup {
        /// It knows the subject.
        Found = "found",
        /// It does not.
        Unknown = "unknown",
        /// It was not asked: its answer of a moment ago was still good.
        Cached = "cached",
        /// It did not answer, and an older answer was taken (`stale`).
        Stale = "stale",
        /// It did not answer.
        Unreachable = "unreachable",
        /// Its answer means nothing.
        Wrong = "wrong",
        /// It knows several whom the subject could mean.
        Ambiguous = "ambiguous",
    }
}

label_values! {
    /// What became of a code that came in.
    VerifyOutcome {
        /// Right.
        Passed = "passed",
        /// Wrong.
        Wrong = "wrong",
        /// No code of the right shape; it cost no try.
        Malformed = "malformed",
        /// No try was taken, or the last one was used up.
        Locked = "locked",
        /// Too late.
        Expired = "expired",
        /// The challenge was passed already.
        Spent = "spent",
        /// No such challenge of this browser, or no code was sent yet.
        Missing = "missing",
        /// The store did not answer.
        Unavailable = "unavailable",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct VerdictLabels {
    pub(super) site: String,
    pub(super) verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct UpstreamLabels {
    pub(super) site: String,
    pub(super) error: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct SendLabels {
    pub(super) channel: &'static str,
    pub(super) provider: String,
    pub(super) outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReceiptLabels {
    pub(super) provider: String,
    pub(super) outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct MarkLabels {
    pub(super) site: String,
    pub(super) to: String,
    pub(super) outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct KindLabel {
    pub(super) kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OutcomeLabel {
    pub(super) outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OperationLabel {
    pub(super) operation: &'static str,
}

label_values! {
    /// What came of asking a DNS list for an address.
    DnsAnswer {
        /// The address is on it.
        Listed = "listed",
        /// It is not, or in no way that counts.
        Clean = "clean",
        /// The list did not answer, or that it does not tell.
        Failed = "failed",
    }
}
