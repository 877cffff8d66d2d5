use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|&(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
}

/// R14, R17, I8: a parked request reads back byte for byte, without credentials.
#[test]
fn r14_r17_i8_a_parked_request_keeps_its_bytes_and_no_credentials() {
    let sent = headers(&[
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-encoding", "gzip"),
        ("cookie", "SID=secret"),
        ("authorization", "Bearer secret"),
        ("transfer-encoding", "chunked"),
        ("x-odd", "caf\u{e9}"),
        ("accept", "a/b"),
        ("accept", "c/d"),
    ]);
    let body = Bytes::from((0..=255).collect::<Vec<u8>>());
    let parked = Parked::new(Method::PUT, "/a%20b?x=%ff&y", &sent, body.clone());
    assert!(!parked.encode().windows(6).any(|bytes| bytes == b"secret"));
    let back = Parked::decode(parked.encode()).unwrap();
    assert_eq!(back, parked);
    assert_eq!(back.body, body);
    assert_eq!(back.headers.get_all("accept").iter().count(), 2);
    assert_eq!(back.headers.get("content-encoding").unwrap(), "gzip");
    assert!(!back.headers.contains_key("transfer-encoding"));
}

#[test]
fn what_is_no_parked_request_is_none() {
    for bytes in [&b""[..], b"abc", b"\xff\xff\xff\xff", b"\x02\0\0\0{}rest", b"\x04\0\0\0nullrest"] {
        assert_eq!(Parked::decode(bytes.to_vec()), None);
    }
}

#[test]
fn o30_any_change_is_another_request() {
    let form = headers(&[("content-type", "application/x-www-form-urlencoded")]);
    let base = digest(&Method::POST, "/transfer", &form, b"to=bob&amount=1");
    assert_ne!(base, digest(&Method::POST, "/transfer", &form, b"to=bob&amount=10"));
    assert_ne!(base, digest(&Method::POST, "/transfer?x", &form, b"to=bob&amount=1"));
    assert_ne!(base, digest(&Method::PUT, "/transfer", &form, b"to=bob&amount=1"));
    assert_ne!(base, digest(&Method::POST, "/transfer", &HeaderMap::new(), b"to=bob&amount=1"));
}
