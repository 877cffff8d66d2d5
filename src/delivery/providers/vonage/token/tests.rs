use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::*;
use crate::delivery::token::Signer;
use crate::delivery::token::tests::PEM;
use crate::seal::SystemRandom;

fn token() -> ApplicationToken {
    let application = Application { id: "app-1".to_owned(), key: Signer::parse(PEM).unwrap() };
    ApplicationToken::new(application, Arc::new(SystemRandom::new()))
}

fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[test]
fn a_token_is_kept_until_a_minute_before_its_end() {
    let (token, start) = (token(), Timestamp::from_millis(1_700_000_000_500));
    let at = |millis: u64| token.at(start.after(Duration::from_millis(millis))).unwrap();
    let first = at(0);
    let said = claims(&first);
    assert_eq!((said["application_id"].as_str(), said["iat"].as_u64()), (Some("app-1"), Some(1_700_000_000)));
    assert_eq!(said["exp"].as_u64(), Some(1_700_000_900));
    assert_eq!(at(839_999), first);
    let second = at(840_000);
    assert_ne!(second, first);
    assert_ne!(claims(&second)["jti"], said["jti"]);
    assert_eq!(at(840_001), second);
    // The clock is set back by an hour: the token is of no time that Vonage would know.
    let early = Timestamp::from_millis(1_700_000_000_500 - 3_600_000);
    assert_eq!(claims(&token.at(early).unwrap())["iat"].as_u64(), Some(1_700_000_000 - 3600));
}

#[test]
fn many_at_once_get_one_token() {
    let (token, now) = (token(), Timestamp::from_millis(1_700_000_000_000));
    let all: Vec<Arc<str>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| token.at(now).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(all.iter().all(|other| *other == all[0]));
}

#[test]
fn an_identifier_is_a_random_uuid() {
    assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    assert_eq!(uuid([0; 16]), "00000000-0000-4000-8000-000000000000");
}
