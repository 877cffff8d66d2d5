//! In which language somebody is told: the directory's, else the browser's, else English.

use crate::support::{Client, NAVIGATION};
use crate::world::*;

/// Opens a protected page with a browser that wants these languages; what the message says.
async fn told(world: &World, subject: &str, to: &str, accept: Option<&'static str>) -> String {
    let mut browser: Client = world.signed_in(subject).await;
    let address = page_address(&browser.get("/account").await);
    let mut headers = NAVIGATION.to_vec();
    headers.extend(accept.map(|accept| ("accept-language", accept)));
    let page = browser.send("GET", &address, &headers, Vec::new()).await;
    assert_eq!(page.status, 200, "{page:?}");
    let messages = world.messages().await;
    let last = messages.iter().rev().find(|message| message["to"] == to).unwrap();
    last["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_message_speaks_the_language_of_the_directory_or_of_the_browser() {
    let contacts = "gerda: {email: gerda@example.com, language: de-AT}\n\
                    piotr: {email: piotr@example.com, language: pl}\n\
                    aiko: {sms: \"+819012345678\", language: ja}\n"
        .to_owned();
    for_both(Config { contacts, ..Config::default() }, async |world| {
        for (subject, to, accept, wanted) in [
            (ALICE_NAME, ALICE, None, "Your code for shop.test"),
            (ALICE_NAME, ALICE, Some("fr-CH, fr;q=0.9, en;q=0.8"), "Votre code pour shop.test"),
            (ALICE_NAME, ALICE, Some("pl, *;q=0.1"), "Your code for shop.test"),
            ("gerda", "gerda@example.com", Some("fr"), "Ihr Code für shop.test"),
            ("piotr", "piotr@example.com", Some("ms, en;q=0.5"), "Kod anda untuk shop.test"),
            ("aiko", "+819012345678", None, "shop.test 閲覧用コード。"),
        ] {
            let text = told(world, subject, to, accept).await;
            assert!(text.starts_with(wanted), "{subject} {accept:?}: {text}");
        }
    })
    .await;
}

const ALICE_NAME: &str = "alice";
