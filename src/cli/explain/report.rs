//! What a replay counted, as tables for a terminal.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::IpAddr;

use crate::audit::rfc3339;
use crate::gate::{Passage, Why};
use crate::risk::Risk;
use crate::words::Timestamp;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It went on, for this reason.
    Forward(&'static str),
    /// A code was asked for.
    Challenge(Why),
    /// It was refused.
    Refuse(Why),
}

/// What a replay counted.
#[derive(Debug, Default)]
pub(super) struct Report {
    requests: u64,
    span: Option<(Timestamp, Timestamp)>,
    outcomes: BTreeMap<(usize, &'static str), u64>,
    policies: BTreeMap<(String, String), Policy>,
    signals: BTreeMap<String, Signal>,
    refused: HashMap<IpAddr, (u64, String)>,
    outside: BTreeMap<&'static str, u64>,
    unread: u64,
    first_unread: Option<u64>,
    /// Requests to routes with a policy, by score in steps of [`STEP`] and by outcome.
    pub scores: [[u64; KINDS.len()]; SCORES],
}

/// What one policy of one site did.
#[derive(Debug, Default)]
struct Policy {
    by_kind: [u64; KINDS.len()],
    visitors: u64,
}

#[derive(Debug, Default)]
struct Signal {
    requests: u64,
    by_kind: [u64; KINDS.len()],
    points: u8,
}

/// The kinds of outcomes, in the order of severity.
pub(super) const KINDS: [&str; 3] = ["forward", "challenge", "refuse"];
/// How many points a bar of the histogram is wide.
pub(super) const STEP: u8 = 5;
/// How many bars there are: the last one is 100 alone.
pub(super) const SCORES: usize = 21;
/// How many of the refused addresses are named.
const NAMED: usize = 5;
/// How long a bar is at most, in characters.
const BAR: usize = 40;

// === impl Outcome ===

impl Outcome {
    pub const fn of(passage: Passage<'_>) -> Self {
        Self::Forward(match passage {
            Passage::Bypass => "bypass",
            Passage::LowScore => "low_score",
            Passage::Proof(_) | Passage::Confirmed | Passage::Vouched(_) => "proved before",
            Passage::Observed(why) => why.as_str(),
        })
    }

    const fn kind(self) -> usize {
        match self {
            Self::Forward(_) => 0,
            Self::Challenge(_) => 1,
            Self::Refuse(_) => 2,
        }
    }

    const fn why(self) -> &'static str {
        match self {
            Self::Forward(why) => why,
            Self::Challenge(why) | Self::Refuse(why) => why.as_str(),
        }
    }
}

// === impl Report ===

impl Report {
    /// Counts a request to a site, under its policy.
    pub fn count(&mut self, at: Timestamp, policy: (&str, &str), client: IpAddr, risk: &Risk, outcome: Outcome) {
        self.requests += 1;
        if at > Timestamp::default() {
            let (first, last) = self.span.get_or_insert((at, at));
            (*first, *last) = ((*first).min(at), (*last).max(at));
        }
        let kind = outcome.kind();
        *self.outcomes.entry((kind, outcome.why())).or_default() += 1;
        add(&mut self.policy(policy).by_kind, kind);
        if matches!(outcome, Outcome::Refuse(_)) {
            let (count, why) = self.refused.entry(client).or_default();
            *count += 1;
            *why = risk.signals().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        }
        if matches!(policy.1, "bypass" | "deny") {
            return;
        }
        if let Some(bar) = self.scores.get_mut(usize::from(risk.score() / STEP)) {
            add(bar, kind);
        }
        for signal in risk.signals() {
            let counted = self.signals.entry(signal.name.to_string()).or_default();
            (counted.requests, counted.points) = (counted.requests + 1, signal.points);
            add(&mut counted.by_kind, kind);
        }
    }

    /// Counts a visitor whom a policy asks for the first time.
    pub fn asked(&mut self, site: &str, policy: &str) {
        self.policy((site, policy)).visitors += 1;
    }

    /// Counts a request on which no policy has a say.
    pub fn outside(&mut self, why: &'static str) {
        *self.outside.entry(why).or_default() += 1;
    }

    /// Counts a line that is no request.
    pub fn unread(&mut self, line: u64) {
        self.unread += 1;
        self.first_unread.get_or_insert(line);
    }

    /// Whether any request was judged.
    pub const fn is_empty(&self) -> bool {
        self.requests == 0
    }

    fn policy(&mut self, (site, name): (&str, &str)) -> &mut Policy {
        self.policies.entry((site.to_owned(), name.to_owned())).or_default()
    }
}

fn add(counts: &mut [u64; KINDS.len()], kind: usize) {
    if let Some(count) = counts.get_mut(kind) {
        *count += 1;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} requests", self.requests)?;
        if let Some((first, last)) = self.span {
            write!(f, ", {} to {}", rfc3339(first), rfc3339(last))?;
        }
        f.write_str("\n\n")?;
        for (&(kind, why), &count) in &self.outcomes {
            let kind = KINDS.get(kind).copied().unwrap_or_default();
            writeln!(f, "{kind:10}{why:<22}{count:>10}  {}", share(count, self.requests))?;
        }
        for (why, count) in &self.outside {
            writeln!(f, "{:10}{count} {why}", "aside")?;
        }
        if let Some(first) = self.first_unread {
            writeln!(f, "{:10}{} lines that are no requests, the first of them line {first}", "aside", self.unread)?;
        }
        self.policies(f)?;
        self.histogram(f)?;
        self.signals(f)?;
        self.refused(f)
    }
}

impl Report {
    fn policies(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width =
            self.policies.keys().map(|(site, name)| site.len() + name.len() + 2).max().unwrap_or_default().max(12);
        let [forward, challenge, refuse] = KINDS;
        writeln!(f, "\n{:width$}{forward:>10}{challenge:>12}{refuse:>10}{:>16}", "policy", "visitors asked")?;
        for ((site, name), Policy { by_kind: [forward, challenge, refuse], visitors }) in &self.policies {
            let name = format!("{site} {name}");
            writeln!(f, "{name:width$}{forward:>10}{challenge:>12}{refuse:>10}{visitors:>16}")?;
        }
        Ok(())
    }

    /// By score, each bar as long as the logarithm of its count: a log has thousands of requests that nothing speaks against.
    fn histogram(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = self.scores.iter().map(|bar| bar.iter().sum::<u64>()).max().unwrap_or_default();
        if most == 0 {
            return writeln!(f, "\nno request comes to a route whose policy goes by the score");
        }
        writeln!(
            f,
            "\n{:10}{:>10}  the longer the bar the more, ten times as many for each few steps",
            "score", "requests"
        )?;
        for (index, bar) in self.scores.iter().enumerate() {
            let count = bar.iter().sum::<u64>();
            if count > 0 {
                let from = index * usize::from(STEP);
                let range = if from == 100 { "100".to_owned() } else { format!("{from} to {}", from + 4) };
                writeln!(f, "{range:10}{count:>10}  {}", "#".repeat(length(count, most)))?;
            }
        }
        Ok(())
    }

    fn signals(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.signals.is_empty() {
            return Ok(());
        }
        let width = self.signals.keys().map(|name| name.chars().count() + 2).max().unwrap_or_default().max(12);
        let [forward, challenge, refuse] = KINDS;
        writeln!(f, "\n{:width$}{:>8}{forward:>10}{challenge:>12}{refuse:>10}", "signal", "points")?;
        let mut signals: Vec<_> = self.signals.iter().collect();
        signals.sort_by_key(|(_, signal)| std::cmp::Reverse(signal.requests));
        for (name, Signal { points, by_kind: [forward, challenge, refuse], .. }) in signals {
            writeln!(f, "{name:width$}{points:>8}{forward:>10}{challenge:>12}{refuse:>10}")?;
        }
        Ok(())
    }

    fn refused(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.refused.is_empty() {
            return Ok(());
        }
        let mut refused: Vec<_> = self.refused.iter().collect();
        refused.sort_by_key(|(ip, (count, _))| (std::cmp::Reverse(*count), **ip));
        writeln!(f, "\nrefused most often, of {} addresses", refused.len())?;
        for (ip, (count, why)) in refused.into_iter().take(NAMED) {
            writeln!(f, "{count:>10}  {ip}  {why}")?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share for people")]
fn share(count: u64, of: u64) -> String {
    format!("{:5.1} %", 100.0 * count as f64 / of.max(1) as f64)
}

/// The length of a bar: one for a single request, [`BAR`] for the most.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bar's length"
)]
fn length(count: u64, most: u64) -> usize {
    let share = (1.0 + count as f64).ln() / (1.0 + most as f64).ln();
    (share * BAR as f64).round().max(1.0) as usize
}
