use percent_encoding::percent_decode_str;
use proptest::prelude::*;

use super::*;

const STRICT: PathRules = PathRules { parameters_allowed: false };
const WITH_PARAMETERS: PathRules = PathRules { parameters_allowed: true };

fn parse(raw: &str) -> Result<CanonicalPath, BadPath> {
    CanonicalPath::parse(raw.as_bytes(), STRICT)
}

/// Accepted: what is sent, what is forwarded, what the rules see.
#[track_caller]
fn reads(case: &str, raw: &str, wire: &str, decoded: &str) {
    let path = parse(raw).unwrap_or_else(|error| panic!("{case}: {raw:?} was refused: {error}"));
    assert_eq!(path.wire(), wire, "{case}: wire form of {raw:?}");
    assert_eq!(path.decoded(), decoded, "{case}: decoded form of {raw:?}");
}

#[track_caller]
fn refuses(case: &str, raw: impl AsRef<[u8]>, why: BadPath) {
    let raw = raw.as_ref();
    let shown = String::from_utf8_lossy(raw);
    assert_eq!(CanonicalPath::parse(raw, STRICT), Err(why), "{case}: {shown:?}");
}

#[test]
fn an_ordinary_path_stays_as_it_is() {
    for raw in [
        "/",
        "/account",
        "/account/",
        "/a/b.html",
        "/.well-known/acme-challenge/x",
        "/a.b/..c/d..",
        "/...",
        "/a:b@c!$&'()*+,=~_-",
        "/w|x[1]{2}^\"",
    ] {
        reads("ordinary", raw, raw, raw);
    }
}

#[test]
fn escapes_are_decoded_for_rules_and_forwarded_as_sent() {
    reads("escape", "/caf%C3%A9", "/caf%C3%A9", "/café");
    reads("escape", "/%61dmin", "/%61dmin", "/admin");
    reads("escape", "/a%20b", "/a%20b", "/a b");
    reads("escape", "/a%2eb/%7Euser", "/a%2eb/%7Euser", "/a.b/~user");
    reads("escape", "/what%3fx", "/what%3fx", "/what?x");
}

#[test]
fn p01_p02_dot_segments_are_resolved_before_any_rule_sees_them() {
    for raw in [
        "/public/../admin",
        "/public/%2e%2e/admin",
        "/public/.%2e/admin",
        "/public/%2e./admin",
        "/public/%2E%2E/admin",
        "/public/%2E%2e/admin",
        "/public/x/../../admin",
        "/public/./%2e/../admin",
    ] {
        reads("P01 P02", raw, "/admin", "/admin");
    }
}

#[test]
fn p01_a_path_that_climbs_is_refused() {
    for raw in ["/..", "/../admin", "/a/../../admin", "/%2e%2e/admin", "/./.."] {
        refuses("P01", raw, BadPath::Climbs);
    }
}

#[test]
fn p03_p12_encoded_slashes_and_any_backslash_are_refused() {
    for raw in ["/public/..%2fadmin", "/public/..%2Fadmin", "/public/legit%2f..%2f..%2fadmin", "/%2fadmin"] {
        refuses("P03", raw, BadPath::EncodedSlash);
    }
    for raw in ["/%5cadmin", "/public/%5C..%5Cadmin", "/\\admin", "/public/..\\admin"] {
        refuses("P12", raw, BadPath::Backslash);
    }
}

#[test]
fn p04_what_was_encoded_twice_is_decoded_once_and_forwarded_as_sent() {
    let raw = "/public/%252e%252e/admin";
    reads("P04", raw, raw, "/public/%2e%2e/admin");
    let raw = "/public/%25%32%65/admin";
    reads("P04", raw, raw, "/public/%2e/admin");
    let raw = "/public/..%252fadmin";
    reads("P04", raw, raw, "/public/..%2fadmin");
}

#[test]
fn p05_path_parameters_are_refused_where_routes_protect() {
    for raw in ["/public/..;/admin", "/public;x/../admin", "/admin;jsessionid=1", "/admin%3bx", "/admin%3B"] {
        refuses("P05", raw, BadPath::Parameters);
    }
}

#[test]
fn p05_path_parameters_pass_where_nothing_is_protected_but_never_on_a_dot_segment() {
    for raw in ["/shop;jsessionid=1/cart", "/shop%3Bx", "/a;b;c"] {
        let path = CanonicalPath::parse(raw.as_bytes(), WITH_PARAMETERS).unwrap();
        assert_eq!(path.wire(), raw);
    }
    for raw in ["/public/..;/admin", "/%2e%2e;x/admin", "/a/.;x", "/;x/admin", "/..%3b/a"] {
        assert_eq!(CanonicalPath::parse(raw.as_bytes(), WITH_PARAMETERS), Err(BadPath::Parameters), "{raw}");
    }
}

#[test]
fn p06_empty_and_dot_segments_vanish_and_the_trailing_slash_stays() {
    reads("P06", "//admin", "/admin", "/admin");
    reads("P06", "/.//admin", "/admin", "/admin");
    reads("P06", "/./admin", "/admin", "/admin");
    reads("P06", "/admin//", "/admin/", "/admin/");
    reads("P06", "/admin/.", "/admin/", "/admin/");
    reads("P06", "/admin/%2e", "/admin/", "/admin/");
    reads("P06", "/a/..", "/", "/");
    reads("P06", "/a/b/..", "/a/", "/a/");
    reads("P06", "///", "/", "/");
    reads("P06", "/.", "/", "/");
    reads("P06", "/a//b%20c/../d", "/a/d", "/a/d");
}

#[test]
fn p07_control_bytes_are_refused_raw_and_encoded() {
    for raw in [
        &b"/admin%00.css"[..],
        b"/admin%0a",
        b"/admin%0d%0a",
        b"/admin%09",
        b"/admin%1F",
        b"/admin%7f",
        b"/admin%c2%85x",
        b"/admin\x00",
        b"/admin\r\n",
        b"/ad\tmin",
        b"/admin\x7f",
    ] {
        refuses("P07", raw, BadPath::Control);
    }
}

#[test]
fn p08_a_raw_hash_is_refused_and_an_encoded_one_is_a_letter() {
    refuses("P08", "/admin#/public", BadPath::Fragment);
    refuses("P08", "/admin#", BadPath::Fragment);
    reads("P08", "/admin%23/public", "/admin%23/public", "/admin#/public");
}

#[test]
fn p10_p13_folding_ignores_case_and_never_makes_an_ascii_letter() {
    let folded = |raw: &str| parse(raw).unwrap().folded().to_owned();
    assert_eq!(folded("/ADMIN"), "/admin");
    assert_eq!(folded("/Admin/X%41"), "/admin/xa");
    assert_eq!(folded("/admin"), "/admin");
    assert_eq!(folded("/%C3%89t%C3%A9"), "/été");
    assert_eq!(folded("/%E2%84%AAelvin"), "/\u{212a}elvin", "Kelvin sign");
    assert_eq!(folded("/%C4%B0d"), "/\u{130}d", "dotted capital I");
    assert_eq!(folded("/%EF%BC%8E%EF%BC%8E/a"), "/\u{ff0e}\u{ff0e}/a");
}

#[test]
fn p13_overlong_and_broken_utf8_is_refused_and_odd_letters_are_literal() {
    for raw in ["/public/%c0%ae%c0%ae/admin", "/public%c0%afadmin", "/%ff", "/%e2%84", "/%ed%a0%80", "/%f8%80%80%80%af"]
    {
        refuses("P13", raw, BadPath::NotUtf8);
    }
    let dots = "/public/%EF%BC%8E%EF%BC%8E/admin";
    reads("P13", dots, dots, "/public/\u{ff0e}\u{ff0e}/admin");
}

#[test]
fn p14_bad_escapes_are_refused() {
    for raw in ["/%zz", "/%", "/%1", "/%u002e", "/a%2/b", "/a%/b", "/%%32e", "/%+1"] {
        refuses("P14", raw, BadPath::BadEscape);
    }
}

#[test]
fn p21_long_and_deep_paths_are_refused_with_414() {
    let long = format!("/{}", "a".repeat(64 * 1024));
    refuses("P21", &long, BadPath::TooLong);
    let deep = "/a".repeat(MAX_SEGMENTS + 1);
    refuses("P21", &deep, BadPath::TooManySegments);
    refuses("P21", "/".repeat(10_000), BadPath::TooManySegments);
    assert_eq!(BadPath::TooLong.status(), 414);
    assert_eq!(BadPath::TooManySegments.status(), 414);
    assert_eq!(BadPath::Climbs.status(), 400);
    assert!(parse(&"/a".repeat(MAX_SEGMENTS)).is_ok());
    assert!(parse(&format!("/{}", "a".repeat(MAX_BYTES - 1))).is_ok());
}

#[test]
fn segments_with_white_space_at_an_edge_are_refused() {
    for raw in ["/admin%20", "/%20admin", "/admin%20/x", "/%20", "/admin%c2%a0", "/..%20/x"] {
        refuses("edge space", raw, BadPath::EdgeSpace);
    }
}

#[test]
fn bytes_that_must_be_encoded_are_refused() {
    refuses("raw space", "/a b", BadPath::RawByte);
    refuses("raw letter", "/café", BadPath::RawByte);
    refuses("raw byte", b"/\xff", BadPath::RawByte);
    refuses("raw question mark", "/a?b", BadPath::RawByte);
}

#[test]
fn what_is_no_path_is_refused() {
    for raw in ["", "admin", "*", "http://example.com/", "?x", "\\admin"] {
        refuses("not absolute", raw, BadPath::NotAbsolute);
    }
}

/// Pieces that attackers build paths from, so that random paths are hostile ones.
fn hostile_path() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "/",
        "/",
        "/",
        ".",
        "..",
        "%2e",
        "%2E",
        "%252e",
        "%2f",
        "%252f",
        "%5c",
        "\\",
        ";",
        "%3b",
        "a",
        "admin",
        "Public",
        "%20",
        "%41",
        "%c3%a9",
        "%e2%84%aa",
        "%c0%ae",
        "%00",
        "%",
        "#",
        "%23",
        "%25",
        "x",
        "\u{e9}",
    ]);
    prop::collection::vec(piece, 0..14).prop_map(|pieces| format!("/{}", pieces.concat()))
}

fn check_accepted(path: &CanonicalPath, rules: PathRules) -> Result<(), TestCaseError> {
    let wire = path.wire();
    prop_assert!(wire.starts_with('/') && wire.is_ascii());
    let again = CanonicalPath::parse(wire.as_bytes(), rules);
    prop_assert_eq!(again.as_ref(), Ok(path), "reading the wire form again changes nothing");
    let decoded = percent_decode_str(wire).decode_utf8().unwrap();
    prop_assert_eq!(&*decoded, path.decoded(), "I6: what is forwarded decodes to what was judged");
    prop_assert_eq!(wire.split('/').count(), path.decoded().split('/').count(), "no slash comes out of a segment");
    let inner = path.decoded().trim_start_matches('/').trim_end_matches('/');
    for segment in inner.split('/').filter(|_| !inner.is_empty()) {
        prop_assert!(!matches!(segment, "" | "." | ".."), "segment {segment:?} was not resolved");
        prop_assert!(!segment.contains(['\\', '\0']));
    }
    Ok(())
}

proptest! {
    #[test]
    fn p01_to_p14_an_accepted_path_is_clean_and_stays_so(raw in hostile_path(), parameters_allowed: bool) {
        let rules = PathRules { parameters_allowed };
        if let Ok(path) = CanonicalPath::parse(raw.as_bytes(), rules) {
            check_accepted(&path, rules)?;
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(mut raw: Vec<u8>, parameters_allowed: bool) {
        let rules = PathRules { parameters_allowed };
        raw.insert(0, b'/');
        if let Ok(path) = CanonicalPath::parse(&raw, rules) {
            check_accepted(&path, rules)?;
        }
        let _ = CanonicalPath::parse(raw.get(1..).unwrap_or_default(), rules);
    }

    #[test]
    fn p13_folding_is_stable_and_keeps_the_letters_outside_ascii_there(text: String) {
        let folded = fold(&text).into_owned();
        prop_assert_eq!(folded.chars().count(), text.chars().count());
        for (before, after) in text.chars().zip(folded.chars()) {
            prop_assert_eq!(before.is_ascii(), after.is_ascii());
        }
    }
}
