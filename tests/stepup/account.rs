//! Two names that the directory says are one person: counted, locked and revoked as one (H19).

use serde_json::json;

use crate::world::*;

const SUE: &str = "sue@example.com";

fn config() -> Config {
    Config {
        contacts:
            "sue: {id: \"7\", email: sue@example.com}\n\"sue@example.com\": {id: \"7\", email: sue@example.com}\n"
                .to_owned(),
        limits: "{failures: {per_subject: 3/1h}}",
        ..Config::default()
    }
}

/// Wrong codes under one name lock the other; an operator unlocks by either.
#[tokio::test]
async fn h19_two_names_of_one_person_have_one_count() {
    for_both(config(), async |world| {
        let mut by_name = world.signed_in("sue").await;
        let mut by_address = world.signed_in(SUE).await;
        let page = challenge_page(&mut by_name, "/account").await;
        let code = world.code(SUE).await;
        for n in 1..=3 {
            type_code(&mut by_name, &page, &nth_other(&code, n)).await;
        }
        let id = api_challenge(&mut by_address, "GET", "/account", None).await["id"].clone();
        assert_eq!(api_send(&mut by_address, &id, "email").await.problem(), "locked");
        let unlocked = admin(&world.gateway, "POST", "/unlock", Some(json!({"subject": SUE}))).await;
        assert_eq!(unlocked.status, 200, "{unlocked:?}");
        assert_eq!(api_send(&mut by_address, &id, "email").await.status, 202);
        let other = world.code(SUE).await;
        assert_eq!(outcome(&api_verify(&mut by_address, &id, &other).await), "passed");
    })
    .await;
}

/// A form is parked, proved and sent on under a name that the directory knows by another; revoking one name ends the grant of
/// the other, and a grant of one name is none under the other.
#[tokio::test]
async fn h19_c05_a_grant_is_of_a_name_and_revoked_by_either() {
    for_both(config(), async |world| {
        let mut by_name = world.signed_in("sue").await;
        let answer = post_as(&mut by_name, "/account/form", "text/plain", b"kept").await;
        let page = page_of(&mut by_name, &answer).await;
        let passed = type_code(&mut by_name, &page, &world.code(SUE).await).await;
        assert_eq!(by_name.follow(passed).await.body, "POST /account/form");
        assert_eq!(world.upstream.last().body, b"kept");
        assert_eq!(by_name.get("/account").await.status, 200);

        let mut by_address = world.signed_in(SUE).await;
        by_address.jar.insert("otpgate_grant".to_owned(), by_name.jar["otpgate_grant"].clone());
        page_address(&by_address.get("/account").await);

        let revoked = admin(&world.gateway, "POST", "/revoke", Some(json!({"subject": SUE}))).await;
        assert_eq!(revoked.status, 200, "{revoked:?}");
        page_address(&by_name.get("/account").await);
    })
    .await;
}
