//! DokuWiki: one script serves every page, and the sign-in posts to it as all else does.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::process::free_port;
use crate::support::{Answer, Client, Gateway};
use crate::{Running, fill, post_as, prove};

/// DokuWiki names its cookie after the path at which it stands: this is `DW` and the MD5 of `/`.
const COOKIE: &str = "DW6666cd76f96956469e7be39d750cc7d9";

const CONFIG: &str = "
listeners: {address: '127.0.0.1:{port}'}
store: memory
secrets: '{secret}'
policies:
  desk: {channels: email, max_age: 15m}
sites:
  - hosts: wiki.test
    upstream: {servers: '127.0.0.1:{wiki}'}
    identity:
      - login: {path: /doku.php, field: u, session_cookie: {cookie},
                success: {status: 302, location_not: /lib/exe/ajax.php}}
    sign_in: /doku.php?id=start&do=login
    directory: {file: contacts.yaml}
    routes:
      - {path: /doku.php/**, query: {do: [profile, admin]}, policy: desk}
delivery:
  providers: {dev: {type: outbox}}
  email: {providers: dev}
admin: {address: '127.0.0.1:{admin}'}
log: {format: text, level: info}
";

const PROFILE: &str = "/doku.php?id=start&do=profile";
const SIGN_IN: &str = "/doku.php?id=start&do=login";

/// A wiki with the users alice and bob, whose password is `right`.
struct Wiki {
    gateway: Gateway,
    _running: Running,
    _folder: TempDir,
}

impl Wiki {
    fn start() -> Self {
        let (folder, port) = (TempDir::new().unwrap(), free_port());
        let (conf, data) = (folder.path().join("conf"), folder.path().join("data"));
        fs::create_dir(&conf).unwrap();
        for name in
            ["attic", "cache", "index", "locks", "log", "media", "media_attic", "media_meta", "meta", "pages", "tmp"]
        {
            fs::create_dir_all(data.join(name)).unwrap();
        }
        for file in fs::read_dir("/etc/dokuwiki").expect("DokuWiki is not installed: run scripts/setup.sh test") {
            let file = file.unwrap();
            // What is readable by everybody: the package's own defaults.
            let _ = fs::copy(file.path(), conf.join(file.file_name()));
        }
        let users = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps/dokuwiki/users.auth.php");
        fs::copy(users, conf.join("users.auth.php")).unwrap();
        fs::write(conf.join("acl.auth.php"), "*\t@ALL\t1\n*\t@user\t8\n").unwrap();
        let local = format!(
            "<?php\n$conf['title'] = 'Workshop'; $conf['useacl'] = 1; $conf['superuser'] = '@admin'; \
             $conf['securecookie'] = 0; $conf['savedir'] = '{}';\n",
            data.display()
        );
        fs::write(conf.join("local.php"), local).unwrap();
        let before = folder.path().join("before.php");
        let places =
            format!("<?php\ndefine('DOKU_MAIN_CONF', '{0}/');\ndefine('DOKU_CONF', '{0}/');\n", conf.display());
        fs::write(&before, places).unwrap();
        let mut command = Command::new("php");
        command.arg("-d").arg(format!("auto_prepend_file={}", before.display())).args([
            "-S",
            &format!("127.0.0.1:{port}"),
            "-t",
            "/usr/share/dokuwiki",
        ]);
        let running = Running::start("DokuWiki", &mut command, port);
        let config = CONFIG.replace("{wiki}", &port.to_string()).replace("{cookie}", COOKIE);
        let contacts = "alice: {email: alice@example.com}\nbob: {email: bob@example.com}\n";
        Self { gateway: Gateway::start(&config, &[("contacts.yaml", contacts)]), _running: running, _folder: folder }
    }

    fn browser(&self) -> Client {
        Client::new("wiki.test", self.gateway.port)
    }

    /// Signs in by the wiki's own form.
    async fn sign_in(&self, browser: &mut Client, user: &str, password: &str) -> Answer {
        let page = browser.get(SIGN_IN).await;
        assert!(page.body.contains("dw__login"), "{page:?}");
        // The page has a form for the search before it, which posts nothing.
        let form = Answer { body: page.body.split("id=\"dw__login\"").nth(1).unwrap().to_owned(), ..page };
        let form = Answer { body: format!("<form {}", form.body), ..form };
        fill(browser, &form, "/doku.php", &[("u", user), ("p", password)]).await
    }
}

/// A user signs in by the wiki's own form, is asked for a code on a page that is protected, and reaches it; reading and
/// writing the wiki goes on as ever, and signing out ends it.
#[tokio::test(flavor = "multi_thread")]
async fn dokuwiki_does_not_notice() {
    let wiki = Wiki::start();
    let mut browser = wiki.browser();
    assert_eq!(browser.get("/doku.php?id=start").await.status, 200);
    assert_eq!(browser.get(PROFILE).await.location().as_deref(), Some(SIGN_IN));

    let wrong = wiki.sign_in(&mut browser, "alice", "wrong").await;
    assert_eq!(wrong.status, 403);
    assert_eq!(browser.get(PROFILE).await.location().as_deref(), Some(SIGN_IN));

    let answer = wiki.sign_in(&mut browser, "alice", "right").await;
    assert_eq!(answer.status, 302, "{answer:?}");
    let page = prove(&mut browser, &wiki.gateway, PROFILE, "alice@example.com").await;
    assert!(page.body.contains("alice@example.com"), "{}", page.body);

    // All that is not protected posts to the same script, and changes nothing of who she is.
    let edit = browser.get("/doku.php?id=notes&do=edit").await;
    let form = edit.body.split("id=\"dw__editform\"").nth(1).unwrap_or_else(|| panic!("{}", edit.body));
    let form = Answer { body: format!("<form {form}"), ..edit.clone() };
    let saved =
        browser.submit(&form, "/doku.php", &[("wikitext", "u=bob & p=x"), ("do[save]", "Save"), ("summary", "")]).await;
    assert_eq!(saved.status, 302, "{saved:?}");
    assert!(browser.get("/doku.php?id=notes").await.body.contains("u=bob &amp; p=x"));
    assert_eq!(browser.get(PROFILE).await.status, 200);

    let page = browser.get("/doku.php?id=start").await;
    let link = page.body.split("href=\"").find(|link| link.contains("do=logout")).unwrap();
    let link = link.split('"').next().unwrap().replace("&amp;", "&");
    let before = browser.copy();
    browser.get(&link).await;
    assert!(!browser.jar.contains_key(COOKIE));
    assert_eq!(before.copy().get(PROFILE).await.location().as_deref(), Some(SIGN_IN));
    assert!(wiki.gateway.log().contains("logout_seen"), "{}", wiki.gateway.log());
}

/// Whoever knows Alice's password signs in so that the wiki reads Alice and the gateway would read Bob: he is nobody, and
/// a protected page of the one script that signs in too is not open to nobody (I1, I5).
#[tokio::test(flavor = "multi_thread")]
async fn i1_i5_a_sign_in_that_is_read_in_two_ways_opens_nothing() {
    let wiki = Wiki::start();
    let body = "id=start&do=login&u=bob&u=alice&p=right";
    let mut browser = wiki.browser();
    browser.get(SIGN_IN).await;
    let answer = post_as(&mut browser, "/doku.php?id=start", "application/x-www-form-urlencoded", body).await;
    assert_eq!(answer.status, 302, "the wiki lets Alice in: {answer:?}");
    for path in [PROFILE, "/doku.php?do=admin", "/doku.php/x?do=profile", "/doku.php?do=profile&do=login"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.location().as_deref(), Some(SIGN_IN), "{path}: {answer:?}");
    }
}
