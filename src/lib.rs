//! otpgate adds one-time-password step-up to web applications as they are.
//!
//! A reverse proxy that stands in front of an unmodified application, lets ordinary traffic through and, on the
//! routes that a YAML policy names, asks the visitor for a code before the request goes on.
//!
//! # Rooms
//!
//! A room may use the rooms below it, never one above; rooms on one line do not know each other.
//!
//! | room | what it is for |
//! |---|---|
//! | [`cli`] · [`demo`] | the commands, one file each · the demo's application, which knows nothing of the gateway |
//! | [`server`] | assembles a running gateway: settings, listeners, TLS, reload, shutdown |
//! | [`proxy`] · [`admin`] | the pingora adapter · health, metrics and the admin API on a listener of their own |
//! | [`portal`] | the gateway's own pages and JSON endpoints |
//! | [`stepup`] | the conductor: the I/O around the pure rooms |
//! | [`gate`] · [`challenge`] · [`grant`] · [`identity`] · [`risk`] | the verdict · life of a challenge · the sealed cookie · who is asking · signals and score |
//! | [`directory`] · [`delivery`] | subject to contacts · how a code reaches a contact |
//! | [`store`] | what must be remembered, as semantic operations |
//! | [`audit`] | what happened, for whom, why: events and metrics |
//! | [`config`] | the engine under the settings |
//! | [`request`] | the canonical request, header hygiene |
//! | [`seal`] | key ring, sealing, keyed hashes, random codes |
//! | [`words`] | the vocabulary as types |
//!
//! Start reading at [`stepup`]: it is the road of a request, and it names every other room on the way.

pub mod admin;
pub mod audit;
pub mod challenge;
pub mod cli;
pub mod config;
pub mod delivery;
pub mod demo;
pub mod directory;
pub mod gate;
pub mod grant;
pub mod identity;
pub mod portal;
pub mod proxy;
pub mod request;
pub mod risk;
pub mod seal;
pub mod server;
pub mod stepup;
pub mod store;
pub mod words;
