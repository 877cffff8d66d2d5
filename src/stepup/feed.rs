//! Following what other gateways did: revocations, logins and logouts, within two seconds (I10).

use std::sync::Arc;
use std::time::Duration;

use crate::stepup::Shared;
use crate::stepup::turn::SESSION_TTL;
use crate::store::{Change, Changes, Cursor, Held};

/// How long to wait after a store that did not answer.
const PAUSE: Duration = Duration::from_millis(250);

/// Follows the store's changes for as long as the process lives. Cancel-safe: dropping it ends it.
pub async fn follow(shared: Arc<Shared>) {
    let mut cursor = Cursor::default();
    let mut fresh = true;
    // Whether changes were missed by a store that kept its memory.
    let mut missed = false;
    loop {
        // Revocations and flags from before this process, or from a time when the store could not be reached.
        if fresh
            && let Ok(revocations) = shared.store.revocations().await
            && let Ok(flags) = shared.store.flags().await
        {
            for (revocation, ttl) in revocations {
                shared.revoked.add(&revocation, ttl, shared.clock.now());
            }
            if missed {
                // One of them may have been taken down meanwhile.
                shared.flags.replace(flags, shared.clock.now());
            } else {
                shared.flags.add(flags, shared.clock.now());
            }
            (fresh, missed) = (false, false);
        }
        shared.tell_bans();
        match shared.store.changes(cursor.clone()).await {
            Ok(changes) => {
                shared.audit.metrics.feed_heard(shared.clock.now());
                // The first cursor starts at a present that came after the first look at the revocations: one more look
                // finds what was revoked in between.
                fresh |= changes.lost || cursor == Cursor::default();
                let (lost, emptied) = (changes.lost, changes.emptied);
                if lost {
                    shared.all_answers().iter().for_each(|answers| answers.forget_all());
                    shared.places.forget_all();
                }
                // What happened since counts for more than what is held.
                cursor = apply(&shared, changes);
                missed |= lost && !emptied;
                if lost {
                    republish(&shared, emptied).await;
                }
                if emptied {
                    tracing::warn!("the store lost its memory; it is told again what this gateway holds");
                    tokio::spawn(restore(Arc::clone(&shared)));
                } else if lost {
                    shared.all_sessions().iter().for_each(|(_, sessions)| sessions.forget_all());
                }
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
    let mut flags = Vec::new();
    for change in &changes.changes {
        match change {
            Change::Revoked(revocation, ttl) => shared.revoked.add(revocation, *ttl, shared.clock.now()),
            Change::Session { site, session } => {
                shared.sessions(site).forget(*session);
                shared.answers(site).changed(*session);
            }
            Change::Moved { subject, .. } => shared.places.forget(*subject),
            Change::Unlocked { site, subject } => shared.locks.forget(site, *subject),
            Change::Flagged(flag, ttl) => flags.push((flag.clone(), *ttl)),
            Change::Lifted { site, scope, whom } => {
                // In their order: what was put up before is taken down.
                shared.flags.add(flags.drain(..), shared.clock.now());
                shared.flags.lift(site, *scope, *whom, shared.clock.now());
            }
        }
    }
    if !flags.is_empty() {
        shared.flags.add(flags, shared.clock.now());
    }
    changes.cursor
}

/// The revocations that this gateway holds are published again, and the flags to a store that lost its memory: one that did
/// not may have taken some of them down.
async fn republish(shared: &Shared, emptied: bool) {
    if emptied {
        let flags = shared.flags.all(shared.clock.now());
        let flags: Vec<_> = flags.iter().map(|(flag, left)| (flag, *left)).collect();
        for some in flags.chunks(100) {
            if let Err(error) = shared.store.raise(some).await {
                tracing::warn!(%error, "bans could not be put up again; they still hold here");
                break;
            }
        }
    }
    for (revocation, ttl) in shared.revoked.all(shared.clock.now()) {
        if let Err(error) = shared.store.revoke(&revocation, ttl).await {
            tracing::warn!(%error, "a revocation could not be published again; it still holds here");
        }
    }
}

/// The store lost its memory: it is told again which subjects are locked and whose the application's sessions are, so
/// that a good grant stays good (C18). The feed is followed meanwhile: a session that changed is not restored.
async fn restore(shared: Arc<Shared>) {
    for (site, subject, lock) in shared.locks.all(shared.clock.now()) {
        if let Err(error) = shared.store.restore(&site, Held::Lock { subject, lock }).await {
            tracing::warn!(%error, "a lock could not be restored");
        }
    }
    for (site, sessions) in shared.all_sessions() {
        for (session, sealed) in sessions.all() {
            let held = Held::Session { session, sealed: &sealed, ttl: SESSION_TTL };
            if sessions.remembers(session)
                && let Err(error) = shared.store.restore(&site, held).await
            {
                // Here the session is known still; when that ends, its visitor signs in again.
                tracing::warn!(%error, "the application's sessions could not all be restored");
                return;
            }
        }
    }
}
