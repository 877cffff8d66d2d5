use super::*;

#[test]
fn what_is_no_glob_says_what_to_write() {
    for (text, why) in [
        ("admin", BadGlob::NoSlash),
        ("", BadGlob::NoSlash),
        ("/a?b", BadGlob::Query),
        ("/a#b", BadGlob::Query),
        ("/a**", BadGlob::Deep),
        ("/a//b", BadGlob::NeverMatches),
        ("/a/../b", BadGlob::NeverMatches),
        ("/a\\b", BadGlob::NeverMatches),
        ("/a%2fb", BadGlob::Escape),
    ] {
        assert_eq!(Glob::parse(text), Err(why), "{text}");
    }
    assert!(Glob::parse("/100%").is_ok());
}

#[test]
fn coverage_is_sound() {
    let covers = |a: &str, b: &str| Glob::parse(a).unwrap().covers(&Glob::parse(b).unwrap());
    assert!(covers("/**", "/admin/**"));
    assert!(covers("/admin/**", "/admin/x/*"));
    assert!(covers("/a/*", "/a/b*"));
    assert!(!covers("/admin/*", "/admin/**"));
    assert!(!covers("/admin/**", "/administrator"));
    assert!(!covers("/a/b*", "/a/*"));
}

#[test]
fn p22_a_hostile_segment_takes_linear_time() {
    let glob = vec![String::from("a"); 60];
    assert!(!wild_matches(&glob, &("a".repeat(100_000) + "b")));
}
