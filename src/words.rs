//! The vocabulary as types: the words that every room shares.
//!
//! Each type here is valid by construction: a [`Subject`] is canonical, a [`Contact`] can receive, a [`Policy`] has
//! three cases. Text from outside is parsed into them once, at the edge. This room uses no other.

mod channel;
mod contact;
mod country;
mod dialled;
mod id;
mod language;
mod money;
mod policy;
mod progress;
mod proof;
mod spot;
mod subject;
mod time;

pub use channel::{Channel, ChannelSet};
pub use contact::{Address, BadContact, Contact, EmailAddress, PhoneNumber};
pub use country::{BadCountry, Country};
pub use id::{
    BadId, BrowserId, ChallengeId, DeviceId, GrantId, KeyedHash, MarkId, MessageId, ParkedId, Reference, ResumeToken,
};
pub use language::{BadLanguage, Language};
pub use money::{Amount, BadMoney, Currency, Price};
pub use policy::{Binding, ContactRule, Escalation, Policy, SendWhen, StepUp};
pub use progress::{FailureClass, Progress};
pub use proof::{Origin, Proof};
pub use spot::{About, Spot};
pub use subject::{BadSubject, Subject};
pub use time::{Clock, SystemClock, TestClock, Timestamp};
