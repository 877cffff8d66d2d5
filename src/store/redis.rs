//! The store of several gateways: Redis 6.2 or newer, or a server that speaks like it.
//!
//! Each operation is one script, run by Redis in one step (`redis/*.lua`; start at `redis/site.lua`, which says what the
//! keys are). Keys have the site in their hash tag, such as `otpgate:{shop.example.com}:c:…`, so that a site lies in one
//! slot. Revocations and the change feed have a slot of their own: what must be atomic for a site comes first, telling
//! the other gateways is a second step, and when that fails the operation is an error.

mod connection;
mod flags;
mod marks;
mod measures;
mod messages;
mod scripts;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use redis::{ScriptInvocation, Value};

use self::connection::Connection;
use self::wire::Reply;
use super::spending::{PERIODS, clamped};
use super::{
    Answer, Answered, Bucket, Challenge, Changes, Charge, Charged, Confirmed, Cursor, DeviceTurn, DeviceTurned,
    FailureLimits, Flag, Found, Grain, Held, Lock, Measure, NewChallenge, NewMark, NewMessage, NewPlace, Opened,
    Parking, Paused, Permit, Provers, PumpingMode, Raised, Report, Reported, Repriced, Resumable, Revocation, Scope,
    Seen, SeenContact, SendAsk, Sighting, Sign, SiteKey, Spent, State, Store, StoreError, TakenMarks, TakenMessage,
    Tally, TrackedMessage,
};
use crate::audit::Audit;
use crate::seal::{Random, SystemRandom};
use crate::words::{Amount, ChallengeId, KeyedHash, MarkId, MessageId, ParkedId, Progress, Reference};

/// The store of several gateways.
pub struct RedisStore {
    connection: Connection,
    random: SystemRandom,
    audit: Arc<Audit>,
}

/// Between two looks at the feed: a revocation is heard well within the two seconds of I10.
const POLL: Duration = Duration::from_millis(250);

/// How long a look at the feed goes on when nothing happens.
const LISTEN: Duration = Duration::from_secs(1);

/// The prefix of the feed's keys. No host name has an asterisk.
const FEED: &str = "otpgate:{*feed}:";

// === impl RedisStore ===

impl RedisStore {
    /// A store in the Redis at `url` (`redis://` or `rediss://`). No connection is made before the first operation, so a
    /// Redis that is down keeps nothing from starting.
    ///
    /// # Errors
    /// When `url` is no address of a Redis.
    pub fn new(url: &str, audit: Arc<Audit>) -> Result<Self, StoreError> {
        Ok(Self { connection: Connection::new(url)?, random: SystemRandom::new(), audit })
    }

    /// Runs an operation within its time, and measures it.
    async fn timed<T>(
        &self,
        operation: &'static str,
        run: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let started = Instant::now();
        let outcome = self.connection.within_limit(run).await;
        self.audit.metrics.store_answered(operation, started.elapsed(), outcome.is_ok());
        outcome
    }

    async fn call(&self, script: &ScriptInvocation<'_>) -> Result<Reply, StoreError> {
        self.connection.script::<Vec<Value>>(script).await.map(Reply::new)
    }

    async fn run(&self, operation: &'static str, script: &ScriptInvocation<'_>) -> Result<Reply, StoreError> {
        self.timed(operation, self.call(script)).await
    }

    /// A random text: the feed's epoch, should it have none.
    fn epoch(&self) -> String {
        let random: &dyn Random = &self.random;
        format!("{:032x}", u128::from_be_bytes(random.bytes()))
    }

    /// Runs an operation, and tells every gateway of the `change`.
    async fn run_and_tell(
        &self,
        operation: &'static str,
        script: &ScriptInvocation<'_>,
        change: String,
    ) -> Result<Reply, StoreError> {
        let mut publish = scripts::PUBLISH.key(FEED);
        publish.arg(self.epoch()).arg(change);
        let both = async {
            let reply = self.call(script).await?;
            self.call(&publish).await?;
            Ok(reply)
        };
        self.timed(operation, both).await
    }

    /// What changed since `cursor`, without waiting.
    async fn changed(&self, cursor: &Cursor) -> Result<Changes, StoreError> {
        let (epoch, seen) = match cursor.0.split_once(':') {
            Some(both) => both,
            None if *cursor == Cursor::default() => ("", "0"),
            // Of no Redis: no epoch is called so.
            None => ("?", "0"),
        };
        let mut script = scripts::CHANGES.key(FEED);
        script.arg(self.epoch()).arg(epoch).arg(seen);
        let mut reply = self.run("changes", &script).await?;
        let (now, number) = (reply.text()?, reply.number()?);
        let lost = reply.number()? != 0;
        let cursor = Cursor(format!("{now}:{number}"));
        // Changes of a new epoch that are gone already are missed ones.
        let mut changes = Changes { changes: Vec::new(), cursor, lost, emptied: lost && now != epoch };
        while !reply.is_empty() {
            let (text, left) = (reply.text()?, reply.time()?);
            match wire::parse_change(&text, left) {
                Some(change) => changes.changes.push(change),
                // Written by a newer gateway: whatever it was, it was missed.
                None => changes.lost = true,
            }
        }
        Ok(changes)
    }
}

fn prefix(site: &SiteKey) -> String {
    format!("otpgate:{{{site}}}:")
}

/// The periods of budgets, as scripts take them: `per_hour,60000,60 per_day,3600000,24`.
fn periods() -> String {
    PERIODS.map(|period| format!("{},{},{}", period.budget, period.step, period.steps)).join(" ")
}

fn note_key(reference: Reference) -> String {
    format!("otpgate:note:{reference}")
}

fn read_challenge(reply: &mut Reply) -> Result<Challenge, StoreError> {
    let id = reply.parsed(ChallengeId::parse)?;
    let subject = reply.parsed(KeyedHash::parse)?;
    let sealed = reply.bytes()?;
    let parked = match reply.text()?.as_str() {
        "" => None,
        text => Some(ParkedId::parse(text).map_err(|_| wire::wrong("an identifier"))?),
    };
    let reference = reply.parsed(Reference::parse)?;
    let (state, lock) = (reply.text()?, wire::lock(reply.number()?)?);
    let state = match (state.as_str(), lock) {
        ("open", _) => State::Open,
        ("sent", _) => State::Sent,
        ("passed", _) => State::Passed,
        ("expired", _) => State::Expired,
        ("locked", Some(lock)) => State::Locked(lock),
        _ => return Err(wire::wrong("a state")),
    };
    Ok(Challenge {
        id,
        subject,
        sealed,
        parked,
        reference,
        state,
        tries_left: reply.count()?,
        sent: {
            let (mut sends, mut sent) = (reply.within()?, Vec::new());
            while !sends.is_empty() {
                sent.push(sends.within()?.sent_to()?);
            }
            sent
        },
        expires_in: reply.time()?,
        resend_in: reply.time()?,
    })
}

fn read_seen(reply: &mut Reply) -> Result<SeenContact, StoreError> {
    Ok(SeenContact {
        contact: reply.parsed(KeyedHash::parse)?,
        sealed: reply.bytes()?,
        since: reply.time()?,
        from_start: reply.number()? == 1,
        gone: u64::try_from(reply.number()?).ok().map(Duration::from_millis),
        is_new: reply.number()? == 1,
        notify: reply.number()? == 1,
    })
}

fn read_spent(reply: &mut Reply) -> Result<Spent, StoreError> {
    let mut amount = || {
        let millionths = u64::try_from(reply.number()?).map_err(|_| wire::wrong("an amount"))?;
        Ok(Amount::from_millionths(millionths))
    };
    Ok(Spent { hour: amount()?, day: amount()? })
}

#[async_trait]
impl Store for RedisStore {
    async fn open(&self, new: &NewChallenge<'_>) -> Result<Opened, StoreError> {
        let mut script = scripts::OPEN.key(prefix(new.site));
        script
            .arg(new.id.to_string())
            .arg(new.browser.to_string())
            .arg(new.subject.to_string())
            .arg(new.likeness.to_string())
            .arg(new.sealed)
            .arg(new.reference.to_string())
            .arg(new.tries)
            .arg(wire::millis(new.ttl))
            .arg(new.budget.per_subject)
            .arg(new.budget.total)
            .arg(new.budget.per_browser)
            .arg(super::Budget::CHALLENGE);
        match new.parked {
            Parking::None => script.arg("none").arg("").arg(""),
            Parking::New(id, sealed) => script.arg("new").arg(id.to_string()).arg(sealed),
            Parking::Adopt(id) => script.arg("adopt").arg(id.to_string()).arg(""),
            Parking::Inherit(id) => script.arg("inherit").arg(id.to_string()).arg(""),
        };
        let mut reply = self.run("open", &script).await?;
        match reply.text()?.as_str() {
            "new" => Ok(Opened::New),
            "same" => Ok(Opened::Same(reply.parsed(ChallengeId::parse)?)),
            "full" => Ok(Opened::Full),
            _ => Err(wire::wrong("an answer")),
        }
    }

    async fn find(&self, site: &SiteKey, browser: KeyedHash, id: Option<ChallengeId>) -> Result<Found, StoreError> {
        let mut script = scripts::FIND.key(prefix(site));
        script.arg(browser.to_string()).arg(id.map(|id| id.to_string()).unwrap_or_default());
        let mut reply = self.run("find", &script).await?;
        match reply.text()?.as_str() {
            "none" => Ok(Found::None),
            "several" => Ok(Found::Several),
            "one" => Ok(Found::One(Box::new(read_challenge(&mut reply)?))),
            _ => Err(wire::wrong("an answer")),
        }
    }

    async fn permit_send(&self, ask: &SendAsk<'_>) -> Result<Permit, StoreError> {
        let (counted, guards) = (ask.counted(), ask.watching());
        let (failures, pumping) = (&ask.limits.failures, &ask.limits.pumping);
        let guard =
            |place: i64| usize::try_from(place).ok().and_then(|place| guards.get(place)).map(|guard| guard.name);
        let waits: Vec<String> = ask.resend.wait.iter().map(|&wait| wire::millis(wait).to_string()).collect();
        let mut script = scripts::PERMIT_SEND.key(prefix(ask.site));
        script
            .arg(ask.challenge.to_string())
            .arg(ask.browser.to_string())
            .arg(ask.subject.to_string())
            .arg(wire::destination(ask.destination))
            .arg(ask.code.0.to_string())
            .arg(ask.code.1)
            .arg(wire::millis(ask.code_ttl))
            .arg(ask.resend.max)
            .arg(waits.join(" "))
            .arg(wire::windows(&failures.per_subject))
            .arg(failures.in_a_row())
            .arg(ask.contact.to_string())
            .arg(if pumping.mode == PumpingMode::Block { "block" } else { "observe" })
            .arg(wire::millis(pumping.window))
            .arg(wire::millis(pumping.pause).max(1))
            .arg(guards.len());
        for guard in guards {
            script.arg(guard.group()).arg(wire::millis(guard.grace)).arg(guard.at_least).arg(guard.verified_below);
        }
        for limit in &counted {
            script.arg(&limit.key).arg(wire::windows(limit.windows));
        }
        let mut reply = self.run("permit_send", &script).await?;
        Ok(match reply.text()?.as_str() {
            "send" => Permit::Send {
                send: reply.count()?,
                sealed: reply.bytes()?,
                sends_left: reply.count()?,
                resend_in: reply.time()?,
                expires_in: reply.time()?,
                suspicious: guard(reply.number()?),
            },
            "paused" => Permit::Paused {
                guard: guard(reply.number()?).ok_or_else(|| wire::wrong("a guard"))?,
                retry_after: reply.time()?,
                begins: reply.number()? == 1,
            },
            "wait" => Permit::Wait { retry_after: reply.time()? },
            "exhausted" => Permit::Exhausted { retry_after: reply.time()? },
            "too_many" => {
                let limit = usize::try_from(reply.count()?).ok().and_then(|place| counted.get(place));
                let limit = limit.ok_or_else(|| wire::wrong("a limit"))?.name;
                Permit::TooMany { limit, retry_after: reply.time()? }
            }
            "locked" => Permit::Locked(reply.lock()?),
            "expired" => Permit::Expired,
            "passed" => Permit::Passed,
            "missing" => Permit::Missing,
            _ => return Err(wire::wrong("an answer")),
        })
    }

    async fn give_back(&self, site: &SiteKey, challenge: ChallengeId, send: u32) -> Result<(), StoreError> {
        let mut script = scripts::GIVE_BACK.key(prefix(site));
        script.arg(challenge.to_string()).arg(send);
        self.run("give_back", &script).await.map(drop)
    }

    async fn answer(&self, answer: &Answer<'_>) -> Result<Answered, StoreError> {
        let left = |left: Option<(KeyedHash, Duration)>| {
            left.map_or_else(|| (String::new(), 0), |(hash, ttl)| (hash.to_string(), wire::millis(ttl)))
        };
        let (confirm, resume) = (left(answer.confirm), left(answer.resume));
        let mut script = scripts::ANSWER.key(prefix(answer.site));
        script
            .arg(answer.challenge.to_string())
            .arg(answer.browser.to_string())
            .arg(answer.subject.to_string())
            .arg(answer.code.to_string())
            .arg(answer.failures_of_ip())
            .arg(answer.new_browser.to_string())
            .arg(confirm)
            .arg(resume)
            .arg(wire::windows(&answer.limits.per_subject))
            .arg(answer.limits.in_a_row())
            .arg(wire::windows(&answer.limits.per_ip));
        let mut reply = self.run("answer", &script).await?;
        Ok(match reply.text()?.as_str() {
            "passed" => Answered::Passed {
                sent: reply.destinations()?,
                at: reply.moment()?,
                message: reply.optional(MessageId::parse)?,
                resumes: reply.number()? == 1,
            },
            "wrong" => Answered::Wrong { tries_left: reply.count()? },
            "locked" => Answered::Locked(reply.lock()?),
            "expired" => Answered::Expired,
            "spent" => Answered::Spent,
            "not_sent" => Answered::NotSent,
            "missing" => Answered::Missing,
            _ => return Err(wire::wrong("an answer")),
        })
    }

    async fn spend(&self, site: &SiteKey, binding: KeyedHash) -> Result<Option<Confirmed>, StoreError> {
        let mut script = scripts::SPEND.key(prefix(site));
        script.arg(binding.to_string());
        let mut reply = self.run("spend", &script).await?;
        match reply.text()?.as_str() {
            "none" => Ok(None),
            "spent" => Ok(Some(Confirmed { sent: reply.destinations()?, at: reply.moment()? })),
            _ => Err(wire::wrong("an answer")),
        }
    }

    async fn resumable(&self, site: &SiteKey, token: KeyedHash) -> Result<Resumable, StoreError> {
        let mut script = scripts::RESUMABLE.key(prefix(site));
        script.arg(token.to_string());
        let mut reply = self.run("resumable", &script).await?;
        match reply.text()?.as_str() {
            "unknown" => Ok(Resumable::Unknown),
            "used" => Ok(Resumable::Used),
            "ready" => Ok(Resumable::Ready {
                parked: reply.parsed(ParkedId::parse)?,
                subject: reply.parsed(KeyedHash::parse)?,
                sealed: reply.bytes()?,
            }),
            _ => Err(wire::wrong("an answer")),
        }
    }

    async fn take(&self, site: &SiteKey, token: KeyedHash) -> Result<bool, StoreError> {
        let mut script = scripts::TAKE.key(prefix(site));
        script.arg(token.to_string());
        Ok(self.run("take", &script).await?.number()? == 1)
    }

    async fn bind_session(
        &self,
        site: &SiteKey,
        session: KeyedHash,
        sealed: &[u8],
        ttl: Duration,
    ) -> Result<(), StoreError> {
        let mut script = scripts::BIND_SESSION.key(prefix(site));
        script.arg(session.to_string()).arg(sealed).arg(wire::millis(ttl).max(1));
        self.run_and_tell("bind_session", &script, wire::session(site, session)).await.map(drop)
    }

    async fn forget_session(&self, site: &SiteKey, session: KeyedHash) -> Result<(), StoreError> {
        let mut script = scripts::FORGET_SESSION.key(prefix(site));
        script.arg(session.to_string());
        self.run_and_tell("forget_session", &script, wire::session(site, session)).await.map(drop)
    }

    async fn session(&self, site: &SiteKey, session: KeyedHash) -> Result<Option<Vec<u8>>, StoreError> {
        let mut script = scripts::SESSION.key(prefix(site));
        script.arg(session.to_string());
        let mut reply = self.run("session", &script).await?;
        if reply.is_empty() { Ok(None) } else { reply.bytes().map(Some) }
    }

    async fn revoke(&self, revocation: &Revocation, ttl: Duration) -> Result<(), StoreError> {
        let mut script = scripts::REVOKE.key(FEED);
        script.arg(self.epoch()).arg(wire::revocation(revocation)).arg(wire::millis(ttl));
        self.run("revoke", &script).await.map(drop)
    }

    async fn revocations(&self) -> Result<Vec<(Revocation, Duration)>, StoreError> {
        let mut reply = self.run("revocations", &scripts::REVOCATIONS.key(FEED)).await?;
        let mut revocations = Vec::new();
        while !reply.is_empty() {
            let (text, left) = (reply.text()?, reply.time()?);
            match wire::parse_revocation(&text) {
                Some(revocation) => revocations.push((revocation, left)),
                None => tracing::warn!("a revocation in the store is of a kind that this version does not know"),
            }
        }
        Ok(revocations)
    }

    async fn changes(&self, mut cursor: Cursor) -> Result<Changes, StoreError> {
        let started = Instant::now();
        loop {
            let changes = self.changed(&cursor).await?;
            if !changes.changes.is_empty() || changes.lost || started.elapsed() >= LISTEN {
                return Ok(changes);
            }
            cursor = changes.cursor;
            tokio::time::sleep(POLL).await;
        }
    }

    async fn lock(&self, site: &SiteKey, subject: KeyedHash) -> Result<Option<Lock>, StoreError> {
        let mut script = scripts::LOCK.key(prefix(site));
        script.arg(subject.to_string());
        wire::lock(self.run("lock", &script).await?.number()?)
    }

    async fn unlock(&self, site: &SiteKey, subject: KeyedHash, limits: &FailureLimits) -> Result<bool, StoreError> {
        let mut script = scripts::UNLOCK.key(prefix(site));
        script.arg(subject.to_string()).arg(wire::windows(&limits.per_subject)).arg(limits.in_a_row());
        Ok(self.run_and_tell("unlock", &script, wire::unlocked(site, subject)).await?.number()? == 1)
    }

    async fn restore(&self, site: &SiteKey, held: Held<'_>) -> Result<(), StoreError> {
        let script = match held {
            Held::Session { session, sealed, ttl } => {
                let mut script = scripts::RESTORE_SESSION.key(prefix(site));
                script.arg(session.to_string()).arg(sealed).arg(wire::millis(ttl).max(1));
                script
            }
            Held::Lock { subject, lock } => {
                let Some(left) = wire::lasting(lock).filter(|&left| left != 0) else { return Ok(()) };
                let mut script = scripts::RESTORE_LOCK.key(prefix(site));
                script.arg(subject.to_string()).arg(left);
                script
            }
        };
        self.run("restore", &script).await.map(drop)
    }

    async fn note(&self, reference: Reference, event: &str, ttl: Duration) -> Result<(), StoreError> {
        let mut script = scripts::NOTE.key(note_key(reference));
        script.arg(event).arg(wire::millis(ttl).max(1));
        self.run("note", &script).await.map(drop)
    }

    async fn noted(&self, reference: Reference) -> Result<Vec<String>, StoreError> {
        let mut command = redis::cmd("LRANGE");
        command.arg(note_key(reference)).arg(0).arg(-1);
        let lines: Vec<Vec<u8>> = self.timed("noted", self.connection.command(&command)).await?;
        Ok(lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect())
    }

    async fn sealed_code(
        &self,
        site: &SiteKey,
        browser: KeyedHash,
        challenge: ChallengeId,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let mut script = scripts::SEALED_CODE.key(prefix(site));
        script.arg(browser.to_string()).arg(challenge.to_string());
        let mut reply = self.run("sealed_code", &script).await?;
        if reply.is_empty() { Ok(None) } else { reply.bytes().map(Some) }
    }

    async fn track(&self, message: &NewMessage<'_>) -> Result<(), StoreError> {
        self.run("track", &messages::track(message)).await.map(drop)
    }

    async fn taken(&self, taken: &TakenMessage<'_>) -> Result<Option<Repriced>, StoreError> {
        let carry = |provider, progress| {
            messages::carry(taken.site, (taken.challenge, taken.send), taken.id, provider, progress)
        };
        // Of two failures the message keeps the first, which only the message knows.
        let at_first = if let Progress::Failed(_) = taken.progress { Progress::Handed } else { taken.progress };
        let all = async {
            // The send first: a receipt that comes from here on finds its message there. One that came before is told by
            // the message.
            self.call(&carry(Some(taken.provider), at_first)).await?;
            let mut reply = self.call(&messages::taken(taken)).await?;
            let (progress, repriced) = match reply.is_empty() {
                true => (taken.progress, None),
                false => (reply.progress()?, messages::repriced(&mut reply, taken.price)?),
            };
            if at_first.moves_to(progress) {
                self.call(&carry(None, progress)).await?;
            }
            Ok(repriced)
        };
        self.timed("taken", all).await
    }

    async fn message(&self, id: MessageId) -> Result<Option<TrackedMessage>, StoreError> {
        messages::tracked(id, self.run("message", &messages::message(id)).await?)
    }

    async fn keep_words(&self, id: MessageId, words: &[u8]) -> Result<(), StoreError> {
        self.run("keep_words", &messages::keep_words(id, words)).await.map(drop)
    }

    async fn words(&self, id: MessageId) -> Result<Option<Vec<u8>>, StoreError> {
        let mut reply = self.run("words", &messages::words(id)).await?;
        if reply.is_empty() { Ok(None) } else { reply.bytes().map(Some) }
    }

    async fn take_words(&self, id: MessageId) -> Result<Option<Vec<u8>>, StoreError> {
        let mut reply = self.run("take_words", &messages::take_words(id)).await?;
        if reply.is_empty() { Ok(None) } else { reply.bytes().map(Some) }
    }

    async fn report(&self, report: &Report<'_>) -> Result<Reported, StoreError> {
        let both = async {
            let reported = messages::reported(self.call(&messages::report(report)).await?, report)?;
            // Also when nothing moved: the receipt that moved it may have failed half-way.
            if let Reported::Moved(message, ..) | Reported::Stands(message, _) = &reported {
                let send = (message.challenge, message.send);
                self.call(&messages::carry(&message.site, send, message.id, None, message.progress)).await?;
            }
            Ok(reported)
        };
        self.timed("report", both).await
    }

    async fn measure(&self, measures: &[Measure]) -> Result<(), StoreError> {
        if measures.is_empty() {
            return Ok(());
        }
        self.run("measure", &measures::measure(measures)).await.map(drop)
    }

    async fn measured(&self, grain: Grain, buckets: u32) -> Result<Vec<Bucket>, StoreError> {
        measures::buckets(self.run("measured", &measures::measured(grain, buckets)).await?)
    }

    async fn charge(&self, charge: &Charge<'_>) -> Result<Charged, StoreError> {
        let budget = |budget: Option<Amount>| budget.map(|budget| clamped(budget).to_string()).unwrap_or_default();
        let mut script = scripts::CHARGE.key(prefix(charge.site));
        script
            .arg(periods())
            .arg(clamped(charge.amount))
            .arg(budget(charge.budget.per_hour))
            .arg(budget(charge.budget.per_day));
        let mut reply = self.run("charge", &script).await?;
        match reply.text()?.as_str() {
            "yes" => Ok(Charged::Yes(read_spent(&mut reply)?)),
            "exhausted" => {
                let period = usize::try_from(reply.count()?).ok().and_then(|place| PERIODS.get(place));
                let budget = period.ok_or_else(|| wire::wrong("a budget"))?.budget;
                Ok(Charged::Exhausted { budget, retry_after: reply.time()? })
            }
            _ => Err(wire::wrong("an answer")),
        }
    }

    async fn correct(&self, site: &SiteKey, from: Amount, to: Amount) -> Result<(), StoreError> {
        let difference = clamped(to) - clamped(from);
        if difference == 0 {
            return Ok(());
        }
        let mut script = scripts::CORRECT.key(prefix(site));
        script.arg(periods()).arg(difference);
        self.run("correct", &script).await.map(drop)
    }

    async fn spent(&self, site: &SiteKey) -> Result<Spent, StoreError> {
        let mut script = scripts::SPENT.key(prefix(site));
        script.arg(periods());
        read_spent(&mut self.run("spent", &script).await?)
    }

    async fn provers(&self, ask: &Provers<'_>) -> Result<u32, StoreError> {
        let mut script = scripts::PROVERS.key(prefix(ask.site));
        script.arg(ask.contact.to_string()).arg(ask.by.to_string()).arg(u8::from(ask.note));
        script.arg(wire::millis(ask.within).max(1)).arg(Provers::MOST);
        self.run("provers", &script).await?.count()
    }

    async fn paused(&self, ask: &Paused<'_>) -> Result<Option<&'static str>, StoreError> {
        let mut script = scripts::PAUSED.key(prefix(ask.site));
        script.arg(ask.contact.to_string()).arg(wire::millis(ask.window));
        for guard in ask.guards {
            script.arg(guard.group());
        }
        let place = self.run("paused", &script).await?.count()?;
        let guard = usize::try_from(place).ok().and_then(|place| ask.guards.get(place.checked_sub(1)?));
        Ok(guard.map(|guard| guard.name))
    }

    async fn turn_device(&self, turn: &DeviceTurn<'_>) -> Result<DeviceTurned, StoreError> {
        let mut script = scripts::TURN_DEVICE.key(prefix(turn.site));
        script.arg(turn.device.to_string()).arg(turn.generation.unwrap_or(0));
        script.arg(wire::millis(turn.grace)).arg(wire::millis(turn.keep).max(1));
        match self.run("turn_device", &script).await?.number()? {
            0 => Ok(DeviceTurned::Unknown),
            -1 => Ok(DeviceTurned::Stolen),
            number => u32::try_from(number).map(DeviceTurned::To).map_err(|_| wire::wrong("a generation")),
        }
    }

    async fn put_place(&self, place: &NewPlace<'_>) -> Result<(), StoreError> {
        let mut script = scripts::PUT_PLACE.key(prefix(place.site));
        script.arg(place.subject.to_string()).arg(place.sealed).arg(wire::millis(place.ttl).max(1));
        match place.tell {
            true => self.run_and_tell("put_place", &script, wire::moved(place.site, place.subject)).await.map(drop),
            false => self.run("put_place", &script).await.map(drop),
        }
    }

    async fn place(&self, site: &SiteKey, subject: KeyedHash) -> Result<Option<Vec<u8>>, StoreError> {
        let mut script = scripts::PLACE.key(prefix(site));
        script.arg(subject.to_string());
        let mut reply = self.run("place", &script).await?;
        if reply.is_empty() { Ok(None) } else { reply.bytes().map(Some) }
    }

    async fn contacts_seen(&self, ask: &Sighting<'_>) -> Result<Seen, StoreError> {
        let mut script = scripts::CONTACTS_SEEN.key(prefix(ask.site));
        script
            .arg(ask.account.to_string())
            .arg(wire::millis(ask.cooldown))
            .arg(wire::millis(ask.keep).max(1))
            .arg(Sighting::MOST_GONE)
            .arg(wire::windows(ask.per_contact))
            .arg(ask.notice.to_string())
            .arg(u8::from(ask.is_vouched));
        for (contact, sealed) in ask.listed.iter().take(Sighting::MOST_LISTED) {
            script.arg(contact.to_string()).arg(&sealed[..]);
        }
        let mut reply = self.run("contacts_seen", &script).await?;
        let mut seen = Seen { changed: reply.number()? == 1, contacts: Vec::new() };
        while !reply.is_empty() {
            seen.contacts.push(read_seen(&mut reply.within()?)?);
        }
        Ok(seen)
    }

    async fn put_marks(&self, marks: &[NewMark<'_>], ttl: Duration, most: usize) -> Result<usize, StoreError> {
        let full = self.run("put_marks", &marks::put(marks, ttl, most)).await?.count()?;
        Ok(usize::try_from(full).unwrap_or(usize::MAX))
    }

    async fn take_marks(&self, most: usize, lease: Duration) -> Result<TakenMarks, StoreError> {
        marks::taken(self.run("take_marks", &marks::take(most, lease)).await?)
    }

    async fn mark_done(&self, id: MarkId) -> Result<(), StoreError> {
        self.run("mark_done", &marks::done(id)).await.map(drop)
    }

    async fn mark_later(&self, id: MarkId, tries: u32, wait: Duration) -> Result<(), StoreError> {
        self.run("mark_later", &marks::later(id, tries, wait)).await.map(drop)
    }

    async fn tally(&self, site: &SiteKey, tallies: &[Tally]) -> Result<Vec<Raised>, StoreError> {
        if tallies.is_empty() {
            return Ok(Vec::new());
        }
        let both = async {
            let mut counts = self.call(&flags::tally(site, tallies)).await?;
            let mut flagged = Vec::new();
            for tally in tallies {
                flagged.extend(tally.flag(site, counts.count()?).map(|flag| (flag, tally.flag_for)));
            }
            if flagged.is_empty() {
                return Ok(Vec::new());
            }
            let told: Vec<_> = flagged.iter().map(|(flag, ttl)| (flag, *ttl)).collect();
            let mut reply = self.call(&flags::raise(self.epoch(), &told)).await?;
            let mut raised = Vec::new();
            for (flag, ttl) in flagged {
                match reply.number()? {
                    0 => {}
                    how => raised.push(Raised { flag, ttl, is_new: how == 1 }),
                }
            }
            Ok(raised)
        };
        self.timed("tally", both).await
    }

    async fn raise(&self, flags: &[(&Flag, Duration)]) -> Result<(), StoreError> {
        if flags.is_empty() {
            return Ok(());
        }
        self.run("raise", &flags::raise(self.epoch(), flags)).await.map(drop)
    }

    async fn flags(&self) -> Result<Vec<(Flag, Duration)>, StoreError> {
        flags::flags(self.run("flags", &scripts::FLAGS_NOW.key(FEED)).await?)
    }

    async fn lift(&self, site: &SiteKey, scope: Scope, whom: KeyedHash) -> Result<bool, StoreError> {
        let both = async {
            self.call(&flags::untally(site, scope, whom)).await?;
            let mut reply = self.call(&flags::lower(self.epoch(), site, scope, whom)).await?;
            let mut was_banned = false;
            for sign in Sign::ALL {
                was_banned |= reply.number()? == 1 && sign.is_ban();
            }
            Ok(was_banned)
        };
        self.timed("lift", both).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.timed("ping", self.connection.command(&redis::cmd("PING"))).await
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisStore")
    }
}
