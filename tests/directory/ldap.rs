//! A directory in a real OpenLDAP, with hostile names (D07).

use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::servers::{Ldap, PASSWORD, slapd};
use crate::support::process::wait_for;
use crate::support::{Answer, Client, Gateway, Upstream};

const ENTRIES: &str = "dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: uid=alice,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: alice
cn: Alice
sn: A
mail: alice@example.com
mail: alice@work.example
mobile: 012-345 6789
preferredLanguage: de

dn: uid=bob,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: bob
uid: bobby
cn: Bob
sn: B
mail: bob@example.com

dn: cn=twin1,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: twin
cn: twin1
sn: T
mail: twin1@example.com

dn: cn=twin2,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: twin
cn: twin2
sn: T
mail: twin2@example.com

dn: cn=star,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: a*b(c)d\\e
cn: star
sn: S
mail: star@example.com
";

fn server() -> &'static Ldap {
    static SERVER: OnceLock<Ldap> = OnceLock::new();
    SERVER.get_or_init(|| slapd(ENTRIES))
}

const DIRECTORY: &str = r#"
      - ldap:
          url: "{url}"
          bind: {dn: "cn=admin,dc=example,dc=com", password: "{password}"}
          base: "ou=people,dc=example,dc=com"
          filter: "(&(objectClass=inetOrgPerson)(uid={subject}))"
          attributes: {subject: uid, email: mail, sms: mobile, language: preferredLanguage}
          {ca}
        cache: 0s"#;

struct World {
    gateway: Gateway,
    _upstream: Upstream,
}

impl World {
    fn new(url: &str, ca: Option<&Path>, password: &str) -> Self {
        let upstream = Upstream::start();
        let ca = ca.map(|file| format!("ca: {}", file.display())).unwrap_or_default();
        let directory = DIRECTORY.replace("{url}", url).replace("{ca}", &ca).replace("{password}", password);
        Self { gateway: Gateway::start(&crate::config(&directory, upstream.port), &[]), _upstream: upstream }
    }

    /// What a visitor of this name is answered on a protected page: the page of a challenge, where there is one.
    async fn page(&self, name: &str) -> Answer {
        let mut browser = Client::new("shop.test", self.gateway.port);
        browser.always = vec![("x-user".to_owned(), name.to_owned())];
        let answer = browser.get("/account").await;
        match answer.location() {
            Some(page) => browser.get(&page).await,
            None => answer,
        }
    }

    async fn sent(&self) -> Vec<String> {
        let sent = Client::new("127.0.0.1", self.gateway.admin).call("GET", "/outbox", None).await.json();
        sent.as_array().unwrap().iter().map(|message| message["to"].as_str().unwrap().to_owned()).collect()
    }
}

/// The button of a contact on the page that lets a visitor choose.
fn choices(page: &Answer) -> usize {
    page.body.matches("name=\"contact\"").count()
}

#[tokio::test]
async fn d07_names_find_their_own_entry_and_no_other() {
    let world = World::new(&format!("ldap://127.0.0.1:{}", server().server.port), None, PASSWORD);
    let page = world.page("alice").await;
    assert_eq!((page.status, choices(&page)), (200, 3), "{}", page.body);
    for (name, address) in
        [("bob", "bob@example.com"), ("bobby", "bob@example.com"), ("a*b(c)d\\e", "star@example.com")]
    {
        assert_eq!(world.page(name).await.status, 200, "{name}");
        assert_eq!(world.sent().await.first().map(String::as_str), Some(address), "{name}");
    }
    let before = world.sent().await.len();
    for name in [
        "*",
        "a*",
        "*)(uid=*",
        "bob)(cn=*",
        "bob)(|(uid=*",
        "\\2a",
        "bo\\62",
        "(uid=bob)",
        "*))%00",
        "nobody",
        "bob,ou=people",
    ] {
        let page = world.page(name).await;
        assert_eq!((page.status, choices(&page)), (403, 0), "{name}: nobody has a contact");
    }
    assert_eq!(world.page(&"x".repeat(250)).await.status, 403);
    // H19: LDAP finds these without regard to case; two entries are nobody's.
    for name in ["BOB", "Alice", "twin"] {
        assert_eq!(world.page(name).await.status, 503, "{name}");
    }
    assert_eq!(world.sent().await.len(), before, "no message went out");
}

#[tokio::test]
async fn d06_a_server_whose_certificate_is_another_s_is_not_asked() {
    let Ldap { server, tls_port, ca, other_ca } = server();
    let (ldaps, starttls) = (format!("ldaps://localhost:{tls_port}"), format!("ldap://localhost:{}", server.port));
    for url in [&ldaps, &starttls] {
        assert_eq!(World::new(url, Some(ca), PASSWORD).page("bob").await.status, 200, "{url}");
        let world = World::new(url, Some(other_ca), PASSWORD);
        assert_eq!(world.page("bob").await.status, 503, "{url}: another authority");
        // The system's authorities do not know it either; a name that it does not have is another server's.
        assert_eq!(
            World::new(&url.replace("localhost", "127.0.0.1"), Some(ca), PASSWORD).page("bob").await.status,
            503
        );
        assert!(world.sent().await.is_empty());
    }
    assert_eq!(World::new(&ldaps, None, PASSWORD).page("bob").await.status, 503, "nobody vouches for it");
}

#[tokio::test]
async fn d10_a_directory_that_is_away_lets_nobody_in() {
    let refused = World::new(&format!("ldap://127.0.0.1:{}", server().server.port), None, "wr0ng-passw0rd");
    assert_eq!(refused.page("bob").await.status, 503);
    let told = Client::new("127.0.0.1", refused.gateway.admin).call("GET", "/readyz", None).await.body;
    assert!(told.contains("the bind was refused") && !told.contains("wr0ng"), "{told}");
    assert!(!refused.gateway.log().contains("wr0ng"), "I9");

    let own = slapd(ENTRIES);
    let world = World::new(&format!("ldap://127.0.0.1:{}", own.server.port), None, PASSWORD);
    assert_eq!(world.page("bob").await.status, 200);
    own.server.signal("STOP");
    let started = Instant::now();
    assert_eq!(world.page("bob").await.status, 503);
    assert!(started.elapsed() < Duration::from_secs(5));
    own.server.signal("CONT");
    wait_for("slapd to be itself again", Duration::from_secs(5), || {
        std::net::TcpStream::connect(("127.0.0.1", own.server.port)).is_ok()
    });
    assert_eq!(world.page("bob").await.status, 200, "it comes back by itself");
    let mut anybody = Client::new("shop.test", world.gateway.port);
    drop(own);
    assert_eq!(world.page("bob").await.status, 503);
    assert_eq!(anybody.get("/public").await.status, 200, "I2");
}
