//! The operator's own templates of messages: what is wrong with them, and what is odd.

use crate::{Written, changed};

/// The small config with text messages, a folder of templates and these files in it.
fn with(files: &[(&str, &str)], more: &[(&str, &str)]) -> Written {
    let mut config =
        changed("  email: {providers: dev}", "  email: {providers: dev}\n  sms: {providers: dev}\n  templates: words")
            .replace("channels: email,", "channels: [email, sms],");
    for (from, to) in more {
        assert!(config.contains(from), "{from}");
        config = config.replace(from, to);
    }
    let written = Written::new(config.as_bytes());
    std::fs::create_dir(written.folder.path().join("words")).unwrap();
    files.iter().fold(written, |written, (name, text)| written.file(&format!("words/{name}"), text))
}

#[test]
fn a_bad_template_is_a_fault_at_its_place_with_file_and_line() {
    for (name, text, wanted) in [
        ("sms.en.txt", "Hello,\n{{ cod }}", "`words/sms.en.txt`: line 2: unknown variable `cod`: did you mean `code`?"),
        ("sms.en.txt", "{{ code", "`words/sms.en.txt`: line 1: syntax error: "),
        ("sms.en.txt", "Hello", "`words/sms.en.txt`: it lacks the code when `aim` is `open`: "),
        ("email.en.text", "x", "`words/email.en.text`: unknown template: did you mean `email.en.txt`?"),
        (
            "sms.it.txt",
            "x",
            "`words/sms.it.txt`: there are no messages in `it`: the languages are en, de, fr, es, ms, ja",
        ),
        ("ja.yaml", "call_again: a\n\nsms.open: b", "`words/ja.yaml`: line 3: the sentence lacks `{code}`"),
    ] {
        let fault = with(&[(name, text)], &[]).fault();
        assert!(fault.starts_with(&format!("20:14: {wanted}")), "{fault}");
    }
    let gone = changed("  email: {providers: dev}", "  email: {providers: dev}\n  templates: gone");
    let fault = Written::new(gone.as_bytes()).fault();
    assert!(fault.starts_with("19:14: `gone`: cannot be read: "), "{fault}");
    assert_eq!(
        with(&[("sms.en.txt", "{{ code }}"), ("ja.yaml", "call_again: a")], &[]).oddities(),
        Vec::<String>::new()
    );
}

#[test]
fn u20_a_text_message_of_more_than_one_part_is_odd() {
    assert_eq!(with(&[], &[]).oddities(), Vec::<String>::new());
    let spanish = "{{ name }}: su código para abrir una página protegida es {{ code }}. No lo comparta con nadie.";
    assert_eq!(
        with(&[("sms.es.txt", spanish)], &[]).oddities(),
        [
            "20:14: `sms.es.txt`: a text message of `shop.example.com` takes 2 parts in `es`, 53 characters too many for one \
             (`á`, `ó` make it UCS-2, of which a part holds 70 instead of 160)"
        ]
    );
    let long = "shop.a-rather-long-name-of-a-company.example.com";
    assert_eq!(
        with(&[], &[("shop.example.com", long)]).oddities(),
        [format!(
            "7:12: a text message of `{long}` takes 2 parts in `ja`, 51 characters too many for one; each part is paid for"
        )]
    );
    let digits =
        [("store: memory", "store: memory\nchallenge: {digits: 10}"), ("shop.example.com", "a.b.shop.example.com")];
    assert_eq!(with(&[], &digits).oddities(), Vec::<String>::new());
}
