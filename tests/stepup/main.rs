//! The challenge itself, over the public interface only: the real binary in front of an application that knows nothing
//! of it, with the memory store and with a real Redis. Names such as O01 are the cases of the threat model, I1 to I11
//! its invariants. Start reading at [`world`].
// A test may unwrap: its panic is its report.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod account;
mod api;
mod basic;
mod behaviour;
mod codes;
#[path = "../portal/world.rs"]
#[allow(dead_code)]
mod conductor;
mod confirm;
mod cooldown;
mod crm;
mod devices;
mod dns;
mod hosted;
mod identity;
mod jwt;
mod languages;
mod limits;
mod lists;
mod login;
mod marks;
mod onward;
mod operator;
mod outage;
mod places;
mod receipts;
mod recheck;
mod resume;
mod risk;
mod rules;
mod sessions;
mod sign_up;
mod whoami;
mod world;
