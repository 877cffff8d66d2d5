//! The metrics of the process itself, under the names that every Prometheus client uses.

use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};

use crate::words::Timestamp;

pub(super) fn register(registry: &mut Registry, started: Timestamp) {
    let start: Gauge = Gauge::default();
    start.set(super::seconds(started));
    let help = "When the process started, in seconds since 1970";
    registry.register_with_unit("process_start_time", help, Unit::Seconds, start);
    registry.register_collector(Box::new(Memory));
}

/// Reads the resident memory whenever metrics are asked for. Where the system has no `/proc`, there is no such metric.
#[derive(Debug)]
struct Memory;

impl Collector for Memory {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let Some(bytes) = fs::read_to_string("/proc/self/status").ok().as_deref().and_then(resident_bytes) else {
            return Ok(());
        };
        let gauge = ConstGauge::new(bytes);
        let help = "Resident memory of the process";
        let metric =
            encoder.encode_descriptor("process_resident_memory", help, Some(&Unit::Bytes), gauge.metric_type())?;
        gauge.encode(metric)
    }
}

/// The resident memory of a `/proc/<pid>/status` (proc(5): the line `VmRSS`, in kibibytes).
pub(super) fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}
