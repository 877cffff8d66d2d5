use super::*;

#[test]
fn h19_one_person_has_one_spelling() {
    let composed = Subject::parse("  Zoë ").unwrap();
    let decomposed = Subject::parse("Zoe\u{308}").unwrap();
    assert_eq!(composed, decomposed);
    assert_ne!(Subject::parse("Bob").unwrap(), Subject::parse("bob").unwrap(), "case is kept");
    assert_eq!(Subject::parse("Bob").unwrap().folded(), Subject::parse("bob").unwrap());
    assert_ne!(Subject::parse("bob").unwrap(), Subject::parse("b\u{43e}b").unwrap(), "a Cyrillic o is another letter");
}

#[test]
fn h18_what_cannot_be_a_subject_is_rejected() {
    assert_eq!(Subject::parse(" \t "), Err(BadSubject::Empty));
    assert_eq!(Subject::parse("a\0b"), Err(BadSubject::Control));
    assert_eq!(Subject::parse("a\r\nb"), Err(BadSubject::Control));
    assert_eq!(Subject::parse("bob\u{200b}"), Err(BadSubject::Control));
    assert_eq!(Subject::parse(&"x".repeat(257)), Err(BadSubject::TooLong));
    assert_eq!(Subject::parse(&"x".repeat(100_000)), Err(BadSubject::TooLong));
}
