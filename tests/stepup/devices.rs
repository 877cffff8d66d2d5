//! With which browsers a subject answered codes: a cookie that proves nothing, spares a few points, and tells on its copies.

use std::time::Duration;

use crate::support::{Client, Gateway, Redis, Upstream};
use crate::world::*;

const DEVICE: &str = "otpgate_device";
const GRANT: &str = "otpgate_grant";

const CONFIG: &str = "
listeners: {address: '127.0.0.1:{port}'}
store: {store}
secrets: '{secret}'
policies:
  account: {channels: [email, sms], max_age: 15m}
  each: {channels: email, max_age: 0s}
  wary: {channels: email, challenge_at: 10}
  strict: {channels: email, deny_at: 10}
  watched: {channels: [email, sms], observe: true}
  watched_phone: {channels: sms, observe: true}
  watched_more: {channels: email, escalate: {at: 60, channels: sms}, observe: true}
risk: {more}
sites:
  - hosts: shop.test
    upstream: {servers: '127.0.0.1:{upstream}'}
    identity: {login: {path: /login, field: email, session_cookie: SID, logout: /logout}}
    sign_in: /login
    directory: {file: contacts.yaml}
    default_policy: bypass
    routes:
      - {path: /account/**, policy: account}
      - {path: /each/**, policy: each}
      - {path: /wary/**, policy: wary}
      - {path: /strict/**, policy: strict}
      - {path: /watched/**, policy: watched}
      - {path: /watched_phone/**, policy: watched_phone}
      - {path: /watched_more/**, policy: watched_more}
  - hosts: wiki.test
    upstream: {servers: '127.0.0.1:{upstream}'}
    identity: {login: {path: /login, field: email, session_cookie: SID, logout: /logout}}
    sign_in: /login
    directory: {file: contacts.yaml}
    default_policy: watched
delivery:
  providers: {dev: {type: outbox}}
  email: {providers: dev}
  sms: {providers: dev}
admin: {address: '127.0.0.1:{admin}'}
log: {format: json, level: info}
";

const CONTACTS: &str = "alice: {email: alice@example.com, sms: '+14155550101'}\nbob: {email: bob@example.com}\n";

struct Shop {
    upstream: Upstream,
    redis: Redis,
}

impl Shop {
    fn open() -> Self {
        Self { upstream: Upstream::start(), redis: Redis::start() }
    }

    fn config(&self, more: &str) -> String {
        let config = CONFIG.replace("{store}", &self.redis.url()).replace("{more}", more);
        config.replace("{upstream}", &self.upstream.port.to_string())
    }

    fn gateway(&self, more: &str) -> Gateway {
        Gateway::start(&self.config(more), &[("contacts.yaml", CONTACTS)])
    }

    /// The score that the application is told of a request.
    async fn score(&self, browser: &mut Client, path: &str) -> String {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        self.upstream.last().header("x-otpgate-score").unwrap().to_owned()
    }
}

async fn signed_in(gateway: &Gateway, subject: &str) -> Client {
    let mut browser = Client::new(HOST, gateway.port);
    sign_in(&mut browser, subject).await;
    browser
}

/// Opens a page, types the code that goes to `to`, and goes on.
async fn pass(gateway: &Gateway, browser: &mut Client, path: &str, to: &str) {
    let page = challenge_page(browser, path).await;
    let code = codes(gateway, to).await.pop().unwrap();
    let answer = type_code(browser, &page, &code).await;
    assert_eq!(browser.follow(answer).await.status, 200, "{path}");
}

/// A browser with a thief's connection and this browser's cookies: the application's session and the device, but no grant.
fn thief(gateway: &Gateway, victim: &Client) -> Client {
    let mut thief = at(gateway, victim);
    thief.jar.remove(GRANT);
    thief.jar.remove("otpgate_browser");
    thief
}

/// A device is known for whom it answered a code, under the policies that would take that code, and nowhere else.
#[tokio::test]
async fn c03_c07_a_device_is_its_subjects_and_its_sites() {
    let shop = Shop::open();
    let gateway = shop.gateway("{}");
    let mut alice = signed_in(&gateway, "alice").await;
    assert_eq!(shop.score(&mut alice, "/watched/a").await, "15");
    let page = challenge_page(&mut alice, "/account/a").await;
    assert!(!alice.jar.contains_key(DEVICE), "never before a code");
    let wrong = other_code(&codes(&gateway, ALICE).await.pop().unwrap_or_else(|| "000000".to_owned()));
    let choose = alice.submit(&page, "/.otpgate/send", &[("channel", "email"), ("contact", "0")]).await;
    let page = alice.follow(choose).await;
    type_code(&mut alice, &page, &wrong).await;
    assert!(!alice.jar.contains_key(DEVICE), "nor by a wrong one");
    let code = codes(&gateway, ALICE).await.pop().unwrap();
    let passed = type_code(&mut alice, &page, &code).await;
    let line = passed.headers.get_all("set-cookie").iter().find(|line| line.to_str().unwrap().starts_with(DEVICE));
    let line = line.unwrap().to_str().unwrap();
    assert!(line.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=15552000"), "{line}");
    assert_eq!(alice.follow(passed).await.status, 200);
    // C06: the application never sees it.
    assert!(shop.upstream.seen().iter().all(|seen| !seen.header("cookie").unwrap_or("").contains("otpgate")));

    assert_eq!(shop.score(&mut alice, "/watched/b").await, "0");
    // C15: an e-mail answered it, so for a policy that takes text messages alone it is new.
    assert_eq!(shop.score(&mut alice, "/watched_phone/b").await, "15");
    assert_eq!(
        shop.score(&mut thief(&gateway, &alice), "/watched/c").await,
        "0",
        "without a grant it is the same device"
    );
    assert_eq!(shop.score(&mut signed_in(&gateway, "alice").await, "/watched/d").await, "15", "another browser");
    // Whoever signs in after her on the same browser.
    let mut bob = Client::new(HOST, gateway.port);
    sign_in(&mut bob, "bob").await;
    let device = alice.jar[DEVICE].clone();
    bob.jar.insert(DEVICE.to_owned(), device.clone());
    assert_eq!(shop.score(&mut bob, "/watched/e").await, "15");
    pass(&gateway, &mut bob, "/account/e", BOB).await;
    assert_eq!(shop.score(&mut bob, "/watched/f").await, "0");

    // C03: twice the same name is none; neither is one that was cut or is another site's.
    let mut twice = thief(&gateway, &alice);
    twice.jar.remove(DEVICE);
    let both = format!("{DEVICE}={device}; {DEVICE}={device}; SID={}", twice.jar["SID"]);
    twice.jar.clear();
    for (cookies, score) in [
        (both, "15"),
        (format!("{DEVICE}={}; SID={}", &device[..device.len() - 1], alice.jar["SID"]), "15"),
        (format!("{DEVICE}={device}; SID={}", alice.jar["SID"]), "0"),
    ] {
        let headers = [("cookie", cookies.as_str()), ("accept", "text/html")];
        assert_eq!(twice.send("GET", "/watched/g", &headers, "").await.status, 200);
        assert_eq!(shop.upstream.last().header("x-otpgate-score"), Some(score), "{cookies}");
    }
    let mut wiki = Client::new("wiki.test", gateway.port);
    sign_in(&mut wiki, "alice").await;
    wiki.jar.insert(DEVICE.to_owned(), device);
    assert_eq!(shop.score(&mut wiki, "/page").await, "15");

    // Signing out of the second step ends the proof; the browser is known as before, and a proof it is not.
    let mut out = at(&gateway, &alice);
    let answer = out.call("POST", "/.otpgate/logout", None).await;
    assert!(answer.status < 400, "{answer:?}");
    assert!(!out.jar.contains_key(GRANT) && out.jar.contains_key(DEVICE));
    assert_eq!(shop.score(&mut out, "/watched/h").await, "0");
    assert_eq!(out.get("/account/h").await.status, 303, "I1: a device opens nothing");
}

/// I1, I2: a policy that asks new browsers only must know whose a request is before it passes for being low.
#[tokio::test]
async fn i1_a_new_browser_alone_may_be_asked_or_refused() {
    let shop = Shop::open();
    let gateway = shop.gateway("{}");
    let mut alice = signed_in(&gateway, "bob").await;
    assert_eq!(alice.get("/strict/a").await.status, 403);
    pass(&gateway, &mut alice, "/wary/a", BOB).await;
    assert_eq!(shop.score(&mut alice, "/wary/b").await, "0");
    assert_eq!(alice.get("/strict/b").await.status, 200);
    assert_eq!(shop.score(&mut thief(&gateway, &alice), "/wary/c").await, "0", "known, and low: no proof is needed");
    assert_eq!(signed_in(&gateway, "bob").await.get("/wary/d").await.status, 303);
    // Confirmations make a browser known, too.
    let mut other = signed_in(&gateway, "bob").await;
    pass(&gateway, &mut other, "/each/a", BOB).await;
    assert_eq!(shop.score(&mut other, "/watched/e").await, "0");
}

/// C15: a code by the channel that a higher score would have asked for makes a browser known, too.
#[tokio::test]
async fn c15_a_stronger_channel_makes_a_device_known() {
    let shop = Shop::open();
    let gateway = shop.gateway("{}");
    let mut alice = signed_in(&gateway, "alice").await;
    let challenge = api_challenge(&mut alice, "GET", "/account/a", None).await;
    assert_eq!(api_send(&mut alice, &challenge["id"], "sms").await.status, 202);
    let code = codes(&gateway, "+14155550101").await.pop().unwrap();
    assert_eq!(api_verify(&mut alice, &challenge["id"], &code).await.status, 200);
    assert_eq!(shop.score(&mut alice, "/watched_more/a").await, "0");
}

/// Without the points, or the memory, no cookie is set at all.
#[tokio::test]
async fn no_device_is_remembered_that_nothing_comes_of() {
    let shop = Shop::open();
    for more in ["{devices: {remember: 0s}}", "{points: {new_device: 0}}"] {
        let gateway = shop.gateway(more);
        let mut bob = signed_in(&gateway, "bob").await;
        assert_eq!(shop.score(&mut bob, "/watched/a").await, "0", "{more}");
        pass(&gateway, &mut bob, "/account/a", BOB).await;
        assert!(!bob.jar.contains_key(DEVICE), "{more}");
    }
}

/// C14: a copy of the cookie is found out when both were used, at whatever gateway; then none of them counts anywhere.
#[tokio::test]
async fn c14_a_copied_device_is_void_on_every_gateway() {
    let shop = Shop::open();
    let (one, two) = (shop.gateway("{}"), shop.gateway("{}"));
    // Two gateways of one installation have one secret.
    let mut bob = signed_in(&one, "bob").await;
    pass(&one, &mut bob, "/account/a", BOB).await;
    let mut copy = thief(&two, &bob);
    assert_eq!(shop.score(&mut copy, "/watched/a").await, "0", "nobody can tell yet");
    // Its own browser goes on: each challenge moves it on.
    pass(&one, &mut bob, "/each/b", BOB).await;
    assert_eq!(shop.score(&mut bob, "/watched/c").await, "0");
    assert_eq!(copy.get("/each/d").await.status, 303);
    assert!(!copy.jar.contains_key(DEVICE), "taken away");
    let mut old = thief(&two, &bob);
    for gateway in [&one, &two] {
        let mut browser = at(gateway, &bob);
        let void = async || shop.score(&mut at(gateway, &browser), "/watched/e").await == "15";
        within(Duration::from_secs(2), "hearing of a stolen device", void).await;
        assert_eq!(shop.score(&mut browser, "/watched/e").await, "15");
    }
    assert_eq!(shop.score(&mut old, "/watched/f").await, "15");
    let log = two.log();
    let line = log.lines().find(|line| line.contains("device_stolen")).unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("127.0.0.1") && line.contains("\"subject\""), "{line}");
    assert!(!line.contains(&bob.jar[DEVICE]), "I9");
    // With the next code the browser is known again, as another device; the thief's is not.
    pass(&one, &mut bob, "/each/g", BOB).await;
    assert_eq!(shop.score(&mut bob, "/watched/h").await, "0");
    assert_eq!(shop.score(&mut old, "/watched/h").await, "15");
}

/// Several tabs at once are no theft.
#[tokio::test]
async fn c14_many_requests_of_one_browser_are_no_theft() {
    let shop = Shop::open();
    let gateway = shop.gateway("{}");
    let mut bob = signed_in(&gateway, "bob").await;
    pass(&gateway, &mut bob, "/account/a", BOB).await;
    let tabs = (0..6).map(|number| {
        let mut tab = at(&gateway, &bob);
        async move {
            let answer = tab.get(&format!("/each/{number}")).await;
            assert_eq!(answer.status, 303);
            answer.set_cookie(DEVICE).unwrap()
        }
    });
    let cookies = futures_util::future::join_all(tabs).await;
    // The browser keeps the one that comes last, whichever that is.
    for cookie in cookies {
        bob.jar.insert(DEVICE.to_owned(), cookie);
        assert_eq!(shop.score(&mut bob, "/watched/a").await, "0");
        assert_eq!(bob.get("/each/more").await.status, 303);
    }
    assert!(!gateway.log().contains("device_stolen"));
}

/// C15: after a revocation, and after the contact went from the directory; a flush of the store lets nobody in.
#[tokio::test]
async fn c15_c18_a_device_is_void_after_what_made_it_is() {
    let shop = Shop::open();
    let (one, two) = (shop.gateway("{}"), shop.gateway("{}"));
    let mut bob = signed_in(&one, "bob").await;
    pass(&one, &mut bob, "/account/a", BOB).await;
    assert_eq!(shop.score(&mut at(&two, &bob), "/watched/a").await, "0");
    assert!(one.command(&["revoke", "--subject", "bob"]).status.success());
    let void = async || shop.score(&mut at(&two, &bob), "/watched/b").await == "15";
    within(Duration::from_secs(2), "hearing of a revocation", void).await;
    assert_eq!(shop.score(&mut at(&one, &bob), "/watched/b").await, "15");
    pass(&one, &mut bob, "/account/c", BOB).await;
    assert_eq!(shop.score(&mut bob, "/watched/c").await, "0");

    // The store loses its memory: what is sealed holds, and nothing is open that was not.
    let mut redis = redis::Client::open(shop.redis.url()).unwrap().get_connection().unwrap();
    redis::cmd("FLUSHALL").query::<()>(&mut redis).unwrap();
    assert_eq!(shop.score(&mut bob, "/watched/d").await, "0");
    let mut bare = thief(&one, &bob);
    assert_eq!(bare.get("/account/d").await.status, 303);
    pass(&one, &mut bob, "/each/d", BOB).await;
    assert_eq!(shop.score(&mut bob, "/watched/e").await, "0");

    // Another address in the directory: what it was known by is gone.
    let strict = "/strict/a";
    let mut other = thief(&one, &bob);
    assert_eq!(other.get(strict).await.status, 303);
    std::fs::write(one.dir().join("contacts.yaml"), "bob: {email: robert@example.com}\n").unwrap();
    let config = shop.config("{}");
    one.reload(&config);
    let refused = async || thief(&one, &other).get(strict).await.status == 403;
    within(Duration::from_secs(10), "knowing the new address", refused).await;
}
