//! What is remembered of the application's sessions.

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

/// How often a gateway asked its store for a session.
async fn asked(gateway: &Gateway) -> u32 {
    let metrics = admin(gateway, "GET", "/metrics", None).await.body;
    let line = "otpgate_store_operation_seconds_count{operation=\"session\"} ";
    metrics.lines().find_map(|metric| metric.strip_prefix(line)).map_or(0, |count| count.parse().unwrap())
}
