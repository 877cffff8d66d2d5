use proptest::prelude::*;

use super::*;

fn query(raw: &str) -> Query {
    Query::parse(Some(raw.as_bytes())).unwrap()
}

fn any(raw: &str, name: &str, wanted: &str) -> bool {
    query(raw).any(name, |value| value == wanted)
}

fn all(raw: &str, name: &str, wanted: &str) -> bool {
    query(raw).all(name, |value| value == wanted)
}

#[test]
fn the_query_is_forwarded_byte_for_byte() {
    assert_eq!(Query::parse(None).unwrap().raw(), None);
    for raw in [&b""[..], b"a=1&b=%zz;+&&=", b"q=caf\xc3\xa9", b"\xff=\xfe", b"%00%0a"] {
        assert_eq!(Query::parse(Some(raw)).unwrap().raw(), Some(raw));
    }
}

#[test]
fn p23_values_are_decoded_once() {
    assert!(any("page=billing", "page", "billing"));
    assert!(any("p%61ge=b%69lling", "page", "billing"));
    assert!(any("q=a+b", "q", "a b"));
    assert!(any("q=a%20b", "q", "a b"));
    assert!(any("q=a%2Bb", "q", "a+b"));
    assert!(any("q=%252e", "q", "%2e"), "never decoded twice");
    assert!(any("q=%zz%", "q", "%zz%"), "bad escapes stay");
    assert!(any("q=%ff", "q", "\u{fffd}"));
    assert!(any("q=a=b", "q", "a=b"));
    assert!(any("q", "q", ""), "no equals sign, the empty value");
    assert!(!any("", "", ""));
}

#[test]
fn p23_a_protecting_rule_holds_under_every_reading() {
    assert!(any("page=home&page=billing", "page", "billing"), "any of several");
    assert!(any("x=1;page=billing", "page", "billing"), "split at semicolons");
    assert!(any("page=billing;x=1", "page", "billing"));
    assert!(any("page=a;b", "page", "a;b"), "not split at semicolons");
    assert!(any("page[]=billing", "page", "billing"));
    assert!(any("page[0]=billing", "page", "billing"));
    assert!(any("page%5B%5D=billing", "page", "billing"));
    assert!(!any("pages=billing", "page", "billing"));
    assert!(!any("x=page=billing", "page", "billing"));
}

#[test]
fn p23_a_rule_that_lets_through_needs_every_value_under_every_reading() {
    assert!(all("token=good", "token", "good"));
    assert!(all("token=good&token=good", "token", "good"));
    assert!(!all("token=good&token=bad", "token", "good"));
    assert!(!all("token=good&token=", "token", "good"));
    assert!(!all("token=good;token=bad", "token", "good"));
    assert!(!all("x=1;token=good", "token", "good"), "only one reading has it");
    assert!(!all("token=good;x=1", "token", "good"), "only one reading has this value");
    assert!(all("a=1;2&token=good", "token", "good"));
    assert!(!all("token[]=good", "token", "good"));
    assert!(!all("token=good&token[]=good", "token", "good"));
    assert!(!all("", "token", "good"));
    assert!(!Query::default().all("token", |_| true));
    assert!(!Query::default().any("token", |_| true));
}

#[test]
fn p21_too_many_pairs_are_refused() {
    let raw = vec!["a=1"; 5_000].join("&");
    assert_eq!(Query::parse(Some(raw.as_bytes())), Err(BadQuery::TooManyPairs));
    let raw = ";".repeat(MAX_PAIRS);
    assert_eq!(Query::parse(Some(raw.as_bytes())), Err(BadQuery::TooManyPairs));
    let raw = vec!["a=1"; MAX_PAIRS].join("&");
    assert!(Query::parse(Some(raw.as_bytes())).is_ok());
}

#[test]
fn p08_raw_hashes_spaces_and_control_bytes_are_refused() {
    assert_eq!(Query::parse(Some(b"a=1#b")), Err(BadQuery::Fragment));
    for raw in [&b"a b"[..], b"a\r\n", b"\0", b"a\x7f"] {
        assert_eq!(Query::parse(Some(raw)), Err(BadQuery::RawByte));
    }
}

#[test]
fn i9_a_query_shows_nothing_of_its_content() {
    assert_eq!(format!("{:?}", query("token=secret")), "Query(12 bytes)");
}

proptest! {
    #[test]
    fn p23_what_lets_through_would_also_protect(
        raw in "[ab;&=+%\\[\\]0-9]{0,24}",
        wanted in "[ab0-9]{0,2}",
    ) {
        let query = query(&raw);
        if query.all("a", |value| value == wanted) {
            prop_assert!(query.any("a", |value| value == wanted));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(raw: Vec<u8>, name: String) {
        if let Ok(query) = Query::parse(Some(&raw)) {
            prop_assert_eq!(query.raw(), Some(&*raw));
            query.any(&name, |_| false);
            query.all(&name, |_| true);
        }
    }
}
