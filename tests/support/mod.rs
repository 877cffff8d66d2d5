//! What tests over the public interface share: the gateway's own binary, a Redis, a browser that is a few lines long,
//! and both ends of a bare wire.
#![allow(dead_code, unused_imports, clippy::unwrap_used, missing_docs)]

pub mod client;
pub mod process;
pub mod raw;
pub mod recorder;
pub mod upstream;

pub use client::{Answer, Client, NAVIGATION, raw};
pub use process::{Gateway, Redis, free_port};
pub use upstream::{Seen, Upstream};
