//! The keys that every provider has.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Fault, Many, Named, Period, Placed};
use crate::delivery::Common;
use crate::delivery::settings::channel::real;
use crate::words::{Amount, Country};

/// Makes the settings of a provider: its own keys, and after them those that every provider has.
macro_rules! provider_settings {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $key:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$doc])* pub $key: $type,)*
            /// Where the provider is, instead of where its vendor is: for regions and tests.
            pub base_url: Option<$crate::config::Placed<String>>,
            /// How long one attempt may take, 1s to 60s. Default 10s.
            pub timeout: Option<$crate::config::Placed<$crate::config::Period>>,
            /// How many messages may be on their way to it at a time, 1 to 10000; more wait their turn. Default 256.
            pub max_in_flight: Option<$crate::config::Placed<u32>>,
            /// The only countries it is used for, such as `[MY, SG]`. Default: all.
            #[serde(default)]
            pub countries: $crate::config::Many<$crate::config::Placed<$crate::words::Country>>,
            /// The only numbers it is used for, by their first digits, such as the ranges of a mobile network: `+6012`. Default:
            /// all.
            #[serde(default)]
            pub networks: $crate::config::Many<$crate::config::Placed<String>>,
            /// What a part of a message costs, by country; `default` is everywhere else.
            #[serde(default)]
            pub prices: $crate::config::Named<$crate::config::Placed<$crate::delivery::settings::common::Cost>>,
        }

        impl $name {
            /// The keys that every provider has.
            #[must_use]
            pub const fn common(&self) -> $crate::delivery::settings::common::CommonSettings<'_> {
                $crate::delivery::settings::common::CommonSettings {
                    base_url: self.base_url.as_ref(),
                    timeout: self.timeout.as_ref(),
                    max_in_flight: self.max_in_flight.as_ref(),
                    countries: &self.countries,
                    networks: &self.networks,
                    prices: &self.prices,
                }
            }
        }
    };
}
pub(in crate::delivery) use provider_settings;

/// The keys that every provider has, borrowed from its settings.
#[derive(Debug, Clone, Copy)]
pub struct CommonSettings<'a> {
    pub(in crate::delivery) base_url: Option<&'a Placed<String>>,
    pub(in crate::delivery) timeout: Option<&'a Placed<Period>>,
    pub(in crate::delivery) max_in_flight: Option<&'a Placed<u32>>,
    pub(in crate::delivery) countries: &'a Many<Placed<Country>>,
    pub(in crate::delivery) networks: &'a Many<Placed<String>>,
    pub(in crate::delivery) prices: &'a Named<Placed<Cost>>,
}

/// An amount of money as it is written: a number, or a text.
#[derive(Debug, Clone, Copy, JsonSchema)]
#[schemars(with = "f64")]
pub struct Cost(pub Amount);

/// How long one attempt may take when the provider does not say: a visitor waits for it.
const TIMEOUT: Duration = Duration::from_secs(10);

// === impl Cost ===

impl<'de> Deserialize<'de> for Cost {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The digits as they are written: a binary fraction would not be exact.
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

// === impl CommonSettings ===

impl CommonSettings<'_> {
    /// What these keys mean.
    ///
    /// # Errors
    /// When one is malformed or out of range.
    pub fn common(&self) -> Result<Common, Fault> {
        let mut common = Common { timeout: self.timeout()?, base_url: self.base_url()?, ..Common::default() };
        common.countries = self.countries.iter().map(real).collect::<Result<_, _>>()?;
        if let Some(most) = self.max_in_flight {
            let in_range = (1..=10_000).contains(&most.value);
            let range = || most.fault("expected a number of messages from 1 to 10000");
            common.max_in_flight = usize::try_from(most.value).ok().filter(|_| in_range).ok_or_else(range)?;
        }
        for network in self.networks.iter() {
            let digits = network.value.trim().trim_start_matches('+');
            if !(1..=15).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(network.fault("expected the first digits of numbers, such as +6012"));
            }
            common.networks.push(digits.to_owned());
        }
        for (country, price) in self.prices.iter() {
            if country.value == "default" {
                common.price = Some(price.value.0);
            } else {
                let known = country.parse(|text| text.parse::<Country>())?;
                let known = real(&Placed { value: known, place: country.place })?;
                common.prices.push((known, price.value.0));
            }
        }
        Ok(common)
    }

    fn base_url(&self) -> Result<Option<String>, Fault> {
        let Some(written) = self.base_url else { return Ok(None) };
        let wrong = || written.fault("expected an address such as https://api.example.com, without a query");
        let url = url::Url::parse(&written.value).map_err(|_| wrong())?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if plain { Ok(Some(written.value.trim().trim_end_matches('/').to_owned())) } else { Err(wrong()) }
    }

    fn timeout(&self) -> Result<Duration, Fault> {
        match self.timeout {
            Some(Placed { value: Period(time), .. })
                if (Duration::from_secs(1)..=Duration::from_secs(60)).contains(time) =>
            {
                Ok(*time)
            }
            Some(timeout) => Err(timeout.fault("expected a time from 1s to 60s: a visitor waits for it")),
            None => Ok(TIMEOUT),
        }
    }
}
