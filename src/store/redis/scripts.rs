//! The scripts, one file per operation, each behind the file of what its kind shares.
//!
//! A script is called by its hash, and loaded again when Redis does not know it: after a restart, a fail-over or a
//! `SCRIPT FLUSH`.

use std::sync::LazyLock;

use redis::Script;

macro_rules! scripts {
    ($shared:literal: $($name:ident = $file:literal),* $(,)?) => {
        $(pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!(include_str!($shared), include_str!($file))));)*
    };
}

scripts! { "site.lua":
    OPEN = "open.lua",
    FIND = "find.lua",
    PERMIT_SEND = "permit_send.lua",
    GIVE_BACK = "give_back.lua",
    ANSWER = "answer.lua",
    SPEND = "spend.lua",
    RESUMABLE = "resumable.lua",
    TAKE = "take.lua",
    LOCK = "lock.lua",
    UNLOCK = "unlock.lua",
    BIND_SESSION = "bind_session.lua",
    FORGET_SESSION = "forget_session.lua",
    SESSION = "session.lua",
    RESTORE_SESSION = "restore_session.lua",
    RESTORE_LOCK = "restore_lock.lua",
}

scripts! { "feed.lua":
    PUBLISH = "publish.lua",
    REVOKE = "revoke.lua",
    REVOCATIONS = "revocations.lua",
    CHANGES = "changes.lua",
}

pub(super) static NOTE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("note.lua")));
