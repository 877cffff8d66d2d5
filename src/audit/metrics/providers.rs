//! The metrics of providers: which are left alone, how good they are, what they cost.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::words::{Amount, Channel};

/// The metrics of providers.
#[derive(Debug, Default)]
pub struct ProviderMetrics {
    waiting: Gauge,
    open: Family<BreakerLabels, Gauge>,
    verified: Family<QualityLabels, Fraction>,
    spent: Family<SpentLabels, Fraction>,
    exhausted: Family<BudgetLabels, Counter>,
}

/// A gauge of what is no whole number.
type Fraction = Gauge<f64, AtomicU64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BreakerLabels {
    channel: &'static str,
    provider: String,
}

/// Countries come from numbering plans: there are some 250.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QualityLabels {
    provider: String,
    channel: &'static str,
    country: String,
    window: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SpentLabels {
    site: String,
    window: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BudgetLabels {
    site: String,
    budget: &'static str,
}

// === impl ProviderMetrics ===

impl ProviderMetrics {
    pub(super) fn register(&self, own: &mut Registry) {
        own.register("sends_waiting", "Messages that wait because their provider is busy", self.waiting.clone());
        let help = "1 while the circuit breaker keeps messages from a provider";
        own.register("provider_open", help, self.open.clone());
        let help = "The share of messages whose code came back, at all gateways";
        own.register("verified_ratio", help, self.verified.clone());
        let help = "What a site spent on messages within the window, at all gateways";
        own.register("spent", help, self.spent.clone());
        let help = "Messages that a provider did not get because the budget was used up";
        own.register("budget_exhausted", help, self.exhausted.clone());
    }

    /// One message more, or less, waits for a busy provider.
    pub fn waiting(&self, more: bool) {
        if more {
            self.waiting.inc();
        } else {
            self.waiting.dec();
        }
    }

    /// Forgets the providers of a config that is no longer.
    pub fn forget(&self) {
        self.open.clear();
        self.verified.clear();
    }

    /// The circuit breaker of `provider` on `channel` opened or closed.
    pub fn breaker(&self, channel: Channel, provider: &str, is_open: bool) {
        let labels = BreakerLabels { channel: channel.as_str(), provider: provider.to_owned() };
        self.open.get_or_create(&labels).set(i64::from(is_open));
    }

    /// The share in a thousand of messages whose code came back within the last hour and the last seven days. The country
    /// is that of phone numbers, or empty; a share that nobody knows is not shown.
    pub fn verified(&self, provider: &str, channel: Channel, country: &str, shares: [Option<u16>; 2]) {
        for (window, share) in ["1h", "7d"].into_iter().zip(shares) {
            let (provider, country) = (provider.to_owned(), country.to_owned());
            let labels = QualityLabels { provider, channel: channel.as_str(), country, window };
            if let Some(share) = share {
                self.verified.get_or_create(&labels).set(f64::from(share) / 1000.0);
            } else {
                self.verified.remove(&labels);
            }
        }
    }

    /// What a site spent within the last hour and the last day.
    pub fn spent(&self, site: &str, hour: Amount, day: Amount) {
        for (window, amount) in [("1h", hour), ("1d", day)] {
            self.spent.get_or_create(&SpentLabels { site: site.to_owned(), window }).set(units(amount));
        }
    }

    /// A message was not handed to a provider, since the site's budget (`per_hour` or `per_day`) is used up.
    pub fn out_of_money(&self, site: &str, budget: &'static str) {
        self.exhausted.get_or_create(&BudgetLabels { site: site.to_owned(), budget }).inc();
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact to 2⁵³ millionths")]
fn units(amount: Amount) -> f64 {
    amount.millionths() as f64 / Amount::UNIT as f64
}

#[cfg(test)]
mod tests;
