//! W: WebSockets, and what gets a plain 401 instead of a page.

use std::net::TcpStream;
use std::time::Duration;

use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, HandshakeError, Message, WebSocket, client};

use crate::setup::{HOST, Setup, bare, request};
use crate::support::recorder::{Recorder, Then};

/// An upstream that takes every WebSocket and echoes its messages.
fn echo() -> Recorder {
    Recorder::answering(|exchange| {
        let Some(key) = exchange.heard.value("sec-websocket-key").map(str::to_owned) else {
            return exchange.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        };
        exchange.write(format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
            derive_accept_key(key.as_bytes())
        ));
        let (stream, early) = exchange.stream();
        let mut socket = WebSocket::from_partially_read(stream, early, Role::Server, None);
        while let Ok(message) = socket.read() {
            if message.is_close() {
                break;
            }
            if message.is_text() || message.is_binary() {
                socket.send(message).unwrap();
            }
        }
        let _ = socket.flush();
        Then::Close
    })
}

fn open(setup: &Setup, path: &str, cookie: Option<&str>) -> Result<WebSocket<TcpStream>, u16> {
    let stream = TcpStream::connect(("127.0.0.1", setup.gateway.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut request = Request::builder()
        .uri(format!("ws://{HOST}{path}"))
        .header("Host", HOST)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Origin", format!("http://{HOST}"))
        .header("X-Remote-User", "alice");
    if let Some(cookie) = cookie {
        request = request.header("Cookie", cookie);
    }
    match client(request.body(()).unwrap(), stream) {
        Ok((socket, _)) => Ok(socket),
        Err(HandshakeError::Failure(Error::Http(answer))) => Err(answer.status().as_u16()),
        Err(other) => panic!("{other:?}"),
    }
}

fn talk(mut socket: WebSocket<TcpStream>) {
    let large = "x".repeat(200_000);
    for text in ["hello", "", large.as_str()] {
        socket.send(Message::text(text)).unwrap();
        assert_eq!(socket.read().unwrap(), Message::text(text));
    }
    socket.send(Message::binary(vec![0, 255, 10, 13])).unwrap();
    assert_eq!(socket.read().unwrap(), Message::binary(vec![0, 255, 10, 13]));
    socket.close(None).unwrap();
    while let Ok(message) = socket.read() {
        assert!(message.is_close(), "{message:?}");
    }
}

#[tokio::test]
async fn w01_a_websocket_opens_on_a_bypass_and_with_a_grant_and_not_without() {
    let setup = Setup::before(echo(), |_| ());
    assert_eq!(open(&setup, "/admin/live", None).err(), Some(401));
    assert_eq!(setup.upstream.bytes(), 0);
    talk(open(&setup, "/public/live", None).unwrap());
    let cookie = setup.grant("alice", "/admin").await;
    setup.upstream.forget();
    talk(open(&setup, "/admin/live", Some(&cookie)).unwrap());
    let heard = setup.upstream.only();
    assert_eq!(heard.value("x-otpgate-subject"), Some("alice"));
    assert!(!heard.has("cookie"), "{}", heard.head);
    assert!(heard.value("upgrade").unwrap().eq_ignore_ascii_case("websocket"));
    assert_eq!(heard.value("origin"), Some("http://app.test"));
}

#[test]
fn w01_the_upstream_speaks_first_and_the_socket_may_be_silent() {
    let greeting = Recorder::answering(|exchange| {
        let key = exchange.heard.value("sec-websocket-key").unwrap().to_owned();
        let (stream, early) = exchange.stream();
        exchange.write(format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
            derive_accept_key(key.as_bytes())
        ));
        let mut socket = WebSocket::from_partially_read(stream, early, Role::Server, None);
        socket.send(Message::text("welcome")).unwrap();
        // Longer than the upstream's `read_timeout`.
        std::thread::sleep(Duration::from_millis(1_500));
        socket.send(Message::text("still here")).unwrap();
        let _ = socket.read();
        Then::Close
    });
    let setup = Setup::before(greeting, |config| config.upstream = "read_timeout: 1s".to_owned());
    let mut socket = open(&setup, "/public/live", None).unwrap();
    assert_eq!(socket.read().unwrap(), Message::text("welcome"));
    assert_eq!(socket.read().unwrap(), Message::text("still here"));
    socket.close(None).unwrap();
}

/// A server on the same machine may have switched and spoken before the gateway's other half is back on its feet.
#[test]
fn w01_no_socket_is_cut_whose_server_is_quick() {
    let quick = Recorder::answering(|exchange| {
        let key = exchange.heard.value("sec-websocket-key").unwrap().to_owned();
        let (stream, early) = exchange.stream();
        exchange.write(format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: \
             {}\r\n\r\n",
            derive_accept_key(key.as_bytes())
        ));
        let mut socket = WebSocket::from_partially_read(stream, early, Role::Server, None);
        socket.send(Message::text("welcome")).unwrap();
        let Ok(heard) = socket.read() else { return Then::Close };
        socket.send(heard).unwrap();
        let _ = socket.read();
        Then::Close
    });
    let setup = Setup::before(quick, |_| ());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let mut socket = open(&setup, "/public/live", None).unwrap();
                    assert_eq!(socket.read().unwrap(), Message::text("welcome"));
                    socket.send(Message::text("hello")).unwrap();
                    assert_eq!(socket.read().unwrap(), Message::text("hello"));
                    socket.close(None).unwrap();
                }
            });
        }
    });
}

#[test]
fn an_upstream_may_decline_an_upgrade() {
    let setup = Setup::before(Recorder::saying("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"), |_| ());
    assert_eq!(open(&setup, "/public/live", None).err(), Some(403));
}

const UPGRADE: &[&str] = &[
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

#[test]
fn w01_an_upgrade_on_a_protected_path_is_a_plain_401() {
    let setup = Setup::start();
    let mut headers =
        vec!["X-Remote-User: alice", "Accept: text/html", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"];
    headers.extend(UPGRADE);
    for path in ["/admin", "/ADMIN/live", "/public/../admin/live"] {
        let reply = setup.ask(bare("GET", path, &headers)).unwrap();
        assert_eq!((reply.status, reply.all("set-cookie").len()), (401, 0), "{reply:?}");
    }
    assert_eq!(setup.upstream.bytes(), 0);
}

#[test]
fn s04_bytes_after_an_upgrade_that_is_not_yet_taken_are_no_second_request() {
    let smuggled = request("GET", "/admin/smuggled", &[]);
    // The upstream answers an upgrade as if it were any request, and stays open for more.
    let setup = Setup::start();
    for path in ["/public/live", "/admin/live"] {
        let mut raw = setup.connect();
        raw.send(bare("GET", path, UPGRADE) + &smuggled);
        let _ = raw.reply();
        let _ = raw.reply();
        for heard in setup.upstream.heard() {
            assert_eq!(heard.target(), "/public/live", "{}", heard.head);
        }
    }
    assert!(setup.upstream.heard().len() <= 1);
}

#[test]
fn w05_a_client_that_can_read_json_is_told_how_to_prove_itself() {
    let setup = Setup::start();
    for headers in [
        &["Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty", "Accept: */*"][..],
        &["Accept: application/json"],
        &["X-Requested-With: XMLHttpRequest", "Accept: text/html"],
        &["Authorization: Bearer abc", "Accept: text/html"],
        &["Accept: */*"],
        &[],
    ] {
        let mut all = vec!["X-Remote-User: alice", "Connection: close"];
        all.extend(headers);
        let reply = setup.ask(bare("GET", "/admin", &all)).unwrap();
        assert_eq!(reply.status, 401, "{headers:?}");
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{headers:?}");
        let asked = reply.header("www-authenticate").unwrap();
        assert!(asked.contains("insufficient_user_authentication") && asked.contains("max_age"), "{asked}");
        let problem = reply.json();
        assert_eq!(problem["type"], "urn:otpgate:step-up-required");
        assert_eq!(problem["status"], 401);
        assert!(problem["reference"].is_string() && problem["title"].is_string(), "{problem}");
        let challenge = &problem["challenge"];
        assert_eq!(challenge["send"], "/.otpgate/api/send");
        assert_eq!(challenge["verify"], "/.otpgate/api/verify");
        assert!(challenge["page"].as_str().unwrap().starts_with("/.otpgate/challenge?id="), "{challenge}");
        assert_eq!(challenge["channels"][0]["channel"], "email");
        assert_eq!(challenge["sent"], false);
        let to = challenge["channels"][0]["to"].as_str().unwrap();
        assert!(to.contains('*') && !to.contains("alice"), "{to}");
    }
    assert_eq!(setup.upstream.bytes(), 0);
}

#[test]
fn w05_a_hundred_background_requests_set_one_cookie() {
    let setup = Setup::start();
    let first = setup.get("/admin");
    let cookie = format!("Cookie: {}", first.header("set-cookie").unwrap().split(';').next().unwrap());
    for number in 0..100 {
        let reply = setup.ask(request("GET", &format!("/admin/{number}"), &[&cookie])).unwrap();
        assert_eq!((reply.status, reply.all("set-cookie").len()), (401, 0), "{reply:?}");
    }
}

#[test]
fn w08_what_shows_no_page_gets_a_plain_401() {
    let setup = Setup::start();
    for (mode, dest) in [
        ("no-cors", "image"),
        ("no-cors", "script"),
        ("no-cors", "style"),
        ("navigate", "iframe"),
        ("navigate", "frame"),
        ("navigate", "embed"),
        ("navigate", "object"),
        ("cors", "font"),
        ("no-cors", "video"),
        ("no-cors", "serviceworker"),
    ] {
        let (mode, dest) = (format!("Sec-Fetch-Mode: {mode}"), format!("Sec-Fetch-Dest: {dest}"));
        let headers = ["X-Remote-User: alice", "Accept: text/html,*/*", &mode, &dest, "Connection: close"];
        let reply = setup.ask(bare("GET", "/admin/picture", &headers)).unwrap();
        assert_eq!(
            (reply.status, reply.all("set-cookie").len(), reply.all("location").len()),
            (401, 0, 0),
            "{dest}: {reply:?}"
        );
        assert!(!reply.text().contains("<form"), "{dest}: {}", reply.text());
    }
    assert_eq!(setup.upstream.bytes(), 0);
}
