//! The metrics, in the OpenMetrics text format.
//!
//! No globals: one [`Metrics`] belongs to one gateway. What the hot path counts, it counts through [`SiteMetrics`],
//! which hold their counters ready: one atomic addition, no lock, no look-up. Labels come from the config and from
//! enums alone, never from a request, so that nobody outside can make a new time series.

mod directories;
mod labels;
mod process;
mod providers;
mod risk;

use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

pub use directories::DirectoryMetrics;
pub use labels::{DnsAnswer, Lookup, MarkOutcome, ReceiptOutcome, SendOutcome, UpstreamError, Verdict, VerifyOutcome};
use labels::{
    KindLabel, MarkLabels, OperationLabel, OutcomeLabel, ReceiptLabels, SendLabels, UpstreamLabels, VerdictLabels,
};

pub use providers::ProviderMetrics;
pub use risk::RiskMetrics;

use crate::audit::Kind;
use crate::words::{Channel, Timestamp};

/// Every metric of a gateway.
#[derive(Debug)]
pub struct Metrics {
    /// Those of providers.
    pub providers: ProviderMetrics,
    /// Those of what makes a score.
    pub risk: RiskMetrics,
    registry: Registry,
    requests: Family<VerdictLabels, Counter>,
    upstream_errors: Family<UpstreamLabels, Counter>,
    outside: SiteMetrics,
    events: Vec<Counter>,
    challenges: Family<OutcomeLabel, Counter>,
    verifications: Family<OutcomeLabel, Counter>,
    sends: Family<SendLabels, Counter>,
    receipts: Family<ReceiptLabels, Counter>,
    marks: Family<MarkLabels, Counter>,
    directories: directories::Directories,
    store_seconds: Family<OperationLabel, Histogram, StoreBuckets>,
    store_errors: Family<OperationLabel, Counter>,
    reloads: Family<OutcomeLabel, Counter>,
    reload_ok: Gauge,
    reload_at: Gauge,
    feed_connected: Gauge,
    feed_heard_at: Gauge,
}

/// The counters of one site, ready to count without a lock. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SiteMetrics {
    verdicts: [Counter; Verdict::ALL.len()],
    upstream: [Counter; UpstreamError::ALL.len()],
}

/// Makes the histograms of store operations: 0.25 ms to 1 s, the store's time limit.
#[derive(Debug, Clone)]
struct StoreBuckets;

impl MetricConstructor<Histogram> for StoreBuckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new([0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0])
    }
}

const RELOADED: OutcomeLabel = OutcomeLabel { outcome: "success" };
const NOT_RELOADED: OutcomeLabel = OutcomeLabel { outcome: "failure" };

// === impl Metrics ===

impl Metrics {
    /// The metrics of a gateway whose process started at `started`.
    #[must_use]
    pub fn new(started: Timestamp) -> Self {
        let mut registry = Registry::default();
        process::register(&mut registry, started);
        let own = registry.sub_registry_with_prefix("otpgate");
        own.register("build", "The version of otpgate", Info::new([("version", env!("CARGO_PKG_VERSION"))]));

        let requests = Family::default();
        own.register("requests", "Requests by site and verdict", requests.clone());
        let upstream_errors = Family::default();
        own.register("upstream_errors", "Requests that the upstream did not answer", upstream_errors.clone());
        let events = Family::<KindLabel, Counter>::default();
        own.register("events", "Audit events by kind", events.clone());
        let challenges = Family::default();
        own.register("challenges", "Challenges that were opened, and what became of them", challenges.clone());
        let verifications = Family::default();
        own.register("verifications", "Codes that came in, by what became of them", verifications.clone());
        let sends = Family::default();
        own.register("sends", "Messages handed to a provider, by what became of them", sends.clone());
        let receipts = Family::default();
        own.register("receipts", "What providers reported of messages, by what became of it", receipts.clone());

        let marks = Family::default();
        own.register("marks", "Times that somebody was told of a proved contact, by what became of it", marks.clone());

        let providers = ProviderMetrics::default();
        providers.register(own);

        let risk = RiskMetrics::default();
        risk.register(own);

        let directories = directories::Directories::default();
        directories.register(own);

        let store_seconds = Family::new_with_constructor(StoreBuckets);
        let help = "Time that an operation of the store took";
        own.register_with_unit("store_operation", help, Unit::Seconds, store_seconds.clone());
        let store_errors = Family::default();
        own.register("store_errors", "Operations of the store that failed", store_errors.clone());

        let reloads = Family::<OutcomeLabel, Counter>::default();
        own.register("config_reloads", "Reloads of the config", reloads.clone());
        let (reload_ok, reload_at) = (Gauge::default(), Gauge::default());
        own.register("config_last_reload_successful", "1 when the last load of the config was good", reload_ok.clone());
        let help = "When the config was last loaded well, in seconds since 1970";
        own.register_with_unit("config_last_reload_success_timestamp", help, Unit::Seconds, reload_at.clone());

        let (feed_connected, feed_heard_at) = (Gauge::default(), Gauge::default());
        let help = "1 while this gateway hears of revocations from the store";
        own.register("change_feed_connected", help, feed_connected.clone());
        let help = "When the store last answered what changed, in seconds since 1970; time() minus this is the lag";
        own.register_with_unit("change_feed_heard_timestamp", help, Unit::Seconds, feed_heard_at.clone());

        let events = Kind::ALL.map(|kind| events.get_or_create_owned(&KindLabel { kind: kind.as_str() })).to_vec();
        for outcome in [RELOADED, NOT_RELOADED] {
            drop(reloads.get_or_create(&outcome));
        }
        let outside = SiteMetrics::new("none", &requests, &upstream_errors);
        Self {
            providers,
            risk,
            registry,
            requests,
            upstream_errors,
            outside,
            events,
            challenges,
            verifications,
            sends,
            receipts,
            marks,
            directories,
            store_seconds,
            store_errors,
            reloads,
            reload_ok,
            reload_at,
            feed_connected,
            feed_heard_at,
        }
    }

    /// The counters of a site of the config, by its first host name. Taken once per load of the config; the same name
    /// counts on where it stood.
    #[must_use]
    pub fn site(&self, site: &str) -> SiteMetrics {
        SiteMetrics::new(site, &self.requests, &self.upstream_errors)
    }

    /// The metrics of a directory of a site, by what it is called. Taken once per load of the config.
    #[must_use]
    pub fn directory(&self, site: &str, directory: &str) -> DirectoryMetrics {
        self.directories.of(site, directory)
    }

    /// The counters of requests that belong to no site; their label is `none`.
    #[must_use]
    pub const fn outside(&self) -> &SiteMetrics {
        &self.outside
    }

    /// Counts an event, and the challenge whose life it begins or ends.
    pub(super) fn happened(&self, kind: Kind) {
        if let Some(counter) = self.events.get(kind as usize) {
            counter.inc();
        }
        if matches!(kind, Kind::Opened | Kind::Passed | Kind::Locked | Kind::Expired | Kind::Resumed | Kind::Confirmed)
        {
            self.challenges.get_or_create(&OutcomeLabel { outcome: kind.as_str() }).inc();
        }
    }

    /// Counts a code that came in.
    pub fn verified(&self, outcome: VerifyOutcome) {
        self.verifications.get_or_create(&OutcomeLabel { outcome: outcome.as_str() }).inc();
    }

    /// Counts a message handed to `provider`, by its name in the config.
    pub fn sent(&self, channel: Channel, provider: &str, outcome: SendOutcome) {
        let labels = SendLabels { channel: channel.as_str(), provider: provider.to_owned(), outcome: outcome.as_str() };
        self.sends.get_or_create(&labels).inc();
    }

    /// Counts what `provider`, by its name in the config, reported; or what came in its name.
    pub fn received(&self, provider: &str, outcome: ReceiptOutcome) {
        let labels = ReceiptLabels { provider: provider.to_owned(), outcome: outcome.as_str() };
        self.receipts.get_or_create(&labels).inc();
    }

    /// Counts what became of telling `to` (a directory, by what it is called, or `webhook`) of a contact that was proved at
    /// `site`.
    pub fn marked(&self, site: &str, to: &str, outcome: MarkOutcome) {
        let labels = MarkLabels { site: site.to_owned(), to: to.to_owned(), outcome: outcome.as_str() };
        self.marks.get_or_create(&labels).inc();
    }

    /// Notes how long an operation of the store took, and whether it succeeded.
    pub fn store_answered(&self, operation: &'static str, took: Duration, succeeded: bool) {
        let operation = OperationLabel { operation };
        self.store_seconds.get_or_create(&operation).observe(took.as_secs_f64());
        if !succeeded {
            self.store_errors.get_or_create(&operation).inc();
        }
    }

    /// The config that the process starts with was loaded.
    pub fn loaded(&self, now: Timestamp) {
        self.reload_ok.set(1);
        self.reload_at.set(seconds(now));
    }

    /// The config was loaded anew.
    pub fn reloaded(&self, now: Timestamp) {
        self.reloads.get_or_create(&RELOADED).inc();
        self.loaded(now);
    }

    /// A new config was bad; the last good one goes on.
    pub fn reload_failed(&self) {
        self.reloads.get_or_create(&NOT_RELOADED).inc();
        self.reload_ok.set(0);
    }

    /// The store answered what changed.
    pub fn feed_heard(&self, now: Timestamp) {
        self.feed_connected.set(1);
        self.feed_heard_at.set(seconds(now));
    }

    /// The store did not answer what changed.
    pub fn feed_lost(&self) {
        self.feed_connected.set(0);
    }

    /// Everything in the OpenMetrics text format, version 1.0.0.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

// === impl SiteMetrics ===

impl SiteMetrics {
    fn new(site: &str, requests: &Family<VerdictLabels, Counter>, upstream: &Family<UpstreamLabels, Counter>) -> Self {
        let verdict = |verdict: Verdict| {
            requests.get_or_create_owned(&VerdictLabels { site: site.to_owned(), verdict: verdict.as_str() })
        };
        let error = |error: UpstreamError| {
            upstream.get_or_create_owned(&UpstreamLabels { site: site.to_owned(), error: error.as_str() })
        };
        Self { verdicts: Verdict::ALL.map(verdict), upstream: UpstreamError::ALL.map(error) }
    }

    /// Counts a request.
    pub fn count(&self, verdict: Verdict) {
        if let Some(counter) = self.verdicts.get(verdict as usize) {
            counter.inc();
        }
    }

    /// Counts a request that the upstream did not answer.
    pub fn upstream_failed(&self, error: UpstreamError) {
        if let Some(counter) = self.upstream.get(error as usize) {
            counter.inc();
        }
    }
}

fn seconds(moment: Timestamp) -> i64 {
    i64::try_from(moment.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
