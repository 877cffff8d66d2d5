use super::*;
use crate::delivery::SiteName;
use crate::seal::Code;
use crate::words::{Channel, Contact, Reference};

fn message(name: &str, host: &str, aim: Aim, code: &[u8]) -> Message {
    Message {
        to: Contact::parse(Channel::Sms, "+60123456789").unwrap(),
        code: Code::unsealed(code).unwrap(),
        site: SiteName::new(name, host),
        aim,
        expires_in: Duration::from_millis(299_980),
        reference: Reference::from_random([7; 5]),
        language: None,
        client: Some("2001:db8::7".parse().unwrap()),
    }
}

/// The basic letters of the GSM 7-bit alphabet that we write (3GPP TS 23.038, 6.2.1).
fn is_gsm(c: char) -> bool {
    matches!(c, '\n' | ' '..='Z' | '_' | 'a'..='z') && c != '`' || "àéùìòèÇØøÅåÆæßÉÄÖÑÜäöñü£¥§".contains(c)
}

#[test]
fn u20_an_sms_names_the_site_first_and_ends_in_the_line_that_binds_it() {
    assert_eq!(
        sms(&message("Example Shop", "shop.example.com", Aim::Confirm, b"123456")),
        "Example Shop: code to confirm a request. Never share it. It works for 5 minutes: 123456\n\n@shop.example.com #123456"
    );
    assert_eq!(
        sms(&message("Shop", "10.0.0.5", Aim::Open, b"123456")),
        "Shop: code to open a protected page. Never share it. It works for 5 minutes: 123456",
        "a browser binds to names alone"
    );
}

#[test]
fn u20_an_sms_is_one_sms() {
    let long_host = format!("{}.example.com", "very-long-label.".repeat(12).trim_end_matches('.'));
    for name in [
        "Shop",
        "Café Zürich [Nord]",
        "マイショップ",
        "Łódź & Søn",
        "The Very Long Name Of A Company Limited",
        "~|^{}\\€`",
    ] {
        for host in ["s.example", "shop.a-rather-long-name-of-a-company.example.com", &long_host, "[2001:db8::1]"] {
            for aim in [Aim::Open, Aim::Confirm, Aim::Prove] {
                for code in [&b"123456"[..], b"1234567890"] {
                    let text = sms(&message(name, host, aim, code));
                    assert!(text.chars().all(is_gsm), "{text}");
                    assert!(text.chars().count() <= 160, "{} {text}", text.len());
                    let last = text.lines().last().unwrap();
                    let bound = format!("@{host} #{}", String::from_utf8_lossy(code));
                    assert!(last == bound || text.lines().count() == 1, "{text}");
                    assert!(!text.starts_with(':'), "{text}");
                }
            }
        }
    }
}

#[test]
fn u22_a_call_says_the_digits_one_by_one_and_twice() {
    let said = speech(&message("Example Shop", "shop.example.com", Aim::Open, b"120456")).to_string();
    assert_eq!(said.matches("1, 2, 0, 4, 5, 6.").count(), 2);
    assert!(said.starts_with("Hello. This is Example Shop"));
    assert!(!said.contains("120456"));
}

#[test]
fn u21_an_email_has_the_code_alone_on_a_line_and_not_in_its_subject() {
    for aim in [Aim::Open, Aim::Confirm, Aim::Prove] {
        let email = email(&message("Example Shop", "shop.example.com", aim, b"123456")).unwrap();
        assert!(email.subject.contains("Example Shop") && !email.subject.contains("123456"));
        assert_eq!(email.text.lines().filter(|line| *line == "123456").count(), 1, "{}", email.text);
        assert_eq!(email.html.matches(">123456<").count(), 1);
        for part in [&email.text, &email.html] {
            assert!(part.contains("5 minutes") && part.contains("If this was not you"), "{part}");
            assert!(part.contains("shop.example.com") && part.contains("2001:db8::7"), "{part}");
            assert!(part.contains(&Reference::from_random([7; 5]).to_string()), "{part}");
            assert!(
                !part.contains("http") && !part.contains("src=") && !part.contains("url("),
                "nothing is fetched: {part}"
            );
        }
        assert!(!email.text.contains("\n\n\n") && !email.text.contains("{%"), "{}", email.text);
    }
    let mut quiet = message("Example Shop", "shop.example.com", Aim::Open, b"123456");
    quiet.client = None;
    assert!(!email(&quiet).unwrap().text.contains("network address"));
}

#[test]
fn a_name_cannot_write_html() {
    let email = email(&message("<img src=x>&\"'", "shop.example.com", Aim::Open, b"123456")).unwrap();
    assert!(!email.html.contains("<img"));
    assert!(email.text.contains("<img src=x>&\"'"));
}

#[test]
fn a_duration_is_never_told_longer_than_it_is() {
    for (millis, wanted) in [
        (299_980, "5 minutes"),
        (300_000, "5 minutes"),
        (298_900, "4 minutes"),
        (60_000, "1 minute"),
        (59_000, "59 seconds"),
        (1, "1 second"),
        (0, "0 seconds"),
        (7_199_000, "119 minutes"),
        (7_200_000, "2 hours"),
    ] {
        assert_eq!(in_words(Duration::from_millis(millis)), wanted);
    }
}
