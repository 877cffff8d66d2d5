//! The portal over real parts, in process: what a visitor and an API client meet, with a clock that stands still.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod door;
mod marks;
mod pages;
mod table;
mod world;
