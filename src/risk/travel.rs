//! Whether somebody can have come from one place to another in a time.
//!
//! An address is near its place at best, and mostly only in its country: what is left when both ends are as near to each other
//! as they may be is the way that must have been made.

use std::time::Duration;

use crate::risk::{Position, countries};
use crate::words::Spot;

/// Faster than any airliner from door to door: their cruising speed is about 900 km/h.
const FASTEST: f64 = 1000.0;
/// Ways that are shorter say nothing, in kilometres: carriers and companies lead their customers' traffic through other cities.
const NEAR: f64 = 500.0;
/// Places that are this near to each other are the same, in kilometres.
const SAME: f64 = 100.0;

/// How far apart two places are at least, in kilometres; `None` where one is not known.
#[must_use]
pub fn apart(from: &Spot, to: &Spot) -> Option<f64> {
    let ((from, off), (to, also_off)) = (end(from)?, end(to)?);
    Some((from.distance(to) - off - also_off).max(0.0))
}

/// Whether somebody can have come from one place to another in this time. Nothing is impossible where a place is not known,
/// or within a country of which no more is known.
#[must_use]
pub fn is_possible(from: &Spot, to: &Spot, took: Duration) -> bool {
    apart(from, to).is_none_or(|apart| apart < NEAR || apart <= FASTEST * took.as_secs_f64() / 3600.0)
}

/// Whether two places differ so much that it is worth being told to others.
#[must_use]
pub fn is_elsewhere(from: &Spot, to: &Spot) -> bool {
    let far = match (from.about, to.about) {
        (Some(_), Some(_)) => end(from).zip(end(to)).is_some_and(|((from, _), (to, _))| from.distance(to) > SAME),
        (from, to) => from.is_some() != to.is_some(),
    };
    from.country != to.country || far
}

/// The middle of a place, and how far off that may be.
fn end(spot: &Spot) -> Option<(Position, f64)> {
    match (spot.about, spot.country) {
        (Some(about), _) => {
            let degrees = |tenths: i16| f64::from(tenths) / 10.0;
            let position = Position { latitude: degrees(about.north), longitude: degrees(about.east) };
            Some((position, f64::from(about.within)))
        }
        (None, Some(country)) => countries::circle(country),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests;
