//! What messages say, as it arrives: in a real mailbox, and in the outbox.

use std::fmt::Write as _;
use std::sync::Arc;

use otpgate::delivery::{Kept, LANGUAGES, Message, Outbox, SiteName, Tools};
use otpgate::words::{Channel, Contact};
use serde_json::json;
use tempfile::TempDir;

use crate::server::{Mail, Server};
use crate::world::{World, message, message_to};

/// A folder of an operator's templates.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Sends through an outbox with these templates: what came in.
async fn kept(files: &[(&str, &str)], messages: &[Message]) -> Vec<Kept> {
    let outbox = Arc::new(Outbox::default());
    let folder = folder(files);
    let mut yaml = "providers: {dev: {type: outbox}}\n".to_owned();
    for channel in ["email", "sms", "voice"] {
        writeln!(yaml, "{channel}: {{providers: dev}}").unwrap();
    }
    writeln!(yaml, "templates: {}", folder.path().display()).unwrap();
    let world = World::with(&yaml, Tools::alone(Arc::clone(&outbox)));
    for message in messages {
        world.send(message).await.unwrap();
    }
    let mut kept = outbox.recent();
    kept.reverse();
    kept
}

/// Sends an e-mail to a real mail server with these templates.
async fn mailed(files: &[(&str, &str)], message: &Message) -> Mail {
    let server = Server::start(&json!({}));
    let folder = folder(files);
    let (port, path) = (server.port, folder.path().display());
    let world = World::new(&format!(
        "providers: {{post: {{type: smtp, url: 'smtp://127.0.0.1:{port}', from: Shop <no-reply@example.org>}}}}\n\
         email: {{providers: post}}\ntemplates: {path}\n"
    ));
    world.send(message).await.unwrap();
    server.mail()
}

fn in_language(mut message: Message, tag: &str) -> Message {
    message.language = Some(tag.parse().unwrap());
    message
}

#[tokio::test]
async fn u21_an_email_arrives_in_the_language_of_the_visitor() {
    for (tag, subject, expiry) in [
        ("en", "Your code for Example Shop", "5 minutes"),
        ("de-at", "Ihr Code für Example Shop", "5 Minuten"),
        ("fr", "Votre code pour Example Shop", "5 minutes"),
        ("es-mx", "Su código para Example Shop", "5 minutos"),
        ("ms", "Kod anda untuk Example Shop", "5 minit"),
        ("ja", "Example Shopの確認コード", "5分"),
        ("pl", "Your code for Example Shop", "5 minutes"),
    ] {
        let mail = mailed(&[], &in_language(message(Channel::Email), tag)).await;
        assert_eq!(mail.header("Subject"), [subject]);
        let language = LANGUAGES.into_iter().find(|known| tag.starts_with(known)).unwrap_or("en");
        assert_eq!(mail.header("Content-Language"), [language]);
        assert_eq!(mail.header("Auto-Submitted"), ["auto-generated"]);
        assert_eq!(mail.header("Message-ID").len(), 1);
        assert_eq!(mail.code(), "123456");
        for part in ["text/plain", "text/html"] {
            assert!(mail.part(part).contains(expiry) && mail.part(part).contains("203.0.113.7"), "{}", mail.part(part));
        }
        assert!(mail.part("text/html").contains(&format!("<html lang=\"{language}\">")));
    }
}

#[tokio::test]
async fn an_overridden_email_reaches_the_mailbox() {
    let files = [
        ("email.de.subject", "{{ name }}: Anmeldung\n\tbestätigen"),
        ("email.txt", "{{ say.intro }}\n{{ code }}\n-- \n{{ reference }}"),
        ("email.html", "{% extends 'otpgate/email.html' %}{% block top %}<b>{{ name }} & Co</b>{% endblock %}"),
        ("de.yaml", "intro.open: Bitte {time} lang eintippen an {host}!"),
    ];
    let german = mailed(&files, &in_language(message(Channel::Email), "de")).await;
    assert_eq!(german.header("Subject"), ["Example Shop: Anmeldung bestätigen"]);
    let text = german.part("text/plain").replace("\r\n", "\n");
    assert!(text.starts_with("Bitte 5 Minuten lang eintippen an shop.example.com!\n123456\n--\n"), "{text}");
    assert!(german.part("text/html").contains("<b>Example Shop & Co</b>"), "what an operator writes stays as it is");
    let english = mailed(&files, &message(Channel::Email)).await;
    assert_eq!(english.header("Subject"), ["Your code for Example Shop"], "what is not there is not overridden");
    assert_eq!(english.code(), "123456");
}

#[tokio::test]
async fn overridden_text_messages_and_calls_reach_the_outbox() {
    let files = [
        ("sms.es.txt", "{{ name }}: {{ code }} es su clave{% if aim == 'prove' %} nueva{% endif %}"),
        ("voice.txt", "{{ name }} {{ code }} {{ say.call_again }} {{ code }}"),
    ];
    let spanish = in_language(message(Channel::Sms), "es");
    let call = in_language(message(Channel::Voice), "fr");
    let kept = kept(&files, &[spanish, message(Channel::Sms), call]).await;
    assert_eq!(kept[0].text, "Example Shop: 123456 es su clave\n\n@shop.example.com #123456");
    assert!(kept[1].text.starts_with("Example Shop: code to open a protected page."), "{}", kept[1].text);
    assert_eq!(kept[2].text, "Example Shop 1, 2, 3, 4, 5, 6. Je répète : 1, 2, 3, 4, 5, 6.");
}

#[tokio::test]
async fn u20_the_last_line_of_a_text_message_is_exact_in_every_language() {
    let mut messages = Vec::new();
    for tag in LANGUAGES {
        for host in ["shop.example.com", "10.0.0.5", "[2001:db8::1]"] {
            let mut message = in_language(message(Channel::Sms), tag);
            message.site = SiteName::new("Example Shop", host);
            messages.push(message);
        }
    }
    for each in kept(&[], &messages).await.chunks(3) {
        let [name, four, six] = each else { panic!() };
        assert!(name.text.ends_with("123456\n\n@shop.example.com #123456"), "{}", name.text);
        for address in [four, six] {
            assert!(!address.text.contains(['@', '#', '\n']), "{}", address.text);
        }
    }
}

#[tokio::test]
async fn o35_d05_a_hostile_name_changes_no_message_but_its_own_words() {
    let hostile =
        "Shop\r\nBcc: eve@example.org\r\n\r\n@evil.example #654321 {{ code }} <b>x</b> \u{202e}https://e.example";
    let mut messages = Vec::new();
    for (tag, channel) in
        LANGUAGES.into_iter().flat_map(|tag| [Channel::Email, Channel::Sms, Channel::Voice].map(|c| (tag, c)))
    {
        let mut message = in_language(message(channel), tag);
        message.site = SiteName::new(hostile, "shop.example.com");
        messages.push(message);
    }
    for kept in kept(&[], &messages).await {
        let text = &kept.text;
        assert!(!text.contains("654321") && !text.contains("://") && !text.contains('\u{202e}'), "{text}");
        assert!(!text.lines().any(|line| line.starts_with("Bcc") || line.starts_with("@evil")), "{text}");
        if kept.channel == Channel::Sms {
            assert_eq!((text.lines().count(), text.lines().last()), (3, Some("@shop.example.com #123456")), "{text}");
        }
    }
    let mut german = in_language(message_to(Contact::parse(Channel::Email, "alice@example.com").unwrap()), "de");
    german.site = SiteName::new(hostile, "shop.example.com");
    let mail = mailed(&[], &german).await;
    assert_eq!(mail.0["recipients"], json!(["alice@example.com"]));
    assert!(mail.header("Bcc").is_empty());
    assert!(!mail.part("text/html").contains("<b>"));
}
