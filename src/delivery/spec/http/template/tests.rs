use super::*;

const NAMES: &[&str] = &["text", "code", "n"];
/// What breaks out of one thing or another.
const NASTY: &str = "a\"b'c\\d\r\ne&f<g>h#i?j/k%l+m=n{{ code }}{% raw %}\u{0}\u{2028}é]]>";

fn template(source: &str, escape: Escape) -> Result<Template, String> {
    Template::new(vec![Piece::Text(source.to_owned())], escape, NAMES)
}

fn fill(source: &str, escape: Escape) -> String {
    let values = vec![("text", Value::from(NASTY)), ("code", Value::from("123456")), ("n", Value::from(7))];
    template(source, escape).unwrap().fill(&values).unwrap()
}

#[test]
fn no_value_breaks_out_of_json() {
    for source in [
        r#"{"a": "{{ text }}", "b": "{{ code }}", "n": {{ n }}}"#,
        r#"{"a": "{{ text | safe }}", "b": "{{ code }}", "n": {{ n }}}"#,
        r#"{% autoescape false %}{"a": "{{ text }}", "b": "{{ code }}", "n": {{ n }}}{% endautoescape %}"#,
    ] {
        let read: serde_json::Value = serde_json::from_str(&fill(source, Escape::Json)).unwrap();
        assert_eq!(read, serde_json::json!({"a": NASTY, "b": "123456", "n": 7}));
    }
}

#[test]
fn no_value_breaks_out_of_an_address_or_a_form() {
    let filled = fill("a={{ text }}&b={{ code }}", Escape::Url);
    let pairs: Vec<_> = url::form_urlencoded::parse(filled.as_bytes()).into_owned().collect();
    assert_eq!(pairs, [("a".to_owned(), NASTY.to_owned()), ("b".to_owned(), "123456".to_owned())]);
    let url = url::Url::parse(&format!("https://a.example/{}", fill("x/{{ text }}/y", Escape::Url))).unwrap();
    assert_eq!((url.path_segments().unwrap().count(), url.query(), url.fragment()), (3, None, None));
}

#[test]
fn no_value_breaks_out_of_xml() {
    let filled = fill("<a b=\"{{ text }}\">{{ text }}</a>", Escape::Xml);
    assert_eq!((filled.matches('<').count(), filled.matches('"').count()), (2, 2));
    assert!(filled.contains("&lt;g&gt;h#i") && !filled.contains('\0') && !filled.contains("]]>"), "{filled}");
}

#[test]
fn a_secret_is_a_value_and_shows_nowhere() {
    let secret = |text: &str| Piece::Secret(SecretText::from(text.to_owned()));
    let pieces = vec![Piece::Text("{\"k\": \"".to_owned()), secret("p\"{{ code }}"), Piece::Text("\"}".to_owned())];
    let template = Template::new(pieces, Escape::Json, NAMES).unwrap();
    assert_eq!(template.fill(&Vec::new()).unwrap(), r#"{"k": "p\"{{ code }}"}"#);
    assert_eq!(format!("{template:?}"), "Template(Json)");
}

#[test]
fn a_template_that_is_none_is_told_of() {
    let fault = |source| template(source, Escape::Plain).unwrap_err();
    assert_eq!(fault("a\n{{ text"), "not a template: syntax error in its line 2");
    assert_eq!(fault("{{ txet }}"), "nothing is called `txet` here: did you mean `text`?");
    assert_eq!(fault("{{ debug() }}"), "nothing is called `debug` here: there is text, code, n");
    assert_eq!(fault("{{ secret_0 }}"), "nothing is called `secret_0` here: there is text, code, n");
    let filled = template("{{ text | nothing }}", Escape::Plain).unwrap().fill(&vec![("text", Value::from("x"))]);
    assert_eq!(filled.unwrap_err(), "not a template: unknown filter in its line 1");
}
