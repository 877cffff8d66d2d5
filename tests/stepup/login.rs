//! Whose the application's session is, whatever somebody does who knows a password and wants the codes for himself.
//!
//! The application here takes any login form whose body has the right password in it, and the query says what it then does
//! to the session.

use std::time::Duration;

use crate::support::recorder::Recorder;
use crate::support::{Answer, Client, NAVIGATION};
use crate::world::*;

const FORM: &str = "application/x-www-form-urlencoded";

/// Two forms of one application, one of them a JSON interface.
const SITE: &str = "identity:
      - login: {path: /login, field: email, session_cookie: SID, logout: /logout}
      - login: {path: /api/login, field: /user/email, session_cookie: SID, success: {header: {name: X-Login, value: ok}}}
    sign_in: /login";

const FOLLOWS: &str = "identity: {login: {path: /login, field: email, session_cookie: SID, follow_rotation: true, \
                       logout: /logout}}\n    sign_in: /login";

fn config(site: &'static str) -> Config {
    Config { site, ..Config::default() }
}

async fn login(browser: &mut Client, target: &str, kind: &str, body: &str) -> Answer {
    post_as(browser, target, kind, body.as_bytes()).await
}

/// Whether nobody is known in this browser: it is sent to sign in.
async fn is_nobody(browser: &mut Client) -> bool {
    let answer = browser.get("/account").await;
    if answer.location().as_deref() == Some("/login") {
        return true;
    }
    page_address(&answer);
    false
}

/// The contact that a code for this browser goes to.
async fn code_goes_to(world: &World, browser: &mut Client) -> String {
    challenge_page(browser, "/account").await;
    world.messages().await.pop().unwrap()["to"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn logins_by_form_multipart_and_json_are_seen() {
    for_both(config(SITE), async |world| {
        let multipart = "--b1\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\nalice\r\n--b1\r\n\
                         Content-Disposition: form-data; name=\"password\"\r\n\r\nright\r\n--b1--\r\n";
        for (target, kind, body, to) in [
            ("/login", FORM, "email=alice&password=right", ALICE),
            ("/login?next=/x", "multipart/form-data; boundary=b1", multipart, ALICE),
            ("/api/login?do=header", "application/json", r#"{"user": {"email": "bob"}, "password": "right"}"#, BOB),
        ] {
            let mut browser = world.browser();
            login(&mut browser, target, kind, body).await;
            assert_eq!(world.upstream.last().body, body.as_bytes());
            assert_eq!(code_goes_to(world, &mut browser).await, to, "{target}");
        }
        // Without the header that tells, the same is no login.
        let mut browser = world.browser();
        login(&mut browser, "/api/login", "application/json", r#"{"user": {"email": "bob"}, "password": "right"}"#)
            .await;
        assert!(is_nobody(&mut browser).await);
    })
    .await;
}

/// A body in which an application may read the victim and the gateway the attacker signs nobody in (I5), and what is known
/// of the session before ends with it.
#[tokio::test]
async fn i5_a_login_that_can_be_read_in_two_ways_names_nobody() {
    let world = World::with_memory(&config(SITE));
    let part = |head: &str| {
        format!(
            "--b1\r\nContent-Disposition: form-data; {head}\r\n\r\nbob\r\n--b1\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nright\r\n--b1--\r\n"
        )
    };
    let long = format!("email=bob&password=right&pad={}", "x".repeat(70_000));
    let multipart = "multipart/form-data; boundary=b1";
    let cases = [
        ("/login", FORM, "email=bob&email=alice&password=right".to_owned()),
        ("/login", FORM, "email=bob&Email=alice&password=right".to_owned()),
        ("/login", FORM, "email=bob&email[]=alice&password=right".to_owned()),
        ("/login", FORM, "email=bob&+email=alice&password=right".to_owned()),
        ("/login", FORM, "email=bob&email%00=alice&password=right".to_owned()),
        ("/login", FORM, "x=1;email=alice&email=bob&password=right".to_owned()),
        ("/login", FORM, "email=bob&password=right&x=%u0026email".to_owned() + "&email=alice"),
        ("/login?email=alice", FORM, "email=bob&password=right".to_owned()),
        ("/login?EMAIL[0]=alice", FORM, "email=bob&password=right".to_owned()),
        ("/login", "application/x-www-form-urlencoded; charset=utf-7", "email=bob&password=right".to_owned()),
        ("/login", "text/plain", "email=bob&password=right".to_owned()),
        ("/login", "application/json", r#"{"email": "bob", "email": "alice", "password": "right"}"#.to_owned()),
        ("/login", FORM, r#"{"email": "alice", "password": "right", "x": "&email=bob"}"#.to_owned()),
        ("/login", multipart, part("name=\"email\"; name=\"x\"")),
        ("/login", multipart, part("name=\"email\"; filename=\"x\"")),
        ("/login", multipart, part("name*=utf-8''email; name=\"email\"")),
        ("/login", FORM, long),
        ("/login/", FORM, "email=bob&password=right".to_owned()),
        ("/LOGIN", FORM, "email=bob&password=right".to_owned()),
    ];
    for (target, kind, body) in cases {
        let separator = if target.contains('?') { '&' } else { '?' };
        for what in ["fresh", "keep"] {
            let mut browser = world.signed_in("bob").await;
            let before = browser.copy();
            let answer = login(&mut browser, &format!("{target}{separator}do={what}"), kind, &body).await;
            assert_eq!(answer.status, 303, "{answer:?}");
            assert!(is_nobody(&mut browser).await, "{target} {kind} {body} {what}");
            assert!(is_nobody(&mut before.copy()).await, "{target} {kind} {body} {what}");
        }
    }
    for method in ["PUT", "GET"] {
        let mut browser = world.signed_in("bob").await;
        let target = if method == "GET" { "/login?email=alice&password=right" } else { "/login" };
        let mut headers = NAVIGATION.to_vec();
        headers.push(("content-type", FORM));
        let body = if method == "GET" { "" } else { "email=alice&password=right" };
        browser.send(method, target, &headers, body).await;
        assert!(is_nobody(&mut browser).await, "{method}");
    }
    assert!(world.messages().await.is_empty());
}

/// An application that sends whoever is signed in away from its login page, whatever name was posted, lets nobody choose
/// one for a session that it keeps (C05): not after somebody else's sign-in, nor after one that could not be read.
#[tokio::test]
async fn c05_a_kept_session_cannot_be_given_another_name() {
    for_both(config(SITE), async |world| {
        let mut attacker = world.signed_in("alice").await;
        login(&mut attacker, "/login?do=keep", FORM, "email=bob&password=right").await;
        assert!(is_nobody(&mut attacker).await);
        login(&mut attacker, "/login?do=keep", FORM, "email=bob&password=right").await;
        assert!(is_nobody(&mut attacker).await);
        // Nor does it help when the application renews its cookie.
        attacker.get("/rotate").await;
        login(&mut attacker, "/login?do=keep", FORM, "email=bob&password=right").await;
        assert!(is_nobody(&mut attacker).await);

        let mut attacker = world.browser();
        login(&mut attacker, "/login", FORM, "email=alice&email=bob&password=right").await;
        login(&mut attacker, "/login?do=keep", FORM, "email=bob&password=right").await;
        assert!(is_nobody(&mut attacker).await);
        assert!(world.messages().await.is_empty());

        // A session of one's own does, and the same name again in the same session.
        sign_in(&mut attacker, "bob").await;
        login(&mut attacker, "/login?do=keep", FORM, "email=bob&password=right").await;
        assert_eq!(code_goes_to(world, &mut attacker).await, BOB);
    })
    .await;
}

/// Signed out, and in again as somebody else within one session: an application that never changes its cookie still works.
#[tokio::test]
async fn a_session_that_outlives_its_logout_is_the_next_ones() {
    for_both(config(SITE), async |world| {
        let mut browser = world.browser();
        browser.jar.insert("SID".to_owned(), "0123456789".to_owned());
        login(&mut browser, "/login?do=keep", FORM, "email=alice&password=right").await;
        assert_eq!(code_goes_to(world, &mut browser).await, ALICE);
        browser.get("/logout?do=keep").await;
        assert!(is_nobody(&mut browser).await);
        login(&mut browser, "/login?do=keep", FORM, "email=bob&password=right").await;
        assert_eq!(code_goes_to(world, &mut browser).await, BOB);
    })
    .await;
}

/// A sign-in that did not go well, under another name than the session's, ends what was known: what looks like a failure
/// here may be none to the application.
#[tokio::test]
async fn c05_a_failed_login_under_another_name_ends_the_session() {
    for_both(config(SITE), async |world| {
        let mut browser = world.signed_in("alice").await;
        login(&mut browser, "/login", FORM, "email=alice&password=wrong").await;
        assert!(!is_nobody(&mut browser).await);
        login(&mut browser, "/login", FORM, "search=everything").await;
        assert!(!is_nobody(&mut browser).await);
        login(&mut browser, "/login", FORM, "email=bob&password=wrong").await;
        assert!(is_nobody(&mut browser).await);

        let mut browser = world.signed_in("alice").await;
        login(&mut browser, "/login", FORM, "email=alice&email=bob&password=wrong").await;
        assert!(is_nobody(&mut browser).await);
    })
    .await;
}

/// The session cookie twice, in any spelling, is no session: not when a page is asked for, and not at a login (C03).
#[tokio::test]
async fn c03_two_session_cookies_are_none() {
    for_both(config(SITE), async |world| {
        let alice = world.signed_in("alice").await;
        let bob = world.signed_in("bob").await;
        let (alice, bob) = (&alice.jar["SID"], &bob.jar["SID"]);
        for cookies in [
            format!("SID={alice}; SID={bob}"),
            format!("SID={bob}; SID={bob}"),
            format!("sid={alice}; SID={bob}"),
            format!("%53ID={alice}; SID={bob}"),
            format!("x=1,SID={alice}; SID={bob}"),
        ] {
            let mut headers = NAVIGATION.to_vec();
            headers.push(("cookie", &cookies));
            let answer = world.browser().send("GET", "/account", &headers, "").await;
            assert_eq!(answer.location().as_deref(), Some("/login"), "{cookies}");
        }
        let cookies = format!("SID={alice}; SID={bob}");
        let mut browser = world.browser();
        let origin = browser.base.clone();
        let mut headers = NAVIGATION.to_vec();
        headers.extend([("cookie", cookies.as_str()), ("content-type", FORM), ("origin", origin.as_str())]);
        browser.send("POST", "/login?do=keep", &headers, "email=bob&password=right").await;
        for session in [alice, bob] {
            let mut browser = world.browser();
            browser.jar.insert("SID".to_owned(), session.clone());
            assert!(is_nobody(&mut browser).await);
        }
    })
    .await;
}

/// An answer that sets the session cookie to two things says nothing of whose either is.
#[tokio::test]
async fn h18_an_answer_with_two_sessions_binds_neither() {
    for_both(config(SITE), async |world| {
        let mut browser = world.signed_in("alice").await;
        login(&mut browser, "/login?do=two", FORM, "email=bob&password=right").await;
        assert!(is_nobody(&mut browser).await);
        // Cleared and set at once is set.
        let mut browser = world.signed_in("alice").await;
        login(&mut browser, "/login?do=renew", FORM, "email=bob&password=right").await;
        assert_eq!(code_goes_to(world, &mut browser).await, BOB);
    })
    .await;
}

/// Two applications on one host, each with a login and a session of its own: whoever is one person in both is known by either,
/// two people in one browser are nobody (I5), and a sign-out ends that application's session alone.
#[tokio::test]
async fn i5_two_applications_on_one_host_must_agree() {
    let application = Recorder::answering(|exchange| {
        let target = exchange.heard.target().to_owned();
        let (cookie, path) = match target.strip_prefix("/desk") {
            Some(path) => ("DESK", path),
            None => ("SID", target.as_str()),
        };
        let number = exchange.heard.connection * 1000 + exchange.heard.nth;
        let (status, more) = match path {
            "/login" => ("303 See Other", format!("Location: /home\r\nSet-Cookie: {cookie}=s{number}; Path=/\r\n")),
            "/logout" => ("303 See Other", format!("Location: /\r\nSet-Cookie: {cookie}=; Path=/; Max-Age=0\r\n")),
            _ => ("200 OK", String::new()),
        };
        exchange.answer(format!("HTTP/1.1 {status}\r\n{more}Content-Length: 0\r\n\r\n"))
    });
    let site = "identity:
      - login: {path: /login, field: email, session_cookie: SID, logout: /logout}
      - login: {path: /desk/login, field: clerk, session_cookie: DESK, logout: /desk/logout}
    sign_in: /login";
    let gateway = config(site).start_at("memory", application.port);
    let mut browser = Client::new(HOST, gateway.port);
    let page = async |browser: &mut Client| {
        let answer = browser.get("/account").await;
        answer.location().unwrap_or_else(|| answer.status.to_string())
    };
    assert_eq!(page(&mut browser).await, "/login");
    login(&mut browser, "/desk/login", FORM, "clerk=alice&password=right").await;
    assert!(browser.jar.contains_key("DESK") && !browser.jar.contains_key("SID"));
    assert!(page(&mut browser).await.starts_with("/.otpgate/challenge"));
    login(&mut browser, "/login", FORM, "email=alice&password=right").await;
    assert!(page(&mut browser).await.starts_with("/.otpgate/challenge"));
    login(&mut browser, "/login", FORM, "email=bob&password=right").await;
    assert_eq!(page(&mut browser).await, "403");
    browser.get("/logout").await;
    let page = challenge_page(&mut browser, "/account").await;
    let code = codes(&gateway, ALICE).await.pop().unwrap();
    assert_eq!(type_code(&mut browser, &page, &code).await.status, 303);
    assert_eq!(browser.get("/account").await.status, 200);
    browser.get("/desk/logout").await;
    assert!(is_nobody(&mut browser).await);
}

/// `follow_rotation`: the subject goes along with the cookie, requests that are still on their way with the old one are
/// known, and a doubtful session stays doubtful.
#[tokio::test]
async fn a_subject_follows_the_cookie_where_that_is_asked_for() {
    for_both(config(FOLLOWS), async |world| {
        let mut browser = world.signed_in("alice").await;
        for _ in 0..3 {
            let mut late = browser.copy();
            browser.get("/rotate").await;
            assert_ne!(browser.jar["SID"], late.jar["SID"]);
            assert!(!is_nobody(&mut browser).await);
            assert!(!is_nobody(&mut late).await);
        }
        let mut old = world.signed_in("bob").await;
        let mut browser = old.copy();
        browser.get("/rotate").await;
        within(Duration::from_secs(15), "forgetting the old cookie", async || is_nobody(&mut old.copy()).await).await;
        assert!(is_nobody(&mut old).await);
        browser.get("/logout").await;
        assert!(is_nobody(&mut browser).await);

        let mut browser = world.browser();
        login(&mut browser, "/login", FORM, "email=alice&email=bob&password=right").await;
        browser.get("/rotate").await;
        assert!(is_nobody(&mut browser).await);
    })
    .await;
}
