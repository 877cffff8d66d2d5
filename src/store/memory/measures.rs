//! What is counted of providers.

use std::collections::BTreeMap;

use crate::store::{Bucket, Grain, Measure, Measured, What};
use crate::words::Timestamp;

/// The counts of both grains, by the numbers of their buckets.
#[derive(Debug, Default)]
pub(super) struct Measures {
    fine: BTreeMap<u64, Counts>,
    coarse: BTreeMap<u64, Counts>,
}

type Counts = BTreeMap<Measured, [u64; What::ALL.len()]>;

/// Of how many something is counted in one bucket: 80 providers, each in 250 countries. What comes after is not counted.
const MOST: usize = 20_000;

// === impl Measures ===

impl Measures {
    pub(super) fn measure(&mut self, measures: &[Measure], now: Timestamp) {
        for grain in [Grain::Fine, Grain::Coarse] {
            let oldest = grain.oldest(now);
            let buckets = self.of(grain);
            *buckets = buckets.split_off(&oldest);
            for Measure { of, what, add, at } in measures {
                let number = grain.number(at.map_or(now, |at| at.min(now)));
                if number < oldest || *add == 0 {
                    continue;
                }
                let counts = buckets.entry(number).or_default();
                if counts.len() >= MOST && !counts.contains_key(of) {
                    continue;
                }
                let count = &mut counts.entry(of.clone()).or_default()[what.index()];
                *count = count.saturating_add(*add);
            }
        }
    }

    pub(super) fn measured(&mut self, grain: Grain, buckets: u32, now: Timestamp) -> Vec<Bucket> {
        let newest = grain.number(now);
        let oldest = (newest + 1).saturating_sub(u64::from(buckets)).max(grain.oldest(now));
        let within = self.of(grain).iter().rev().filter(|(number, _)| (oldest..=newest).contains(number));
        within
            .map(|(number, counts)| Bucket {
                age: grain.age(*number, now),
                counts: counts.iter().map(|(of, counts)| (of.clone(), *counts)).collect(),
            })
            .collect()
    }

    const fn of(&mut self, grain: Grain) -> &mut BTreeMap<u64, Counts> {
        match grain {
            Grain::Fine => &mut self.fine,
            Grain::Coarse => &mut self.coarse,
        }
    }
}
