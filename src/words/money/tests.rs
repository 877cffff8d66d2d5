use super::{Amount, Currency};

#[test]
fn amounts_are_read_exactly_and_never_too_low() {
    for (text, millionths) in
        [("0.0083", 8_300), ("50.00", 50_000_000), (".5", 500_000), ("3", 3_000_000), ("0.0000001", 1)]
    {
        assert_eq!(text.parse::<Amount>().map(Amount::millionths), Ok(millionths), "{text}");
    }
    for text in ["", ".", "-1", "1e3", "1,5", "1000000000", "1.2.3", "0x1", "٣"] {
        assert!(text.parse::<Amount>().is_err(), "{text}");
    }
}

#[test]
fn amounts_are_shown_as_people_write_them() {
    for (millionths, text) in [(8_300, "0.0083"), (12_500_000, "12.50"), (0, "0.00"), (1, "0.000001")] {
        assert_eq!(Amount::from_millionths(millionths).to_string(), text);
    }
}

#[test]
fn a_currency_is_three_letters() {
    assert_eq!("eur".parse::<Currency>().map(|currency| currency.to_string()), Ok("EUR".to_owned()));
    assert!("EURO".parse::<Currency>().is_err());
    assert!("€".parse::<Currency>().is_err());
}
