//! Following what other gateways did: revocations, logins and logouts, within two seconds (I10).

use std::sync::Arc;
use std::time::Duration;

use crate::stepup::Shared;
use crate::store::{Change, Changes, Cursor};

/// How long to wait after a store that did not answer.
const PAUSE: Duration = Duration::from_millis(250);

/// Follows the store's changes for as long as the process lives. Cancel-safe: dropping it ends it.
pub async fn follow(shared: Arc<Shared>) {
    let mut cursor = Cursor::default();
    let mut fresh = true;
    loop {
        // Revocations from before this process, or from a time when the store could not be reached.
        if fresh && let Ok(revocations) = shared.store.revocations().await {
            for (revocation, ttl) in revocations {
                shared.revoked.add(&revocation, ttl, shared.clock.now());
            }
            fresh = false;
        }
        match shared.store.changes(cursor.clone()).await {
            Ok(changes) => {
                shared.audit.metrics.feed_heard(shared.clock.now());
                if changes.lost {
                    republish(&shared).await;
                }
                // The first cursor starts at a present that came after the first look at the revocations: one more look
                // finds what was revoked in between.
                fresh |= changes.lost || cursor == Cursor::default();
                cursor = apply(&shared, changes);
            }
            Err(error) => {
                shared.audit.metrics.feed_lost();
                tracing::warn!(%error, "what other gateways did cannot be followed; trying again");
                fresh = true;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn apply(shared: &Shared, changes: Changes) -> Cursor {
    for change in &changes.changes {
        match change {
            Change::Revoked(revocation, ttl) => shared.revoked.add(revocation, *ttl, shared.clock.now()),
            Change::Session { site, session } => shared.sessions(site).forget(*session),
        }
    }
    changes.cursor
}

/// The store lost its memory: what this gateway holds is told to it again, and what it cached of sessions is forgotten,
/// since changes may have been missed.
async fn republish(shared: &Shared) {
    shared.forget_sessions();
    for (revocation, ttl) in shared.revoked.all(shared.clock.now()) {
        if let Err(error) = shared.store.revoke(&revocation, ttl).await {
            tracing::warn!(%error, "a revocation could not be published again; it still holds here");
        }
    }
}
