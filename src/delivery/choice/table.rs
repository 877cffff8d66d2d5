//! The providers of a channel, country by country: worked out when the config is loaded.

use std::sync::Arc;

use crate::delivery::{BadDelivery, Carrier, ChannelSpec, Common, CountrySpec, Strategy};
use crate::words::{Address, Amount, Channel, Contact, Country};

/// The providers of a channel.
#[derive(Debug)]
pub(super) struct Table {
    /// The first is for whatever has no lane of its own.
    lanes: Vec<Lane>,
    /// The countries of the other lanes, in order.
    named: Vec<Country>,
    /// The place of a country's lane, by [`Country::index`].
    places: Vec<u16>,
    /// Whether there are countries to which no messages go.
    restricts: bool,
}

/// The providers of a channel for a country.
#[derive(Debug)]
pub(super) struct Lane {
    /// Whether messages go there at all.
    pub allowed: bool,
    /// How one is chosen.
    pub strategy: Strategy,
    /// Who serves it, in the order in which they are named.
    pub candidates: Vec<Candidate>,
}

/// A provider in a lane.
#[derive(Debug)]
pub(super) struct Candidate {
    pub carrier: Arc<Carrier>,
    /// Its place among all providers.
    pub index: usize,
    /// What a part costs there, as the config says.
    pub price: Option<Amount>,
}

// === impl Table ===

impl Table {
    pub(super) fn new(spec: &ChannelSpec, carriers: &[Arc<Carrier>]) -> Result<Self, BadDelivery> {
        let channel = spec.channel;
        let find = |name: &Arc<str>| {
            let index = carriers.iter().position(|carrier| carrier.name == *name);
            let index = index.ok_or_else(|| BadDelivery::NoSuchProvider(channel, Arc::clone(name)))?;
            match carriers.get(index) {
                Some(carrier) if carrier.provider.serves(channel) => Ok((index, Arc::clone(carrier))),
                _ => Err(BadDelivery::CannotServe(channel, Arc::clone(name))),
            }
        };
        let all = |names: &[Arc<str>]| names.iter().map(find).collect::<Result<Vec<_>, _>>();
        let usual = all(&spec.providers)?;
        let mut named: Vec<Country> = spec.countries.iter().map(|(country, _)| *country).collect();
        named.extend(spec.allow.iter().chain(&spec.deny));
        for carrier in carriers {
            named.extend(carrier.common.countries.iter().chain(carrier.common.prices.iter().map(|(known, _)| known)));
        }
        named.sort_unstable();
        named.dedup();

        let nothing = CountrySpec::default();
        let lane = |country: Option<Country>| -> Result<Lane, BadDelivery> {
            let own = spec.countries.iter().find(|(known, _)| Some(*known) == country).map_or(&nothing, |(_, own)| own);
            let providers = own.providers.as_deref().map(all).transpose()?;
            let candidates = providers.as_ref().unwrap_or(&usual).iter();
            let candidates = candidates.filter(|(_, carrier)| channel == Channel::Email || goes_to(carrier, country));
            Ok(Lane {
                allowed: country.map_or(spec.allow.is_empty(), |country| {
                    (spec.allow.is_empty() || spec.allow.contains(&country)) && !spec.deny.contains(&country)
                }),
                strategy: own.strategy.unwrap_or(spec.strategy),
                candidates: candidates
                    .map(|(index, carrier)| Candidate {
                        carrier: Arc::clone(carrier),
                        index: *index,
                        price: price(&carrier.common, country),
                    })
                    .collect(),
            })
        };
        let mut lanes = vec![lane(None)?];
        let mut places = vec![0; Country::MOST];
        for country in &named {
            if let Some(place) = places.get_mut(country.index()) {
                *place = u16::try_from(lanes.len()).unwrap_or_default();
            }
            lanes.push(lane(Some(*country))?);
        }
        let restricts = !spec.allow.is_empty() || !spec.deny.is_empty();
        Ok(Self { lanes, named, places, restricts })
    }

    /// Whether any provider serves anybody.
    pub(super) fn serves(&self) -> bool {
        self.lanes.iter().any(|lane| lane.allowed && !lane.candidates.is_empty())
    }

    /// The countries of the config to which messages go.
    pub(super) fn allowed(&self) -> impl Iterator<Item = Country> {
        self.named.iter().copied().filter(|country| self.lane(Some(*country)).allowed)
    }

    /// Whether messages go to a country. To a number that could be any country's they do not, where one is forbidden.
    pub(super) fn allows(&self, country: Option<Country>) -> bool {
        self.lane(country).allowed && (country.is_some() || !self.restricts)
    }

    pub(super) fn lane(&self, country: Option<Country>) -> &Lane {
        let place = country.and_then(|country| self.places.get(country.index())).copied().unwrap_or_default();
        // There is a first lane, and no place is beyond the last.
        self.lanes.get(usize::from(place)).unwrap_or_else(|| &self.lanes[0])
    }
}

/// Whether a provider is used for a country. One that is bound to some is not used where nobody knows the country.
fn goes_to(carrier: &Carrier, country: Option<Country>) -> bool {
    let bound = &carrier.common.countries;
    bound.is_empty() || country.is_some_and(|country| bound.contains(&country))
}

/// What a part costs, as the config says.
fn price(common: &Common, country: Option<Country>) -> Option<Amount> {
    let of_country = common.prices.iter().find(|(known, _)| Some(*known) == country);
    of_country.map(|(_, price)| *price).or(common.price)
}

// === impl Lane ===

impl Lane {
    /// Those that serve a contact, with their places in the lane: a provider's `networks` are the first digits of the only
    /// numbers that it is used for, such as the ranges of a mobile network (`+6012`).
    pub(super) fn serving<'a>(&'a self, to: &'a Contact) -> impl Iterator<Item = (usize, &'a Candidate)> {
        let digits = match to.address() {
            Address::Email(_) => None,
            Address::Phone(number) => number.reveal().get(1..),
        };
        self.candidates.iter().enumerate().filter(move |(_, candidate)| {
            let networks = &candidate.carrier.common.networks;
            digits.is_none_or(|digits| {
                networks.is_empty() || networks.iter().any(|network| digits.starts_with(&**network))
            })
        })
    }
}
