//! What stands around a browser: two applications that know nothing of the gateway, a mail server, and the gateway.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use otpgate::demo::{self, Customer};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::browser::Browser;
use crate::support::process::wait_for;
use crate::support::{Gateway, free_port};

const PATIENCE: Duration = Duration::from_secs(20);

fn python() -> PathBuf {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin/python");
    assert!(python.is_file(), "{} is needed: `scripts/setup.sh test` makes it", python.display());
    python
}

fn app(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps").join(name)
}

fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// A mail server: aiosmtpd, which none of us wrote.
pub struct MailServer {
    child: Child,
    pub port: u16,
    mails: Arc<Mutex<Vec<Mail>>>,
}

/// A mail as it arrived.
#[derive(Debug, Clone)]
pub struct Mail {
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl MailServer {
    pub fn start() -> Self {
        let port = free_port();
        let mut child = Command::new(python())
            .arg("-B")
            .arg(app("mail_sink.py"))
            .arg(port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mails, lines) = (Arc::new(Mutex::new(Vec::new())), BufReader::new(child.stdout.take().unwrap()).lines());
        let kept = Arc::clone(&mails);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mail: Value = serde_json::from_str(&line).unwrap();
                let text = |name: &str| mail[name].as_str().unwrap_or_default().to_owned();
                let to = mail["to"][0].as_str().unwrap().to_owned();
                kept.lock().unwrap().push(Mail {
                    to,
                    subject: text("subject"),
                    text: text("text"),
                    html: text("html"),
                });
            }
        });
        wait_for("the mail server", PATIENCE, || listens(port));
        Self { child, port, mails }
    }

    /// How many mails have come.
    pub fn count(&self) -> usize {
        self.mails.lock().unwrap().len()
    }

    /// The mail that comes as the `number`th, from 1.
    pub fn mail(&self, number: usize) -> Mail {
        wait_for(&format!("mail {number}"), PATIENCE, || self.count() >= number);
        self.mails.lock().unwrap()[number - 1].clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Mail {
    /// The code: in the text part it stands alone on a line.
    pub fn code(&self) -> String {
        let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
        let codes: Vec<&str> = self.text.lines().map(str::trim).filter(is_code).collect();
        assert_eq!(codes.len(), 1, "one code in {}", self.text);
        codes[0].to_owned()
    }

    /// A code that is wrong.
    pub fn wrong_code(&self) -> String {
        let digits = self.code();
        let last = if digits.ends_with('0') { '1' } else { '0' };
        format!("{}{last}", &digits[..5])
    }
}

/// Harbour Supplies, on a thread of its own.
pub struct Shop {
    pub port: u16,
    close: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Shop {
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (close, closed) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                demo::serve(listener, async { drop(closed.await) }).await.unwrap();
            });
        });
        Self { port, close: Some(close), thread: Some(thread) }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        drop(self.close.take());
        let _ = self.thread.take().unwrap().join();
    }
}

/// The back office: Django, which none of us wrote.
pub struct Backoffice {
    child: Child,
    pub port: u16,
    _folder: TempDir,
}

impl Backoffice {
    pub fn start() -> Self {
        let (folder, port) = (TempDir::new().unwrap(), free_port());
        let child = Command::new(python())
            .arg("-B")
            .arg(app("backoffice/serve.py"))
            .arg(port.to_string())
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for("the back office", Duration::from_secs(40), || listens(port));
        Self { child, port, _folder: folder }
    }
}

impl Drop for Backoffice {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Harbour Supplies behind a gateway that mails its codes.
pub struct Harbour {
    pub gateway: Gateway,
    pub mail: MailServer,
    _shop: Shop,
    /// The address of the site.
    pub base: String,
}

const HARBOUR: &str = "
listeners: {address: '127.0.0.1:{port}'}
store: memory
secrets: '{secret}'
policies:
  account: {channels: email, max_age: 15m}
  payments: {channels: email, max_age: 0s}
  joining: {channels: email, contact: {form: to}}
sites:
  - hosts: harbour.localhost
    upstream: {servers: '127.0.0.1:{shop}'}
    {identity}
    routes:
      - {path: /echo/closed, policy: deny}
      - {path: [/account/**, /live/**, /echo/**], policy: account}
      - {path: /transfer, methods: POST, policy: {form}}
delivery:
  providers:
    post: {type: smtp, url: 'smtp://127.0.0.1:{smtp}', from: 'Harbour Supplies <no-reply@harbour.example>'}
  email: {providers: post}
portal: {name: Harbour Supplies}
admin: {address: '127.0.0.1:{admin}'}
log: {format: text, level: info}
";

/// The application's own sign-in names the visitors.
const SIGN_IN: &str = "identity:
      - login: {path: /login, field: email, session_cookie: SHOPSESSION, logout: /logout,
                success: {status: [302, 303], location_not: /login}}
    sign_in: /login
    directory: {file: contacts.yaml}";

const CONTACTS: &str = "
alice@example.com: {email: alice@harbour.example}
bob@example.com: {email: [bob@harbour.example, bob@boatyard.example]}
";

impl Harbour {
    /// Opens it, with more lines for the config.
    pub fn open(more: &str) -> Self {
        Self::open_for(more, CONTACTS)
    }

    /// Opens it for the people of a directory.
    pub fn open_for(more: &str, contacts: &str) -> Self {
        Self::open_knowing(SIGN_IN, "payments", more, contacts)
    }

    /// Opens it for whoever reads mail at `domain`: nobody has to sign in.
    pub fn open_to(domain: &str) -> Self {
        Self::open_knowing(&format!("identity: {{ask: {{domains: {domain}}}}}"), "payments", "", CONTACTS)
    }

    /// Opens it with a form whose payee is an address that must be proved, as that of a sign-up is.
    pub fn open_joining() -> Self {
        Self::open_knowing(SIGN_IN, "joining", "", CONTACTS)
    }

    fn open_knowing(identity: &str, form: &str, more: &str, contacts: &str) -> Self {
        let (shop, mail) = (Shop::open(), MailServer::start());
        let config = HARBOUR
            .replace("{identity}", identity)
            .replace("{form}", form)
            .replace("{shop}", &shop.port.to_string())
            .replace("{smtp}", &mail.port.to_string());
        let gateway = Gateway::start(&format!("{config}{more}\n"), &[("contacts.yaml", contacts)]);
        let base = format!("http://harbour.localhost:{}", gateway.port);
        Self { gateway, mail, _shop: shop, base }
    }

    /// Opens a page of the site.
    pub async fn open_page(&self, browser: &Browser, path: &str) {
        browser.open(&format!("{}{path}", self.base)).await;
    }

    /// Signs in with the application's own form, and comes to where it leads: the account, which asks for a code.
    pub async fn sign_in(&self, browser: &Browser, customer: Customer) {
        self.open_page(browser, "/login").await;
        browser.fill("#email", customer.email()).await;
        browser.fill("#password", customer.password()).await;
        browser.press("main form button").await;
        browser.at("/.otpgate/challenge*").await;
    }
}
