use super::*;

#[test]
fn a_sender_is_a_number_or_a_short_name() {
    let number = |text: &str| Ok(Sender::Number(text.to_owned()));
    let name = |text: &str| Ok(Sender::Name(text.to_owned()));
    for (text, wanted) in [
        ("+60123456789", number("60123456789")),
        (" 60123456789 ", number("60123456789")),
        ("12345", number("12345")),
        ("Example", name("Example")),
        ("My Shop 24", name("My Shop 24")),
        ("4you", name("4you")),
        ("Example Shop", Err(BadSender)),
        ("+1", Err(BadSender)),
        ("+Shop", Err(BadSender)),
        ("1234567890123456", Err(BadSender)),
        ("Café", Err(BadSender)),
        ("Shop\n", name("Shop")),
        ("Sh\nop", Err(BadSender)),
        ("  ", Err(BadSender)),
        ("", Err(BadSender)),
    ] {
        assert_eq!(text.parse::<Sender>(), wanted, "{text}");
    }
}

#[test]
fn a_call_comes_from_a_number_only() {
    let caller = |text: &str| text.parse::<Sender>().unwrap().caller().map(str::to_owned);
    assert_eq!(caller("+60123456789").as_deref(), Some("60123456789"));
    assert_eq!((caller("12345"), caller("Shop")), (None, None));
}
