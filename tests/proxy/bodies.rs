//! Bodies that the gateway reads before the upstream gets any of them: to confirm a request, or to keep it for later.
//! They arrive byte for byte, whatever their size and framing (I6, I8).

use std::time::Duration;

use serde_json::{Value, json};

use crate::pki::{Pair, pair, trusting};
use crate::setup::{Config, HOST, Setup, bare, code_for, cookie_line};
use crate::support::recorder::Recorder;
use crate::support::{Answer, Client, NAVIGATION};

/// Around every edge that a buffer has, up to the largest body that is kept.
const SIZES: &[usize] = &[0, 1, 1_000, 16_384, 65_535, 65_536, 65_537, 131_072, 200_000, 1_048_576];

fn body(size: usize) -> Vec<u8> {
    (0..size).map(|at| u8::try_from((at * 31 + size) % 256).unwrap()).collect()
}

/// A gateway that has one area in which every request is confirmed by itself, over plain HTTP or TLS.
struct World {
    setup: Setup,
    client: Client,
}

fn start(tls: bool) -> World {
    let Pair { certificate, key, der } = pair(&[HOST]);
    let upstream = Recorder::start();
    let mut config = Config::to([upstream.address()]);
    config.policies.push("each: {channels: email, max_age: 0s}".to_owned());
    config.routes.push("{path: /each/**, policy: each}".to_owned());
    if tls {
        config.listener = "tls: {certificate: a.pem, key: a.key}".to_owned();
    }
    let gateway = config.start_with(&[("a.pem", &certificate), ("a.key", &key)]);
    let mut client = Client::new(HOST, gateway.port);
    client.always = vec![("x-remote-user".to_owned(), "alice".to_owned())];
    if tls {
        let _ = trusting(&[], &[]);
        client.base = format!("https://{HOST}:{}", gateway.port);
        client.use_http(
            reqwest::Client::builder()
                .tls_certs_only([reqwest::Certificate::from_der(&der).unwrap()])
                .resolve(HOST, ([127, 0, 0, 1], gateway.port).into())
                .redirect(reqwest::redirect::Policy::none())
                .timeout(Duration::from_secs(20))
                .build()
                .unwrap(),
        );
    }
    World { setup: Setup { gateway, upstream }, client }
}

impl World {
    /// Answers the challenge of a problem over JSON.
    async fn prove(&mut self, problem: &Value) {
        let id = problem["challenge"]["id"].clone();
        let choice = json!({"id": id, "channel": "email", "contact": 0});
        assert_eq!(self.client.call("POST", "/.otpgate/api/send", Some(choice)).await.status, 202);
        let code = code_for(&self.setup.gateway, "alice@example.com").await;
        let passed = self.client.call("POST", "/.otpgate/api/verify", Some(json!({"id": id, "code": code}))).await;
        assert_eq!(passed.status, 200, "{passed:?}");
    }

    async fn post(&mut self, path: &str, body: Vec<u8>) -> Answer {
        let headers = [("accept", "application/json"), ("content-type", "application/octet-stream")];
        self.client.send("POST", path, &headers, body).await
    }
}

async fn confirms_every_size(tls: bool) {
    let mut world = start(tls);
    for &size in SIZES {
        let path = format!("/each/{size}?a=1&b=%2f");
        let asked = world.post(&path, body(size)).await;
        assert_eq!(asked.status, 401, "{size}");
        world.prove(&asked.json()).await;
        assert_eq!(world.setup.upstream.heard().len(), 0, "{size}");
        let sent = world.post(&path, body(size)).await;
        assert_eq!((sent.status, sent.body.as_str()), (200, "ok"), "{size}");
        let heard = world.setup.upstream.only();
        assert_eq!((heard.method(), heard.target()), ("POST", path.as_str()));
        assert_eq!(heard.value("content-length"), Some(size.to_string().as_str()));
        assert_eq!(heard.value("content-type"), Some("application/octet-stream"));
        assert_eq!(heard.value("x-otpgate-subject"), Some("alice"));
        assert!(heard.body == body(size), "{size}: {} bytes arrived", heard.body.len());
        // It was spent: the same again is asked for anew.
        assert_eq!(world.post(&path, body(size)).await.status, 401, "{size}");
        assert_eq!(world.setup.upstream.heard().len(), 0, "{size}");
    }
}

#[tokio::test]
async fn a_confirmed_request_arrives_byte_for_byte() {
    confirms_every_size(false).await;
}

#[tokio::test]
async fn a_confirmed_request_arrives_byte_for_byte_over_http2() {
    confirms_every_size(true).await;
}

async fn resumes_every_size(tls: bool) {
    let world = start(tls);
    for &size in SIZES {
        let path = format!("/admin/{size}");
        let origin = world.client.base.clone();
        let mut headers = NAVIGATION.to_vec();
        headers.extend([("content-type", "text/plain"), ("origin", origin.as_str())]);
        let mut browser = world.client.other();
        let parked = browser.send("POST", &path, &headers, body(size)).await;
        assert_eq!(parked.status, 303, "{size}: {}", parked.body);
        let page = browser.follow(parked).await;
        let code = code_for(&world.setup.gateway, "alice@example.com").await;
        let passed = browser.submit(&page, "/.otpgate/verify", &[("code", &code)]).await;
        assert_eq!(passed.location().as_deref(), Some(path.as_str()), "{size}: {}", passed.body);
        assert_eq!(world.setup.upstream.heard().len(), 0, "{size}");
        let resumed = browser.get(&path).await;
        assert_eq!((resumed.status, resumed.body.as_str()), (200, "ok"), "{size}");
        let heard = world.setup.upstream.only();
        assert_eq!((heard.method(), heard.target()), ("POST", path.as_str()));
        assert_eq!(heard.value("content-length"), Some(size.to_string().as_str()));
        assert_eq!(heard.value("content-type"), Some("text/plain"));
        assert!(heard.body == body(size), "{size}: {} bytes arrived", heard.body.len());
    }
}

#[tokio::test]
async fn a_resumed_request_arrives_byte_for_byte() {
    resumes_every_size(false).await;
}

#[tokio::test]
async fn a_resumed_request_arrives_byte_for_byte_over_http2() {
    resumes_every_size(true).await;
}

/// In chunks of this size, each in a packet of its own.
fn chunks(body: &[u8], size: usize) -> Vec<Vec<u8>> {
    let mut out: Vec<_> =
        body.chunks(size).map(|part| [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat()).collect();
    out.push(b"0\r\n\r\n".to_vec());
    out
}

#[tokio::test]
async fn a_confirmed_request_in_chunks_arrives_whole() {
    let mut world = start(false);
    for (size, chunk) in [(0, 1), (11, 1), (5_000, 700), (60_000, 60_000), (60_000, 4_096)] {
        let path = format!("/each/{size}/{chunk}");
        for wanted in [401, 200] {
            let cookie = format!("Cookie: {}", cookie_line(&world.client));
            let mut headers = vec!["X-Remote-User: alice", "Accept: application/json", "Transfer-Encoding: chunked"];
            if !world.client.jar.is_empty() {
                headers.push(&cookie);
            }
            let mut raw = world.setup.connect();
            raw.send(bare("POST", &path, &headers));
            for part in chunks(&body(size), chunk) {
                raw.send(part);
            }
            let reply = raw.reply().unwrap();
            assert_eq!(reply.status, wanted, "{path}: {}", reply.text());
            if wanted == 401 {
                if let Some(line) = reply.header("set-cookie") {
                    let (name, rest) = line.split_once('=').unwrap();
                    world.client.jar.insert(name.to_owned(), rest.split(';').next().unwrap().to_owned());
                }
                world.prove(&reply.json()).await;
            }
        }
        let heard = world.setup.upstream.only();
        assert!(heard.body == body(size), "{path}: {} bytes arrived", heard.body.len());
    }
}

#[tokio::test]
async fn a_confirmed_request_that_expects_a_100_gets_it_from_the_gateway() {
    let mut world = start(false);
    for wanted in [401, 200] {
        let cookie = format!("Cookie: {}", cookie_line(&world.client));
        let mut headers =
            vec!["X-Remote-User: alice", "Accept: application/json", "Content-Length: 5", "Expect: 100-continue"];
        if !world.client.jar.is_empty() {
            headers.push(&cookie);
        }
        let mut raw = world.setup.connect();
        raw.send(bare("POST", "/each/a", &headers));
        let interim = raw.until("\r\n\r\n");
        assert!(interim.starts_with("HTTP/1.1 100"), "{interim}");
        assert_eq!(world.setup.upstream.bytes(), 0);
        raw.send("hello");
        let reply = raw.reply().unwrap();
        assert_eq!(reply.status, wanted, "{}", reply.text());
        if let Some(line) = reply.header("set-cookie") {
            let (name, rest) = line.split_once('=').unwrap();
            world.client.jar.insert(name.to_owned(), rest.split(';').next().unwrap().to_owned());
        }
        if wanted == 401 {
            world.prove(&reply.json()).await;
        }
    }
    let heard = world.setup.upstream.only();
    assert!(heard.body == b"hello" && !heard.has("expect"), "{heard:?}");
}

#[tokio::test]
async fn what_is_too_large_to_be_read_is_said_so_and_goes_nowhere() {
    let mut world = start(false);
    for size in [1_048_577, 3_000_000] {
        let answer = world.post("/each/large", body(size)).await;
        assert_eq!(answer.status, 413, "{size}: {answer:?}");
    }
    assert_eq!(world.setup.upstream.bytes(), 0);
}
