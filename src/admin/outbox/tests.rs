use super::*;
use crate::words::Channel;

fn kept(channel: Channel, to: &str, text: &str) -> Kept {
    Kept {
        time: "2026-11-24T02:12:05.250Z".to_owned(),
        provider: "dev".to_owned(),
        channel,
        to: to.to_owned(),
        site: "Example Shop".to_owned(),
        code: "482913".to_owned(),
        text: text.to_owned(),
    }
}

#[test]
fn a_message_is_shown_whole() {
    let html = page(&[kept(Channel::Email, "alice@example.com", "Your code\n\n482913\n")]).unwrap();
    for part in [
        "<b>482913</b>",
        "E-mail to alice@example.com",
        "datetime=\"2026-11-24T02:12:05.250Z\"",
        "2026-11-24 02:12:05 UTC",
        "Example Shop",
        "Your code\n\n482913",
        "<title>(1) Outbox",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
}

#[test]
fn f14_whatever_a_message_holds_is_text() {
    let hostile = "</pre><script>alert(1)</script>\"'&";
    let html = page(&[kept(Channel::Sms, hostile, hostile)]).unwrap();
    assert!(!html.contains("<script"), "{html}");
    assert!(html.contains("&lt;script&gt;"), "{html}");
}

#[test]
fn an_empty_outbox_says_how_messages_get_there() {
    let html = page(&[]).unwrap();
    assert!(html.contains("type: outbox"), "{html}");
    assert!(html.contains("<title>Outbox"), "{html}");
}

#[test]
fn the_style_on_the_page_is_the_one_that_the_policy_names() {
    let html = page(&[]).unwrap();
    let (_, rest) = html.split_once("<style>").unwrap();
    let (style, _) = rest.split_once("</style>").unwrap();
    let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()));
    assert!(POLICY.contains(&format!("'sha256-{hash}'")), "{}", POLICY.as_str());
    assert_eq!(html.matches("<style").count(), 1);
    assert!(!html.contains("style=\""), "no style that the policy forbids");
}
