//! A client that writes exact bytes, over TCP or TLS, and reads whole HTTP/1 answers.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// Far longer than any answer takes: what waits so long is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// An open connection.
pub struct Raw {
    wire: Wire,
    unread: Vec<u8>,
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The lines after the last chunk, without the empty one.
    pub trailers: String,
    /// The statuses of the interim answers before it.
    pub interim: Vec<u16>,
    /// The body came to the end that its framing announced.
    pub complete: bool,
}

/// Sends `bytes` on a connection of its own and reads one answer; `None` when the connection is closed without one.
pub fn ask(port: u16, bytes: impl AsRef<[u8]>) -> Option<Reply> {
    let mut raw = Raw::connect(port);
    raw.send(bytes);
    raw.reply()
}

// === impl Raw ===

impl Raw {
    /// Connects to a port of the loopback address.
    pub fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        Self::over(stream)
    }

    /// Connects from another address of this machine, such as `127.0.0.2`.
    pub fn connect_from(from: IpAddr, port: u16) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from, 0)).unwrap();
        // Connecting needs a runtime; a thread of its own keeps out of the way of one that a test runs in.
        let stream = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                socket.connect(SocketAddr::from(([127, 0, 0, 1], port))).await.unwrap().into_std().unwrap()
            })
        });
        let stream = stream.join().unwrap();
        stream.set_nonblocking(false).unwrap();
        Self::over(stream)
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { wire: Wire::Plain(stream), unread: Vec::new() }
    }

    /// Speaks TLS and asks for `name`. The handshake is done when this returns.
    ///
    /// # Errors
    /// When the handshake fails.
    pub fn tls(self, name: &str, config: &Arc<ClientConfig>) -> std::io::Result<Self> {
        let Wire::Plain(tcp) = self.wire else { panic!("TLS within TLS") };
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut tls = StreamOwned::new(ClientConnection::new(Arc::clone(config), name).unwrap(), tcp);
        while tls.conn.is_handshaking() {
            tls.conn.complete_io(&mut tls.sock)?;
        }
        Ok(Self { wire: Wire::Tls(Box::new(tls)), unread: Vec::new() })
    }

    /// The certificate that the server showed, in DER.
    pub fn certificate(&self) -> Vec<u8> {
        let Wire::Tls(tls) = &self.wire else { panic!("no TLS") };
        tls.conn.peer_certificates().unwrap()[0].to_vec()
    }

    /// Whether the handshake went on with an earlier session.
    pub fn is_resumed(&self) -> bool {
        let Wire::Tls(tls) = &self.wire else { panic!("no TLS") };
        tls.conn.handshake_kind() == Some(rustls::HandshakeKind::Resumed)
    }

    /// The protocol that was agreed on, such as `h2`.
    pub fn protocol(&self) -> Option<String> {
        let Wire::Tls(tls) = &self.wire else { panic!("no TLS") };
        tls.conn.alpn_protocol().map(|name| String::from_utf8(name.to_vec()).unwrap())
    }

    /// Writes `bytes`. A peer that has closed already is no failure: its answer counts.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.try_send(bytes);
    }

    /// Writes `bytes`.
    ///
    /// # Errors
    /// When the peer has closed, or does not read.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        match &mut self.wire {
            Wire::Plain(tcp) => tcp.write_all(bytes.as_ref()),
            Wire::Tls(tls) => tls.write_all(bytes.as_ref()).and_then(|()| tls.flush()),
        }
    }

    /// Says that nothing more will be sent.
    pub fn finish(&mut self) {
        match &mut self.wire {
            Wire::Plain(tcp) => tcp.shutdown(Shutdown::Write).unwrap(),
            Wire::Tls(tls) => {
                tls.conn.send_close_notify();
                let _ = tls.flush();
            }
        }
    }

    /// Reads what has come, at least one byte; empty when the peer closed.
    ///
    /// # Panics
    /// When nothing comes for long.
    pub fn some(&mut self) -> Vec<u8> {
        if self.unread.is_empty() {
            self.fill();
        }
        std::mem::take(&mut self.unread)
    }

    /// Reads until `text` has come, and gives everything up to its end.
    ///
    /// # Panics
    /// When the connection ends before that.
    pub fn until(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = position(&self.unread, text.as_bytes()) {
                let rest = self.unread.split_off(at + text.len());
                return latin1(&std::mem::replace(&mut self.unread, rest));
            }
            assert!(self.fill(), "the connection ended before {text:?}: {:?}", latin1(&self.unread));
        }
    }

    /// Reads just so many bytes; `None` when the peer closes before.
    pub fn exactly(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.unread.len() < count {
            if !self.fill() {
                return None;
            }
        }
        Some(self.unread.drain(..count).collect())
    }

    /// Whether the peer closes, with nothing more to say.
    pub fn is_closed(&mut self) -> bool {
        self.unread.is_empty() && !self.fill()
    }

    /// Whether nothing comes for `time`, and the connection stays open.
    pub fn is_silent(&mut self, time: Duration) -> bool {
        if !self.unread.is_empty() {
            return false;
        }
        self.tcp().set_read_timeout(Some(time)).unwrap();
        let mut block = [0; 1];
        let silent = match self.read(&mut block) {
            Ok(count) => {
                self.unread.extend_from_slice(&block[..count]);
                false
            }
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        };
        self.tcp().set_read_timeout(Some(PATIENCE)).unwrap();
        silent
    }

    fn tcp(&self) -> &TcpStream {
        match &self.wire {
            Wire::Plain(tcp) => tcp,
            Wire::Tls(tls) => &tls.sock,
        }
    }

    fn read(&mut self, block: &mut [u8]) -> std::io::Result<usize> {
        match &mut self.wire {
            Wire::Plain(tcp) => tcp.read(block),
            Wire::Tls(tls) => tls.read(block),
        }
    }

    /// Reads a block; `false` when the peer closed, or reset the connection.
    fn fill(&mut self) -> bool {
        let mut block = [0; 64 * 1024];
        match self.read(&mut block) {
            Ok(count) => {
                self.unread.extend_from_slice(&block[..count]);
                count > 0
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("nothing came for {PATIENCE:?}")
            }
            Err(_) => false,
        }
    }

    /// Reads the answer to a request of any method but HEAD; `None` when the peer closed without one.
    pub fn reply(&mut self) -> Option<Reply> {
        self.reply_to("GET")
    }

    /// Reads the answer to a request of this method; `None` when the peer closed without one.
    pub fn reply_to(&mut self, method: &str) -> Option<Reply> {
        let mut interim = Vec::new();
        let mut reply = loop {
            let reply = self.head()?;
            if reply.status >= 200 || reply.status == 101 {
                break reply;
            }
            interim.push(reply.status);
        };
        reply.interim = interim;
        let bodiless = method == "HEAD" || matches!(reply.status, 101 | 204 | 304);
        if bodiless {
            reply.complete = true;
        } else if reply.header("transfer-encoding").is_some() {
            self.chunks(&mut reply);
        } else if let Some(length) = reply.header("content-length") {
            let length: usize = length.parse().unwrap();
            while self.unread.len() < length && self.fill() {}
            reply.complete = self.unread.len() >= length;
            let rest = self.unread.split_off(length.min(self.unread.len()));
            reply.body = std::mem::replace(&mut self.unread, rest);
        } else {
            while self.fill() {}
            reply.body = std::mem::take(&mut self.unread);
            reply.complete = true;
        }
        Some(reply)
    }

    /// Reads a status line and headers.
    fn head(&mut self) -> Option<Reply> {
        while position(&self.unread, b"\r\n\r\n").is_none() {
            if !self.fill() {
                assert!(self.unread.is_empty(), "half a head: {:?}", latin1(&self.unread));
                return None;
            }
        }
        let head = self.until("\r\n\r\n");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap();
        assert!(status.starts_with("HTTP/1."), "no status line: {status:?}");
        Some(Reply {
            status: status[9..12].parse().unwrap(),
            headers: lines
                .map(|line| line.split_once(':').unwrap())
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
            body: Vec::new(),
            trailers: String::new(),
            interim: Vec::new(),
            complete: false,
        })
    }

    fn chunks(&mut self, reply: &mut Reply) {
        loop {
            let Some(line) = self.line() else { return };
            let size = usize::from_str_radix(line.split(';').next().unwrap().trim(), 16).unwrap();
            if size == 0 {
                break;
            }
            while self.unread.len() < size + 2 {
                if !self.fill() {
                    return;
                }
            }
            reply.body.extend(self.unread.drain(..size));
            self.unread.drain(..2);
        }
        while let Some(line) = self.line() {
            if line.is_empty() {
                reply.complete = true;
                return;
            }
            reply.trailers.push_str(&line);
            reply.trailers.push('\n');
        }
    }

    fn line(&mut self) -> Option<String> {
        while position(&self.unread, b"\r\n").is_none() {
            if !self.fill() {
                return None;
            }
        }
        Some(self.until("\r\n").trim_end().to_owned())
    }
}

// === impl Reply ===

impl Reply {
    /// The value of a header that comes once.
    ///
    /// # Panics
    /// When it comes twice.
    pub fn header(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} comes {} times: {self:?}", all.len());
        all.first().copied()
    }

    /// Every value of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }
}

/// Where `wanted` begins in `bytes`.
pub fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Bytes as a text of one character each.
pub fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}
