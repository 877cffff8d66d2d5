//! The scripts, one file per operation, each behind the file of what its kind shares.
//!
//! A script is called by its hash, and loaded again when Redis does not know it: after a restart, a fail-over or a
//! `SCRIPT FLUSH`.

use std::sync::LazyLock;

use redis::Script;

macro_rules! scripts {
    ($shared:ident: $($name:ident = $file:literal),* $(,)?) => {
        $(pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(&[$shared, include_str!($file)].concat()));)*
    };
}

const SITE: &str = include_str!("site.lua");
const PUMPING: &str = concat!(include_str!("site.lua"), include_str!("pumping.lua"));
const MONEY: &str = concat!(include_str!("site.lua"), include_str!("money.lua"));
const FEED: &str = include_str!("feed.lua");
const MESSAGES: &str = include_str!("messages.lua");
const MARKS: &str = include_str!("marks.lua");
const FLAGS: &str = concat!(include_str!("feed.lua"), include_str!("flags.lua"));
const MEASURES: &str = include_str!("measures.lua");

scripts! { SITE:
    OPEN = "open.lua",
    FIND = "find.lua",
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
    SEALED_CODE = "sealed_code.lua",
    CARRY = "carry.lua",
    PROVERS = "provers.lua",
    CONTACTS_SEEN = "contacts_seen.lua",
    TALLY = "tally.lua",
    UNTALLY = "untally.lua",
    TURN_DEVICE = "turn_device.lua",
    PUT_PLACE = "put_place.lua",
    PLACE = "place.lua",
}

scripts! { PUMPING:
    PERMIT_SEND = "permit_send.lua",
    GIVE_BACK = "give_back.lua",
    ANSWER = "answer.lua",
    PAUSED = "paused.lua",
}

scripts! { MONEY:
    CHARGE = "charge.lua",
    CORRECT = "correct.lua",
    SPENT = "spent.lua",
}

scripts! { MESSAGES:
    TRACK = "track.lua",
    TAKEN = "taken.lua",
    MESSAGE = "message.lua",
    TAKE_WORDS = "take_words.lua",
    KEEP_WORDS = "keep_words.lua",
    WORDS = "words.lua",
    REPORT = "report.lua",
}

scripts! { MARKS:
    PUT_MARKS = "put_marks.lua",
    TAKE_MARKS = "take_marks.lua",
    MARK_DONE = "mark_done.lua",
    MARK_LATER = "mark_later.lua",
}

scripts! { MEASURES:
    MEASURE = "measure.lua",
    MEASURED = "measured.lua",
}

scripts! { FLAGS:
    RAISE = "raise.lua",
    FLAGS_NOW = "flags_now.lua",
    LOWER = "lower.lua",
}

scripts! { FEED:
    PUBLISH = "publish.lua",
    REVOKE = "revoke.lua",
    REVOCATIONS = "revocations.lua",
    CHANGES = "changes.lua",
}

pub(super) static NOTE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("note.lua")));
