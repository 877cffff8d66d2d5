//! The servers behind a site: which one gets a request, and what a client is told when none answers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::setup::{BROWSER, Config, Setup, bare, metrics, request};
use crate::support::free_port;
use crate::support::raw::Reply;
use crate::support::recorder::{Recorder, Then};

#[test]
fn connections_to_the_upstream_are_used_again() {
    let setup = Setup::start();
    for _ in 0..20 {
        setup.forwards("/public/a", "/public/a");
    }
    let mut raw = setup.connect();
    for _ in 0..20 {
        raw.send(bare("GET", "/public/a", &[]));
        assert_eq!(raw.reply().unwrap().status, 200);
    }
    assert!(setup.upstream.connections() <= 3, "{} connections for 40 requests", setup.upstream.connections());
}

#[test]
fn a_connection_to_the_gateway_is_used_again() {
    let setup = Setup::start();
    let mut raw = setup.connect();
    for (target, status) in
        [("/public/a", 200), ("/admin", 401), ("/nowhere", 403), ("/public/b", 200), ("/.otpgate/nothing", 404)]
    {
        raw.send(bare("GET", target, &["X-Remote-User: alice", "Accept: application/json"]));
        let reply = raw.reply().unwrap_or_else(|| panic!("closed at {target}"));
        assert_eq!(reply.status, status, "{target}: {}", reply.text());
    }
}

#[test]
fn requests_go_round_all_servers() {
    let (one, two, three) = (Recorder::start(), Recorder::start(), Recorder::start());
    let gateway = Config::to([one.address(), two.address(), three.address()]).start();
    let setup = Setup { gateway, upstream: Recorder::start() };
    for _ in 0..12 {
        assert_eq!(setup.get("/public/a").status, 200);
    }
    for recorder in [&one, &two, &three] {
        assert_eq!(recorder.heard().len(), 4);
    }
}

#[test]
fn with_one_server_dead_every_request_still_succeeds() {
    let live = Recorder::start();
    let gateway = Config::to([format!("127.0.0.1:{}", free_port()), live.address()]).start();
    let setup = Setup { gateway, upstream: live };
    for number in 0..10 {
        assert_eq!(setup.get("/public/a").status, 200, "{number}");
        // A connection that was refused has got nothing, so a POST may go to the other server too.
        let post = request("POST", "/public/a", &["Content-Length: 2"]) + "hi";
        assert_eq!(setup.ask(post).unwrap().status, 200, "{number}");
    }
    assert_eq!(setup.upstream.heard().len(), 20);
}

#[test]
fn a_health_check_takes_a_sick_server_out() {
    let sick = Recorder::answering(|exchange| {
        let status = if exchange.heard.target() == "/ready" { "503 Not Ready" } else { "500 Sick" };
        exchange.answer(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"))
    });
    let well = Recorder::start();
    let mut config = Config::to([sick.address(), well.address()]);
    config.upstream = "health_check: {path: /ready, interval: 1s}".to_owned();
    let setup = Setup { gateway: config.start(), upstream: Recorder::start() };
    let started = Instant::now();
    let mut in_a_row = 0;
    while in_a_row < 10 {
        assert!(started.elapsed() < Duration::from_secs(8), "the sick server still gets requests");
        let status = setup.get("/public/a").status;
        in_a_row = if status == 200 { in_a_row + 1 } else { 0 };
        if status != 200 {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// A client is told in its own form: a page with a reference, or a problem with the same.
fn tells(setup: &Setup, status: u16) {
    let problem = setup.get("/public/a");
    assert_eq!(problem.status, status, "{}", problem.text());
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    let json = problem.json();
    assert_eq!(json["status"], status);
    for field in ["type", "title", "detail", "reference"] {
        assert!(json[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {json}");
    }
    let mut navigation = BROWSER.to_vec();
    navigation.push("Connection: close");
    let page = setup.ask(bare("GET", "/public/a", &navigation)).unwrap();
    assert_eq!(page.status, status);
    assert!(page.header("content-type").unwrap().starts_with("text/html"), "{page:?}");
    assert!(page.text().to_ascii_lowercase().contains("reference"), "{}", page.text());
    for reply in [&problem, &page] {
        says_nothing_inside(setup, reply);
    }
}

/// What lies behind the gateway is nobody's business.
fn says_nothing_inside(setup: &Setup, reply: &Reply) {
    let text = format!("{:?} {}", reply.headers, reply.text());
    for inner in ["127.0.0.1", &setup.upstream.port.to_string(), "pingora", "Pingora", "panicked"] {
        assert!(!text.contains(inner), "{inner}: {text}");
    }
}

#[test]
fn a_dead_upstream_is_a_502() {
    let setup =
        Setup { gateway: Config::to([format!("127.0.0.1:{}", free_port())]).start(), upstream: Recorder::start() };
    tells(&setup, 502);
    // I2: whether a request may pass does not depend on it.
    assert_eq!(setup.get("/admin").status, 401);
    assert!(metrics(&setup.gateway).contains("otpgate_upstream_errors_total{site=\"app.test\""));
}

#[test]
fn a_silent_upstream_is_a_504() {
    let silent = Recorder::answering(|_| {
        std::thread::sleep(Duration::from_secs(4));
        Then::Close
    });
    let setup = Setup::before(silent, |config| config.upstream = "read_timeout: 500ms".to_owned());
    let started = Instant::now();
    tells(&setup, 504);
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[test]
fn an_upstream_that_talks_nonsense_is_a_502() {
    for nonsense in [
        "hello\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    ] {
        let nonsense_too = nonsense.to_owned();
        let setup = Setup::before(
            Recorder::answering(move |exchange| {
                exchange.write(&nonsense_too);
                Then::Close
            }),
            |_| (),
        );
        let reply = setup.get("/public/a");
        assert_eq!(reply.status, 502, "{nonsense:?}: {reply:?}");
        says_nothing_inside(&setup, &reply);
    }
}

#[test]
fn an_upstream_that_hangs_up_is_a_502() {
    let setup = Setup::before(Recorder::answering(|_| Then::Close), |_| ());
    tells(&setup, 502);
}

/// Answers the first request of a connection and hangs up at the next: what a server does whose keep-alive has just
/// run out.
fn hangs_up_at_the_second() -> Recorder {
    Recorder::answering(|exchange| {
        if exchange.heard.nth > 0 {
            return Then::Close;
        }
        exchange.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    })
}

#[test]
fn a_kept_connection_that_was_just_closed_is_no_failure_for_a_get() {
    let setup = Setup::before(hangs_up_at_the_second(), |_| ());
    for number in 0..6 {
        assert_eq!(setup.get("/public/a").status, 200, "{number}");
    }
    assert!(setup.upstream.heard().iter().any(|heard| heard.nth > 0), "a kept connection was tried");
}

#[test]
fn i8_a_post_is_never_sent_twice() {
    let setup = Setup::before(hangs_up_at_the_second(), |_| ());
    for number in 0..6 {
        let post = request("POST", &format!("/public/{number}"), &["Content-Length: 2"]) + "hi";
        let status = setup.ask(post).unwrap().status;
        assert!(matches!(status, 200 | 502), "{status}");
        let target = format!("/public/{number}");
        let times = setup.upstream.heard().iter().filter(|heard| heard.target() == target).count();
        assert_eq!(times, 1, "{status}");
    }
}

#[test]
fn a_kept_connection_closed_while_idle_is_no_failure_for_a_post() {
    let setup = Setup::before(
        Recorder::answering(|exchange| {
            exchange.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            Then::Close
        }),
        |_| (),
    );
    for number in 0..5 {
        let post = request("POST", "/public/a", &["Content-Length: 2"]) + "hi";
        assert_eq!(setup.ask(post).unwrap().status, 200, "{number}");
        std::thread::sleep(Duration::from_millis(30));
    }
    assert_eq!(setup.upstream.heard().len(), 5);
}

#[test]
fn host_header_replaces_what_the_upstream_gets_as_host() {
    let setup = Setup::before(Recorder::start(), |config| config.upstream = "host_header: inner.example".to_owned());
    setup.get("/public/a");
    let heard = setup.upstream.only();
    assert_eq!(heard.value("host"), Some("inner.example"));
    assert_eq!(heard.value("x-forwarded-host"), Some("app.test"));
}

#[test]
fn a_server_may_be_named_and_client_addresses_may_choose_it() {
    let (one, two) = (Recorder::start(), Recorder::start());
    let mut config = Config::to([format!("localhost:{}", one.port), format!("localhost:{}", two.port)]);
    config.upstream = "balance: client_address".to_owned();
    let setup = Setup { gateway: config.start(), upstream: Recorder::start() };
    for _ in 0..6 {
        assert_eq!(setup.get("/public/a").status, 200);
    }
    let (one, two) = (one.heard().len(), two.heard().len());
    assert!((one == 6 && two == 0) || (one == 0 && two == 6), "{one} {two}");
}

#[test]
fn many_clients_at_once_get_each_its_own_answer() {
    // X11: nothing of one request may show in the answer to another.
    static BUSY: AtomicUsize = AtomicUsize::new(0);
    let setup = Setup::before(
        Recorder::answering(|exchange| {
            BUSY.fetch_add(1, Ordering::SeqCst);
            let body = exchange.heard.target().to_owned();
            exchange.answer(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
        }),
        |_| (),
    );
    std::thread::scope(|scope| {
        for client in 0..16 {
            let setup = &setup;
            scope.spawn(move || {
                let mut raw = setup.connect();
                for number in 0..25 {
                    let target = format!("/public/{client}/{number}");
                    raw.send(bare("GET", &target, &[]));
                    assert_eq!(raw.reply().unwrap().text(), target);
                }
            });
        }
    });
    assert_eq!(BUSY.load(Ordering::SeqCst), 400);
}
