use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for &(name, value) in pairs {
        headers.append(HeaderName::from_static(name), value.parse().unwrap());
    }
    headers
}

fn login() -> Login {
    Login {
        paths: vec!["/login".into(), "/doku.php".into()],
        field: FieldName::new("email"),
        session_cookie: "SID".into(),
        success: Success { status: vec![302, 303], location_not: vec!["/login".into()], ..Success::default() },
        logout: vec!["/logout".into()],
        follow_rotation: false,
    }
}

/// Whom a good answer to this request makes the session's: `-` when nobody tried, `?` when it cannot be told.
fn who(method: Method, path: &str, query: Option<&str>, body: &str, end: bool) -> String {
    let headers = headers(&[("content-type", "application/x-www-form-urlencoded; charset=utf-8")]);
    let mut watched = Watched::default();
    for chunk in body.as_bytes().chunks(3) {
        watched.chunk(chunk, false);
    }
    watched.chunk(b"", end);
    let request = Request { method: &method, path, query, headers: &headers, body: &watched };
    match login().attempt(&request, StatusCode::FOUND, &HeaderMap::new()) {
        None => "-".to_owned(),
        Some(Attempt { who, .. }) => who.map_or_else(|| "?".to_owned(), |who| who.as_str().to_owned()),
    }
}

#[test]
fn the_field_is_read_whatever_its_chunks() {
    let post = |body: &str| who(Method::POST, "/login", None, body, true);
    assert_eq!(post("email=alice%40example.com&password=x"), "alice@example.com");
    assert_eq!(post("password=x&email=+alice+"), "alice");
    assert_eq!(post("search=x"), "-");
    assert_eq!(post(""), "-");
}

#[test]
fn i5_a_form_that_could_be_read_two_ways_names_nobody() {
    let post = |path: &str, body: &str| who(Method::POST, path, None, body, true);
    assert_eq!(post("/login", "email=alice&email=bob"), "?");
    assert_eq!(post("/login", "email="), "?");
    assert_eq!(post("/login", &format!("email=alice&pad={}", "x".repeat(MAX_FORM))), "?");
    assert_eq!(who(Method::POST, "/login", None, "email=alice", false), "?");
    assert_eq!(who(Method::PUT, "/login", None, "email=alice", true), "?");
    assert_eq!(who(Method::GET, "/login", Some("email=alice"), "", true), "?");
    assert_eq!(who(Method::GET, "/login", Some("next=/"), "", true), "-");
    for near in ["/login/", "/LOGIN", "/Login//", "/doku.php/start", "/DOKU.php/"] {
        assert_eq!(post(near, "email=alice"), "?", "{near}");
    }
    for far in ["/login/help", "/logins", "/", "/doku.phps"] {
        assert_eq!(post(far, "email=alice"), "-", "{far}");
    }
}

#[test]
fn only_a_login_that_went_well_counts() {
    let ok = |status: u16, location: &str| {
        let answer = if location.is_empty() { headers(&[]) } else { headers(&[("location", location)]) };
        login().success.is_met(StatusCode::from_u16(status).unwrap(), &answer)
    };
    assert!(ok(302, "/account"));
    assert!(ok(303, "https://shop.example.com/account?x=1"));
    assert!(!ok(302, "/login?error=1"));
    assert!(!ok(302, "https://shop.example.com/login#bad"));
    assert!(!ok(302, "//shop.example.com/login"));
    assert!(!ok(200, "/account"));
    assert!(!ok(401, ""));
}

#[test]
fn a_cookie_or_a_header_tells_of_a_good_login() {
    let name = HeaderName::from_static("x-login");
    let success = |cookie: Option<&str>, value: Option<&str>| Success {
        cookie: cookie.map(str::to_owned),
        header: cookie.is_none().then(|| (name.clone(), value.map(str::to_owned))),
        ..Success::default()
    };
    let ok = |success: &Success, status: u16, lines: &[(&'static str, &str)]| {
        success.is_met(StatusCode::from_u16(status).unwrap(), &headers(lines))
    };
    let by_cookie = success(Some("auth"), None);
    assert!(ok(&by_cookie, 200, &[("set-cookie", "auth=1; Path=/")]));
    assert!(!ok(&by_cookie, 401, &[("set-cookie", "auth=1; Path=/")]));
    for line in ["auth=; Path=/", "auth=x; Max-Age=0", "Auth=x", "authx=1", "x=auth=1"] {
        assert!(!ok(&by_cookie, 200, &[("set-cookie", line)]), "{line}");
    }
    assert!(ok(&success(None, None), 200, &[("x-login", "whatever")]));
    assert!(ok(&success(None, Some("ok")), 200, &[("x-login", "ok")]));
    assert!(!ok(&success(None, Some("ok")), 200, &[("x-login", "no")]));
    assert!(!ok(&success(None, Some("ok")), 200, &[("x-login", "ok"), ("x-login", "no")]));
    assert!(!ok(&success(None, None), 200, &[]));
}

#[test]
fn the_session_cookie_is_read_as_the_browser_will() {
    let set = |lines: &[&str]| {
        let lines: Vec<_> = lines.iter().map(|line| ("set-cookie", *line)).collect();
        match login().change(&headers(&lines)) {
            Change::Kept => "kept".to_owned(),
            Change::Cleared => "cleared".to_owned(),
            Change::Set(value) => value.to_owned(),
            Change::Unclear => "unclear".to_owned(),
        }
    };
    assert_eq!(set(&["SID=abc; Path=/; HttpOnly"]), "abc");
    assert_eq!(set(&["SIDX=abc"]), "kept");
    for line in [
        "SID=; Path=/",
        "SID=deleted; Max-Age=0",
        "SID=x; expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "SID=\"\"",
        "SID=%20",
    ] {
        assert_eq!(set(&[line]), "cleared", "{line}");
    }
    // The last line for a scope counts; two scopes are two cookies.
    assert_eq!(set(&["SID=; Path=/; Max-Age=0", "SID=abc; Path=/"]), "abc");
    assert_eq!(set(&["SID=abc; Path=/", "SID=; Path=/; Max-Age=0"]), "cleared");
    assert_eq!(set(&["SID=old; Path=/", "SID=abc; Path=/"]), "abc");
    assert_eq!(set(&["SID=a; Path=/", "SID=b; Path=/app"]), "unclear");
    assert_eq!(set(&["SID=a; Domain=.shop.test", "SID=b"]), "unclear");
    assert_eq!(set(&["SID=a; Path=/", "SID=; Path=/app; Max-Age=0"]), "a");
}

#[test]
fn c03_a_session_cookie_that_comes_twice_is_no_session() {
    let session = |line: &str| login().session(&headers(&[("cookie", line)])).map(str::to_owned);
    assert_eq!(session("a=1; SID=abc; b=2").as_deref(), Some("abc"));
    assert_eq!(session("SID=a=b,c").as_deref(), Some("a=b,c"));
    for line in [
        "SID=",
        "sid=abc",
        "SID=a; SID=b",
        "SID=a; SID=a",
        "SID=a; sid=b",
        "SID=a; %53ID=b",
        "SID=a; SID[x]=b",
        "SID=a; SID%00x=b",
        "x=1,SID=b; SID=a",
        "SID=a; SID",
        "x=\"; SID=b\"; SID=a",
    ] {
        assert_eq!(session(line), None, "{line}");
    }
    let all = login().sessions(&headers(&[("cookie", "SID=a; sid=b"), ("cookie", "x=1,SID=c")])).join(" ");
    assert_eq!(all, "a b c");
}
