use super::*;

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
