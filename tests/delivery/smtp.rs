//! Codes by e-mail, against a real mail server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use otpgate::delivery::{
    ChannelSpec, Common, Delivered, Delivery, DeliverySpec, Failure, Message, Order, Outbox, ProviderKind,
    ProviderSpec, SendError, SiteName, SmtpSpec, Tools,
};
use otpgate::seal::Code;
use otpgate::store::{MoneyBudget, SiteKey};
use otpgate::words::{ChallengeId, Channel, Contact};
use serde_json::json;

use crate::server::{Certificates, Server};
use crate::world;

const TIMEOUT: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(1500);

fn message(code: &str) -> Message {
    Message { code: Code::unsealed(code.as_bytes()), ..world::message(Channel::Email) }
}

/// How a provider is set up, for the tests that vary it.
struct Post {
    url: String,
    ca: Option<PathBuf>,
    verify: bool,
    timeout: Duration,
}

impl Post {
    fn to(url: String) -> Self {
        Self { url, ca: None, verify: true, timeout: TIMEOUT }
    }

    fn delivery(self) -> Delivery {
        delivery(vec![self])
    }
}

fn delivery(posts: Vec<Post>) -> Delivery {
    let provider = |(post, name): (Post, char)| ProviderSpec {
        name: name.to_string().into(),
        kind: ProviderKind::Smtp(
            SmtpSpec::parse(&post.url, "Example Shop <no-reply@example.org>", post.ca, post.verify).unwrap(),
        ),
        common: Common { timeout: post.timeout, ..Common::default() },
    };
    let providers: Vec<_> = posts.into_iter().zip('a'..).map(provider).collect();
    let names = providers.iter().map(|provider| Arc::clone(&provider.name));
    let channels = vec![ChannelSpec::new(Channel::Email, names)];
    Delivery::new(DeliverySpec { providers, channels, ..DeliverySpec::default() }, tools()).unwrap()
}

fn tools() -> Tools {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Tools::alone(Arc::new(Outbox::default()))
}

async fn hand_over(delivery: &Delivery, message: &Message, avoid: Option<&str>) -> Result<Delivered, SendError> {
    let (site, challenge) = (SiteKey::new("shop.example.com"), ChallengeId::from_random([9; 16]));
    let order = Order { message, site: &site, challenge, send: 1, budget: &MoneyBudget::default(), avoid };
    delivery.send(&order).await
}

async fn send(delivery: &Delivery, code: &str) -> Result<Delivered, SendError> {
    hand_over(delivery, &message(code), None).await
}

/// The one failure of a delivery with one provider.
async fn failure(delivery: &Delivery) -> Failure {
    let error = send(delivery, "123456").await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("alice"), "I9: {error:?}");
    assert_eq!(error.attempts().len(), 1);
    error.attempts()[0].failure.clone()
}

#[tokio::test]
async fn an_email_arrives_as_it_is_meant() {
    let server = Server::start(&json!({}));
    let delivery = Post::to(format!("smtp://127.0.0.1:{}", server.port)).delivery();
    assert_eq!(send(&delivery, "123456").await.unwrap().provider, "a");
    let mail = server.mail();
    assert_eq!(mail.0["sender"], "no-reply@example.org");
    assert_eq!(mail.0["recipients"], json!(["alice@example.com"]));
    for (name, value) in [
        ("From", "Example Shop <no-reply@example.org>"),
        ("To", "alice@example.com"),
        ("Subject", "Your code for Example Shop"),
        ("Auto-Submitted", "auto-generated"),
        ("MIME-Version", "1.0"),
    ] {
        assert_eq!(mail.header(name), [value]);
    }
    for name in ["Date", "Message-ID", "Content-Type"] {
        assert_eq!(mail.header(name).len(), 1, "{name}");
    }
    assert!(mail.header("Content-Type")[0].starts_with("multipart/alternative"));
    assert!(mail.header("Bcc").is_empty() && mail.header("Cc").is_empty());
    let text = mail.part("text/plain");
    assert_eq!(text.lines().filter(|line| *line == "123456").count(), 1, "alone on a line: {text}");
    assert!(
        text.contains("5 minutes") && text.contains("203.0.113.7") && text.contains("If this was not you"),
        "{text}"
    );
    assert!(mail.part("text/html").contains(">123456<"));
    assert_eq!(mail.0["parts"][1][0], "text/html", "the richer part comes last (RFC 2046, 5.1.4)");
}

#[tokio::test]
async fn d05_o35_a_hostile_name_adds_no_header() {
    let server = Server::start(&json!({}));
    let delivery = Post::to(format!("smtp://127.0.0.1:{}", server.port)).delivery();
    let hostile = "Café\r\nBcc: eve@example.org\r\n\r\nhttps://evil.example 654321\r\n.\r\nMAIL FROM:<eve@example.org>";
    let mut message = message("123456");
    message.site = SiteName::new(hostile, "shop.example.com\r\nX: y");
    hand_over(&delivery, &message, None).await.unwrap();
    let mail = server.mail();
    assert_eq!(mail.0["recipients"], json!(["alice@example.com"]));
    let names: Vec<_> =
        mail.0["headers"].as_array().unwrap().iter().map(|header| header[0].as_str().unwrap()).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            "Auto-Submitted",
            "Content-Language",
            "Content-Type",
            "Date",
            "From",
            "MIME-Version",
            "Message-ID",
            "Subject",
            "To"
        ]
    );
    let text = mail.part("text/plain");
    assert!(!text.contains("654321") && !text.contains("://"), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("Bcc") || line == "."), "{text}");
    assert!(server.saw_nothing(), "one message, not two");
    for contact in
        ["alice@example.com\r\nBcc: eve@example.org", "alice@example.com,eve@example.org", "<alice@example.com>"]
    {
        assert!(Contact::parse(Channel::Email, contact).is_err());
    }
}

#[tokio::test]
async fn a_connection_carries_one_message_after_the_other() {
    let server = Server::start(&json!({}));
    let delivery = Post::to(format!("smtp://localhost:{}", server.port)).delivery();
    let mut connections = Vec::new();
    for code in ["111111", "222222", "333333"] {
        send(&delivery, code).await.unwrap();
        let mail = server.mail();
        assert_eq!(mail.code(), code);
        connections.push(mail.connection());
    }
    assert!(connections.iter().all(|connection| *connection == connections[0]), "{connections:?}");
}

#[tokio::test]
async fn a_connection_that_the_server_closed_costs_no_message() {
    let server = Server::start(&json!({"closes": true}));
    let delivery = Post::to(format!("smtp://127.0.0.1:{}", server.port)).delivery();
    for code in ["111111", "222222", "333333"] {
        send(&delivery, code).await.unwrap();
        assert_eq!(server.mail().code(), code);
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}

#[tokio::test]
async fn messages_at_the_same_time_each_arrive_once() {
    let server = Server::start(&json!({}));
    let delivery = Post::to(format!("smtp://127.0.0.1:{}", server.port)).delivery();
    let codes: Vec<String> = (0..20).map(|number| format!("9000{number:02}")).collect();
    let sent = futures_util::future::join_all(codes.iter().map(|code| send(&delivery, code))).await;
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    let mut seen: Vec<String> = codes.iter().map(|_| server.mail().code()).collect();
    seen.sort();
    assert_eq!(seen, codes);
}

#[tokio::test]
async fn d06_starttls_is_used_and_verified() {
    let certificates = Certificates::new();
    // On Linux and macOS a connection to 0.0.0.0 goes to this machine, and it is no loopback address: TLS is insisted on.
    let signed = certificates.sign(&["0.0.0.0"]);
    let server = Server::with_tls("starttls", &signed, json!({"auth": ["shop", "p@ss w/rd"]}));
    let url = format!("smtp://shop:p@ss%20w/rd@0.0.0.0:{}", server.port);
    let delivery = Post { ca: Some(certificates.ca()), ..Post::to(url.clone()) }.delivery();
    send(&delivery, "123456").await.unwrap();
    let signed_in = server.next();
    assert_eq!((&signed_in["good"], &signed_in["tls"]), (&json!(true), &json!(true)), "{signed_in}");
    assert_eq!(server.mail().0["tls"], true);

    let failure = failure(&Post::to(url).delivery()).await;
    assert!(matches!(&failure, Failure::Tls(why) if why.contains("UnknownIssuer")), "{failure}");
    assert!(server.saw_nothing(), "no password goes to a server that is not trusted");
}

#[tokio::test]
async fn d06_without_starttls_nothing_is_sent_but_on_this_machine() {
    let server = Server::start(&json!({"auth": ["shop", "secret"]}));
    let failure = failure(&Post::to(format!("smtp://shop:secret@0.0.0.0:{}", server.port)).delivery()).await;
    assert!(matches!(failure, Failure::NoStartTls), "{failure}");
    assert!(failure.surely_not_sent());
    assert!(server.saw_nothing(), "neither password nor message in clear");

    let delivery = Post::to(format!("smtp://shop:secret@127.0.0.1:{}", server.port)).delivery();
    send(&delivery, "123456").await.unwrap();
    assert_eq!(server.next()["good"], true);
    assert_eq!(server.mail().0["tls"], false);
}

#[tokio::test]
async fn d06_starttls_that_a_loopback_server_offers_is_taken() {
    let certificates = Certificates::new();
    let server = Server::with_tls("starttls", &certificates.sign(&["localhost"]), json!({}));
    let url = format!("smtp://localhost:{}", server.port);
    let delivery = Post { ca: Some(certificates.ca()), ..Post::to(url.clone()) }.delivery();
    send(&delivery, "123456").await.unwrap();
    assert_eq!(server.mail().0["tls"], true);
    assert!(matches!(failure(&Post::to(url).delivery()).await, Failure::Tls(_)));
}

#[tokio::test]
async fn d06_implicit_tls_is_verified() {
    let certificates = Certificates::new();
    let ca = || Some(certificates.ca());
    let server = Server::with_tls("implicit", &certificates.sign(&["localhost", "127.0.0.1"]), json!({}));
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("smtps://{host}:{}", server.port);
        send(&Post { ca: ca(), ..Post::to(url) }.delivery(), "123456").await.unwrap();
        assert_eq!(server.mail().0["tls"], true);
    }
    let wrong_name = Server::with_tls("implicit", &certificates.sign(&["mail.example.org"]), json!({}));
    let expired = Server::with_tls("implicit", &certificates.sign_expired(&["localhost"]), json!({}));
    for (server, why) in [(&wrong_name, "not valid for name"), (&expired, "expired")] {
        let url = format!("smtps://localhost:{}", server.port);
        let failure = failure(&Post { ca: ca(), ..Post::to(url.clone()) }.delivery()).await;
        assert!(matches!(&failure, Failure::Tls(text) if text.contains(why)), "{failure}");
        assert!(failure.surely_not_sent());
        assert!(server.saw_nothing());
        // Only who says so in so many words gets a connection that nobody has looked at.
        send(&Post { verify: false, ..Post::to(url) }.delivery(), "123456").await.unwrap();
        server.mail();
    }
    let plain = Server::start(&json!({}));
    let failure = failure(&Post::to(format!("smtps://localhost:{}", plain.port)).delivery()).await;
    assert!(matches!(failure, Failure::Tls(_)), "{failure}");
}

#[tokio::test]
async fn a_ca_file_that_is_none_is_found_before_anything_is_sent() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    for (content, why) in
        [(None, "No such file"), (Some("hello"), "no certificate"), (Some("-----BEGIN CERTIFICATE-----\n!"), "")]
    {
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        let smtp = SmtpSpec::parse("smtps://mail.example.com", "a@b.example", Some(file.clone()), true).unwrap();
        let provider = ProviderSpec { name: "a".into(), kind: ProviderKind::Smtp(smtp), common: Common::default() };
        let spec = DeliverySpec { providers: vec![provider], ..DeliverySpec::default() };
        let error = Delivery::new(spec, tools()).unwrap_err().to_string();
        assert!(error.contains("ca.pem cannot be read") && error.contains(why), "{error}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_without_the_password() {
    let server = Server::start(&json!({"auth": ["shop", "right"]}));
    let refused = failure(&Post::to(format!("smtp://shop:wrong@127.0.0.1:{}", server.port)).delivery()).await;
    assert_eq!(refused.to_string(), "the server refused the user name or password (535 5.7.8)");
    assert_eq!(server.next()["good"], false);
    // Without a sign-in this server takes no message; and one that knows none cannot be signed in to.
    let refused = failure(&Post::to(format!("smtp://127.0.0.1:{}", server.port)).delivery()).await;
    assert!(matches!(&refused, Failure::Refused(reply) if reply.code() == 530), "{refused}");
    let open = Server::start(&json!({}));
    let none = failure(&Post::to(format!("smtp://shop:right@127.0.0.1:{}", open.port)).delivery()).await;
    assert!(matches!(none, Failure::NoSignIn), "{none}");
    assert!(open.saw_nothing());
}

#[tokio::test]
async fn i9_what_a_server_refuses_surely_reached_nobody() {
    let recipient = Server::start(&json!({"rcpt": "550 5.1.1 <ADDRESS>: no such user"}));
    let delivery = Post::to(format!("smtp://127.0.0.1:{}", recipient.port)).delivery();
    let error = send(&delivery, "123456").await.unwrap_err();
    assert!(error.recipient_refused() && error.surely_not_sent());
    assert_eq!(error.to_string(), "a: the server refused the recipient (550 5.1.1)");

    for (told, wanted) in [
        (json!({"rcpt": "451 4.7.1 greylisted, ADDRESS"}), "451 4.7.1"),
        (json!({"data": "554 5.7.1 looks like spam"}), "554 5.7.1"),
        (json!({"data": "452 try later"}), "452"),
    ] {
        let server = Server::start(&told);
        let delivery = Post::to(format!("smtp://127.0.0.1:{}", server.port)).delivery();
        let error = send(&delivery, "123456").await.unwrap_err();
        assert!(error.surely_not_sent() && !error.recipient_refused());
        assert_eq!(error.to_string(), format!("a: the server refused the message ({wanted})"));
    }
}

#[tokio::test]
async fn d03_what_broke_after_the_message_was_written_may_have_been_sent() {
    for (told, written) in
        [(json!({"slow": "data"}), true), (json!({"drop": true}), true), (json!({"slow": "rcpt"}), false)]
    {
        let server = Server::start(&told);
        let post = Post { timeout: SHORT, ..Post::to(format!("smtp://127.0.0.1:{}", server.port)) };
        let delivery = post.delivery();
        let started = Instant::now();
        let failed = failure(&delivery).await;
        assert!(started.elapsed() < 2 * SHORT, "{:?}", started.elapsed());
        assert_eq!(failed.surely_not_sent(), !written, "{told}: {failed}");
        if written {
            server.mail();
        }
        // The next message starts afresh: it is not mixed up with the one that was cut off.
        send(&delivery, "222222").await.unwrap();
        assert_eq!(server.mail().code(), "222222");
        send(&delivery, "333333").await.unwrap();
        assert_eq!(server.mail().code(), "333333");
    }
}

#[tokio::test]
async fn d03_another_provider_takes_over() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (slow, good) = (Server::start(&json!({"slow": "data"})), Server::start(&json!({})));
    let url = |port: u16| format!("smtp://127.0.0.1:{port}");
    let delivery = delivery(vec![
        Post::to(url(nobody)),
        Post { timeout: SHORT, ..Post::to(url(slow.port)) },
        Post::to(url(good.port)),
    ]);
    let delivered = send(&delivery, "123456").await.unwrap();
    assert_eq!(delivered.provider, "c");
    assert!(matches!(&delivered.failed[0].failure, Failure::Unreachable(why) if why.contains("refused")));
    assert!(matches!(delivered.failed[1].failure, Failure::TimedOut { written: true }));
    assert_eq!(good.mail().code(), "123456");
    let resent = hand_over(&delivery, &message("123456"), Some("c")).await.unwrap();
    assert_eq!(resent.provider, "b", "a resend prefers another provider, and that one is awake now");
}

#[tokio::test]
async fn what_is_no_mail_server_is_told_as_such() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let failed = failure(&Post::to(format!("smtp://127.0.0.1:{port}")).delivery()).await;
    assert!(matches!(failed, Failure::Broken { written: false }), "{failed}");
    let failed = failure(&Post::to("smtp://no-such-host.invalid".to_owned()).delivery()).await;
    assert!(matches!(failed, Failure::Unreachable(_)), "{failed}");
}
