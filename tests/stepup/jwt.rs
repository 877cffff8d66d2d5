//! The `jwt` source: what a forger tries (H20), and keys that change.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::KeyPair;
use rcgen::PublicKeyData as _;
use serde_json::{Value, json};

use crate::support::recorder::Recorder;
use crate::support::{Client, Gateway, Upstream};
use crate::world::*;

/// An issuer: its key, and what it is called.
struct Issuer {
    key: KeyPair,
    kid: &'static str,
}

/// What serves a key set that tests change.
struct Keys {
    server: Recorder,
    set: Arc<Mutex<String>>,
}

impl Issuer {
    fn new(kid: &'static str) -> Self {
        Self { key: KeyPair::generate().unwrap(), kid }
    }

    fn jwk(&self) -> Value {
        let point = self.key.der_bytes();
        let part = |from: usize| URL_SAFE_NO_PAD.encode(&point[from..from + 32]);
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid, "x": part(1), "y": part(33)})
    }

    fn token(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.kid.to_owned()), ..Header::new(Algorithm::ES256) };
        self.signed(&header, claims)
    }

    fn signed(&self, header: &Header, claims: &Value) -> String {
        encode(header, claims, &EncodingKey::from_ec_pem(self.key.serialize_pem().as_bytes()).unwrap()).unwrap()
    }
}

impl Keys {
    fn of(issuers: &[&Issuer]) -> Self {
        let set = Arc::new(Mutex::new(String::new()));
        let served = Arc::clone(&set);
        let server = Recorder::answering(move |exchange| {
            let text = served.lock().unwrap().clone();
            if text.is_empty() {
                return exchange.answer("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
            }
            exchange.answer(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len()))
        });
        let keys = Self { server, set };
        keys.serve(issuers);
        keys
    }

    fn serve(&self, issuers: &[&Issuer]) {
        let keys: Vec<Value> = issuers.iter().map(|issuer| issuer.jwk()).collect();
        *self.set.lock().unwrap() = json!({"keys": keys}).to_string();
    }

    fn fails(&self) {
        self.set.lock().unwrap().clear();
    }
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn claims(subject: &str) -> Value {
    json!({"iss": "https://idp.test", "aud": "shop", "exp": now() + 600, "email": subject, "sub": "42"})
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn start(keys: &Keys, upstream: &Upstream, place: &str) -> Gateway {
    let site = format!(
        "identity: {{jwt: {{{place}, keys: {{jwks: \"http://127.0.0.1:{}/keys\"}}, issuer: https://idp.test, audience: shop, \
         claim: email}}}}\n    sign_in: /login",
        keys.server.port
    );
    Config { site: site.leak(), ..Config::default() }.start("memory", upstream)
}

/// Where a visitor with this token is sent from a protected page.
async fn sent_to(gateway: &Gateway, headers: &[(&str, &str)]) -> String {
    let mut browser = Client::new(HOST, gateway.port);
    browser.always = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let answer = browser.get("/account").await;
    match answer.location() {
        Some(place) if place.starts_with("/.otpgate/challenge") => "challenge".to_owned(),
        Some(place) => place,
        None => answer.status.to_string(),
    }
}

#[tokio::test]
async fn h20_only_a_token_of_the_named_issuer_names_anybody() {
    let (ours, theirs) = (Issuer::new("one"), Issuer::new("one"));
    let (keys, upstream) = (Keys::of(&[&ours]), Upstream::start());
    let attacker = Keys::of(&[&theirs]);
    let gateway = start(&keys, &upstream, "cookie: session_token");
    let good = ours.token(&claims("alice"));
    let cookie = |token: &str| format!("session_token={token}");
    assert_eq!(sent_to(&gateway, &[("Cookie", &cookie(&good))]).await, "challenge");
    assert_eq!(sent_to(&gateway, &[]).await, "/login");

    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let parts: Vec<&str> = good.split('.').collect();
    let bob = encoded(&claims("bob"));
    let public = json!({"keys": [ours.jwk()]}).to_string();
    let confused = encode(
        &Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::HS256) },
        &claims("bob"),
        &EncodingKey::from_secret(public.as_bytes()),
    );
    let pem = EncodingKey::from_secret(ours.key.public_key_pem().as_bytes());
    let mut elsewhere = Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::ES256) };
    elsewhere.jku = Some(format!("http://127.0.0.1:{}/keys", attacker.server.port));
    let mut critical = Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::ES256) };
    critical.crit = Some(vec!["exp".to_owned()]);
    let strange = Header { kid: Some("../../etc/passwd".to_owned()), ..Header::new(Algorithm::ES256) };
    for (what, token) in [
        ("alg none", format!("{}.{bob}.", encoded(&json!({"alg": "none", "kid": "one"})))),
        ("alg None", format!("{}.{bob}.x", encoded(&json!({"alg": "None"})))),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("another body", format!("{}.{bob}.{}", parts[0], parts[2])),
        ("the key set as a secret", confused.unwrap()),
        ("the public key as a secret", encode(&Header::new(Algorithm::HS256), &claims("bob"), &pem).unwrap()),
        ("another key of the same name", theirs.token(&claims("bob"))),
        ("a key elsewhere", theirs.signed(&elsewhere, &claims("bob"))),
        ("critical", ours.signed(&critical, &claims("bob"))),
        ("an unknown key", ours.signed(&strange, &claims("bob"))),
        ("expired", ours.token(&with(claims("bob"), "exp", json!(now() - 31)))),
        ("no expiry", ours.token(&without(claims("bob"), "exp"))),
        ("an expiry in words", ours.token(&with(claims("bob"), "exp", json!("never")))),
        ("not yet", ours.token(&with(claims("bob"), "nbf", json!(now() + 300)))),
        ("another audience", ours.token(&with(claims("bob"), "aud", json!("wiki")))),
        ("no audience", ours.token(&without(claims("bob"), "aud"))),
        ("another issuer", ours.token(&with(claims("bob"), "iss", json!("https://idp.test.evil.example")))),
        ("no issuer", ours.token(&without(claims("bob"), "iss"))),
        ("no token", "bob".to_owned()),
        ("two dots", "..".to_owned()),
        ("too long", format!("{good}{}", "A".repeat(9000))),
    ] {
        assert_eq!(sent_to(&gateway, &[("Cookie", &cookie(&token))]).await, "/login", "{what}");
    }
    // Two are none; a header is not where the token is.
    let twice = format!("session_token={good}; session_token={good}");
    assert_eq!(sent_to(&gateway, &[("Cookie", &twice)]).await, "/login");
    assert_eq!(sent_to(&gateway, &[("Authorization", &format!("Bearer {good}"))]).await, "/login");
    // It holds, but names what can be nobody: refused (H18).
    for value in [json!("a\u{0}b"), json!(["alice"]), json!(null), json!("")] {
        let token = ours.token(&with(claims("x"), "email", value.clone()));
        assert_eq!(sent_to(&gateway, &[("Cookie", &cookie(&token))]).await, "403", "{value}");
    }
    // Several audiences, a little late, a little early.
    for token in [
        ours.token(&with(claims("alice"), "aud", json!(["wiki", "shop"]))),
        ours.token(&with(claims("alice"), "exp", json!(now() - 10))),
        ours.token(&with(claims("alice"), "nbf", json!(now() + 10))),
    ] {
        assert_eq!(sent_to(&gateway, &[("Cookie", &cookie(&token))]).await, "challenge");
    }
    assert_eq!(attacker.server.connections(), 0, "nobody looked where a token pointed");
    for heard in keys.server.heard() {
        assert!(!heard.has("cookie") && !heard.has("x-forwarded-for"), "D12: {}", heard.head);
    }
}

#[tokio::test]
async fn a_token_in_a_header_is_one_and_behind_bearer() {
    let ours = Issuer::new("one");
    let (keys, upstream) = (Keys::of(&[&ours]), Upstream::start());
    let gateway = start(&keys, &upstream, "header: Authorization");
    let good = ours.token(&claims("alice"));
    let page = [("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")];
    let with = |value: String| {
        let mut headers: Vec<(String, String)> = page.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        headers.push(("Authorization".to_owned(), value));
        headers
    };
    for (value, wanted) in [
        (format!("Bearer {good}"), "challenge"),
        (format!("bearer  {good}"), "challenge"),
        (good.clone(), "/login"),
        (format!("Basic {good}"), "/login"),
        (format!("Bearer {good}, Bearer {good}"), "/login"),
    ] {
        let headers = with(value.clone());
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(sent_to(&gateway, &headers).await, wanted, "{value}");
    }
}

/// I2: while keys cannot be had, nobody is known, and nothing protected goes on; a flood of made-up keys is one question.
#[tokio::test]
async fn i2_keys_that_cannot_be_had_open_nothing() {
    let (one, two) = (Issuer::new("one"), Issuer::new("two"));
    let (keys, upstream) = (Keys::of(&[]), Upstream::start());
    keys.fails();
    let gateway = start(&keys, &upstream, "cookie: session_token");
    let cookie = |issuer: &Issuer| format!("session_token={}", issuer.token(&claims("alice")));
    assert_eq!(sent_to(&gateway, &[("Cookie", &cookie(&one))]).await, "503");
    assert_eq!(sent_to(&gateway, &[]).await, "/login", "without a token nobody needs keys");
    let mut anybody = Client::new(HOST, gateway.port);
    assert_eq!(anybody.get("/public").await.status, 200);

    keys.serve(&[&one]);
    within(Duration::from_secs(20), "the keys to be looked for again", async || {
        sent_to(&gateway, &[("Cookie", &cookie(&one))]).await == "challenge"
    })
    .await;
    let before = keys.server.heard().len();
    for _ in 0..50 {
        assert_eq!(sent_to(&gateway, &[("Cookie", &cookie(&two))]).await, "/login");
    }
    assert!(keys.server.heard().len() <= before + 1);
    // The issuer takes a new key, and the old one is gone.
    keys.serve(&[&two]);
    within(Duration::from_secs(20), "the new key", async || {
        sent_to(&gateway, &[("Cookie", &cookie(&two))]).await == "challenge"
    })
    .await;
    assert_eq!(sent_to(&gateway, &[("Cookie", &cookie(&one))]).await, "/login", "a key that was taken back");
}
