//! Bodies of every framing, both ways, as they come.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use crate::setup::{Setup, bare, memory, request};
use crate::support::recorder::{Exchange, Recorder, Then};

const SECONDS: Duration = Duration::from_secs(10);

/// A hand that a script waits for.
fn hand() -> (Sender<()>, Mutex<Receiver<()>>) {
    let (give, take) = channel();
    (give, Mutex::new(take))
}

fn wait(hand: &Mutex<Receiver<()>>) {
    hand.lock().unwrap().recv_timeout(SECONDS).unwrap();
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// Downloads two events of which the second is sent only when the first was seen.
fn follows_events(path: &str, cookie: Option<&str>, setup_with: impl FnOnce(Recorder) -> Setup) {
    let (seen, told) = hand();
    let setup = setup_with(Recorder::answering(move |exchange| {
        exchange.write(CHUNKED);
        exchange.write(chunk("data: one\n\n"));
        wait(&told);
        exchange.write(chunk("data: two\n\n"));
        exchange.write("0\r\n\r\n");
        Then::KeepOpen
    }));
    let cookie = cookie.map(|cookie| format!("Cookie: {cookie}"));
    let mut headers = vec!["X-Remote-User: alice", "Accept: text/event-stream"];
    headers.extend(cookie.as_deref());
    let mut raw = setup.connect();
    raw.send(bare("GET", path, &headers));
    let head = raw.until("\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.to_ascii_lowercase().contains("content-type: text/event-stream"), "{head}");
    raw.until("data: one\n\n");
    seen.send(()).unwrap();
    raw.until("data: two\n\n");
    raw.until("0\r\n\r\n");
}

#[test]
fn server_sent_events_arrive_one_by_one_on_a_bypass() {
    follows_events("/public/events", None, |upstream| Setup::before(upstream, |_| ()));
}

#[tokio::test]
async fn server_sent_events_arrive_one_by_one_with_a_grant() {
    // A grant needs a secret and no upstream: one gateway gives it, another one with the same secret takes it.
    let cookie = Setup::start().grant("alice", "/admin").await;
    follows_events("/admin/events", Some(&cookie), |upstream| Setup::before(upstream, |_| ()));
}

#[test]
fn i1_events_of_a_protected_route_need_a_grant() {
    let setup = Setup::start();
    assert_eq!(setup.stays_out(request("GET", "/admin/events", &["Accept: text/event-stream"])), 401);
}

/// Uploads two parts of which the second is sent only when the upstream has the first.
fn uploads_by_parts(framing: &str, parts: [&str; 2], end: &str) {
    let (got, told) = channel();
    let got = Mutex::new(got);
    let setup = Setup::before(
        Recorder::answering(move |exchange: &mut Exchange<'_>| {
            let first = exchange.part().unwrap();
            assert_eq!(first, b"first");
            got.lock().unwrap().send(()).unwrap();
            exchange.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }),
        |_| (),
    );
    let mut raw = setup.connect();
    raw.send(bare("POST", "/public/upload", &[framing]));
    raw.send(parts[0]);
    told.recv_timeout(SECONDS).unwrap();
    raw.send(parts[1]);
    raw.send(end);
    assert_eq!(raw.reply().unwrap().status, 200);
    assert_eq!(setup.upstream.only().body, b"second");
}

#[test]
fn an_upload_arrives_as_it_is_sent() {
    uploads_by_parts("Content-Length: 11", ["first", "second"], "");
    uploads_by_parts("Transfer-Encoding: chunked", ["5\r\nfirst\r\n", "6\r\nsecond\r\n"], "0\r\n\r\n");
}

const LARGE: usize = 50 * 1024 * 1024;
/// What a large body may cost the gateway, in kilobytes.
const SMALL: usize = 20 * 1024;

fn block(number: usize) -> Vec<u8> {
    (0..64 * 1024).map(|at| u8::try_from((at * 7 + number) % 251).unwrap()).collect()
}

fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().map(|&byte| u64::from(byte)).sum()
}

#[tokio::test]
async fn fifty_megabytes_go_either_way_in_little_memory() {
    let up = Recorder::answering(|exchange| {
        if exchange.heard.method() == "POST" {
            let (length, sum) = exchange.drain();
            let body = format!("{length} {sum}");
            return exchange.answer(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        }
        exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n"));
        for number in 0..LARGE / (64 * 1024) {
            exchange.write(block(number));
        }
        Then::KeepOpen
    });
    let setup = Setup::before(up, |_| ());
    let cookie = format!("Cookie: {}", setup.grant("alice", "/admin").await);
    let pid = setup.gateway.pid();
    let before = memory(pid, "VmHWM");
    let expected: u64 = (0..LARGE / (64 * 1024)).map(|number| sum(&block(number))).sum();
    for path in ["/public/large", "/admin/large"] {
        let length = format!("Content-Length: {LARGE}");
        let mut raw = setup.connect();
        raw.send(request("POST", path, &[&cookie, &length]));
        for number in 0..LARGE / (64 * 1024) {
            raw.try_send(block(number)).unwrap();
        }
        assert_eq!(raw.reply().unwrap().text(), format!("{LARGE} {expected}"), "{path}");

        let mut raw = setup.connect();
        raw.send(request("GET", path, &[&cookie]));
        let head = raw.until("\r\n\r\n");
        assert!(head.to_ascii_lowercase().contains(&format!("content-length: {LARGE}")), "{head}");
        let (mut length, mut total) = (0, 0);
        while length < LARGE {
            let some = raw.some();
            assert!(!some.is_empty(), "ended after {length} bytes");
            length += some.len();
            total += sum(&some);
        }
        assert_eq!((length, total), (LARGE, expected), "{path}");
    }
    let grown = memory(pid, "VmHWM") - before;
    assert!(grown < SMALL, "{before} kB grew by {grown} kB");
}

#[test]
fn a_slow_reader_holds_the_upstream_back() {
    // The gateway may not take in at full speed what its client does not take out.
    let (sent, told) = channel();
    let sent = Mutex::new(sent);
    let up = Recorder::answering(move |exchange| {
        exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n"));
        for number in 0..LARGE / (64 * 1024) {
            if exchange.try_write(block(number)).is_err() {
                break;
            }
            let _ = sent.lock().unwrap().send(number);
        }
        Then::Close
    });
    let setup = Setup::before(up, |_| ());
    let before = memory(setup.gateway.pid(), "VmHWM");
    let mut raw = setup.connect();
    raw.send(request("GET", "/public/large", &[]));
    raw.until("\r\n\r\n");
    // Until nothing goes on for a while: the socket buffers are full.
    while told.recv_timeout(Duration::from_millis(300)).is_ok() {}
    let grown = memory(setup.gateway.pid(), "VmHWM") - before;
    assert!(grown < SMALL, "{before} kB grew by {grown} kB");
}

#[test]
fn answers_of_every_framing_arrive_whole() {
    let setup = Setup::before(
        Recorder::answering(|exchange| {
            let answer = match exchange.heard.target() {
                "/public/length" => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"a\"\r\n\r\nhello",
                "/public/empty" => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                "/public/chunked" => {
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
                }
                "/public/204" => "HTTP/1.1 204 No Content\r\nX-Kept: yes\r\n\r\n",
                "/public/304" => "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 5\r\n\r\n",
                "/public/500" => "HTTP/1.1 500 Oh No\r\nContent-Length: 4\r\n\r\noops",
                "/public/302" => "HTTP/1.1 302 Found\r\nLocation: /public/there?a=b#c\r\nContent-Length: 0\r\n\r\n",
                "/public/206" => {
                    "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/5\r\nContent-Length: 2\r\n\r\nhe"
                }
                "/public/hints" => {
                    "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
                }
                "/public/close" => {
                    exchange.write("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello");
                    return Then::Close;
                }
                "/public/old" => {
                    exchange.write("HTTP/1.0 200 OK\r\n\r\nhello");
                    return Then::Close;
                }
                other => panic!("{other}"),
            };
            exchange.answer(answer)
        }),
        |_| (),
    );
    for (path, status, body) in [
        ("/public/length", 200, "hello"),
        ("/public/empty", 200, ""),
        ("/public/chunked", 200, "hello"),
        ("/public/close", 200, "hello"),
        ("/public/old", 200, "hello"),
        ("/public/204", 204, ""),
        ("/public/304", 304, ""),
        ("/public/500", 500, "oops"),
        ("/public/302", 302, ""),
        ("/public/206", 206, "he"),
        ("/public/hints", 200, "hello"),
    ] {
        // On a connection that stays open, so that the end of each answer is told by its framing.
        let mut raw = setup.connect();
        raw.send(bare("GET", path, &[]));
        let reply = raw.reply().unwrap();
        assert_eq!((reply.status, reply.text().as_str(), reply.complete), (status, body, true), "{path}: {reply:?}");
        match path {
            "/public/204" => assert_eq!(reply.header("x-kept"), Some("yes")),
            "/public/304" => assert_eq!(reply.header("etag"), Some("\"a\"")),
            "/public/302" => assert_eq!(reply.header("location"), Some("/public/there?a=b#c")),
            "/public/206" => assert_eq!(reply.header("content-range"), Some("bytes 0-1/5")),
            _ => {}
        }
    }
}

#[test]
fn head_gets_the_head_of_get() {
    let setup =
        Setup::before(Recorder::saying("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nETag: \"a\"\r\n\r\n"), |_| ());
    let mut raw = setup.connect();
    for _ in 0..2 {
        raw.send(bare("HEAD", "/public/a", &[]));
        let reply = raw.reply_to("HEAD").unwrap();
        assert_eq!(
            (reply.status, reply.header("content-length"), reply.header("etag")),
            (200, Some("1234"), Some("\"a\""))
        );
    }
    assert!(setup.upstream.heard().iter().all(|heard| heard.method() == "HEAD"));
}

#[test]
fn chunks_with_trailers_go_through() {
    let answer =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n";
    let setup = Setup::before(Recorder::saying(answer), |_| ());
    let mut raw = setup.connect();
    let chunked = ["Transfer-Encoding: chunked", "TE: trailers"];
    raw.send(bare("POST", "/public/a", &chunked) + "3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Up: 1\r\n\r\n");
    let reply = raw.reply().unwrap();
    assert_eq!((reply.status, reply.text().as_str(), reply.complete), (200, "hello", true));
    assert_eq!(setup.upstream.heard()[0].body, b"abcde");
    // The connection is in step: the next request on it is answered.
    raw.send(bare("GET", "/public/b", &[]));
    assert_eq!(raw.reply().map(|reply| reply.text()), Some("hello".to_owned()));
}

#[test]
fn expect_100_continue_is_answered_before_the_body_comes() {
    // As any server of HTTP/1.1 must, the upstream says that it waits.
    let setup = Setup::before(
        Recorder::answering(|exchange| {
            if exchange.heard.has("expect") {
                exchange.write("HTTP/1.1 100 Continue\r\n\r\n");
            }
            exchange.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }),
        |_| (),
    );
    let mut raw = setup.connect();
    raw.send(bare("POST", "/public/a", &["Content-Length: 5", "Expect: 100-continue"]));
    let interim = raw.until("\r\n\r\n");
    assert!(interim.starts_with("HTTP/1.1 100"), "{interim}");
    raw.send("hello");
    assert_eq!(raw.reply().unwrap().status, 200);
    assert_eq!(setup.upstream.only().body, b"hello");
}

#[test]
fn s12_expect_100_continue_on_a_protected_route_gets_the_verdict_instead() {
    let setup = Setup::start();
    let mut raw = setup.connect();
    raw.send(bare(
        "POST",
        "/admin",
        &["Content-Length: 5", "Expect: 100-continue", "Accept: application/json", "X-Remote-User: alice"],
    ));
    let reply = raw.reply().unwrap();
    assert_eq!((reply.status, reply.interim.len()), (401, 0), "{reply:?}");
    assert_eq!(setup.upstream.bytes(), 0);
}

#[test]
fn an_answer_that_breaks_off_is_not_passed_off_as_whole() {
    for (what, answer) in [
        ("length", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
        ("chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
        ("in a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\nhalf"),
    ] {
        let setup = Setup::before(
            Recorder::answering(move |exchange| {
                exchange.write(answer);
                Then::Close
            }),
            |_| (),
        );
        let mut raw = setup.connect();
        raw.send(bare("GET", "/public/a", &[]));
        let reply = raw.reply().unwrap();
        assert!(!reply.complete, "{what}: {reply:?}");
    }
}

#[test]
fn a_client_that_goes_away_in_the_middle_of_an_upload_leaves_no_whole_request_behind() {
    let (ended, told) = channel();
    let ended = Mutex::new(ended);
    let setup = Setup::before(
        Recorder::answering(move |exchange| {
            let mut body = Vec::new();
            while let Some(part) = exchange.part() {
                body.extend(part);
            }
            ended.lock().unwrap().send(body).unwrap();
            Then::Close
        }),
        |_| (),
    );
    let mut raw = setup.connect();
    raw.send(bare("POST", "/public/a", &["Content-Length: 100"]) + "half");
    std::thread::sleep(Duration::from_millis(50));
    drop(raw);
    let got = told.recv_timeout(SECONDS).unwrap();
    assert!(b"half".starts_with(&got[..]), "{got:?}");
}

#[test]
fn requests_without_a_body_get_none() {
    let setup = Setup::start();
    for method in ["GET", "DELETE", "OPTIONS"] {
        assert_eq!(setup.ask(bare(method, "/public/a", &["Connection: close"])).unwrap().status, 200);
        let heard = setup.upstream.only();
        assert!(heard.body.is_empty() && !heard.has("transfer-encoding"), "{}", heard.head);
    }
    assert_eq!(setup.ask(bare("POST", "/public/a", &["Content-Length: 0", "Connection: close"])).unwrap().status, 200);
    assert_eq!(setup.upstream.only().value("content-length"), Some("0"));
    // A body of GET and DELETE is unusual and allowed.
    for method in ["GET", "DELETE"] {
        let ask = bare(method, "/public/a", &["Content-Length: 2", "Connection: close"]) + "hi";
        assert_eq!(setup.ask(ask).unwrap().status, 200);
        assert_eq!(setup.upstream.only().body, b"hi");
    }
}
