//! What the documents say is so: the config of the README loads, and every name in it exists.
// A test may unwrap: its panic is its report.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use otpgate::audit::{Audit, Event, Kind};
use otpgate::words::{Reference, SystemClock};
use serde_json::Value;
use tempfile::TempDir;

fn document(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The fenced blocks of a document: what stands after the fence, and the text.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut blocks: Vec<(String, String)> = Vec::new();
    let mut open: Option<usize> = None;
    for line in text.lines() {
        let bare = line.trim_start();
        match (bare.strip_prefix("```"), open) {
            (Some(_), Some(_)) => open = None,
            (Some(info), None) => {
                open = Some(line.len() - bare.len());
                blocks.push((info.to_owned(), String::new()));
            }
            (None, Some(indent)) => {
                let (_, block) = blocks.last_mut().unwrap();
                block.push_str(line.get(indent..).unwrap_or(bare));
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// The blocks that are whole files, by name.
fn files(text: &str) -> BTreeMap<String, String> {
    let named = |(info, block): (String, String)| Some((info.split_once(' ')?.1.to_owned(), block));
    blocks(text).into_iter().filter_map(named).collect()
}

fn otpgate(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(support::process::binary())
        .args(arguments)
        .current_dir(folder)
        .env("OTPGATE_SECRET", support::process::SECRET)
        .env("CRM_TOKEN", "hunter2")
        .env("DB_PASSWORD", "hunter2")
        .env("LDAP_PASSWORD", "hunter2")
        .env("WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_config_of_the_readme_loads_in_twenty_lines_and_does_what_it_says() {
    let (folder, files) = (TempDir::new().unwrap(), files(&document("README.md")));
    for (name, text) in &files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let lines = files["otpgate.yaml"].lines().count();
    assert!(lines <= 24, "about twenty lines, not {lines}");

    let (code, out, err) = otpgate(folder.path(), &["check", "-c", "otpgate.yaml"]);
    assert_eq!(code, 0, "{out}{err}");

    let explain = |address| {
        let question = ["explain", "-c", "otpgate.yaml", "--subject", "alice@example.com", "--method", "POST", address];
        let (code, out, err) = otpgate(folder.path(), &question);
        assert_eq!(code, 0, "{out}{err}");
        out
    };
    assert!(explain("https://shop.example.com/transfer").contains("payments"));
    assert!(explain("https://shop.example.com/account/orders").contains("otp"));
    assert!(explain("https://shop.example.com/").contains("bypass"));
}

/// Parts of a config are shown as such; each must still be YAML with keys that exist, put into the whole one.
#[test]
fn every_other_piece_of_yaml_in_the_readme_fits_the_whole_config() {
    let text = document("README.md");
    let files = files(&text);
    let whole = &files["otpgate.yaml"];
    let pieces: Vec<String> = blocks(&text).into_iter().filter(|(info, _)| info == "yaml").map(|(_, b)| b).collect();
    assert!(!pieces.is_empty());
    for piece in pieces {
        // The piece's top-level keys take the place of the whole config's.
        let keys: Vec<&str> = piece.lines().filter(|line| line.starts_with(char::is_alphabetic)).collect();
        let (mut kept, mut skipping) = (String::new(), false);
        for line in whole.lines() {
            if line.starts_with(char::is_alphabetic) {
                let key = line.split(':').next();
                skipping = keys.iter().any(|other| other.split(':').next() == key);
            }
            if !skipping {
                kept.push_str(line);
                kept.push('\n');
            }
        }
        let folder = TempDir::new().unwrap();
        for (name, text) in &files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let config = format!("{kept}{piece}").replace("/etc/otpgate/", "");
        fs::write(folder.path().join("otpgate.yaml"), &config).unwrap();
        let certified = rcgen::generate_simple_self_signed(vec!["shop.example.com".to_owned()]).unwrap();
        fs::write(folder.path().join("fullchain.pem"), certified.cert.pem()).unwrap();
        fs::write(folder.path().join("privkey.pem"), certified.signing_key.serialize_pem()).unwrap();
        let (code, out, err) = otpgate(folder.path(), &["check", "-c", "otpgate.yaml"]);
        assert_eq!(code, 0, "{piece}\n{out}{err}");
    }
}

/// The rows of the README's table under a heading: the names in their first cells, in backticks.
fn names(text: &str, header: &str) -> Vec<String> {
    let (_, table) = text.split_once(header).unwrap_or_else(|| panic!("no table {header}"));
    table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.split('`').nth(1).unwrap_or_else(|| panic!("no name in {line}")).to_owned())
        .collect()
}

/// A metric without what the text format adds to its name.
fn bare(name: &str) -> &str {
    ["_total", "_info"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}

#[test]
fn every_metric_of_the_readme_exists_and_every_metric_is_in_it() {
    let audit = Audit::new(Arc::new(SystemClock));
    audit.record(Event::new(Kind::Opened, Reference::from_random([1; 5])));
    let metrics = &audit.metrics;
    // A family shows up with its first value.
    metrics.sent(otpgate::words::Channel::Email, "post", otpgate::audit::SendOutcome::Accepted);
    metrics.received("post", otpgate::audit::ReceiptOutcome::Accepted);
    metrics.providers.breaker(otpgate::words::Channel::Email, "post", false);
    metrics.providers.verified("post", otpgate::words::Channel::Email, "", [Some(900), Some(900)]);
    metrics.providers.spent("shop", otpgate::words::Amount::ZERO, otpgate::words::Amount::ZERO);
    metrics.providers.out_of_money("shop", "per_day");
    metrics.directory("shop", "file contacts.yaml").looked_up(otpgate::audit::Lookup::Found);
    metrics.marked("shop", "webhook", otpgate::audit::MarkOutcome::Taken);
    metrics.risk.database("country", otpgate::words::Timestamp::default());
    metrics.risk.list("drop", 1, None);
    metrics.risk.dns_answered("spamhaus", otpgate::audit::DnsAnswer::Listed);
    metrics.risk.dns_list_believed("spamhaus", true);
    metrics.verified(otpgate::audit::VerifyOutcome::Passed);
    metrics.store_answered("ping", std::time::Duration::ZERO, false);
    let text = metrics.encode();
    let exposed = |name: &str| {
        text.lines()
            .any(|line| line.strip_prefix("# TYPE ").and_then(|rest| rest.split(' ').next()) == Some(bare(name)))
    };
    let told = names(&document("README.md"), "| metric | labels | meaning |");
    for name in &told {
        assert!(exposed(name), "{name} is in the README and nowhere else");
    }
    let own = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    for name in own.filter(|name| name.starts_with("otpgate_")) {
        let is_told = told.iter().any(|told| bare(told) == name);
        assert!(is_told, "{name} is missing in the README");
    }
    for word in document("README.md").split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        let is_metric =
            word.starts_with("otpgate_") && !["otpgate_browser", "otpgate_grant", "otpgate_resume"].contains(&word);
        assert!(!is_metric || told.iter().any(|told| told == word), "{word} is no metric");
    }
}

/// Every path of keys that a JSON Schema allows, as `a.b[].c`; `*` stands for names that the operator chooses.
fn keys(schema: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    walk(schema, schema, "", 0, &mut found);
    found
}

fn walk(root: &Value, node: &Value, at: &str, depth: usize, found: &mut BTreeSet<String>) {
    if depth > 24 {
        return;
    }
    if let Some(name) = node["$ref"].as_str() {
        return walk(root, root.pointer(name.trim_start_matches('#')).unwrap(), at, depth + 1, found);
    }
    for union in ["anyOf", "oneOf", "allOf"] {
        for variant in node[union].as_array().into_iter().flatten() {
            walk(root, variant, at, depth + 1, found);
        }
    }
    let below = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
    for (key, value) in node["properties"].as_object().into_iter().flatten() {
        let place = below(key);
        found.insert(place.clone());
        walk(root, value, &place, depth + 1, found);
    }
    if node["additionalProperties"].is_object() {
        walk(root, &node["additionalProperties"], &below("*"), depth + 1, found);
    }
    if node["items"].is_object() {
        // Lists that may be one value have one name for both.
        walk(root, &node["items"], at, depth + 1, found);
    }
}

fn schema() -> Value {
    let (code, out, err) = otpgate(Path::new("."), &["schema"]);
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn every_config_key_of_the_readme_exists() {
    let known = keys(&schema());
    for key in names(&document("README.md"), "| key | default | meaning |") {
        let place = key.replace("[]", "");
        assert!(known.contains(&place), "`{key}` is in the README, but the schema has no {place}: {known:#?}");
    }
}

/// The example config shows everything there is: used, or in a comment.
#[test]
fn the_example_config_mentions_every_key() {
    let example = document("conf/otpgate.yaml");
    let words: BTreeSet<&str> = example.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    for place in keys(&schema()) {
        let key = place.rsplit('.').next().unwrap();
        assert!(key == "*" || words.contains(key), "conf/otpgate.yaml does not mention `{place}`");
    }
}

/// Links within the repository lead somewhere.
#[test]
fn links_lead_somewhere() {
    for name in ["README.md", "docs/threat-model.md"] {
        let text = document(name);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(name).parent().unwrap().to_owned();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if let Some(heading) = target.strip_prefix('#') {
                let slug = |line: &str| line.trim_start_matches(['#', ' ']).to_lowercase().replace(' ', "-");
                assert!(text.lines().any(|line| line.starts_with('#') && slug(line) == heading), "{name}: {target}");
            } else if !target.contains("://") {
                let file = target.split('#').next().unwrap();
                assert!(folder.join(file).exists(), "{name}: {target}");
            }
        }
    }
}

/// The cases of `attacks`, by letter.
const CASES: [(&str, u32); 10] =
    [("P", 26), ("H", 24), ("C", 19), ("R", 18), ("O", 36), ("X", 12), ("S", 18), ("W", 8), ("D", 14), ("F", 14)];

/// The rows of the threat model's tables of cases: the cases, what is claimed, and why.
fn claims() -> Vec<(Vec<String>, String, String)> {
    let text = document("docs/threat-model.md");
    let (_, tables) = text.split_once("## The cases").unwrap();
    let rows = tables.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| case"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split(" | ").collect();
        (cases(cells[0]), cells[1].trim().to_owned(), cells[2].to_owned())
    })
    .collect()
}

/// The threat model says something of every case, once, and of no case that there is not.
#[test]
fn the_threat_model_covers_every_case_once() {
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for (cases, claim, _) in claims() {
        assert!(["held", "by design", "later", "partly"].contains(&claim.as_str()), "{claim}");
        cases.into_iter().for_each(|case| *told.entry(case).or_default() += 1);
    }
    for (letter, count) in CASES {
        for number in 1..=count {
            let case = format!("{letter}{number:02}");
            assert_eq!(told.remove(&case), Some(1), "{case}");
        }
    }
    assert_eq!(told, BTreeMap::new(), "no such cases");
}

/// What it says is held has a test that names the case, and the files that it names are there.
#[test]
fn what_the_threat_model_says_is_held_is_named_by_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tested = BTreeSet::new();
    sources(&root.join("tests"), &mut |_, text| tested.extend(cases(text)));
    sources(&root.join("src"), &mut |path, text| {
        if path.ends_with("tests.rs") {
            tested.extend(cases(text));
        }
    });
    let mut bare = Vec::new();
    for (cases, claim, why) in claims() {
        if claim == "held" {
            bare.extend(cases.into_iter().filter(|case| !tested.contains(case)));
        }
        for place in why.split('`').skip(1).step_by(2).filter(|word| word.contains('/')) {
            let is_there = root.join(place).exists() || root.join(format!("{place}.rs")).exists();
            assert!(is_there, "{place} is named in the threat model");
        }
    }
    assert_eq!(bare, Vec::<String>::new(), "said to be held, but no test names them");
}

/// Calls `read` with every Rust file below a folder.
fn sources(folder: &Path, read: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, read);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("docs.rs") {
            read(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}

/// Every case that a text names: `P01`, or `P01–P04` for four.
fn cases(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '–' | '_');
    let words = text.split(|c| !is_part(c)).flat_map(|word| word.split('_'));
    words.filter(|word| word.len() >= 3).flat_map(range).collect()
}

/// `P01` or `P01–P04` as cases; anything else is none.
fn range(word: &str) -> Vec<String> {
    let case = |text: &str| {
        let (letter, digits) = text.split_at_checked(1)?;
        let is_case = digits.len() == 2 && CASES.iter().any(|(known, _)| known.eq_ignore_ascii_case(letter));
        Some((letter.to_ascii_uppercase(), digits.parse::<u32>().ok().filter(|_| is_case)?))
    };
    let (first, last) = word.split_once('–').unwrap_or((word, word));
    match (case(first), case(last)) {
        (Some((letter, from)), Some((other, to))) if letter == other => {
            (from..=to).map(|number| format!("{letter}{number:02}")).collect()
        }
        _ => Vec::new(),
    }
}
