//! The metrics of bans that the gateway itself puts up.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The metrics of bans.
#[derive(Debug, Default)]
pub(super) struct Bans {
    begun: Family<ReasonLabel, Counter>,
    in_force: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

// === impl Bans ===

impl Bans {
    pub(super) fn register(&self, own: &mut Registry) {
        own.register("bans", "Addresses that this gateway banned for a while, by reason", self.begun.clone());
        own.register("bans_in_force", "Bans that hold at present, of every gateway", self.in_force.clone());
    }

    pub(super) fn begun(&self, reason: &'static str) {
        self.begun.get_or_create(&ReasonLabel { reason }).inc();
    }

    pub(super) fn in_force(&self, count: usize) {
        self.in_force.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}
