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

#[test]
fn a_glob_matches_what_it_says_and_nothing_else() {
    for (glob, hits, misses) in [
        ("/admin/**", &["/admin", "/admin/", "/admin/x", "/admin/x/y/"][..], &["/administrator", "/", "/x/admin"][..]),
        ("/**", &["/", "/a", "/a/b/c"], &[]),
        ("/", &["/"], &["/a"]),
        ("/a/*/c", &["/a/b/c", "/a/b/c/"], &["/a/c", "/a/b/b/c", "/a/b/c/d"]),
        ("/a*z/x", &["/az/x", "/abcz/x"], &["/abc/x", "/az"]),
        ("/**/secret/**", &["/secret", "/a/secret", "/a/b/secret/c"], &["/secrets", "/a/b"]),
        ("/a/**/b", &["/a/b", "/a/x/b", "/a/x/y/b"], &["/a", "/a/b/c"]),
    ] {
        let glob = Glob::parse(glob).unwrap();
        hits.iter().for_each(|path| assert!(glob.matches(path), "{glob} {path}"));
        misses.iter().for_each(|path| assert!(!glob.matches(path), "{glob} {path}"));
    }
    let long = format!("/{}", vec!["**"; 64].join("/"));
    assert!(Glob::parse(&long).unwrap().matches(&"/a".repeat(10_000)), "64 segments, in linear time (P22)");
    assert!(Glob::parse("/Admin/*.PHP").unwrap().folded().matches("/admin/x.php"));
}
