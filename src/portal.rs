//! The gateway's own pages and JSON endpoints.
//!
//! May use: `stepup` and the rooms below it.

pub mod settings;
