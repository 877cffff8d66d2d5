//! What it costs to know who is asking: the figures of the README.
//!
//! `cargo bench --bench identity`

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use http::HeaderMap;
use otpgate::identity::{About, Answers, Keep, Login, Sessions, Source, one_spelling};
use otpgate::seal::{KeyRing, Secret, SystemRandom};
use otpgate::server::plan_with;
use otpgate::words::{Clock, Subject, TestClock, Timestamp};

/// The `login` source of the example config.
fn login() -> Login {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/otpgate.yaml");
    let secret = Secret::generate(&SystemRandom::new());
    let plan = plan_with(&config, &|_| Some(secret.clone())).expect("the example config");
    let mut sources = plan.sites.into_iter().flat_map(|site| site.spec.sources);
    let login = sources.find_map(|source| if let Source::Login(login) = source { Some(login) } else { None });
    login.expect("a login source")
}

fn bench(c: &mut Criterion) {
    let random = SystemRandom::new();
    let keys = KeyRing::new(&[Secret::parse(&Secret::generate(&random)).expect("a secret")]).expect("a key ring");
    let (login, sessions) = (login(), Sessions::default());
    let mut headers = HeaderMap::new();
    let line = format!("theme=dark; {}=3f1c0b6e5d7a49d2a1b08c7e6f5d4c3b; lang=en", login.session_cookie);
    headers.insert("cookie", line.parse().expect("a cookie"));
    let subject = || {
        let cookie = login.session(black_box(&headers)).expect("a session");
        let session = keys.hash("session", &[b"shop.example.com", &one_spelling(cookie)]);
        (session, sessions.get(session))
    };
    let alice = Subject::parse("alice@example.com").expect("a subject");
    sessions.remember(subject().0, alice.clone(), vec![0; 64], sessions.epoch());
    assert_eq!(subject().1, Some(alice));
    c.bench_function("the subject of a known session", |b| b.iter(&subject));
}

/// How many requests of an hour of work wait for a question of `whoami`: a protected page with nine requests of its scripts
/// every ten seconds, the same session all the time.
fn questions(_: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let keys = KeyRing::new(&[Secret::parse(&Secret::generate(&SystemRandom::new())).expect("a secret")]);
    let key = keys.expect("a key ring").hash("whoami", &[b"a session"]);
    let about = About { key, session: key };
    for (named, time) in [("with changes_at", Keep::LONGEST), ("without", Keep::BLIND)] {
        let (answers, clock) = (Arc::<Answers>::default(), Arc::new(TestClock::at(Timestamp::from_millis(0))));
        let (mut asked, mut requests) = (0, 0);
        for _ in 0..360 {
            for _ in 0..10 {
                requests += 1;
                if answers.get(about, clock.now()).is_none() {
                    asked += 1;
                    let alice = async { Ok(Some(Subject::parse("alice@example.com").expect("a subject"))) };
                    let clock: Arc<dyn Clock> = Arc::<TestClock>::clone(&clock);
                    runtime.block_on(answers.ask(about, Keep::of(time), clock, alice)).expect("an answer");
                }
            }
            clock.advance(Duration::from_secs(10));
        }
        println!("whoami, {named}: {asked} questions for {requests} requests");
    }
}

criterion_group!(benches, bench, questions);
criterion_main!(benches);
