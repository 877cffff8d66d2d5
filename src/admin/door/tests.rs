use super::*;

const TOKEN: &str = "correct-horse-battery";

fn presented_by(lines: &[&str], basic: bool) -> Presented {
    let headers = lines.iter().map(|line| (AUTHORIZATION, line.parse().unwrap())).collect();
    presented(&headers, &AdminToken::parse(TOKEN).unwrap(), basic)
}

#[test]
fn a_bearer_token_is_the_whole_token_in_one_header() {
    assert_eq!(presented_by(&["Bearer correct-horse-battery"], false), Presented::Right);
    assert_eq!(presented_by(&["bearer  correct-horse-battery"], false), Presented::Right);
    for wrong in ["Bearer", "Bearer ", "Bearer correct-horse-batter", "Bearer correct-horse-battery x"] {
        assert_eq!(presented_by(&[wrong], false), Presented::Wrong, "{wrong}");
    }
    let twice = ["Bearer correct-horse-battery", "Bearer correct-horse-battery"];
    assert_eq!(presented_by(&twice, false), Presented::Wrong);
    assert_eq!(presented_by(&[], false), Presented::Nothing);
}

#[test]
fn a_password_will_do_only_where_a_browser_asks() {
    let with = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    assert_eq!(presented_by(&[&with("anyone:correct-horse-battery")], true), Presented::Right);
    assert_eq!(presented_by(&[&with(":correct-horse-battery")], true), Presented::Right);
    assert_eq!(presented_by(&[&with("correct-horse-battery:")], true), Presented::Wrong);
    assert_eq!(presented_by(&[&with("correct-horse-battery")], true), Presented::Wrong);
    assert_eq!(presented_by(&["Basic !!!"], true), Presented::Wrong);
    assert_eq!(presented_by(&[&with("anyone:correct-horse-battery")], false), Presented::Nothing);
}

#[test]
fn f11_only_addresses_and_localhost_are_names_of_this_listener() {
    for own in ["127.0.0.1", "[::1]", "10.1.2.3", "localhost"] {
        assert!(is_address_or_localhost(own), "{own}");
    }
    for foreign in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "0x7f.1", "2130706433", "::1"] {
        assert!(!is_address_or_localhost(foreign), "{foreign}");
    }
}
