//! TLS on either side: certificates by name, their renewal, and HTTP/2.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::pki::{Pair, pair, trusting, trusting_anyone};
use crate::setup::{Config, HOST, PEOPLE, Setup, bare, cookie_line, request, step_up};
use crate::support::raw::{Raw, Reply};
use crate::support::recorder::{Recorder, Then};
use crate::support::{Client, Gateway};

/// A gateway with a certificate for each of two sites.
struct TwoSites {
    gateway: Gateway,
    upstream: Recorder,
    a: Pair,
    b: Pair,
}

fn two_sites() -> TwoSites {
    before(Recorder::start())
}

fn before(upstream: Recorder) -> TwoSites {
    let (a, b) = (pair(&[HOST]), pair(&["b.test", "*.b.test"]));
    let mut config = Config::to([upstream.address()]);
    config.listener = "tls:\n  - {certificate: a.pem, key: a.key}\n  - {certificate: b.pem, key: b.key}".to_owned();
    config.sites.push(format!(
        "{{hosts: [b.test, \"*.b.test\"], upstream: {{servers: [{}]}}, default_policy: bypass}}",
        upstream.address()
    ));
    let files = [
        ("people.yaml", PEOPLE),
        ("a.pem", a.certificate.as_str()),
        ("a.key", a.key.as_str()),
        ("b.pem", b.certificate.as_str()),
        ("b.key", b.key.as_str()),
    ];
    let gateway = Gateway::start(&config.text(), &files);
    TwoSites { gateway, upstream, a, b }
}

fn ask(raw: &mut Raw, host: &str, target: &str) -> Reply {
    raw.send(bare("GET", target, &["Accept: application/json", "X-Remote-User: alice"]).replace(HOST, host));
    raw.reply().unwrap()
}

#[test]
fn each_name_gets_its_certificate() {
    let sites = two_sites();
    let config = trusting(&[&sites.a, &sites.b], &[]);
    for (name, certificate) in [(HOST, &sites.a), ("b.test", &sites.b), ("x.b.test", &sites.b), ("B.TEST", &sites.b)] {
        let mut raw = Raw::connect(sites.gateway.port).tls(name, &config).unwrap();
        assert!(raw.certificate() == certificate.der, "{name}");
        assert_eq!(ask(&mut raw, name, "/public/a").status, 200, "{name}");
        assert_eq!(sites.upstream.only().value("x-forwarded-proto"), Some("https"));
    }
}

#[test]
fn an_unknown_name_gets_no_certificate_that_it_could_trust_and_no_site() {
    let sites = two_sites();
    let trusting = trusting(&[&sites.a, &sites.b], &[]);
    assert!(Raw::connect(sites.gateway.port).tls("unknown.test", &trusting).is_err());
    // An address is no name to ask for: the first certificate is shown, or none.
    for name in ["unknown.test", "127.0.0.1"] {
        if let Ok(mut raw) = Raw::connect(sites.gateway.port).tls(name, &trusting_anyone()) {
            assert!(raw.certificate() == sites.a.der, "{name}");
            assert_eq!(ask(&mut raw, name, "/public/a").status, 421, "{name}");
        }
    }
    assert_eq!(sites.upstream.bytes(), 0);
}

#[test]
fn s14_the_host_decides_whatever_name_the_handshake_had() {
    let sites = two_sites();
    let config = trusting(&[&sites.a, &sites.b], &[]);
    let mut raw = Raw::connect(sites.gateway.port).tls("b.test", &config).unwrap();
    let status = ask(&mut raw, HOST, "/admin").status;
    assert!(matches!(status, 401 | 421), "{status}");
    assert_eq!(sites.upstream.bytes(), 0);
}

#[test]
fn plain_http_on_a_tls_port_reaches_nobody() {
    let sites = two_sites();
    let mut raw = Raw::connect(sites.gateway.port);
    raw.send(request("GET", "/public/a", &[]));
    // Whatever comes back, a TLS alert at most, is no answer.
    let mut all = Vec::new();
    loop {
        let some = raw.some();
        if some.is_empty() {
            break;
        }
        all.extend(some);
    }
    assert!(!all.starts_with(b"HTTP/"), "{all:?}");
    assert_eq!(sites.upstream.bytes(), 0);
}

fn https(sites: &TwoSites, http1_only: bool) -> reqwest::Client {
    let mut builder = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_der(&sites.a.der).unwrap()])
        .resolve(HOST, ([127, 0, 0, 1], sites.gateway.port).into())
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(20));
    if http1_only {
        builder = builder.http1_only();
    }
    builder.build().unwrap()
}

#[tokio::test]
async fn http2_and_http1_are_spoken_as_the_client_likes() {
    let sites = two_sites();
    let _ = trusting(&[], &[]);
    for (http1_only, version) in [(false, reqwest::Version::HTTP_2), (true, reqwest::Version::HTTP_11)] {
        let client = https(&sites, http1_only);
        let url = |path: &str| format!("https://{HOST}:{}{path}", sites.gateway.port);
        let mut crumbs = reqwest::header::HeaderMap::new();
        for crumb in ["a=1", "b=2; c=3", "__Host-otpgate_grant=x"] {
            crumbs.append("cookie", crumb.parse().unwrap());
        }
        let answer = client.get(url("/public/a?q")).headers(crumbs).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, version));
        assert_eq!(answer.text().await.unwrap(), "ok");
        let heard = sites.upstream.only();
        assert_eq!(heard.target(), "/public/a?q");
        assert_eq!(heard.value("host"), Some(&*format!("{HOST}:{}", sites.gateway.port)));
        assert_eq!(heard.value("cookie"), Some("a=1; b=2; c=3"));
        assert!(heard.head.contains(" HTTP/1.1\r\n"), "{}", heard.head);

        // A body without a length, and one with.
        let answer = client.post(url("/public/a")).body("x".repeat(200_000)).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        assert_eq!(sites.upstream.only().body.len(), 200_000);
        let head = client.head(url("/public/a")).send().await.unwrap();
        assert_eq!((head.status().as_u16(), head.headers()["content-length"].to_str().unwrap()), (200, "2"));
        sites.upstream.forget();
        let challenged = client.get(url("/admin")).header("accept", "application/json");
        let challenged = challenged.header("x-remote-user", "alice").send().await.unwrap();
        assert_eq!(challenged.status().as_u16(), 401);
        assert_eq!(sites.upstream.heard().len(), 0);
    }
}

#[tokio::test]
async fn bodies_stream_over_http2() {
    const BLOCKS: usize = 80;
    let (seen, told) = channel::<()>();
    let told = Mutex::new(told);
    let sites = before(Recorder::answering(move |exchange| {
        if exchange.heard.method() == "POST" {
            let (length, _) = exchange.drain();
            return exchange.answer(format!("HTTP/1.1 200 OK\r\nX-Length: {length}\r\nContent-Length: 0\r\n\r\n"));
        }
        exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
        told.lock().unwrap().recv_timeout(Duration::from_secs(10)).unwrap();
        for _ in 0..BLOCKS {
            exchange.write(format!("10000\r\n{}\r\n", "x".repeat(0x10000)));
        }
        exchange.write("0\r\n\r\n");
        Then::KeepOpen
    }));
    let _ = trusting(&[], &[]);
    let client = https(&sites, false);
    let url = format!("https://{HOST}:{}/public/a", sites.gateway.port);
    let mut answer = client.get(&url).send().await.unwrap();
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "first");
    seen.send(()).unwrap();
    let mut length = 0;
    while let Some(chunk) = answer.chunk().await.unwrap() {
        length += chunk.len();
    }
    assert_eq!(length, BLOCKS * 0x10000);
    let answer = client.post(&url).body(vec![b'x'; BLOCKS * 0x10000]).send().await.unwrap();
    assert_eq!(answer.headers()["x-length"].to_str().unwrap(), (BLOCKS * 0x10000).to_string());
}

#[tokio::test]
async fn c13_cookies_over_https_are_host_bound_and_no_others_count() {
    let sites = two_sites();
    let _ = trusting(&[], &[]);
    let mut client = Client::new(HOST, sites.gateway.port);
    client.base = format!("https://{HOST}:{}", sites.gateway.port);
    client.use_http(https(&sites, false));
    step_up(&sites.gateway, &mut client, &[], "alice", "/admin").await;
    let names: Vec<&str> = client.jar.keys().map(String::as_str).collect();
    assert!(names.contains(&"__Host-otpgate_browser") && names.contains(&"__Host-otpgate_grant"), "{names:?}");
    let ask = |cookies: &str| {
        let mut raw = Raw::connect(sites.gateway.port).tls(HOST, &trusting(&[&sites.a], &[])).unwrap();
        raw.send(request("GET", "/admin", &[&format!("Cookie: {cookies}")]));
        raw.reply().unwrap()
    };
    let good = cookie_line(&client);
    assert_eq!(ask(&good).status, 200);
    let heard = sites.upstream.only();
    assert_eq!((heard.value("x-otpgate-subject"), heard.value("cookie")), (Some("alice"), None));
    let plain = good.replace("__Host-", "");
    let refused = ask(&plain);
    assert_eq!(refused.status, 401);
    let line = refused.header("set-cookie").unwrap();
    assert!(line.starts_with("__Host-otpgate_browser=") && line.contains("; Secure"), "{line}");
    assert!(line.contains("Path=/") && !line.contains("Domain"), "{line}");

    // Nor does a grant that was sealed for plain http count over https, by whatever name.
    let http = Setup::start().grant("alice", "/admin").await;
    let renamed = http.replace("otpgate_", "__Host-otpgate_");
    assert_eq!(ask(&renamed).status, 401);
}

#[test]
fn a_renewed_certificate_is_shown_after_sighup_and_open_connections_go_on() {
    let sites = two_sites();
    let renewed = pair(&[HOST]);
    let config = trusting(&[&sites.a, &sites.b, &renewed], &[]);
    let connect = || Raw::connect(sites.gateway.port).tls(HOST, &config).unwrap();
    let mut open = connect();
    assert!(open.certificate() == sites.a.der);
    assert_eq!(ask(&mut open, HOST, "/public/a").status, 200);
    std::fs::write(sites.gateway.dir().join("a.pem"), &renewed.certificate).unwrap();
    std::fs::write(sites.gateway.dir().join("a.key"), &renewed.key).unwrap();
    sites.gateway.signal("HUP");
    let told = Instant::now();
    while connect().certificate() != renewed.der {
        assert!(told.elapsed() < Duration::from_secs(5), "the old certificate is still shown");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(ask(&mut open, HOST, "/public/b").status, 200, "the connection from before goes on");

    // A key that does not fit its certificate is a bad config: what works goes on (I11).
    std::fs::write(sites.gateway.dir().join("a.key"), &sites.a.key).unwrap();
    sites.gateway.signal("HUP");
    let failed = "otpgate_config_reloads_total{outcome=\"failure\"} 1";
    let told = Instant::now();
    while !crate::setup::metrics(&sites.gateway).contains(failed) {
        assert!(told.elapsed() < Duration::from_secs(5), "{}", crate::setup::metrics(&sites.gateway));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(connect().certificate() == renewed.der);
    assert_eq!(ask(&mut open, HOST, "/public/c").status, 200);
}

#[test]
fn a_session_can_be_resumed_and_is_judged_like_any_other() {
    let sites = two_sites();
    let config = trusting(&[&sites.a], &[]);
    for round in 0..3 {
        let mut raw = Raw::connect(sites.gateway.port).tls(HOST, &config).unwrap();
        assert_eq!(raw.is_resumed(), round > 0);
        assert_eq!(ask(&mut raw, HOST, "/admin").status, 401);
        assert_eq!(ask(&mut raw, HOST, "/public/a").status, 200);
    }
}

/// An upstream that speaks TLS, and answers a head by what `answer` makes of it and of the name that was asked for.
pub(crate) fn tls_upstream(pair: &Pair, answer: impl Fn(&str, &str) -> String + Send + 'static) -> u16 {
    let _ = trusting(&[], &[]);
    let chain = vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let config = Arc::new(ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut tls = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
            let mut block = [0; 16 * 1024];
            while let Some(count) = tls.read(&mut block).ok().filter(|&count| count > 0) {
                let name = tls.conn.server_name().unwrap_or("none").to_owned();
                let answer = answer(&String::from_utf8_lossy(&block[..count]), &name);
                if tls.write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    port
}

#[test]
fn an_upstream_certificate_is_verified_unless_the_config_says_otherwise() {
    let port = tls_upstream(&pair(&["up.test"]), |_, name| {
        format!("HTTP/1.1 200 OK\r\nX-Name: {name}\r\nContent-Length: 2\r\n\r\nok")
    });
    let server = format!("127.0.0.1:{port}");
    for (lines, status) in [("tls: true\nsni: up.test", 502), ("tls: true\nsni: up.test\nverify: false", 200)] {
        let mut config = Config::to([server.as_str()]);
        lines.clone_into(&mut config.upstream);
        let setup = Setup { gateway: config.start(), upstream: Recorder::start() };
        let reply = setup.get("/public/a");
        assert_eq!(reply.status, status, "{lines}: {}", reply.text());
        if status == 200 {
            assert_eq!(reply.header("x-name"), Some("up.test"));
        }
    }
}
