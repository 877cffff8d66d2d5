use proptest::prelude::*;
use regex::bytes::RegexBuilder;

use super::*;

proptest! {
    /// A pattern means what an expression does that has `.*` for each star.
    #[test]
    fn a_star_is_anything(pattern in "[aAbBk.*é]{0,8}", value in "[aAbBkK.*é\n\u{212a}]{0,12}") {
        let pieces = pattern.split('*').map(regex::escape).collect::<Vec<_>>().join(".*");
        let expression = RegexBuilder::new(&format!("^(?:{pieces})$"))
            .case_insensitive(true)
            .dot_matches_new_line(true)
            .unicode(false)
            .build()
            .unwrap();
        let found = folded(value.as_bytes(), |value| Wild::new(&pattern).matches(value));
        prop_assert_eq!(found, expression.is_match(value.as_bytes()), "{} {}", pattern, value);
    }
}

#[test]
fn long_values_are_looked_at_too() {
    let value = format!("{}ROBOT{}", "x".repeat(SHORT), "y".repeat(SHORT));
    assert!(folded(value.as_bytes(), |value| Wild::new("x*Robot*y").matches(value)));
    assert!(!folded(value.as_bytes(), |value| Wild::new("x*Robot").matches(value)));
}
