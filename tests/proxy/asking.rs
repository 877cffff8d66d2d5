//! The application is asked who its visitor is over the same TLS, and at the same servers, as it gets their requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::pki::pair;
use crate::setup::{HOST, PEOPLE};
use crate::support::raw::{self, Reply};
use crate::support::recorder::Recorder;
use crate::support::{Gateway, free_port};
use crate::tls::tls_upstream;

/// A site whose application names its visitors, with these lines of `upstream`.
fn gateway(upstream: &str) -> Gateway {
    let config = format!(
        "listeners: {{address: '127.0.0.1:{{port}}'}}
store: memory
secrets: '{{secret}}'
sites:
  - hosts: {HOST}
    upstream: {{{upstream}}}
    identity: {{whoami: {{path: /api/me, pointer: /user, session_cookie: sid}}}}
    directory: {{file: people.yaml}}
    routes: [{{path: /account, policy: otp}}]
    default_policy: bypass
delivery: {{providers: {{dev: {{type: outbox}}}}, email: {{providers: dev}}}}
admin: {{address: '127.0.0.1:{{admin}}'}}
"
    );
    Gateway::start(&config, &[("people.yaml", PEOPLE)])
}

fn ask(gateway: &Gateway, session: &str) -> Reply {
    let request = format!(
        "GET /account HTTP/1.1\r\nHost: {HOST}\r\nCookie: sid={session}\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
    );
    raw::ask(gateway.port, request).unwrap()
}

fn is_alices(reply: &Reply) -> bool {
    reply.status == 401 && reply.json()["challenge"]["channels"][0]["to"] == "a***@e***.com"
}

fn names_alice() -> String {
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"user\": \"alice\"}".to_owned()
}

/// I2: nobody is believed whose certificate is not the application's, and no session is shown to them.
#[test]
fn i2_the_application_is_asked_over_tls_and_only_itself() {
    let heard = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&heard);
    let port = tls_upstream(&pair(&["up.test"]), move |head, name| {
        assert!(head.contains("GET /api/me") && name == "up.test", "{name}: {head}");
        counted.fetch_add(1, Ordering::SeqCst);
        names_alice()
    });
    let server = format!("servers: '127.0.0.1:{port}', tls: true, sni: up.test");
    let reply = ask(&gateway(&server), "s1");
    assert_eq!((reply.status, heard.load(Ordering::SeqCst)), (503, 0), "{reply:?}");
    let reply = ask(&gateway(&format!("{server}, verify: false")), "s1");
    assert!(is_alices(&reply), "{reply:?}");
    assert_eq!(heard.load(Ordering::SeqCst), 1);
    // An application that speaks no TLS where it should is none.
    let plain = Recorder::saying(&names_alice());
    let reply = ask(&gateway(&format!("servers: '{}', tls: true, sni: up.test, verify: false", plain.address())), "s1");
    assert_eq!((reply.status, plain.heard().len()), (503, 0), "{reply:?}");
}

/// A server that is away is no reason to send a visitor away: the next one is asked.
#[test]
fn with_one_server_dead_everybody_is_still_known() {
    let live = Recorder::saying(&names_alice());
    let gateway = gateway(&format!("servers: ['127.0.0.1:{}', '{}']", free_port(), live.address()));
    for number in 0..10 {
        let reply = ask(&gateway, &format!("s{number}"));
        assert!(is_alices(&reply), "{number}: {reply:?}");
    }
    assert_eq!(live.heard().len(), 10);
}
