use super::*;

fn subject(name: &str) -> Subject {
    Subject::parse(name).unwrap()
}

#[test]
fn times_are_read_as_databases_and_ldap_write_them() {
    let noon = Some(Timestamp::from_millis(1_795_780_800_000));
    for text in [
        "1795780800",
        "2026-11-27T12:00:00Z",
        "2026-11-27 12:00:00",
        "2026-11-27 12:00:00.123456+00",
        "2026-11-27T20:00:00+08:00",
        "2026-11-27 07:00:00-05",
        "20261127120000Z",
    ] {
        assert_eq!(moment(text), noon, "{text}");
    }
    for text in ["", "yesterday", "2026-13-27", "27.11.2026", "-1", "2026-11-27T12:00:00+1"] {
        assert_eq!(moment(text), None, "{text}");
    }
}

#[test]
fn what_is_said_of_a_channel_counts_for_more_than_what_is_said_of_the_row() {
    let alice = subject("alice");
    let mut reading = Reading::new(&alice, false, None);
    let fields = [
        (Field::Subject, "alice"),
        (Field::Contact(Channel::Email), "alice@example.com"),
        (Field::Phone, "+60123456789"),
        (Field::Label(None), "home"),
        (Field::Label(Some(Channel::Voice)), "desk"),
        (Field::VerifiedAt(Some(Channel::Sms)), "1795780800"),
    ];
    reading.row(&fields).unwrap();
    let (entry, warnings) = reading.finish();
    let contacts = entry.unwrap().contacts;
    let labels: Vec<_> = contacts.iter().map(|listed| listed.contact.label().unwrap()).collect();
    assert_eq!(labels, ["home", "home", "desk"]);
    let verified: Vec<_> = contacts.iter().map(|listed| listed.verified_at.is_some()).collect();
    assert_eq!(verified, [false, true, false]);
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn one_bad_contact_locks_nobody_out() {
    let alice = subject("alice");
    let mut reading = Reading::new(&alice, false, None);
    reading
        .row(&[(Field::Contact(Channel::Sms), "n/a"), (Field::Contact(Channel::Email), "alice@example.com")])
        .unwrap();
    let (entry, warnings) = reading.finish();
    assert_eq!(entry.unwrap().contacts.len(), 1);
    assert_eq!(warnings.len(), 1);
    assert!(!warnings.concat().contains("n/a"), "{warnings:?}");
}

#[test]
fn h19_rows_of_two_people_are_nobodys() {
    let bob = subject("bob");
    // What a case-insensitive collation finds.
    let mut reading = Reading::new(&bob, false, None);
    assert_eq!(reading.row(&[(Field::Subject, "Bob")]), Err(DirectoryError::Ambiguous));
    assert_eq!(Reading::new(&bob, true, None).row(&[(Field::Subject, "Bob")]), Ok(()));
    let mut reading = Reading::new(&bob, false, None);
    reading.row(&[(Field::Id, "1")]).unwrap();
    assert_eq!(reading.row(&[(Field::Id, "2")]), Err(DirectoryError::Ambiguous));
    assert_eq!(reading.row(&[(Field::Id, "1")]), Err(DirectoryError::Ambiguous), "no row makes that good");
}
