//! `otpgate explain --replay`: what would have become of the requests of an access log.
//!
//! A log has no cookies, no bodies and none of what a running gateway has seen. So whoever is asked for a code is taken to
//! answer it, and whoever comes to be signed in; a visitor is an address and its browser, or the user that the server knew.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::net::IpAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use http::{HeaderValue, Method};

use crate::cli::check::BAD;
use crate::cli::explain::log::{self, Entry};
use crate::cli::explain::policy::is_form;
use crate::cli::explain::report::{Outcome, Report};
use crate::cli::explain::unseen::unseen;
use crate::cli::explain::{Args, chart, site_of};
use crate::config::{Place, Placed};
use crate::gate::{Facts, Verdict, judge};
use crate::request::{CanonicalRequest, Door, Glob, RawRequest, network_of};
use crate::risk::{Risk, SubjectFacts, Trip, is_possible};
use crate::server::{Plan, SitePlan};
use crate::stepup::Gateway;
use crate::words::{Channel, ContactRule, KeyedHash, Origin, Policy, Proof, Spot, StepUp, Timestamp};

/// Replays a log: the tables to `out`, the picture to its file.
///
/// # Errors
/// When nothing can be written.
pub(super) fn run(
    plan: &Plan,
    args: &Args,
    log: &Path,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<ExitCode> {
    let replay = match Replay::of(plan, args) {
        Ok(replay) => replay,
        Err(wrong) => {
            writeln!(err, "{wrong}")?;
            return Ok(ExitCode::from(BAD));
        }
    };
    let thresholds = replay.thresholds();
    let report = if log == Path::new("-") {
        replay.run(io::stdin().lock())
    } else {
        File::open(log).and_then(|file| replay.run(io::BufReader::new(file)))
    };
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            writeln!(err, "{}: {error}", log.display())?;
            return Ok(ExitCode::from(BAD));
        }
    };
    if report.is_empty() {
        writeln!(err, "{}: no line of it is a request to a site of this config", log.display())?;
        return Ok(ExitCode::from(BAD));
    }
    out.write_all(report.to_string().as_bytes())?;
    let has_form = plan.sites.iter().any(|site| site.spec.routes.policies().any(is_form));
    let unseen: String = unseen(plan, has_form, true).iter().map(|what| format!("\nnot known here: {what}")).collect();
    if !unseen.is_empty() {
        writeln!(out, "{unseen}")?;
    }
    if let Some(picture) = &args.svg {
        let title = format!("What would become of the requests of {}", log.display());
        if let Err(error) = std::fs::write(picture, chart::svg(&report, &title, &thresholds)) {
            writeln!(err, "{}: {error}", picture.display())?;
            return Ok(ExitCode::from(BAD));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is replayed under what.
struct Replay<'p> {
    plan: &'p Plan,
    /// The site of all requests, whatever host they name.
    site: Option<&'p SitePlan>,
    /// A policy in the place of what the routes say.
    policy: Option<Policy>,
    /// The only paths that are looked at.
    paths: Option<Glob>,
    visitors: HashMap<Visitor, Known>,
    last: Timestamp,
}

/// Whom a log can tell apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Visitor {
    site: Arc<str>,
    user: Option<String>,
    /// Of whom no name is known.
    alone: Option<(IpAddr, Option<HeaderValue>)>,
}

/// What is known of a visitor by then.
#[derive(Debug, Default)]
struct Known {
    /// The newest first.
    proofs: Vec<Proof>,
    /// Where they were last, and when.
    last: Option<(Spot, Timestamp)>,
}

/// Why no policy has a say on a request that no gateway would let in.
const AT_THE_DOOR: &str = "refused at the door, for what they ask in two ways";
/// The longest line that is read, in bytes: what is longer is no request.
const LINE: usize = 64 * 1024;
/// The application's session and the network, where a policy binds to them: a visitor of a log keeps the one, and the other is
/// told by the address.
const SESSION: KeyedHash = KeyedHash::new([1; 16]);

// === impl Replay ===

impl<'p> Replay<'p> {
    /// What the command line asks for.
    fn of(plan: &'p Plan, args: &Args) -> Result<Self, String> {
        let site = match &args.site {
            Some(host) => {
                let site = site_of(plan, &host.to_ascii_lowercase());
                Some(site.ok_or_else(|| format!("--site: no site of this config has the host `{host}`"))?)
            }
            None => None,
        };
        let named = |name: &String| {
            let name = Placed { value: name.clone(), place: Place::START };
            plan.policies.find(&name).map_err(|fault| format!("--policy: {}", fault.message()))
        };
        let policy = args.policy.as_ref().map(named).transpose()?;
        let glob = |text: &String| Glob::parse(text).map(|glob| glob.folded()).map_err(|bad| format!("--path: {bad}"));
        let paths = args.path.as_ref().map(glob).transpose()?;
        Ok(Self { plan, site, policy, paths, visitors: HashMap::new(), last: Timestamp::default() })
    }

    /// The scores at which the policy changes its mind, where there is one for all.
    fn thresholds(&self) -> Vec<(&'static str, u8)> {
        let Some(Policy::StepUp(policy)) = &self.policy else { return Vec::new() };
        let escalation = policy.escalation.as_ref().map(|escalation| ("escalate", escalation.at));
        let all = [Some(("challenge_at", policy.challenge_at)), escalation, Some(("deny_at", policy.deny_at))];
        all.into_iter().flatten().collect()
    }

    /// Replays a whole log.
    ///
    /// # Errors
    /// When it cannot be read.
    fn run(mut self, mut input: impl BufRead) -> io::Result<Report> {
        let mut report = Report::default();
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            if input.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            let text = String::from_utf8_lossy(line.trim_ascii());
            if text.is_empty() {
                continue;
            }
            match log::read(&text).filter(|_| text.len() <= LINE) {
                Some(entry) => self.replay(entry, &mut report),
                None => report.unread(number),
            }
        }
        Ok(report)
    }

    fn replay(&mut self, entry: Entry, report: &mut Report) {
        let at = entry.at.unwrap_or(self.last);
        self.last = at;
        let plan = self.plan;
        let mut headers = entry.headers;
        // Where there is but one site, a line that names none is of that.
        let only = plan.sites.first().filter(|_| plan.sites.len() == 1);
        let own = self.site.or(only).and_then(|site| site.spec.hosts.first()).map(|host| host.name().to_owned());
        let host = if self.site.is_some() { own } else { entry.host.or(own) };
        let Some(host) = host else { return report.outside("without a host: say which site by `--site`") };
        let Ok(host) = HeaderValue::try_from(host) else { return report.outside("with what can be no host") };
        headers.insert(http::header::HOST, host);
        let (method, target) = (&entry.method, entry.target.as_bytes());
        let raw = RawRequest { method, target, headers: &headers, authority: None, peer: entry.peer, tls: false };
        let Ok(door) = Door::enter(raw, &plan.trusted) else { return report.outside(AT_THE_DOOR) };
        let Some(site) = self.site.or_else(|| site_of(plan, door.authority.host())) else {
            return report.outside("to hosts that this config does not have");
        };
        let Ok(mut request) = door.path(site.spec.path_rules()) else { return report.outside(AT_THE_DOOR) };
        request.client.country = plan.scoring.address.whereabouts(&request.client).country;
        if Gateway::is_portal(&request.path) {
            return report.outside("to pages of the gateway itself");
        }
        if self.paths.as_ref().is_some_and(|paths| !paths.matches(request.path.folded())) {
            return;
        }
        let policy = strict(self.policy.as_ref().unwrap_or_else(|| site.spec.routes.find(&request).1));
        let mut risk = match policy {
            Policy::StepUp(_) => plan.scoring.of(&request, &headers),
            Policy::Bypass | Policy::Deny => Risk::default(),
        };
        let alone = || (request.client.ip, headers.get(http::header::USER_AGENT).cloned());
        let alone = entry.user.is_none().then(alone);
        let visitor = Visitor { site: Arc::clone(&site.spec.name), user: entry.user, alone };
        let is_followed = matches!(policy, Policy::StepUp(_)) && visitor.user.is_some() && entry.at.is_some();
        let moves = is_followed && self.follow(&visitor, &mut risk, at);
        let outcome = self.outcome(site, &request, &policy, &risk, &visitor, at);
        let key = site.spec.key.as_str();
        report.count(at, (key, policy.name()), request.client.ip, &risk, outcome);
        let is_asked = matches!(outcome, Outcome::Challenge(_));
        let here = risk.at.spot();
        if is_followed && risk.is_where_it_says() && (moves || is_asked) {
            self.visitors.entry(visitor.clone()).or_default().last = Some((here, at));
        }
        if let (true, Policy::StepUp(policy)) = (is_asked, &policy) {
            let proofs = &mut self.visitors.entry(visitor).or_default().proofs;
            if proofs.is_empty() {
                report.asked(key, &policy.name);
            }
            // Of the newest alone it matters which channel it was.
            proofs.insert(0, Proof { spot: here, ..proof(policy.at(risk.score()), &request, at) });
            proofs.truncate(4);
        }
    }

    /// Adds what speaks against a user who comes from elsewhere, as a gateway would; gives whether they can have come here.
    fn follow(&self, visitor: &Visitor, risk: &mut Risk, at: Timestamp) -> bool {
        let known = self.visitors.get(visitor);
        let last = known.and_then(|known| known.last);
        let last = last.map(|(from, then)| Trip { from, took: at.since(then).unwrap_or_default() });
        let subject = &self.plan.scoring.subject;
        let facts = SubjectFacts {
            proved_at: known.and_then(|known| known.proofs.first()).map(|proof| proof.spot),
            last: last.filter(|_| subject.follows_places()),
            is_new_device: false,
        };
        subject.judge(facts, risk);
        last.is_none_or(|trip| is_possible(&trip.from, &risk.at.spot(), trip.took))
    }

    fn outcome(
        &self,
        site: &SitePlan,
        request: &CanonicalRequest,
        policy: &Policy,
        risk: &Risk,
        visitor: &Visitor,
        at: Timestamp,
    ) -> Outcome {
        let opens = matches!(policy, Policy::StepUp(policy) if matches!(policy.contact, ContactRule::Form(_)))
            && matches!(request.method, Method::GET | Method::HEAD);
        let facts = Facts {
            policy,
            has_subject: true,
            proofs: self.visitors.get(visitor).map_or(&[], |known| known.proofs.as_slice()),
            vouched: &[],
            wanted: None,
            confirmed: false,
            score: risk.score(),
            is_whole: true,
            app_session: Some(SESSION),
            network: network(request),
            now: at,
        };
        match judge(&facts) {
            Verdict::Forward(passage) => Outcome::of(passage),
            Verdict::Challenge(_) if opens => Outcome::Forward("only opens a form"),
            Verdict::Challenge(_) if site.spec.may_sign_in(request) => Outcome::Forward("signs in"),
            Verdict::Challenge(why) => Outcome::Challenge(why),
            Verdict::Refuse(why) => Outcome::Refuse(why),
        }
    }
}

/// The policy as it would be if it did more than observe: that is what one wants to know.
fn strict(policy: &Policy) -> Policy {
    match policy {
        Policy::StepUp(policy) if policy.observe => Policy::StepUp(Arc::new(policy.observing(false))),
        policy => policy.clone(),
    }
}

/// The proof that an answer to the challenge of `request` would be.
fn proof(policy: &StepUp, request: &CanonicalRequest, at: Timestamp) -> Proof {
    Proof {
        channel: policy.channels.iter().next().unwrap_or(Channel::Email),
        others: Vec::new(),
        contact: KeyedHash::new([0; 16]),
        origin: Origin::Directory,
        at,
        app_session: Some(SESSION),
        network: network(request),
        spot: Spot::default(),
    }
}

/// The network of a client, in the place of its hash: nothing leaves this process.
fn network(request: &CanonicalRequest) -> KeyedHash {
    let octets = match network_of(request.client.ip).ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    };
    KeyedHash::new(octets)
}
