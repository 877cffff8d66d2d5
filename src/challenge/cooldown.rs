//! The cool-down after a change of contacts: for how long a contact is not offered (O27).
//!
//! A contact is fresh when the gateway has first seen it lately, or when the directory says that it was changed lately. One
//! that the gateway itself has seen for the whole cool-down is old, whatever the directory says: what was changed then was
//! something else of the same row.

use std::time::Duration;

use crate::directory::Listed;
use crate::store::SeenContact;
use crate::words::Timestamp;

/// How long until a contact of the directory's may be used; zero is now. `seen` is what the gateway remembers of it: of one
/// that is not remembered, nobody knows how old it is.
#[must_use]
pub fn fresh_for(listed: &Listed, seen: Option<&SeenContact>, cooldown: Duration, now: Timestamp) -> Duration {
    let Some(seen) = seen else { return cooldown };
    let unseen = cooldown.saturating_sub(seen.since);
    let by_sight = if seen.is_settled(cooldown) { Duration::ZERO } else { unseen };
    let by_word = match listed.changed_at {
        // A change in the future is none that is over.
        Some(changed) => now.since(changed).map_or(cooldown, |age| cooldown.saturating_sub(age)),
        None => Duration::ZERO,
    };
    by_sight.max(by_word.min(unseen))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{Channel, Contact, KeyedHash};

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const HOUR: Duration = Duration::from_secs(60 * 60);
    const NOW: u64 = 10_000_000_000;

    fn seen(since: Duration, from_start: bool) -> SeenContact {
        let contact = KeyedHash::new([1; 16]);
        SeenContact { contact, sealed: vec![], since, from_start, gone: None, is_new: false, notify: false }
    }

    /// Changed so long ago; in the future when below zero.
    fn changed(hours: Option<i64>) -> Listed {
        let at = |hours: i64| Timestamp::from_millis(NOW.checked_add_signed(-hours * 3_600_000).unwrap());
        let contact = Contact::parse(Channel::Email, "alice@example.com").unwrap();
        Listed { contact, verified_at: None, changed_at: hours.map(at) }
    }

    fn fresh(hours: Option<i64>, seen: &SeenContact) -> Duration {
        fresh_for(&changed(hours), Some(seen), DAY, Timestamp::from_millis(NOW))
    }

    #[test]
    fn o27_a_contact_is_fresh_for_the_cool_down_after_it_came_or_was_changed() {
        assert_eq!(fresh(None, &seen(Duration::ZERO, true)), Duration::ZERO, "there from the start");
        assert_eq!(fresh(None, &seen(HOUR, false)), 23 * HOUR);
        assert_eq!(fresh(None, &seen(DAY - Duration::from_millis(1), false)), Duration::from_millis(1));
        assert_eq!(fresh(None, &seen(DAY, false)), Duration::ZERO);
        assert_eq!(fresh(Some(1), &seen(Duration::ZERO, true)), 23 * HOUR, "the directory knows better than the start");
        assert_eq!(fresh(Some(24), &seen(Duration::ZERO, true)), Duration::ZERO);
        assert_eq!(fresh(Some(-1), &seen(Duration::ZERO, true)), DAY, "a change in the future");
        assert_eq!(fresh(Some(100), &seen(HOUR, false)), 23 * HOUR, "what was seen counts whatever the directory says");
        assert_eq!(fresh_for(&changed(None), None, DAY, Timestamp::from_millis(NOW)), DAY);
    }

    #[test]
    fn a_row_that_is_written_often_does_not_make_an_old_contact_fresh() {
        assert_eq!(fresh(Some(0), &seen(DAY, true)), Duration::ZERO);
        assert_eq!(fresh(Some(0), &seen(20 * HOUR, true)), 4 * HOUR, "until it was seen for a day");
    }
}
