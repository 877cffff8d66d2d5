//! The story of a reference, for a support agent: what happened when, and what to do next.

use std::fmt::Write as _;

use crate::audit::{Kind, Line, printable};

/// The longest line that is shown as it stands when it is no event of this program, in characters.
const FOREIGN: usize = 400;

/// Tells the story of `lines`, oldest first, as [`crate::audit::Audit::lookup`] gives them. Whatever the lines hold,
/// the text has no control characters but line ends. Particulars are told when they change.
#[must_use]
pub fn tell(reference: &str, lines: &[String]) -> String {
    let mut out = format!("Reference {}\n\n", printable(reference, 32));
    let mut told = Line::default();
    let mut last = None;
    for json in lines {
        let Some(line) = Line::parse(json).filter(|line| !line.time.is_empty()) else {
            let _ = writeln!(out, "{:23}  {}", "", printable(json, FOREIGN));
            continue;
        };
        let kind = Kind::parse(&line.kind);
        let happened = kind.map_or_else(|| printable(&line.kind, 64), |kind| kind.happened().to_owned());
        let _ = writeln!(out, "{}  {happened}", moment(&line.time));
        for particular in particulars(&line, &told) {
            let _ = writeln!(out, "{:23}  {particular}", "");
        }
        last = kind.or(last);
        remember(&mut told, line);
    }
    if let Some(kind) = last {
        let _ = write!(out, "\nWhat to do next\n{}\n", wrapped(kind.next_step(), 96));
    }
    out
}

/// `2026-11-24T02:12:05.250Z` as `2026-11-24 02:12:05 UTC`.
fn moment(time: &str) -> String {
    let seconds = time.split_once('.').map_or(time, |(seconds, _)| seconds);
    format!("{} UTC", printable(&seconds.replace('T', " "), 32))
}

/// What is to be told of `line` after `before`.
fn particulars(line: &Line, before: &Line) -> Vec<String> {
    let mut out = Vec::new();
    let mut tell = |differs: bool, text: Option<String>| {
        if let Some(text) = text.filter(|_| differs) {
            out.push(printable(&text, FOREIGN));
        }
    };
    tell(line.site != before.site, line.site.as_ref().map(|site| format!("site: {site}")));
    let request = line.path.as_ref().map(|path| format!("request: {} {path}", line.method.as_deref().unwrap_or("")));
    tell((&line.method, &line.path) != (&before.method, &before.path), request);
    tell(line.policy != before.policy, line.policy.as_ref().map(|policy| format!("policy: {policy}")));
    tell(line.subject_hash != before.subject_hash, line.subject.as_ref().map(|who| format!("subject: {who}")));
    tell(line.client != before.client, line.client.as_ref().map(|client| format!("from: {client}")));
    let channel = line.channel.as_deref().unwrap_or("");
    let to = match &line.contact {
        Some(contact) => Some(format!("to: {contact} by {channel}")),
        None => line.channel.as_ref().map(|channel| format!("channel: {channel}")),
    };
    tell(true, to);
    tell(line.score != before.score, line.score.map(|score| format!("score: {score} of 100")));
    tell(!line.reasons.is_empty(), Some(format!("because: {}", line.reasons.join(", "))));
    out
}

/// Keeps what `line` said, and what was said before of things that it does not speak of.
fn remember(told: &mut Line, line: Line) {
    let before = std::mem::take(told);
    *told = Line {
        site: line.site.or(before.site),
        policy: line.policy.or(before.policy),
        subject_hash: line.subject_hash.or(before.subject_hash),
        client: line.client.or(before.client),
        method: line.method.or(before.method),
        path: line.path.or(before.path),
        score: line.score.or(before.score),
        ..Line::default()
    };
}

/// `text` in lines of at most `width` characters, broken at spaces.
fn wrapped(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

#[cfg(test)]
mod tests;
