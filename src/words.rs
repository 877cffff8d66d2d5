//! The vocabulary as types: the words that every room shares.
//!
//! Each type here is valid by construction: a [`Subject`] is canonical, a [`Contact`] can receive, a [`Policy`] has
//! three cases. Text from outside is parsed into them once, at the edge. This room uses no other.

mod channel;
mod contact;
mod id;
mod policy;
mod proof;
mod subject;
mod time;

pub use channel::{Channel, ChannelSet};
pub use contact::{Address, BadContact, Contact, EmailAddress, PhoneNumber};
pub use id::{BadId, BrowserId, ChallengeId, GrantId, KeyedHash, ParkedId, Reference, ResumeToken};
pub use policy::{Binding, Policy, SendWhen, StepUp};
pub use proof::{Origin, Proof};
pub use subject::{BadSubject, Subject};
pub use time::{Clock, SystemClock, TestClock, Timestamp};
