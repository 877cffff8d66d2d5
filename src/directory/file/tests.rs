use std::fs;

use tempfile::TempDir;

use super::*;

fn load(name: &str, text: &[u8], fold: bool) -> Result<FileDirectory, BadDirectoryFile> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    FileDirectory::load(&path, Manner { fold, country: None })
}

fn yaml(text: &str) -> Result<FileDirectory, BadDirectoryFile> {
    load("contacts.yaml", text.as_bytes(), false)
}

fn csv(text: &str) -> Result<FileDirectory, BadDirectoryFile> {
    load("contacts.csv", text.as_bytes(), false)
}

fn entry(directory: &FileDirectory, subject: &str) -> Option<Entry> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(directory.find(&Subject::parse(subject).unwrap())).unwrap()
}

fn language(directory: &FileDirectory, subject: &str) -> Option<String> {
    entry(directory, subject)?.language.map(|language| language.to_string())
}

/// The contacts of a subject, as `channel address label`.
fn contacts(directory: &FileDirectory, subject: &str) -> Option<Vec<String>> {
    let found = entry(directory, subject)?;
    let told = |contact: &crate::words::Contact| match contact.label() {
        Some(label) => format!("{} {} {label}", contact.channel(), contact.reveal()),
        None => format!("{} {}", contact.channel(), contact.reveal()),
    };
    Some(found.contacts().map(told).collect())
}

const DESIGN: &str = r#"
alice: {email: alice@example.com, sms: "+60123456789", voice: "+60123456789", language: en}
bob:   {email: [bob@example.com, bob@work.example], sms: {number: "+14155550101", label: work}}
"#;

#[test]
fn the_files_of_the_design_say_who_is_reached_where() {
    let directory = yaml(DESIGN).unwrap();
    assert_eq!(directory.warnings(), &[] as &[String]);
    assert_eq!(directory.len(), 2);
    assert_eq!(language(&directory, "alice").as_deref(), Some("en"));
    assert_eq!(language(&directory, "bob"), None);
    assert_eq!(
        contacts(&directory, "alice").unwrap(),
        ["email alice@example.com", "sms +60123456789", "voice +60123456789"]
    );
    assert_eq!(
        contacts(&directory, "bob").unwrap(),
        ["email bob@example.com", "email bob@work.example", "sms +14155550101 work"]
    );
    assert_eq!(contacts(&directory, "carol"), None);
    assert_eq!(contacts(&directory, "Alice"), None, "subjects differ by case");

    let rows =
        "subject,email,sms,voice,language\r\nalice,alice@example.com,+60123456789,+60123456789,en\r\nbob,,,,\r\n";
    let directory = csv(rows).unwrap();
    assert_eq!(directory.warnings(), &[] as &[String]);
    assert_eq!(contacts(&directory, "alice").unwrap().len(), 3);
    assert_eq!(language(&directory, "alice").as_deref(), Some("en"));
    assert_eq!(contacts(&directory, "bob").unwrap(), [] as [&str; 0], "known, but cannot be reached");
}

#[test]
fn every_way_to_write_a_contact_is_read() {
    for (entry, wanted) in [
        ("{email: {address: a@b.example, label: home}}", vec!["email a@b.example home"]),
        ("{email: [{address: a@b.example}, c@d.example]}", vec!["email a@b.example", "email c@d.example"]),
        (
            "\n  sms:\n    - '+14155550101'\n    - number: +1 415 555 0102\n      label: Büro",
            vec!["sms +14155550101", "sms +14155550102 Büro"],
        ),
        // YAML takes these for numbers: their spelling counts.
        ("{sms: +60123456789}", vec!["sms +60123456789"]),
        ("{voice: [+1415555010, +14155550102]}", vec!["voice +1415555010", "voice +14155550102"]),
        ("{sms: {number: +60123456789, label: 2}}", vec!["sms +60123456789 2"]),
        ("{email: ~, sms: null, language: no}", vec![]),
        ("", vec![]),
        ("{}", vec![]),
    ] {
        let directory = yaml(&format!("x: {{}}\nwho: {entry}\n")).unwrap();
        assert_eq!(contacts(&directory, "who").unwrap(), wanted, "{entry}");
        assert_eq!(directory.warnings(), &[] as &[String], "{entry}");
    }
    // Subjects that YAML takes for something else.
    let directory = yaml("1001: {email: a@b.example}\nno: {email: c@d.example}\n007: {}\n").unwrap();
    assert_eq!(contacts(&directory, "1001").unwrap(), ["email a@b.example"]);
    assert_eq!(contacts(&directory, "no").unwrap(), ["email c@d.example"]);
    assert!(contacts(&directory, "007").is_some());
    // What one entry shares with another.
    let directory =
        yaml("a: &same {email: a@b.example, sms: +60123456789}\nb: *same\nc: {<<: *same, email: c@d.example}\n")
            .unwrap();
    assert_eq!(contacts(&directory, "b").unwrap(), ["email a@b.example", "sms +60123456789"]);
    assert_eq!(contacts(&directory, "c").unwrap().len(), 2);
}

#[test]
fn a_bad_file_says_where_and_what_to_do() {
    for (text, wanted) in [
        ("alice: {email: a@b.example\nbob: {}\n", "line "),
        ("alice:\n\t- x\n", "line 2"),
        ("- alice\n- bob\n", "a directory is a mapping of subjects"),
        ("hello", "a directory is a mapping of subjects"),
        (
            "alice: {email: a@b.example}\nbob: {mail: a@b.example}\n",
            "line 2, column 7: unknown key `mail`, did you mean `email`?",
        ),
        ("bob: {pager: '+60123456789'}", "line 1, column 7: unknown key `pager`: the keys of an entry are"),
        ("bob:\n  alice@example.com: {}\n", "line 2, column 3: unknown key: the keys"),
        ("bob: alice@example.com", "line 1, column 6: an entry is written"),
        ("bob: [a, b]", "line 1, column 6: an entry is written"),
        ("bob: {email: [[a@b.example]]}", "line 1, column 15: a contact is written"),
        ("bob: {sms: {label: x}}", "line 1, column 12: a contact is written"),
        ("bob: {sms: {address: x}}", "line 1, column 13: a contact is written"),
        ("bob: {sms: {number: '1', number: '2'}}", "line 1, column 26: a contact is written"),
        ("bob: {email: a@b.example, email: c@d.example}", "line 1, column 27: `email` stands in this entry twice"),
        ("a: {}\nb: {}\n\na: {}\n", "line 4, column 1: this subject stands on line 1 already"),
        ("a: {}\n' a ': {}\n", "line 2, column 1: this subject stands on line 1 already"),
        // One subject in two Unicode spellings (H18).
        ("\"ren\\u00e9\": {}\n\"rene\\u0301\": {}\n", "line 2, column 1: this subject stands on line 1 already"),
        ("\"a\\u200bb\": {}", "line 1, column 1: the subject contains a control or invisible character: write it"),
        ("'': {}", "line 1, column 1: the subject is empty"),
    ] {
        let error = yaml(text).unwrap_err();
        assert!(error.to_string().starts_with(wanted), "{text:?} gave {error}");
    }
    for (text, wanted) in [
        ("", "line 1: the first line must name the columns"),
        ("alice,a@b.example\n", "line 1: the first line must name the columns"),
        ("subject;email\nalice;a@b.example\n", "line 1: the first line must name the columns"),
        ("subject,email,email\n", "line 1: the first line must name the columns"),
        ("email,sms\n", "line 1: the first line must name the columns"),
        (
            "subject,email\na,b@c.example\nb,c@d.example,+60\n",
            "line 3: this row has 3 values and the first line names 2",
        ),
        ("subject,email\n\na,b@c.example\na,c@d.example\n", "line 4: this subject stands on line 3 already"),
        ("subject,email\n ,b@c.example\n", "line 2: the subject is empty"),
    ] {
        let error = csv(text).unwrap_err();
        assert!(error.to_string().starts_with(wanted), "{text:?} gave {error}");
    }
    let error = load("contacts.csv", b"subject,email\nren\xe9,a@b.example\n", false).unwrap_err();
    assert_eq!(error.to_string(), "line 2: the directory file is not UTF-8: save it as UTF-8");
    assert_eq!(error.place(), Some((2, None)));
    let error = FileDirectory::load(Path::new("/nowhere/contacts.yaml"), Manner::default()).unwrap_err();
    assert!(error.to_string().contains("cannot be read: No such file"), "{error}");
}

#[test]
fn a_contact_that_no_code_can_go_to_is_skipped_and_told_by_its_line() {
    let text = "alice: {email: alice at example.com, sms: '+60123456789'}\nbob:\n  sms:\n    - 0198765432\n    - 60198765432\n    - '+14155550101'\n";
    let directory = yaml(text).unwrap();
    assert_eq!(contacts(&directory, "alice").unwrap(), ["sms +60123456789"]);
    assert_eq!(contacts(&directory, "bob").unwrap(), ["sms +14155550101"]);
    let warnings = directory.warnings();
    assert_eq!(warnings.len(), 3);
    assert!(warnings[0].starts_with("line 1: `email` is not an e-mail address: write it as"), "{}", warnings[0]);
    assert!(warnings[1].starts_with("line 4: `sms` is not a phone number in E.164: write +"), "{}", warnings[1]);
    assert!(warnings[2].starts_with("line 5: "), "{}", warnings[2]);
    assert!(warnings.iter().all(|line| !line.contains("alice at") && !line.contains("98765432")), "I9: {warnings:?}");

    let directory =
        csv("subject,sms,language\nalice,\"012, 345\",english-british-tongue-\nbob,+1 (415) 555-0101,\n").unwrap();
    assert_eq!(contacts(&directory, "bob").unwrap(), ["sms +14155550101"]);
    assert_eq!(directory.warnings().len(), 2);
    assert!(directory.warnings()[1].starts_with("line 2: `sms`"), "{:?}", directory.warnings());

    let directory =
        yaml("a: {email: [a@b.example, a@b.example], sms: {number: '+60123456789', label: \"x\\ny\"}}").unwrap();
    assert_eq!(contacts(&directory, "a").unwrap(), ["email a@b.example", "sms +60123456789"]);
    assert_eq!(directory.warnings().len(), 1);
    assert!(yaml("# nothing yet\n").unwrap().warnings()[0].contains("no entries"));
}

#[test]
fn d05_an_address_of_the_directory_adds_no_recipient() {
    for address in ["a@b.example,c@d.example", "a@b.example\\r\\nBcc: c@d.example", "<a@b.example>", "A <a@b.example>"]
    {
        let directory = yaml(&format!("who: {{email: \"{address}\"}}")).unwrap();
        assert_eq!(contacts(&directory, "who").unwrap(), [] as [&str; 0], "{address}");
        assert_eq!(directory.warnings().len(), 1);
    }
}

#[test]
fn on_a_site_without_regard_to_case_two_spellings_are_one_subject() {
    let directory = load("c.yaml", b"Alice: {email: a@b.example}\n", true).unwrap();
    assert_eq!(contacts(&directory, "aLICE").unwrap(), ["email a@b.example"]);
    let error = load("c.yaml", b"Alice: {}\nbob: {}\nalice: {}\n", true).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 3, column 1: this subject stands on line 1 already: put its contacts into one entry (the site's subjects are \
         case-insensitive)"
    );
    assert!(load("c.csv", b"subject,email\nAlice,a@b.example\nALICE,a@b.example\n", true).is_err());
    let directory = load("c.yaml", b"Alice: {}\nalice: {}\n", false).unwrap();
    assert_eq!(directory.len(), 2);
}

#[test]
fn a_file_from_a_spreadsheet_is_read() {
    let text = "\u{feff}Subject, EMAIL ,sms\r\n\"O'Brien, Pat\", pat@example.com ,+353 1 234 5678\r\n";
    let directory = csv(text).unwrap();
    assert_eq!(contacts(&directory, "O'Brien, Pat").unwrap(), ["email pat@example.com", "sms +35312345678"]);
    let directory = yaml("\u{feff}alice: {sms: +60123456789}\n").unwrap();
    assert_eq!(contacts(&directory, "alice").unwrap(), ["sms +60123456789"]);
}

#[test]
fn f05_what_unfolds_without_end_is_refused() {
    let mut bomb = "a0: &a0 {email: [x, x, x, x, x, x, x, x, x, x]}\n".to_owned();
    for level in 1..12 {
        let below = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} {{email: [{}]}}\n", [below.as_str(); 10].join(", ")));
    }
    assert!(yaml(&bomb).is_err());
    assert!(yaml(&"[".repeat(100_000)).is_err());
}

#[test]
fn a_large_file_is_read_whole() {
    let mut text = String::new();
    let mut rows = "subject,email,sms,voice,language\n".to_owned();
    for n in 0..100_000 {
        if n < 10_000 {
            text.push_str(&format!("user{n}: {{email: user{n}@example.com, sms: \"+6012{n:07}\", language: en}}\n"));
        }
        rows.push_str(&format!("user{n},user{n}@example.com,+6012{n:07},,en\n"));
    }
    for (directory, wanted) in [(yaml(&text), 10_000), (csv(&rows), 100_000)] {
        let directory = directory.unwrap();
        assert_eq!((directory.len(), directory.warnings().len()), (wanted, 0));
        let last = wanted - 1;
        assert_eq!(
            contacts(&directory, &format!("user{last}")).unwrap(),
            [format!("email user{last}@example.com"), format!("sms +6012{last:07}")]
        );
    }
}

fn in_country(name: &str, text: &str, country: &str) -> FileDirectory {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    FileDirectory::load(&path, Manner { fold: false, country: Some(country.parse().unwrap()) }).unwrap()
}

#[test]
fn a_file_says_who_it_is_and_since_when_a_contact_is_good() {
    let text = "
alice:
  id: 17
  country: SG
  phone: {number: 9123 4567, label: mobile, verified_at: 2026-11-27T12:00:00Z, changed_at: 1795780800}
  email: [alice@example.com, {address: alice@work.example, label: work}]
";
    let rows = "subject,id,country,phone,sms_label,voice_label,verified_at,changed_at,email\n\
                alice,17,sg,9123 4567,mobile,mobile,2026-11-27 12:00:00,1795780800,\n";
    for directory in [in_country("c.yaml", text, "MY"), in_country("c.csv", rows, "MY")] {
        assert_eq!(directory.warnings(), [] as [&str; 0]);
        let entry = entry(&directory, "alice").unwrap();
        assert_eq!(entry.id, Some(Subject::parse("17").unwrap()));
        assert_eq!(entry.country, Some("SG".parse().unwrap()));
        let sms = entry.contacts.iter().find(|listed| listed.contact.channel() == crate::words::Channel::Sms).unwrap();
        assert_eq!((sms.contact.reveal(), sms.contact.label()), ("+6591234567", Some("mobile")));
        let noon = Some(crate::words::Timestamp::from_millis(1_795_780_800_000));
        assert_eq!((sms.verified_at, sms.changed_at), (noon, noon));
    }
    let directory = in_country("c.yaml", text, "MY");
    assert_eq!(
        contacts(&directory, "alice").unwrap(),
        [
            "sms +6591234567 mobile",
            "voice +6591234567 mobile",
            "email alice@example.com",
            "email alice@work.example work"
        ]
    );
}

#[test]
fn a_number_without_a_country_code_is_one_of_the_sites_country() {
    let directory = in_country("c.yaml", "alice: {sms: 012-345 6789}\nbob: {sms: [0123, +14155550101]}\n", "MY");
    assert_eq!(contacts(&directory, "alice").unwrap(), ["sms +60123456789"]);
    assert_eq!(contacts(&directory, "bob").unwrap(), ["sms +14155550101"]);
    assert_eq!(directory.warnings().len(), 1);
}

#[test]
fn h19_subjects_that_look_alike_are_told_by_their_lines_alone() {
    let alike = "bob: {}\n\u{431}ob: {}\nb\u{43e}b: {}\nalice: {}\n山田: {}\nBOB: {}\n";
    let directory = yaml(alike).unwrap();
    assert_eq!(directory.len(), 6, "they are never merged");
    assert_eq!(directory.warnings(), ["line 3: this subject looks like the one of line 1, and is another"]);
    let directory = csv("subject,email\npaypal,a@b.example\np\u{430}yp\u{430}l,c@d.example\n").unwrap();
    assert_eq!(directory.warnings(), ["line 3: this subject looks like the one of line 2, and is another"]);
    assert!(yaml("bern: {}\nbem: {}\nuser0: {}\nuserO: {}\n").unwrap().warnings().is_empty());
}

#[test]
fn an_id_that_nobody_can_have_is_an_error_with_its_line() {
    let error = yaml("alice: {}\nbob: {id: \"a\\u200bb\", email: b@c.example}\n").unwrap_err();
    assert!(error.to_string().starts_with("line 2, column 1: the `id` of this entry"), "{error}");
    let error = yaml("alice: {counry: MY}\n").unwrap_err();
    assert!(error.to_string().contains("did you mean `country`?"), "{error}");
    let error = yaml("alice: {sms: {number: '+60123456789', verified: 1}}\n").unwrap_err();
    assert!(error.to_string().contains("`verified_at`"), "{error}");
}
