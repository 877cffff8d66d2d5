//! Health, metrics and the admin API, on a listener of their own: an axum router.
//!
//! May use every room below `portal`. Start at [`settings`].

pub mod settings;
mod token;

pub use token::{AdminToken, BadToken};
