//! Forms that a challenge interrupts: nothing that was typed is lost, and nothing is sent twice.

use otpgate::demo::Customer;

use crate::browser::Browser;
use crate::looks::sound;
use crate::world::Harbour;
use crate::{CODE, CONTINUE};

/// Text that breaks where bytes are not kept: quotes, plus, percent, ampersand, an emoji of four bytes, right-to-left.
const NOTE: &str = "Rope & tar + 100 % \"safe\" <b>\r\n\tÆrø — 漁港 🚢\r\nשלום";

pub(crate) async fn sign_in(harbour: &Harbour, browser: &Browser) {
    harbour.sign_in(browser, Customer::Alice).await;
    browser.answer(&harbour.mail.mail(1)).await;
    browser.at("/account").await;
}

/// Fills the transfer form and sends it off, which asks for a code.
pub(crate) async fn send_transfer(harbour: &Harbour, browser: &Browser, to: &str) {
    harbour.open_page(browser, "/transfer").await;
    browser.fill("#to", to).await;
    browser.fill("#amount", "3.50").await;
    browser.paste("#note", NOTE).await;
    browser.press("main form button").await;
    browser.at("/.otpgate/challenge*").await;
    browser.find(CODE).await;
}

pub(crate) async fn arrived(browser: &Browser, to: &str) {
    browser.at("/transfer/done*").await;
    assert_eq!(browser.text("#to").await, to);
    let note = browser.script("return document.getElementById('note').textContent").await;
    assert_eq!(note.as_str().unwrap(), NOTE.replace("\r\n", "\n"));
}

/// I8, R12, R17: the form arrives as it was typed, once, whatever the visitor presses afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_form_arrives_as_it_was_typed_and_once() {
    let (harbour, browser) = (Harbour::open(""), Browser::start().await);
    sign_in(&harbour, &browser).await;
    send_transfer(&harbour, &browser, "Ægir & Søn").await;
    let page = browser.everything().await;
    assert!(page.contains("/transfer"), "the page says what is confirmed: {page}");
    browser.answer(&harbour.mail.mail(2)).await;
    arrived(&browser, "Ægir & Søn").await;

    // Reload, back, forward: the browser shows pages it had, and no way leads to a second transfer.
    browser.reload().await;
    browser.back().await;
    browser.back().await;
    browser.script("history.go(2)").await;
    browser.at("/transfer/done*").await;
    assert_eq!(browser.text("#total").await, "1");

    // Nor does the used code page.
    browser.back().await;
    if browser.count(CODE).await > 0 {
        browser.answer(&harbour.mail.mail(2)).await;
    }
    harbour.open_page(&browser, "/transfer/done?id=1").await;
    assert_eq!(browser.text("#total").await, "1");
}

/// R12, U24: a double click on the button is one answer and one transfer.
#[tokio::test(flavor = "multi_thread")]
async fn a_double_click_sends_once() {
    let (harbour, browser) = (Harbour::open(""), Browser::start().await);
    sign_in(&harbour, &browser).await;
    send_transfer(&harbour, &browser, "Nervous Ltd").await;
    browser.fill(CODE, &harbour.mail.mail(2).code()).await;
    browser.press_twice(CONTINUE).await;
    arrived(&browser, "Nervous Ltd").await;
    assert_eq!(browser.text("#total").await, "1");
}

/// O20: two tabs, two forms, two codes. Each tab goes on with its own, in whatever order.
#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_each_resume_their_own() {
    let (harbour, browser) = (Harbour::open(""), Browser::start().await);
    sign_in(&harbour, &browser).await;
    send_transfer(&harbour, &browser, "First").await;
    let first = harbour.mail.mail(2);
    browser.new_tab().await;
    send_transfer(&harbour, &browser, "Second").await;
    let second = harbour.mail.mail(3);

    if first.code() != second.code() {
        // O05: the other tab's code is a wrong one here.
        browser.answer(&first).await;
        browser.see("[role=alert]", "not the code").await;
    }
    browser.answer(&second).await;
    arrived(&browser, "Second").await;
    browser.tab(0).await;
    browser.answer(&first).await;
    arrived(&browser, "First").await;
    assert_eq!(browser.text("#total").await, "2");
}

/// A form whose address is to be proved: a slip in it is put right in the form as it was left, whatever was pressed
/// meanwhile, and only with the proved address does it arrive.
#[tokio::test(flavor = "multi_thread")]
async fn a_slip_in_an_address_that_is_proved_is_put_right_in_the_form_as_it_was_left() {
    let (harbour, browser) = (Harbour::open_joining(), Browser::start().await);
    harbour.sign_in(&browser, Customer::Alice).await;
    harbour.open_page(&browser, "/transfer").await;
    browser.fill("#amount", "3.50").await;
    browser.paste("#note", NOTE).await;
    let note = async || browser.property("#note", "value").await;
    let left = note().await;
    let send = async |to: &str| {
        browser.fill("#to", to).await;
        browser.fill("#amount", "3.50").await;
        browser.press("main form button").await;
    };
    send("nobody at all").await;
    browser.find("a[data-back]").await;
    sound(&browser, "form-without-address").await;
    browser.press("a[data-back]").await;
    browser.at("/transfer").await;
    browser.until("what was typed", async |_| note().await == left).await;

    send("slip@harbour.example").await;
    browser.find(CODE).await;
    sound(&browser, "form-address").await;
    browser.fill(CODE, "000000").await;
    browser.press(CONTINUE).await;
    browser.find("[role=alert]").await;
    browser.press("a[data-back]").await;
    browser.at("/transfer").await;
    browser.until("what was typed", async |_| note().await == left).await;

    send("joined@harbour.example").await;
    browser.find(CODE).await;
    let mail = harbour.mail.mail(3);
    assert_eq!(mail.to, "joined@harbour.example");
    browser.answer(&mail).await;
    arrived(&browser, "joined@harbour.example").await;
    assert_eq!(browser.text("#total").await, "1");
}
