//! Directories over their public interface: real servers, real files, real TLS.
//!
//! One file per kind, and what stands around every one of them. Tests name the invariant or the attack case (D09, H19, …)
//! that they hold.
// A test may unwrap: its panic is its report.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod crm;
mod file;
mod gateway;
mod http;
mod kept;
mod ldap;
mod servers;
mod sql;
