use super::*;
use crate::words::About;

/// A place in degrees north and east that is known exactly.
fn city(north: f64, east: f64) -> Spot {
    Spot { about: Some(About { north: tenths(north), east: tenths(east), within: 0 }), ..Spot::default() }
}

#[expect(clippy::cast_possible_truncation, reason = "tenths of degrees")]
fn tenths(degrees: f64) -> i16 {
    (degrees * 10.0).round() as i16
}

fn country(code: &str) -> Spot {
    Spot { country: code.parse().ok(), ..Spot::default() }
}

const HOUR: Duration = Duration::from_secs(3600);

/// Great-circle distances as published (GeoNames' coordinates; gcmap.com's ways between the cities).
#[test]
fn ways_between_cities_are_within_one_percent() {
    let (london, new_york) = (city(51.5074, -0.1278), city(40.7128, -74.0060));
    let (kuala_lumpur, tokyo, sydney) = (city(3.139, 101.6869), city(35.6762, 139.6503), city(-33.8688, 151.2093));
    let (auckland, santiago) = (city(-36.8509, 174.7645), city(-33.4489, -70.6693));
    for (from, to, known) in [
        (london, new_york, 5570.0),
        (kuala_lumpur, tokyo, 5320.0),
        (tokyo, sydney, 7820.0),
        (london, sydney, 16_990.0),
        // Over the date line.
        (auckland, santiago, 9670.0),
    ] {
        let apart = apart(&from, &to).unwrap();
        assert!((apart / known - 1.0).abs() < 0.01, "{apart} km is not {known}");
        assert!((apart - super::apart(&to, &from).unwrap()).abs() < 1e-6, "there and back");
    }
}

#[test]
fn a_flight_is_possible_and_a_jump_is_not() {
    let (london, new_york) = (city(51.5, -0.1), city(40.7, -74.0));
    assert!(!is_possible(&london, &new_york, HOUR * 5));
    assert!(is_possible(&london, &new_york, HOUR * 6));
    assert!(!is_possible(&london, &new_york, Duration::ZERO));
    // London and Paris, 340 km: no jump is one that traffic led through another city may seem to make.
    assert!(is_possible(&london, &city(48.9, 2.4), Duration::ZERO));
    // A position that may be off by more than the way says nothing.
    let vague = Spot { about: Some(About { north: 407, east: -740, within: 5200 }), ..Spot::default() };
    assert!(is_possible(&london, &vague, Duration::ZERO));
}

#[test]
fn of_countries_alone_only_the_surest_jumps_are_impossible() {
    let at_once = Duration::from_secs(60);
    for (from, to, wanted) in [
        ("MY", "SG", true),
        ("GB", "FR", true),
        ("US", "CA", true),
        ("US", "US", true),
        ("RU", "CN", true),
        ("MY", "RU", false),
        ("GB", "US", false),
        ("MY", "BR", false),
        ("DE", "JP", false),
        ("SG", "GB", false),
        ("AU", "IN", false),
        ("ZZ", "GB", true),
    ] {
        assert_eq!(is_possible(&country(from), &country(to), at_once), wanted, "{from} to {to}");
    }
    assert!(is_possible(&Spot::default(), &country("GB"), at_once));
    assert!(is_possible(&country("GB"), &Spot { system: Some(1), ..Spot::default() }, at_once));
    // One end by its city, the other by its country.
    assert!(!is_possible(&city(51.5, -0.1), &country("JP"), at_once));
    assert!(is_possible(&city(51.5, -0.1), &country("GB"), at_once));
}

#[test]
fn places_differ_by_country_and_by_far() {
    let (london, reading, leeds) = (city(51.5, -0.1), city(51.5, -1.0), city(53.8, -1.5));
    assert!(!is_elsewhere(&london, &london));
    assert!(!is_elsewhere(&london, &reading));
    assert!(is_elsewhere(&london, &leeds));
    assert!(is_elsewhere(&london, &country("GB")));
    assert!(is_elsewhere(&country("GB"), &country("FR")));
    assert!(!is_elsewhere(&country("GB"), &Spot { system: Some(7), ..country("GB") }));
}
