use super::*;

#[test]
fn reads_what_people_type() {
    for (typed, cents) in
        [("25", 2500), ("25.5", 2550), ("25.05", 2505), (" 0.01 ", 1), ("007", 700), ("9999999.99", 999_999_999)]
    {
        assert_eq!(typed.parse(), Ok(Cents(cents)), "{typed:?}");
    }
}

#[test]
fn refuses_what_is_no_amount() {
    for typed in ["", " ", ".", "1.", ".5", "-1", "+1", "1,50", "1e3", "1.234", "٣", "1.2.3"] {
        assert_eq!(typed.parse::<Cents>(), Err(AmountError::Malformed), "{typed:?}");
    }
    assert_eq!("0.00".parse::<Cents>(), Err(AmountError::Zero));
    for typed in ["10000000", "99999999999999999999999999"] {
        assert_eq!(typed.parse::<Cents>(), Err(AmountError::TooLarge), "{typed:?}");
    }
}

#[test]
fn shows_two_places() {
    assert_eq!(Cents(5).to_string(), "0.05");
    assert_eq!(Cents(123_450).to_string(), "1234.50");
}
