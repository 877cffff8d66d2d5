use super::*;

fn english(name: &str, host: &str) -> SmsText {
    let says = |name: &str| Some(format!("{name}: code to open a protected page. Never share it: 123456"));
    compose(&SiteName::new(name, host), "123456", says).unwrap()
}

#[test]
fn u20_the_last_line_binds_the_code_to_the_host_exactly() {
    for (host, wanted) in [
        ("shop.example.com", Some("@shop.example.com #123456")),
        ("localhost", Some("@localhost #123456")),
        ("xn--caf-dma.example", Some("@xn--caf-dma.example #123456")),
        ("10.0.0.5", None),
        ("[2001:db8::1]", None),
    ] {
        let text = english("Shop", host).text;
        match wanted {
            Some(wanted) => assert!(text.ends_with(&format!("123456\n\n{wanted}")), "{text}"),
            None => assert!(!text.contains('\n') && !text.contains('@'), "a browser binds to names alone: {text}"),
        }
    }
}

#[test]
fn u20_a_long_name_gives_way_and_the_last_line_never_does() {
    let long = "The Very Long Name Of A Company Limited";
    let text = english(long, "shop.example.com");
    assert!(text.text.starts_with("The Very Long Name Of A Comp..: "), "at most {NAME} characters: {}", text.text);
    assert_eq!((text.unicode, text.parts), (false, 1));
    let host = format!("{}.example.com", "h".repeat(63));
    let cut = english("The Name Of A Company", &host);
    assert_eq!((cut.parts, measure(&cut.text).units), (1, 160), "{}", cut.text);
    assert!(cut.text.starts_with("The Name") && cut.text.contains("..: "), "{}", cut.text);
    let longer = format!("{}.example.com", "h".repeat(63) + "." + &"h".repeat(20));
    let two = english("The Name Of A Company", &longer);
    assert_eq!(two.parts, 2);
    assert!(two.text.starts_with("The Name Of A Company: ") && two.text.ends_with(&format!("@{longer} #123456")));
}

#[test]
fn u20_a_name_does_not_make_a_text_longer_than_its_letters_need() {
    for (name, wanted) in [
        ("Café Zürich [Nord]", "Café Zürich (Nord)"),
        ("Łódź", "shop.example.com"),
        ("Søn & Świat", "Søn & Swiat"),
        ("“Crêperie” – ‘Ça’…", "\"Creperie\" - 'Ça'..."),
        ("~|^{}\\`€", "( )"),
        ("マイショップ", "shop.example.com"),
    ] {
        let text = english(name, "shop.example.com");
        assert!(!text.unicode, "{}", text.text);
        if name.starts_with('~') {
            continue;
        }
        assert!(text.text.starts_with(&format!("{wanted}: ")), "{}", text.text);
    }
    let says = |name: &str| Some(format!("{name} コード 123456"));
    let site = SiteName::new("マイショップ [本店]", "shop.example.com");
    let text = compose(&site, "123456", says).unwrap();
    assert!(text.unicode && text.text.starts_with("マイショップ [本店] "), "as it is written: {}", text.text);
}

#[test]
fn what_is_too_long_is_told() {
    let long = |text: String| LongSms::of(&SmsText::of(text), "es", None);
    assert_eq!(long("a".repeat(160)), None);
    assert_eq!(long("a".repeat(161)).unwrap().to_string(), "2 parts in `es`, 1 character too many for one");
    assert_eq!(
        long(format!("código tú {}", "a".repeat(70))).unwrap().to_string(),
        "2 parts in `es`, 10 characters too many for one (`ó`, `ú` make it UCS-2, of which a part holds 70 instead of 160)"
    );
    assert_eq!(
        long("あいうえおかきくけこ".repeat(15)).unwrap().to_string(),
        "3 parts in `es`, 80 characters too many for one",
        "a text that cannot do without its letters"
    );
}
