//! What a visitor meets.

use std::time::Duration;

use otpgate::store::{FailureLimits, Window};

use crate::world::{Rules, VAULT, WIKI, World};

/// The whole way of an interrupted form: parked, the code asked for, mistyped, typed, and the form sent on byte for byte.
#[tokio::test]
async fn a_form_is_kept_and_goes_on_with_the_right_code() {
    let world = World::new();
    let mut alice = world.signed_in("alice");
    let answer = alice.post("/account/note", "text=a+%3Cremark%3E").await;
    assert!(answer.location().unwrap().starts_with("/.otpgate/challenge?id="), "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(world.messages(), 0, "no message with the 303");

    let page = alice.follow(answer).await;
    assert_eq!(page.status, 200);
    assert_eq!(world.messages(), 1);
    let text = page.text();
    assert!(text.contains("Check your e-mail") && text.contains("a***@e***.com"), "{text}");
    assert!(text.contains("to go on with POST /account/note"), "{text}");
    assert!(text.contains("What you typed is kept"), "{text}");

    let wrong = alice.type_code(&page, &world.wrong_code()).await;
    assert_eq!(wrong.status, 403);
    assert!(wrong.text().contains("There is a problem That is not the code. Look at the newest message."));
    assert!(!wrong.body.contains(&world.wrong_code()), "what was typed is not shown again (U08)");

    // The form of the page that told of the mistake works like the first.
    let passed = alice.type_code(&wrong, &world.code()).await;
    assert_eq!(passed.location().as_deref(), Some("/account/note"));
    assert!(alice.jar.contains_key("__Host-otpgate_grant"));
    let resumed = alice.get("/account/note").await.forward.unwrap();
    let sent = resumed.instead.unwrap();
    assert_eq!((sent.method.as_str(), sent.target.as_str()), ("POST", "/account/note"));
    assert_eq!(&sent.body[..], b"text=a+%3Cremark%3E");
}

/// O02, U09: what is no code is told apart, costs no try, and says what is wrong.
#[tokio::test]
async fn what_is_no_code_is_told_apart_and_not_counted() {
    let world = World::new();
    let mut alice = world.signed_in("alice");
    let page = alice.open("/account").await;
    for _ in 0..3 {
        for (typed, told) in [
            ("", "Type the code"),
            (" \n", "Type the code"),
            ("12345", "some are missing"),
            ("1234567", "these are more"),
            ("12345a", "digits only"),
        ] {
            let answer = alice.type_code(&page, typed).await;
            assert_eq!(answer.status, 422, "{typed}");
            assert!(answer.text().contains(told), "{typed}: {}", answer.text());
            assert!(answer.body.contains("<title>Error: "));
        }
    }
    // U02, O03.
    let code = world.code();
    let spaced = format!(" {}-{} {}\n", &code[..2], &code[2..4], &code[4..]);
    assert_eq!(alice.type_code(&page, &spaced).await.location().as_deref(), Some("/account"));
}

/// U10, O08, O36: the last tries are counted down, and then a right code is answered like a wrong one. A new code can be
/// had at once, and the form goes on with it.
#[tokio::test]
async fn used_up_tries_lock_the_code_but_do_not_lose_the_form() {
    let world = World::with(Rules { tries: 3, ..Rules::default() });
    let mut alice = world.signed_in("alice");
    let answer = alice.post("/account/note", "text=1").await;
    let page = alice.follow(answer).await;
    let code = world.code();
    assert!(alice.type_code(&page, &world.wrong_code()).await.text().contains("You have 2 more tries."));
    assert!(alice.type_code(&page, &world.wrong_code()).await.text().contains("You have 1 more try."));
    let locked = alice.type_code(&page, &world.wrong_code()).await;
    assert_eq!(locked.status, 403);
    assert!(locked.text().contains("Too many wrong codes"), "{}", locked.text());
    let right = alice.type_code(&page, &code).await;
    assert_eq!((right.status, right.text()), (locked.status, locked.text()));

    world.pass_time(31);
    let renewed = alice.submit(&locked, "/.otpgate/send", &[]).await;
    let renewed = alice.follow(renewed).await;
    assert_ne!(renewed.id(), page.id());
    let passed = alice.type_code(&renewed, &world.code()).await;
    assert_eq!(passed.location().as_deref(), Some("/account/note"));
    assert!(alice.get("/account/note").await.forward.unwrap().instead.is_some());
}

/// U09: who is locked is told how long, in words that need no time zone.
#[tokio::test]
async fn a_locked_subject_is_told_how_long() {
    let per_subject = vec![Window { count: 2, span: Duration::from_secs(3600) }];
    let failures = FailureLimits { per_subject, ..FailureLimits::default() };
    let world = World::with(Rules { failures, ..Rules::default() });
    let mut alice = world.signed_in("alice");
    let page = alice.open("/account").await;
    alice.type_code(&page, &world.wrong_code()).await;
    let locked = alice.type_code(&page, &world.wrong_code()).await;
    assert_eq!((locked.status, locked.header("retry-after")), (403, "3600"));
    assert!(locked.text().contains("You can try again in 60 minutes"), "{}", locked.text());
    assert!(locked.body.contains("<time datetime=\"2027-01-15T09:00:00Z\" data-left=\"3600\""), "{}", locked.body);
    assert!(!locked.has_form("/.otpgate/verify") && !locked.has_form("/.otpgate/send"));
}

/// U14: a code's time is over; the page gives a new one, and the form is not lost.
#[tokio::test]
async fn an_expired_code_is_renewed_with_one_button() {
    let world = World::new();
    let mut alice = world.signed_in("alice");
    let answer = alice.post("/account/note", "text=2").await;
    let page = alice.follow(answer).await;
    let (old, address) = (world.code(), format!("/.otpgate/challenge?id={}", page.id()));
    world.pass_time(301);
    let late = alice.type_code(&page, &old).await;
    assert_eq!(late.status, 410);
    assert!(late.text().contains("The code has expired") && late.text().contains("What you typed is kept"));
    assert_eq!(alice.get(&address).await.status, 410);
    let renewed = alice.submit(&late, "/.otpgate/send", &[]).await;
    let renewed = alice.follow(renewed).await;
    assert_eq!(alice.type_code(&renewed, &world.code()).await.location().as_deref(), Some("/account/note"));
    assert_eq!(&alice.get("/account/note").await.forward.unwrap().instead.unwrap().body[..], b"text=2");
}

/// O21, U11: a reload sends nothing; too early a request is told when; afterwards the same code comes again, once, and a
/// reload of that page sends nothing either.
#[tokio::test]
async fn a_code_is_sent_again_when_it_is_time() {
    let world = World::new();
    let mut alice = world.signed_in("alice");
    let page = alice.open("/account").await;
    let (code, address) = (world.code(), format!("/.otpgate/challenge?id={}", page.id()));
    for _ in 0..3 {
        assert_eq!(alice.get(&address).await.status, 200);
    }
    assert_eq!(world.messages(), 1);
    world.pass_time(5);
    let early = alice.submit(&page, "/.otpgate/send", &[]).await;
    assert_eq!((early.status, early.header("retry-after")), (429, "25"));
    let text = early.text();
    assert!(
        text.contains("You can ask for the code again in 25 seconds . The code that we sent before still works."),
        "{text}"
    );
    assert!(early.has_form("/.otpgate/verify"));

    world.pass_time(25);
    let again = alice.submit(&early, "/.otpgate/send", &[]).await;
    let place = again.location().unwrap();
    let again = alice.follow(again).await;
    assert!(again.text().contains("It is on its way once more, with the same code."), "{}", again.text());
    assert!(again.text().contains("You can ask for it again in 60 seconds"), "{}", again.text());
    alice.get(&place).await;
    assert_eq!((world.messages(), world.code()), (2, code));

    world.pass_time(60);
    alice.submit(&again, "/.otpgate/send", &[]).await;
    world.pass_time(120);
    let last = alice.submit(&again, "/.otpgate/send", &[]).await;
    let last = alice.follow(last).await;
    assert!(last.text().contains("No more messages can be sent with this code"), "{}", last.text());
    assert!(!last.has_form("/.otpgate/send"));
}

/// X07: a page opened twice at once shows in both where to type the code that one of them sent.
#[tokio::test]
async fn a_page_opened_twice_at_once_shows_the_code_field_twice() {
    let world = World::new();
    let mut alice = world.signed_in("alice");
    let address = alice.get("/account").await.location().unwrap();
    let (mut one, mut two) = (alice.clone(), alice.clone());
    let (first, second) = tokio::join!(one.get(&address), two.get(&address));
    for page in [first, second] {
        assert!(page.status == 200 && page.has_form("/.otpgate/verify"), "{page:?}");
    }
    assert_eq!(world.messages(), 1);
}

/// Nobody looked yet: a prefetch, a HEAD and a script's request send nothing.
#[tokio::test]
async fn only_a_person_who_arrives_causes_a_message() {
    let world = World::new();
    let mut alice = world.signed_in("alice");
    let address = alice.get("/account").await.location().unwrap();
    let page = [("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    let prefetch = [&page[..], &[("sec-purpose", "prefetch")]].concat();
    let asked = alice.send("GET", &address, &prefetch, "").await;
    // Whoever looks at what was fetched finds a button.
    assert!(asked.status == 200 && asked.has_form("/.otpgate/send"), "{asked:?}");
    let head = alice.send("HEAD", &address, &page, "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    alice.send("GET", &address, &[("sec-fetch-dest", "empty")], "").await;
    let help = address.replace("challenge", "help");
    assert_eq!(alice.get(&help).await.status, 200);
    assert_eq!(world.messages(), 0);
}

/// Several contacts: the visitor chooses, and can change over. A place that is not there is refused (O26).
#[tokio::test]
async fn with_several_contacts_the_visitor_chooses() {
    let world = World::new();
    let mut bob = world.signed_in("bob");
    let choice = bob.open("/account").await;
    let text = choice.text();
    assert!(
        text.contains("Where should it go?") && text.contains("(work)") && text.contains("Call +** *** **89"),
        "{text}"
    );
    assert_eq!(world.messages(), 0);
    for (channel, contact) in [("email", "7"), ("email", "-1"), ("email", "bob@evil.test"), ("pigeon", "0")] {
        let answer = bob.submit(&choice, "/.otpgate/send", &[("channel", channel), ("contact", contact)]).await;
        assert_eq!(answer.status, 404, "{channel} {contact}");
        assert!(!answer.body.contains("evil.test"));
    }
    assert_eq!(world.messages(), 0);
    let called = bob.submit(&choice, "/.otpgate/send", &[("channel", "voice")]).await;
    let called = bob.follow(called).await;
    assert!(called.text().contains("Answer your phone"), "{}", called.text());
    // U18: where it went comes first.
    let again = called.text().find("Call +** *** **89 again").unwrap();
    assert!(again < called.text().find("Send an e-mail to").unwrap());
    assert_eq!(bob.type_code(&called, &world.code()).await.location().as_deref(), Some("/account"));
}

/// `send: on_click` sends with the button alone; a confirmation says what is confirmed.
#[tokio::test]
async fn the_page_says_what_it_is_for() {
    let world = World::new();
    let mut alice = world.signed_in("alice");
    let quiet = alice.open("/quiet/room").await;
    assert!(quiet.text().contains("We send you a 6-digit code to open /quiet/room"), "{}", quiet.text());
    assert_eq!(world.messages(), 0);
    let answer = alice.post("/pay/bill?to=x%26y", "amount=5").await;
    let page = alice.follow(answer).await;
    assert!(page.text().contains("to confirm POST /pay/bill"), "{}", page.text());
    assert!(!page.body.contains("amount") && !page.body.contains("to=x"), "neither query nor body is shown");
    let passed = alice.type_code(&page, &world.code()).await;
    assert_eq!(passed.location().as_deref(), Some("/pay/bill?to=x%26y"));
    assert!(alice.get("/pay/bill?to=x%26y").await.forward.is_some());
}

/// A way on for a visitor who has no contact, or cannot reach it: whom to ask, and what to read out.
#[tokio::test]
async fn nobody_is_left_without_a_way_on() {
    let world = World::new();
    let mut zoe = world.signed_in("zoe");
    let page = zoe.open("/account").await;
    assert_eq!(page.status, 403);
    let text = page.text();
    assert!(text.contains("We cannot send you a code") && text.contains("https://example.com/help"), "{text}");
    assert!(page.body.contains("<a href=\"https://example.com/help\">"));

    let mut bob = world.signed_in("bob");
    let choice = bob.open("/account").await;
    let sent = bob.submit(&choice, "/.otpgate/send", &[]).await;
    let sent = bob.follow(sent).await;
    let help = bob.get(&format!("/.otpgate/help?id={}", sent.id())).await;
    assert!(help.text().contains("Lost your phone") && help.text().contains("Let it ring through"), "{}", help.text());
    let reference = sent.text().split("Reference: ").nth(1).unwrap().to_owned();
    assert!(help.text().contains(&reference), "the same reference on every page of a challenge");
    assert!(help.body.contains(&format!("href=\"/.otpgate/challenge?id={}\"", sent.id())));

    // Without a support contact it is the people who run the site.
    let mut vault = world.signed_in("zoe").at(VAULT);
    let page = vault.open("/").await;
    assert!(page.text().contains("Ask the people who run Vault"), "{}", page.text());
    // U13: the start page would ask for a code itself.
    assert!(page.body.contains("<a class=\"button second\" href=\"/.otpgate/\">Cancel</a>"), "{}", page.body);
}

/// The page of somebody else, of nobody, of nothing, and of too much.
#[tokio::test]
async fn a_page_that_is_not_the_visitors_says_so_and_leads_on() {
    let world = World::new();
    let mut alice = world.signed_in("alice");
    let page = alice.open("/account").await;
    let address = format!("/.otpgate/challenge?id={}", page.id());
    let code = world.code();

    let mut gone = alice.as_subject(None);
    let told = gone.get(&address).await;
    assert_eq!(told.status, 401);
    assert!(told.text().contains("Sign in first") && told.body.contains("href=\"/login\""), "{told:?}");
    let mut bob = alice.as_subject(Some("bob"));
    let told = bob.get(&address).await;
    assert_eq!(told.status, 403);
    assert!(told.text().contains("Somebody else is signed in"));
    // O06, R11.
    assert_eq!(bob.type_code(&page, &code).await.status, 403);

    let mut other = world.signed_in("alice");
    for target in [&address, "/.otpgate/challenge", "/.otpgate/challenge?id=nonsense"] {
        let told = other.get(target).await;
        assert_eq!(told.status, 404);
        assert!(told.text().contains("There is nothing to confirm"), "{}", told.text());
    }
    assert_eq!(other.type_code(&page, &code).await.status, 404);

    alice.open("/pay/1").await;
    let told = alice.get("/.otpgate/challenge").await;
    assert_eq!(told.status, 409);
    assert!(told.text().contains("More than one thing waits"), "{}", told.text());
    assert_eq!(alice.type_code(&page, &code).await.location().as_deref(), Some("/account"));
}

/// O01: a right code works once; the page that is left over leads on, and never in a circle (R08).
#[tokio::test]
async fn a_passed_challenge_leads_on() {
    let world = World::new();
    let mut alice = world.signed_in("alice");
    let page = alice.open("/account/home").await;
    let code = world.code();
    alice.type_code(&page, &code).await;
    let again = alice.type_code(&page, &code).await;
    assert_eq!(again.status, 410);
    assert!(again.text().contains("You have confirmed this already"), "{}", again.text());
    assert!(again.body.contains("href=\"/account/home\""));
    let opened = alice.get(&format!("/.otpgate/challenge?id={}", page.id())).await;
    assert_eq!(opened.status, 200);
    assert!(alice.get("/account/home").await.forward.is_some());
}

/// R12: the form is sent once, and who comes again is told so.
#[tokio::test]
async fn a_form_is_sent_once_and_the_second_time_told_so() {
    let world = World::new();
    let mut alice = world.signed_in("alice");
    let answer = alice.post("/account/order", "n=1").await;
    let page = alice.follow(answer).await;
    alice.type_code(&page, &world.code()).await;
    let mut twice = alice.clone();
    assert!(alice.get("/account/order").await.forward.unwrap().instead.is_some());
    let told = twice.get("/account/order").await;
    assert_eq!(told.status, 409);
    assert!(told.text().contains("This was sent already"), "{}", told.text());
}

/// The message did not go out: that is said, it is not counted, and there is a button to try again.
#[tokio::test]
async fn a_message_that_did_not_go_out_can_be_tried_again() {
    let world = World::with(Rules { delivers: false, ..Rules::default() });
    let mut alice = world.signed_in("alice");
    let page = alice.open("/account").await;
    assert_eq!(page.status, 503);
    assert!(!page.header("retry-after").is_empty());
    assert!(page.text().contains("We could not send the e-mail to"), "{}", page.text());
    for _ in 0..6 {
        let again = alice.submit(&page, "/.otpgate/send", &[]).await;
        assert_eq!(again.status, 503);
    }
}

/// O25, I7: an address that is allowed and one that is not are answered alike; what is no address is told so.
#[tokio::test]
async fn a_visitor_whom_nobody_names_is_asked_for_an_address() {
    let world = World::new();
    let mut pages = Vec::new();
    for address in ["kim@corp.example", "kim@corner.example"] {
        let mut visitor = world.visitor(WIKI);
        let answer = visitor.post("/edit/page", "text=3").await;
        let ask = visitor.follow(answer).await;
        assert!(ask.text().contains("Type your e-mail address to go on with POST /edit/page"), "{}", ask.text());
        let wrong = visitor.submit(&ask, "/.otpgate/ask", &[("address", "kim \"<b>\" corp")]).await;
        assert_eq!(wrong.status, 422);
        assert!(wrong.body.contains("value=\"kim &quot;&lt;b&gt;&quot; corp\""), "{}", wrong.body);
        assert!(wrong.body.contains("<a href=\"#address\">"));
        let asked = visitor.submit(&wrong, "/.otpgate/ask", &[("address", address)]).await;
        let page = visitor.follow(asked).await;
        let shown = page.text();
        assert_eq!(page.status, 200, "{shown}");
        // Nor does it show in what is told of the message.
        let told = visitor.call("GET", "/.otpgate/api/challenge", serde_json::Value::Null).await;
        assert!(told.json().get("delivery").is_none(), "{told:?}");
        pages.push(shown.split("Reference").next().unwrap().to_owned());
        if address.ends_with("corp.example") {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            let passed = visitor.type_code(&page, &world.code()).await;
            assert_eq!(passed.location().as_deref(), Some("/edit/page"));
            assert_eq!(&visitor.get("/edit/page").await.forward.unwrap().instead.unwrap().body[..], b"text=3");
        } else {
            assert_eq!(visitor.type_code(&page, "123456").await.status, 403);
        }
    }
    assert_eq!(pages[0], pages[1]);
    assert_eq!(world.messages(), 1);
}

/// C12, U24, U25: a form counts only from a page of this site, with its token, as a form.
#[tokio::test]
async fn only_the_pages_own_form_counts() {
    let world = World::new();
    let mut alice = world.signed_in("alice");
    let page = alice.open("/account").await;
    let code = world.code();
    let form = ("content-type", "application/x-www-form-urlencoded");
    let own = ("origin", "https://shop.example.com");
    let good = page.filled("/.otpgate/verify", &[("code", &code)]);
    let refused = |headers: Vec<(&'static str, &'static str)>, body: String, status: u16| (headers, body, status);
    for (headers, body, status) in [
        refused(vec![form, ("origin", "https://evil.test")], good.clone(), 403),
        refused(vec![form, ("origin", "null")], good.clone(), 403),
        refused(vec![form, ("sec-fetch-site", "cross-site"), own], good.clone(), 403),
        refused(vec![form, ("origin", "http://shop.example.com")], good.clone(), 403),
        refused(vec![("content-type", "text/plain"), own], good.clone(), 415),
        refused(vec![("content-type", "application/json"), own], good.clone(), 415),
        refused(vec![own], good.clone(), 415),
        refused(vec![form, own], page.filled("/.otpgate/verify", &[("code", &code), ("token", "")]), 403),
        refused(vec![form, own], page.filled("/.otpgate/verify", &[("code", &code), ("id", "x")]), 403),
        refused(vec![form, own], format!("code={code}"), 403),
        refused(vec![form, own], format!("{good}&code={code}"), 400),
        refused(vec![form, own], "x".repeat(20_000), 413),
    ] {
        let headers = [&headers[..], &[("accept", "text/html")]].concat();
        let answer = alice.clone().send("POST", "/.otpgate/verify", &headers, &body).await;
        assert_eq!(answer.status, status, "{headers:?}: {answer:?}");
        assert!(answer.header("set-cookie").is_empty() && answer.text().contains("Nothing was done") || status == 403);
        assert!(!answer.body.contains(&code), "{answer:?}");
    }
    // An old browser says nothing about the origin, and a strict one hides it but vouches for it.
    for headers in [vec![form], vec![form, ("origin", "null"), ("sec-fetch-site", "same-origin")]] {
        let headers = [&headers[..], &[("accept", "text/html")]].concat();
        let answer = alice.clone().send("POST", "/.otpgate/verify", &headers, &good).await;
        // The second comes too late for the first.
        assert!([303, 404].contains(&answer.status), "{headers:?}: {answer:?}");
    }
}

/// O34: a form's address that is opened is no form, whatever is in its query.
#[tokio::test]
async fn a_forms_address_cannot_be_opened() {
    let world = World::new();
    let mut alice = world.signed_in("alice");
    let page = alice.open("/account").await;
    let query = page.filled("/.otpgate/verify", &[("code", &world.code())]);
    for (path, allowed) in [("verify", "POST"), ("send", "POST"), ("ask", "POST"), ("logout", "POST")] {
        let answer = alice.get(&format!("/.otpgate/{path}?{query}")).await;
        assert_eq!((answer.status, answer.header("allow")), (405, allowed));
        assert!(answer.body.contains("href=\"/.otpgate/challenge\""), "{}", answer.body);
    }
    let answer = alice.post("/.otpgate/challenge", &query).await;
    assert_eq!((answer.status, answer.header("allow")), (405, "GET,HEAD"));
    assert_eq!(alice.get("/.otpgate/nowhere").await.status, 404);
    // A decoded path is a name, not a query.
    assert_eq!(alice.get(&format!("/.otpgate/challenge%3Fid={}", page.id())).await.status, 404);
    assert_eq!(alice.get("/.otpgate/").await.status, 200);
    assert_eq!(alice.get("/.OTPGATE").await.status, 200);
}

/// The grant ends at the visitor's wish, and only there.
#[tokio::test]
async fn logging_out_ends_the_grant() {
    let world = World::new();
    let mut alice = world.signed_in("alice");
    let page = alice.open("/account").await;
    alice.type_code(&page, &world.code()).await;
    assert!(alice.get("/account").await.forward.is_some());
    let foreign = [("origin", "https://evil.test"), ("accept", "text/html")];
    let answer = alice.send("POST", "/.otpgate/logout", &foreign, "").await;
    assert_eq!(answer.status, 403);
    let mut thief = alice.clone();
    let index = alice.get("/.otpgate/").await;
    assert!(index.has_form("/.otpgate/logout"));
    let out = alice.post("/.otpgate/logout", "").await;
    assert_eq!(out.status, 200);
    assert!(out.text().contains("The confirmation is ended"));
    assert!(!alice.jar.contains_key("__Host-otpgate_grant"));
    assert!(alice.get("/account").await.location().is_some());
    // C02.
    assert!(thief.get("/account").await.location().is_some());
    let script = [("sec-fetch-dest", "empty"), ("sec-fetch-mode", "cors"), ("sec-fetch-site", "same-origin")];
    assert_eq!(alice.send("POST", "/.otpgate/logout", &script, "").await.status, 204);
}
