//! Which providers are tried for a message, and in which order.
//!
//! What can be worked out beforehand is: per channel a table with one [`Lane`] for every country that the config names
//! anywhere, and one for all the others. What is left for each message is to leave out what cannot serve it just now, and
//! to sort: whoever is surely below the floor last, before these who carried the message before, and the rest by their
//! strategy.
//!
//! # How `best` chooses
//!
//! By Thompson sampling (Thompson 1933; Chapelle and Li, "An Empirical Evaluation of Thompson Sampling", NIPS 2011): for
//! each provider a rate is drawn from what is believed of it, `Beta(verified, unverified)` of the country
//! ([`super::quality`] says how), and the highest goes first. So a provider gets messages as often as it may be the best
//! one, and a provider of which little is known is tried by itself. It was taken rather than an upper confidence bound since
//! what is learned comes late and in batches, from gateways that do not know each other's choices: bounds send every message
//! to one provider until the next news, draws do not (Chapelle and Li, section 5).
//!
//! - `floor`: whose rate is surely below it (the upper end of the Wilson interval) is used only when nobody above it takes
//!   the message. Evidence fades, so after some time of silence it gets another chance.
//! - `explore`: this share of messages goes to any other provider above the floor. Draws alone would look ever less at those
//!   that were once worse, and miss it when they mend: rates drift (Garivier and Moulines, "On Upper-Confidence Bound
//!   Policies for Switching Bandit Problems", ALT 2011).
//!
//! A draw needs no secret, but what is sent to whom should not be guessed either: each choice seeds a generator of its own
//! from [`Random`].

mod table;

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rand_distr::{Beta, Distribution as _};

use self::table::{Candidate, Lane, Table};
use crate::delivery::number::{NumberFacts, Numbers};
use crate::delivery::quality::{Belief, Snapshot};
use crate::delivery::{BadDelivery, BestRules, Carrier, ChannelSpec, Strategy};
use crate::seal::Random;
use crate::words::{Address, Amount, Channel, Contact, Country, PhoneNumber, Timestamp};

/// Chooses providers.
#[derive(Debug)]
pub(super) struct Chooser {
    tables: Vec<(Channel, Table)>,
    numbers: Numbers,
}

/// What is asked for.
pub(super) struct Ask<'a> {
    pub to: &'a Contact,
    /// The provider that carried the message before: another one is preferred.
    pub avoid: Option<&'a str>,
    /// How many parts are billed.
    pub parts: u8,
    pub now: Timestamp,
    pub known: &'a Snapshot,
    pub random: &'a dyn Random,
}

/// The providers to try, in order, and what is known of the number.
#[derive(Debug)]
pub(super) struct Chosen {
    pub tries: Vec<Try>,
    pub country: Option<Country>,
}

/// A provider to try.
#[derive(Debug)]
pub(super) struct Try {
    pub carrier: Arc<Carrier>,
    /// What it takes for the message, all parts; zero when nobody knows.
    pub cost: Amount,
}

/// Why no message is sent to a contact, whatever provider there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// `countries` does not let messages go there.
    #[error("`countries` does not let messages go there")]
    Country,
    /// A line that takes no text messages: offer a call.
    #[error("a line that takes no text messages")]
    Landline,
    /// No number of a person: premium, shared cost, a satellite, or none at all (D02).
    #[error("a number that gets no messages: none of a person, or none at all")]
    Kind,
    /// No provider serves it.
    #[error("no provider serves it")]
    NoProvider,
}

/// Where a provider comes in the order: what comes first is compared first.
struct Rank {
    /// Surely below the floor.
    below: bool,
    /// It carried the message before.
    avoided: bool,
    /// By the strategy, the lower the better.
    score: f64,
    /// Its place in the lane, for ties.
    place: usize,
    cost: Amount,
    /// When its breaker opened, unless it lets messages through.
    open: Option<Timestamp>,
}

// === impl Chooser ===

impl Chooser {
    pub(super) fn new(channels: &[ChannelSpec], carriers: &[Arc<Carrier>]) -> Result<Self, BadDelivery> {
        let table = |spec: &ChannelSpec| Ok((spec.channel, Table::new(spec, carriers)?));
        let tables = channels.iter().map(table).collect::<Result<Vec<_>, BadDelivery>>()?;
        Ok(Self { tables, numbers: Numbers::new() })
    }

    pub(super) fn serves(&self, channel: Channel) -> bool {
        self.table(channel).is_some_and(Table::serves)
    }

    /// The countries that the config names: those that are used, as far as anybody knows beforehand.
    pub(super) fn countries(&self) -> Vec<Country> {
        let mut countries: Vec<Country> = self.tables.iter().flat_map(|(_, table)| table.allowed()).collect();
        countries.sort_unstable();
        countries.dedup();
        countries
    }

    pub(super) fn facts(&self, number: &PhoneNumber) -> NumberFacts {
        self.numbers.facts(number)
    }

    /// Whether messages are sent to `contact` at all.
    pub(super) fn takes(&self, contact: &Contact) -> Result<(), NotTaken> {
        self.lane(contact).map(drop)
    }

    pub(super) fn choose(&self, ask: &Ask<'_>) -> Result<Chosen, NotTaken> {
        let (lane, country) = self.lane(ask.to)?;
        let beliefs = ask.known.of(ask.to.channel(), country);
        let mut random = StdRng::from_seed(ask.random.bytes());
        let rank = |(place, candidate): (usize, &Candidate)| {
            let carrier = &candidate.carrier;
            let belief = beliefs.get(candidate.index).unwrap_or(&Belief::NONE);
            let configured = candidate.price.map(|price| price.times(ask.parts.into()));
            let price = configured.or(belief.price);
            let (below, score) = match lane.strategy {
                Strategy::Priority => (false, 0.0),
                Strategy::Cheapest => (false, price.map_or(f64::INFINITY, as_score)),
                Strategy::Best(rules) => (belief.ceiling < rules.floor, -draw(belief, &mut random)),
            };
            Rank {
                below,
                avoided: Some(&*carrier.name) == ask.avoid,
                score,
                place,
                cost: price.unwrap_or_default(),
                open: carrier.breaker(ask.to.channel()).open_since(ask.now),
            }
        };
        let mut ranks: Vec<Rank> = lane.serving(ask.to).map(rank).collect();
        if ranks.iter().all(|rank| rank.open.is_some()) {
            // One attempt is better than none: with whoever had the longest time to mend.
            let longest = ranks.into_iter().min_by_key(|rank| rank.open);
            ranks = longest.into_iter().collect();
        } else {
            ranks.retain(|rank| rank.open.is_none());
        }
        ranks.sort_unstable_by(|a, b| {
            let order = (a.below, a.avoided).cmp(&(b.below, b.avoided));
            order.then_with(|| a.score.total_cmp(&b.score)).then_with(|| a.place.cmp(&b.place))
        });
        if let Strategy::Best(rules) = lane.strategy {
            explore(&mut ranks, rules, &mut random);
        }
        let tries = ranks.into_iter().filter_map(|rank| {
            let candidate = lane.candidates.get(rank.place)?;
            Some(Try { carrier: Arc::clone(&candidate.carrier), cost: rank.cost })
        });
        Ok(Chosen { tries: tries.collect(), country })
    }

    fn table(&self, channel: Channel) -> Option<&Table> {
        self.tables.iter().find(|(known, _)| *known == channel).map(|(_, table)| table)
    }

    /// The lane of a contact, in which somebody serves it, and its country.
    fn lane(&self, contact: &Contact) -> Result<(&Lane, Option<Country>), NotTaken> {
        let channel = contact.channel();
        let table = self.table(channel).ok_or(NotTaken::NoProvider)?;
        let (lane, country) = match contact.address() {
            Address::Email(_) => (table.lane(None), None),
            Address::Phone(number) => {
                let NumberFacts { country, kind } = self.numbers.facts(number);
                let lane = table.lane(country);
                match kind {
                    _ if !kind.takes(channel) && !kind.takes(Channel::Voice) => return Err(NotTaken::Kind),
                    _ if !table.allows(country) => return Err(NotTaken::Country),
                    _ if !kind.takes(channel) => return Err(NotTaken::Landline),
                    _ => (lane, country),
                }
            }
        };
        match lane.serving(contact).next() {
            Some(_) => Ok((lane, country)),
            None => Err(NotTaken::NoProvider),
        }
    }
}

/// A rate out of what is believed.
fn draw(belief: &Belief, random: &mut StdRng) -> f64 {
    // Both numbers are above zero, so there is such a distribution.
    Beta::new(belief.verified, belief.unverified).map_or(0.0, |beta| beta.sample(random))
}

/// Now and then another of those above the floor goes first.
fn explore(ranks: &mut [Rank], rules: BestRules, random: &mut StdRng) {
    let good = ranks.iter().take_while(|rank| !rank.below && !rank.avoided).count();
    if good >= 2 && random.random::<f64>() < rules.explore {
        let lucky = random.random_range(1..good);
        if let Some(first) = ranks.get_mut(..=lucky) {
            first.rotate_right(1);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact for every amount below 9 billion units")]
fn as_score(price: Amount) -> f64 {
    price.millionths() as f64
}

#[cfg(test)]
mod tests;
