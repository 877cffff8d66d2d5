//! The proxy over its public interface alone: the real binary, real upstreams, real sockets and TLS.
//!
//! One file per topic. Tests name the invariant (I1 to I11) or the attack case (P01, H04, ...) that they hold. "Refused"
//! is a 4xx, "challenged" a 401 that asks for a step-up; with either, the upstream has got no byte.
// A test may unwrap: its panic is its report.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod asking;
mod assertion;
mod bodies;
mod client_certificate;
mod cookies;
mod h2;
mod headers;
mod hosts;
mod paths;
mod pki;
mod protocol;
mod receipts;
mod reload;
mod setup;
mod streaming;
mod tls;
mod upstream;
mod websocket;
