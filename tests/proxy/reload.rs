//! I11: a bad config is never half applied, a good one loses no connection. And the end, which loses none either.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::setup::{Config, Setup, bare, memory, metrics, request};
use crate::support::free_port;
use crate::support::process::wait_for;
use crate::support::raw::{self, Raw};
use crate::support::recorder::Recorder;

const SOON: Duration = Duration::from_secs(5);

fn reloads(setup: &Setup, outcome: &str) -> u32 {
    let name = format!("otpgate_config_reloads_total{{outcome=\"{outcome}\"}} ");
    let all = metrics(&setup.gateway);
    let line = all.lines().find(|line| line.starts_with(&name)).unwrap_or_else(|| panic!("no {name} in {all}"));
    line[name.len()..].parse().unwrap()
}

/// A gateway, and the config that it runs.
fn start() -> (Setup, Config) {
    let upstream = Recorder::start();
    let config = Config::to([upstream.address()]);
    (Setup { gateway: config.start(), upstream }, config)
}

#[test]
fn a_good_config_takes_effect() {
    let (setup, config) = start();
    assert_eq!(setup.get("/new").status, 403);
    setup
        .gateway
        .reload(&config.clone().routes(&["{path: /new, policy: bypass}", "{path: /public/**, policy: mail}"]).text());
    wait_for("the reload", SOON, || reloads(&setup, "success") == 1);
    assert_eq!(setup.get("/new").status, 200);
    assert_eq!(setup.get("/public/a").status, 401);
    assert_eq!(reloads(&setup, "failure"), 0);
    assert!(metrics(&setup.gateway).contains("otpgate_config_last_reload_successful 1"));
}

#[test]
fn f06_a_bad_config_changes_nothing_and_is_told() {
    let (setup, config) = start();
    let mut open = setup.connect();
    open.send(bare("GET", "/public/a", &[]));
    assert_eq!(open.reply().unwrap().status, 200);
    let good = config.text();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut in_use = config.clone().routes(&["{path: /**, policy: bypass}"]);
    in_use.listeners = vec![format!("{{address: \"{}\"}}", taken.local_addr().unwrap())];
    let mut bad_key = config.clone().routes(&["{path: /**, policy: bypass}"]);
    bad_key.listener = "tls: {certificate: people.yaml, key: people.yaml}".to_owned();
    // Each would open everything, and has one fault.
    let open_all = config.clone().routes(&["{path: /**, policy: bypass}"]).text();
    let bad = [
        ("no YAML", "sites: [\n".to_owned()),
        ("empty", String::new()),
        ("an unknown key", open_all.clone() + "polices: {}\n"),
        (
            "an unknown policy",
            open_all.replace("mail: {channels", "male: {channels").replace("policy: bypass}", "policy: mail}"),
        ),
        ("a directory that is not there", open_all.replace("people.yaml", "nobody.yaml")),
        ("no secret", open_all.replace("[\"{secret}\"]", "[]")),
        ("a default secret", open_all.replace("{secret}", "changeme")),
        ("an address that is in use", in_use.text()),
        ("certificates that are none", bad_key.text()),
        ("points that are none", open_all.clone() + "risk: {points: {new_device: 101}}\n"),
        ("a database that is none", open_all.clone() + "risk: {geoip: {country: people.yaml}}\n"),
    ];
    for (number, (what, text)) in (1..).zip(bad) {
        setup.gateway.reload(&text);
        wait_for(what, SOON, || reloads(&setup, "failure") == number);
        assert_eq!(setup.get("/admin").status, 401, "{what}");
        assert_eq!(setup.get("/nowhere").status, 403, "{what}");
        assert_eq!(setup.get("/public/a").status, 200, "{what}");
        assert!(metrics(&setup.gateway).contains("otpgate_config_last_reload_successful 0"), "{what}");
        open.send(bare("GET", "/public/a", &[]));
        assert_eq!(open.reply().unwrap().status, 200, "{what}");
    }
    assert_eq!(reloads(&setup, "success"), 0);
    let log = setup.gateway.log();
    assert!(log.contains("otpgate.yaml:") && log.contains("polices"), "{log}");
    assert!(!log.contains("MDEyMzQ1"), "the log shows the secret");
    // The next good one is taken.
    setup.gateway.reload(&good);
    wait_for("the good config", SOON, || reloads(&setup, "success") == 1);
    assert!(metrics(&setup.gateway).contains("otpgate_config_last_reload_successful 1"));
}

#[test]
fn a_reload_changes_how_the_log_is_written() {
    let (setup, config) = start();
    setup.get("/nowhere/first");
    wait_for("the first line", SOON, || setup.gateway.log().contains("/nowhere/first"));
    let line = |path: &str| {
        let log = setup.gateway.log();
        log.lines().find(|line| line.contains(path)).map(str::to_owned)
    };
    assert!(line("/nowhere/first").unwrap().starts_with('{'));
    setup.gateway.reload(&(config.text() + "log: {format: text, level: info}\n"));
    wait_for("the reload", SOON, || reloads(&setup, "success") == 1);
    setup.get("/nowhere/second");
    wait_for("the second line", SOON, || line("/nowhere/second").is_some());
    assert!(!line("/nowhere/second").unwrap().starts_with('{'));
    setup.gateway.reload(&(config.text() + "log: {format: text, level: error}\n"));
    wait_for("the reload", SOON, || reloads(&setup, "success") == 2);
    setup.get("/nowhere/third");
    assert_eq!(line("/nowhere/third"), None);
}

#[tokio::test]
async fn a_grant_outlives_a_reload() {
    let (setup, config) = start();
    let cookie = format!("Cookie: {}", setup.grant("alice", "/admin").await);
    let ask = request("GET", "/admin", &[&cookie]);
    assert_eq!(setup.ask(&ask).unwrap().status, 200);
    setup.gateway.reload(&config.text());
    wait_for("the reload", SOON, || reloads(&setup, "success") == 1);
    assert_eq!(setup.ask(&ask).unwrap().status, 200);
}

/// A scrape that has just connected gets its answer.
#[test]
fn a_connection_to_the_admin_outlives_a_reload() {
    let (setup, config) = start();
    let mut scrape = Raw::connect(setup.gateway.admin);
    let ask = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    scrape.send(ask);
    assert_eq!(scrape.reply().unwrap().status, 200);
    setup.gateway.reload(&config.text());
    wait_for("the reload", SOON, || reloads(&setup, "success") == 1);
    scrape.send(ask);
    assert_eq!(scrape.reply().unwrap().status, 200);
}

#[test]
fn listeners_come_and_go_with_the_config() {
    let (setup, mut config) = start();
    let port = free_port();
    let without = config.text();
    config.listeners = vec![format!("{{address: \"127.0.0.1:{port}\"}}")];
    setup.gateway.reload(&config.text());
    wait_for("the reload", SOON, || reloads(&setup, "success") == 1);
    let mut open = Raw::connect(port);
    open.send(bare("GET", "/public/a", &[]));
    assert_eq!(open.reply().unwrap().status, 200);
    setup.gateway.reload(&without);
    wait_for("the reload", SOON, || reloads(&setup, "success") == 2);
    wait_for("the old listener's end", SOON, || std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    assert_eq!(setup.get("/public/a").status, 200);
}

#[test]
fn reloads_under_load_lose_no_request() {
    let (setup, config) = start();
    let texts = [
        config.clone().routes(&["{path: /public/**, policy: bypass}"]).text(),
        "sites: [\n".to_owned(),
        {
            // Another way to serve the same address: its socket is taken over.
            let mut config = config.clone();
            config.listener = "max_header_size: 16KiB".to_owned();
            config.text()
        },
        config.text(),
    ];
    let (over, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for client in 0..4 {
            let (setup, over, count) = (&setup, &over, &count);
            scope.spawn(move || {
                let mut kept = setup.connect();
                while !over.load(Ordering::SeqCst) {
                    // Half of the clients keep their connection as long as the gateway does.
                    let fresh = client % 2 == 0;
                    let status = if fresh {
                        setup.ask(request("GET", "/public/a", &[])).map(|reply| reply.status)
                    } else {
                        kept.send(bare("GET", "/public/a", &[]));
                        let reply = kept.reply();
                        let closes = reply.as_ref().is_some_and(|reply| {
                            reply.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
                        });
                        if closes {
                            kept = setup.connect();
                        }
                        reply.map(|reply| reply.status)
                    };
                    match status {
                        Some(status) => assert_eq!(status, 200),
                        // An idle connection may be closed between two requests; one that was asked on a fresh
                        // connection may not.
                        None => {
                            assert!(!fresh, "a fresh connection was closed without an answer");
                            kept = setup.connect();
                        }
                    }
                    count.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let (mut good, mut bad) = (0, 0);
        for text in texts.iter().cycle().take(12) {
            if text.len() < 20 {
                bad += 1
            } else {
                good += 1
            }
            setup.gateway.reload(text);
            wait_for("a reload", SOON, || reloads(&setup, "success") == good && reloads(&setup, "failure") == bad);
        }
        over.store(true, Ordering::SeqCst);
    });
    assert!(count.load(Ordering::SeqCst) > 100, "{count:?} requests");
}

#[test]
fn an_open_request_is_finished_under_the_config_that_it_came_in_under() {
    let (go, told) = channel::<()>();
    let told = Mutex::new(told);
    let upstream = Recorder::answering(move |exchange| {
        told.lock().unwrap().recv_timeout(Duration::from_secs(10)).unwrap();
        exchange.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    });
    let config = Config::to([upstream.address()]);
    let setup = Setup { gateway: config.start(), upstream };
    let mut raw = setup.connect();
    raw.send(request("GET", "/public/a", &[]));
    wait_for("the upstream", SOON, || !setup.upstream.heard().is_empty());
    setup.gateway.reload(&config.routes(&["{path: /public/**, policy: deny}"]).text());
    wait_for("the reload", SOON, || reloads(&setup, "success") == 1);
    assert_eq!(setup.get("/public/a").status, 403);
    go.send(()).unwrap();
    assert_eq!(raw.reply().unwrap().text(), "ok");
}

#[test]
fn sigterm_finishes_open_requests_and_exits_with_0() {
    let (go, told) = channel::<()>();
    let told = Mutex::new(told);
    let upstream = Recorder::answering(move |exchange| {
        exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst");
        told.lock().unwrap().recv_timeout(Duration::from_secs(10)).unwrap();
        exchange.write("whole");
        crate::support::recorder::Then::KeepOpen
    });
    let mut setup = Setup::before(upstream, |_| ());
    let mut idle = setup.connect();
    let mut raw = setup.connect();
    raw.send(bare("GET", "/public/a", &[]));
    raw.until("first");
    setup.gateway.signal("TERM");
    let port = setup.gateway.port;
    wait_for("the listener's end", SOON, || std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(setup.gateway.ended(Duration::from_millis(300)).is_none(), "it ended over an open request");
    go.send(()).unwrap();
    raw.until("whole");
    let status = setup.gateway.ended(Duration::from_secs(5)).expect("it does not end");
    assert_eq!(status.code(), Some(0), "{}", setup.gateway.log());
    assert!(idle.is_closed());
}

#[test]
fn sigterm_ends_an_idle_gateway_at_once() {
    let (mut setup, _) = start();
    let mut kept = setup.connect();
    kept.send(bare("GET", "/public/a", &[]));
    assert_eq!(kept.reply().unwrap().status, 200);
    let told = Instant::now();
    setup.gateway.signal("TERM");
    let status = setup.gateway.ended(Duration::from_secs(5)).expect("it does not end");
    assert_eq!(status.code(), Some(0), "{}", setup.gateway.log());
    assert!(told.elapsed() < Duration::from_secs(3), "{:?}", told.elapsed());
}

#[test]
fn an_idle_gateway_is_small() {
    let (setup, _) = start();
    for _ in 0..20 {
        assert_eq!(setup.get("/public/a").status, 200);
    }
    // A build for tests maps far more code than a release has; its own memory is the same.
    let what = if std::env::var_os("OTPGATE_BIN").is_some() { "VmRSS" } else { "RssAnon" };
    let resident = memory(setup.gateway.pid(), what);
    assert!(resident < 40 * 1024, "{resident} kB");
}

#[test]
fn f09_the_admin_listener_is_not_behind_the_public_one() {
    let (setup, _) = start();
    let admin = setup.gateway.admin;
    for path in [
        "/metrics",
        "/healthz",
        "/readyz",
        "/outbox",
        "/lookup/ABC",
        "/revoke",
        "/.otpgate/metrics",
        "/.otpgate/../metrics",
    ] {
        let status = setup.stays_out(request("GET", path, &[]));
        assert!(matches!(status, 403 | 404), "{path}: {status}");
        for host in [format!("127.0.0.1:{admin}"), "localhost".to_owned(), format!("localhost:{admin}")] {
            let ask = request("GET", path, &[]).replace("app.test", &host);
            assert_eq!(raw::ask(setup.gateway.port, ask).unwrap().status, 421, "{host}{path}");
        }
    }
}
