//! How good providers are, as all gateways measured it: a picture of the store's counts that every send looks at and none
//! waits for.
//!
//! It is a few seconds old at most while messages go out and the store answers, and stays as it is while it does not.
//!
//! # What is believed of a provider
//!
//! Codes that came back and codes that did not, per provider, channel and country, and when they were sent:
//!
//! - The last hour counts in full.
//! - What is older counts less: of each six hours at most [`OLD_MOST`] messages, and half of that for every [`HALF_LIFE`].
//!   So what happens now outweighs what was, however much that was, and a provider that got nothing for a while becomes
//!   unknown again.
//! - A message counts as not come back only once its code is over ([`SETTLED`]), or when it is known to have failed; one that
//!   may still come back counts not at all.
//! - Where nothing is known of a country, a little of what is known of the provider's others stands in: [`PRIOR`] messages.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::audit::Audit;
use crate::store::{Bucket, Grain, Measured, SiteKey, Store, StoreError, What};
use crate::words::{Amount, Channel, Clock, Country, Timestamp};

/// How good providers are.
#[derive(Debug)]
pub(super) struct Quality {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    tools: Measuring,
    /// The providers' names, in their order.
    names: Vec<Arc<str>>,
    now: ArcSwap<Snapshot>,
    /// When the store was asked last, whether or not it answered: milliseconds.
    asked_at: AtomicU64,
    is_asking: AtomicBool,
    /// Sites that spend money.
    sites: Mutex<Vec<SiteKey>>,
}

/// What it works with.
#[derive(Clone)]
pub(super) struct Measuring {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub audit: Arc<Audit>,
}

/// What was known at a moment.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    standings: Vec<Standing>,
    /// What is believed of every provider, in their order.
    beliefs: HashMap<(Channel, Option<Country>), Vec<Belief>>,
    /// The same where nothing is known of the country.
    elsewhere: HashMap<Channel, Vec<Belief>>,
}

/// What is believed of a provider on a channel in a country.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Belief {
    /// Codes that came back; above zero.
    pub verified: f64,
    /// Codes that did not; above zero.
    pub unverified: f64,
    /// The share of codes that come back is hardly above it.
    pub ceiling: f64,
    /// What a message cost on average, where the provider tells.
    pub price: Option<Amount>,
}

/// How a provider does on a channel in a country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The provider, by its name in the config.
    pub provider: String,
    /// The channel.
    pub channel: Channel,
    /// The country of phone numbers.
    pub country: Option<Country>,
    /// The last hour.
    pub hour: Tally,
    /// The last seven days.
    pub week: Tally,
}

/// What became of messages in a window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Handed to the provider.
    pub sent: u64,
    /// Of these, taken by it.
    pub accepted: u64,
    /// Of these, delivered by its receipts.
    pub delivered: u64,
    /// Of those sent, failed.
    pub failed: u64,
    /// Of those sent, those whose code came back.
    pub verified: u64,
    /// Of those sent, the share in a thousand whose code came back; of those that can no longer come back.
    pub verified_per_mille: Option<u16>,
    /// The mean time to the receipt of a delivery.
    pub receipt: Option<Duration>,
    /// The mean time until a code came back.
    pub verify: Option<Duration>,
    /// The mean price, where the provider tells.
    pub price: Option<Amount>,
}

/// Counts of a window.
#[derive(Debug, Clone, Copy, Default)]
struct Counts([u64; What::ALL.len()]);

/// Counts of a provider on a channel in a country.
#[derive(Debug, Default)]
struct Found {
    hour: Counts,
    /// Of the hour what can no longer come back.
    settled: Counts,
    week: Counts,
    /// The six hours that are not over.
    newest: Counts,
    evidence: Evidence,
}

/// What counts for and against a provider: messages, weighted.
#[derive(Debug, Clone, Copy, Default)]
struct Evidence {
    verified: f64,
    unverified: f64,
}

/// How old a picture may be before the store is asked again.
const FRESH: Duration = Duration::from_secs(5);
/// How long a code takes to come back at most: as long as one lives by default.
const SETTLED: Duration = Duration::from_secs(5 * 60);
/// The most messages that count of six hours that are over.
const OLD_MOST: f64 = 40.0;
/// In this time what is older than an hour loses half of its weight.
const HALF_LIFE: Duration = Duration::from_secs(6 * 60 * 60);
/// How many messages the provider's other countries stand for.
const PRIOR: f64 = 4.0;
/// The quantile of the normal distribution for a bound that holds in 95 of 100 cases, on one side.
const SURELY: f64 = 1.645;

// === impl Quality ===

impl Quality {
    pub(super) fn new(tools: Measuring, names: Vec<Arc<str>>) -> Self {
        let shared = Shared {
            tools,
            names,
            now: ArcSwap::default(),
            asked_at: AtomicU64::new(0),
            is_asking: AtomicBool::new(false),
            sites: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// What is known. When it is no longer fresh, the store is asked in the background.
    pub(super) fn known(&self) -> Arc<Snapshot> {
        self.freshen();
        self.shared.now.load_full()
    }

    /// Asks the store in the background, unless what is known is fresh.
    pub(super) fn freshen(&self) {
        let now = self.shared.tools.clock.now();
        let asked_at = Timestamp::from_millis(self.shared.asked_at.load(Ordering::Relaxed));
        // A clock that was set back is no reason to wait until it is where it was.
        if now.since(asked_at).is_some_and(|age| age < FRESH) {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !self.shared.is_asking.swap(true, Ordering::AcqRel) {
            let shared = Arc::clone(&self.shared);
            runtime.spawn(async move {
                if let Err(error) = shared.ask().await {
                    tracing::debug!(%error, "how good providers are is not known better");
                }
                shared.is_asking.store(false, Ordering::Release);
            });
        }
    }

    /// Asks the store now.
    pub(super) async fn ask(&self) -> Result<(), StoreError> {
        self.shared.ask().await
    }

    /// A site spends money.
    pub(super) fn spends(&self, site: &SiteKey) {
        let mut sites = self.shared.sites.lock().unwrap_or_else(PoisonError::into_inner);
        if !sites.contains(site) {
            sites.push(site.clone());
        }
    }

    pub(super) fn standings(&self) -> Vec<Standing> {
        self.known().standings.clone()
    }
}

// === impl Shared ===

impl Shared {
    async fn ask(&self) -> Result<(), StoreError> {
        let Measuring { store, clock, audit } = &self.tools;
        self.asked_at.store(clock.now().as_millis(), Ordering::Relaxed);
        let fine = store.measured(Grain::Fine, Grain::Fine.buckets()).await?;
        let coarse = store.measured(Grain::Coarse, Grain::Coarse.buckets()).await?;
        let snapshot = Snapshot::new(&self.names, &fine, &coarse);
        for standing in &snapshot.standings {
            let Standing { provider, channel, country, hour, week } = standing;
            let country = country.as_ref().map_or("", Country::as_str);
            let shares = [hour, week].map(|tally| tally.verified_per_mille);
            audit.metrics.providers.verified(provider, *channel, country, shares);
        }
        self.now.store(Arc::new(snapshot));
        let sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for site in sites {
            let spent = store.spent(&site).await?;
            audit.metrics.providers.spent(site.as_str(), spent.hour, spent.day);
        }
        Ok(())
    }
}

// === impl Snapshot ===

impl Snapshot {
    pub(super) fn new(names: &[Arc<str>], fine: &[Bucket], coarse: &[Bucket]) -> Self {
        let mut found: HashMap<Measured, Found> = HashMap::new();
        for (grain, buckets) in [(Grain::Fine, fine), (Grain::Coarse, coarse)] {
            for bucket in buckets {
                for (of, counts) in &bucket.counts {
                    // A provider that is no longer there needs no place.
                    if names.iter().any(|name| **name == *of.provider) {
                        found.entry(of.clone()).or_default().add(grain, bucket.age, Counts(*counts));
                    }
                }
            }
        }
        let mut overall: HashMap<(Channel, &str), Evidence> = HashMap::new();
        found.values_mut().for_each(Found::close);
        for (of, Found { evidence, .. }) in &found {
            let sum = overall.entry((of.channel, &of.provider)).or_default();
            sum.verified += evidence.verified;
            sum.unverified += evidence.unverified;
        }
        let prior = |channel, name: &Arc<str>| overall.get(&(channel, &**name)).copied().unwrap_or_default().as_prior();
        let mut snapshot = Self::default();
        for of in found.keys() {
            snapshot.beliefs.entry((of.channel, of.country)).or_default();
        }
        for ((channel, country), beliefs) in &mut snapshot.beliefs {
            beliefs.extend(names.iter().map(|name| {
                let of = Measured { provider: name.to_string(), channel: *channel, country: *country };
                let known = found.get(&of);
                Belief::of(known.map(|found| found.evidence), prior(*channel, name), known.and_then(Found::price))
            }));
        }
        for channel in Channel::ALL {
            let beliefs = names.iter().map(|name| Belief::of(None, prior(channel, name), None));
            snapshot.elsewhere.insert(channel, beliefs.collect());
        }
        snapshot.standings = found.iter().map(|(of, found)| found.standing(of)).collect();
        snapshot
            .standings
            .sort_unstable_by(|a, b| (&a.provider, a.channel, a.country).cmp(&(&b.provider, b.channel, b.country)));
        snapshot
    }

    /// What is believed of every provider, in their order; nothing before anything is known.
    pub(super) fn of(&self, channel: Channel, country: Option<Country>) -> &[Belief] {
        let here = self.beliefs.get(&(channel, country));
        here.or_else(|| self.elsewhere.get(&channel)).map(Vec::as_slice).unwrap_or_default()
    }
}

// === impl Found ===

impl Found {
    fn add(&mut self, grain: Grain, age: Duration, counts: Counts) {
        // A bucket's youngest message is as old as the bucket's end.
        let since_over = age.checked_sub(grain.span());
        match grain {
            Grain::Fine => {
                self.hour.add(counts);
                if since_over.is_some_and(|age| age >= SETTLED) {
                    self.settled.add(counts);
                } else {
                    self.evidence.unverified += counts.get(What::Failed);
                }
            }
            Grain::Coarse => {
                self.week.add(counts);
                match since_over {
                    Some(age) => self.evidence.add(counts.evidence(), age),
                    None => self.newest.add(counts),
                }
            }
        }
    }

    /// Once everything is added.
    fn close(&mut self) {
        let hour = self.settled.evidence();
        self.evidence.verified += hour.verified;
        self.evidence.unverified += hour.unverified;
        // The last hour is counted already.
        self.evidence.add(self.newest.without(self.hour).evidence(), Duration::ZERO);
    }

    fn price(&self) -> Option<Amount> {
        self.week.mean(What::Price, What::Priced).map(Amount::from_millionths)
    }

    fn standing(&self, of: &Measured) -> Standing {
        Standing {
            provider: of.provider.clone(),
            channel: of.channel,
            country: of.country,
            hour: self.hour.tally(self.settled),
            week: self.week.tally(self.week),
        }
    }
}

// === impl Counts ===

impl Counts {
    fn add(&mut self, other: Self) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(count);
        }
    }

    fn without(&self, other: Self) -> Self {
        let mut rest = *self;
        for (count, part) in rest.0.iter_mut().zip(other.0) {
            *count = count.saturating_sub(part);
        }
        rest
    }

    const fn count(&self, what: What) -> u64 {
        self.0[what.index()]
    }

    #[expect(clippy::cast_precision_loss, reason = "exact below 2⁵³")]
    const fn get(&self, what: What) -> f64 {
        self.count(what) as f64
    }

    /// What they say once nothing can come back any more.
    fn evidence(&self) -> Evidence {
        let verified = self.get(What::Verified);
        Evidence { verified, unverified: (self.get(What::Sent) - verified).max(0.0) }
    }

    const fn mean(&self, sum: What, count: What) -> Option<u64> {
        self.count(sum).checked_div(self.count(count))
    }

    fn tally(&self, settled: Self) -> Tally {
        let per_mille = settled.count(What::Verified).saturating_mul(1000).checked_div(settled.count(What::Sent));
        Tally {
            sent: self.count(What::Sent),
            accepted: self.count(What::Accepted),
            delivered: self.count(What::Delivered),
            failed: self.count(What::Failed),
            verified: self.count(What::Verified),
            verified_per_mille: per_mille.map(|share| u16::try_from(share.min(1000)).unwrap_or(1000)),
            receipt: self.mean(What::ReceiptMillis, What::Delivered).map(Duration::from_millis),
            verify: self.mean(What::VerifyMillis, What::Verified).map(Duration::from_millis),
            price: self.mean(What::Price, What::Priced).map(Amount::from_millionths),
        }
    }
}

// === impl Evidence ===

impl Evidence {
    /// Adds what is older than an hour: six hours of messages, over for so long.
    fn add(&mut self, old: Self, age: Duration) {
        let messages = old.messages();
        if messages > 0.0 {
            let faded = 0.5_f64.powf(age.as_secs_f64() / HALF_LIFE.as_secs_f64());
            let weight = faded * messages.min(OLD_MOST) / messages;
            self.verified += old.verified * weight;
            self.unverified += old.unverified * weight;
        }
    }

    fn messages(self) -> f64 {
        self.verified + self.unverified
    }

    /// What the provider's other countries say, as so few messages that the country's own soon outweigh them.
    fn as_prior(self) -> Self {
        // One of each kind on top: of nobody is known that no code, or every code, comes back.
        let rate = (self.verified + 1.0) / (self.messages() + 2.0);
        Self { verified: PRIOR * rate, unverified: PRIOR * (1.0 - rate) }
    }

    /// The upper end of the interval in which the rate is (Wilson, "Probable Inference, the Law of Succession, and
    /// Statistical Inference", JASA 22, 1927): unlike most it holds for few messages and for rates near 0 and 1.
    fn ceiling(self) -> f64 {
        let messages = self.messages();
        if messages <= 0.0 {
            return 1.0;
        }
        let (rate, z2) = (self.verified / messages, SURELY * SURELY);
        let middle = rate + z2 / (2.0 * messages);
        let half = SURELY * (rate * (1.0 - rate) / messages + z2 / (4.0 * messages * messages)).sqrt();
        ((middle + half) / (1.0 + z2 / messages)).min(1.0)
    }
}

// === impl Belief ===

impl Belief {
    /// Nothing is known.
    pub(super) const NONE: Self = Self { verified: PRIOR / 2.0, unverified: PRIOR / 2.0, ceiling: 1.0, price: None };

    fn of(evidence: Option<Evidence>, prior: Evidence, price: Option<Amount>) -> Self {
        let evidence = evidence.unwrap_or_default();
        Self {
            verified: prior.verified + evidence.verified,
            unverified: prior.unverified + evidence.unverified,
            ceiling: evidence.ceiling(),
            price,
        }
    }
}

impl std::fmt::Debug for Measuring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Measuring")
    }
}

#[cfg(test)]
mod tests;
