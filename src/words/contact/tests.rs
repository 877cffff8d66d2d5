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

#[test]
fn a_number_is_read_as_it_is_dialled_in_its_country() {
    for (country, text, wanted) in [
        // With the prefix of long-distance calls, and without where the plan lets it be left out.
        ("MY", "012-345 6789", "+60123456789"),
        ("MY", "12 345 6789", "+60123456789"),
        ("GB", "(020) 7946 0958", "+442079460958"),
        ("DE", "0151/23456789", "+4915123456789"),
        ("US", "1 (415) 555-2671", "+14155552671"),
        ("US", "415.555.2671", "+14155552671"),
        ("RU", "8 912 345-67-89", "+79123456789"),
        ("HU", "06 20 123 4567", "+36201234567"),
        ("SG", "9123 4567", "+6591234567"),
        // Italy dials its zero from abroad, too.
        ("IT", "06 698 12345", "+390669812345"),
        ("IT", "312 345 6789", "+393123456789"),
        // Argentina's mobile telephones have a 9 from abroad, and a 15 at home.
        ("AR", "011 15-2345-6789", "+5491123456789"),
        ("MX", "55 1234 5678", "+525512345678"),
        // The prefix that is dialled for abroad.
        ("MY", "00 44 20 7946 0958", "+442079460958"),
        ("US", "011 60 12 345 6789", "+60123456789"),
        ("JP", "010 1 415 555 2671", "+14155552671"),
        // The country code without its plus.
        ("MY", "60123456789", "+60123456789"),
        // Digits of other scripts, and spaces that do not break.
        ("EG", "٠١٠٠١٢٣٤٥٦٧", "+201001234567"),
        ("JP", "０９０-１２３４-５６７８", "+819012345678"),
        ("FR", "06\u{a0}12\u{a0}34\u{a0}56\u{a0}78", "+33612345678"),
        // With a plus the country says nothing.
        ("US", "+60 12-345 6789", "+60123456789"),
    ] {
        let contact = Contact::parse_in(Channel::Sms, text, Some(country.parse().unwrap()));
        assert_eq!(contact.as_ref().map(Contact::reveal), Ok(wanted), "{text} in {country}");
    }
    assert_eq!(Contact::parse_in(Channel::Sms, "012-345 6789", None), Err(BadContact::Phone));
}

#[test]
fn d02_what_is_no_whole_number_of_a_plan_is_refused() {
    for (country, text) in [
        ("US", ""),
        ("US", "911"),
        ("US", "22000"),
        ("US", "415 555 2671 ext. 5"),
        ("US", "415 555 2671 x5"),
        ("US", "415 555 2671;ext=5"),
        ("US", "415 555 2671 #5"),
        ("US", "415 555 2671, 5"),
        ("US", "1-800-FLOWERS"),
        ("US", "tel:415-555-2671"),
        ("US", "415-555-2671;phone-context=+44"),
        ("US", "123 456 7890"),
        ("US", "4155552671 4155552672"),
        ("GB", "7946 0958"),
        ("GB", "0000000000"),
        ("MY", "0123"),
        ("MY", "＋60123456789"),
        // A code that no country has: nobody is there.
        ("ZZ", "0123456789"),
        ("UK", "020 7946 0958"),
    ] {
        let contact = Contact::parse_in(Channel::Voice, text, Some(country.parse().unwrap()));
        assert_eq!(contact, Err(BadContact::Phone), "{text} in {country}");
    }
    let long = "0".repeat(100_000);
    assert!(Contact::parse_in(Channel::Sms, &long, Some("US".parse().unwrap())).is_err());
    let email = Contact::parse_in(Channel::Email, "a@b.example", Some("US".parse().unwrap()));
    assert_eq!(email.as_ref().map(Contact::reveal), Ok("a@b.example"));
}
