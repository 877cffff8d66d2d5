//! The command line as a newcomer meets it: the real binary, its help, its exit codes and what it says goes wrong.
// A test may unwrap: its panic is its report.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::HashSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use otpgate::seal::Secret;
use support::process::{SECRET, binary, free_port};
use tempfile::TempDir;

const COMMANDS: [&str; 12] =
    ["run", "demo", "check", "explain", "routes", "keygen", "schema", "geoip", "unlock", "bans", "revoke", "lookup"];

fn otpgate(args: &[&str]) -> Output {
    Command::new(binary()).args(args).env_remove("OTPGATE_ADMIN_TOKEN").output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What stands on standard error of a command that ended with `code`: `otpgate: …`, few lines, and nothing on standard
/// output.
fn complaint(output: &Output, code: i32) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert_eq!(out(output), "", "an error is on standard error alone");
    assert!(text.starts_with("otpgate: ") && text.ends_with('\n'), "{text}");
    assert!(text.lines().count() <= 3, "{text}");
    assert!(!text.contains("panicked") && !text.contains("Error {"), "{text}");
    text
}

/// A config beside nothing else.
fn config(text: &str) -> (TempDir, String) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("otpgate.yaml");
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (dir, path)
}

/// A config that is good, with this `admin`.
fn good(admin: &str) -> String {
    format!(
        "listeners: [{{address: 127.0.0.1:0}}]\nstore: memory\nsecrets: [{SECRET}]\nsites:\n  - hosts: shop.example.com\n    \
         upstream: {{servers: 127.0.0.1:9000}}\n    default_policy: bypass\n{admin}"
    )
}

#[test]
fn the_help_names_every_command_and_where_to_start() {
    let help = otpgate(&["--help"]);
    assert!(help.status.success());
    let text = out(&help);
    for command in COMMANDS {
        assert!(text.lines().any(|line| line.trim_start().starts_with(&format!("{command} "))), "{command}: {text}");
    }
    assert!(text.contains("otpgate demo"), "{text}");
    assert_eq!(out(&otpgate(&["-h"])), text, "one help, however it is asked for");
    assert_eq!(out(&otpgate(&["help"])), text);
}

#[test]
fn every_command_has_help_with_an_example_that_fits_a_screen() {
    for command in COMMANDS {
        let help = otpgate(&[command, "--help"]);
        let text = out(&help);
        assert!(help.status.success() && help.stderr.is_empty(), "{command}");
        assert!(text.contains("Usage: otpgate") && text.contains("Example"), "{command}: {text}");
        assert!(text.contains(&format!("  otpgate {command}")), "an example of its own: {text}");
        for line in text.lines() {
            assert!(line.chars().count() <= 120, "{command}: {line}");
        }
    }
}

#[test]
fn the_version_is_the_crates() {
    let version = otpgate(&["--version"]);
    assert!(version.status.success());
    assert_eq!(out(&version), format!("otpgate {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_wrong_command_line_says_what_is_wrong_and_ends_with_2() {
    let nothing = otpgate(&[]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(String::from_utf8(nothing.stderr).unwrap().contains("Start here"), "no command at all shows the help");

    for (args, says) in [
        (&["unlok"][..], "'unlock'"),
        (&["unlock"], "--subject <SUBJECT>"),
        (&["unlock", "--subject", "a", "--address", "192.0.2.1"], "cannot be used with"),
        (&["unlock", "--address", "192.0.2"], "invalid IP address"),
        (&["run"], "--config <FILE>"),
        (&["check"], "--config <FILE>"),
        (&["run", "-c"], "--config <FILE>"),
        (&["keygen", "extra"], "'extra'"),
        (&["lookup"], "<REFERENCE>"),
        (&["lookup", "hello"], "such as K7QF-2M9X"),
        (&["unlock", "--subject", "a", "--admin", "10.0.0.5"], "such as http://127.0.0.1:9180"),
        (&["unlock", "--subject", "a", "--admin", "ftp://10.0.0.5"], "such as http://127.0.0.1:9180"),
        (&["unlock", "--subject", "a", "-c", "x.yaml", "--admin", "http://10.0.0.5"], "cannot be used with"),
        (&["demo", "--port", "99999"], "99999"),
    ] {
        let text = complaint(&otpgate(args), 2);
        assert!(text.contains(says), "{args:?}: {text}");
    }
}

#[test]
fn a_config_that_is_missing_or_bad_ends_with_2_and_its_place() {
    for command in ["run", "check", "routes"] {
        let text = complaint(&otpgate(&[command, "-c", "/nowhere/otpgate.yaml"]), 2);
        assert!(text.contains("/nowhere/otpgate.yaml"), "{command}: {text}");

        let (_dir, path) = config(&good("polcies: {}\n"));
        let text = complaint(&otpgate(&[command, "-c", &path]), 2);
        assert!(text.contains("otpgate.yaml:8:1") && text.contains("`policies`"), "{command}: {text}");
    }
    let (_dir, path) = config(&good("polcies: {}\n"));
    for args in [&["explain", "-c", &path, "http://shop.example.com/"][..], &["unlock", "--subject", "a", "-c", &path]]
    {
        complaint(&otpgate(args), 2);
    }
}

#[test]
fn keygen_prints_one_secret_and_nothing_else() {
    let mut seen = HashSet::new();
    for _ in 0..20 {
        let output = otpgate(&["keygen"]);
        assert!(output.status.success() && output.stderr.is_empty());
        let text = out(&output);
        let line = text.strip_suffix('\n').unwrap();
        assert!(!line.contains('\n'), "{text}");
        Secret::parse(line).unwrap();
        assert!(seen.insert(line.to_owned()), "never the same twice");
    }
}

#[test]
fn a_gateway_that_does_not_run_is_named_with_what_to_do() {
    let address = format!("127.0.0.1:{}", free_port());
    let url = format!("http://{address}");
    for args in [
        &["unlock", "--subject", "alice", "--admin", &url][..],
        &["revoke", "--subject", "alice", "--admin", &url],
        &["lookup", "K7QF-2M9X", "--admin", &url],
    ] {
        let text = complaint(&otpgate(args), 1);
        for part in [&*address, "connection refused", "running", "`admin`"] {
            assert!(text.contains(part), "{args:?}: {part}: {text}");
        }
    }
    // The same by the config, whose listener on every address is asked over the loopback.
    let port = free_port();
    let (_dir, path) = config(&good(&format!("admin: {{address: 0.0.0.0:{port}, token: correct-horse-battery}}\n")));
    let text = complaint(&otpgate(&["lookup", "K7QF-2M9X", "-c", &path]), 1);
    assert!(text.contains(&format!("http://127.0.0.1:{port}")), "{text}");
}

#[test]
fn a_machine_without_trusted_certificates_can_ask_over_plain_http() {
    let url = format!("http://127.0.0.1:{}", free_port());
    let mut command = Command::new(binary());
    command.args(["lookup", "K7QF-2M9X", "--admin", &url]);
    command.env("SSL_CERT_FILE", "/nonexistent").env("SSL_CERT_DIR", "/nonexistent").env_remove("OTPGATE_ADMIN_TOKEN");
    let text = complaint(&command.output().unwrap(), 1);
    assert!(text.contains("connection refused"), "{text}");
}

#[test]
fn a_config_without_an_admin_listener_says_how_to_add_one() {
    let (_dir, path) = config(&good(""));
    let text = complaint(&otpgate(&["unlock", "--subject", "alice", "-c", &path]), 2);
    assert!(text.contains("admin: {address: 127.0.0.1:9180}"), "{text}");
}

#[test]
fn i9_a_token_that_is_wrong_is_not_repeated() {
    for args in [&["--token", "hunter2"][..], &["--token", "hunter2 and spaces, long enough"]] {
        let all = [&["unlock", "--subject", "alice"][..], args].concat();
        let text = complaint(&otpgate(&all), 2);
        assert!(text.contains("--token") && !text.contains("hunter2"), "{text}");
    }
    let mut command = Command::new(binary());
    command.args(["lookup", "K7QF-2M9X"]).env("OTPGATE_ADMIN_TOKEN", "hunter2");
    let text = complaint(&command.output().unwrap(), 2);
    assert!(text.contains("OTPGATE_ADMIN_TOKEN") && !text.contains("hunter2"), "{text}");
}

#[test]
fn something_else_that_answers_is_told_apart() {
    for (answer, says) in [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope", "404"),
        ("HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n", "302"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "no admin listener of otpgate"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let text = complaint(&otpgate(&["unlock", "--subject", "alice", "--admin", &url]), 1);
        assert!(text.contains(says) && text.contains("`admin.address`"), "{text}");
        serving.join().unwrap();
    }
}

#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    for args in [&["--help"][..], &["keygen"], &["schema"]] {
        let mut child =
            Command::new(binary()).args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(ended.stderr).unwrap(), "", "{args:?}");
        assert!(ended.status.success(), "{args:?}");
    }
}

/// A table like that of iptoasn.com: two countries, two systems, a range that nobody announces, and IPv6.
fn table() -> String {
    let mut text = "1.0.0.0\t1.0.0.255\t13335\tUS\tCLOUDFLARENET\n1.0.1.0\t1.0.3.255\t0\tNone\tNot routed\n".to_owned();
    for number in 0..1_000 {
        let (high, low) = (number / 256, number % 256);
        text += &format!("11.{high}.{low}.0\t11.{high}.{low}.127\t64496\tMY\tExample, Ünïcode\n");
    }
    text + "2001:db8::\t2001:db8:ffff:ffff:ffff:ffff:ffff:ffff\t64496\tMY\tExample\n"
}

fn gzip(text: &str) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(text.as_bytes()).unwrap();
    out.finish().unwrap()
}

/// A web server that answers one request with this.
fn web(status: &str, body: &[u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let answer = [head.as_bytes(), body].concat();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(&answer);
    });
    format!("http://{address}/ip2asn-combined.tsv.gz")
}

fn whereabouts(folder: &std::path::Path, ip: &str) -> (Option<String>, Option<u32>) {
    let mut known = otpgate::risk::Whereabouts::default();
    for name in ["country.mmdb", "asn.mmdb"] {
        otpgate::risk::DatabaseFile::open(folder.join(name)).unwrap().load().tell(ip.parse().unwrap(), &mut known);
    }
    (known.country.map(|country| country.to_string()), known.system)
}

#[test]
fn geoip_update_builds_databases_that_the_gateway_reads() {
    let folder = TempDir::new().unwrap();
    let to = folder.path().join("new/geoip");
    let file = folder.path().join("table.tsv");
    fs::write(&file, table()).unwrap();
    for from in [web("200 OK", &gzip(&table())), file.display().to_string()] {
        let output = otpgate(&["geoip", "update", "--folder", to.to_str().unwrap(), "--from", &from]);
        assert!(output.status.success(), "{output:?}");
        let told = out(&output);
        assert!(told.ends_with("asn.mmdb: 1002 ranges, 2 countries, 2 autonomous systems\n"), "{told}");
        for (ip, country, system) in [
            ("1.0.0.1", Some("US"), Some(13_335)),
            ("1.0.2.1", None, None),
            ("11.3.231.127", Some("MY"), Some(64_496)),
            ("11.3.231.128", None, None),
            ("2001:db8:1::1", Some("MY"), Some(64_496)),
            ("2001:db9::1", None, None),
        ] {
            assert_eq!(whereabouts(&to, ip), (country.map(str::to_owned), system), "{ip}");
        }
    }
    assert_eq!(fs::read_dir(&to).unwrap().count(), 2, "nothing else is left there");
}

/// F02: what is no whole table replaces nothing.
#[test]
fn f02_geoip_update_replaces_nothing_by_a_broken_table() {
    let folder = TempDir::new().unwrap();
    let to = folder.path().to_str().unwrap();
    fs::write(folder.path().join("country.mmdb"), "old").unwrap();
    let whole = gzip(&table());
    let short: String = table().lines().take(9).map(|line| format!("{line}\n")).collect();
    for (from, wanted) in [
        (web("404 Not Found", b""), "404"),
        (web("200 OK", b"<!doctype html>\n"), "line 1 is not of this table"),
        (web("200 OK", &whole[..whole.len() / 2]), "it broke off"),
        (web("200 OK", &gzip(&short)), "ranges only"),
        (web("200 OK", &gzip(&table().replace("13335", "-1"))), "line 1 is not of this table"),
        (format!("http://127.0.0.1:{}/", free_port()), "cannot be fetched"),
        ("/nowhere/table.tsv".to_owned(), "cannot be read"),
    ] {
        let told = complaint(&otpgate(&["geoip", "update", "--folder", to, "--from", &from]), 1);
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    assert_eq!(fs::read_to_string(folder.path().join("country.mmdb")).unwrap(), "old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// A day of a shop's log: what a policy that no route uses yet would do, and what the routes do.
const LOG: &str = r#"
192.0.2.7 - - [27/Nov/2026:08:00:00 +0000] "GET /account HTTP/1.1" 200 12 "-" "Firefox"
192.0.2.7 - - [27/Nov/2026:08:05:00 +0000] "GET /account/orders HTTP/1.1" 200 12 "-" "Firefox"
192.0.2.7 - - [27/Nov/2026:08:21:00 +0000] "GET /ACCOUNT HTTP/1.1" 200 12 "-" "Firefox"
192.0.2.7 - bob [27/Nov/2026:08:22:00 +0000] "GET /account HTTP/1.1" 200 12 "-" "Firefox"
198.51.100.3 - - [27/Nov/2026:08:30:00 +0000] "GET /account?id=1 HTTP/1.1" 200 12 "-" "sqlmap/1.8"
198.51.100.3 - - [27/Nov/2026:08:30:01 +0000] "GET /catalogue HTTP/1.1" 200 12 "-" "sqlmap/1.8"
192.0.2.7 - - [27/Nov/2026:08:40:00 +0000] "GET /catalogue HTTP/1.1" 200 12 "-" "Firefox"
192.0.2.7 - - [27/Nov/2026:08:41:00 +0000] "GET /a%2fb HTTP/1.1" 200 12 "-" "Firefox"
other.example.com:443 192.0.2.7 - - [27/Nov/2026:08:42:00 +0000] "GET /account HTTP/1.1" 200 12 "-" "Firefox"
this is no request
"#;

#[test]
fn a_log_is_replayed_before_anybody_turns_a_policy_on() {
    let text = good(
        "    routes: [{path: /account/**, policy: account}]\n\
         policies:\n  account: {channels: email, max_age: 15m}\n  browsing: {channels: email, challenge_at: 40}\n\
         delivery: {providers: {dev: {type: outbox}}, email: {providers: dev}}\n\
         risk: {rules: [{when: {header: {User-Agent: sqlmap*}}, points: 100, reason: an attack tool}]}\n",
    );
    let (dir, path) = config(&text);
    let (log, picture) = (dir.path().join("access.log"), dir.path().join("scores.svg"));
    fs::write(&log, LOG).unwrap();
    let (log, picture) = (log.to_str().unwrap(), picture.to_str().unwrap());

    let output = otpgate(&["explain", "-c", &path, "--replay", log]);
    let table = out(&output);
    assert!(output.status.success(), "{table}");
    for line in [
        "7 requests, 2026-11-27T08:00:00.000Z to 2026-11-27T08:40:00.000Z",
        "forward   bypass                         2   28.6 %",
        "forward   proved before                  1   14.3 %",
        // Another user of the same browser is another visitor.
        "challenge no_proof                       2   28.6 %",
        "challenge too_old                        1   14.3 %",
        "refuse    high_score                     1   14.3 %",
        "aside     1 refused at the door, for what they ask in two ways",
        "aside     1 to hosts that this config does not have",
        "aside     1 lines that are no requests, the first of them line 11",
        "shop.example.com account          1           3         1               2",
        "100                1  #",
        "an attack tool       100         0           0         1",
        "         1  198.51.100.3  an attack tool 100",
    ] {
        assert!(table.lines().any(|found| found.starts_with(line)), "{line}: {table}");
    }

    // A policy that no route uses yet, for some paths, with a picture.
    let only = ["--policy", "browsing", "--path", "/Catalogue/**", "--svg", picture];
    let output = otpgate(&[&["explain", "-c", &path, "--replay", log][..], &only].concat());
    let table = out(&output);
    assert!(output.status.success() && table.starts_with("2 requests"), "{table}");
    for line in
        ["forward   low_score                      1   50.0 %", "refuse    high_score                     1   50.0 %"]
    {
        assert!(table.contains(line), "{line}: {table}");
    }
    let picture = fs::read_to_string(picture).unwrap();
    for part in ["<svg xmlns=", "challenge_at 40", "deny_at 90", "score 100: 1 refuse", "score 0: 1 forward", "</svg>"]
    {
        assert!(picture.contains(part), "{part}: {picture}");
    }

    // What a log cannot say is named.
    assert!(table.contains("not known here: what cookies and the store tell of the visitor: new_device\n"), "{table}");

    for (args, wrong) in [
        (&["--replay", "/nowhere/access.log"][..], "/nowhere/access.log"),
        (&["--replay", log, "--policy", "brwsing"], "did you mean `browsing`?"),
        (&["--replay", log, "--site", "elsewhere.example.com"], "no site of this config has the host"),
        (&["--replay", log, "--path", "catalogue"], "starts with `/`"),
        (&["--replay", log, "http://shop.example.com/"], "cannot be used with"),
        (&["--replay", log, "--ip", "192.0.2.1"], "cannot be used with"),
        (&["--replay", log, "--method", "POST"], "cannot be used with"),
        (&["--policy", "browsing", "http://shop.example.com/"], "cannot be used with"),
        (&[], "URL"),
    ] {
        let output = otpgate(&[&["explain", "-c", &path][..], args].concat());
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(wrong), "{args:?}: {wrong}: {text}");
    }
    fs::write(log, "nothing\nof use\n").unwrap();
    let text = complaint(&otpgate(&["explain", "-c", &path, "--replay", log]), 2);
    assert!(text.contains("no line of it is a request to a site"), "{text}");
}

/// Users whom a log names are followed from place to place, as a gateway would; whoever is asked there has arrived.
#[test]
fn users_of_a_log_are_followed() {
    let country = format!("{}/geoip/country.mmdb", env!("CARGO_MANIFEST_DIR"));
    let text = good(&format!(
        "    routes: [{{path: /**, policy: browsing}}]\n\
         policies: {{browsing: {{channels: email, challenge_at: 40}}}}\n\
         delivery: {{providers: {{dev: {{type: outbox}}}}, email: {{providers: dev}}}}\n\
         risk: {{geoip: {{country: '{country}'}}}}\n"
    ));
    let (dir, path) = config(&text);
    let log = dir.path().join("access.log");
    let line = |ip: &str, user: &str, time: &str| {
        format!("{ip} - {user} [27/Nov/2026:{time} +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"Firefox\"\n")
    };
    let (london, america) = ("81.2.69.142", "8.8.8.8");
    let lines = [
        line(london, "bob", "08:00:00"),
        line(america, "bob", "08:01:00"),
        line(america, "bob", "08:02:00"),
        line(london, "carol", "08:03:00"),
        // A flight later.
        line(america, "carol", "18:00:00"),
        // Nobody knows that these are one.
        line(london, "-", "08:04:00"),
        line(america, "-", "08:05:00"),
    ];
    fs::write(&log, lines.concat()).unwrap();
    let output = otpgate(&["explain", "-c", &path, "--replay", log.to_str().unwrap()]);
    let table = out(&output);
    for line in [
        "forward   low_score                      6",
        "challenge no_proof                       1",
        "impossible_travel        50         0           1         0",
    ] {
        assert!(table.lines().any(|found| found.starts_with(line)), "{line}: {table}");
    }
}
