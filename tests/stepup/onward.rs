//! A visitor who was sent to sign in comes to the page that was asked for.

use crate::world::*;

#[tokio::test]
async fn after_signing_in_a_visitor_comes_to_the_page_that_was_asked_for() {
    for_both(Config::default(), async |world| {
        let mut browser = world.browser();
        let asked = browser.get("/account/orders?year=2026&page=2").await;
        assert_eq!(asked.location().as_deref(), Some("/login"));
        // The application's own sign-in is untouched, whatever it says; pages for nobody stay what they are.
        assert_eq!(browser.get("/login").await.status, 200);
        assert_eq!(browser.get("/help").await.status, 200);
        sign_in(&mut browser, "alice").await;
        let onward = browser.get("/home").await;
        assert_eq!((onward.status, onward.location().as_deref()), (303, Some("/account/orders?year=2026&page=2")));
        let challenged = browser.get("/account/orders?year=2026&page=2").await;
        let page = page_of(&mut browser, &challenged).await;
        let passed = type_code(&mut browser, &page, &world.code(ALICE).await).await;
        assert_eq!(passed.location().as_deref(), Some("/account/orders?year=2026&page=2"));
        // Once: every other page is what it was.
        assert_eq!(browser.get("/home").await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn an_application_that_goes_there_itself_is_not_sent_there_twice() {
    let world = &mut World::with_memory(&Config::default());
    let mut browser = world.browser();
    browser.get("/account/orders").await;
    sign_in(&mut browser, "alice").await;
    page_address(&browser.get("/account/orders").await);
    assert_eq!(browser.get("/home").await.status, 200, "the visitor has come to the page, and went elsewhere");
}

/// R09: a picture or a script says nothing of where the visitor wants to go; R01: neither does anybody else.
#[tokio::test]
async fn r01_r09_only_the_visitors_own_way_is_remembered() {
    let world = &mut World::with_memory(&Config::default());
    let mut browser = world.browser();
    browser
        .send(
            "GET",
            "/account/feed",
            &[("Accept", "application/json"), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty")],
            "",
        )
        .await;
    browser.send("GET", "/account/logo", &[("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")], "").await;
    browser.post("/account/form", &[("a", "b")]).await;
    assert!(!browser.jar.contains_key("otpgate_onward"));
    sign_in(&mut browser, "alice").await;
    assert_eq!(browser.get("/home").await.status, 200);
    // What the gateway did not seal itself sends nobody anywhere.
    for planted in ["", "L2V2aWw", "https://evil.example/", &"A".repeat(4000)] {
        browser.jar.insert("otpgate_onward".to_owned(), planted.to_owned());
        assert_eq!(browser.get("/home").await.status, 200, "{planted}");
    }
    // A too long way is not remembered, and nothing else happens.
    let mut other = world.browser();
    let long = format!("/account?x={}", "y".repeat(3000));
    assert_eq!(other.get(&long).await.location().as_deref(), Some("/login"));
    assert!(!other.jar.contains_key("otpgate_onward"));
}

#[tokio::test]
async fn an_application_that_takes_an_address_to_return_to_is_told_it() {
    let site =
        "identity: {login: {path: /login, field: email, session_cookie: SID}}\n    sign_in: \"/login?next={target}\"";
    let world = &mut World::with_memory(&Config { site, ..Config::default() });
    let mut browser = world.browser();
    let answer = browser.get("/account/a%20b?x=1&next=https://evil.example/").await;
    let wanted = "/login?next=%2Faccount%2Fa%2520b%3Fx%3D1%26next%3Dhttps%3A%2F%2Fevil%2Eexample%2F";
    assert_eq!(answer.location().as_deref(), Some(wanted));
    assert!(!browser.jar.contains_key("otpgate_onward"));
    let told = browser.send("GET", "/account", &[("Accept", "application/json")], "").await;
    assert_eq!(told.json()["sign_in"], "/login?next=%2F");
}
