//! Why a code did not get to the visitor, and which ways are left.

use std::time::Duration;

use minijinja::{Value, context};
use serde_json::json;

use crate::delivery::{Remedy, Told};
use crate::portal::view;
use crate::stepup::{Reached, Standing};
use crate::store::State;
use crate::words::{Channel, FailureClass, Progress, Timestamp};

/// Why a code did not get to the visitor.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    /// Where it was to go.
    to: Option<Reached>,
    why: Why,
}

#[derive(Debug, Clone, Copy)]
enum Why {
    /// It went out, and its provider reported that it did not arrive.
    Lost(FailureClass),
    /// No provider took it.
    NotTaken(FailureClass),
    /// The money for messages is used up for this long.
    OutOfMoney(Duration),
    /// No codes go to numbers like this one for this long.
    Paused(Duration),
}

// === impl Trouble ===

impl Trouble {
    /// What a receipt brought.
    pub(super) fn of(standing: &Standing) -> Option<Self> {
        match standing.progress {
            Some(Progress::Failed(class)) if standing.state == State::Sent => {
                Some(Self { to: standing.last.clone(), why: Why::Lost(class) })
            }
            _ => None,
        }
    }

    pub(super) fn not_taken(standing: &Standing, class: FailureClass) -> Self {
        Self { to: standing.wanted.clone(), why: Why::NotTaken(class) }
    }

    pub(super) fn out_of_money(standing: &Standing, wait: Duration) -> Self {
        Self { to: standing.wanted.clone(), why: Why::OutOfMoney(wait) }
    }

    pub(super) fn paused(standing: &Standing, wait: Duration) -> Self {
        Self { to: standing.wanted.clone(), why: Why::Paused(wait) }
    }

    /// Whether sending there again is of no use.
    pub(super) const fn is_final(&self) -> bool {
        match self.why {
            Why::Lost(class) | Why::NotTaken(class) => matches!(Remedy::of(class).told, Told::AnotherWay),
            Why::OutOfMoney(_) | Why::Paused(_) => false,
        }
    }

    /// The word for it, where it is a failure.
    pub(super) const fn reason(&self) -> Option<&'static str> {
        match self.why {
            Why::Lost(class) | Why::NotTaken(class) => Some(class.as_str()),
            Why::OutOfMoney(_) | Why::Paused(_) => None,
        }
    }

    /// The ways that are left, the best first: any other way, then the same once more, if that can help.
    pub(super) fn ways<'s>(&self, standing: &'s Standing) -> Vec<&'s Reached> {
        let is_same = |reached: &Reached| self.to.as_ref().is_some_and(|to| to == reached);
        // Text messages and calls to one number share its fate.
        let is_same_number = |reached: &Reached| {
            reached.channel != Channel::Email && self.to.as_ref().is_some_and(|to| to.to == reached.to)
        };
        let all = standing.reached.iter();
        let mut ways: Vec<&Reached> = match self.why {
            Why::OutOfMoney(_) => all.filter(|reached| !reached.costs).collect(),
            Why::Paused(_) => all.filter(|reached| !is_same_number(reached)).collect(),
            Why::Lost(_) | Why::NotTaken(_) => all.filter(|reached| !(self.is_final() && is_same(reached))).collect(),
        };
        // A fixed line can be called. A number that nobody has cannot.
        let rank = |reached: &&Reached| match self.reason_class() {
            _ if is_same(reached) => 2,
            Some(FailureClass::Landline) => u8::from(!is_same_number(reached)),
            Some(FailureClass::InvalidNumber) => u8::from(is_same_number(reached)),
            _ => 0,
        };
        ways.sort_by_key(rank);
        ways
    }

    const fn reason_class(&self) -> Option<FailureClass> {
        match self.why {
            Why::Lost(class) | Why::NotTaken(class) => Some(class),
            Why::OutOfMoney(_) | Why::Paused(_) => None,
        }
    }

    /// What templates call `trouble`.
    pub(super) fn values(&self, standing: &Standing, now: Timestamp) -> Value {
        let channel = self.to.as_ref().map_or(Channel::Email, |to| to.channel).as_str();
        let (key, wait) = match self.why {
            Why::Lost(class) | Why::NotTaken(class) => {
                let told = match Remedy::of(class).told {
                    Told::AnotherWay => "another-way",
                    Told::NotReached => "not-reached",
                    Told::OurFault => "our-fault",
                };
                (format!("trouble.{told}.{channel}"), None)
            }
            Why::OutOfMoney(wait) => (format!("trouble.stopped.{channel}"), Some(wait)),
            Why::Paused(wait) => ("trouble.paused".to_owned(), Some(wait)),
        };
        let ways = self.ways(standing);
        let is_same = |reached: &&Reached| self.to.as_ref() == Some(*reached);
        let others = ways.iter().filter(|reached| !is_same(reached)).count();
        let advice = match (others > 0, ways.len() > others, wait.is_some()) {
            (true, true, false) => "trouble.again-or-other",
            (true, ..) => "trouble.other",
            (false, true, false) => "trouble.again",
            (false, ..) => "",
        };
        let heading = match (others > 0, ways.is_empty()) {
            (true, _) => "trouble.heading.other",
            (false, true) => "trouble.heading.none",
            (false, false) => "trouble.heading",
        };
        context! {
            key,
            heading,
            advice,
            to => self.to.as_ref().map(|to| context! { to => to.to.as_str() }),
            wait => wait.map(|wait| view::moment(now, wait)),
            // The message before may still arrive.
            is_lost => matches!(self.why, Why::Lost(_)),
            ways => ways.into_iter().map(|way| view::way(standing, way)).collect::<Vec<_>>(),
        }
    }

    /// The ways that are left, as the JSON interface tells them.
    pub(super) fn json_ways(&self, standing: &Standing) -> serde_json::Value {
        let ways = self.ways(standing);
        json!(ways.into_iter().map(view::json_channel).collect::<Vec<_>>())
    }
}
