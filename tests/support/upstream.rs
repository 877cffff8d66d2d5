//! An application that knows nothing of the gateway: a login form that sets a session cookie, and an echo that keeps
//! every request as it arrived.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// The application's session cookie.
pub const SESSION: &str = "SID";

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub method: String,
    pub target: String,
    /// In their order, names as they were spelt.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A running application. It ends with this value.
pub struct Upstream {
    pub port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    _stop: oneshot::Sender<()>,
}

// === impl Seen ===

impl Seen {
    /// The value of the only header of this name.
    ///
    /// # Panics
    /// When there are several.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} came twice: {self:?}");
        value
    }

    /// The path without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }
}

// === impl Upstream ===

impl Upstream {
    /// Starts one on a free port, on a thread of its own.
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (stop, stopped) = oneshot::channel::<()>();
        let kept = Arc::clone(&seen);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                let accepting = async {
                    while let Ok((stream, _)) = listener.accept().await {
                        tokio::spawn(serve(stream, Arc::clone(&kept)));
                    }
                };
                tokio::select! {
                    _ = stopped => {}
                    () = accepting => {}
                }
            });
        });
        Self { port, seen, _stop: stop }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap()
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.lock().clone()
    }

    /// The requests for a path, whatever their query.
    pub fn seen_at(&self, path: &str) -> Vec<Seen> {
        self.lock().iter().filter(|seen| seen.path() == path).cloned().collect()
    }

    /// How many requests came for a path.
    pub fn hits(&self, path: &str) -> usize {
        self.lock().iter().filter(|seen| seen.path() == path).count()
    }

    /// The last request.
    pub fn last(&self) -> Seen {
        self.lock().last().cloned().expect("no request reached the application")
    }
}

async fn serve(stream: TcpStream, seen: Arc<Mutex<Vec<Seen>>>) {
    let mut stream = BufReader::with_capacity(64 * 1024, stream);
    while let Some(request) = read(&mut stream).await {
        let answer = answer(&request);
        seen.lock().unwrap().push(request);
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.trim_end().split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let mut seen = Seen { method, target, headers, body: Vec::new() };
    if seen.header("transfer-encoding").is_some() {
        seen.body = chunked(stream).await?;
    } else if let Some(length) = seen.header("content-length") {
        seen.body = vec![0; length.parse().ok()?];
        stream.read_exact(&mut seen.body).await.ok()?;
    }
    Some(seen)
}

async fn chunked(stream: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(stream.read_u8().await.ok()?);
        }
        let length = usize::from_str_radix(std::str::from_utf8(&line).ok()?.trim(), 16).ok()?;
        let start = body.len();
        body.resize(start + length + 2, 0);
        stream.read_exact(&mut body[start..]).await.ok()?;
        body.truncate(start + length);
        if length == 0 {
            return Some(body);
        }
    }
}

fn answer(request: &Seen) -> Vec<u8> {
    let (mut status, mut headers, mut body) =
        ("200 OK", String::new(), format!("{} {}", request.method, request.target));
    let does = |what: &str| request.target.split_once('?').is_some_and(|(_, query)| query.ends_with(what));
    match (request.method.as_str(), request.path()) {
        // Any body with the right password in it signs in, and the query says what then becomes of the session.
        (_, "/login" | "/login/" | "/LOGIN" | "/api/login") if signs_in(request) => {
            status = "303 See Other";
            let set = |attributes: &str| format!("set-cookie: {SESSION}={}; {attributes}\r\n", token());
            headers = "location: /home\r\n".to_owned();
            headers += &match () {
                () if does("do=keep") => String::new(),
                () if does("do=two") => set("Path=/") + &set("Path=/home"),
                () if does("do=renew") => format!("set-cookie: {SESSION}=; Path=/; Max-Age=0\r\n") + &set("Path=/"),
                () if does("do=header") => "x-login: ok\r\n".to_owned() + &set("Path=/"),
                () => set("Path=/"),
            };
            body.clear();
        }
        ("POST", "/login") => {
            let field = |wanted: &str| {
                let mut fields = url::form_urlencoded::parse(&request.body);
                fields.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
            };
            if field("password").as_deref() == Some("right") && field("email").is_some() {
                status = "303 See Other";
                headers = format!("location: /home\r\nset-cookie: {SESSION}={}; Path=/; HttpOnly\r\n", token());
                body.clear();
            } else {
                body = "<h1>The password is wrong</h1>".to_owned();
            }
        }
        (_, "/login") => {
            body = "<form method=\"post\"><input name=\"email\"><input name=\"password\"></form>".to_owned();
        }
        (_, "/logout") if does("do=keep") => {
            status = "303 See Other";
            headers = "location: /\r\n".to_owned();
        }
        (_, "/logout") => {
            status = "303 See Other";
            headers = format!("location: /\r\nset-cookie: {SESSION}=; Path=/; Max-Age=0\r\n");
            body.clear();
        }
        // The application changes its session cookie outside of its login.
        (_, "/rotate") => headers = format!("set-cookie: {SESSION}={}; Path=/; HttpOnly\r\n", token()),
        _ => {}
    }
    let length = body.len();
    if request.method == "HEAD" {
        body.clear();
    }
    format!("HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
        .into_bytes()
}

/// Whether a request signs in other than by the plain form.
fn signs_in(request: &Seen) -> bool {
    let plain = request.method == "POST" && request.target == "/login";
    let body = String::from_utf8_lossy(&request.body);
    let form = request
        .headers
        .iter()
        .any(|(name, value)| name.eq_ignore_ascii_case("content-type") && value == "application/x-www-form-urlencoded");
    (!plain || !form) && (body.contains("right") || request.target.contains("password=right"))
}

/// Nothing that anybody could guess; an application has its own way to make it.
fn token() -> String {
    let part = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", part(), part())
}
