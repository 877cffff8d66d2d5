//! `check`, `routes`, `explain` and `schema`, as an operator runs them.

use std::process::{Command, Output};

use crate::{SECRET, SMALL, Written, changed};

fn otpgate(written: &Written, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_otpgate"))
        .args(args)
        .current_dir(written.folder.path())
        .env("SECRET", SECRET)
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn check_says_what_is_there() {
    let written = Written::new(SMALL.as_bytes());
    let output = otpgate(&written, &["check", "-c", "otpgate.yaml"]);
    assert_eq!(out(&output), "otpgate.yaml: ok, 1 site, 1 route, 1 policy\n");
    assert!(output.stderr.is_empty());
}

#[test]
fn check_says_what_is_odd_and_goes_on() {
    let written = Written::new(changed("policy: account}", "policy: otp}").as_bytes());
    let output = otpgate(&written, &["check", "-c", "otpgate.yaml"]);
    assert_eq!(
        out(&output),
        "otpgate.yaml:5:3: warning: no route uses the policy `account`\n\
         otpgate.yaml: ok, 1 site, 1 route, 1 policy, 1 warning\n"
    );
}

/// One error, on stderr, and exit code 2.
#[test]
fn check_refuses_with_one_line() {
    let written = Written::new(changed("policy: account}", "polcy: account}").as_bytes());
    for command in ["check", "routes"] {
        let output = otpgate(&written, &[command, "-c", "otpgate.yaml"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(error, "otpgate: otpgate.yaml:14:29: unknown key `polcy`: did you mean `policy`?\n");
    }
}

#[test]
fn routes_are_a_table_of_100_columns() {
    let many = "{path: /account/**, policy: account}
      - {path: [/one/very/long/path/**, /another/very/long/path/**, /a/third/very/long/path/**], methods: [POST, PUT, DELETE], query: {action: [pay, refund]}, policy: deny}";
    let written = Written::new(changed("{path: /account/**, policy: account}", many).as_bytes());
    let table = out(&otpgate(&written, &["routes", "-c", "otpgate.yaml"]));
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines.iter().all(|line| line.chars().count() <= 100), "{table}");
    assert!(lines[0].starts_with("SITE ") && lines[0].ends_with(" POLICY"), "{table}");
    assert!(
        lines[1].starts_with("shop.example.com    14  path /account/**") && lines[1].ends_with("  account"),
        "{table}"
    );
    assert!(lines.last().unwrap().ends_with("  bypass") && table.contains("everything else"), "{table}");
}

fn explain(written: &Written, args: &[&str]) -> String {
    out(&otpgate(written, &[&["explain", "-c", "otpgate.yaml"], args].concat()))
}

#[test]
fn explain_shows_the_way_to_a_verdict() {
    let two = "{path: /account/help, policy: bypass}\n      - {path: /account/**, policy: account}";
    let written = Written::new(changed("{path: /account/**, policy: account}", two).as_bytes());
    let story = explain(&written, &["https://shop.example.com/ACCOUNT//orders/../x?y=1"]);
    for wanted in [
        "GET https://shop.example.com/ACCOUNT/x?y=1",
        "otpgate.yaml:7",
        "  miss  line 14  path /account/help: bypass",
        "> hit   line 15  path /account/**: account",
        "account: a code by email, answered within the last 15m",
        "none: would be sent to /login",
        "not known: there is no `risk.geoip`",
        "score     0",
        "not known here: what cookies and the store tell of the visitor: new_device",
        "challenge (no_subject)",
    ] {
        assert!(story.contains(wanted), "{wanted:?} is not in\n{story}");
    }
    let signed_in = explain(&written, &["--subject", "alice", "https://shop.example.com/account"]);
    assert!(signed_in.contains("challenge (no_proof)") && signed_in.contains("alice"), "{signed_in}");
    let open = explain(&written, &["https://shop.example.com/account/help"]);
    assert!(open.contains("> hit   line 14") && open.contains("verdict   forward"), "{open}");
    let default = explain(&written, &["https://shop.example.com/"]);
    assert!(default.contains("> none matches: `default_policy`, bypass"), "{default}");
}

#[test]
fn explain_says_what_becomes_of_who_has_no_credentials() {
    let login = "login: {path: /login, field: email, session_cookie: SID, logout: /logout}\n    sign_in: /login";
    let written = Written::new(changed(login, "basic: {path: /private}").as_bytes());
    let nobody = explain(&written, &["https://shop.example.com/account"]);
    assert!(nobody.contains("none: would be asked for name and password"), "{nobody}");
    let alice = explain(&written, &["--subject", "alice", "https://shop.example.com/account"]);
    assert!(alice.contains("challenge (no_proof)"), "{alice}");
}

#[test]
fn explain_knows_what_is_refused_at_the_door() {
    let written = Written::new(SMALL.as_bytes());
    let slash = explain(&written, &["https://shop.example.com/a%2fb"]);
    assert!(slash.contains("refused at the door with 400: the path holds an encoded slash"), "{slash}");
    let stranger = explain(&written, &["https://other.example/"]);
    assert!(stranger.contains("421"), "{stranger}");
    let trace = explain(&written, &["--method", "TRACE", "https://shop.example.com/"]);
    assert!(trace.contains("405"), "{trace}");
    let portal = explain(&written, &["https://shop.example.com/.OTPGATE/challenge"]);
    assert!(portal.contains("a page of the gateway itself"), "{portal}");
    let login = explain(&written, &["--method", "POST", "https://shop.example.com/login"]);
    assert!(login.contains("verdict   forward"), "{login}");
}

/// I5: a header names the client, or the subject, only from a peer that may.
#[test]
fn explain_believes_headers_of_those_who_may_set_them() {
    let config = changed(
        "login: {path: /login, field: email, session_cookie: SID, logout: /logout}",
        "header: {name: X-User, from: 10.0.0.5}",
    );
    let written = Written::new(config.replace("store: memory", "trusted_proxies: 10.0.0.5").as_bytes());
    let headers =
        ["--header", "X-User: alice", "--header", "X-Forwarded-For: 203.0.113.9", "https://shop.example.com/account"];
    let proxied = explain(&written, &[&["--ip", "10.0.0.5"], &headers[..]].concat());
    assert!(proxied.contains("203.0.113.9, behind the proxy 10.0.0.5"), "{proxied}");
    assert!(proxied.contains("subject   alice"), "{proxied}");
    let forged = explain(&written, &[&["--ip", "198.51.100.7"], &headers[..]].concat());
    assert!(forged.contains("client    198.51.100.7\n") && forged.contains("subject   none"), "{forged}");
}

/// Under a policy that goes by the directory's word, that is asked and shown.
#[test]
fn explain_says_by_which_word_of_the_directory_a_request_passes() {
    let config = changed("max_age: 15m", "contact: {recheck: 30d}").replace("contacts.yaml", "people.yaml");
    let yesterday = std::time::SystemTime::now() - std::time::Duration::from_secs(24 * 60 * 60);
    let at = humantime::format_rfc3339_seconds(yesterday).to_string();
    let people = format!(
        "alice: {{email: {{address: alice@example.com, verified_at: {at}}}}}\nbob: {{email: bob@example.com}}\n"
    );
    let told = at.replace('Z', ".000Z");
    let written = Written::new(config.as_bytes()).file("people.yaml", &people);
    let about = |subject: &str| explain(&written, &["--subject", subject, "https://shop.example.com/account"]);
    let alice = about("alice");
    for line in [
        "none while the directory says that such a contact was proved within the last 30days".to_owned(),
        format!("directory email a***@e***.com, proved {told}"),
        format!("verdict   forward: the directory says that a contact by email was proved {told}"),
    ] {
        assert!(alice.contains(&line), "{line}: {alice}");
    }
    let bob = about("bob");
    assert!(bob.contains("directory email b***@e***.com, not proved as far as it says"), "{bob}");
    assert!(bob.contains("verdict   challenge (no_proof)"), "{bob}");
    let nobody = about("zoe");
    assert!(nobody.contains("directory knows no contact of this subject"), "{nobody}");
}

#[test]
fn explain_refuses_what_is_no_url() {
    let written = Written::new(SMALL.as_bytes());
    for args in [
        &["shop.example.com/account"][..],
        &["--header", "x", "https://shop.example.com/"],
        &["--subject", " ", "https://shop.example.com/"],
    ] {
        let output = otpgate(&written, &[&["explain", "-c", "otpgate.yaml"], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 1, "{args:?}");
    }
}

#[test]
fn schema_is_json() {
    let written = Written::new(SMALL.as_bytes());
    let schema: serde_json::Value = serde_json::from_str(&out(&otpgate(&written, &["schema"]))).unwrap();
    assert_eq!(schema, otpgate::server::schema());
}
