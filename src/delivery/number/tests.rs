use super::*;

fn facts(number: &str) -> (String, PhoneKind) {
    let facts = Numbers::new().facts(&PhoneNumber::parse(number).unwrap());
    (facts.country.map(|country| country.to_string()).unwrap_or_default(), facts.kind)
}

#[test]
fn a_number_tells_its_country_and_its_kind() {
    for (number, country, kind) in [
        ("+60123456789", "MY", PhoneKind::Mobile),
        ("+6561234567", "SG", PhoneKind::FixedLine),
        ("+390669812345", "VA", PhoneKind::FixedLine),
        ("+393331234567", "IT", PhoneKind::Mobile),
        ("+77011234567", "KZ", PhoneKind::Mobile),
        ("+79161234567", "RU", PhoneKind::Mobile),
        ("+14155550100", "US", PhoneKind::FixedLineOrMobile),
        ("+14165550123", "CA", PhoneKind::FixedLineOrMobile),
        ("+525512345678", "MX", PhoneKind::FixedLineOrMobile),
        ("+18005550100", "US", PhoneKind::TollFree),
        ("+443069990000", "GB", PhoneKind::Uan),
        // Possible, and in no known range: the country's, where the calling code is one country's alone.
        ("+60312345678", "MY", PhoneKind::Unlisted),
        ("+447700900123", "", PhoneKind::Unlisted),
        ("+12005551234", "", PhoneKind::Unlisted),
        // The Bahamas have 242 of +1 for themselves.
        ("+12421234567", "BS", PhoneKind::Unlisted),
    ] {
        assert_eq!(facts(number), (country.to_owned(), kind), "{number}");
    }
}

#[test]
fn d02_what_nobody_carries_about_is_told_apart() {
    for (number, kind) in [
        ("+19005550123", PhoneKind::Premium),
        ("+33899123456", PhoneKind::Premium),
        ("+979123456789", PhoneKind::Premium),
        ("+61131234", PhoneKind::SharedCost),
        ("+447012345678", PhoneKind::Personal),
        ("+8816123456789", PhoneKind::Satellite),
        ("+870773112345", PhoneKind::Satellite),
        ("+88213123456", PhoneKind::Satellite),
        ("+883510012345678", PhoneKind::Satellite),
        ("+12345678", PhoneKind::Unknown),
        ("+9991234567", PhoneKind::Unknown),
        ("+601234567890123", PhoneKind::Unknown),
    ] {
        assert_eq!(facts(number).1, kind, "{number}");
        assert!(!kind.takes(Channel::Sms) && !kind.takes(Channel::Voice));
    }
}

#[test]
fn i4_one_telephone_has_one_spelling() {
    assert_eq!(facts("+447911123456").1, PhoneKind::Mobile);
    assert_eq!(facts("+4407911123456").1, PhoneKind::Unknown, "its trunk digit is none of E.164");
    assert_eq!(facts("+5215512345678").1, PhoneKind::Unknown, "Mexico dropped this digit in 2019");
}

#[test]
fn a_fixed_line_takes_calls_and_no_texts() {
    for kind in [PhoneKind::FixedLine, PhoneKind::TollFree, PhoneKind::Uan] {
        assert!(!kind.takes(Channel::Sms) && kind.takes(Channel::Voice));
    }
    for kind in [PhoneKind::Mobile, PhoneKind::FixedLineOrMobile, PhoneKind::Voip] {
        assert!(kind.takes(Channel::Sms) && kind.takes(Channel::Voice));
    }
}

#[test]
fn a_country_without_numbers_is_none() {
    for (country, wanted) in [("MY", true), ("GB", true), ("XK", true), ("UK", false), ("ZZ", false)] {
        assert_eq!(has_numbers(country.parse().unwrap()), wanted, "{country}");
    }
    warm_up(&["MY".parse().unwrap(), "UK".parse().unwrap()]);
}
