//! The conductor: who is it, what does the gate say, park, challenge, deliver, grant, resume.
//!
//! May use every room below it; knows nothing of pingora, pages or bytes. The road of a request is
//! [`Gateway::judge`] in `judge.rs`: start reading there. What a visitor then does on the portal are the steps of
//! `steps.rs` ([`Gateway::arrive`], [`Gateway::send`], [`Gateway::verify`], …).

mod along;
mod ask;
mod asking;
mod behaviour;
mod carry;
mod challenge;
mod contacts;
mod cooldown;
mod device;
mod feed;
mod flags;
mod gateway;
mod hosted;
mod identify;
mod judge;
mod locks;
mod mark;
mod message;
mod onward;
mod operate;
mod outage;
mod pass;
mod places;
mod receive;
mod recheck;
mod resume;
mod ruling;
mod sign_up;
mod site;
mod steps;
mod suspicion;
mod telling;
mod told;
mod turn;
mod visit;
mod watch;

pub use asking::Changing;
pub use behaviour::Banned;
pub use feed::follow;
pub use gateway::{ChallengeRules, Gateway, Shared};
pub use onward::SignIn;
pub use operate::Operated;
pub use outage::Outage;
pub use receive::Unheard;
pub use ruling::{BadForm, Forward, Replacement, Ruling};
pub use site::{Hosts, Site, SiteSpec};
pub use telling::{Teller, Telling};
pub use told::{Arrival, Choice, HostedPage, Reached, Sending, Standing, Verified};
pub use visit::{BodyError, NoBody, RequestBody, Visit};
pub use watch::Watch;
