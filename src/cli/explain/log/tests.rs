use super::*;
use crate::audit::rfc3339;

fn agent(entry: &Entry) -> &str {
    entry.headers.get("user-agent").map_or("", |value| value.to_str().unwrap())
}

#[test]
fn lines_of_web_servers_are_read() {
    for (line, wanted) in [
        (
            r#"192.0.2.7 - - [10/Oct/2026:13:55:36 -0700] "GET /a?b=c HTTP/1.1" 200 2326"#,
            "2026-10-10T20:55:36.000Z 192.0.2.7 None GET /a?b=c None ",
        ),
        (
            r#"192.0.2.7 - alice [10/Oct/2026:13:55:36 +0000] "POST /a HTTP/2.0" 302 - "https://x.test/" "curl/8 \"q\" \x22""#,
            "2026-10-10T13:55:36.000Z 192.0.2.7 None POST /a Some(\"alice\") curl/8 \"q\" \"",
        ),
        (
            r#"shop.test:443 2001:db8::1 - - [10/Oct/2026:13:55:36 +0530] "GET / HTTP/1.1" 200 5 "-" "-""#,
            "2026-10-10T08:25:36.000Z 2001:db8::1 Some(\"shop.test:443\") GET / None ",
        ),
        // nginx
        (
            r#"{"time_iso8601":"2026-10-10T13:55:36+02:00","remote_addr":"192.0.2.7","host":"shop.test","request_method":"GET","request_uri":"/a?b","http_user_agent":"curl/8","http_x_forwarded_for":"-","remote_user":""}"#,
            "2026-10-10T11:55:36.000Z 192.0.2.7 Some(\"shop.test\") GET /a?b None curl/8",
        ),
        (
            r#"{"msec":1791640536.250,"remote_addr":"192.0.2.7","request":"GET /a HTTP/1.1","user_agent":"x"}"#,
            "2026-10-10T13:55:36.250Z 192.0.2.7 None GET /a None x",
        ),
        // Caddy
        (
            r#"{"ts":1791640536.25,"request":{"remote_ip":"192.0.2.7","method":"GET","host":"shop.test","uri":"/a","headers":{"User-Agent":["curl/8"],"Accept-Language":["ms"]}},"user_id":"alice"}"#,
            "2026-10-10T13:55:36.250Z 192.0.2.7 Some(\"shop.test\") GET /a Some(\"alice\") curl/8",
        ),
        // Traefik
        (
            r#"{"ClientAddr":"192.0.2.7:52112","RequestHost":"shop.test","RequestMethod":"GET","RequestPath":"/a","StartUTC":"2026-10-10T13:55:36.25Z","request_User-Agent":"curl/8","ClientUsername":"-"}"#,
            "2026-10-10T13:55:36.250Z 192.0.2.7 Some(\"shop.test\") GET /a None curl/8",
        ),
    ] {
        let entry = read(line).unwrap_or_else(|| panic!("{line}"));
        let at = entry.at.map(rfc3339).unwrap_or_default();
        let Entry { peer, host, method, target, user, .. } = &entry;
        assert_eq!(format!("{at} {peer} {host:?} {method} {target} {user:?} {}", agent(&entry)), wanted, "{line}");
    }
}

#[test]
fn what_is_no_request_is_none() {
    for line in [
        "",
        "{",
        "{}",
        "[]",
        "192.0.2.7",
        r#"192.0.2.7 - - [10/Oct/2026:13:55:36 +0000] "-" 400 0"#,
        r#"192.0.2.7 - - [10/Oct/2026:13:55:36 +0000] "\x16\x03\x01" 400 0"#,
        r#"192.0.2.7 - - [10/Oct/2026:13:55:36 +0000] "GET /"#,
        r#"nowhere - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 1"#,
        r#"{"remote_addr":"192.0.2.7"}"#,
    ] {
        assert_eq!(read(line), None, "{line}");
    }
    // A time that nobody understands is no reason to leave a request out.
    assert_eq!(read(r#"192.0.2.7 - - [yesterday] "GET / HTTP/1.1" 200 1"#).unwrap().at, None);
}

proptest::proptest! {
    #[test]
    fn no_line_makes_it_fall_over(line in ".{0,200}") {
        let _ = read(&line);
        let _ = read(&format!(r#"192.0.2.7 - - [{line}] "{line}" 200 1 "{line}" "{line}""#));
        let _ = read(&format!(r#"{{"remote_addr":"{line}","request":"{line}"}}"#));
    }
}
