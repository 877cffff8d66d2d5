//! Registration: the contact in the form is proved before the form goes on, and counts for nothing else (I1, I7, I8).

use serde_json::json;

use crate::support::client::form;
use crate::support::{Answer, Client, NAVIGATION};
use crate::world::*;

const PHONE: &str = "+60123456789";
const OTHER: &str = "+60123456780";
const URLENCODED: &str = "application/x-www-form-urlencoded";

/// Malaysia, where the form's numbers are from.
fn malaysian() -> Config {
    let site = Config::default().site;
    Config { site: Box::leak(format!("{site}\n    country: MY").into_boxed_str()), ..Config::default() }
}

/// What the application got at a path.
fn bodies(world: &World, path: &str) -> Vec<Vec<u8>> {
    world.upstream.seen_at(path).into_iter().filter(|seen| seen.method == "POST").map(|seen| seen.body).collect()
}

async fn register(browser: &mut Client, path: &str, phone: &str) -> Answer {
    let body = form(&[("name", "Eve"), ("phone", phone), ("password", "s3cret & more")]);
    post_as(browser, path, URLENCODED, body.as_bytes()).await
}

async fn register_by_script(client: &mut Client, path: &str, body: &serde_json::Value) -> Answer {
    client.call("POST", path, Some(body.clone())).await
}

/// The form of somebody whom nobody knows: parked, its number proved, and only then sent on, once, byte for byte.
#[tokio::test]
async fn i1_i8_a_sign_up_goes_on_once_its_number_is_proved() {
    for_both(malaysian(), async |world| {
        let multipart = "--x\r\nContent-Disposition: form-data; name=\"phone\"\r\n\r\n012-345 6789\r\n\
                         --x\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\n\
                         Content-Type: image/png\r\n\r\n\u{1}\u{2}\r\n--x--\r\n";
        let cases = [
            (URLENCODED, form(&[("name", "Eve"), ("phone", "+60 12-345 6789"), ("password", "s3cret & more")])),
            (URLENCODED, "name=Eve&phone=0123456789&phone2=&password=%C3%A9%zz".to_owned()),
            ("multipart/form-data; boundary=x", multipart.to_owned()),
        ];
        for (n, (kind, body)) in cases.into_iter().enumerate() {
            let mut browser = world.browser();
            let path = format!("/register/{n}");
            let answer = post_as(&mut browser, &path, kind, body.as_bytes()).await;
            let page = page_of(&mut browser, &answer).await;
            assert!(page.body.contains("to confirm your telephone number"), "{}", page.body);
            assert!(page.body.contains("+** *** **89") && !page.body.contains("345"), "{}", page.body);
            assert!(page.body.contains("Is the number wrong?"), "{}", page.body);
            assert_eq!(world.upstream.hits(&path), 0);

            let answer = type_code(&mut browser, &page, &world.code(PHONE).await).await;
            assert_eq!(world.upstream.hits(&path), 0);
            assert_eq!(browser.follow(answer).await.body, format!("POST {path}"));
            assert_eq!(bodies(world, &path), [body.clone().into_bytes()]);
            let seen = world.upstream.last();
            assert_eq!(seen.header("x-otpgate-contact"), Some(PHONE));
            assert_eq!(seen.header("x-otpgate-channel"), Some("sms"));
            assert!(seen.header("x-otpgate-verified-at").is_some());
            // Nobody is signed in, and a number is no name.
            assert_eq!(seen.header("x-otpgate-subject"), None);
            assert_eq!(seen.header("content-type"), Some(kind));

            // A slip elsewhere in the form, and it is sent again: the number is proved already.
            let again = post_as(&mut browser, &path, kind, body.as_bytes()).await;
            assert_eq!((again.status, again.body), (200, format!("POST {path}")));
            assert_eq!(bodies(world, &path), [body.clone().into_bytes(), body.into_bytes()]);
            assert_eq!(world.upstream.last().header("x-otpgate-contact"), Some(PHONE));
        }
        assert_eq!(world.codes(PHONE).await.len(), 3);
    })
    .await;
}

/// A corrected number is another challenge, with a code of its own; the first one's proves nothing of it.
#[tokio::test]
async fn i7_a_code_for_one_number_proves_no_other() {
    for_both(malaysian(), async |world| {
        let mut browser = world.browser();
        let first = register(&mut browser, "/register", PHONE).await;
        let first = page_of(&mut browser, &first).await;
        let second = register(&mut browser, "/register", OTHER).await;
        let second = page_of(&mut browser, &second).await;
        let (code, other) = (world.code(PHONE).await, world.code(OTHER).await);
        if code != other {
            assert_eq!(type_code(&mut browser, &second, &code).await.status, 403);
        }
        // Proved is the first; what is sent on is the form that has it.
        let answer = type_code(&mut browser, &first, &code).await;
        browser.follow(answer).await;
        let sent = bodies(world, "/register");
        assert_eq!(sent.len(), 1);
        assert!(String::from_utf8_lossy(&sent[0]).contains(&form(&[("phone", PHONE)])));
        page_address(&register(&mut browser, "/register", OTHER).await);
        // Another browser has proved nothing.
        page_address(&register(&mut world.browser(), "/register", PHONE).await);
        assert_eq!(bodies(world, "/register").len(), 1);
    })
    .await;
}

/// An API client reads the same in JSON, and repeats its own request.
#[tokio::test]
async fn i1_an_api_client_registers_with_json() {
    for_both(malaysian(), async |world| {
        let mut client = world.browser();
        let body = json!({"user": {"name": "Eve", "contact": "Eve@Example.org"}, "tags": ["a"]});
        let challenge = register_by_script(&mut client, "/join", &body).await;
        assert_eq!((challenge.status, challenge.problem().as_str()), (401, "step-up-required"));
        let id = challenge.json()["challenge"]["id"].clone();
        assert_eq!(challenge.json()["challenge"]["channels"].as_array().unwrap().len(), 1, "{challenge:?}");
        assert_eq!(api_send(&mut client, &id, "email").await.status, 202);
        assert_eq!(world.upstream.hits("/join"), 0);
        let passed = api_verify(&mut client, &id, &world.code("Eve@Example.org").await).await;
        assert_eq!(outcome(&passed), "passed");

        let number = json!({"user": {"name": "Eve", "contact": "012 345 6789"}});
        let other = register_by_script(&mut client, "/join", &number).await;
        assert_eq!(other.status, 401);
        assert_ne!(other.json()["challenge"]["id"], id);
        // A telephone takes a text message or a call.
        assert_eq!(other.json()["challenge"]["channels"].as_array().unwrap().len(), 2, "{other:?}");

        let done = register_by_script(&mut client, "/join", &body).await;
        assert_eq!((done.status, done.body.as_str()), (200, "POST /join"));
        let seen = world.upstream.last();
        assert_eq!(seen.header("x-otpgate-contact"), Some("Eve@Example.org"));
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&seen.body).unwrap(), body);
        assert_eq!(world.upstream.hits("/join"), 1);
    })
    .await;
}

/// A form of which it cannot be told which contact the application reads goes nowhere, and no message goes out.
#[tokio::test]
async fn i1_a_form_without_one_readable_contact_never_goes_on() {
    let world = World::with_memory(&malaysian());
    let mut browser = world.browser();
    for (path, kind, body) in [
        ("/register", URLENCODED, "name=Eve"),
        ("/register", URLENCODED, ""),
        ("/register", URLENCODED, "phone="),
        ("/register", URLENCODED, "phone=call+me"),
        ("/register", URLENCODED, "phone=eve%40example.org"),
        ("/register", URLENCODED, "phone=12"),
        ("/register", URLENCODED, "phone=%2B60123456789&phone=%2B60123456780"),
        ("/register", URLENCODED, "phone=%2B60123456789%0d%0aX-A:b"),
        ("/register?phone=%2B60123456780", URLENCODED, "phone=%2B60123456789"),
        ("/register", "text/plain", "phone=%2B60123456789"),
        ("/register", "application/json", "{\"phone\":\"+60123456789\""),
    ] {
        let answer = post_as(&mut browser, path, kind, body.as_bytes()).await;
        assert_eq!(answer.status, 422, "{path} {kind} {body}: {answer:?}");
        assert!(answer.body.contains("We cannot read your telephone number"), "{}", answer.body);
        assert!(answer.body.contains("href=\"/register\""), "no way back to the form: {}", answer.body);
    }
    let problem = register_by_script(&mut browser, "/register", &json!({"name": "Eve"})).await;
    assert_eq!((problem.status, problem.problem().as_str()), (422, "unreadable-contact"), "{problem:?}");
    assert_eq!(problem.json()["reason"], "no_phone");
    assert_eq!(world.upstream.hits("/register"), 0);
    assert!(world.messages().await.is_empty());
    assert!(!browser.jar.contains_key("otpgate_browser"), "nothing was opened");
}

/// The page with the form is opened as ever, where the route covers it, too; but not with anything that an application could
/// take for the form.
#[tokio::test]
async fn i1_the_page_with_the_form_opens_and_a_query_is_no_page() {
    let world = World::with_memory(&malaysian());
    let mut browser = world.browser();
    assert_eq!(browser.get("/register").await.body, "GET /register");
    let style = [("accept", "text/css"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "style")];
    assert_eq!(browser.send("GET", "/register/style.css", &style, "").await.status, 200);
    assert_eq!(browser.send("HEAD", "/register", NAVIGATION, "").await.status, 200);
    for query in ["?name=Eve&password=x", "?phone=%2B60123456789", "?x"] {
        let answer = browser.get(&format!("/register{query}")).await;
        assert!(matches!(answer.status, 303 | 422), "{query}: {answer:?}");
    }
    let framed = [("accept", "*/*"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")];
    assert_eq!(browser.send("GET", "/register?phone=1", &framed, "").await.status, 401);
    assert_eq!(world.upstream.hits("/register"), 2);
}

/// A number that somebody typed never stands in for one of the directory's; the directory's own number, proved, does for
/// itself in a form.
#[tokio::test]
async fn i7_a_typed_contact_counts_for_the_form_alone() {
    for_both(malaysian(), async |world| {
        // Alice has no telephone on file, and proves one of her choice.
        let mut alice = world.signed_in("alice").await;
        let answer = register(&mut alice, "/register", OTHER).await;
        let page = page_of(&mut alice, &answer).await;
        let answer = type_code(&mut alice, &page, &world.code(OTHER).await).await;
        assert_eq!(alice.follow(answer).await.status, 200);
        let seen = world.upstream.last();
        assert_eq!(seen.header("x-otpgate-subject"), Some("alice"));
        assert_eq!(seen.header("x-otpgate-contact"), Some(OTHER));
        page_address(&alice.get("/account").await);
        page_address(&alice.get("/phone").await);

        // Not even where it is the very number that the directory has: whoever typed it was not yet known to be Carol's.
        let mut carol = world.signed_in("carol").await;
        let answer = register(&mut carol, "/register/a", CAROL_PHONE).await;
        let page = page_of(&mut carol, &answer).await;
        let answer = type_code(&mut carol, &page, &world.code(CAROL_PHONE).await).await;
        carol.follow(answer).await;
        page_address(&carol.get("/phone").await);

        let mut again = world.signed_in("carol").await;
        world.pass(&mut again, "/phone", CAROL_PHONE).await;
        let done = register(&mut again, "/register/b", CAROL_PHONE).await;
        assert_eq!((done.status, done.body.as_str()), (200, "POST /register/b"));
        assert_eq!(world.upstream.last().header("x-otpgate-contact"), Some(CAROL_PHONE));
        page_address(&register(&mut again, "/register/b", OTHER).await);
    })
    .await;
}

/// Who types an address into a sign-up form is not thereby the visitor whom `ask` would make of it.
#[tokio::test]
async fn i5_a_typed_contact_makes_nobody_a_subject() {
    let config = Config { site: "identity: {ask: {addresses: alice@example.com}}", ..Config::default() };
    for_both(config, async |world| {
        let mut browser = world.browser();
        for to in ["alice@example.com", "mallory@example.net"] {
            let answer = browser.post("/subscribe", &[("email", to)]).await;
            let page = page_of(&mut browser, &answer).await;
            assert!(page.body.contains("to confirm your e-mail address"), "{}", page.body);
            let answer = type_code(&mut browser, &page, &world.code(to).await).await;
            assert_eq!(browser.follow(answer).await.body, "POST /subscribe");
            assert_eq!(world.upstream.last().header("x-otpgate-contact"), Some(to));
            assert_eq!(world.upstream.last().header("x-otpgate-subject"), None);
            let asked = challenge_page(&mut browser, "/account").await;
            assert!(asked.form("/.otpgate/ask").is_some(), "{}", asked.body);
        }
    })
    .await;
}

/// Wrong codes for a typed address count for its holder, and lock nobody out whom the application calls by that address.
#[tokio::test]
async fn i4_a_stranger_at_the_sign_up_form_locks_nobody_out() {
    let config = Config {
        limits: "{failures: {per_subject: 3/1h}}",
        contacts: "\"alice@example.com\": {email: alice@example.com}\n".to_owned(),
        ..Config::default()
    };
    for_both(config, async |world| {
        let mut stranger = world.browser();
        let answer = stranger.post("/subscribe", &[("email", ALICE)]).await;
        let page = page_of(&mut stranger, &answer).await;
        let code = world.code(ALICE).await;
        for n in 1..=3 {
            type_code(&mut stranger, &page, &nth_other(&code, n)).await;
        }
        assert_eq!(type_code(&mut stranger, &page, &code).await.status, 403, "locked for the address");
        // From another browser, too.
        let mut other = world.browser();
        let answer = other.post("/subscribe", &[("email", "Alice@example.com")]).await;
        let page = other.get(&page_address(&answer)).await;
        assert!(page.body.contains("Too many wrong codes"), "{}", page.body);
        let mut alice = world.signed_in(ALICE).await;
        world.pass(&mut alice, "/account", ALICE).await;
    })
    .await;
}

/// What a client says of a proved contact is no word of the gateway's.
#[tokio::test]
async fn h01_h02_a_forged_contact_is_removed() {
    let world = World::with_memory(&malaysian());
    let mut browser = world.browser();
    let origin = browser.base.clone();
    let mut headers = NAVIGATION.to_vec();
    headers.extend([
        ("content-type", URLENCODED),
        ("origin", &origin),
        ("x-otpgate-contact", "+15550000000"),
        ("X_Otpgate_Contact", "+15550000000"),
        ("x.otpgate.contact", "+15550000000"),
    ]);
    let answer = browser.send("POST", "/register", &headers, form(&[("phone", PHONE)])).await;
    let page = page_of(&mut browser, &answer).await;
    let answer = type_code(&mut browser, &page, &world.code(PHONE).await).await;
    browser.follow(answer).await;
    browser.send("GET", "/open", &headers, "").await;
    browser.send("POST", "/register", &headers, form(&[("phone", PHONE)])).await;
    for (n, seen) in world.upstream.seen().into_iter().enumerate() {
        let contacts: Vec<_> =
            seen.headers.iter().filter(|(name, _)| name.to_ascii_lowercase().ends_with("contact")).collect();
        let expected = if seen.path() == "/open" { 0 } else { 1 };
        assert_eq!(contacts.len(), expected, "{n}: {seen:?}");
        assert!(contacts.iter().all(|(_, value)| value == PHONE));
    }
    assert_eq!(world.upstream.seen().len(), 3);
}

/// `max_age: 0s`: each form by itself.
#[tokio::test]
async fn o29_each_form_is_confirmed_by_itself() {
    for_both(malaysian(), async |world| {
        let mut browser = world.browser();
        for n in 1..=2 {
            let answer = register(&mut browser, "/order", PHONE).await;
            let page = page_of(&mut browser, &answer).await;
            let answer = type_code(&mut browser, &page, &world.code(PHONE).await).await;
            browser.follow(answer).await;
            assert_eq!(bodies(world, "/order").len(), n);
            assert_eq!(world.upstream.last().header("x-otpgate-contact"), Some(PHONE));
        }
        assert!(!browser.jar.contains_key("otpgate_grant"));
    })
    .await;
}

/// Typed addresses are under their own tight limits, whoever is signed in.
#[tokio::test]
async fn i4_typed_contacts_are_under_the_limits_for_typed_ones() {
    for_both(Config { limits: "{typed: {per_ip: 2/1h}}", ..malaysian() }, async |world| {
        for (n, subject) in [None, Some("alice"), None].into_iter().enumerate() {
            let mut browser = match subject {
                Some(subject) => world.signed_in(subject).await,
                None => world.browser(),
            };
            let answer = register(&mut browser, "/register", &format!("+6012345678{n}")).await;
            let page = browser.get(&page_address(&answer)).await;
            assert_eq!(page.body.contains("Too many messages"), n == 2, "{n}: {}", page.body);
        }
        assert_eq!(world.messages().await.len(), 2);
    })
    .await;
}

/// A number that no code can go to is said to be one, before anything is kept.
#[tokio::test]
async fn d02_a_number_that_takes_no_code_is_told() {
    let delivery = "  providers: {dev: {type: outbox}}\n  email: {providers: dev}\n  \
                    sms: {providers: dev, countries: {allow: MY}}\n  voice: {providers: dev}";
    let world = World::with_memory(&Config { delivery: delivery.to_owned(), ..malaysian() });
    let mut browser = world.browser();
    // A fixed line in Kuala Lumpur; a mobile in Singapore, where nothing is sent.
    for phone in ["03-2161 2345", "+6591234567"] {
        let answer = register(&mut browser, "/register", phone).await;
        assert_eq!(answer.status, 422, "{answer:?}");
        assert!(answer.body.contains("No code can go to this number"), "{}", answer.body);
        let problem = browser.call("POST", "/register", Some(json!({"phone": phone}))).await;
        assert_eq!(problem.status, 422);
    }
    assert_eq!((world.upstream.hits("/register"), world.messages().await.len()), (0, 0));
}

/// A form that another site makes a browser post is no reason to send anybody a message.
#[tokio::test]
async fn r15_a_foreign_form_sends_no_message_and_is_not_parked() {
    let world = World::with_memory(&malaysian());
    let mut browser = world.browser();
    let headers = [
        ("accept", "text/html"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://evil.example"),
        ("referer", "https://evil.example/x"),
        ("content-type", URLENCODED),
    ];
    let answer = browser.send("POST", "/register", &headers, form(&[("phone", PHONE)])).await;
    let page = page_of(&mut browser, &answer).await;
    assert!(!page.body.contains("evil"), "{}", page.body);
    assert!(world.messages().await.is_empty());
    let sent = browser.submit(&page, "/.otpgate/send", &[]).await;
    let page = browser.follow(sent).await;
    let answer = type_code(&mut browser, &page, &world.code(PHONE).await).await;
    assert_eq!(browser.follow(answer).await.body, "GET /register");
    assert!(bodies(&world, "/register").is_empty());
}

/// The way back is the page from which the form came, on this site only.
#[tokio::test]
async fn r01_the_way_back_leads_to_the_form_and_nowhere_else() {
    let world = World::with_memory(&malaysian());
    for (referer, expected) in [
        ("{base}/welcome?step=2", "href=\"/welcome?step=2\""),
        ("{base}//evil.example/", "href=\"/register\""),
        ("http://evil.example/welcome", "href=\"/register\""),
        ("{base}/.otpgate/challenge", "href=\"/register\""),
        ("javascript:alert(1)", "href=\"/register\""),
    ] {
        let mut browser = world.browser();
        let (origin, referer) = (browser.base.clone(), referer.replace("{base}", &browser.base));
        let mut headers = NAVIGATION.to_vec();
        headers.extend([("content-type", URLENCODED), ("origin", &origin), ("referer", &referer)]);
        let answer = browser.send("POST", "/register", &headers, form(&[("phone", PHONE)])).await;
        let page = browser.get(&page_address(&answer)).await;
        assert!(page.body.contains(expected), "{referer}: {}", page.body);
    }
}

const RISK: &str = "risk: {lists: {name: disposable, kind: email_domain, source: disposable.txt, points: 95}, \
                    points: {voip_number: 30, contact_reused: 45, no_mail_exchanger: 0}}";

/// A mailbox for ten minutes is refused before anything is sent, and the operator reads why.
#[tokio::test]
async fn i7_a_disposable_address_is_refused() {
    let world = World::with_memory(&Config { top: RISK, ..malaysian() });
    let mut browser = world.browser();
    for address in ["eve@minutes.example", "eve@more.MINUTES.example"] {
        let answer = browser.post("/subscribe", &[("email", address)]).await;
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(!answer.body.contains("minutes"), "{}", answer.body);
        let (_, reference) = answer.body.split_once("Reference: ").unwrap();
        let told = admin(&world.gateway, "GET", &format!("/lookup/{}", &reference[..9]), None).await;
        assert!(told.body.contains("disposable 95"), "{told:?}");
    }
    assert_eq!((world.upstream.hits("/subscribe"), world.messages().await.len()), (0, 0));
    page_address(&browser.post("/subscribe", &[("email", "eve@example.org")]).await);
}

/// The score of the contact goes along to the application, and decides whether a code is asked for at all.
#[tokio::test]
async fn i7_the_quality_of_a_contact_makes_the_score() {
    for_both(Config { top: RISK, ..malaysian() }, async |world| {
        // A number on the internet.
        let mut browser = world.browser();
        let answer = register(&mut browser, "/register", "+445612345678").await;
        let page = page_of(&mut browser, &answer).await;
        let answer = type_code(&mut browser, &page, &world.code("+445612345678").await).await;
        browser.follow(answer).await;
        assert_eq!(world.upstream.last().header("x-otpgate-score"), Some("30"));

        // Nobody proved it yet: below `challenge_at`, so it goes on unproved, and nothing says that it was.
        let mut first = world.browser();
        let answer = first.post("/newsletter", &[("email", "eve@example.org")]).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "POST /newsletter"));
        let seen = world.upstream.last();
        assert_eq!((seen.header("x-otpgate-score"), seen.header("x-otpgate-contact")), (Some("0"), None));

        // Somebody proves it; that speaks against nobody but others.
        let answer = first.post("/subscribe", &[("email", "eve@example.org")]).await;
        let page = page_of(&mut first, &answer).await;
        let answer = type_code(&mut first, &page, &world.code("eve@example.org").await).await;
        assert_eq!(first.follow(answer).await.body, "POST /subscribe");
        assert_eq!(world.upstream.last().header("x-otpgate-score"), Some("0"));
        assert_eq!(first.post("/newsletter", &[("email", "eve@example.org")]).await.status, 200);

        let mut second = world.browser();
        page_address(&second.post("/newsletter", &[("email", "EVE@example.org")]).await);
        let mut alice = world.signed_in("alice").await;
        page_address(&alice.post("/newsletter", &[("email", "eve@example.org")]).await);
        assert_eq!(alice.post("/newsletter", &[("email", "other@example.org")]).await.status, 200);
    })
    .await;
}

/// A number of a fixed line has the points that the operator gives it, before it is found that no text message goes there.
#[tokio::test]
async fn i7_a_fixed_line_counts_where_it_is_worth_something() {
    for (points, status) in [("95", 403), ("0", 422)] {
        let top = format!("risk: {{points: {{fixed_line_number: {points}}}}}");
        let world = World::with_memory(&Config { top: Box::leak(top.into_boxed_str()), ..malaysian() });
        let answer = register(&mut world.browser(), "/register", "+442079460000").await;
        assert_eq!(answer.status, status, "{points}: {answer:?}");
        page_address(&register(&mut world.browser(), "/register", "+447400123456").await);
        assert_eq!(world.upstream.hits("/register"), 0);
    }
}

/// A number that anybody can borrow, in any spelling of it.
#[tokio::test]
async fn i7_a_borrowed_number_is_refused() {
    let folder = tempfile::TempDir::new().unwrap();
    let list = folder.path().join("borrowed.txt");
    std::fs::write(&list, "# seen in public\n+60 12-345 6789\n").unwrap();
    let risk = format!("risk: {{lists: {{name: borrowed, kind: phone, source: '{}', points: 95}}}}", list.display());
    let world = World::with_memory(&Config { top: Box::leak(risk.into_boxed_str()), ..malaysian() });
    let mut browser = world.browser();
    for phone in [PHONE, "012-345 6789", "+60 (12) 345-6789"] {
        let answer = register(&mut browser, "/register", phone).await;
        assert_eq!(answer.status, 403, "{phone}: {answer:?}");
    }
    assert_eq!((world.upstream.hits("/register"), world.messages().await.len()), (0, 0));
    page_address(&register(&mut browser, "/register", OTHER).await);
}

/// I2: of a contact about which the store cannot be asked nothing is known, so the form is not taken for a harmless one.
#[tokio::test]
async fn i2_a_form_whose_contact_cannot_be_scored_goes_nowhere() {
    let mut world = World::with_redis(&Config { top: RISK, ..malaysian() });
    let mut browser = world.browser();
    assert_eq!(browser.post("/newsletter", &[("email", "eve@example.org")]).await.status, 200);
    world.redis.as_mut().unwrap().stop();
    assert_eq!(browser.post("/newsletter", &[("email", "mal@example.org")]).await.status, 503);
    assert_eq!(browser.get("/open").await.status, 200);
    assert_eq!(world.upstream.hits("/newsletter"), 1);
}
