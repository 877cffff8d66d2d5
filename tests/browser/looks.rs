//! Every page of the portal, on a phone and on a desk, by day and by night. The pictures are in `target/screenshots`.

use otpgate::demo::Customer;

use crate::browser::Browser;
use crate::world::Harbour;
use crate::{CODE, CONTINUE, SEND};

/// What every page must be, whatever it says.
async fn sound(browser: &Browser, name: &str) {
    assert_eq!(browser.count("h1").await, 1, "{name}");
    assert_eq!(browser.count("main").await, 1, "{name}");
    assert_eq!(browser.attribute("html", "lang").await.as_deref(), Some("en"), "{name}");
    assert!(!browser.title().await.is_empty(), "{name}");
    let unlabelled = "return [...document.querySelectorAll('input:not([type=hidden])')]
        .filter((input) => input.labels.length === 0).length";
    assert_eq!(browser.script(unlabelled).await, serde_json::json!(0), "{name}");
    browser.look(name).await;
    let breaches: Vec<String> =
        browser.console().await.into_iter().filter(|line| line.contains("Content Security Policy")).collect();
    assert_eq!(breaches, Vec::<String>::new(), "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_a_challenge_fits_a_phone_and_the_night() {
    let contacts = "
alice@example.com: {email: a.very.long.name.of.somebody.in.the.harbour.office@harbour.example}
bob@example.com: {email: [bob@harbour.example, {address: bob@boatyard.example, label: Boatyard}]}
";
    let contacts = contacts.replace("{address: bob@boatyard.example, label: Boatyard}", "bob@boatyard.example");
    let harbour = Harbour::open_for("challenge: {tries: 2, resend: {wait: 2m}}", &contacts);
    let browser = Browser::start().await;

    harbour.sign_in(&browser, Customer::Alice).await;
    sound(&browser, "code").await;
    browser.fill(CODE, &harbour.mail.mail(1).wrong_code()).await;
    browser.press(CONTINUE).await;
    browser.find("[role=alert]").await;
    sound(&browser, "wrong").await;
    if browser.count(SEND).await > 0 {
        browser.press(SEND).await;
        browser.see("main", "again").await;
        sound(&browser, "too-early").await;
        harbour.open_page(&browser, "/account").await;
    }
    browser.fill(CODE, &harbour.mail.mail(1).wrong_code()).await;
    browser.press(CONTINUE).await;
    browser.until("no input", async |browser| browser.count(CODE).await == 0).await;
    sound(&browser, "locked").await;

    harbour.open_page(&browser, "/echo/closed").await;
    sound(&browser, "refused").await;
    harbour.open_page(&browser, "/.otpgate/challenge?id=nothing").await;
    sound(&browser, "no-challenge").await;
    harbour.open_page(&browser, "/.otpgate/nowhere").await;
    sound(&browser, "not-found").await;

    harbour.sign_in(&browser, Customer::Bob).await;
    sound(&browser, "choose").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_a_failure_fits_a_phone_and_the_night() {
    let harbour = Harbour::open_for("challenge: {park: {max_body: 1KiB}}", "alice@example.com: {email: a@b.example}\n");
    let browser = Browser::start().await;

    harbour.sign_in(&browser, Customer::Bob).await;
    sound(&browser, "no-contact").await;

    harbour.open_page(&browser, "/transfer").await;
    browser.fill("#to", "Too much").await;
    browser.fill("#amount", "1").await;
    browser.paste("#note", &"x".repeat(2000)).await;
    browser.press("main form button").await;
    browser.see("main", "1").await;
    sound(&browser, "too-large").await;
}
