use std::collections::BTreeMap;

use super::*;
use crate::delivery::sentences::SmsText;
use crate::seal::Code;
use crate::words::{Contact, Reference};

const CODES: [&str; 2] = ["123456", "1029384756"];

fn message(channel: Channel, tongue: Tongue, aim: Aim) -> Message {
    let to = if channel == Channel::Email { "alice@example.com" } else { "+60123456789" };
    Message {
        to: Contact::parse(channel, to).unwrap(),
        code: Code::unsealed(b"123456"),
        site: SiteName::new("Example Shop", "shop.example.com"),
        aim,
        expires_in: Duration::from_millis(299_980),
        reference: Reference::from_random([7; 5]),
        language: Some(tongue.language()),
        client: Some("2001:db8::7".parse().unwrap()),
    }
}

fn with_site(mut message: Message, name: &str, host: &str, code: &str) -> Message {
    message.site = SiteName::new(name, host);
    message.code = Code::unsealed(code.as_bytes());
    message
}

fn sms(templates: &Templates, message: &Message) -> SmsText {
    match templates.say(message) {
        Some(Said::Sms(text)) => text,
        _ => panic!("no text message"),
    }
}

fn email(templates: &Templates, message: &Message) -> EmailText {
    match templates.say(message) {
        Some(Said::Email(email)) => email,
        _ => panic!("no e-mail"),
    }
}

fn speech(templates: &Templates, message: &Message) -> Speech {
    match templates.say(message) {
        Some(Said::Voice(speech)) => speech,
        _ => panic!("no call"),
    }
}

/// Every tongue with every aim.
fn all() -> impl Iterator<Item = (Tongue, Aim)> {
    Tongue::ALL.into_iter().flat_map(|tongue| Aim::ALL.map(|aim| (tongue, aim)))
}

/// A notice of a changed contact.
fn notice(channel: Channel, tongue: Tongue) -> Message {
    let site = SiteName::new("Example Shop", "shop.example.com").with_support(Some("https://help.example/?a=1&b=2"));
    Message { code: None, site, client: None, ..message(channel, tongue, Aim::Changed) }
}

/// O27: in every language, without a code, without a link in a text message, and whatever an operator's templates say of
/// codes.
#[test]
fn o27_a_notice_says_that_a_contact_was_changed_and_has_no_code() {
    let own = folder(&[
        ("sms.txt", "mine {{ code }}"),
        ("voice.txt", "mine {{ code }}"),
        ("email.subject", "mine"),
        ("email.txt", "mine\n{{ code }}\n"),
        ("email.html", "<p>mine {{ code }}"),
    ]);
    for templates in [Templates::default(), Templates::load(own.path()).unwrap()] {
        for tongue in Tongue::ALL {
            let sms = sms(&templates, &notice(Channel::Sms, tongue));
            assert_eq!(sms.parts, 1, "{tongue:?}: {}", sms.text);
            assert!(sms.text.starts_with("Example Shop") && !sms.text.contains("mine"), "{}", sms.text);
            assert!(!sms.text.contains(['#', '@']) && !sms.text.contains("://"), "{}", sms.text);
            assert!(!sms.text.contains(char::is_numeric), "{}", sms.text);
            let speech = speech(&templates, &notice(Channel::Voice, tongue));
            assert!(!speech.said.iter().any(|piece| matches!(piece, Utterance::Digits(_))), "{speech}");
            assert!(speech.to_string().contains("Example Shop") && !speech.to_string().contains("mine"), "{speech}");
            assert!(speech.question.contains("Example Shop"), "{}", speech.question);
            let mail = email(&templates, &notice(Channel::Email, tongue));
            assert!(mail.subject.contains("Example Shop"), "{}", mail.subject);
            assert!(mail.text.contains("https://help.example/?a=1&b=2"), "{}", mail.text);
            assert!(mail.html.contains("?a=1&amp;b=2") && !mail.html.contains("<a "), "{}", mail.html);
            for part in [&mail.subject, &mail.text, &mail.html] {
                assert!(!part.contains("mine") && !part.contains('{') || part == &mail.html, "{part}");
            }
        }
    }
    let bare =
        Message { site: SiteName::new("Example Shop", "shop.example.com"), ..notice(Channel::Email, Tongue::English) };
    assert!(!email(&Templates::default(), &bare).text.contains("Help:"));
}

/// The words of a notice may be the operator's.
#[test]
fn o27_an_operator_may_say_it_in_other_words() {
    let own = folder(&[("en.yaml", "sms.changed: \"{name}: your contact is another one now\"\n")]);
    let sms = sms(&Templates::load(own.path()).unwrap(), &notice(Channel::Sms, Tongue::English));
    assert_eq!(sms.text, "Example Shop: your contact is another one now");
}

/// A folder of templates.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn with(files: &[(&str, &str)]) -> Templates {
    Templates::load(folder(files).path()).unwrap_or_else(|bad| panic!("{bad}"))
}

fn fault(files: &[(&str, &str)]) -> String {
    Templates::load(folder(files).path()).unwrap_err().to_string()
}

#[test]
fn o33_what_is_asked_before_a_code_names_the_site_and_holds_no_code() {
    for (tongue, aim) in all() {
        let question = speech(&Templates::default(), &message(Channel::Voice, tongue, aim)).question;
        assert!(question.contains("Example Shop"), "{tongue:?} {question}");
        assert!(!question.contains(|c: char| c.is_ascii_digit()), "{tongue:?} {question}");
    }
    let own = with(&[("en.yaml", "call_key: Press any key, says {name}.")]);
    let question = speech(&own, &message(Channel::Voice, Tongue::English, Aim::Open)).question;
    assert_eq!(question, "Press any key, says Example Shop.");
}

#[test]
fn u20_a_text_message_says_who_and_what_for_and_the_code_late() {
    let ours = Templates::default();
    let text = |tongue, aim| sms(&ours, &message(Channel::Sms, tongue, aim)).text;
    assert_eq!(
        text(Tongue::English, Aim::Confirm),
        "Example Shop: code to confirm a request. Never share it. It works for 5 minutes: 123456\n\n\
         @shop.example.com #123456"
    );
    assert_eq!(
        text(Tongue::Spanish, Aim::Open),
        "Example Shop: clave para ver contenido protegido. No la comparta con nadie. Vale 5 minutos: 123456\n\n\
         @shop.example.com #123456"
    );
    assert_eq!(
        text(Tongue::Japanese, Aim::Open),
        "Example Shop 閲覧用コード。5分有効。共有しないでください:123456\n\n@shop.example.com #123456"
    );
}

#[test]
fn u20_a_text_message_is_one_part_in_every_language() {
    let ours = Templates::default();
    let site = |name: &str| SiteName::new(name, "shop.example.com");
    for name in ["Example Shop", "マイショップ", "The Very Long Name Of A Company Limited", "~|^{}\\€`"] {
        let long = ours.long_sms(&site(name), 6, Duration::from_secs(600));
        assert_eq!(long, [], "{name}");
        for (tongue, aim) in all() {
            let text = sms(&ours, &with_site(message(Channel::Sms, tongue, aim), name, "shop.example.com", "123456"));
            assert_eq!((text.parts, text.unicode), (1, tongue == Tongue::Japanese), "{}", text.text);
            assert!(
                text.text.ends_with(":123456\n\n@shop.example.com #123456")
                    || text.text.ends_with(": 123456\n\n@shop.example.com #123456"),
                "{}",
                text.text
            );
        }
    }
    // Where nothing can give way any more, `check` tells.
    let host = SiteName::new("Shop", "shop.a-rather-long-name-of-a-company.example.com");
    let long: Vec<String> = ours.long_sms(&host, 10, Duration::from_secs(600)).iter().map(LongSms::to_string).collect();
    assert_eq!(long, ["2 parts in `ja`, 33 characters too many for one"]);
}

#[test]
fn u22_a_call_waits_and_says_the_digits_one_by_one_and_twice() {
    let ours = Templates::default();
    for (tongue, aim) in all() {
        let speech = speech(&ours, &message(Channel::Voice, tongue, aim));
        assert_eq!(speech.locale(), tongue.locale());
        let digits = || Utterance::Digits("123456".to_owned());
        let [silence, hello, first, pause, again, second, last, warning] = &speech.said[..] else {
            panic!("{:?}", speech.said)
        };
        assert_eq!([silence, pause, last], [&Utterance::Pause(1); 3], "people say hello first");
        assert_eq!([first, second], [&digits(), &digits()]);
        for sentence in [hello, again, warning] {
            let Utterance::Sentence(text) = sentence else { panic!("{sentence:?}") };
            assert!(!text.contains(|c: char| c.is_ascii_digit()), "{text}");
        }
        assert!(matches!(hello, Utterance::Sentence(text) if text.contains("Example Shop")));
    }
    assert_eq!(
        speech(&ours, &message(Channel::Voice, Tongue::English, Aim::Open)).to_string(),
        "Hello. This is Example Shop, with your code to open a protected page. Your code is: 1, 2, 3, 4, 5, 6. \
         Once more: 1, 2, 3, 4, 5, 6. Never tell it to anybody. If you did not ask for it, hang up."
    );
}

#[test]
fn u21_an_email_has_the_code_alone_on_a_line_and_not_in_its_subject() {
    let ours = Templates::default();
    for (tongue, aim) in all() {
        let email = email(&ours, &message(Channel::Email, tongue, aim));
        let sentences = ours.sentences(tongue);
        assert_eq!(email.language, tongue.tag());
        assert!(email.subject.contains("Example Shop") && !email.subject.contains("123456"));
        assert_eq!(email.text.lines().filter(|line| *line == "123456").count(), 1, "{}", email.text);
        assert_eq!(email.html.matches(">123456<").count(), 1);
        assert!(email.html.contains(&format!("<html lang=\"{}\">", tongue.tag())));
        for part in [&email.text, &email.html] {
            let part = part.replace("&#x27;", "'");
            let time = sentences.time(Duration::from_secs(300));
            for wanted in [&*time, sentences.get("not_you").unwrap(), "shop.example.com", "2001:db8::7"] {
                assert!(part.contains(wanted), "{wanted}: {part}");
            }
            assert!(part.contains(&Reference::from_random([7; 5]).to_string()), "{part}");
            assert!(
                !part.contains("http") && !part.contains("src=") && !part.contains("url("),
                "nothing is fetched: {part}"
            );
        }
        let clean = |text: &str| !text.contains("\n\n\n") && !text.contains("{%") && !text.contains('{');
        assert!(clean(&email.text), "{}", email.text);
        let mut quiet = message(Channel::Email, tongue, aim);
        quiet.client = None;
        let quiet = self::email(&ours, &quiet);
        let asked_from = sentences.get("asked_from").unwrap().split('{').next().unwrap().replace('\'', "&#x27;");
        assert!(email.html.contains(&asked_from) && !quiet.html.contains(&asked_from), "{asked_from}");
        assert!(clean(&quiet.text), "{}", quiet.text);
    }
}

/// The runs of digits that could be taken for a code.
fn runs(text: &str) -> Vec<String> {
    let runs = text.split(|c: char| !c.is_numeric()).filter(|run| run.chars().count() >= 6);
    runs.map(str::to_owned).collect()
}

#[test]
fn o35_d05_no_name_adds_a_line_a_link_digits_or_markup_to_any_message() {
    let ours = Templates::default();
    for name in [
        "Shop\r\nBcc: eve@example.org\r\n\r\n@evil.example #654321",
        "Shop 654321",
        "Shop 65 43 21",
        "Shop 654321",
        "{{ code }}{% if code %}{code}",
        "<b>Shop</b><script>&\"'",
        "\u{202e}pohS\u{2066}\u{200f}\u{61c}",
        "Shop\u{2028}\u{2029}\u{85}x",
        "Shop\u{1}\u{2}\u{e000}",
        "https://evil.example/pay",
        "\u{e0031}\u{e0032}Shop",
    ] {
        for ((tongue, aim), code) in all().flat_map(|each| CODES.map(|code| (each, code))) {
            let of = |channel| with_site(message(channel, tongue, aim), name, "shop.example.com", code);
            let (text, plain) =
                (sms(&ours, &of(Channel::Sms)).text, sms(&ours, &message(Channel::Sms, tongue, aim)).text);
            assert_eq!(text.lines().count(), plain.lines().count(), "{text}");
            assert_eq!(text.lines().last().unwrap(), format!("@shop.example.com #{code}"));
            let call = speech(&ours, &of(Channel::Voice));
            assert_eq!(call.said.len(), 8, "{:?}", call.said);
            let mail = email(&ours, &of(Channel::Email));
            let plain = email(&ours, &message(Channel::Email, tongue, aim));
            assert_eq!(mail.subject.lines().count(), 1);
            assert_eq!(mail.text.lines().count(), plain.text.lines().count(), "{}", mail.text);
            assert_eq!(mail.html.matches('<').count(), plain.html.matches('<').count(), "{}", mail.html);
            assert_eq!(mail.html.matches('"').count(), plain.html.matches('"').count(), "{}", mail.html);
            let spoken: String = call
                .said
                .iter()
                .filter_map(|piece| match piece {
                    Utterance::Sentence(text) => Some(&**text),
                    Utterance::Digits(_) | Utterance::Pause(_) => None,
                })
                .collect();
            assert!(runs(&spoken).is_empty() && runs(&mail.subject).is_empty(), "{spoken} {}", mail.subject);
            assert_eq!(runs(&text), [code, code]);
            assert_eq!(runs(&mail.text), [code]);
            for said in [&text, &mail.subject, &mail.text, &spoken] {
                assert!(!said.contains("://"), "{said}");
                let hidden = |c: char| {
                    (c.is_control() && c != '\n')
                        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{e007f}')
                };
                assert!(!said.contains(hidden), "{said:?}");
            }
        }
    }
}

#[test]
fn an_operator_overrides_what_is_there_and_the_rest_stays() {
    let templates = with(&[
        ("sms.de.txt", "{{ name }} {{ aim }}: {{ code }}\r\n"),
        ("sms.txt", "{{ say.sms }} ({{ reference }})"),
        ("email.fr.subject", "  Votre\ncode  "),
        ("de.yaml", "call.open: 'Moin, hier {name}:'\nminutes.other: '{n} min'\n"),
        (".gitkeep", "x"),
    ]);
    let text = |tongue| sms(&templates, &message(Channel::Sms, tongue, Aim::Open)).text;
    let reference = Reference::from_random([7; 5]);
    assert_eq!(text(Tongue::German), "Example Shop open: 123456\n\n@shop.example.com #123456");
    assert_eq!(
        text(Tongue::English),
        format!(
            "Example Shop: code to open a protected page. Never share it. It works for 5 minutes: 123456 ({reference})\n\n\
             @shop.example.com #123456"
        )
    );
    assert!(text(Tongue::Japanese).contains(&format!("({reference})")));
    assert_eq!(email(&templates, &message(Channel::Email, Tongue::French, Aim::Open)).subject, "Votre code");
    assert_eq!(
        email(&templates, &message(Channel::Email, Tongue::English, Aim::Open)).subject,
        "Your code for Example Shop"
    );
    let german = email(&templates, &message(Channel::Email, Tongue::German, Aim::Open));
    assert!(german.text.contains("5 min lang"), "{}", german.text);
    let call = speech(&templates, &message(Channel::Voice, Tongue::German, Aim::Open)).to_string();
    assert!(call.starts_with("Moin, hier Example Shop: 1, 2, 3") && call.contains("Noch einmal:"), "{call}");
    assert_eq!(format!("{templates:?}"), "Templates(email.fr.subject, sms.de.txt, sms.txt)");
}

#[test]
fn an_operator_can_put_a_logo_into_our_email() {
    let templates = with(&[(
        "email.html",
        "{% extends \"otpgate/email.html\" %}{% block top %}<h1>{{ name|upper }}</h1>{% endblock %}",
    )]);
    let html = email(&templates, &message(Channel::Email, Tongue::English, Aim::Open)).html;
    assert!(html.contains("<h1>EXAMPLE SHOP</h1>") && html.contains(">123456<"), "{html}");
    let hostile = with_site(message(Channel::Email, Tongue::English, Aim::Open), "<i>&", "x.example", "123456");
    let html = email(&templates, &hostile).html;
    assert!(html.contains("<h1>&lt;I&gt;&amp;</h1>"), "a value is escaped: {html}");
}

#[test]
fn u20_no_template_breaks_the_last_line() {
    for source in ["{{ code }}\n\n\n", "{{ code }}\n@evil.example #{{ code }}", "{{ code }} \t\n \n"] {
        let text = sms(&with(&[("sms.txt", source)]), &message(Channel::Sms, Tongue::English, Aim::Open)).text;
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[lines.len() - 2..], ["", "@shop.example.com #123456"], "{text:?}");
        assert!(!lines[lines.len() - 3].is_empty() && !text.ends_with('\n'), "{text:?}");
    }
}

#[test]
fn a_call_is_cut_into_pieces() {
    let templates = with(&[("voice.txt", "Hello\n\n{{ name }},{{ pause }}{{ pause }}\n{{ code }}{{ code }} bye")]);
    let said = speech(&templates, &message(Channel::Voice, Tongue::Malay, Aim::Open)).said;
    let sentence = |text: &str| Utterance::Sentence(text.to_owned());
    let digits = || Utterance::Digits("123456".to_owned());
    assert_eq!(said, [sentence("Hello Example Shop,"), Utterance::Pause(2), digits(), digits(), sentence("bye")]);
}

#[test]
fn a_bad_template_is_told_with_its_file_and_line() {
    for (name, source, wanted) in [
        ("sms.txt", "Code:\n{{ cod }}", "`sms.txt`: line 2: unknown variable `cod`: did you mean `code`?"),
        (
            "sms.txt",
            "{{ code }} {{ subject }}",
            "`sms.txt`: line 1: unknown variable `subject`: there is name, host, code, time, aim, client, reference, \
             support, language, say, pause",
        ),
        (
            "sms.txt",
            "path {{ code }}\n{{ say.smss }}",
            "`sms.txt`: line 2: unknown sentence `smss`: did you mean `sms`?",
        ),
        ("sms.txt", "{{ code }} {{ say.minutes }}", "`sms.txt`: line 1: unknown sentence `minutes`"),
        ("sms.txt", "{{ code }}{{ pause }}", "`sms.txt`: line 1: only a call has a `pause`: remove it"),
        (
            "email.subject",
            "Code\n{{ code }}",
            "`email.subject`: line 2: a subject shows on a locked screen and has no `code`: remove it",
        ),
        (
            "sms.de.txt",
            "a\nb\n{% if code %}",
            "`sms.de.txt`: line 3: syntax error: unexpected end of input, expected end of block",
        ),
        ("sms.txt", "{{ code }\n", "`sms.txt`: line 1: syntax error: unexpected `}`, expected end of variable block"),
        ("sms.txt", "{{ code|shout }}", "`sms.txt`: line 1: unknown filter: filter shout is unknown"),
        ("sms.txt", "{{ code }}\n{{ name.x }}", "`sms.txt`: line 2: undefined value"),
        ("sms.txt", "\n{% include \"x\" %}{{ code }}", "`sms.txt`: line 2: there is no such template"),
        (
            "sms.fr.txt",
            "bonjour",
            "`sms.fr.txt`: it lacks the code when `aim` is `open`: write `{{ code }}` where it is to stand",
        ),
        (
            "voice.txt",
            "{% if aim != \"prove\" %}{{ code }}{% endif %}",
            "`voice.txt`: it lacks the code when `aim` is `prove`: write `{{ code }}` where it is to stand",
        ),
        (
            "email.txt",
            "Your code: {{ code }}",
            "`email.txt`: the code stands on no line of its own when `aim` is `open`: write `{{ code }}` there",
        ),
        ("email.html", "<p>{{ name }}</p>", "`email.html`: it lacks the code when `aim` is `open`"),
        ("email.subject", "{# nothing #}", "`email.subject`: the subject is empty when `aim` is `open`"),
        ("sms.txt", "a\n{{ code }}\u{2}", "`sms.txt`: line 2: this is a control character: remove it"),
        ("sms.xx.txt", "", "`sms.xx.txt`: there are no messages in `xx`: the languages are en, de, fr, es, ms, ja"),
        ("it.yaml", "", "`it.yaml`: there are no messages in `it`: the languages are en,"),
        ("email.it.html", "", "`email.it.html`: there are no messages in `it`"),
        ("smss.txt", "", "`smss.txt`: unknown template: did you mean `sms.txt`?"),
        ("README", "", "`README`: unknown template: a file is called sms.txt, voice.txt,"),
        (
            "de.yaml",
            "subjct.open: x",
            "`de.yaml`: line 1: unknown sentence `subjct.open`: did you mean `subject.open`?",
        ),
        ("de.yaml", "use: a\nnever: a {nme} b", "`de.yaml`: line 2: unknown place `nme`: did you mean `name`?"),
        ("de.yaml", "sms.open: 'Code'", "`de.yaml`: line 1: the sentence lacks `{code}`"),
        ("de.yaml", "subject.open: '{code}'", "`de.yaml`: line 1: the sentence cannot have `{code}`"),
        ("de.yaml", "call_key: '{code}'", "`de.yaml`: line 1: the sentence cannot have `{code}`"),
        ("de.yaml", "hours.one: eine Stunde", "`de.yaml`: line 1: the sentence lacks `{n}`"),
        ("de.yaml", "use: ''", "`de.yaml`: line 1: a sentence is one line of text"),
        ("de.yaml", "use: \"a\\nb\"", "`de.yaml`: line 1: a sentence is one line of text"),
        ("de.yaml", "use: [a]", "`de.yaml`: line 1: expected a text, found a list"),
        ("de.yaml", "use: a\nuse: b", "`de.yaml`: line 2: the key `use` stands here twice"),
    ] {
        let told = fault(&[(name, source)]);
        assert!(told.starts_with(wanted), "{told}\n{wanted}");
    }
    let folder = folder(&[]);
    std::fs::write(folder.path().join("sms.txt"), b"\xff").unwrap();
    let bad = Templates::load(folder.path()).unwrap_err();
    assert_eq!(bad.to_string(), "`sms.txt`: is no UTF-8: save it as UTF-8");
    assert_eq!(bad.within(Path::new("conf/texts")).to_string(), "`conf/texts/sms.txt`: is no UTF-8: save it as UTF-8");
    let missing = Templates::load(&folder.path().join("nowhere")).unwrap_err();
    assert!(missing.within(Path::new("nowhere")).to_string().starts_with("`nowhere`: cannot be read: "));
}

#[test]
fn long_text_messages_of_an_operator_are_told_with_their_file() {
    let spanish = "{{ name }}: su código para abrir una página protegida es {{ code }}. No lo comparta.";
    let templates = with(&[("sms.es.txt", spanish)]);
    let long = templates.long_sms(&SiteName::new("Shop", "shop.example.com"), 6, Duration::from_secs(300));
    let told: BTreeMap<_, _> = long.iter().map(|sms| (sms.file.clone(), sms.to_string())).collect();
    assert_eq!(
        told,
        BTreeMap::from([(
            Some("sms.es.txt".to_owned()),
            "2 parts in `es`, 31 characters too many for one (`á`, `ó` make it UCS-2, of which a part holds 70 instead of \
             160)"
            .to_owned()
        )])
    );
}
