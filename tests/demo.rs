//! `otpgate demo`, as somebody types it who has just found the program: it says where to look, works, and goes away.
// A test may unwrap: its panic is its report.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use support::{Client, free_port};

const PATIENCE: Duration = Duration::from_secs(20);

/// A running demo, with nothing beside it: no config, no Redis, no mail server.
struct Demo {
    child: Child,
    port: u16,
    lines: Receiver<String>,
    printed: String,
}

impl Demo {
    fn start() -> Self {
        let (port, admin) = (free_port(), free_port());
        let mut child = Command::new(support::process::binary())
            .args(["demo", "--port", &port.to_string(), "--admin-port", &admin.to_string()])
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (send, lines) = mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Self { child, port, lines, printed: String::new() }
    }

    /// Reads on until the text that was printed since the start has what is looked for.
    fn read_until<T>(&mut self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = find(&self.printed) {
                return found;
            }
            let left = PATIENCE.saturating_sub(started.elapsed());
            let line = self.lines.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("the demo does not print {what}:\n{}", self.printed));
            self.printed.push_str(&line);
            self.printed.push('\n');
        }
    }

    /// Presses Ctrl-C and waits for the end.
    fn interrupt(mut self) -> (Option<i32>, Duration) {
        let started = Instant::now();
        assert!(Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap().success());
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.code(), started.elapsed());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the demo does not end on Ctrl-C");
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The port of an address in `text` that is not `known`.
fn other_port(text: &str, known: u16) -> Option<u16> {
    text.split("http://").skip(1).find_map(|rest| {
        let digits: String = rest.split(':').nth(1)?.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok().filter(|&port| port != known)
    })
}

/// It prints the address to open, who can sign in, and where the codes are; the code that it shows opens the page; Ctrl-C
/// ends it at once and well.
#[tokio::test(flavor = "multi_thread")]
async fn the_demo_says_where_to_look_works_and_ends_on_ctrl_c() {
    let mut demo = Demo::start();
    let port = demo.port;
    demo.read_until("its address", |printed| printed.contains(&format!(":{port}")).then_some(()));
    demo.read_until("who can sign in", |printed| {
        (printed.contains("alice@example.com") && printed.contains("tide-and-anchor")).then_some(())
    });
    let admin = demo.read_until("where the outbox is", |printed| other_port(printed, port));
    demo.read_until("how to end it", |printed| printed.contains("Ctrl-C").then_some(()));
    support::process::wait_for("the demo", PATIENCE, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());

    let mut visitor = Client::new("localhost", port);
    let customer = otpgate::demo::Customer::Alice;
    visitor.post("/login", &[("email", customer.email()), ("password", customer.password())]).await;
    let page = visitor.open("/account").await;
    assert!(page.form("/.otpgate/verify").is_some(), "the code page: {page:?}");

    let mut operator = Client::new("127.0.0.1", admin);
    let kept = operator.send("GET", "/outbox", &[("accept", "application/json")], "").await.json();
    let code = kept[0]["code"].as_str().unwrap().to_owned();
    let answer = visitor.submit(&page, "/.otpgate/verify", &[("code", &code)]).await;
    let account = visitor.follow(answer).await;
    assert!(account.body.contains("Alice Marsh"), "{account:?}");

    let (code, took) = demo.interrupt();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
}
