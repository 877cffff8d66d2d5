//! A Django site, with Django's own sign-in, CSRF protection and admin, behind the gateway: it must not notice.

use std::fs;

use ring::digest::{SHA256, digest};
use tempfile::TempDir;

use crate::browser::Browser;
use crate::support::Gateway;
use crate::world::{Backoffice, MailServer};

/// The password of every clerk, as `tests/apps/backoffice/serve.py` says.
const PASSWORD: &str = "Lighthouse-1911";

const CONFIG: &str = "
listeners: {address: '127.0.0.1:{port}'}
store: memory
secrets: '{secret}'
policies:
  desk: {channels: email, max_age: 15m}
sites:
  - hosts: office.localhost
    upstream: {servers: '127.0.0.1:{office}'}
    identity:
      - login: {path: [/accounts/login/, /admin/login/], field: username, session_cookie: sessionid,
                success: {status: 302}, logout: [/accounts/logout/, /admin/logout/]}
    sign_in: /accounts/login/
    directory: {file: contacts.yaml}
    routes:
      - {path: /admin/**, policy: desk}
      - {path: /transfer/, methods: POST, policy: desk}
delivery:
  providers:
    post: {type: smtp, url: 'smtp://127.0.0.1:{smtp}', from: 'Back office <no-reply@office.example>'}
  email: {providers: post}
challenge: {park: {max_body: 256KiB}}
admin: {address: '127.0.0.1:{admin}'}
log: {format: text, level: info}
";

/// A form with a file is interrupted and goes on with every byte and with Django's own token; then the grant opens the
/// admin; signing out there takes the subject away. A file over the limit is turned away before a code is typed (R16).
#[tokio::test(flavor = "multi_thread")]
async fn django_does_not_notice() {
    let (office, mail) = (Backoffice::start(), MailServer::start());
    let config = CONFIG.replace("{office}", &office.port.to_string()).replace("{smtp}", &mail.port.to_string());
    let gateway = Gateway::start(&config, &[("contacts.yaml", "Jörg: {email: joerg@office.example}\n")]);
    let base = format!("http://office.localhost:{}", gateway.port);
    let browser = Browser::start().await;

    browser.open(&format!("{base}/accounts/login/")).await;
    browser.fill("#id_username", "Jörg").await;
    browser.fill("#id_password", PASSWORD).await;
    browser.press("#sign-in").await;
    browser.see("#me", "Jörg").await;

    let folder = TempDir::new().unwrap();
    let big = folder.path().join("big.bin");
    fs::write(&big, vec![7; 300 * 1024]).unwrap();
    browser.open(&format!("{base}/transfer/")).await;
    browser.fill("#id_payee", "Too much").await;
    browser.fill("#id_amount", "1").await;
    browser.attach("#id_receipt", &big).await;
    browser.press("#send").await;
    browser.see("main", "256").await;
    assert_eq!(mail.count(), 0, "nobody types a code for what cannot be kept");

    // Every byte value, so that nothing that reads text survives on the way.
    let receipt: Vec<u8> = (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let file = folder.path().join("Quittung für März.bin");
    fs::write(&file, &receipt).unwrap();
    let note = "  Zeile 1\r\n\r\nZeile 3: 100 % & „quer“ 🧾  ";
    browser.open(&format!("{base}/transfer/?from=desk+1&q=%C3%A4")).await;
    browser.fill("#id_payee", "Bäckerei Groß").await;
    browser.fill("#id_amount", "1234.50").await;
    browser.paste("#id_note", note).await;
    browser.attach("#id_receipt", &file).await;
    browser.press("#send").await;
    browser.at("/.otpgate/challenge*").await;
    let code = mail.mail(1);
    assert_eq!(code.to, "joerg@office.example");
    browser.answer(&code).await;

    browser.at("/transfer/1/").await;
    assert_eq!(browser.text("#clerk").await, "Jörg");
    assert_eq!(browser.text("#payee").await, "Bäckerei Groß");
    assert_eq!(browser.text("#amount").await, "1234.50");
    assert_eq!(browser.property("#note", "value").await, note.replace("\r\n", "\n"));
    assert_eq!(browser.text("#query").await, "from=desk+1&q=%C3%A4");
    assert_eq!(browser.text("#receipt-name").await, "Quittung für März.bin");
    assert_eq!(browser.text("#receipt-size").await, receipt.len().to_string());
    let sum: String = digest(&SHA256, &receipt).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(browser.text("#receipt-sha256").await, sum);
    assert_eq!(browser.text("#total").await, "1");

    // The proof is of the same policy, so the admin is open, and works: its forms, its scripts, its own redirects.
    browser.open(&format!("{base}/admin/office/transfer/1/change/")).await;
    browser.fill("#id_payee", "Bäckerei Groß & Söhne").await;
    browser.press("input[name=_save]").await;
    browser.see(".messagelist", "changed successfully").await;
    assert_eq!(mail.count(), 1);
    assert_eq!(browser.console().await, Vec::<String>::new());

    browser.press("#logout-form button").await;
    browser.see("main", "Logged out").await;
    browser.open(&format!("{base}/admin/")).await;
    browser.at("/accounts/login/*").await;
    assert_eq!(mail.count(), 1, "who is not signed in gets no mail");
}
