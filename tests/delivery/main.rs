//! Codes on their way: providers of every kind, against servers that speak as they do.
#![allow(clippy::unwrap_used)]

mod choice;
mod flip;
mod getotp;
mod http;
mod plivo;
mod server;
mod smtp;
mod twilio;
mod world;
