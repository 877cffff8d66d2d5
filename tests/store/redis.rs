//! What only Redis can do: be shared, flushed, killed, and refuse.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use otpgate::audit::Audit;
use otpgate::store::redis::RedisStore;
use otpgate::store::{
    Change, Charged, Cursor, Found, Grain, Held, Measure, MoneyBudget, NewMark, NewMessage, Permit, Reported,
    Revocation, SiteKey, Store as _, StoreError, What,
};
use otpgate::words::{MarkId, Progress, SystemClock, Timestamp};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::bench::{Answering, Bench, LONG, Opening, Sending, Visitor, grant_id, hash, random};
use crate::measures::{measure, somebody};
use crate::messages::{Carried, message_id, report};
use crate::money::{ENDLESS, charge, units};
use crate::pumping::{RULES, range, sending};
use crate::support::{Redis, free_port};

pub fn store_at(url: &str) -> RedisStore {
    RedisStore::new(url, Arc::new(Audit::new(Arc::new(SystemClock)))).unwrap()
}

fn bench_at(url: &str) -> Bench {
    Bench::new("shop.example.com", Arc::new(store_at(url)), None)
}

/// A plain connection beside the store's, in no hurry.
async fn plain(server: &Redis) -> ::redis::aio::MultiplexedConnection {
    let client = ::redis::Client::open(server.url()).unwrap();
    let config = ::redis::AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    client.get_multiplexed_async_connection_with_config(&config).await.unwrap()
}

async fn command(server: &Redis, words: &[&str]) {
    let mut command = ::redis::cmd(words[0]);
    command.arg(&words[1..]);
    let () = command.query_async(&mut plain(server).await).await.unwrap();
}

/// Every key expires, lies in one slot with its site, and shows nobody.
pub async fn check_keys(server: &Redis) {
    let mut connection = plain(server).await;
    let keys: Vec<String> = ::redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
    assert!(keys.len() > 300, "{}", keys.len());
    // Some of every kind.
    for kind in [
        "}:c:",
        "}:b:",
        "}:f:",
        "}:p:",
        "}:w:",
        "}:n:",
        "}:l:",
        "}:used",
        "}:s:",
        "}:a:",
        "}:d:",
        "}:o:",
        "}:spent:per_hour",
        "}:spent:per_day",
        "}:t:",
        "{*feed}:flags",
        "{*feed}:flagged",
        "}:g:tried:range:",
        "}:g:verified:range:",
        "}:g:paused:range:",
        "{*messages}:m:",
        "{*messages}:t:",
        "{*messages}:n:",
        "{*marks}:queue",
        "{*marks}:k:",
        "{*marks}:d:",
        "{*marks}:n:",
        "{*measures}:fine:",
        "{*measures}:coarse:",
    ] {
        assert!(keys.iter().any(|key| key.contains(kind)), "no key with {kind}");
    }
    for key in keys {
        let ttl: i64 = ::redis::cmd("PTTL").arg(&key).query_async(&mut connection).await.unwrap();
        // -2: it expired between the two questions.
        assert!(ttl > 0 || ttl == -2, "{key} has no end");
        assert!(key.starts_with("otpgate:{") || key.starts_with("otpgate:note:"), "{key}");
    }
}

/// I9, O17, O18: what is stored of a whole step-up holds no subject, contact, address or code, in no key and no value.
#[tokio::test]
async fn nothing_is_stored_in_the_clear() {
    use otpgate::seal::{Code, KeyRing, Purpose, Secret, SystemRandom};
    let server = Redis::start();
    let t = bench_at(&server.url());
    let ring = KeyRing::new(&[Secret::parse(crate::support::process::SECRET).unwrap()]).unwrap();
    let hashed = |text: &str| ring.hash("test", &[text.as_bytes()]);
    let code = Code::unsealed(b"482913").unwrap();
    let visitor = Visitor { browser: hash(), subject: hashed("alice"), ip: hashed("203.0.113.9") };
    let id = t.open(visitor, &Opening::new()).await;
    let sealed = ring.seal(Purpose::Code, id.as_bytes(), b"482913", &SystemRandom::new());
    let sending = Sending {
        contact: hashed("alice@example.com"),
        code: ring.hash_code(&id, &code),
        sealed: sealed.leak(),
        limits: otpgate::store::Limits::default(),
        ..Sending::new()
    };
    t.sent(visitor, id, &sending).await;
    t.answer(visitor, id, hash(), &otpgate::store::FailureLimits::default()).await;

    let mut connection = plain(&server).await;
    let keys: Vec<String> = ::redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
    assert!(keys.iter().all(|key| key.starts_with("otpgate:{shop.example.com}:")), "{keys:?}");
    assert!(keys.len() > 8, "{keys:?}");
    for key in keys {
        let dump: Vec<u8> = ::redis::cmd("DUMP").arg(&key).query_async(&mut connection).await.unwrap();
        let kind: String = ::redis::cmd("TYPE").arg(&key).query_async(&mut connection).await.unwrap();
        let read = match kind.as_str() {
            "string" => ::redis::cmd("GET").arg(&key).to_owned(),
            "hash" => ::redis::cmd("HGETALL").arg(&key).to_owned(),
            "list" => ::redis::cmd("LRANGE").arg(&key).arg(0).arg(-1).to_owned(),
            "zset" => ::redis::cmd("ZRANGE").arg(&key).arg(0).arg(-1).to_owned(),
            other => panic!("{key} is a {other}"),
        };
        let value: ::redis::Value = read.query_async(&mut connection).await.unwrap();
        let text = format!("{key} {value:?} {}", String::from_utf8_lossy(&dump));
        for secret in ["alice", "203.0.113", "482913"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

/// I10: another gateway hears of it within two seconds.
#[tokio::test]
async fn another_gateway_hears_of_a_revocation() {
    let server = Redis::start();
    let (here, there) = (store_at(&server.url()), store_at(&server.url()));
    let start = there.changes(Cursor::default()).await.unwrap();
    let site = otpgate::store::SiteKey::new("shop.example.com");
    let revocation = Revocation::Grant { site, grant: grant_id() };
    let listening = tokio::spawn(async move {
        let mut cursor = start.cursor;
        loop {
            let changes = there.changes(cursor).await.unwrap();
            if let Some(Change::Revoked(told, _)) = changes.changes.into_iter().next() {
                return (told, Instant::now());
            }
            cursor = changes.cursor;
        }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    here.revoke(&revocation, LONG).await.unwrap();
    let told = Instant::now();
    let (heard, at) = listening.await.unwrap();
    assert_eq!(heard, revocation);
    assert!(at.saturating_duration_since(told) < Duration::from_secs(2));
    assert_eq!(here.revocations().await.unwrap().len(), 1);
}

/// C18: a flush loses challenges and lets nobody in; every reader is told to publish again what it holds.
#[tokio::test]
async fn a_flush_is_noticed() {
    let server = Redis::start();
    let t = bench_at(&server.url());
    let visitor = Visitor::new();
    let id = t.sent_to(visitor, &Opening::new()).await;
    for _ in 0..3 {
        t.store.forget_session(&t.site, hash()).await.unwrap();
    }
    let cursor = t.store.changes(Cursor::default()).await.unwrap().cursor;
    command(&server, &["FLUSHALL"]).await;
    assert_eq!(t.find(visitor, Some(id)).await, Found::None);
    // As many changes as before: only the epoch tells.
    for _ in 0..3 {
        t.store.forget_session(&t.site, hash()).await.unwrap();
    }
    let changes = t.store.changes(cursor).await.unwrap();
    assert!(changes.lost && changes.emptied);
    assert_eq!(changes.changes.len(), 3, "all since then are told");
    let after = t.store.changes(changes.cursor).await.unwrap();
    assert!(!after.lost && !after.emptied && after.changes.is_empty());
}

/// A reader that was away for longer than the feed remembers is told so.
#[tokio::test]
async fn missed_changes_are_noticed() {
    let server = Redis::start();
    let t = bench_at(&server.url());
    let cursor = t.store.changes(Cursor::default()).await.unwrap().cursor;
    for _ in 0..5 {
        t.store.forget_session(&t.site, hash()).await.unwrap();
    }
    command(&server, &["XTRIM", "otpgate:{*feed}:stream", "MAXLEN", "2"]).await;
    let changes = t.store.changes(cursor).await.unwrap();
    assert!(changes.lost && !changes.emptied);
}

/// C18: a gateway that did not hear of a logout yet cannot restore the session.
#[tokio::test]
async fn a_session_that_ended_is_not_restored() {
    let server = Redis::start();
    let t = bench_at(&server.url());
    let session = hash();
    t.store.forget_session(&t.site, session).await.unwrap();
    let held = Held::Session { session, sealed: b"alice", ttl: LONG };
    t.store.restore(&t.site, held).await.unwrap();
    assert_eq!(t.store.session(&t.site, session).await.unwrap(), None);
    t.store.bind_session(&t.site, session, b"bob", LONG).await.unwrap();
    assert_eq!(t.store.session(&t.site, session).await.unwrap().as_deref(), Some(&b"bob"[..]));
}

/// F01, O12: a Redis that is gone is an error within a second, and one that is back is used again.
#[tokio::test]
async fn a_killed_redis_is_an_error_and_comes_back() {
    let mut server = Redis::start();
    let t = bench_at(&server.url());
    t.store.ping().await.unwrap();
    server.stop();
    for _ in 0..3 {
        let started = Instant::now();
        let error = t.store.ping().await.unwrap_err();
        assert!(matches!(error, StoreError::Unreachable(_)), "{error:?}");
        assert!(started.elapsed() < Duration::from_millis(1300));
    }
    let visitor = Visitor::new();
    assert!(t.try_send(visitor, otpgate::words::ChallengeId::from_random([1; 16]), &Sending::new()).await.is_err());
    assert!(t.store.changes(Cursor::default()).await.is_err());
    server.restart();
    let id = t.sent_to(visitor, &Opening::new()).await;
    t.pass(visitor, id, &Answering::new()).await;
}

/// F01: starting needs no Redis, and one that takes connections but never answers keeps nobody longer than a second.
#[tokio::test]
async fn a_redis_that_never_answers_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let store = store_at(&format!("redis://user:hunter2@{}", listener.local_addr().unwrap()));
    for _ in 0..2 {
        let started = Instant::now();
        let error = store.ping().await.unwrap_err();
        assert!(started.elapsed() < Duration::from_millis(1300), "{:?}", started.elapsed());
        assert_eq!(error, StoreError::Unreachable("no answer within a second".to_owned()));
        assert!(!format!("{error} {error:?} {store:?}").contains("hunter2"));
    }
    let nobody = store_at(&format!("redis://:hunter2@127.0.0.1:{}", free_port()));
    assert_eq!(nobody.ping().await.unwrap_err(), StoreError::Unreachable("connection refused".to_owned()));
}

/// What stands between a store and its Redis: the first connection it treats badly, later ones it carries.
enum Between {
    /// Carries the first connection for a while, then holds it: nothing arrives any more, and nothing is closed.
    Holds(Duration),
    /// Answers everything on the first connection as a Redis does that loads its data.
    Loads,
}

impl Between {
    async fn start(self, server: &Redis) -> u16 {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, server) = (listener.local_addr().unwrap().port(), server.port);
        tokio::spawn(async move {
            let (mut first, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                match self {
                    Self::Holds(after) => {
                        let mut redis = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                        let carried = tokio::io::copy_bidirectional(&mut first, &mut redis);
                        let _ = tokio::time::timeout(after, carried).await;
                        std::future::pending().await
                    }
                    Self::Loads => {
                        let mut asked = [0; 4096];
                        while let Ok(length @ 1..) = first.read(&mut asked).await {
                            // One line for each request: they begin with an asterisk.
                            let requests = asked[..length].iter().filter(|&&byte| byte == b'*').count();
                            let refused = "-LOADING Redis is loading the dataset in memory\r\n".repeat(requests);
                            let _ = first.write_all(refused.as_bytes()).await;
                        }
                    }
                }
            });
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let mut redis = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut redis).await });
            }
        });
        port
    }
}

/// F01: a connection whose peer vanished, as in a power cut, is left after the first second without an answer.
#[tokio::test]
async fn a_connection_without_answers_is_left() {
    let server = Redis::start();
    let port = Between::Holds(Duration::from_millis(300)).start(&server).await;
    let store = store_at(&format!("redis://127.0.0.1:{port}"));
    store.ping().await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(matches!(store.ping().await, Err(StoreError::Unreachable(_))));
    store.ping().await.unwrap();
}

/// F01: a Redis that loads its data refuses to open a database. That is an error, and not for ever.
#[tokio::test]
async fn a_redis_that_loads_its_data_is_used_when_it_is_ready() {
    let server = Redis::start();
    let port = Between::Loads.start(&server).await;
    let store = store_at(&format!("redis://127.0.0.1:{port}/1"));
    let error = store.ping().await.unwrap_err();
    assert!(matches!(&error, StoreError::Wrong(text) if text.contains("loading the dataset")), "{error:?}");
    store.ping().await.unwrap();
}

/// F01: what Redis refuses is an error, never a success; and no refusal is for ever.
#[tokio::test]
async fn what_redis_refuses_is_an_error() {
    let server = Redis::start();
    let t = bench_at(&server.url());
    let visitor = Visitor::new();
    let id = t.sent_to(visitor, &Opening::new()).await;
    let wrong = |error: StoreError, code: &str| match error {
        StoreError::Wrong(text) => assert!(text.contains(code), "{text}"),
        StoreError::Unreachable(text) => panic!("{text}"),
    };

    command(&server, &["CONFIG", "SET", "maxmemory", "1"]).await;
    wrong(t.try_send(visitor, id, &Sending::new()).await.unwrap_err(), "OOM");
    wrong(t.store.bind_session(&t.site, hash(), b"alice", LONG).await.unwrap_err(), "OOM");
    command(&server, &["CONFIG", "SET", "maxmemory", "0"]).await;

    let port = free_port().to_string();
    command(&server, &["REPLICAOF", "127.0.0.1", &port]).await;
    wrong(t.try_send(visitor, id, &Sending::new()).await.unwrap_err(), "READONLY");
    wrong(
        t.store.revoke(&Revocation::Grant { site: t.site.clone(), grant: grant_id() }, LONG).await.unwrap_err(),
        "READONLY",
    );
    command(&server, &["REPLICAOF", "NO", "ONE"]).await;
    assert_eq!(t.challenge(visitor, id).await.sent.len(), 1, "nothing was counted");

    let mut admin = plain(&server).await;
    let () = ::redis::cmd("CONFIG").arg(&["SET", "requirepass", "hunter2"]).query_async(&mut admin).await.unwrap();
    let locked_out = store_at(&server.url().replace("//", "//:guess@"));
    for _ in 0..2 {
        let error = locked_out.ping().await.unwrap_err();
        assert!(matches!(error, StoreError::Wrong(_)), "{error:?}");
        assert!(!format!("{error:?}").contains("guess"));
    }
    let let_in = store_at(&server.url().replace("//", "//:hunter2@"));
    let_in.ping().await.unwrap();
    let () = ::redis::cmd("CONFIG").arg(&["SET", "requirepass", "guess"]).query_async(&mut admin).await.unwrap();
    locked_out.ping().await.unwrap();
}

#[tokio::test]
async fn another_database_is_another_store() {
    let server = Redis::start();
    let (first, second) = (bench_at(&server.url()), bench_at(&format!("{}/3", server.url())));
    let visitor = Visitor::new();
    let id = first.open(visitor, &Opening::new()).await;
    assert_eq!(second.find(visitor, Some(id)).await, Found::None);
    let beyond = store_at(&format!("{}/99", server.url()));
    assert!(matches!(beyond.ping().await, Err(StoreError::Wrong(_))));
}

/// Scripts are loaded again when Redis does not know them any more.
#[tokio::test]
async fn scripts_are_loaded_again() {
    let server = Redis::start();
    let t = bench_at(&server.url());
    let visitor = Visitor::new();
    let id = t.sent_to(visitor, &Opening::new()).await;
    command(&server, &["SCRIPT", "FLUSH"]).await;
    t.sent(visitor, id, &Sending::new()).await;
    command(&server, &["SCRIPT", "FLUSH"]).await;
    t.pass(visitor, id, &Answering::new()).await;

    // The others, each after it was forgotten.
    let forget = async || command(&server, &["SCRIPT", "FLUSH"]).await;
    let (carried, id, of) = (Carried::new(&t).await, message_id(), somebody());
    forget().await;
    t.store.track(&NewMessage { words: b"words", ..carried.message(&t, id, "tw") }).await.unwrap();
    forget().await;
    t.store.taken(&carried.answer(&t, id, "tw")).await.unwrap();
    forget().await;
    assert!(matches!(t.store.report(&report(id, Progress::Delivered)).await, Ok(Reported::Moved(..))));
    forget().await;
    assert_eq!(t.store.message(id).await.unwrap().unwrap().progress, Progress::Delivered);
    forget().await;
    assert!(t.store.take_words(id).await.unwrap().is_some());
    forget().await;
    assert!(t.store.sealed_code(&t.site, carried.visitor.browser, carried.challenge).await.unwrap().is_some());
    forget().await;
    t.store.measure(&[measure(&of, What::Sent, 1)]).await.unwrap();
    forget().await;
    assert_eq!(t.store.measured(Grain::Fine, 2).await.unwrap().len(), 1);
    forget().await;
    assert!(matches!(charge(&t, units(3), ENDLESS).await, Charged::Yes(_)));
    forget().await;
    let id = MarkId::from_random(random());
    assert_eq!(t.store.put_marks(&[NewMark { id, sealed: b"sealed", of: None }], LONG, 1).await.unwrap(), 0);
    forget().await;
    assert_eq!(t.store.take_marks(1, LONG).await.unwrap().marks[0].id, id);
    forget().await;
    t.store.mark_later(id, 1, LONG).await.unwrap();
    forget().await;
    t.store.mark_done(id).await.unwrap();
    forget().await;
    t.store.correct(&t.site, units(3), units(1)).await.unwrap();
    forget().await;
    assert_eq!(t.store.spent(&t.site).await.unwrap().day, units(1));
}

/// D01: in Redis, too, what was spent leaves by itself: here it is made older instead of waited for.
#[tokio::test]
async fn what_was_spent_leaves() {
    const HOUR: Duration = Duration::from_secs(60 * 60);
    let server = Redis::start();
    let t = bench_at(&server.url());
    let budget = MoneyBudget { per_hour: Some(units(10)), per_day: Some(units(20)) };
    let [minutes, hours] = ["per_hour", "per_day"].map(|name| format!("otpgate:{{shop.example.com}}:spent:{name}"));
    let now = t.moment().as_secs();
    let put = async |key: &str, number: u64, millionths: &str| {
        command(&server, &["HSET", key, &number.to_string(), millionths]).await;
        command(&server, &["EXPIRE", key, "1000"]).await;
    };
    let (minute, hour) = (now / 60, now / 3600);
    put(&minutes, minute - 62, "50000000").await;
    put(&minutes, minute - 50, "6000000").await;
    put(&minutes, minute - 40, "3000000").await;
    put(&minutes, minute - 30, "-1000000").await;
    put(&hours, hour - 26, "50000000").await;
    put(&hours, hour - 20, "13000000").await;
    put(&hours, hour, "8000000").await;
    let spent = t.store.spent(&t.site).await.unwrap();
    assert_eq!((spent.hour, spent.day), (units(8), units(21)));
    let asked = async |amount, budget| match charge(&t, amount, budget).await {
        Charged::Exhausted { budget, retry_after } => (budget, retry_after),
        other => panic!("{other:?}"),
    };
    for (amount, left) in [(3, 11), (8, 11), (10, 21)] {
        let only_hour = MoneyBudget { per_day: None, ..budget };
        let (name, wait) = asked(units(amount), only_hour).await;
        assert_eq!(name, "per_hour");
        // Two seconds for the clock to move on since it was looked at.
        let until = Duration::from_secs((minute + left) * 60 - now);
        assert!(wait <= until && wait + Duration::from_secs(2) >= until, "{wait:?} {until:?}");
    }
    // What was put right after its charge has left takes nothing from what is charged now.
    let later = Bench { site: SiteKey::new("later.example"), ..t.clone() };
    let key = "otpgate:{later.example}:spent:per_hour";
    put(key, minute - 62, "9000000").await;
    put(key, minute - 30, "-9000000").await;
    assert!(matches!(charge(&later, units(10), budget).await, Charged::Yes(spent) if spent.hour == units(10)));
    assert!(matches!(charge(&later, units(1), budget).await, Charged::Exhausted { budget: "per_hour", .. }));

    let (name, wait) = asked(units(1), budget).await;
    assert_eq!(name, "per_day", "it holds longer");
    assert!(wait > 4 * HOUR && wait <= 5 * HOUR, "{wait:?}");
    charge(&t, units(2), MoneyBudget { per_day: None, ..budget }).await;
    // What is too old is gone, and the keys live until what was charged last has left.
    let mut connection = plain(&server).await;
    for (key, old, least, most) in
        [(&minutes, minute - 62, 60 * 60, 61 * 60), (&hours, hour - 26, 24 * 60 * 60, 25 * 60 * 60)]
    {
        let known: bool = ::redis::cmd("HEXISTS").arg(key).arg(old).query_async(&mut connection).await.unwrap();
        let ttl: u64 = ::redis::cmd("TTL").arg(key).query_async(&mut connection).await.unwrap();
        assert!(!known && ttl >= least - 1 && ttl <= most, "{key} {ttl}");
    }
}

/// D01: of a flood of numbers the newest are kept, and judged by those of them that came back.
#[tokio::test]
async fn a_flood_of_numbers_has_its_bounds() {
    let server = Redis::start();
    let t = bench_at(&server.url());
    let fill = "for i = 1, 10100 do redis.call('ZADD', KEYS[1], ARGV[1] + i, string.format('%032x', i)) end \
                redis.call('PEXPIRE', KEYS[1], 1000000)";
    let [tried, verified] =
        ["tried", "verified"].map(|set| format!("otpgate:{{shop.example.com}}:g:{set}:range:6012345"));
    let began = (t.moment().as_millis() - 60_000).to_string();
    for key in [&tried, &verified] {
        command(&server, &["EVAL", fill, "1", key, &began]).await;
    }
    let mut connection = plain(&server).await;
    let size = async |connection: &mut ::redis::aio::MultiplexedConnection, key: &String| -> u64 {
        ::redis::cmd("ZCARD").arg(key).query_async(connection).await.unwrap()
    };
    let sending = sending(&RULES, vec![range("6012345", &RULES)]);
    let visitor = Visitor::new();
    let id = t.open(visitor, &Opening::new()).await;
    t.sent(visitor, id, &sending).await;
    assert_eq!(size(&mut connection, &tried).await, 10_000);
    t.pass(visitor, id, &Answering::new()).await;
    assert_eq!((size(&mut connection, &tried).await, size(&mut connection, &verified).await), (10_000, 10_000));
    // All that came back are older than the tries that are still known: they speak for none of these.
    let old = (t.moment().as_millis() - 90_000).to_string();
    command(&server, &["DEL", &verified]).await;
    command(&server, &["EVAL", fill, "1", &verified, &old]).await;
    let visitor = Visitor::new();
    let id = t.open(visitor, &Opening::new()).await;
    let permit = t.send(visitor, id, &sending).await;
    assert!(matches!(permit, Permit::Paused { begins: true, .. }), "{permit:?}");
}

/// Each bucket leaves with its window.
#[tokio::test]
async fn measures_leave_with_their_window() {
    let server = Redis::start();
    let t = bench_at(&server.url());
    let of = somebody();
    let at = t.moment().as_millis() - 30 * 60 * 1000;
    let late = Measure { at: Some(Timestamp::from_millis(at)), ..measure(&of, What::Sent, 1) };
    t.store.measure(&[late, measure(&of, What::Sent, 1)]).await.unwrap();
    let mut connection = plain(&server).await;
    let keys: Vec<String> =
        ::redis::cmd("KEYS").arg("otpgate:{\\*measures}:*").query_async(&mut connection).await.unwrap();
    assert!(keys.len() >= 3, "{keys:?}");
    for key in keys {
        let (grain, number) = key.trim_start_matches("otpgate:{*measures}:").split_once(':').unwrap();
        let grain = if grain == "fine" { Grain::Fine } else { Grain::Coarse };
        let ending = (number.parse::<u64>().unwrap() + u64::from(grain.buckets())) * grain.span().as_secs();
        let left: u64 = ::redis::cmd("PTTL").arg(&key).query_async(&mut connection).await.unwrap();
        let told = t.moment().as_millis() + left;
        assert!(told.abs_diff(ending * 1000) < 2000, "{key}");
    }
    // What a newer gateway counts is left alone.
    let newest = format!("otpgate:{{*measures}}:coarse:{}", t.moment().as_secs() / Grain::Coarse.span().as_secs());
    for field in ["fax:MY:sent:tw", "sms:MY:liked:tw", "x", "sms:MY1:sent:tw"] {
        command(&server, &["HSET", &newest, field, "1"]).await;
    }
    assert_eq!(t.store.measured(Grain::Coarse, 1).await.unwrap()[0].counts.len(), 1);
    command(&server, &["HSET", &newest, "sms:MY:sent:tw", "x"]).await;
    let told = t.store.measured(Grain::Coarse, 1).await;
    assert!(matches!(told, Err(StoreError::Wrong(_))), "{told:?}");
}

/// What another program wrote under our names is an error, not a panic and not a success.
#[tokio::test]
async fn what_others_wrote_is_an_error() {
    let server = Redis::start();
    let t = bench_at(&server.url());
    let visitor = Visitor::new();
    let id = t.sent_to(visitor, &Opening::new()).await;
    let key = format!("otpgate:{{shop.example.com}}:c:{id}");
    command(&server, &["HSET", &key, "sends", "[{\"to\":\"fax:0\",\"at\":1,\"wait\":1}]"]).await;
    let found = t.store.find(&t.site, visitor.browser, Some(id)).await;
    assert!(matches!(found, Err(StoreError::Wrong(_))), "{found:?}");
    let carried = Carried::new(&t).await;
    let by = carried.carry(&t, "tw").await;
    let message = format!("otpgate:{{*messages}}:m:{by}");
    for (field, foreign) in [("charged", "-1"), ("channel", "fax"), ("progress", "lost"), ("country", "MYS")] {
        command(&server, &["HSET", &message, field, foreign]).await;
        let found = t.store.message(by).await;
        assert!(matches!(found, Err(StoreError::Wrong(_))), "{found:?}");
        let told = t.store.report(&report(by, Progress::Sent)).await;
        assert!(matches!(told, Err(StoreError::Wrong(_))), "{told:?}");
    }
    command(&server, &["SET", &key, "x"]).await;
    let found = t.store.find(&t.site, visitor.browser, Some(id)).await;
    assert!(matches!(found, Err(StoreError::Wrong(_))), "{found:?}");
}

#[test]
fn an_address_of_something_else_is_refused() {
    let audit = Arc::new(Audit::new(Arc::new(SystemClock)));
    let error = RedisStore::new("http://user:hunter2@h", audit).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}
