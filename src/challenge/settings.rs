//! The config's `challenge` and `limits`.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Fault, Many, Period, Placed, Share, Size};
use crate::delivery::settings::common::Cost;
use crate::seal::CodeShape;
use crate::store::{
    Budget, FailureLimits, Limits, MoneyBudget, PumpingMode, PumpingRules, Resend, SendLimits, TypedLimits, Window,
};
use crate::words::{Amount, Currency};

/// How challenges are put. What is left out keeps its default.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChallengeSettings {
    /// Digits of a code, 6 to 10. Default 6.
    pub digits: Option<Placed<u8>>,
    /// How long a code lives, 1s to 10m. Default 5m.
    pub ttl: Option<Placed<Period>>,
    /// Wrong codes that lock a challenge, 1 to 10. Default 5.
    pub tries: Option<Placed<u32>>,
    /// Resends.
    #[serde(default)]
    pub resend: ResendSettings,
    /// Parked requests.
    #[serde(default)]
    pub park: ParkSettings,
}

/// How a code may be sent again.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResendSettings {
    /// Sends after the first, up to 10. Default 3.
    pub max: Option<Placed<u32>>,
    /// The wait before the first resend, the second, …; the last one holds for all that follow. Default 30s, 60s, 120s.
    #[serde(default)]
    pub wait: Many<Placed<Period>>,
}

/// What is kept of interrupted requests.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParkSettings {
    /// The largest body that is parked, up to 64MiB; `per_subject` bounds it, too. Default 1MiB.
    pub max_body: Option<Placed<Size>>,
    /// How long a parked request, and with it its challenge, is kept, 1s to 24h. Default 1h.
    pub ttl: Option<Placed<Period>>,
    /// What may be kept for one subject, 32KiB to 1GiB. Default 4MiB.
    pub per_subject: Option<Placed<Size>>,
    /// What may be kept for a site, 32KiB to 1TiB. Default 256MiB.
    pub total: Option<Placed<Size>>,
}

/// Limits. What is left out keeps its default.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsSettings {
    /// On messages.
    #[serde(default)]
    pub sends: SendLimitsSettings,
    /// On messages to addresses that a visitor typed.
    #[serde(default)]
    pub typed: TypedLimitsSettings,
    /// On wrong codes.
    #[serde(default)]
    pub failures: FailureLimitsSettings,
    /// On what messages may cost each site. Default: as much as they do.
    #[serde(default)]
    pub budget: BudgetSettings,
    /// The guard against pumping.
    #[serde(default)]
    pub pumping: PumpingSettings,
}

/// What messages may cost each site. When it is used up, only what costs nothing is sent.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetSettings {
    /// Within any hour.
    pub per_hour: Option<Placed<Cost>>,
    /// Within any day.
    pub per_day: Option<Placed<Cost>>,
    /// The currency of this and of the providers' `prices`: three letters. Default USD.
    pub currency: Option<Placed<String>>,
}

/// The guard against pumping: somebody who earns on text messages makes a site send many to numbers of theirs, and no code
/// comes back. Numbers are looked at by country, by range (all but the last four digits) and by run (all but two).
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PumpingSettings {
    /// What it does. Default: block.
    pub mode: Option<PumpingModeSettings>,
    /// The time that is looked at, 10m to 1d. Default 1h.
    pub window: Option<Placed<Period>>,
    /// Numbers that were tried so recently may still come back and are left out, 30s to 10m. Default 2m.
    pub grace: Option<Placed<Period>>,
    /// Fewer numbers of a country or a range say nothing, 2 to 100000. Default 20.
    pub at_least: Option<Placed<u32>>,
    /// The share of numbers that come back, in whole percent up to 50%: below it a country or a range is paused. Default 10%.
    pub verified_below: Option<Placed<Share>>,
    /// Numbers of one run that may be tried without one that comes back, 2 to 100. Default 5.
    pub sequence: Option<Placed<u32>>,
    /// How long they are paused, 1m to 7d. Default 1h.
    pub pause: Option<Placed<Period>>,
}

/// What the guard against pumping does.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PumpingModeSettings {
    /// It stops messages.
    Block,
    /// It only tells.
    Observe,
    /// Nothing.
    Off,
}

/// Limits on messages. Every window of a list holds.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SendLimitsSettings {
    /// For one subject. Default 5/10m and 10/1d.
    #[serde(default)]
    pub per_subject: Many<Window>,
    /// To one contact. Default 5/10m and 10/1d.
    #[serde(default)]
    pub per_contact: Many<Window>,
    /// From one client address. Default 200/1h.
    #[serde(default)]
    pub per_ip: Many<Window>,
    /// From one network: /24 of IPv4, /48 of IPv6. Default 600/1h.
    #[serde(default)]
    pub per_network: Many<Window>,
    /// To one country, by the calling code. Default 1000/1h.
    #[serde(default)]
    pub per_country: Many<Window>,
}

/// Limits on messages to addresses that a visitor typed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TypedLimitsSettings {
    /// From one client address. Default 10/1h.
    #[serde(default)]
    pub per_ip: Many<Window>,
    /// From one network. Default 30/1h.
    #[serde(default)]
    pub per_network: Many<Window>,
}

/// Limits on wrong codes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailureLimitsSettings {
    /// By one subject: then it is locked until the window lets go. Default 10/1h and 30/1d.
    #[serde(default)]
    pub per_subject: Many<Window>,
    /// In a row by one subject: then it is locked until an operator unlocks it. 1 to 100, default 100.
    pub consecutive: Option<Placed<u32>>,
    /// From one client address. Default 300/1h.
    #[serde(default)]
    pub per_ip: Many<Window>,
}

/// Live challenges of one browser: as many as anybody has tabs that wait for a code.
const PER_BROWSER: u32 = 10;
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const KIB: u64 = 1024;
/// What a parked request and its challenge take besides the body, in bytes, with room to spare.
const REST: u64 = 16 * KIB;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// The value, or its default; a fault at its place when it is out of range.
fn ranged<T: PartialOrd + Copy>(
    value: Option<Placed<T>>,
    default: T,
    least: T,
    most: T,
    range: &str,
) -> Result<T, Fault> {
    match value {
        None => Ok(default),
        Some(value) if value.value < least || value.value > most => Err(value.fault(format!("expected {range}"))),
        Some(value) => Ok(value.value),
    }
}

fn time(value: Option<Placed<Period>>) -> Option<Placed<Duration>> {
    value.map(|value| Placed { value: value.value.0, place: value.place })
}

fn bytes(value: Option<Placed<Size>>) -> Option<Placed<u64>> {
    value.map(|value| Placed { value: value.value.0, place: value.place })
}

// === impl ChallengeSettings ===

impl ChallengeSettings {
    /// How codes look.
    ///
    /// # Errors
    /// When it is out of range, as for all that follow.
    pub fn shape(&self) -> Result<CodeShape, Fault> {
        let digits = self.digits.map_or(6, |digits| digits.value);
        let wrong = || Fault::new("expected 6 to 10 digits");
        let shape = CodeShape::new(digits).ok_or_else(wrong);
        shape.map_err(|fault| self.digits.map_or_else(wrong, |digits| fault.at(digits.place)))
    }

    /// How long a code lives. Ten minutes at most (NIST SP 800-63B-4, ASVS 6.5.5).
    pub fn ttl(&self) -> Result<Duration, Fault> {
        ranged(time(self.ttl), 5 * MINUTE, SECOND, 10 * MINUTE, "a time from 1s to 10m")
    }

    /// Wrong codes that lock a challenge.
    pub fn tries(&self) -> Result<u32, Fault> {
        ranged(self.tries, 5, 1, 10, "1 to 10 tries")
    }

    /// Resends and their waits.
    pub fn resend(&self) -> Result<Resend, Fault> {
        let max = ranged(self.resend.max, 3, 0, 10, "0 to 10 resends")?;
        let wait = |wait: &Placed<Period>| {
            ranged(time(Some(*wait)), SECOND, SECOND, HOUR, "a time from 1s to 1h: an impatient visitor sends again")
        };
        let waits: Vec<Duration> = self.resend.wait.iter().map(wait).collect::<Result<_, _>>()?;
        Ok(Resend { max, wait: if waits.is_empty() { vec![30 * SECOND, 60 * SECOND, 120 * SECOND] } else { waits } })
    }

    /// The largest body that is parked, in bytes: never more than what may be kept for a subject at all, so that what is
    /// too large is told before a code is asked for.
    pub fn max_body(&self) -> Result<usize, Fault> {
        let room = self.budget()?.per_subject - REST;
        Ok(usize::try_from(self.written_max_body()?.unwrap_or(MIB).min(room)).unwrap_or(usize::MAX))
    }

    fn written_max_body(&self) -> Result<Option<u64>, Fault> {
        let written = bytes(self.park.max_body);
        written.map(|size| ranged(Some(size), MIB, 0, 64 * MIB, "a size up to 64MiB")).transpose()
    }

    /// How long a parked request is kept. A code lives no longer than what it is for.
    pub fn park_ttl(&self) -> Result<Duration, Fault> {
        ranged(time(self.park.ttl), HOUR.max(self.ttl()?), SECOND, 24 * HOUR, "a time from 1s to 24h")
    }

    /// What may be kept.
    pub fn budget(&self) -> Result<Budget, Fault> {
        let most = "a size from 32KiB to 1GiB";
        let default = (4 * MIB).max(self.written_max_body()?.unwrap_or_default() + REST);
        let per_subject = ranged(bytes(self.park.per_subject), default, 2 * REST, GIB, most)?;
        let default = (256 * MIB).max(per_subject);
        let total = ranged(bytes(self.park.total), default, 2 * REST, 1024 * GIB, "a size from 32KiB to 1TiB")?;
        Ok(Budget { per_subject, total, per_browser: PER_BROWSER })
    }
}

// === impl LimitsSettings ===

impl LimitsSettings {
    /// The limits.
    ///
    /// # Errors
    /// When one is out of range.
    pub fn limits(&self) -> Result<Limits, Fault> {
        let or =
            |written: &Many<Window>, default: Vec<Window>| if written.is_empty() { default } else { written.to_vec() };
        let (sends, typed, failures) = (SendLimits::default(), TypedLimits::default(), FailureLimits::default());
        Ok(Limits {
            sends: SendLimits {
                per_subject: or(&self.sends.per_subject, sends.per_subject),
                per_contact: or(&self.sends.per_contact, sends.per_contact),
                per_ip: or(&self.sends.per_ip, sends.per_ip),
                per_network: or(&self.sends.per_network, sends.per_network),
                per_country: or(&self.sends.per_country, sends.per_country),
            },
            typed: TypedLimits {
                per_ip: or(&self.typed.per_ip, typed.per_ip),
                per_network: or(&self.typed.per_network, typed.per_network),
            },
            failures: FailureLimits {
                per_subject: or(&self.failures.per_subject, failures.per_subject),
                // NIST SP 800-63B-4: at most 100.
                consecutive: ranged(
                    self.failures.consecutive,
                    failures.consecutive,
                    1,
                    100,
                    "1 to 100 failures in a row",
                )?,
                per_ip: or(&self.failures.per_ip, failures.per_ip),
            },
            pumping: self.pumping.rules()?,
            money: self.budget.money()?,
        })
    }

    /// The currency of prices and budgets.
    ///
    /// # Errors
    /// When it is none.
    pub fn currency(&self) -> Result<Currency, Fault> {
        let written = self.budget.currency.as_ref();
        written.map_or(Ok(Currency::USD), |currency| currency.parse(|text| text.parse()))
    }
}

// === impl BudgetSettings ===

impl BudgetSettings {
    fn money(&self) -> Result<MoneyBudget, Fault> {
        let amount = |written: Option<Placed<Cost>>| match written {
            Some(written) if written.value.0 == Amount::ZERO => {
                Err(written.fault("expected more than 0: without a key nothing is limited"))
            }
            other => Ok(other.map(|written| written.value.0)),
        };
        let money = MoneyBudget { per_hour: amount(self.per_hour)?, per_day: amount(self.per_day)? };
        match (self.per_hour, money.per_hour, money.per_day) {
            (Some(written), Some(hour), Some(day)) if hour > day => {
                Err(written.fault("expected at most `per_day`: an hour cannot cost more than its day"))
            }
            _ => Ok(money),
        }
    }
}

// === impl PumpingSettings ===

impl PumpingSettings {
    fn rules(&self) -> Result<PumpingRules, Fault> {
        let rules = PumpingRules::default();
        let mode = self.mode.map_or(rules.mode, |mode| match mode {
            PumpingModeSettings::Block => PumpingMode::Block,
            PumpingModeSettings::Observe => PumpingMode::Observe,
            PumpingModeSettings::Off => PumpingMode::Off,
        });
        Ok(PumpingRules {
            mode,
            window: ranged(time(self.window), rules.window, 10 * MINUTE, 24 * HOUR, "a time from 10m to 1d")?,
            grace: ranged(time(self.grace), rules.grace, 30 * SECOND, 10 * MINUTE, "a time from 30s to 10m")?,
            at_least: ranged(self.at_least, rules.at_least, 2, 100_000, "2 to 100000 numbers")?,
            verified_below: self.verified_below.map_or(Ok(rules.verified_below), percent)?,
            sequence: ranged(self.sequence, rules.sequence, 2, 100, "2 to 100 numbers")?,
            pause: ranged(time(self.pause), rules.pause, MINUTE, 7 * 24 * HOUR, "a time from 1m to 7d")?,
        })
    }
}

/// A share in whole percent.
fn percent(share: Placed<Share>) -> Result<u32, Fault> {
    (0..=50)
        .find(|percent| (f64::from(*percent) / 100.0 - share.value.0).abs() < 1e-9)
        .ok_or_else(|| share.fault("expected a whole number of percent up to 50%, such as `10%`"))
}
