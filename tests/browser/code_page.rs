//! The code page: what a browser, a keyboard and a screen reader make of it.

use otpgate::demo::Customer;
use serde_json::json;

use crate::browser::Browser;
use crate::support::{Answer, Client};
use crate::world::Harbour;
use crate::{CODE, CONTINUE};

/// U01, U05, U07: one labelled input that phones fill in by themselves, with the focus in it.
#[tokio::test(flavor = "multi_thread")]
async fn the_input_is_one_that_phones_and_screen_readers_know() {
    let (harbour, browser) = (Harbour::open(""), Browser::start().await);
    harbour.sign_in(&browser, Customer::Alice).await;
    browser.find(CODE).await;

    assert_eq!(browser.count("input:not([type=hidden])").await, 1);
    for (name, value) in [
        ("type", "text"),
        ("inputmode", "numeric"),
        ("autocomplete", "one-time-code"),
        ("spellcheck", "false"),
        ("autocapitalize", "off"),
    ] {
        assert_eq!(browser.attribute(CODE, name).await.as_deref(), Some(value), "{name}");
    }
    // A limit would cut `123 456` off when it is pasted (U02).
    assert_eq!(browser.attribute(CODE, "maxlength").await, None);
    let id = browser.attribute(CODE, "id").await.unwrap();
    assert!(!browser.text(&format!("label[for='{id}']")).await.is_empty(), "a visible label");
    assert_eq!(browser.script("return document.activeElement.name").await, json!("code"), "the focus");
    assert_eq!(browser.attribute("html", "lang").await.as_deref(), Some("en"));
    assert_eq!(browser.count("h1").await, 1);
    assert_eq!(browser.count("main").await, 1);
    let (title, heading) = (browser.title().await, browser.text("h1").await);
    assert!(title.contains(&heading) && title.contains("Harbour Supplies"), "{title} / {heading}");
    for described in browser.attribute(CODE, "aria-describedby").await.unwrap_or_default().split_whitespace() {
        assert_eq!(browser.count(&format!("[id='{described}']")).await, 1, "{described}");
    }
    // Targets are at least 24 px high (WCAG 2.5.8).
    let small = "return [...document.querySelectorAll('button, input:not([type=hidden])')]
        .filter((e) => e.getBoundingClientRect().height < 24).map((e) => e.outerHTML)";
    assert_eq!(browser.script(small).await, json!([]));

    // U02: spaces and a dash are no mistake, and Enter is enough (U04).
    let code = harbour.mail.mail(1).code();
    browser.fill(CODE, &format!(" {} {}-{}\u{e007}", &code[..2], &code[2..4], &code[4..])).await;
    browser.at("/account").await;
}

/// U08, U09, U10: a mistake is told of where a screen reader hears it and where an eye finds it.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_code_is_said_at_the_top_and_beside_the_input() {
    let (harbour, browser) = (Harbour::open(""), Browser::start().await);
    harbour.sign_in(&browser, Customer::Alice).await;
    let mail = harbour.mail.mail(1);

    browser.fill(CODE, &mail.wrong_code()).await;
    browser.press(CONTINUE).await;
    browser.see("[role=alert]", "not the code").await;
    assert!(browser.title().await.starts_with("Error:"), "{}", browser.title().await);
    assert_eq!(browser.script("return document.activeElement.name").await, json!("code"), "ready to type again");
    let id = browser.attribute(CODE, "id").await.unwrap();
    assert_eq!(browser.count(&format!("[role=alert] a[href='#{id}']")).await, 1, "a link to the input");
    assert_eq!(browser.attribute(CODE, "aria-invalid").await.as_deref(), Some("true"));
    let described = browser.attribute(CODE, "aria-describedby").await.unwrap();
    let mut told = String::new();
    for part in described.split_whitespace() {
        told.push_str(&browser.text(&format!("[id='{part}']")).await);
    }
    assert!(told.contains("not the code"), "beside the input: {told}");
    assert_eq!(browser.property(CODE, "value").await, "", "what was typed is not shown again");
    assert!(!browser.place().await.contains(&mail.wrong_code()), "no code in the address");
    let wrong = browser.text("[role=alert]").await;

    // O02: what is no code at all costs no try, and is said to be so.
    browser.fill(CODE, "12").await;
    browser.press_on(CONTINUE).await;
    browser.until("another message", async |browser| browser.text("[role=alert]").await != wrong).await;
    browser.fill(CODE, "letters").await;
    browser.press_on(CONTINUE).await;
    browser.find("[role=alert]").await;

    // With two left the page says so (U10); the last one locks, and then the right code is no better than a wrong one.
    for left in [3, 2, 1] {
        browser.fill(CODE, &mail.wrong_code()).await;
        browser.press_on(CONTINUE).await;
        if left <= 2 {
            browser.see("[role=alert]", if left == 2 { "2" } else { "1" }).await;
        }
    }
    browser.fill(CODE, &mail.wrong_code()).await;
    browser.press_on(CONTINUE).await;
    browser.until("no input, since it is locked", async |browser| browser.count(CODE).await == 0).await;
    assert_eq!(harbour.mail.count(), 1);
}

/// U23: the page is nobody else's to frame, keep, script or refer from.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_has_strict_headers() {
    let harbour = Harbour::open("");
    let mut client = Client::new("harbour.localhost", harbour.gateway.port);
    let customer = Customer::Alice;
    client.post("/login", &[("email", customer.email()), ("password", customer.password())]).await;
    let page = client.open("/account").await;
    assert_eq!(page.status, 200, "{page:?}");
    let missing = client.get("/.otpgate/nowhere").await;
    assert_eq!(missing.status, 404);
    for answer in [&page, &missing] {
        strict(answer);
    }
    assert!(page.body.len() < 30 * 1024, "a page weighs {} bytes (U25)", page.body.len());
    assert!(!page.body.contains("http://") && !page.body.contains("https://"), "nothing from elsewhere: {}", page.body);
}

fn strict(answer: &Answer) {
    let header = |name: &str| answer.header(name).unwrap_or_else(|| panic!("no {name} in {answer:?}")).to_owned();
    assert!(header("cache-control").contains("no-store"));
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("cross-origin-opener-policy"), "same-origin");
    let policy = header("content-security-policy");
    for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action"] {
        assert!(policy.contains(part), "{part} in {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
}
