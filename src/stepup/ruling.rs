//! What the conductor decided, for the rooms above to turn into bytes.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::stepup::Changing;
use crate::stepup::Standing;
use crate::stepup::Watch;
use crate::words::{ChallengeId, Reference};

/// What becomes of a request.
#[derive(Debug)]
pub enum Ruling {
    /// It goes on to the upstream.
    Forward(Box<Forward>),
    /// A navigation goes to the page of this challenge.
    ToPage {
        /// The challenge.
        id: ChallengeId,
        /// `Set-Cookie` values.
        cookies: Vec<HeaderValue>,
    },
    /// An API client is told how to prove itself.
    ToClient {
        /// The challenge.
        standing: Box<Standing>,
        /// `Set-Cookie` values.
        cookies: Vec<HeaderValue>,
        /// The policy's `max_age` in seconds, for RFC 9470.
        max_age: u64,
    },
    /// A sub-resource or an upgrade gets a plain 401: it can show no page.
    Plain401,
    /// Nobody is signed in: a navigation goes to this local address, where there is one.
    SignIn {
        /// The site's `sign_in`.
        to: Option<String>,
        /// `Set-Cookie` values that remember the page that was asked for.
        cookies: Vec<HeaderValue>,
        /// For the visitor to read out.
        reference: Reference,
    },
    /// Signed in by now: the browser goes on to the page that it was on its way to.
    Onward {
        /// A local target.
        to: String,
        /// `Set-Cookie` values that make the browser forget it.
        cookies: Vec<HeaderValue>,
    },
    /// Refused by policy.
    Refused(Reference),
    /// The body is larger than what can be parked; nothing was opened but a challenge to confirm first, where that
    /// helps.
    TooLarge {
        /// The most that can be parked, in bytes.
        limit: u64,
        /// For the visitor to read out.
        reference: Reference,
    },
    /// The form was sent already: its resume token was used.
    AlreadySent {
        /// `Set-Cookie` values that make the browser forget the token, so that the address can be opened again.
        cookies: Vec<HeaderValue>,
        /// For the visitor to read out.
        reference: Reference,
    },
    /// Too much is waiting for this visitor or this site.
    Crowded(Reference),
    /// The body broke off.
    BrokenBody(Reference),
    /// The form has no contact that a code could go to, and its policy wants that one proved.
    BadForm {
        /// What is wrong with it.
        bad: BadForm,
        /// Where it can be corrected: a local target, where one is known.
        back: Option<String>,
        /// For the visitor to read out.
        reference: Reference,
    },
    /// A failure of ours.
    Unavailable(Reference),
}

/// Why a form has no contact that could be proved. Whether the field is missing, stands there twice or has something else in
/// it is one and the same: nobody can tell what the application would read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadForm {
    /// No e-mail address can be read.
    NoEmail,
    /// No telephone number can be read.
    NoPhone,
    /// Neither can be read.
    NoContact,
    /// No code can go to the e-mail address.
    EmailUnreachable,
    /// No code can go to the telephone number: no such line takes one, or the operator sends nothing to its country.
    PhoneUnreachable,
}

/// A request on its way to the upstream.
#[derive(Debug, Default)]
pub struct Forward {
    /// Headers to add after the client's forged ones are removed.
    pub add: Vec<(HeaderName, HeaderValue)>,
    /// `Set-Cookie` values to add to the answer.
    pub set_cookies: Vec<HeaderValue>,
    /// What to send instead of what came in: a body that was read to be judged, or a resumed request.
    pub instead: Option<Replacement>,
    /// A login or logout to watch.
    pub watch: Option<Watch>,
    /// What may change whom the application names.
    pub changing: Option<Changing>,
}

/// What to send instead of what came in.
#[derive(Debug, Clone)]
pub struct Replacement {
    /// The method.
    pub method: Method,
    /// The target as it goes over the wire.
    pub target: String,
    /// The headers of a resumed request, to which the present request's cookies and authorisation are added; `None`
    /// keeps the present ones.
    pub headers: Option<HeaderMap>,
    /// The body.
    pub body: Bytes,
}

// === impl BadForm ===

impl BadForm {
    /// The word for logs and problems.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoEmail => "no_email",
            Self::NoPhone => "no_phone",
            Self::NoContact => "no_contact",
            Self::EmailUnreachable => "email_unreachable",
            Self::PhoneUnreachable => "phone_unreachable",
        }
    }
}
