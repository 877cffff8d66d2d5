use http::HeaderName;
use proptest::prelude::*;

use super::*;
use crate::request::host::BadHost;
use crate::request::path::BadPath;
use crate::request::query::BadQuery;

/// A request over TLS from a client without proxies.
struct Sent<'a> {
    method: &'a str,
    target: &'a [u8],
    headers: &'a [(&'a str, &'a str)],
    authority: Option<&'a str>,
}

const GET: Sent<'static> = Sent { method: "GET", target: b"/", headers: &[("Host", "shop.example")], authority: None };

impl Sent<'_> {
    fn read(&self) -> Result<CanonicalRequest, Refused> {
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers {
            headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let raw = RawRequest {
            method: &Method::from_bytes(self.method.as_bytes()).unwrap(),
            target: self.target,
            headers: &headers,
            authority: self.authority,
            peer: "::ffff:198.51.100.7".parse().unwrap(),
            tls: true,
        };
        CanonicalRequest::new(raw, &TrustedProxies::default(), PathRules::default())
    }
}

fn get(target: &str) -> Result<CanonicalRequest, Refused> {
    Sent { target: target.as_bytes(), ..GET }.read()
}

fn asked(headers: &[(&str, &str)], authority: Option<&str>) -> Result<String, Refused> {
    let request = Sent { headers, authority, ..GET };
    Ok(request.read()?.authority.to_string())
}

#[test]
fn i6_what_was_judged_is_what_is_forwarded() {
    let request = get("//shop/../Account/%41?next=/public/&x=%2e%2e;y+z").unwrap();
    assert_eq!(request.path.decoded(), "/Account/A");
    assert_eq!(request.path.folded(), "/account/a");
    assert_eq!(&*request.target(), b"/Account/%41?next=/public/&x=%2e%2e;y+z");
    assert_eq!(request.client.ip.to_string(), "198.51.100.7");
    assert_eq!(request.peer.to_string(), "198.51.100.7");
    assert_eq!(request.scheme, Scheme::Https);
}

#[test]
fn s01_a_length_beside_a_transfer_coding_is_seen() {
    let both = b"POST / HTTP/1.1\r\ncontent-LENGTH: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert!(has_two_framings(both));
    for head in [
        &b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n"[..],
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX-Content-Length: 5\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX: Content-Length: 5\r\n\r\n",
        b"GET /content-length:transfer-encoding: HTTP/1.1\r\n\r\n",
        b"",
    ] {
        assert!(!has_two_framings(head));
    }
}

#[test]
fn p09_the_query_is_no_part_of_the_path() {
    for (target, path) in [
        ("/admin?x=/public/", "/admin"),
        ("/admin?/public/ok", "/admin"),
        ("/admin?", "/admin"),
        ("/admin?a?b=../public", "/admin"),
    ] {
        let request = get(target).unwrap();
        assert_eq!(request.path.decoded(), path);
        assert_eq!(&*request.target(), target.as_bytes());
    }
    assert_eq!(get("/admin").unwrap().query.raw(), None);
}

#[test]
fn p08_a_raw_hash_is_refused_wherever_it_stands() {
    assert_eq!(get("/admin#/public").unwrap_err(), BadPath::Fragment.into());
    assert_eq!(get("/admin?x#y").unwrap_err(), BadQuery::Fragment.into());
    assert_eq!(get("/a#b?c").unwrap_err(), BadPath::Fragment.into());
}

#[test]
fn p08_the_target_is_read_off_the_request_line_before_anybody_cuts_it() {
    for (head, target) in [
        (&b"GET /admin#/public HTTP/1.1\r\nHost: a\r\n\r\n"[..], Some(&b"/admin#/public"[..])),
        (b"\r\nGET / HTTP/1.0\n\n", Some(b"/")),
        (b"GET /a?b=c HTTP/1.1", Some(b"/a?b=c")),
        (b"GET /a b HTTP/1.1\r\n", None),
        (b"GET /\r\n", None),
        (b"GET", None),
        (b"", None),
    ] {
        assert_eq!(target_on_the_wire(head), target);
    }
}

#[test]
fn p15_an_absolute_url_is_served_when_it_names_the_host_that_was_asked() {
    for (target, forwarded) in [
        ("https://shop.example/admin?x=1", "/admin?x=1"),
        ("HTTPS://SHOP.example:443/admin", "/admin"),
        ("https://shop.example", "/"),
        ("https://shop.example?x", "/?x"),
        ("https://shop.example/public/../admin", "/admin"),
    ] {
        assert_eq!(&*get(target).unwrap().target(), forwarded.as_bytes(), "{target}");
    }
    for (target, why) in [
        ("https://other.example/admin", Refused::HostsDiffer),
        ("https://shop.example:8443/admin", Refused::HostsDiffer),
        ("https://user@shop.example/", BadHost::Name.into()),
        ("https://other.example\\@shop.example/", BadHost::Name.into()),
        ("https:///admin", BadHost::Empty.into()),
        ("http://shop.example/admin", Refused::Target),
        ("ftp://shop.example/admin", Refused::Target),
        ("https:/admin", Refused::Target),
        ("https:\\\\shop.example/", Refused::Target),
        ("https://shop.example#/admin", BadPath::NotAbsolute.into()),
    ] {
        assert_eq!(get(target).unwrap_err(), why, "{target}");
    }
    let without_host = Sent { target: b"https://shop.example/", headers: &[], ..GET };
    assert_eq!(without_host.read().unwrap_err(), Refused::HostMissing);
}

#[test]
fn p16_s18_other_forms_and_connect_and_trace_are_refused() {
    for (method, target, status) in [
        ("OPTIONS", "*", 400),
        ("GET", "shop.example:443", 400),
        ("GET", "admin", 400),
        ("GET", "", 400),
        ("GET", "?x", 400),
        ("CONNECT", "shop.example:443", 405),
        ("CONNECT", "/", 405),
        ("TRACE", "/", 405),
        ("TRACK", "/", 405),
    ] {
        let request = Sent { method, target: target.as_bytes(), ..GET };
        assert_eq!(request.read().unwrap_err().status(), status, "{method} {target}");
    }
}

#[test]
fn p17_the_real_method_is_judged_and_odd_ones_are_refused() {
    let long = "A".repeat(33);
    for method in ["get", "Post", "gET", "G3T", "GET_", "-GET", "G.T", &long] {
        let request = Sent { method, ..GET };
        assert_eq!(request.read().unwrap_err(), Refused::Method, "{method}");
    }
    for method in ["GET", "HEAD", "PROPFIND", "M-SEARCH", "GETT"] {
        let request = Sent {
            method,
            target: b"/?_method=DELETE",
            headers: &[("Host", "shop.example"), ("X-HTTP-Method-Override", "DELETE")],
            ..GET
        };
        assert_eq!(request.read().unwrap().method.as_str(), method);
    }
}

#[test]
fn p18_h13_one_valid_host_is_needed() {
    let host = "Host";
    assert_eq!(asked(&[(host, "SHOP.example.:8443")], None).unwrap(), "shop.example:8443");
    assert_eq!(asked(&[], None), Err(Refused::HostMissing));
    assert_eq!(asked(&[(host, "a.example"), (host, "b.example")], None), Err(Refused::HostRepeated));
    assert_eq!(asked(&[(host, "a.example"), (host, "a.example")], None), Err(Refused::HostRepeated));
    assert_eq!(asked(&[(host, "")], None), Err(BadHost::Empty.into()));
    assert_eq!(asked(&[(host, "a.example:99999")], None), Err(BadHost::Port.into()));
    for bad in ["a example", "user@a.example", "a.example/x", "a.example, b.example"] {
        assert_eq!(asked(&[(host, bad)], None), Err(BadHost::Name.into()), "{bad}");
    }
}

#[test]
fn h13_s07_authority_and_host_must_agree() {
    let host = "Host";
    assert_eq!(asked(&[], Some("shop.example")).unwrap(), "shop.example");
    assert_eq!(asked(&[(host, "Shop.example")], Some("shop.example:443")).unwrap(), "shop.example");
    assert_eq!(asked(&[(host, "other.example")], Some("shop.example")), Err(Refused::HostsDiffer));
    assert_eq!(asked(&[(host, "shop.example:80")], Some("shop.example")), Err(Refused::HostsDiffer));
    assert_eq!(asked(&[], Some("u@shop.example")), Err(BadHost::Name.into()));
}

#[test]
fn h11_h12_forwarded_headers_of_a_client_change_neither_scheme_nor_host_nor_path() {
    let request = Sent {
        target: b"/admin",
        headers: &[
            ("Host", "shop.example"),
            ("X-Forwarded-Proto", "http"),
            ("X-Forwarded-Host", "other.example"),
            ("X-Forwarded-Uri", "/public"),
            ("X-Original-URL", "/public"),
            ("X-Rewrite-URL", "/public"),
            ("X-Forwarded-Port", "1"),
            ("X-Forwarded-For", "10.0.0.1"),
        ],
        ..GET
    };
    let plain = Sent { target: b"/admin", ..GET };
    let (request, plain) = (request.read().unwrap(), plain.read().unwrap());
    assert_eq!(request.scheme, plain.scheme);
    assert_eq!(request.authority, plain.authority);
    assert_eq!(request.path, plain.path);
    assert_eq!(request.client, plain.client);
}

#[test]
fn a_trusted_proxy_tells_client_and_scheme() {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("shop.example"));
    headers.insert("x-forwarded-for", HeaderValue::from_static("203.0.113.9"));
    headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
    let raw = RawRequest {
        method: &Method::GET,
        target: b"/",
        headers: &headers,
        authority: None,
        peer: "10.0.0.1".parse().unwrap(),
        tls: false,
    };
    let trusted = TrustedProxies::new(["10.0.0.0/8".parse().unwrap()]);
    let door = Door::enter(raw, &trusted).unwrap();
    assert_eq!(door.client.ip.to_string(), "203.0.113.9");
    assert_eq!(door.scheme, Scheme::Https);
    assert_eq!(door.authority.port_or_default(door.scheme), 443);
    let door = Door::enter(raw, &TrustedProxies::default()).unwrap();
    assert_eq!(door.client.ip.to_string(), "10.0.0.1");
    assert_eq!(door.scheme, Scheme::Http);
}

#[test]
fn the_sentence_of_a_refusal_repeats_nothing_of_the_request() {
    let sentence = get("/secret-token%zz").unwrap_err().to_string();
    assert!(sentence.contains('%') && !sentence.contains("secret"), "{sentence}");
}

proptest! {
    #[test]
    fn i6_reading_what_is_forwarded_again_gives_the_same_request(target in "/[a./%2ef;?&#A]{0,16}") {
        if let Ok(first) = get(&target) {
            let forwarded = String::from_utf8(first.target().into_owned()).unwrap();
            let second = get(&forwarded).unwrap();
            prop_assert_eq!(&first.path, &second.path);
            prop_assert_eq!(&first.query, &second.query);
        }
    }

    #[test]
    fn arbitrary_targets_never_panic(target: Vec<u8>, authority: Option<String>) {
        let _ = Sent { target: &target, authority: authority.as_deref(), ..GET }.read();
        let _ = target_on_the_wire(&target);
    }
}
