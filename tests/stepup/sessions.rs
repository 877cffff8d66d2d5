//! What is remembered of the application's sessions.

use otpgate::identity::one_spelling;

use crate::support::Gateway;
use crate::world::*;

/// A gateway that first sees a session asks the store whose it is, once, and never again.
#[tokio::test]
async fn a_gateway_asks_the_store_once_for_a_session() {
    let world = World::with_redis(&Config::default());
    let mut alice = world.signed_in("alice").await;
    world.pass(&mut alice, "/account", ALICE).await;
    let second = world.second();
    assert_eq!(asked(&second).await, 0);
    let mut there = at(&second, &alice);
    for _ in 0..20 {
        assert_eq!(there.get("/account").await.status, 200);
        assert_eq!(asked(&second).await, 1);
    }
}

/// A session in another spelling of its cookie is the same session. Else somebody could sign in to an application that
/// keeps its session as himself under one spelling and as his victim under another: the first would be his here and the
/// victim's there (C05, H19).
#[tokio::test]
async fn c05_h19_the_spellings_of_a_session_are_one() {
    for_both(Config::default(), async |world| {
        let alice = world.signed_in("alice").await;
        let session = &alice.jar["SID"];
        let escaped = format!("%{:02x}{}", session.as_bytes()[0], &session[1..]);
        for spelling in [&escaped, &session.to_uppercase(), &format!("\"{session}\"")] {
            let mut other = alice.copy();
            other.jar.insert("SID".to_owned(), spelling.clone());
            page_address(&other.get("/account").await);
        }
        let mut other = alice.copy();
        other.jar.insert("SID".to_owned(), escaped);
        sign_in(&mut other, "bob").await;
        assert_eq!(alice.copy().get("/account").await.location().as_deref(), Some("/login"));
    })
    .await;
}

#[test]
fn h19_every_spelling_of_a_session_is_read_as_one() {
    for spelling in ["abc 1", "ABC 1", "abc+1", "%61bc%201", "\"abc 1\"", "\"\\141b\\c 1\"", "abc 1%00x", " abc 1"] {
        assert_eq!(one_spelling(spelling), b"abc 1", "{spelling}");
    }
    for other in ["abc1", "abc 12", "\"abc 1", "%2561bc 1", "abc-1", ""] {
        assert_ne!(one_spelling(other), b"abc 1", "{other}");
    }
}

/// How often a gateway asked its store for a session.
async fn asked(gateway: &Gateway) -> u32 {
    let metrics = admin(gateway, "GET", "/metrics", None).await.body;
    let line = "otpgate_store_operation_seconds_count{operation=\"session\"} ";
    metrics.lines().find_map(|metric| metric.strip_prefix(line)).map_or(0, |count| count.parse().unwrap())
}
