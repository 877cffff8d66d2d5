use super::*;

fn name(text: &str) -> String {
    SiteName::new(text, "shop.example.com").name().to_owned()
}

#[test]
fn o35_a_site_name_is_one_line_without_links_and_codes() {
    for (given, wanted) in [
        ("Example Shop", "Example Shop"),
        ("  Example \t Shop ", "Example Shop"),
        ("Shop\r\nBcc: x@example.org", "Shop Bcc: x@example.org"),
        ("Shop\u{2028}\u{202e}\u{200b}x", "Shop x"),
        ("Shop https://evil.example/pay", "Shop https evil.example/pay"),
        ("Code 654321 Shop", "Code … Shop"),
        ("Call 0800 123-456 now", "Call … now"),
        ("Code 654321 Shop", "Code … Shop"),
        ("\u{61c}Shop\u{e0031}\u{e000}\u{2066}", "Shop"),
        ("Studio 54", "Studio 54"),
        ("Since 1984 - 2024", "Since …"),
        ("Route 66, exit 7", "Route 66, exit 7"),
        ("マイショップ", "マイショップ"),
        ("*.shop.example.com", "shop.example.com"),
        ("", "shop.example.com"),
        ("\u{200b}\r\n", "shop.example.com"),
    ] {
        assert_eq!(name(given), wanted, "{given:?}");
    }
    let long = name(&"Long Name ".repeat(1000));
    assert_eq!(long.chars().count(), SiteName::MAX);
    assert!(long.ends_with('…'));
}

#[test]
fn o35_a_host_name_has_the_letters_of_host_names_alone() {
    assert_eq!(SiteName::new("x", "shop.example.com").host(), "shop.example.com");
    assert_eq!(SiteName::new("x", "[2001:db8::1]").host(), "[2001:db8::1]");
    assert_eq!(SiteName::new("x", "a\r\nb /#@é").host(), "ab");
}
