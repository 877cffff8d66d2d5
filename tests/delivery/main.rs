//! Codes on their way: providers of every kind, against servers that speak as they do.
#![allow(clippy::unwrap_used)]

mod getotp;
mod http;
mod messages;
mod server;
mod smtp;
mod world;
