use super::*;
use crate::seal::SystemRandom;

fn six() -> CodeShape {
    CodeShape::new(6).unwrap()
}

fn read(typed: &str) -> String {
    match six().read(typed) {
        Typed::Code(code) => code.reveal().to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn o03_every_way_to_write_a_code_is_read_as_one() {
    for typed in [
        "123456",
        "123 456",
        "123-456",
        " 12 34 56 ",
        "123456\r\n",
        "123\u{a0}456",
        "123\u{2013}456",
        "１２３４５６",
        "١٢٣٤٥٦",
        "۱۲۳۴۵۶",
        "\u{200e}123456\u{200f}",
    ] {
        assert_eq!(read(typed), "123456", "{typed:?}");
    }
}

#[test]
fn o02_what_is_no_code_is_told_apart() {
    for (typed, what) in [
        ("", "Empty"),
        ("  ", "Empty"),
        ("1", "TooShort"),
        ("12345", "TooShort"),
        ("1234567", "TooLong"),
        ("12345a", "NotDigits"),
        ("null", "NotDigits"),
        ("[]", "NotDigits"),
        ("{}", "NotDigits"),
        ("1.2e5", "NotDigits"),
        ("+123456", "NotDigits"),
        ("0x1234", "NotDigits"),
    ] {
        assert_eq!(read(typed), what, "{typed:?}");
    }
    assert_eq!(read(&"1".repeat(10_000)), "NotDigits");
    assert_eq!(read(&"1".repeat(200)), "TooLong");
}

#[test]
fn o04_leading_zeroes_count() {
    assert_eq!(read("000004"), "000004");
    assert_eq!(read("4"), "TooShort");
}

#[test]
fn o17_a_code_does_not_show() {
    let Typed::Code(code) = six().read("135790") else { panic!("a code") };
    assert!(!format!("{code:?} {:?}", Typed::Code(code.clone())).contains("135790"));
}

/// O19: 10^6 codes' digits; chi-square over each position with 9 degrees of freedom stays far below the 10^-9
/// quantile (about 60), which a modulo bias of bytes would pass a hundredfold.
#[test]
fn o19_no_digit_is_likelier_than_another() {
    let random = SystemRandom::new();
    let mut seen = [[0_u32; 10]; 6];
    for _ in 0..200_000 {
        for (position, digit) in six().draw(&random).reveal().bytes().enumerate() {
            seen[position][usize::from(digit - b'0')] += 1;
        }
    }
    for counts in seen {
        let chi: f64 = counts.iter().map(|&n| (f64::from(n) - 20_000.0).powi(2) / 20_000.0).sum();
        assert!(chi < 60.0, "{counts:?}");
    }
}
