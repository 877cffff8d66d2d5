//! What tests over the public interface share: the gateway's own binary, a Redis, and a browser that is a few lines long.
#![allow(dead_code, unused_imports, clippy::unwrap_used, missing_docs)]

pub mod client;
pub mod process;

pub use client::{Answer, Client};
pub use process::{Gateway, Redis, free_port};
