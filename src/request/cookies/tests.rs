use proptest::prelude::*;

use super::*;

const GRANT: OwnCookie = OwnCookie::named("grant");

fn cookies(lines: &[&str]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for line in lines {
        map.append(COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
    }
    map
}

fn forwarded(lines: &[&str]) -> UpstreamCookies {
    for_upstream(&cookies(lines))
}

fn line(text: &str) -> UpstreamCookies {
    UpstreamCookies::Line(HeaderValue::from_str(text).unwrap())
}

#[test]
fn a_cookie_is_found_over_its_own_scheme_only() {
    let map = cookies(&["a=1; __Host-otpgate_grant=secure; otpgate_grant=plain"]);
    assert_eq!(GRANT.find(&map, Scheme::Https), Some("secure"));
    assert_eq!(GRANT.find(&map, Scheme::Http), Some("plain"));
    let map = cookies(&["otpgate_grant=plain"]);
    assert_eq!(GRANT.find(&map, Scheme::Https), None, "C13");
    let map = cookies(&["a=1", "b=2; __Host-otpgate_grant=x"]);
    assert_eq!(GRANT.find(&map, Scheme::Https), Some("x"), "HTTP/2 crumbs");
    let map = cookies(&["__host-otpgate_grant=x; __Host-otpgate_grants=y"]);
    assert_eq!(GRANT.find(&map, Scheme::Https), None, "another name");
}

#[test]
fn c03_the_same_name_twice_means_neither() {
    for lines in [
        &["__Host-otpgate_grant=a; __Host-otpgate_grant=b"][..],
        &["__Host-otpgate_grant=a", "__Host-otpgate_grant=b"],
        &["__Host-otpgate_grant=a; __Host-otpgate_grant=a"],
        &["__Host-otpgate_grant=a;__Host-otpgate_grant =b"],
        &["__Host-otpgate_grant=a; __Host-otpgate_grant"],
    ] {
        assert_eq!(GRANT.find(&cookies(lines), Scheme::Https), None, "{lines:?}");
    }
    assert_eq!(find(&cookies(&["PHPSESSID=a; x=y"]), "PHPSESSID"), Some("a"));
    assert_eq!(find(&cookies(&["PHPSESSID=a; PHPSESSID=b"]), "PHPSESSID"), None);
    assert_eq!(find(&cookies(&["phpsessid=a"]), "PHPSESSID"), None);
    assert_eq!(find(&cookies(&["a=b=c"]), "a"), Some("b=c"));
    assert_eq!(find(&cookies(&[]), "a"), None);
}

#[test]
fn c06_cookies_of_the_application_pass_untouched() {
    for lines in
        [&[][..], &["a=1"], &["a=1;b=2;  c=\"x y\"; d; =e;; f=%20"], &["otpgat=1; xotpgate_a=2; __Host-other=3"]]
    {
        assert_eq!(forwarded(lines), UpstreamCookies::AsSent, "{lines:?}");
    }
}

#[test]
fn c06_the_gateways_own_are_removed_and_the_rest_keeps_bytes_and_order() {
    for (sent, kept) in [
        ("a=1; __Host-otpgate_grant=x; b=2", "a=1; b=2"),
        ("__Host-otpgate_grant=x; a=1;b=2", "a=1;b=2"),
        ("a=1;  b=\"q\"; otpgate_challenge=x", "a=1;  b=\"q\""),
        ("otpgate_a=1; OTPGATE_b=2; __HOST-OTPGATE_c=3; z=\u{e9}", "z=\u{e9}"),
        ("a=1;otpgate_x;b=2", "a=1;b=2"),
        ("a=1; otpgate_x=1; b=2; otpgate_y=2; c=3", "a=1; b=2; c=3"),
    ] {
        let kept = HeaderValue::from_bytes(kept.as_bytes()).unwrap();
        assert_eq!(forwarded(&[sent]), UpstreamCookies::Line(kept), "{sent}");
    }
    assert_eq!(forwarded(&["otpgate_grant=x"]), UpstreamCookies::None);
    assert_eq!(forwarded(&["otpgate_grant=x", "__Host-otpgate_x=y"]), UpstreamCookies::None);
}

#[test]
fn c06_the_crumbs_of_http2_become_one_line() {
    assert_eq!(forwarded(&["a=1", "b=2"]), line("a=1; b=2"));
    assert_eq!(forwarded(&["a=1", "otpgate_grant=x", "b=2; c=3"]), line("a=1; b=2; c=3"));
    assert_eq!(forwarded(&["__Host-otpgate_grant=x", "b=2"]), line("b=2"));
}

#[test]
fn h24_an_upstream_cannot_set_a_cookie_of_the_gateway() {
    let answer = |lines: &[&'static str]| {
        let mut map = HeaderMap::new();
        for line in lines {
            map.append(SET_COOKIE, HeaderValue::from_static(line));
        }
        set_cookies_for_client(&map)
    };
    assert_eq!(answer(&[]), None);
    assert_eq!(answer(&["a=1; Path=/", "b=otpgate_x=1"]), None);
    for forged in [
        "otpgate_grant=x; Path=/",
        "__Host-otpgate_grant=x; Secure; Path=/",
        " OTPGATE_grant =x",
        "__host-OTPGATE_grant=x",
        "=otpgate_grant=x",
        "= otpgate_grant=x",
        "otpgate_grant",
    ] {
        let kept = answer(&["a=1", forged, "b=2"]);
        assert_eq!(kept, Some(vec![HeaderValue::from_static("a=1"), HeaderValue::from_static("b=2")]), "{forged}");
    }
}

#[test]
fn cookies_are_set_as_the_design_says() {
    let set = |scheme, max_age| GRANT.set(scheme, "v1.abc_-", max_age).unwrap();
    assert_eq!(
        set(Scheme::Https, Some(Duration::from_secs(900))),
        "__Host-otpgate_grant=v1.abc_-; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=900"
    );
    assert_eq!(set(Scheme::Http, None), "otpgate_grant=v1.abc_-; Path=/; HttpOnly; SameSite=Lax");
    assert_eq!(GRANT.clear(Scheme::Http).unwrap(), "otpgate_grant=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    for bad in ["a;b", "a b", "a\"", "a,b", "a\\b", "a\r\nb", "\u{e9}"] {
        assert_eq!(GRANT.set(Scheme::Https, bad, None), Err(BadCookieValue), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn c06_nothing_of_the_gateway_is_left_and_nothing_else_is_lost(
        pairs in prop::collection::vec("(otpgate_|OTPGATE_|__Host-otpgate_|x|)[a-z]{0,3}=[a-z\"=]{0,4}", 1..8),
        separator in "; ?",
    ) {
        let sent = pairs.join(&separator);
        let own = |pair: &&String| is_own(name_of(pair.as_bytes()));
        let kept: Vec<&str> = pairs.iter().filter(|pair| !own(pair)).map(String::as_str).collect();
        let expected = match kept.len() {
            0 => UpstreamCookies::None,
            all if all == pairs.len() => UpstreamCookies::AsSent,
            _ => line(&kept.join(&separator)),
        };
        prop_assert_eq!(forwarded(&[&sent]), expected);
    }
}
