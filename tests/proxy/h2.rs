//! HTTP/2 frames by hand, for what no well-behaved client would send, and the cases that need them (S07, S08).

use std::sync::Arc;

use rustls::ClientConfig;

use crate::pki::{Pair, pair, trusting};
use crate::setup::{Config, HOST, PEOPLE};
use crate::support::Gateway;
use crate::support::raw::Raw;
use crate::support::recorder::Recorder;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// An HTTP/2 connection.
struct H2 {
    raw: Raw,
}

/// What became of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It was answered.
    Status(u16),
    /// It, or the whole connection, was ended with an error.
    Broken,
}

impl H2 {
    fn connect(port: u16, config: &Arc<ClientConfig>) -> Self {
        let raw = Raw::connect(port).tls(HOST, config).unwrap();
        assert_eq!(raw.protocol().as_deref(), Some("h2"));
        let mut h2 = Self { raw };
        h2.raw.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        h2.frame(SETTINGS, 0, 0, &[]);
        h2
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut bytes = vec![length[1], length[2], length[3], kind, flags];
        bytes.extend(stream.to_be_bytes());
        bytes.extend(payload);
        self.raw.send(bytes);
    }

    fn headers(&mut self, stream: u32, fields: &[(&str, &str)], ends: bool) {
        let mut block = Vec::new();
        for (name, value) in fields {
            block.push(0);
            for text in [name, value] {
                literal(&mut block, text.as_bytes());
            }
        }
        let flags = END_HEADERS | if ends { END_STREAM } else { 0 };
        self.frame(HEADERS, flags, stream, &block);
    }

    fn read(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        let head = self.raw.exactly(9)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
        Some((head[3], head[4], stream, self.raw.exactly(length)?))
    }

    /// Reads until it is known what became of `stream`.
    fn outcome(&mut self, stream: u32) -> Outcome {
        loop {
            match self.read() {
                None | Some((GOAWAY, ..)) => return Outcome::Broken,
                Some((RST_STREAM, _, ended, _)) if ended == stream => return Outcome::Broken,
                Some((HEADERS, _, answered, block)) if answered == stream => {
                    let status = status(&block);
                    if status >= 200 {
                        return Outcome::Status(status);
                    }
                }
                Some((SETTINGS, flags, ..)) if flags & ACK == 0 => self.frame(SETTINGS, ACK, 0, &[]),
                Some((PING, flags, _, payload)) if flags & ACK == 0 => self.frame(PING, ACK, 0, &payload),
                Some(_) => {}
            }
        }
    }
}

/// A string literal of HPACK without Huffman coding (RFC 7541, section 5.2).
fn literal(block: &mut Vec<u8>, text: &[u8]) {
    if text.len() < 127 {
        block.push(u8::try_from(text.len()).unwrap());
    } else {
        block.push(127);
        let mut rest = text.len() - 127;
        while rest >= 128 {
            block.push(u8::try_from(rest % 128).unwrap() | 128);
            rest /= 128;
        }
        block.push(u8::try_from(rest).unwrap());
    }
    block.extend(text);
}

/// The status, which is the first field of an answer: one of the static table, or a literal of three digits.
fn status(block: &[u8]) -> u16 {
    // A change of the table's size may stand before it.
    let start = block.iter().position(|byte| byte & 0xe0 != 0x20).unwrap();
    match block[start..] {
        [indexed @ 0x88..=0x8e, ..] => [200, 204, 206, 304, 400, 404, 500][usize::from(indexed - 0x88)],
        [0x48 | 0x08 | 0x18, 0x03, ref digits @ ..] => std::str::from_utf8(&digits[..3]).unwrap().parse().unwrap(),
        [0x48 | 0x08 | 0x18, length, ref coded @ ..] if length & 0x80 != 0 => {
            digits(&coded[..usize::from(length & 0x7f)])
        }
        ref other => panic!("no status: {other:x?}"),
    }
}

/// Three digits in Huffman coding (RFC 7541, appendix B): 0 to 2 have five bits, the others six.
fn digits(coded: &[u8]) -> u16 {
    let bits: Vec<u16> = coded.iter().flat_map(|byte| (0..8).rev().map(move |at| u16::from(byte >> at & 1))).collect();
    let (mut at, mut number) = (0, 0);
    for _ in 0..3 {
        let value = |count: usize| bits[at..at + count].iter().fold(0, |sum, bit| sum * 2 + bit);
        let digit = if value(5) <= 2 {
            let digit = value(5);
            at += 5;
            digit
        } else {
            let digit = value(6) - 0b01_1001 + 3;
            at += 6;
            digit
        };
        number = number * 10 + digit;
    }
    number
}

struct Tls {
    gateway: Gateway,
    upstream: Recorder,
    config: Arc<ClientConfig>,
}

fn start() -> Tls {
    let Pair { certificate, key, der } = pair(&[HOST]);
    let upstream = Recorder::start();
    let mut config = Config::to([upstream.address()]);
    config.listener = "tls: {certificate: a.pem, key: a.key}".to_owned();
    let gateway = Gateway::start(&config.text(), &[("people.yaml", PEOPLE), ("a.pem", &certificate), ("a.key", &key)]);
    let config = trusting(&[&Pair { certificate, key, der }], &["h2"]);
    Tls { gateway, upstream, config }
}

const GET: &[(&str, &str)] = &[(":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", "/public/a")];

fn without(name: &str) -> Vec<(&'static str, &'static str)> {
    GET.iter().copied().filter(|(known, _)| *known != name).collect()
}

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [GET, more].concat()
}

fn instead<'a>(name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    GET.iter().map(|&(known, old)| (known, if known == name { value } else { old })).collect()
}

impl Tls {
    fn ask(&self, fields: &[(&str, &str)]) -> Outcome {
        let mut h2 = H2::connect(self.gateway.port, &self.config);
        h2.headers(1, fields, true);
        h2.outcome(1)
    }

    /// Asserts that a request is refused or ends its stream, and that the upstream gets nothing of it.
    fn refuses(&self, what: &str, fields: &[(&str, &str)]) {
        let outcome = self.ask(fields);
        let refused = match outcome {
            Outcome::Status(status) => (400..500).contains(&status) && status != 401,
            Outcome::Broken => true,
        };
        assert!(refused, "{what}: {outcome:?}");
        assert_eq!(self.upstream.bytes(), 0, "{what}");
    }
}

#[test]
fn a_request_by_hand_is_answered() {
    let tls = start();
    assert_eq!(tls.ask(GET), Outcome::Status(200));
    assert_eq!(tls.upstream.only().target(), "/public/a");
    assert_eq!(tls.ask(&instead(":path", "/admin")), Outcome::Status(401));
    // `host` beside `:authority` is usual where a request was HTTP/1 before.
    assert_eq!(tls.ask(&with(&[("host", HOST)])), Outcome::Status(200));
    // The crumbs of a cookie become one line (RFC 9113, section 8.2.3).
    tls.upstream.forget();
    let crumbs = [("cookie", "a=1"), ("cookie", "__Host-otpgate_grant=x"), ("cookie", "b=2"), ("cookie", "c=3")];
    assert_eq!(tls.ask(&with(&crumbs)), Outcome::Status(200));
    assert_eq!(tls.upstream.only().value("cookie"), Some("a=1; b=2; c=3"));
}

#[test]
fn s07_malformed_requests_over_http2_reach_nobody() {
    let tls = start();
    for (what, fields) in [
        ("no method", without(":method")),
        ("no scheme", without(":scheme")),
        ("no path", without(":path")),
        ("no authority", without(":authority")),
        ("two methods", with(&[(":method", "POST")])),
        ("two paths", with(&[(":path", "/admin")])),
        ("two authorities", with(&[(":authority", "other.test")])),
        ("an unknown pseudo-header", with(&[(":user", "alice")])),
        ("a pseudo-header of answers", with(&[(":status", "200")])),
        ("a pseudo-header that comes late", [&[("accept", "*/*")], GET].concat()),
        ("an empty path", instead(":path", "")),
        ("a path without a slash", instead(":path", "public/a")),
        ("a path that breaks the line", instead(":path", "/public/a HTTP/1.1\r\nX: 1")),
        ("a path with a space", instead(":path", "/public/a b")),
        ("an encoded slash", instead(":path", "/public/..%2fadmin")),
        ("an asterisk", instead(":path", "*")),
        ("another host in `host`", with(&[("host", "other.test")])),
        ("two hosts", with(&[("host", HOST), ("host", HOST)])),
        ("an authority with a user", instead(":authority", "user@app.test")),
        ("an authority with a path", instead(":authority", "app.test/admin")),
        ("a bad port", instead(":authority", "app.test:99999")),
        ("a method that breaks the line", instead(":method", "GET / HTTP/1.1\r\nX: 1\r\n\r\nGET")),
        ("a method in lower case", instead(":method", "get")),
        ("CONNECT", instead(":method", "CONNECT")),
        ("TRACE", instead(":method", "TRACE")),
        ("CR and LF in a value", with(&[("x-a", "1\r\nx-otpgate-subject: alice")])),
        ("LF in a value", with(&[("x-a", "1\nx-b: 2")])),
        ("NUL in a value", with(&[("x-a", "1\0")])),
        ("upper case in a name", with(&[("X-A", "1")])),
        ("a colon in a name", with(&[("x-a: 1", "2")])),
        ("an empty name", with(&[("", "1")])),
        ("connection", with(&[("connection", "x-a")])),
        ("transfer-encoding", with(&[("transfer-encoding", "chunked")])),
        ("keep-alive", with(&[("keep-alive", "1")])),
        ("upgrade", with(&[("upgrade", "websocket")])),
        ("te", with(&[("te", "gzip")])),
        ("a length that is not true", with(&[("content-length", "5")])),
        ("two lengths", with(&[("content-length", "0"), ("content-length", "5")])),
    ] {
        tls.refuses(what, &fields);
    }
    // A fragment is cut off before anybody reads it, and so is not sent on (P08).
    assert_eq!(tls.ask(&instead(":path", "/admin#/../public/a")), Outcome::Status(401));
    if tls.ask(&instead(":path", "/public/a#/../admin")) == Outcome::Status(200) {
        assert_eq!(tls.upstream.only().target(), "/public/a");
    }
    // The plain http scheme over TLS is a lie, but one that must change nothing.
    let _ = tls.ask(&instead(":scheme", "http"));
    for heard in tls.upstream.heard() {
        assert_eq!(heard.value("x-forwarded-proto"), Some("https"), "{}", heard.head);
    }
}

#[test]
fn s07_a_body_that_is_longer_or_shorter_than_it_said_is_no_request() {
    let tls = start();
    for (said, sent) in [("2", "hello"), ("9", "hello")] {
        let mut h2 = H2::connect(tls.gateway.port, &tls.config);
        let fields = [&instead(":method", "POST")[..], &[("content-length", said)]].concat();
        h2.headers(1, &fields, false);
        h2.frame(DATA, END_STREAM, 1, sent.as_bytes());
        let outcome = h2.outcome(1);
        assert!(outcome != Outcome::Status(200), "{said}: {outcome:?}");
    }
    for heard in tls.upstream.heard() {
        assert!(heard.body.len() <= 2, "{heard:?}");
    }
}

#[test]
fn h17_header_lists_that_are_too_large_are_refused_over_http2() {
    let tls = start();
    let big = "b".repeat(12_000);
    let fields: Vec<(&str, &str)> = with(&[("x-a", &big), ("x-b", &big), ("x-c", &big)]);
    let mut h2 = H2::connect(tls.gateway.port, &tls.config);
    // One frame holds 16 KiB at first, so the block goes out in pieces.
    let mut block = Vec::new();
    for (name, value) in &fields {
        block.push(0);
        literal(&mut block, name.as_bytes());
        literal(&mut block, value.as_bytes());
    }
    let pieces: Vec<&[u8]> = block.chunks(16_000).collect();
    let last = pieces.len() - 1;
    for (number, piece) in pieces.iter().enumerate() {
        let (kind, first) = if number == 0 { (HEADERS, END_STREAM) } else { (9, 0) };
        h2.frame(kind, first | if number == last { END_HEADERS } else { 0 }, 1, piece);
    }
    let outcome = h2.outcome(1);
    assert!(matches!(outcome, Outcome::Status(431) | Outcome::Broken), "{outcome:?}");
    assert_eq!(tls.upstream.bytes(), 0);
}

#[test]
fn s10_streams_of_one_connection_are_decided_each_by_itself() {
    let tls = start();
    let mut h2 = H2::connect(tls.gateway.port, &tls.config);
    h2.headers(1, GET, true);
    h2.headers(3, &instead(":path", "/admin"), true);
    h2.headers(5, &instead(":path", "/public/b"), true);
    let mut seen = [Outcome::Broken; 3];
    for _ in 0..3 {
        // Whichever comes next.
        loop {
            let (kind, flags, stream, block) = h2.read().unwrap();
            if kind == HEADERS {
                seen[(stream / 2) as usize] = Outcome::Status(status(&block));
                break;
            }
            if kind == SETTINGS && flags & ACK == 0 {
                h2.frame(SETTINGS, ACK, 0, &[]);
            }
        }
    }
    assert_eq!(seen, [Outcome::Status(200), Outcome::Status(401), Outcome::Status(200)]);
    assert_eq!(tls.upstream.heard().len(), 2);
}
