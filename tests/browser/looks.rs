//! Every page of the portal, on a phone and on a desk, by day and by night. The pictures are in `target/screenshots`.

use std::time::{Duration, Instant};

use otpgate::demo::Customer;

use crate::browser::Browser;
use crate::forms::{arrived, send_transfer, sign_in};
use crate::world::Harbour;
use crate::{CODE, CONTINUE, SEND};

/// What every page must be, whatever it says.
pub(crate) async fn sound(browser: &Browser, name: &str) {
    assert_eq!(browser.count("h1").await, 1, "{name}");
    assert_eq!(browser.count("main").await, 1, "{name}");
    assert_eq!(browser.attribute("html", "lang").await.as_deref(), Some("en"), "{name}");
    assert!(!browser.title().await.is_empty(), "{name}");
    let unlabelled = "return [...document.querySelectorAll('input:not([type=hidden])')]
        .filter((input) => input.labels.length === 0).length";
    assert_eq!(browser.script(unlabelled).await, serde_json::json!(0), "{name}");
    browser.look(name).await;
    assert_eq!(browser.console().await, Vec::<String>::new(), "{name}");
}

async fn wrong(browser: &Browser, code: &str) {
    browser.fill(CODE, code).await;
    browser.press(CONTINUE).await;
}

/// U15, F14: every page fits a phone and the night. Meanwhile a code's time runs out, and the form behind it is still
/// kept (U14).
#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_a_phone_and_the_night_and_a_new_code_keeps_the_form() {
    let slow = Harbour::open("challenge: {ttl: 30s, resend: {wait: 1s}}");
    let waiting = Browser::start().await;
    sign_in(&slow, &waiting).await;
    send_transfer(&slow, &waiting, "Patience & Co").await;
    let (old, sent) = (slow.mail.mail(2), Instant::now());

    let contacts = "bob@example.com: {email: [a.very.long.name.of.somebody.in.the.boatyard.office@boatyard.example, b@c.example]}\n";
    let more = "challenge: {tries: 2, park: {max_body: 1KiB}}";
    let (harbour, browser) = (Harbour::open_for(more, contacts), Browser::start().await);
    harbour.sign_in(&browser, Customer::Alice).await;
    sound(&browser, "no-contact").await;

    harbour.sign_in(&browser, Customer::Bob).await;
    sound(&browser, "choose").await;
    browser.press(SEND).await;
    let mail = harbour.mail.mail(1);
    browser.find(CODE).await;
    sound(&browser, "code").await;
    browser.press(SEND).await;
    browser.find("[role=alert]").await;
    assert_eq!(harbour.mail.count(), 1, "too early for another");
    sound(&browser, "too-early").await;
    wrong(&browser, &mail.wrong_code()).await;
    browser.see("[role=alert]", "not the code").await;
    sound(&browser, "wrong").await;
    browser.press("a[href^='/.otpgate/help']").await;
    browser.at("/.otpgate/help*").await;
    sound(&browser, "help").await;
    browser.press("main .actions a[href^='/.otpgate/challenge']").await;
    browser.find(CODE).await;
    wrong(&browser, &mail.wrong_code()).await;
    browser.until("no input", async |browser| browser.count(CODE).await == 0).await;
    sound(&browser, "locked").await;

    harbour.open_page(&browser, "/transfer").await;
    browser.fill("#to", "Too much").await;
    browser.fill("#amount", "1").await;
    browser.paste("#note", &"x".repeat(2000)).await;
    browser.press("main form button").await;
    browser.see("h1", "Too large").await;
    sound(&browser, "too-large").await;

    for (path, name) in [
        ("/echo/closed", "refused"),
        ("/.otpgate/challenge?id=nothing", "no-challenge"),
        ("/.otpgate/nowhere", "not-found"),
        ("/.otpgate/", "index"),
        ("/public/%2e%2e%2fadmin", "bad-request"),
    ] {
        harbour.open_page(&browser, path).await;
        sound(&browser, name).await;
    }

    // The shortest life of a code that the config takes; the gateway is another process, with a clock of its own.
    tokio::time::sleep(Duration::from_secs(30).saturating_sub(sent.elapsed())).await;
    waiting.answer(&old).await;
    waiting.see("h1", "expired").await;
    sound(&waiting, "expired").await;
    waiting.press(SEND).await;
    let new = slow.mail.mail(3);
    waiting.answer(&new).await;
    arrived(&waiting, "Patience & Co").await;
    assert_eq!(waiting.text("#total").await, "1");
    waiting.back().await;
    waiting.reload().await;
    sound(&waiting, "passed").await;
}
