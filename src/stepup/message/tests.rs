use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

use super::*;
use crate::challenge::Asked;
use crate::words::Subject;

#[test]
fn o35_a_visitor_does_not_choose_the_host_that_a_message_names() {
    let hosts = [HostPattern::new("shop.example.com"), HostPattern::new("*.stores.example.com")];
    for (asked, wanted) in [
        ("shop.example.com", "shop.example.com"),
        ("call-0800123456.stores.example.com", "stores.example.com"),
        ("a.b.stores.example.com", "stores.example.com"),
        ("elsewhere.example", "shop.example.com"),
    ] {
        assert_eq!(own_host(&hosts, asked), wanted);
    }
    assert_eq!(own_host(&[], "x"), "");
}

#[test]
fn the_language_of_the_directory_comes_before_the_browsers() {
    let told = |directory: Option<&str>, browser: &str| {
        let subject = Subject::parse("alice").unwrap();
        let mut particulars = Particulars::of(&subject, "account", Asked::Page);
        particulars.language = directory.map(|language| language.parse().unwrap());
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, browser.parse().unwrap());
        language(&particulars, &headers).map(|language| language.to_string())
    };
    assert_eq!(told(Some("de-AT"), "fr").as_deref(), Some("de-at"));
    assert_eq!(told(None, "pl, fr;q=0.1").as_deref(), Some("fr"));
    assert_eq!(told(Some("pl"), "fr").as_deref(), Some("fr"), "there are no messages in Polish");
    assert_eq!(told(Some("pl"), "uk"), None);
}

/// A gateway that was upgraded reads the challenges that were opened before.
#[test]
fn particulars_without_a_language_are_read() {
    let particulars = Particulars::of(&Subject::parse("alice").unwrap(), "account", Asked::Page);
    let mut json: serde_json::Value = serde_json::from_slice(&particulars.encode()).unwrap();
    assert!(json.as_object_mut().unwrap().remove("language").is_some());
    assert_eq!(Particulars::decode(json.to_string().as_bytes()), Some(particulars));
}
