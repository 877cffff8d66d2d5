use super::*;

fn page(to: &str) -> Page {
    Page { id: "otp-1".into(), link: "https://otp.dev/x".into(), secret: "s3cr3t".into(), to: to.into() }
}

fn report(id: &str, secret: &str, addresses: &[&str]) -> PageReport {
    let addresses = addresses.iter().map(|&address| address.to_owned()).collect();
    let message = MessageId::from_random([1; 16]);
    PageReport { message, id: id.into(), secret: secret.into(), is_proved: true, addresses }
}

#[test]
fn a_report_is_believed_from_who_knows_the_secret() {
    let page = page("+60123456789");
    assert!(page.is_told_by(&report("otp-1", "s3cr3t", &[])));
    for (id, secret) in [("otp-2", "s3cr3t"), ("otp-1", "s3cr3T"), ("otp-1", ""), ("", "s3cr3t"), ("otp-1", "s3cr3t ")]
    {
        assert!(!page.is_told_by(&report(id, secret, &[])), "{id} {secret}");
    }
    assert!(!format!("{page:?} {:?}", report("otp-1", "s3cr3t", &["+60123456789"])).contains("s3cr"), "I9");
}

/// Whoever types another address on the provider's page has proved that one.
#[test]
fn what_was_proved_is_what_was_chosen() {
    let is_of = |to: &str, addresses: &[&str]| page(to).is_of(&report("otp-1", "s3cr3t", addresses));
    assert!(is_of("+60123456789", &["+60123456789"]));
    assert!(is_of("+60123456789", &["60123456789", "+60 12-345 6789"]));
    assert!(is_of("Alice@example.com", &["alice@EXAMPLE.com"]));
    for addresses in [
        &[][..],
        &[""],
        &["+60123456780"],
        &["+60123456789", "+60123456780"],
        &["0123456789"],
        &["alice@example.com"],
        &["+60123456789,+60123456780"],
    ] {
        assert!(!is_of("+60123456789", addresses), "{addresses:?}");
    }
    assert!(!is_of("alice@example.com", &["alice@example.com.evil.example"]));
    assert!(!is_of("alice@example.com", &["bob@example.com"]));
}

#[test]
fn a_link_leads_into_the_web() {
    for bad in ["javascript:alert(1)", "data:text/html,x", "/x", "", "https:", "file:///etc/passwd"] {
        assert!(checked_link(bad).is_err(), "{bad}");
    }
    assert_eq!(checked_link("https://otp.dev/v/1?a=\"><b").unwrap(), "https://otp.dev/v/1?a=%22%3E%3Cb");
}
