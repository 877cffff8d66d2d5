//! What it costs to know who is asking: the figure of the README.
//!
//! `cargo bench --bench identity`

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use http::HeaderMap;
use otpgate::identity::{Login, Sessions, Source, one_spelling};
use otpgate::seal::{KeyRing, Secret, SystemRandom};
use otpgate::server::plan_with;
use otpgate::words::Subject;

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

criterion_group!(benches, bench);
criterion_main!(benches);
