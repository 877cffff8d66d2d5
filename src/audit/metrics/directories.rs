//! The metrics of directories: what was asked of them, and whether they answer.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::audit::Lookup;

/// The metrics of all directories.
#[derive(Debug, Default)]
pub(super) struct Directories {
    lookups: Family<LookupLabels, Counter>,
    up: Family<DirectoryLabels, Gauge>,
}

/// The metrics of one directory of a site, ready to count without a lock. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct DirectoryMetrics {
    lookups: [Counter; Lookup::ALL.len()],
    up: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LookupLabels {
    site: String,
    directory: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DirectoryLabels {
    site: String,
    directory: String,
}

// === impl Directories ===

impl Directories {
    pub(super) fn register(&self, own: &mut Registry) {
        own.register("directory_lookups", "Subjects that a directory was asked for, by answer", self.lookups.clone());
        let help = "1 unless a directory does not answer as it should, or its file cannot be read";
        own.register("directory_up", help, self.up.clone());
    }

    pub(super) fn of(&self, site: &str, directory: &str) -> DirectoryMetrics {
        let (site, directory) = (site.to_owned(), directory.to_owned());
        let lookup = |outcome: Lookup| {
            let labels = LookupLabels { site: site.clone(), directory: directory.clone(), outcome: outcome.as_str() };
            self.lookups.get_or_create_owned(&labels)
        };
        let lookups = Lookup::ALL.map(lookup);
        let up = self.up.get_or_create_owned(&DirectoryLabels { site: site.clone(), directory: directory.clone() });
        // Until it is asked nothing speaks against it.
        up.set(1);
        DirectoryMetrics { lookups, up }
    }
}

// === impl DirectoryMetrics ===

impl DirectoryMetrics {
    /// Counts a look-up.
    pub fn looked_up(&self, outcome: Lookup) {
        if let Some(counter) = self.lookups.get(outcome as usize) {
            counter.inc();
        }
    }

    /// Notes whether it answers as it should.
    pub fn is_up(&self, up: bool) {
        self.up.set(i64::from(up));
    }
}
