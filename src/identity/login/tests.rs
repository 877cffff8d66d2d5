use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|&(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect()
}

fn login() -> Login {
    Login {
        paths: vec!["/login".into()],
        field: "email".into(),
        session_cookie: "SID".into(),
        success: Success { status: vec![302, 303], location_not: vec!["/login".into()], location: vec![] },
        logout: vec!["/logout".into()],
    }
}

fn subject(body: &str) -> Option<String> {
    let mut watched =
        Watched::start(&headers(&[("content-type", "application/x-www-form-urlencoded; charset=utf-8")]))?;
    for chunk in body.as_bytes().chunks(3) {
        watched.chunk(chunk);
    }
    watched.subject("email").map(|subject| subject.as_str().to_owned())
}

#[test]
fn the_field_is_read_whatever_its_chunks() {
    assert_eq!(subject("email=alice%40example.com&password=x").as_deref(), Some("alice@example.com"));
    assert_eq!(subject("password=x&email=+alice+").as_deref(), Some("alice"));
}

#[test]
fn i5_a_form_that_could_be_read_two_ways_names_nobody() {
    assert_eq!(subject("email=alice&email=bob"), None);
    assert_eq!(subject("mail=alice"), None);
    assert_eq!(subject("email="), None);
    assert_eq!(subject(&format!("email=alice&pad={}", "x".repeat(MAX_FORM))), None);
    assert!(Watched::start(&headers(&[("content-type", "application/json")])).is_none());
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
fn the_session_cookie_is_read_as_the_browser_will() {
    let set = |line: &str| login().session_set(&headers(&[("set-cookie", line)])).map(str::to_owned);
    assert_eq!(set("SID=abc; Path=/; HttpOnly").as_deref(), Some("abc"));
    assert_eq!(set("SID=; Path=/").as_deref(), Some(""));
    assert_eq!(set("SID=deleted; Max-Age=0").as_deref(), Some(""));
    assert_eq!(set("SID=x; expires=Thu, 01 Jan 1970 00:00:00 GMT").as_deref(), Some(""));
    assert_eq!(set("SIDX=abc"), None);
}
