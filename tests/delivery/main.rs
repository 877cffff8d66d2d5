//! Codes on their way: providers of every kind, against servers that speak as they do.
#![allow(clippy::unwrap_used)]

mod choice;
mod flip;
mod getotp;
mod http;
mod messagebird;
mod messages;
mod plivo;
mod server;
mod smtp;
mod twilio;
mod vonage;
mod world;
