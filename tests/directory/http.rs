//! A directory that is asked over HTTP, and a server that misbehaves in every way (D09, D12).

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use otpgate::directory::{Directory, DirectoryError, Entry, Kept, Mark, MarkError};
use otpgate::server::plan_with;
use otpgate::words::{Channel, Contact, Country, Subject, Timestamp};
use tempfile::TempDir;

use crate::crm::{Crm, json};
use crate::support::recorder::Recorder;

const POINTERS: &str = "{email: /contact/email, sms: /contact/phones, language: /lang, id: /id, subject: /login}";

/// The directory of a config in which `http` has these lines.
pub(crate) fn directory(lines: &str, ca: &str) -> Arc<Kept> {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("ca.pem"), ca).unwrap();
    let lines: String = lines.lines().map(|line| format!("          {line}\n")).collect();
    let config = format!(
        "listeners: {{address: 127.0.0.1:8080}}
store: memory
secrets: {}
sites:
  - hosts: shop.test
    upstream: {{servers: 127.0.0.1:9000}}
    identity: {{header: {{name: X-User, from: 127.0.0.1}}}}
    country: MY
    directory:
      - cache: 0s
        http:
{lines}
    routes: [{{path: /account, policy: otp}}]
delivery: {{providers: {{dev: {{type: outbox}}}}, email: {{providers: dev}}}}
",
        crate::support::process::SECRET
    );
    let path = folder.path().join("otpgate.yaml");
    std::fs::write(&path, &config).unwrap();
    let plan = plan_with(&path, &|name| (name == "TOKEN").then(|| "hunter2".to_owned()));
    let plan = plan.unwrap_or_else(|error| panic!("{error}\n{config}"));
    Arc::clone(plan.sites[0].spec.directories.get(0).unwrap())
}

fn of(crm: &Crm, more: &str) -> Arc<Kept> {
    let url = format!("url: 'https://localhost:{}/users/{{subject}}'\nca: ca.pem\n", crm.port);
    directory(&format!("{url}pointers: {POINTERS}\n{more}"), &crm.ca)
}

async fn find(directory: &Kept, subject: &str) -> Result<Option<Entry>, DirectoryError> {
    directory.find(&Subject::parse(subject).unwrap()).await
}

fn told(entry: &Entry) -> Vec<String> {
    entry.contacts().map(|contact| format!("{} {}", contact.channel(), contact.reveal())).collect()
}

const ALICE: &str = r#"{"login": "alice", "id": 17, "lang": "ms", "contact": {"email": "alice@example.com",
    "phones": ["012-345 6789", "+1 415 555 0101", "n/a", null]}}"#;

#[tokio::test]
async fn an_answer_is_read_by_pointers() {
    let crm = Crm::saying(json("200 OK", ALICE));
    let entry = find(&of(&crm, ""), "alice").await.unwrap().unwrap();
    assert_eq!(told(&entry), ["email alice@example.com", "sms +60123456789", "sms +14155550101"]);
    assert_eq!(entry.id.unwrap().as_str(), "17");
    assert_eq!(entry.language.unwrap().as_str(), "ms");

    let problem = ALICE.replace("application/json", "application/vnd.crm+json; charset=utf-8");
    assert!(find(&of(&Crm::saying(json("200 OK", &problem)), ""), "alice").await.unwrap().is_some());
    let nothing = r#"{"login": "alice", "contact": {"email": null, "phones": []}}"#;
    let entry = find(&of(&Crm::saying(json("200 OK", nothing)), ""), "alice").await.unwrap().unwrap();
    assert!(entry.contacts.is_empty(), "known, and without a contact");
}

#[tokio::test]
async fn whom_it_does_not_know_it_does_not_know() {
    for answer in [json("404 Not Found", r#"{"error": "no such user"}"#), json("200 OK", "null")] {
        assert_eq!(find(&of(&Crm::saying(&answer), ""), "alice").await, Ok(None), "{answer}");
    }
}

/// Nothing of a visitor's request can be in it: there is no way in. What is sent is what the config says.
#[tokio::test]
async fn d12_it_is_told_the_subject_and_nothing_else() {
    let crm = Crm::saying(json("200 OK", ALICE));
    let directory = of(&crm, "headers: {Authorization: 'Bearer ${TOKEN}'}");
    for _ in 0..2 {
        find(&directory, "alice").await.unwrap();
    }
    for head in crm.heard() {
        let mut lines = head.trim_end().split("\r\n");
        assert_eq!(lines.next(), Some("GET /users/alice HTTP/1.1"));
        let mut names: Vec<_> = lines.map(|line| line.split(':').next().unwrap().to_ascii_lowercase()).collect();
        names.sort();
        assert_eq!(names, ["accept", "authorization", "host", "user-agent"]);
        assert!(head.contains("Bearer hunter2"), "{head}");
    }
    assert!(!format!("{directory:?}").contains("hunter2"), "I9");
    let basic = of(&crm, "basic: {user: otpgate, password: '${TOKEN}'}");
    find(&basic, "alice").await.unwrap();
    assert!(crm.heard().pop().unwrap().contains("Basic b3RwZ2F0ZTpodW50ZXIy"));
}

#[tokio::test]
async fn d09_whatever_a_subject_is_called_one_address_is_asked() {
    let crm = Crm::saying(json("404 Not Found", ""));
    let directory = of(&crm, "");
    for subject in
        ["../admin", "@evil.example", "//evil.example/", "%2f..%2fadmin", "a?b=c", "a#b", "a\\b", "a b", "..", "."]
    {
        assert_eq!(find(&directory, subject).await, Ok(None), "{subject}");
    }
    let heard = crm.heard();
    assert_eq!(heard.len(), 8, "nobody can be asked for `..` and `.`: {heard:?}");
    for request in &heard {
        let target = request.split(' ').nth(1).unwrap();
        let segment = target.strip_prefix("/users/").unwrap_or_else(|| panic!("{target}"));
        assert!(segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)), "{target}");
        assert!(request.contains(&format!("host: localhost:{}\r\n", crm.port)), "{request}");
    }
}

#[tokio::test]
async fn d09_a_redirect_is_not_followed() {
    let metadata = Recorder::saying(&json("200 OK", ALICE));
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = format!("http://{}/latest/meta-data", metadata.address());
        let crm = Crm::saying(format!("HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"));
        let outcome = find(&of(&crm, ""), "alice").await;
        assert!(
            matches!(&outcome, Err(DirectoryError::Wrong(why)) if why.contains("redirect")),
            "{status}: {outcome:?}"
        );
    }
    assert_eq!(metadata.connections(), 0);
}

#[tokio::test]
async fn d09_an_answer_that_means_nothing_is_no_answer() {
    let ok = |kind: &str, body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    let deep = format!("{{\"contact\": {}{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let many = format!(r#"{{"contact": {{"phones": [{}"x"]}}}}"#, r#""x","#.repeat(20));
    let long = format!(r#"{{"contact": {{"email": "{}"}}}}"#, "a".repeat(70_000));
    let twice = r#"{"contact": {"email": "alice@example.com"}, "contact": {"email": "mallory@example.com"}}"#;
    for (answer, wanted) in [
        (ok("text/html", "<p>Sign in</p>"), "`application/json`"),
        (ok("text/plain", ALICE), "`application/json`"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".to_owned(), "`application/json`"),
        (ok("application/json\r\nContent-Encoding: gzip", "\u{1f}"), "`application/json`"),
        (json("200 OK", r#"{"error": "no such user"}"#), "nothing stands where the pointers look"),
        (json("200 OK", "[]"), "nothing stands where the pointers look"),
        (json("200 OK", "\"alice@example.com\""), "nothing stands where the pointers look"),
        (json("200 OK", ""), "no JSON"),
        (json("200 OK", r#"{"contact": {"email": "alice@exam"#), "no JSON"),
        (json("200 OK", &format!("{ALICE} {ALICE}")), "no JSON"),
        (json("200 OK", &deep), "no JSON"),
        (json("200 OK", &long), "longer than 64 KiB"),
        (json("200 OK", &many), "more than 20 contacts"),
        (json("200 OK", twice), "stands there twice"),
        (json("200 OK", r#"{"contact": {"email": {"address": "a@b.example"}}}"#), "`email` is not a text"),
        (json("200 OK", r#"{"contact": {"email": [["a@b.example"]]}}"#), "`email` is not a text"),
        (json("200 OK", r#"{"contact": {"phones": 1.5}}"#), "`sms` is not a text"),
        (json("200 OK", r#"{"contact": {"phones": true}}"#), "`sms` is not a text"),
        (json("200 OK", r#"{"id": [17], "contact": {"email": "a@b.example"}}"#), "`id` is not a text"),
        (json("200 OK", "{\"id\": \"a\\u0000b\", \"contact\": {}}"), "`id`"),
        (json("201 Created", ALICE), "201"),
        ("HTTP/1.1 204 No Content\r\n\r\n".to_owned(), "204"),
        (json("206 Partial Content", ALICE), "206"),
        (json("401 Unauthorized", ALICE), "401"),
        (json("403 Forbidden", ALICE), "403"),
        (json("410 Gone", ALICE), "410"),
    ] {
        let outcome = find(&of(&Crm::saying(&answer), ""), "alice").await;
        let is_told = matches!(&outcome, Err(DirectoryError::Wrong(why)) if why.contains(wanted));
        assert!(is_told, "{wanted}: {outcome:?}\n{}", answer.get(..200).unwrap_or(&answer));
        let shown = outcome.unwrap_err().to_string();
        assert!(!shown.contains("alice") && !shown.contains("example.com"), "I9: {shown}");
    }
    for (answer, wanted) in [
        (json("500 Internal Server Error", ALICE), "500"),
        (json("503 Service Unavailable", ALICE), "503"),
        (json("429 Too Many Requests", ALICE), "429"),
        ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{".to_owned(), "broke"),
        ("220 mail.example.com ESMTP\r\n".to_owned(), "broke"),
        (String::new(), "broke"),
    ] {
        let outcome = find(&of(&Crm::saying(&answer), ""), "alice").await;
        let is_told = matches!(&outcome, Err(DirectoryError::Unreachable(why)) if why.contains(wanted));
        assert!(is_told, "{wanted}: {outcome:?}\n{answer}");
    }
}

#[tokio::test]
async fn d09_an_answer_without_an_end_or_in_drips_is_cut_off() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n\"";
    let endless = Crm::doing("localhost", |_, out| {
        let _ = out.write_all(HEAD.as_bytes());
        while out.write_all(&[b'a'; 16 * 1024]).is_ok() {}
    });
    let outcome = find(&of(&endless, ""), "alice").await;
    assert!(matches!(&outcome, Err(DirectoryError::Wrong(why)) if why.contains("64 KiB")), "{outcome:?}");

    let drip = |head: &'static str| {
        Crm::doing("localhost", move |_, out| {
            for byte in head.bytes().chain(std::iter::repeat(b'a')) {
                if out.write_all(&[byte]).and_then(|()| out.flush()).is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        })
    };
    let silent = Crm::doing("localhost", |_, _: &mut dyn Write| std::thread::sleep(Duration::from_secs(5)));
    for crm in [drip(HEAD), silent] {
        let started = Instant::now();
        let outcome = find(&of(&crm, "timeout: 300ms"), "alice").await;
        assert!(matches!(&outcome, Err(DirectoryError::Unreachable(why)) if why.contains("in time")), "{outcome:?}");
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn d09_a_server_that_cannot_prove_who_it_is_gets_no_question() {
    let other = Crm::doing("crm.example", |_, out| out.write_all(json("200 OK", ALICE).as_bytes()).unwrap());
    let stranger = Crm::saying(json("200 OK", ALICE));
    let url = format!("url: 'https://localhost:{}/users/{{subject}}'\npointers: {POINTERS}", stranger.port);
    for directory in [of(&other, ""), directory(&url, ""), directory(&format!("{url}\nca: ca.pem"), &other.ca)] {
        let outcome = find(&directory, "alice").await;
        assert!(
            matches!(&outcome, Err(DirectoryError::Unreachable(why)) if why.contains("certificate")),
            "{outcome:?}"
        );
    }
    assert!(other.heard().is_empty() && stranger.heard().is_empty());
    let nobody = format!("url: 'https://127.0.0.1:1/{{subject}}'\npointers: {POINTERS}");
    let outcome = find(&directory(&nobody, ""), "alice").await;
    assert!(matches!(&outcome, Err(DirectoryError::Unreachable(why)) if why == "no connection"), "{outcome:?}");
}

#[tokio::test]
async fn h19_an_answer_about_somebody_else_is_refused() {
    let crm = Crm::saying(json("200 OK", ALICE));
    for subject in ["Alice", "alic\u{435}"] {
        assert_eq!(find(&of(&crm, ""), subject).await, Err(DirectoryError::Ambiguous), "{subject}");
    }
}

#[tokio::test]
async fn it_is_told_of_a_proved_contact() {
    let mark = Mark {
        subject: Subject::parse("al/ice").unwrap(),
        contact: Contact::parse_in(Channel::Sms, "012-345 6789", Some("MY".parse::<Country>().unwrap())).unwrap(),
        at: Timestamp::from_millis(1_795_780_800_000),
    };
    let told = |crm: &Crm, more: &str| {
        of(crm, &format!("mark: {{url: 'https://localhost:{}/marks/{{subject}}'{more}}}", crm.port))
    };
    let crm = Crm::saying("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    let directory = told(&crm, r#", body: '{"phone": "{contact}", "at": "{verified_at}", "by": "{channel}"}'"#);
    assert!(directory.takes_marks() && !of(&crm, "").takes_marks());
    assert_eq!(directory.mark(&mark).await, Ok(()));
    let request = crm.heard().pop().unwrap();
    assert!(request.starts_with("PATCH /marks/al%2Fice HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with(r#"{"phone": "+60123456789", "at": "2026-11-27T12:00:00Z", "by": "sms"}"#), "{request}");
    assert!(request.contains("content-type: application/json\r\n"), "{request}");

    for (status, is_later) in [
        ("500 Internal Server Error", true),
        ("429 Too Many Requests", true),
        ("401 Unauthorized", true),
        ("400 Bad Request", false),
        ("404 Not Found", false),
        ("302 Found", false),
    ] {
        let outcome = told(&Crm::saying(json(status, "{}")), ", method: put").mark(&mark).await;
        match (&outcome, is_later) {
            (Err(MarkError::Later(_)), true) | (Err(MarkError::Never(_)), false) => {}
            _ => panic!("{status}: {outcome:?}"),
        }
        assert!(!outcome.unwrap_err().to_string().contains("6789"), "I9");
    }
}
