//! H22: what the application is told is signed, for this site and for a minute, and the README's own verifier tells.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::setup::{Config, HOST, Setup, bare, request};
use crate::support::Gateway;
use crate::support::process::wait_for;
use crate::support::raw;
use crate::support::recorder::Recorder;

/// The README's verifier, which is given the token's audience, the address of the keys, and the token.
fn verify(audience: &str, keys: &str, token: &str) -> Result<Value, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let program = readme.split("```python\n").skip(1).find_map(|block| {
        let block = block.split("\n```").next()?;
        block.contains("X-Otpgate-Assertion").then(|| block.to_owned())
    });
    let program = program.expect("the README shows how an assertion is verified");
    let program =
        program.replace("https://shop.example.com/.otpgate/jwks.json", keys).replace("shop.example.com", audience);
    let program =
        format!("{program}\nimport json, sys\nprint(json.dumps(proved({{'X-Otpgate-Assertion': sys.argv[1]}})))\n");
    let output = Command::new(root.join("target/venv/bin/python"))
        .args(["-c", &program, token])
        .output()
        .expect("`make test` makes target/venv");
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned())
    }
}

/// A file server for the keys, since the verifier fetches them by the gateway's address and not by its host.
fn keys_at(setup: &Setup) -> (Recorder, String) {
    let reply = setup.ask(bare("GET", "/.otpgate/jwks.json", &[])).unwrap();
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/jwk-set+json")), "{reply:?}");
    assert!(!reply.body.windows(3).any(|part| part == b"\"d\""), "a private key");
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", reply.body.len());
    let server = Recorder::saying(&(head + std::str::from_utf8(&reply.body).unwrap()));
    let address = format!("http://{}/keys", server.address());
    (server, address)
}

#[tokio::test]
async fn h22_an_assertion_tells_what_was_proved_to_its_own_application() {
    let setup = Setup::start();
    let cookie = setup.grant("alice", "/admin").await;
    setup.upstream.forget();
    let forged = "X-Otpgate-Assertion: eyJhbGciOiJub25lIn0.e30.";
    let headers = [format!("Cookie: {cookie}"), forged.to_owned()];
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    assert_eq!(setup.ask(request("GET", "/admin/x", &headers)).unwrap().status, 200);
    let heard = setup.upstream.only();
    let token = heard.value("x-otpgate-assertion").expect("an assertion").to_owned();
    assert_eq!(heard.head.to_ascii_lowercase().matches("x-otpgate-assertion").count(), 1, "{}", heard.head);

    let (_server, keys) = keys_at(&setup);
    let claims = verify(HOST, &keys, &token).unwrap();
    assert_eq!(claims["sub"], "alice");
    assert_eq!(claims["amr"], serde_json::json!(["otp"]));
    assert_eq!(claims["channel"], "email");
    let (issued, expires) = (claims["iat"].as_u64().unwrap(), claims["exp"].as_u64().unwrap());
    assert!(expires - issued <= 60, "{claims}");
    assert!(claims["auth_time"].as_u64().unwrap() <= issued);

    // Replayed to another application, and touched.
    let error = verify("wiki.test", &keys, &token).unwrap_err();
    assert!(error.contains("InvalidAudienceError"), "{error}");
    let mut parts: Vec<&str> = token.split('.').collect();
    let bob = parts[1].replace('a', "b");
    parts[1] = &bob;
    assert!(verify(HOST, &keys, &parts.join(".")).is_err());
    let error = verify(HOST, &keys, "eyJhbGciOiJub25lIn0.e30.").unwrap_err();
    assert!(error.contains("Error"), "{error}");
}

#[tokio::test]
async fn i5_where_nothing_was_proved_there_is_no_assertion() {
    let setup = Setup::start();
    let forged = ["X-Otpgate-Assertion: eyJhbGciOiJub25lIn0.e30.", "X_Otpgate_Assertion: x"];
    assert_eq!(setup.ask(request("GET", "/public/x", &forged)).unwrap().status, 200);
    let heard = setup.upstream.only();
    assert!(!heard.head.to_ascii_lowercase().replace('_', "-").contains("x-otpgate-assertion"), "{}", heard.head);
}

/// Gateways that share a secret share the key, and a secret that is put in front of it does not make it unknown.
#[test]
fn a_rotation_keeps_the_old_key() {
    let keys = |gateway: &Gateway| -> Vec<Value> {
        let reply = raw::ask(gateway.port, bare("GET", "/.otpgate/jwks.json", &[])).unwrap();
        serde_json::from_slice::<Value>(&reply.body).unwrap()["keys"].as_array().unwrap().clone()
    };
    let upstream = Recorder::start();
    let config = Config::to([upstream.address()]);
    let (one, two) = (config.start(), config.start());
    assert_eq!(keys(&one), keys(&two));
    let before = keys(&one);
    let newer = "secrets: [\"Zm9ydHktZWlnaHQgYnl0ZXMgb2YgYSBuZXdlciBzZWNyZXQgLi4uIQ==\", \"{secret}\"]";
    one.reload(&config.text().replace("secrets: [\"{secret}\"]", newer));
    wait_for("the new key", std::time::Duration::from_secs(10), || keys(&one).len() == 2);
    assert_eq!(keys(&one)[1], before[0]);
}
