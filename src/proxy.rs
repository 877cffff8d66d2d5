//! The pingora adapter: sessions to canonical requests, verdicts to bytes.

pub mod settings;
mod upstream;

pub use upstream::{Balance, HealthCheck, UpstreamSpec, UpstreamTls};
