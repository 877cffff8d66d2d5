//! What follows from why a message did not go out: the one table.

use crate::words::FailureClass;

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remedy {
    /// Whether another provider may do better.
    pub fails_over: bool,
    /// Whether the same provider may do better after a moment, if there is no other.
    pub retries: bool,
    /// Whether it is the provider's fault, so that it counts for the circuit breaker; a number that does not exist says
    /// nothing of the provider.
    pub blames_provider: bool,
    /// Whether an operator must do something: money, credentials, sender.
    pub alerts: bool,
    /// What the visitor is told.
    pub told: Told,
}

/// What a visitor is told of a message that did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// This address takes no such messages, now or ever: use another way.
    AnotherWay,
    /// It could not be reached just now: try again, or another way.
    NotReached,
    /// We could not send it: try again, or another way.
    OurFault,
}

impl Remedy {
    /// What follows from a failure of this class.
    #[must_use]
    pub const fn of(class: FailureClass) -> Self {
        use FailureClass as C;
        //                                    over   retry  blame  alert
        let (over, retry, blame, alert, told) = match class {
            C::InvalidNumber => (false, false, false, false, Told::AnotherWay),
            C::Landline => (false, false, false, false, Told::AnotherWay),
            C::UnreachableTemporarily => (true, false, false, false, Told::NotReached),
            C::UnreachablePermanently => (true, false, false, false, Told::AnotherWay),
            C::RegionBlocked => (true, false, false, true, Told::AnotherWay),
            C::OptedOut => (false, false, false, false, Told::AnotherWay),
            C::CarrierFiltered => (true, false, false, false, Told::NotReached),
            C::FraudBlocked => (false, false, false, true, Told::AnotherWay),
            C::RateLimited => (true, true, true, false, Told::OurFault),
            C::ProviderDown => (true, true, true, false, Told::OurFault),
            C::InsufficientBalance => (true, false, true, true, Told::OurFault),
            C::AuthConfig => (true, false, true, true, Told::OurFault),
            C::SenderConfig => (true, false, true, true, Told::OurFault),
            C::Expired => (false, false, false, false, Told::NotReached),
            C::Unknown => (true, false, false, false, Told::OurFault),
        };
        Self { fails_over: over, retries: retry, blames_provider: blame, alerts: alert, told }
    }
}
