use proptest::prelude::*;

use super::*;

#[track_caller]
fn authority(raw: &str) -> Authority {
    Authority::parse(raw.as_bytes()).unwrap_or_else(|error| panic!("{raw:?}: {error}"))
}

#[test]
fn p18_spellings_of_one_host_are_one_host() {
    for raw in [
        "admin.example.com",
        "ADMIN.example.com",
        "admin.example.com.",
        "Admin.Example.COM.:443",
        "admin.example.com:443",
    ] {
        assert_eq!(authority(raw).host(), "admin.example.com", "{raw}");
    }
    assert_eq!(authority("a.example:8443").port(), Some(8443));
    assert_eq!(authority("a.example").port(), None);
    assert_eq!(authority("a.example").port_or_default(Scheme::Https), 443);
    assert_eq!(authority("a.example").port_or_default(Scheme::Http), 80);
}

#[test]
fn addresses_and_inner_names_are_hosts() {
    assert_eq!(authority("[::1]:8080").host(), "[::1]");
    assert_eq!(authority("[::1]:8080").port(), Some(8080));
    assert_eq!(authority("[0:0:0:0:0:0:0:1]").host(), "[::1]");
    assert_eq!(authority("[2001:DB8::A]").host(), "[2001:db8::a]");
    assert_eq!(authority("127.0.0.1:80").host(), "127.0.0.1");
    assert_eq!(authority("localhost").host(), "localhost");
    assert_eq!(authority("my_app.internal").host(), "my_app.internal");
    assert_eq!(authority("xn--bcher-kva.example").host(), "xn--bcher-kva.example");
}

#[test]
fn h13_p18_p19_bad_hosts_are_refused() {
    let cases: &[(&[u8], BadHost)] = &[
        (b"", BadHost::Empty),
        (b":80", BadHost::Empty),
        (b".", BadHost::Empty),
        (b"a example", BadHost::Name),
        (b" a.example", BadHost::Name),
        (b"user@a.example", BadHost::Name),
        (b"a.example/admin", BadHost::Name),
        (b"a.example\\admin", BadHost::Name),
        (b"a.example\r\nX: y", BadHost::Name),
        (b"a.example?x", BadHost::Name),
        (b"a.example#x", BadHost::Name),
        (b"a.example,b.example", BadHost::Name),
        (b"a..example", BadHost::Name),
        (b"a.example..", BadHost::Name),
        (b".a.example", BadHost::Name),
        (b"-a.example", BadHost::Name),
        (b"xn--example-.org", BadHost::Name),
        ("a\u{3002}example".as_bytes(), BadHost::Name),
        ("b\u{fc}cher.example".as_bytes(), BadHost::Name),
        (b"\xff.example", BadHost::Name),
        (b"a%2eexample", BadHost::Name),
        (b"[::1", BadHost::Name),
        (b"[::1]x", BadHost::Name),
        (b"[fe80::1%25eth0]", BadHost::Name),
        (b"[127.0.0.1]", BadHost::Name),
        (b"::1", BadHost::Empty),
        (b"a.example:99999", BadHost::Port),
        (b"a.example:65536", BadHost::Port),
        (b"a.example:0", BadHost::Port),
        (b"a.example:080", BadHost::Port),
        (b"a.example:", BadHost::Port),
        (b"a.example:+80", BadHost::Port),
        (b"a.example:80x", BadHost::Port),
        (b"a.example:80:80", BadHost::Port),
        (b"[::1]:", BadHost::Port),
    ];
    for (raw, why) in cases {
        let shown = String::from_utf8_lossy(raw);
        assert_eq!(Authority::parse(raw), Err(*why), "{shown:?}");
    }
    let long = format!("{}.example", "a".repeat(64));
    assert_eq!(Authority::parse(long.as_bytes()), Err(BadHost::Name));
    let long = "a.".repeat(127);
    assert_eq!(Authority::parse(format!("{long}a").as_bytes()), Err(BadHost::Name));
}

#[test]
fn shown_it_is_the_host_header_to_forward() {
    for (raw, shown) in [("A.example.:8443", "a.example:8443"), ("a.example", "a.example"), ("[::1]:80", "[::1]:80")] {
        assert_eq!(authority(raw).to_string(), shown);
    }
}

#[test]
fn an_origin_is_the_requests_own_by_scheme_host_and_port() {
    let is_own = |origin: &str, scheme, asked: &str| {
        Origin::parse(origin.as_bytes()).is_some_and(|origin| origin.is(scheme, &authority(asked)))
    };
    let https = Scheme::Https;
    assert!(is_own("https://shop.example", https, "shop.example"));
    assert!(is_own("https://SHOP.example", https, "shop.example:443"));
    assert!(is_own("https://shop.example:443", https, "shop.example"));
    assert!(is_own("https://shop.example:8443", https, "shop.example:8443"));
    assert!(is_own("http://[::1]:80", Scheme::Http, "[::1]"));
    for foreign in [
        "null",
        "",
        "https://shop.example:8443",
        "http://shop.example",
        "http://shop.example:443",
        "https://shop.example.evil.example",
        "https://evilshop.example",
        "https://shop.example@evil.example",
        "https://shop.example/",
        "shop.example",
        "moz-extension://shop.example",
        "https:shop.example",
    ] {
        assert!(!is_own(foreign, https, "shop.example"), "{foreign}");
    }
}

proptest! {
    #[test]
    fn a_host_that_was_read_reads_the_same_again(raw in "[a-zA-Z0-9._:\\[\\]@/ -]{0,20}") {
        if let Ok(first) = Authority::parse(raw.as_bytes()) {
            prop_assert_eq!(Authority::parse(first.to_string().as_bytes()), Ok(first));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(raw: Vec<u8>) {
        let _ = Authority::parse(&raw);
        let _ = Origin::parse(&raw);
    }
}
