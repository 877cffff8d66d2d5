use super::*;

#[test]
fn d05_an_address_cannot_add_a_header_or_a_recipient() {
    for bad in [
        "",
        "a",
        "@",
        "a@",
        "@b",
        "a@b@c",
        "a b@c.d",
        "a@b,c@d",
        "a@b\r\nBcc: x@y.z",
        "a@b.c\n",
        "\"a b\"@c.d",
        "<a@b.c>",
        "a@b..c",
        "a@.b",
        "a@b.",
        ".a@b.c",
        "a..b@c.d",
        "a@-b.c",
        "a\0@b.c",
        "a@b.c;d@e.f",
    ] {
        let parsed = EmailAddress::parse(bad);
        let trimmed_is_fine = EmailAddress::parse(bad.trim()).is_ok() && bad.trim() != bad;
        assert!(parsed.is_err() || trimmed_is_fine, "{bad:?}");
    }
    assert!(EmailAddress::parse("first.last+tag@mail.example.com").is_ok());
}

#[test]
fn a_phone_number_is_e164_whatever_its_punctuation() {
    assert_eq!(PhoneNumber::parse("+60 12-345 6789").unwrap().reveal(), "+60123456789");
    for bad in ["", "+", "60123456789", "+0123456789", "+123", "+1234567890123456", "+60x23456789", "++6012345678"] {
        assert!(PhoneNumber::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn the_calling_code_is_the_longest_assigned() {
    for (number, code) in
        [("+14155550100", "1"), ("+60123456789", "60"), ("+35312345678", "353"), ("+79161234567", "7")]
    {
        assert_eq!(PhoneNumber::parse(number).unwrap().calling_code(), code);
    }
}

#[test]
fn o24_a_mask_tells_nothing_by_its_length() {
    let mask = |text: &str| Contact::parse(Channel::Sms, text).unwrap().masked();
    assert_eq!(mask("+60123456734"), "+** *** **34");
    assert_eq!(mask("+1415555").len(), mask("+141555501001").len());
    let mail = Contact::parse(Channel::Email, "alice@example.com").unwrap();
    assert_eq!(mail.masked(), "a***@e***.com");
    assert!(!format!("{mail:?}").contains("alice"));
}
