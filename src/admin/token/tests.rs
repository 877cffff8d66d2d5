use super::*;

const TOKEN: &str = "correct-horse-battery";

#[test]
fn a_token_is_long_enough_and_can_stand_in_a_header() {
    assert_eq!(AdminToken::parse("").unwrap_err(), BadToken::Short);
    assert_eq!(AdminToken::parse("fifteen-letters").unwrap_err(), BadToken::Short);
    assert!(AdminToken::parse("sixteen-letters!").is_ok());
    for bad in ["correct horse battery", "correct-horse-battery\n", "correct\thorse-battery", "pässword-pässword-pä"]
    {
        assert_eq!(AdminToken::parse(bad).unwrap_err(), BadToken::Character, "{bad:?}");
    }
}

#[test]
fn only_the_whole_token_is_the_token() {
    let token = AdminToken::parse(TOKEN).unwrap();
    assert!(token.is(TOKEN.as_bytes()));
    for wrong in ["", "correct-horse-batterY", "correct-horse-batter", "correct-horse-battery ", "x"] {
        assert!(!token.is(wrong.as_bytes()), "{wrong:?}");
    }
}

#[test]
fn i9_a_token_is_in_no_output() {
    let token = AdminToken::parse(TOKEN).unwrap();
    assert!(!format!("{token:?}").contains("horse"));
    let short = AdminToken::parse("hunter2").unwrap_err();
    assert!(!format!("{short} {short:?}").contains("hunter2"));
}
