//! What a visitor may be told of a challenge, and what became of what the visitor did.

use std::time::Duration;

use http::HeaderValue;

use crate::challenge::{Asked, FromForm};
use crate::seal::Typed;
use crate::store::{Destination, Lock, State};
use crate::words::{ChallengeId, Channel, FailureClass, Progress, Reference};

/// A challenge as a page or an API client may be told of it.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Its name.
    pub id: ChallengeId,
    /// The code that a visitor can read out.
    pub reference: Reference,
    /// Where it stands.
    pub state: State,
    /// Wrong codes that it still takes.
    pub tries_left: u32,
    /// Resends that are left.
    pub sends_left: u32,
    /// How long the code lives, or would live if it were sent now.
    pub expires_in: Duration,
    /// How long until the code may be sent again.
    pub resend_in: Duration,
    /// Where codes can go.
    pub reached: Vec<Reached>,
    /// Where the code went last.
    pub last: Option<Reached>,
    /// How far the last message came. `None` before the first, and for an address that was typed: whether anything went
    /// there is nobody's business (O25).
    pub progress: Option<Progress>,
    /// Whether the provider of the last message may still report what becomes of it.
    pub reports: bool,
    /// Where the code was just asked to go, whatever became of that.
    pub wanted: Option<Reached>,
    /// The method of the interrupted request.
    pub method: String,
    /// Its path.
    pub path: String,
    /// Where the browser goes afterwards.
    pub return_to: String,
    /// Whether this confirms one request rather than opening a page.
    pub confirms: bool,
    /// When it is the contact in the request's own form that is proved.
    pub form: Option<FromForm>,
    /// Whether an interrupted form is kept with it.
    pub is_parked: bool,
    /// Whether codes go to contacts that the subject had before, since those of now were changed a short while ago.
    pub is_earlier: bool,
    /// How long until a contact that was changed may be used, where there is no older one of now.
    pub usable_in: Option<Duration>,
    /// Who is challenged.
    pub asked: Asked,
    /// The provider's page, when that is how it goes on.
    pub page: Option<HostedPage>,
}

/// A page of a provider's own, on which the visitor proves an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostedPage {
    /// Where it is.
    pub link: String,
    /// Whether the provider says that the address was proved.
    pub is_proved: bool,
}

/// A contact as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// The channel.
    pub channel: Channel,
    /// Its place among the contacts of its channel.
    pub contact: u16,
    /// The masked address.
    pub to: String,
    /// The operator's label.
    pub label: Option<String>,
    /// Whether a message there costs money.
    pub costs: bool,
}

/// What a visitor finds on arriving at the page of a challenge.
#[derive(Debug, Clone)]
pub enum Arrival {
    /// No such challenge of this browser.
    Nothing,
    /// No challenge was named, and several are open.
    Several,
    /// The subject it was opened for is not signed in (any more).
    NotSignedIn,
    /// Somebody else is signed in than the subject it was opened for.
    SomebodyElse,
    /// It stands so.
    Standing(Box<Standing>),
    /// The code could not be sent, for this reason.
    Undelivered(Box<Standing>, FailureClass),
    /// A limit keeps the code from being sent for this long.
    TooMany(Box<Standing>, Duration),
    /// The money for messages is used up for this long.
    OutOfMoney(Box<Standing>, Duration),
    /// No codes go to numbers like this one for this long.
    Paused(Box<Standing>, Duration),
}

/// Where a visitor wants the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The channel.
    pub channel: Channel,
    /// The contact's place among the contacts of its channel.
    pub contact: u16,
}

/// What became of asking for a code.
#[derive(Debug, Clone)]
pub enum Sending {
    /// It went out, or (for an address that is not allowed) it looks so.
    Sent(Box<Standing>),
    /// It went out under a new challenge, since the old one's time or tries were over; the parked request went along.
    Renewed(Box<Standing>),
    /// Too early, or a limit is reached.
    TooMany(Box<Standing>, Duration),
    /// Nothing can be tried.
    Locked(Box<Standing>, Lock),
    /// The code's time is over.
    Expired(Box<Standing>),
    /// The challenge is passed.
    Passed(Box<Standing>),
    /// The challenge has no such contact (O26).
    NoSuchContact(Box<Standing>),
    /// No provider took it, for this reason. It was not counted.
    Undelivered(Box<Standing>, FailureClass),
    /// The money for messages is used up for this long. It was not counted.
    OutOfMoney(Box<Standing>, Duration),
    /// No codes go to numbers like this one for this long.
    Paused(Box<Standing>, Duration),
    /// Too much is waiting.
    Crowded(Reference),
    /// There is no such challenge for this visitor.
    Not(Arrival),
}

/// What became of a code that came in.
#[derive(Debug, Clone)]
pub enum Verified {
    /// Right.
    Passed {
        /// `Set-Cookie` values: the grant, the browser's new name, a resume token.
        cookies: Vec<HeaderValue>,
        /// A local target.
        return_to: String,
    },
    /// No code at all; nothing was counted (O02).
    Malformed(Box<Standing>, Typed),
    /// Wrong.
    Wrong(Box<Standing>, u32),
    /// Nothing can be tried; right and wrong look alike.
    Locked(Box<Standing>, Lock),
    /// The code's time is over.
    Expired(Box<Standing>),
    /// It was passed already.
    Spent(Box<Standing>),
    /// No code was sent yet.
    NotSent(Box<Standing>),
    /// The provider has not said yet that the address was proved on its page.
    Unfinished(Box<Standing>),
    /// There is no such challenge for this visitor.
    Not(Arrival),
}

// === impl Reached ===

impl Reached {
    /// Whether it is the contact at this place.
    pub(super) fn is_at(&self, place: Destination) -> bool {
        self.channel == place.channel && self.contact == place.contact
    }
}
