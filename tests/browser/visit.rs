//! A visitor signs in, opens a protected page, and goes on after the code.

use otpgate::demo::Customer;

use crate::browser::Browser;
use crate::looks::sound;
use crate::world::Harbour;
use crate::{CODE, CONTINUE, SEND};

/// The application's own sign-in, a protected page, the code from the mail, the page. Then the grant holds, on pages, on
/// a WebSocket and on server-sent events, until the visitor ends it.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_from_the_mail_opens_what_is_protected() {
    let (harbour, browser) = (Harbour::open(""), Browser::start().await);
    harbour.sign_in(&browser, Customer::Alice).await;

    let mail = harbour.mail.mail(1);
    assert_eq!(mail.to, "alice@harbour.example");
    assert!(!mail.subject.contains(&mail.code()), "a subject is shown on locked screens: {}", mail.subject);
    assert!(mail.html.contains(&mail.code()) && mail.text.contains("Harbour Supplies"), "{mail:?}");
    let page = browser.everything().await;
    assert!(page.contains("a***@") && !page.contains("alice@") && !page.contains("harbour.example"), "masked: {page}");

    // O21: a reload, and the same page in another tab, send nothing.
    browser.reload().await;
    browser.find(CODE).await;
    let place = browser.place().await;
    browser.new_tab().await;
    harbour.open_page(&browser, &place).await;
    browser.find(CODE).await;

    browser.answer(&mail).await;
    browser.at("/account").await;
    browser.see("main", "Alice Marsh").await;
    assert_eq!(harbour.mail.count(), 1);

    harbour.open_page(&browser, "/live").await;
    browser.see("#ws-state", "connected").await;
    browser.see("#sse-state", "connected").await;
    browser
        .until("prices over both", async |browser| {
            browser.text("#ws-count").await != "0 messages" && browser.text("#sse-count").await != "0 messages"
        })
        .await;
    assert_eq!(harbour.mail.count(), 1);

    // Nothing of the portal's was blocked by its own policy, and no script of the shop's broke behind the gateway.
    assert_eq!(browser.console().await, Vec::<String>::new());

    // The grant ends at the visitor's wish; the application's own session does not.
    browser.script("const form = document.createElement('form'); form.method = 'post'; form.action = '/.otpgate/logout'; document.body.append(form); form.submit()").await;
    browser.at("/.otpgate/logout*").await;
    harbour.open_page(&browser, "/account").await;
    browser.at("/.otpgate/challenge*").await;
    let second = harbour.mail.mail(2);
    browser.answer(&second).await;
    browser.at("/account").await;

    // Signing out of the application takes the subject away: nobody is asked for a code, but for a sign-in.
    browser.press("nav form button").await;
    browser.at("/").await;
    harbour.open_page(&browser, "/account").await;
    browser.at("/login").await;
    assert_eq!(harbour.mail.count(), 2);
}

/// U15: nothing of it needs JavaScript. A form that was interrupted goes on, and a wrong code is told of.
#[tokio::test(flavor = "multi_thread")]
async fn all_of_it_works_without_javascript() {
    let (harbour, browser) = (Harbour::open(""), Browser::without_javascript().await);
    harbour.open_page(&browser, "/live").await;
    browser.at("/login").await;
    harbour.sign_in(&browser, Customer::Alice).await;
    let mail = harbour.mail.mail(1);
    browser.fill(CODE, &mail.wrong_code()).await;
    browser.press(CONTINUE).await;
    browser.see("[role=alert]", "not the code").await;
    browser.answer(&mail).await;
    // The application's sign-in leads to the account; the visitor had asked for the prices.
    browser.at("/live").await;
    assert_eq!(browser.text("#ws-count").await, "0 messages", "JavaScript is off");

    harbour.open_page(&browser, "/transfer").await;
    browser.fill("#to", "Zoë Åkesson").await;
    browser.fill("#amount", "12.50").await;
    browser.fill("#note", "two lines\nof it").await;
    browser.press("main form button").await;
    browser.at("/.otpgate/challenge*").await;
    browser.answer(&harbour.mail.mail(2)).await;
    browser.at("/transfer/done?id=1").await;
    assert_eq!(browser.text("#to").await, "Zoë Åkesson");
    assert_eq!(browser.text("#note").await, "two lines\nof it");
    assert_eq!(browser.text("#total").await, "1");
}

/// A visitor with two addresses chooses; only then a code goes out.
#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_with_two_addresses_chooses_one() {
    let (harbour, browser) = (Harbour::open(""), Browser::start().await);
    harbour.sign_in(&browser, Customer::Bob).await;
    assert_eq!(harbour.mail.count(), 0, "nothing goes out before the choice");
    assert_eq!(browser.count(SEND).await, 2, "{}", browser.everything().await);
    browser.press("form:has([name=channel][value=email]):has([name=contact][value='1']) button").await;
    browser.find(CODE).await;
    let mail = harbour.mail.mail(1);
    assert_eq!(mail.to, "bob@boatyard.example");
    browser.answer(&mail).await;
    browser.at("/account").await;
    browser.see("main", "Bob Keel").await;
    assert_eq!(harbour.mail.count(), 1);
}

/// O25: a site without users asks for an address. One that is not allowed is told the same and gets no mail; one that is
/// allowed gets a code, and is then the subject that the application is told of.
#[tokio::test(flavor = "multi_thread")]
async fn a_site_without_users_asks_for_an_address() {
    let (harbour, browser) = (Harbour::open_to("harbour.example"), Browser::start().await);
    harbour.open_page(&browser, "/echo/desk").await;
    browser.at("/.otpgate/challenge*").await;
    sound(&browser, "ask").await;
    browser.fill("[name=address]", "not an address").await;
    browser.press("form[action='/.otpgate/ask'] button").await;
    browser.find("[role=alert]").await;
    sound(&browser, "ask-again").await;

    let mut told = Vec::new();
    for address in ["mallory@elsewhere.example", "Rope.Desk@harbour.example"] {
        harbour.open_page(&browser, "/echo/desk").await;
        browser.fill("[name=address]", address).await;
        browser.press("form[action='/.otpgate/ask'] button").await;
        browser.find(CODE).await;
        let page = browser.text("main").await;
        told.push(page.replace("m***@e***", "***").replace("R***@h***", "***"));
    }
    assert_eq!(told[0], told[1]);
    sound(&browser, "typed").await;
    let mail = harbour.mail.mail(1);
    assert_eq!(mail.to, "Rope.Desk@harbour.example");
    browser.answer(&mail).await;
    browser.at("/echo/desk").await;
    let seen = browser.text("body").await;
    assert!(seen.contains("x-otpgate-subject") && seen.contains("rope.desk@harbour.example"), "{seen}");
    assert!(!seen.contains("otpgate_"), "no cookie of ours goes on: {seen}");
    assert_eq!(harbour.mail.count(), 1);
}
