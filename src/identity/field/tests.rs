use proptest::prelude::*;

use super::*;

const FORM: &str = "application/x-www-form-urlencoded";

fn said(field: &str, query: Option<&str>, lines: &[(&str, &str)], body: &str) -> String {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
    }
    match FieldName::new(field).read(query, &headers, body.as_bytes()) {
        Said::Nothing => "-".to_owned(),
        Said::Text(text) => text.to_string(),
        Said::Unclear => "?".to_owned(),
    }
}

fn form(body: &str) -> String {
    said("email", None, &[("content-type", FORM)], body)
}

fn json(field: &str, body: &str) -> String {
    said(field, None, &[("content-type", "application/json")], body)
}

fn multipart(body: &str) -> String {
    said("email", None, &[("content-type", "multipart/form-data; boundary=XX")], body)
}

fn part(head: &str, content: &str) -> String {
    format!("--XX\r\n{head}\r\n\r\n{content}\r\n--XX--\r\n")
}

#[test]
fn what_browsers_send_is_read() {
    assert_eq!(form("email=alice%40example.com&password=a%26b%3Bc"), "alice@example.com");
    assert_eq!(form("csrf=1&password=x&email=J%C3%BCrgen+B"), "Jürgen B");
    assert_eq!(form("email="), "");
    assert_eq!(form("q=1&b"), "-");
    assert_eq!(form(""), "-");
    assert_eq!(said("user[email]", None, &[("content-type", FORM)], "user%5Bemail%5D=a&user%5Bpassword%5D=b"), "a");
    assert_eq!(
        said(
            "email",
            Some("next=%2Fhome"),
            &[("content-type", "Application/X-WWW-Form-UrlEncoded; charset=UTF-8")],
            "email=a"
        ),
        "a"
    );
    let head = "Content-Disposition: form-data; name=\"email\"";
    assert_eq!(multipart(&part(head, "alice")), "alice");
    assert_eq!(multipart(&part(&format!("{head}\r\nContent-Type: text/plain; charset=utf-8"), "alice")), "alice");
    let file = "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\0\n\r\n";
    assert_eq!(multipart(&format!("{file}{}", part(head, "alice"))), "alice");
    assert_eq!(multipart(&part("Content-Disposition: form-data; name=\"q\"", "1")), "-");
    assert_eq!(json("email", r#"{"email": "a\u00fc", "password": {"x": [1, 2.5e3]}}"#), "aü");
    assert_eq!(json("id", r#"{"id": 42}"#), "42");
    assert_eq!(json("/user/0/a~1b", r#"{"user": [{"a/b": "x"}, {"a/b": "y"}]}"#), "x");
    assert_eq!(json("/variables/email", r#"{"query": "{me}", "variables": {}}"#), "-");
    assert_eq!(json("/variables/email", r#"{"query": "{me}", "variables": null}"#), "-");
}

#[test]
fn i5_the_field_twice_in_any_spelling_is_unclear() {
    for other in [
        "email",
        "+email",
        "%20email",
        "email%00x",
        "e.mail",
        "email[]",
        "email%5B%5D",
        "email[x]",
        "email[",
        "email.",
        "[email]",
        "EMAIL",
        "Email",
        "%65mail",
        "ema%C4%B1l",
        "e-mail",
        "email.x",
        "email[x",
    ] {
        for body in [
            format!("email=alice&{other}=mallory"),
            format!("{other}=mallory&email=alice"),
            format!("{other}=m;email=a"),
        ] {
            assert_eq!(form(&body), "?", "{body}");
        }
        assert_eq!(
            said("email", Some(&format!("a=1&{other}=x")), &[("content-type", FORM)], "email=alice"),
            "?",
            "{other}"
        );
        assert_eq!(said("email", Some(&format!("a=1;{other}=x")), &[], ""), "?", "{other}");
    }
    for body in [
        "email=alice;email=mallory",
        "email=alice;x=1",
        "x=1;email=alice",
        "email=%FF",
        "email=a%00b",
        "email=a%0Ab",
        "email=%zz",
        "email=%u0061",
        "%u0065mail=x",
        "email=alice&%FF=1",
        "_charset_=utf-7&email=a",
        "utf8=x&email=a",
        "{\"email\":\"mallory\"}",
        "<email>mallory</email>",
    ] {
        assert_eq!(form(body), "?", "{body}");
    }
    assert_eq!(form(&format!("email=a{}", "&x=1".repeat(1000))), "?");
}

#[test]
fn i5_a_body_of_doubtful_kind_is_unclear() {
    let sent = |lines: &[(&str, &str)]| said("email", None, lines, "email=alice");
    assert_eq!(sent(&[("content-type", FORM)]), "alice");
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded; charset=iso-8859-1",
        "application/x-www-form-urlencoded; charset",
        "application/x-www-form-urlencoded; charset=utf-8; charset=utf-16",
        "application/x-www-form-urlencoded, text/plain",
        "",
        "application/x-www-form-urlencoded; boundary=x",
        "application/x-www-form-urlencodedx",
        "multipart/form-data",
        "multipart/form-data; boundary=\"a\\b\"",
        "multipart/form-data; xboundary=a; boundary=b",
        "application/json",
    ] {
        assert_eq!(sent(&[("content-type", kind)]), "?", "{kind}");
    }
    assert_eq!(sent(&[]), "?");
    assert_eq!(sent(&[("content-type", FORM), ("content-type", FORM)]), "?");
    assert_eq!(sent(&[("content-type", FORM), ("content-encoding", "gzip")]), "?");
    assert_eq!(sent(&[("content-type", FORM), ("cookie", "a=1; email=mallory")]), "?");
    assert_eq!(sent(&[("content-type", FORM), ("cookie", "a=1; email=alice")]), "alice");
    assert_eq!(said("email", None, &[("content-type", FORM), ("cookie", "Email=m")], "x=1"), "?");
}

#[test]
fn i5_a_multipart_body_with_odd_framing_is_unclear() {
    let disposition = "Content-Disposition: form-data; name=\"email\"";
    for head in [
        &format!("{disposition}; name=\"x\""),
        &format!("{disposition}; name*=utf-8''x"),
        &format!("{disposition}; filename=\"x\""),
        &format!("{disposition}; filename*=utf-8''x"),
        &format!("{disposition}\r\nContent-Transfer-Encoding: base64"),
        &format!("{disposition}\r\nContent-Type: text/plain; charset=utf-16"),
        &format!("{disposition}\r\n{disposition}"),
        &format!("{disposition}\r\nContent-Type: multipart/mixed; boundary=y"),
        &format!("{disposition}\r\n ; name=\"x\""),
        &format!("{disposition}\nX: y"),
        "content-disposition: form-data; name=\"EMAIL\"",
        "Content-Disposition: form-data; name=\"email[]\"",
        "Content-Disposition: form-data; name=\"%65mail\"",
        "Content-Disposition: form-data; name=\"em\\ail\"",
        "Content-Disposition: attachment; name=\"email\"",
        "Content-Disposition : form-data; name=\"email\"",
        "Content-Disposition: form-data; x=\"a; name=email\"",
    ] {
        assert_eq!(multipart(&part(head, "alice")), "?", "{head}");
    }
    let good = part(disposition, "alice");
    for body in [
        format!("\r\n{good}"),
        format!("x{good}"),
        format!("{good}x"),
        good.replace("\r\n", "\n"),
        good.replace("--XX--\r\n", "--XX\r\n"),
        good.replace("alice", "a\n--XX"),
        good.replace("alice", "a--XXY"),
        good.replace("alice", "a\r\nb"),
        good.replace("--XX--\r\n", &good),
        good.replacen("--XX", "--XX ", 1),
    ] {
        assert_eq!(multipart(&body), "?", "{body:?}");
    }
}

#[test]
fn i5_json_that_two_readers_read_differently_is_unclear() {
    for (field, body) in [
        ("email", r#"{"email": "a", "email": "b"}"#),
        ("email", r#"{"email": "a", "Email": "b"}"#),
        ("email", r#"{"EMAIL": "b"}"#),
        ("email", r#"{"email": "a", "\u0065mail": "b"}"#),
        ("email", r#"{"email": ["a"]}"#),
        ("email", r#"{"email": {"x": 1}}"#),
        ("email", r#"{"email": null}"#),
        ("email", r#"{"email": true}"#),
        ("email", r#"{"email": 1.0}"#),
        ("email", r#"{"email": 1e3}"#),
        ("email", r#"{"email": 9007199254740993}"#),
        ("email", r#"{"email": -0}"#),
        ("email", r#"{"email": "a\u0000"}"#),
        ("email", r#"{"email": "\ud800"}"#),
        ("email", r#"{"email": "a",}"#),
        ("email", r#"{"email": "a"} {"email": "b"}"#),
        ("email", r#"{/**/"email": "a"}"#),
        ("email", "\u{feff}{\"email\": \"a\"}"),
        ("email", r#"[{"email": "a"}]"#),
        ("email", r#""x""#),
        ("email", r#"{"__proto__": {"email": "b"}}"#),
        ("email", r#"{'email': 'a'}"#),
        ("/u/e", r#"{"u": {"e": "a"}, "u": {}}"#),
        ("/u/e", r#"{"U": {}, "u": {"e": "a"}}"#),
        ("/u/e", r#"{"u": {"e": "a", "E": 1}}"#),
        ("/u/e", r#"{"u": "x"}"#),
        ("/u/e", r#"{"u": [{"e": "a"}]}"#),
        ("/u/e", r#"{"u": {}, "u": {"e": "a"}}"#),
        ("user[email]", r#"{"user": {"email": "a"}}"#),
    ] {
        assert_eq!(json(field, body), "?", "{field} in {body}");
    }
    // Where a pointer is wanted, a form that an application nests alike is no other form.
    for body in ["user[email]=a", "user.email=a", "user=a", "user[]=a"] {
        assert_eq!(said("/user/email", None, &[("content-type", FORM)], body), "?", "{body}");
    }
    assert_eq!(said("/user/email", None, &[("content-type", FORM)], "user[name]=a"), "-");
}

proptest! {
    #[test]
    fn i5_no_body_is_read_as_text_beside_the_reading_of_others(
        pairs in prop::collection::vec(("(email|Email|e.mail|x|email\\[\\]| email)", "[a-z;&=%+ ü]{0,4}", any::<bool>()), 0..5),
    ) {
        let mut body = String::new();
        for (name, value, raw) in &pairs {
            let write = |text: &str| if *raw { text.to_owned() } else { url::form_urlencoded::byte_serialize(text.as_bytes()).collect() };
            body += &format!("{}={}&", write(name), write(value));
        }
        let ours = form(&body);
        let all: Vec<_> = url::form_urlencoded::parse(body.as_bytes()).filter(|(name, _)| name == "email").collect();
        if ours != "?" && ours != "-" {
            prop_assert_eq!(all.len(), 1);
            prop_assert_eq!(&*all[0].1, ours.as_str());
        } else if ours == "-" {
            prop_assert!(all.is_empty());
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(body in prop::collection::vec(any::<u8>(), 0..200), kind in 0..3usize) {
        let kind = [FORM, "multipart/form-data; boundary=XX", "application/json"][kind];
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]);
        let _ = FieldName::new("email").read(None, &headers, &body);
    }
}
