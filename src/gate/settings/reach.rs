//! Routes that can never be reached, because one before them covers them wholly.
//!
//! Sound, not complete: what is reported is covered as it is written; routes that several others cover together are not
//! found.

use ipnetwork::IpNetwork;

use crate::config::Fault;
use crate::gate::settings::Rule;
use crate::gate::{Criteria, HostPattern, QueryCriterion, Route};
use crate::words::Policy;

/// Routes that are compared with each other. A site with more is not checked: a thousand are a million pairs.
const MOST: usize = 2_000;

/// Looks for a route that can never be reached.
pub(super) fn check(rules: &[Rule]) -> Result<(), Fault> {
    for (index, late) in rules.iter().enumerate().take(MOST) {
        if let Some(early) = rules.iter().take(index).find(|early| covers(early, late)) {
            let message = format!(
                "this route is never reached: the one in line {} ({}) matches all that it does",
                early.place.line, early.criteria
            );
            return Err(Fault::new(message).at(late.place));
        }
    }
    Ok(())
}

fn covers(early: &Rule, late: &Rule) -> bool {
    paths(early, late)
        && hosts(&early.route.criteria, &late.route.criteria)
        && any_of(&early.route.criteria.methods, &late.route.criteria.methods, |a, b| a == b)
        && any_of(&early.networks, &late.networks, is_within)
        && countries(&early.route, &late.route)
        && early
            .route
            .criteria
            .query
            .iter()
            .all(|wide| late.route.criteria.query.iter().any(|narrow| asks(wide, narrow)))
}

/// Whether a list of alternatives, where none means any, holds all of another.
fn any_of<T>(wide: &[T], narrow: &[T], holds: impl Fn(&T, &T) -> bool) -> bool {
    wide.is_empty() || (!narrow.is_empty() && narrow.iter().all(|narrow| wide.iter().any(|wide| holds(wide, narrow))))
}

fn paths(early: &Rule, late: &Rule) -> bool {
    let (wide, narrow) = (&early.route, &late.route);
    if wide.paths.is_empty() && wide.path_regex.is_empty() || wide.paths.iter().any(|glob| glob.to_string() == "/**") {
        return true;
    }
    let globs = narrow.paths.iter().all(|narrow| wide.paths.iter().any(|wide| wide.covers(narrow)));
    let regexes = narrow.path_regex.iter().all(|regex| wide.path_regex.contains(regex));
    let any_path = narrow.paths.is_empty() && narrow.path_regex.is_empty();
    globs && regexes && !any_path
}

/// A client of whom no country is known is in all of them for a route that protects, and in none for a `bypass`.
fn countries(wide: &Route, narrow: &Route) -> bool {
    let opens_less = wide.policy == Policy::Bypass && narrow.policy != Policy::Bypass;
    let (wide, narrow) = (&wide.criteria.countries, &narrow.criteria.countries);
    wide.is_empty() || (!opens_less && any_of(wide, narrow, |a, b| a == b))
}

fn hosts(wide: &Criteria, narrow: &Criteria) -> bool {
    any_of(&wide.hosts, &narrow.hosts, |wide, narrow| match (wide, narrow) {
        (HostPattern::Below(suffix), HostPattern::Below(other)) => other.ends_with(suffix.as_str()),
        (wide, HostPattern::Exact(name)) => wide.matches(name),
        (HostPattern::Exact(_), HostPattern::Below(_)) => false,
    })
}

fn is_within(wide: &IpNetwork, narrow: &IpNetwork) -> bool {
    wide.prefix() <= narrow.prefix() && wide.contains(narrow.ip())
}

fn asks(wide: &QueryCriterion, narrow: &QueryCriterion) -> bool {
    wide.name == narrow.name && any_of(&wide.values, &narrow.values, |a, b| a == b)
}
