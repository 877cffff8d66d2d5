//! The metrics of what makes a score: how old databases and lists are, and whether they can be renewed.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::audit::DnsAnswer;
use crate::words::Timestamp;

/// The metrics of databases and lists.
#[derive(Debug, Clone, Default)]
pub struct RiskMetrics {
    built: Family<DatabaseLabel, Gauge>,
    entries: Family<ListLabel, Gauge>,
    updated: Family<ListLabel, Gauge>,
    failures: Family<ListLabel, Counter>,
    answers: Family<AnswerLabels, Counter>,
    believed: Family<ListLabel, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DatabaseLabel {
    database: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListLabel {
    list: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnswerLabels {
    list: String,
    answer: &'static str,
}

// === impl RiskMetrics ===

impl RiskMetrics {
    pub(super) fn register(&self, own: &mut Registry) {
        let help = "When a database was built, in seconds since 1970";
        own.register_with_unit("risk_database_built_timestamp", help, Unit::Seconds, self.built.clone());
        own.register("risk_list_entries", "Entries of a list", self.entries.clone());
        let help =
            "When a list's file changed, or its address last gave or confirmed it, in seconds since 1970; 0 is never";
        own.register_with_unit("risk_list_updated_timestamp", help, Unit::Seconds, self.updated.clone());
        let help = "Times that a list could not be had from its address";
        own.register("risk_list_failures", help, self.failures.clone());
        own.register("risk_dns_answers", "Answers of DNS lists about addresses", self.answers.clone());
        let help = "1 while a DNS list is as it should be, and believed";
        own.register("risk_dns_list_believed", help, self.believed.clone());
    }

    /// Forgets all databases and lists: a config is about to tell its own.
    pub fn clear(&self) {
        self.built.clear();
        self.entries.clear();
        self.updated.clear();
    }

    /// Notes when a database was built, by its key in the config.
    pub fn database(&self, database: &'static str, built: Timestamp) {
        self.built.get_or_create(&DatabaseLabel { database }).set(seconds(built));
    }

    /// Notes how a list stands, by its name in the config.
    pub fn list(&self, list: &str, entries: usize, updated: Option<Timestamp>) {
        let label = ListLabel { list: list.to_owned() };
        self.entries.get_or_create(&label).set(i64::try_from(entries).unwrap_or(i64::MAX));
        self.updated.get_or_create(&label).set(updated.map_or(0, seconds));
        drop(self.failures.get_or_create(&label));
    }

    /// Counts an answer of a DNS list, by its name in the config.
    pub fn dns_answered(&self, list: &str, answer: DnsAnswer) {
        let labels = AnswerLabels { list: list.to_owned(), answer: answer.as_str() };
        self.answers.get_or_create(&labels).inc();
    }

    /// Notes whether a DNS list is believed, by its name in the config.
    pub fn dns_list_believed(&self, list: &str, is_believed: bool) {
        self.believed.get_or_create(&ListLabel { list: list.to_owned() }).set(i64::from(is_believed));
    }

    /// Counts that a list could not be had.
    pub fn list_failed(&self, list: &str) {
        self.failures.get_or_create(&ListLabel { list: list.to_owned() }).inc();
    }
}

fn seconds(at: Timestamp) -> i64 {
    i64::try_from(at.as_secs()).unwrap_or(i64::MAX)
}
