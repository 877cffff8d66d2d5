use http::HeaderValue;
use proptest::prelude::*;

use super::*;

const KNOWN: [&str; 6] = ["en", "de", "fr", "es", "ms", "ja"];

fn of(lines: &[&str]) -> Option<String> {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(ACCEPT_LANGUAGE, HeaderValue::from_str(line).unwrap());
    }
    preferred_language(&headers, &KNOWN).map(|language| language.to_string())
}

#[test]
fn a_client_gets_the_language_that_it_wants_most() {
    for (line, wanted) in [
        ("de", Some("de")),
        ("DE", Some("de")),
        ("de-AT, en;q=0.5", Some("de")),
        ("zh-Hant-TW, ja;q=0.8, en;q=0.7", Some("ja")),
        ("en;q=0.1, ms;q=0.2", Some("ms")),
        ("fr, de", Some("fr")),
        ("fr;q=0.7, de;q=0.7", Some("fr")),
        ("en-GB,en;q=0.9,es;q=0.95", Some("en")),
        ("pl, uk", None),
        ("", None),
        // What is not wanted is not given.
        ("de;q=0", None),
        ("de;q=0.000, en;q=0.001", Some("en")),
        ("*", Some("en")),
        ("en;q=0, *", Some("de")),
        ("*;q=0, de;q=0.1", Some("de")),
        ("*;q=0", None),
        ("pl, *;q=0.5", Some("en")),
        ("pl, es;q=0.4, *;q=0.1", Some("es")),
        // One variety is not wanted, another is.
        ("de;q=0, de-CH", Some("de")),
        // The grammar, to the letter.
        ("de ; q=0.5 , en;\tQ=0.6", Some("en")),
        ("de;q=1.000, en;q=1.", Some("de")),
        ("de;q=1.001, en;q=0.1", Some("en")),
        ("de;q=0.1234, en;q=0.1", Some("en")),
        ("de;q=2, en;q=0.1", Some("en")),
        ("de;q=, en;q=0.1", Some("en")),
        ("de;q=-1, en;q=0.1", Some("en")),
        ("de;q=0,5, en;q=0.1", Some("en")),
        ("de;level=1, en;q=0.1", Some("en")),
        ("de;q=1;q=1, en;q=0.1", Some("en")),
        ("de_AT, d, den, deutsch, *-AT, en;q=0.1", Some("en")),
        ("de-123456789, de--AT, -de, en;q=0.1", Some("en")),
        (",, ,de", Some("de")),
    ] {
        assert_eq!(of(&[line]).as_deref(), wanted, "{line}");
    }
    assert_eq!(of(&["pl", "ja, de"]).as_deref(), Some("ja"), "lines are one list");
    assert_eq!(of(&[&"x,".repeat(RANGES), "de"]), None, "a long list is read in part");
    assert_eq!(of(&[]), None);
}

proptest! {
    #[test]
    fn whatever_a_client_sends_the_language_is_one_that_there_is(line in "[dejams*;q=01., -]{0,60}") {
        if let Some(language) = of(&[&line]) {
            prop_assert!(KNOWN.contains(&&*language));
        }
    }
}
