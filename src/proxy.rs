//! The pingora adapter: sessions to canonical requests, verdicts to bytes.
//!
//! May use: `portal`, `stepup` and the rooms below. Thin on purpose: it reads a request into a
//! [`Visit`](crate::stepup::Visit), hands it to the [`Portal`](crate::portal::Portal), and either writes the answer that
//! comes back or forwards what it was told to forward. No decision is made here. Start at [`Adapter`].

mod adapter;
mod answer;
mod asking;
mod body;
mod outbound;
mod peer;
mod servers;
pub mod settings;
mod table;
mod trip;
mod trouble;
mod tunnel;
mod upstream;

pub use adapter::Adapter;
pub use peer::{Peer, PeerCertificate};
pub use servers::Servers;
pub use table::Table;
pub use upstream::{Balance, HealthCheck, UpstreamSpec, UpstreamTls};
