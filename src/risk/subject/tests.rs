use std::sync::Arc;

use super::*;
use crate::risk::{Position, Whereabouts};

fn risk() -> SubjectRisk {
    let remember = Duration::from_secs(60);
    SubjectRisk { points: Points::default(), remember, knows_places: true, knows_systems: true }
}

fn here(country: &str, system: u32) -> Risk {
    Risk {
        at: Whereabouts { country: country.parse().ok(), system: Some(system), ..Default::default() },
        ..Risk::default()
    }
}

fn spot(country: &str, system: u32) -> Spot {
    here(country, system).at.spot()
}

fn found(risk: &Risk) -> Vec<String> {
    risk.signals().iter().map(ToString::to_string).collect()
}

#[test]
fn a_change_is_found_where_both_ends_are_known() {
    let judged = |then: Option<Spot>, mut here: Risk| {
        risk().judge(SubjectFacts { proved_at: then, ..SubjectFacts::default() }, &mut here);
        found(&here).join(", ")
    };
    assert_eq!(judged(Some(spot("MY", 1)), here("SG", 2)), "country_changed (MY to SG) 30");
    assert_eq!(judged(Some(spot("MY", 1)), here("MY", 2)), "asn_changed (AS1 to AS2) 10");
    assert_eq!(judged(Some(spot("MY", 1)), here("MY", 1)), "");
    assert_eq!(judged(Some(Spot::default()), here("MY", 1)), "");
    assert_eq!(judged(Some(spot("MY", 1)), Risk::default()), "");
    assert_eq!(judged(None, here("MY", 1)), "");
    let trusted = Risk { trusted_by: Some(Arc::from("office")), ..here("SG", 2) };
    assert_eq!(judged(Some(spot("MY", 1)), trusted), "", "an allow list wins");
    let mut vpn = here("SG", 2);
    vpn.at.is_anonymiser = true;
    assert_eq!(judged(Some(spot("MY", 1)), vpn), "", "nobody knows where a VPN's visitor is");
}

#[test]
fn a_jump_counts_and_what_else_says_abroad_does_not_besides() {
    let mut at = here("US", 2);
    at.found(Finding::CountryUnexpected, &Points::default());
    let facts = SubjectFacts {
        proved_at: Some(spot("GB", 1)),
        last: Some(Trip { from: spot("GB", 1), took: Duration::from_secs(600) }),
        is_new_device: true,
    };
    risk().judge(facts, &mut at);
    let all = found(&at);
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(all[0], "new_device 15");
    assert!(all[1].starts_with("impossible_travel (GB to US, ") && all[1].ends_with(" km in 10 min) 50"), "{all:?}");
    assert_eq!(at.score(), 65);
}

/// An honest traveller is asked, and not refused, by default.
#[test]
fn the_most_that_is_found_of_a_subject_refuses_nobody() {
    assert_eq!(risk().most(), 75);
    let off = SubjectRisk { knows_places: false, knows_systems: false, remember: Duration::ZERO, ..risk() };
    assert_eq!(off.most(), 0);
    let devices = SubjectRisk { remember: Duration::from_secs(1), ..off };
    assert_eq!(devices.most(), 15);
}

#[test]
fn a_place_says_where_its_visitor_is_unless_it_may_not() {
    let mut at = here("MY", 1);
    assert!(at.is_where_it_says());
    at.listed(&Arc::from("drop"), 10);
    assert!(!at.is_where_it_says(), "whoever is on a list of open proxies may be anywhere");
    let hosted = Whereabouts { is_hosting: true, ..here("MY", 1).at };
    assert!(!Risk { at: hosted, ..Risk::default() }.is_where_it_says());
    assert!(!Risk::default().is_where_it_says());
    let about = Some(Position { latitude: 3.16, longitude: 101.64 });
    let spot = Whereabouts { position: about, within: Some(10), ..Whereabouts::default() }.spot();
    let about = spot.about.unwrap();
    assert_eq!((about.north, about.east, about.within), (32, 1016, 10), "no finer than a tenth of a degree");
}
