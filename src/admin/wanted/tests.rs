use super::*;

fn rather_json(accept: &[&str]) -> bool {
    let headers = accept.iter().map(|line| (ACCEPT, line.parse().unwrap())).collect();
    wants_second(&headers, "text/html", "application/json")
}

#[test]
fn a_browser_gets_the_page_and_a_program_gets_json() {
    assert!(!rather_json(&["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"]));
    assert!(rather_json(&["application/json"]));
    assert!(rather_json(&["application/json, text/html;q=0.5"]));
    assert!(rather_json(&["text/html;q=0.5", "Application/JSON; charset=utf-8; q=0.6"]));
    assert!(rather_json(&["text/html;q=0, */*"]));
}

#[test]
fn whoever_does_not_care_gets_the_first() {
    for accept in [&[][..], &["*/*"], &["image/png"], &["application/json;q=0"], &["text/html, application/json"]] {
        assert!(!rather_json(accept), "{accept:?}");
    }
}

#[test]
fn nonsense_counts_for_nothing() {
    for accept in ["application/json;q=NaN", "application/json;q=-1", "application/json;q=x", ";;;,,/,*"] {
        assert!(!rather_json(&[accept]), "{accept}");
    }
}
