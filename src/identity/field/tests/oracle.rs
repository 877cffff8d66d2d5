//! What other readers make of the same bodies: Python's own, and PHP's where it is installed. When this says a text, none
//! of them reads another one; when it says that nothing is there, none of them reads anything.

use std::io::Write;
use std::process::{Command, Stdio};

use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;

/// Each reads lines of `[kind, body in hex]` and answers each with a list of what it reads in `email`.
const PYTHON: &str = r#"
import sys, json, email.parser, email.policy
from urllib.parse import parse_qs
def form(text):
    for text in (text, text.replace(";", "&")):
        yield from parse_qs(text, keep_blank_values=True).get("email", [])
def last(text):
    value = json.loads(text)
    if isinstance(value, dict) and "email" in value: yield str(value["email"])
def first(text):
    def pairs(found):
        kept = {}
        for key, value in found: kept.setdefault(key, value)
        return kept
    value = json.loads(text, object_pairs_hook=pairs)
    if isinstance(value, dict) and "email" in value: yield str(value["email"])
def parts(body):
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(b"Content-Type: multipart/form-data; boundary=XX\r\n\r\n" + body)
    for part in message.iter_parts() if message.is_multipart() else []:
        if part.get_param("name", header="content-disposition") == "email":
            yield part.get_payload(decode=True).decode("utf-8", "replace")
for line in sys.stdin:
    kind, body = json.loads(line)
    body = bytes.fromhex(body)
    readers = {"form": [form], "json": [first, last, form], "multipart": [parts]}[kind]
    read = []
    for reader in readers:
        if reader is form and kind == "json": continue
        try: read += list(reader(body if reader is parts else body.decode("utf-8", "replace")))
        except Exception: pass
    print(json.dumps(read))
"#;

const PHP: &str = r#"
while (($line = fgets(STDIN)) !== false) {
    [$kind, $body] = json_decode($line);
    $body = hex2bin($body);
    $read = [];
    if ($kind === 'form') {
        parse_str($body, $fields);
        $json = json_decode($body, true);
        foreach ([$fields, is_array($json) ? $json : []] as $all)
            if (isset($all['email'])) $read[] = is_string($all['email']) ? $all['email'] : 'an array';
    } elseif ($kind === 'json') {
        $all = json_decode($body, true);
        if (is_array($all) && isset($all['email'])) $read[] = is_scalar($all['email']) ? (string) $all['email'] : 'an array';
    }
    echo json_encode($read, JSON_INVALID_UTF8_SUBSTITUTE), "\n";
}
"#;

fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let name = "(email|email|email|Email|EMAIL|email\\[\\]|email\\[x\\]| email|email |e.mail|email\u{0}x|email%00|%65mail|x|_charset_|utf8|\\[email|email\\[|email=|)";
    let value = "(alice|bob|alice bob|a%26email=bob|a;email=bob|%zz|ü|a\u{0}b|a\nb|7|utf-8|)";
    let pair = (name, value, any::<bool>(), "(&|&|&|;|&&|\n)").prop_map(|(name, value, raw, end)| {
        let write = |text: &str| -> String {
            if raw { text.to_owned() } else { url::form_urlencoded::byte_serialize(text.as_bytes()).collect() }
        };
        format!("{}={}{end}", write(&name), write(&value))
    });
    let form = prop::collection::vec(pair, 1..5).prop_map(|pairs| ("form", pairs.concat().into_bytes()));
    let member = "(\"email\": ?(\"alice\"|\"bob\"|7|7\\.0|null|true|\\[\"bob\"\\]|\\{\"email\": \"bob\"\\}|\"\\\\u0061\")|\"Email\": \"bob\"|\"\\\\u0065mail\": \"bob\"|\"x\": \\{\"email\": \"bob\"\\}|\"x\": \"email\")";
    let json = (prop::collection::vec(member, 0..4), "(|,|/\\*\\*/|x)", "(|\\{\\}| |\n)").prop_map(
        |(members, before, after)| ("json", format!("{{{}{before}}}{after}", members.join(", ")).into_bytes()),
    );
    let head = "(Content-Disposition|content-disposition|Content-Disposition ): ?form-data; ?(name=\"email\"|name=email|name=\"x\"|name=\"Email\"|name=\"x\"; name=\"email\"|name=\"email\"; name=\"x\"|name=\"email\"; filename=\"f\"|name\\*=utf-8''email|filename=\"; name=\\\\\"email\"|x=\"\\\\\"; name=\"email\"|name=\"em\\\\ail\")(|\r\n ; name=\"x\"|\r\nContent-Transfer-Encoding: base64|\r\nContent-Type: text/plain|\nX: y|\r\nContent-Disposition: form-data; name=\"email\")";
    let part = (head, "(\r\n\r\n|\n\n|\r\n\n)", "(alice|bob|YWxpY2U=|a\n--XX|a\r\n--XXX|)", "(\r\n|\r\n|\n)")
        .prop_map(|(head, blank, value, end)| format!("{head}{blank}{value}{end}--XX"));
    let multipart =
        (prop::collection::vec((part, "(\r\n|\r\n|\n|--\r\n| \r\n)"), 0..4), "(--|--\r\n|--\r\nx|)", "(|\r\n|x\r\n)")
            .prop_map(|(parts, end, start)| {
                let mut body = format!("{start}--XX\r\n");
                for (index, (part, line)) in parts.iter().enumerate() {
                    body += part;
                    body += if index + 1 < parts.len() { line } else { "" };
                }
                ("multipart", (body + &end).into_bytes())
            });
    let any = prop_oneof![form, json, multipart];
    let mut runner = TestRunner::deterministic();
    (0..1500).map(|_| any.new_tree(&mut runner).unwrap().current()).collect()
}

fn readings(program: &str, arguments: &[&str], lines: &str) -> Option<Vec<Vec<String>>> {
    let mut child = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    let (mut input, lines) = (child.stdin.take().unwrap(), lines.to_owned());
    let writing = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    assert!(output.status.success(), "{program}");
    Some(String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn i5_no_other_reader_reads_another_name() {
    let bodies = bodies();
    let mut lines = String::new();
    for (kind, body) in &bodies {
        let hex: String = body.iter().map(|byte| format!("{byte:02x}")).collect();
        lines += &format!("[\"{kind}\", \"{hex}\"]\n");
    }
    let python = readings("python3", &["-c", PYTHON], &lines).expect("python3 is installed");
    let php = readings("php", &["-n", "-r", PHP], &lines);
    if php.is_none() {
        eprintln!("php is not installed: its reading is not compared");
    }
    let (mut texts, mut nothings) = (0, 0);
    for others in [Some(python), php].into_iter().flatten() {
        assert_eq!(others.len(), bodies.len());
        for ((kind, body), read) in bodies.iter().zip(others) {
            let content_type = match *kind {
                "form" => FORM,
                "json" => "application/json",
                _ => "multipart/form-data; boundary=XX",
            };
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, content_type.parse().unwrap())]);
            let shown = String::from_utf8_lossy(body);
            match FieldName::new("email").read(None, &headers, body) {
                Said::Text(text) => {
                    assert!(read.iter().all(|other| *other == **text), "{shown:?}: {read:?}");
                    texts += 1;
                }
                Said::Nothing => {
                    assert!(read.is_empty(), "{shown:?}: {read:?}");
                    nothings += 1;
                }
                Said::Unclear => {}
            }
        }
    }
    // Else nothing was compared.
    assert!(texts > 30 && nothings > 30, "{texts} texts, {nothings} times nothing");
}
