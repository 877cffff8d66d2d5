use super::*;
use crate::words::Channel;

#[test]
fn what_is_written_is_read_back() {
    let (site, hash) = (SiteKey::new("shop.example.com"), KeyedHash::new([0xab; 16]));
    let until = Timestamp::from_millis(1_732_457_000_123);
    let subject = Revocation::Subject { site: site.clone(), subject: hash, until };
    let grant = Revocation::Grant { site: site.clone(), grant: GrantId::from_random([7; 16]) };
    let left = Duration::from_secs(9);
    for written in [subject, grant] {
        let text = revocation(&written);
        assert_eq!(parse_revocation(&text), Some(written.clone()));
        assert_eq!(parse_change(&text, left), Some(Change::Revoked(written, left)));
    }
    let told = Change::Unlocked { site: site.clone(), subject: hash };
    assert_eq!(parse_change(&unlocked(&site, hash), left), Some(told));
    assert_eq!(parse_change(&session(&site, hash), left), Some(Change::Session { site, session: hash }));

    let places =
        vec![Destination { channel: Channel::Email, contact: 0 }, Destination { channel: Channel::Voice, contact: 12 }];
    let text = places.iter().map(|&place| destination(place)).collect::<Vec<_>>().join(" ");
    assert_eq!(destinations(&text), Ok(places));
    assert_eq!(destinations(""), Ok(Vec::new()));
}

#[test]
fn what_this_program_did_not_write_is_an_error() {
    for text in ["", "x", "subject", "grant x y", "subject 00 1 a", "policy 1 2", "session zz a"] {
        assert_eq!(parse_change(text, Duration::ZERO), None, "{text}");
    }
    for text in ["email", "email:", "email:x", "fax:0", "email:0  sms:1", "email:70000"] {
        assert!(destinations(text).is_err(), "{text}");
    }
    assert!(lock(-3).is_err());
    assert!(Reply::new(vec![]).number().is_err());
    assert!(Reply::new(vec![Value::Nil]).bytes().is_err());
    assert!(Reply::new(vec![Value::Int(-1)]).time().is_err());
    assert!(Reply::new(vec![Value::BulkString(vec![0xff])]).text().is_err());
}

#[test]
fn windows_are_told_in_milliseconds() {
    let limits: Vec<Window> = ["5/10m", "10/1d"].iter().map(|text| text.parse().unwrap()).collect();
    assert_eq!(windows(&limits), "5,600000;10,86400000");
    assert_eq!(windows(&[]), "");
}
