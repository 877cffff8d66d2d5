use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn address(number: u32) -> Whom {
    Whom::address(IpAddr::V4(Ipv4Addr::from(number)))
}

proptest! {
    /// Whatever comes, nobody's count is too low, and all counts together are not far too high.
    #[test]
    fn never_too_low_and_hardly_too_high(requests in prop::collection::vec(0..2_000_u32, 1..6_000)) {
        let (rates, now) = (Rates::default(), Timestamp::from_millis(1_700_000_040_000));
        let mut exact: HashMap<u32, u32> = HashMap::new();
        let mut last: HashMap<u32, u32> = HashMap::new();
        for request in &requests {
            *exact.entry(*request).or_default() += 1;
            last.insert(*request, rates.count(&address(*request), MINUTE, now));
        }
        // By the sketch's own bound, e/width of all requests, but for a share of e^-rows.
        let bound = 1 + u32::try_from(requests.len()).unwrap() * 3 / 4096;
        let mut above = 0;
        for (who, count) in &last {
            prop_assert!(count >= &exact[who], "{count} < {}", exact[who]);
            above += usize::from(*count > exact[who] + bound);
        }
        prop_assert!(above * 20 <= last.len(), "{above} of {} are far too high", last.len());
    }

    /// Within one window an address that nobody shares cells with is counted exactly, at every moment of it.
    #[test]
    fn one_address_is_counted_exactly(moments in prop::collection::vec(0..60_000_u64, 1..300)) {
        let rates = Rates::default();
        for (already, moment) in (0_u32..).zip(&moments) {
            let now = Timestamp::from_millis(1_700_000_040_000 + moment);
            prop_assert_eq!(rates.count(&address(7), MINUTE, now), already + 1);
        }
    }
}

/// The window before counts for as much of it as reaches into the last minute; older ones for nothing.
#[test]
fn counts_leave_with_their_window() {
    let (rates, start) = (Rates::default(), 1_700_000_040_000);
    let at = |seconds: u64| Timestamp::from_millis(start + seconds * 1000);
    for _ in 0..100 {
        rates.count(&address(7), MINUTE, at(30));
    }
    assert_eq!(rates.count(&address(7), MINUTE, at(60)), 101);
    assert_eq!(rates.count(&address(7), MINUTE, at(90)), 2 + 50);
    assert_eq!(rates.count(&address(7), MINUTE, at(120)), 1 + 2);
    assert_eq!(rates.count(&address(7), MINUTE, at(300)), 1);
}

/// A clock that goes back does no harm.
#[test]
fn a_clock_that_goes_back_counts_anew() {
    let rates = Rates::default();
    assert_eq!(rates.count(&address(7), MINUTE, Timestamp::from_millis(1_700_000_040_000)), 1);
    assert_eq!(rates.count(&address(7), MINUTE, Timestamp::from_millis(0)), 1);
}
