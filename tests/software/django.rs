//! Django's own admin: a token against forgery in its form, and a new session at each sign-in.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::process::free_port;
use crate::support::{Answer, Client, Gateway};
use crate::{Running, fill, prove};

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
      - {identity}
    sign_in: /admin/login/
    directory: {file: contacts.yaml}
    routes:
      - {path: /admin/**, policy: desk}
delivery:
  providers: {dev: {type: outbox}}
  email: {providers: dev}
admin: {address: '127.0.0.1:{admin}'}
log: {format: text, level: info}
";

const LOGIN: &str = "login: {path: [/accounts/login/, /admin/login/], field: username, session_cookie: sessionid, \
                     success: {status: 302}, logout: [/accounts/logout/, /admin/logout/]}";

/// The site's own page says who is signed in, by the name that its users cannot choose. The admin's greeting is a first name.
const WHOAMI: &str = "whoami: {path: /, selector: '#me', session_cookie: sessionid}";

/// The back office and a gateway in front of it, which end with this.
struct Office {
    _running: Running,
    _folder: TempDir,
    gateway: Gateway,
}

impl Office {
    fn open(identity: &str) -> Self {
        let (folder, port) = (TempDir::new().unwrap(), free_port());
        let mut command = Command::new(root("target/venv/bin/python"));
        command.arg("-B").arg(root("tests/apps/backoffice/serve.py")).arg(port.to_string()).arg(folder.path());
        let running = Running::start("the back office", &mut command, port);
        let contacts = "ines: {email: ines@office.example}\nmei: {email: mei@office.example}\n";
        let config = CONFIG.replace("{office}", &port.to_string()).replace("{identity}", identity);
        let gateway = Gateway::start(&config, &[("contacts.yaml", contacts)]);
        Self { _running: running, _folder: folder, gateway }
    }
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

async fn sign_in(browser: &mut Client, user: &str, password: &str) -> Answer {
    let page = browser.get("/admin/login/").await;
    assert_eq!(page.status, 200, "{page:?}");
    // Its form has no action: it posts to the address of its page.
    let form = Answer { body: page.body.replacen("<form ", "<form action=\"/admin/login/\" ", 1), ..page };
    fill(browser, &form, "/admin/login/", &[("username", user), ("password", password), ("next", "/admin/")]).await
}

/// A clerk signs in to the admin and gets on with a code. Another one signs in in the same browser: Django issues a new
/// session, and neither the old session nor the first clerk's grant opens anything any more (C05).
#[tokio::test(flavor = "multi_thread")]
async fn c05_djangos_admin_does_not_notice() {
    takes_turns(&Office::open(LOGIN).gateway).await;
}

/// The same by asking Django itself who is signed in, and on: a gateway that has just started, and remembers nobody, knows
/// whom Django knows.
#[tokio::test(flavor = "multi_thread")]
async fn c05_djangos_admin_says_itself_who_is_there() {
    let mut office = Office::open(WHOAMI);
    takes_turns(&office.gateway).await;
    let mut browser = Client::new("office.localhost", office.gateway.port);
    assert_eq!(sign_in(&mut browser, "mei", PASSWORD).await.status, 302);
    prove(&mut browser, &office.gateway, "/admin/", "mei@office.example").await;
    office.gateway.restart();
    // The grant is hers, and so is the session: nothing has to be proved again.
    assert_eq!(browser.get("/admin/").await.status, 200);
    let mut stranger = Client::new("office.localhost", office.gateway.port);
    stranger.jar = browser.jar.clone();
    stranger.jar.remove("sessionid");
    assert_eq!(stranger.get("/admin/").await.location().as_deref(), Some("/admin/login/"));
}

async fn takes_turns(gateway: &Gateway) {
    let mut browser = Client::new("office.localhost", gateway.port);
    assert_eq!(browser.get("/admin/").await.location().as_deref(), Some("/admin/login/"));

    let wrong = sign_in(&mut browser, "ines", "wrong").await;
    assert_eq!(wrong.status, 200, "{wrong:?}");
    assert_eq!(browser.get("/admin/").await.location().as_deref(), Some("/admin/login/"));

    let answer = sign_in(&mut browser, "ines", PASSWORD).await;
    assert_eq!(answer.status, 302, "{answer:?}");
    let page = prove(&mut browser, gateway, "/admin/", "ines@office.example").await;
    assert!(page.body.to_lowercase().contains("ines"), "{}", page.body);

    // Somebody else at the same desk, without signing out.
    let before = browser.copy();
    let page = browser.get("/admin/").await;
    assert_eq!(page.status, 200);
    let answer = sign_in_again(&mut browser, "mei").await;
    assert_eq!(answer.status, 302, "{answer:?}");
    assert_ne!(before.jar["sessionid"], browser.jar["sessionid"], "Django renews its session");
    let asked = browser.get("/admin/").await;
    assert!(asked.location().unwrap().starts_with("/.otpgate/challenge"), "{asked:?}");
    assert_eq!(before.copy().get("/admin/").await.location().as_deref(), Some("/admin/login/"));

    let page = prove(&mut browser, gateway, "/admin/", "mei@office.example").await;
    let token = page.body.split("csrfmiddlewaretoken\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let token = token.unwrap_or_else(|| panic!("no form to sign out: {}", page.body)).to_owned();
    let out = browser.post("/admin/logout/", &[("csrfmiddlewaretoken", &token)]).await;
    assert!(out.status < 400, "{out:?}");
    assert_eq!(browser.get("/admin/").await.location().as_deref(), Some("/admin/login/"));
}

/// Who is signed in gets no form from `/admin/login/`, so the token comes from the cookie, as a script of the page has it.
async fn sign_in_again(browser: &mut Client, user: &str) -> Answer {
    let token = browser.jar["csrftoken"].clone();
    let fields = [("username", user), ("password", PASSWORD), ("next", "/admin/"), ("csrfmiddlewaretoken", &token)];
    browser.post("/admin/login/", &fields).await
}
