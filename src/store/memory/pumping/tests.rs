use super::*;

fn contact(number: usize) -> KeyedHash {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    KeyedHash::new(bytes)
}

fn at(millis: usize) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + u64::try_from(millis).unwrap_or_default())
}

/// What is kept of a flood of numbers is the newest of them.
#[test]
fn a_flood_keeps_the_newest() {
    let (mut marks, long) = (Marks::default(), Duration::from_secs(1_000_000));
    for number in 0..CONTACTS + 50 {
        assert!(marks.mark(contact(number), at(number)));
    }
    assert!(!marks.mark(contact(CONTACTS), at(CONTACTS + 99)), "it is marked");
    assert_eq!((marks.in_order.len(), marks.moments.len()), (CONTACTS, CONTACTS));
    assert_eq!(marks.first(long, at(CONTACTS + 50)), Some(at(50)));
    // What is older than all that are kept finds no room.
    marks.mark(contact(7), at(7));
    assert!(!marks.moments.contains_key(&contact(7)));
    assert_eq!(marks.in_order.len(), CONTACTS);
}

#[test]
fn marks_are_counted_in_their_order() {
    let (mut marks, window, grace) = (Marks::default(), Duration::from_millis(10), Duration::from_millis(3));
    for moment in [5, 1, 3, 9, 7] {
        marks.mark(contact(moment), at(moment));
    }
    assert!(marks.in_order.iter().is_sorted());
    assert_eq!(marks.first(window, at(10)), Some(at(1)));
    assert_eq!(marks.first(window, at(11)), Some(at(3)), "from its end on it is out");
    assert_eq!(marks.count(at(1), grace, at(10)), 4, "9 is too young");
    assert_eq!(marks.count(at(3), grace, at(10)), 3);
    assert_eq!(marks.count(at(9), grace, at(10)), 0);
    marks.unmark(contact(3));
    marks.unmark(contact(4));
    assert_eq!(marks.count(at(1), grace, at(10)), 3);
    marks.prune(window, at(17));
    assert_eq!(marks.in_order, [(at(9), contact(9))]);
    assert_eq!(marks.moments.len(), 1);
}
