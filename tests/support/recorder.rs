//! An upstream on a bare TCP socket: it keeps the exact bytes of every request and answers what a test tells it to.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::raw::{latin1, position};

/// A running upstream.
pub struct Recorder {
    pub port: u16,
    shared: Arc<Shared>,
}

/// A request as it came over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The number of its connection, from 0.
    pub connection: usize,
    /// Its place on that connection, from 0.
    pub nth: usize,
    /// Request line and headers with their line ends, one character per byte.
    pub head: String,
    /// The body without its framing, as far as it was read.
    pub body: Vec<u8>,
    /// The lines after the last chunk.
    pub trailers: String,
}

/// A request that is being answered.
pub struct Exchange<'a> {
    pub heard: Heard,
    stream: &'a mut TcpStream,
    unread: &'a mut Vec<u8>,
    shared: &'a Shared,
    index: usize,
    body_left: Body,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    Sized(usize),
    Chunked,
    Done,
}

#[derive(Default)]
struct Shared {
    heard: Mutex<Vec<Heard>>,
    connections: AtomicUsize,
    bytes: AtomicUsize,
    stopped: AtomicBool,
}

/// What becomes of a connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    KeepOpen,
    Close,
}

// === impl Recorder ===

impl Recorder {
    /// Answers everything with 200 and `ok`.
    pub fn start() -> Self {
        Self::answering(|exchange| exchange.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
    }

    /// Answers everything with these bytes.
    pub fn saying(answer: &str) -> Self {
        let answer = answer.to_owned();
        Self::answering(move |exchange| exchange.answer(&answer))
    }

    /// Answers as `script` does.
    pub fn answering(script: impl Fn(&mut Exchange<'_>) -> Then + Send + Sync + 'static) -> Self {
        Self::answering_at(0, script)
    }

    /// The same on a port that nobody listens on until now.
    pub fn answering_at(port: u16, script: impl Fn(&mut Exchange<'_>) -> Then + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::<Shared>::default();
        let (script, server) = (Arc::new(script), Arc::clone(&shared));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if server.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let number = server.connections.fetch_add(1, Ordering::SeqCst);
                let (script, server) = (Arc::clone(&script), Arc::clone(&server));
                std::thread::spawn(move || serve(stream, number, &server, &*script));
            }
        });
        Self { port, shared }
    }

    /// `host:port`, for a config.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Every request so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.shared.heard().clone()
    }

    /// The only request so far, which is then forgotten.
    ///
    /// # Panics
    /// When there is none, or more than one.
    pub fn only(&self) -> Heard {
        let mut heard = std::mem::take(&mut *self.shared.heard());
        assert_eq!(heard.len(), 1, "{heard:#?}");
        heard.remove(0)
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        self.shared.heard().clear();
    }

    /// How many bytes came at all, whole requests or not.
    pub fn bytes(&self) -> usize {
        self.shared.bytes.load(Ordering::SeqCst)
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

impl Shared {
    fn heard(&self) -> MutexGuard<'_, Vec<Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serve(mut stream: TcpStream, connection: usize, shared: &Shared, script: &dyn Fn(&mut Exchange<'_>) -> Then) {
    stream.set_nodelay(true).unwrap();
    let mut unread = Vec::new();
    for nth in 0.. {
        let Some(end) = head_end(&mut stream, &mut unread, shared) else { return };
        let head = latin1(&unread.drain(..end).collect::<Vec<_>>());
        let heard = Heard { connection, nth, head, body: Vec::new(), trailers: String::new() };
        let index = {
            let mut all = shared.heard();
            all.push(heard.clone());
            all.len() - 1
        };
        let body_left = if heard.has("transfer-encoding") {
            Body::Chunked
        } else {
            heard.value("content-length").map_or(Body::Done, |length| Body::Sized(length.parse().unwrap()))
        };
        let mut exchange = Exchange { heard, stream: &mut stream, unread: &mut unread, shared, index, body_left };
        let then = script(&mut exchange);
        if then == Then::Close || exchange.try_body().is_none() {
            return;
        }
    }
}

fn head_end(stream: &mut TcpStream, unread: &mut Vec<u8>, shared: &Shared) -> Option<usize> {
    loop {
        if let Some(at) = position(unread, b"\r\n\r\n") {
            return Some(at + 4);
        }
        fill(stream, unread, shared)?;
    }
}

fn fill(stream: &mut TcpStream, unread: &mut Vec<u8>, shared: &Shared) -> Option<()> {
    let mut block = [0; 64 * 1024];
    let count = stream.read(&mut block).ok().filter(|&count| count > 0)?;
    shared.bytes.fetch_add(count, Ordering::SeqCst);
    unread.extend_from_slice(&block[..count]);
    Some(())
}

// === impl Exchange ===

impl Exchange<'_> {
    /// Reads the whole body, then answers with `bytes` and keeps the connection open.
    pub fn answer(&mut self, bytes: impl AsRef<[u8]>) -> Then {
        if self.try_body().is_none() {
            return Then::Close;
        }
        self.write(bytes);
        Then::KeepOpen
    }

    /// Writes a part of an answer. A gateway that has closed is no failure here.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.try_write(bytes);
    }

    /// Writes a part of an answer.
    ///
    /// # Errors
    /// When the gateway has closed the connection.
    pub fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// The bare connection, and what was read of it already: for an upgrade.
    pub fn stream(&mut self) -> (TcpStream, Vec<u8>) {
        (self.stream.try_clone().unwrap(), std::mem::take(self.unread))
    }

    /// Reads the next part of the body: a chunk, or what has come; `None` when it is over, or breaks off.
    pub fn part(&mut self) -> Option<Vec<u8>> {
        match self.body_left {
            Body::Done => None,
            Body::Sized(0) => {
                self.body_left = Body::Done;
                None
            }
            Body::Sized(left) => {
                if self.unread.is_empty() {
                    fill(self.stream, self.unread, self.shared)?;
                }
                let part: Vec<u8> = self.unread.drain(..left.min(self.unread.len())).collect();
                self.body_left = Body::Sized(left - part.len());
                Some(part)
            }
            Body::Chunked => {
                let line = self.line()?;
                let size = usize::from_str_radix(&line, 16).unwrap();
                if size > 0 {
                    while self.unread.len() < size + 2 {
                        fill(self.stream, self.unread, self.shared)?;
                    }
                    let part = self.unread.drain(..size).collect();
                    self.unread.drain(..2);
                    return Some(part);
                }
                loop {
                    let line = self.line()?;
                    if line.is_empty() {
                        self.body_left = Body::Done;
                        return None;
                    }
                    self.heard.trailers.push_str(&line);
                    self.heard.trailers.push('\n');
                }
            }
        }
    }

    /// Reads the body to its end and keeps none of it: how long it was, and the sum of its bytes.
    pub fn drain(&mut self) -> (usize, u64) {
        let (mut length, mut sum) = (0, 0);
        while let Some(part) = self.part() {
            length += part.len();
            sum += part.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        }
        (length, sum)
    }

    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = position(self.unread, b"\r\n") {
                let line: Vec<u8> = self.unread.drain(..at + 2).collect();
                return Some(latin1(&line[..at]));
            }
            fill(self.stream, self.unread, self.shared)?;
        }
    }

    /// Reads the rest of the body into the record; `None` when it breaks off.
    fn try_body(&mut self) -> Option<()> {
        while let Some(part) = self.part() {
            self.heard.body.extend(part);
        }
        if let Some(kept) = self.shared.heard().get_mut(self.index)
            && kept.head == self.heard.head
        {
            *kept = self.heard.clone();
        }
        (self.body_left == Body::Done).then_some(())
    }
}

// === impl Heard ===

impl Heard {
    /// The method.
    pub fn method(&self) -> &str {
        self.head.split(' ').next().unwrap()
    }

    /// The request target as it came.
    pub fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    /// The header lines in order: name and value as they came.
    pub fn headers(&self) -> Vec<(&str, &str)> {
        let lines = self.head.trim_end().split("\r\n").skip(1);
        lines.map(|line| line.split_once(": ").or_else(|| line.split_once(':')).unwrap()).collect()
    }

    /// Every value of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers()
            .into_iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }

    /// The value of a header that comes once.
    ///
    /// # Panics
    /// When it comes twice.
    pub fn value(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} comes {} times: {}", all.len(), self.head);
        all.first().copied()
    }

    /// Whether a header is there.
    pub fn has(&self, name: &str) -> bool {
        !self.all(name).is_empty()
    }
}
