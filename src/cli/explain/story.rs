//! What becomes of one request, told line by line.

use std::fmt::{self, Write as _};

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::audit::rfc3339;
use crate::cli::explain::policy::{described, is_form, verdict};
use crate::cli::explain::unseen::unseen;
use crate::cli::explain::{Args, site_of};
use crate::directory::{DirectoryError, Entry};
use crate::gate::Vouched;
use crate::identity::Source;
use crate::request::{CanonicalRequest, ClientAddress, Door, RawRequest};
use crate::risk::{AddressRisk, Named, Risk, Whereabouts};
use crate::server::{Plan, SitePlan};
use crate::stepup::Gateway;
use crate::words::{Policy, Subject};

/// A browser that sends no client hints.
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0";

/// The request, out of the command line.
pub(super) struct Asked {
    tls: bool,
    target: String,
    method: Method,
    headers: HeaderMap,
    subject: Option<Subject>,
}

/// Labels and what stands behind them.
#[derive(Default)]
pub(super) struct Story(Vec<(&'static str, String)>);

// === impl Asked ===

impl Asked {
    pub(super) fn new(args: &Args) -> Result<Self, String> {
        let url = args.url.as_deref().unwrap_or_default();
        let (scheme, rest) = url.split_once("://").unwrap_or(("", ""));
        let tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err("write the URL in full, such as `https://shop.example.com/account`".to_owned()),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, target) = rest.split_at(end);
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        let mut headers = HeaderMap::new();
        headers.append(http::header::HOST, HeaderValue::try_from(host).map_err(|_| "the URL's host is no host name")?);
        for line in &args.headers {
            let header = line.split_once(':').and_then(|(name, value)| {
                Some((HeaderName::try_from(name.trim()).ok()?, HeaderValue::try_from(value.trim()).ok()?))
            });
            let (name, value) =
                header.ok_or_else(|| format!("`--header {line}` is no header: write `--header 'Name: value'`"))?;
            headers.append(name, value);
        }
        // Whoever asks about an address does not ask about a program that does not say its name.
        headers.entry(http::header::USER_AGENT).or_insert_with(|| HeaderValue::from_static(BROWSER));
        let method =
            Method::from_bytes(args.method.as_bytes()).map_err(|_| "`--method` is no method, such as `POST`")?;
        let subject =
            args.subject.as_deref().map(Subject::parse).transpose().map_err(|bad| format!("--subject: {bad}"))?;
        Ok(Self { tls, target, method, headers, subject })
    }
}

// === impl Story ===

impl Story {
    fn tell(&mut self, label: &'static str, text: impl Into<String>) {
        self.0.push((label, text.into()));
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (label, text) in &self.0 {
            for (index, line) in text.lines().enumerate() {
                let label = if index == 0 { label } else { "" };
                writeln!(f, "{label:10}{line}")?;
            }
        }
        Ok(())
    }
}

/// The story of one request.
pub(super) fn explain(plan: &Plan, args: &Args, asked: &Asked) -> Story {
    let mut story = Story::default();
    let raw = RawRequest {
        method: &asked.method,
        target: asked.target.as_bytes(),
        headers: &asked.headers,
        authority: None,
        peer: args.ip,
        tls: asked.tls,
    };
    let door = match Door::enter(raw, &plan.trusted) {
        Ok(door) => door,
        Err(refused) => {
            story.tell("verdict", format!("refused at the door with {}: {refused}", refused.status()));
            return story;
        }
    };
    let Some(site) = site_of(plan, door.authority.host()) else {
        story.tell("site", format!("none has the host `{}`", door.authority.host()));
        story.tell("verdict", "refused at the door with 421: no site of this config is asked");
        return story;
    };
    let mut request = match door.path(site.spec.path_rules()) {
        Ok(request) => request,
        Err(refused) => {
            story.tell("site", name_of(site, args));
            story.tell("verdict", format!("refused at the door with {}: {refused}", refused.status()));
            return story;
        }
    };
    request.client.country = plan.scoring.address.whereabouts(&request.client).country;
    story.tell("request", canonical(&request));
    story.tell("client", client(&request));
    story.tell("site", name_of(site, args));
    if Gateway::is_portal(&request.path) {
        story.tell("verdict", "a page of the gateway itself: no route is asked, and nothing reaches the application");
        return story;
    }
    let (hit, policy) = site.spec.routes.find(&request);
    story.tell("routes", routes(site, &request, hit));
    story.tell("policy", described(policy));
    let subject = subject(site, &request, asked);
    story.tell("subject", subject_text(site, policy, subject.as_ref()));
    let risk = plan.scoring.of(&request, &asked.headers);
    if matches!(policy, Policy::StepUp(_)) {
        story.tell("address", whereabouts(&plan.scoring.address, &request.client, risk.at));
        story.tell("score", score(plan, policy, &risk));
    }
    let verdict = match (&subject, policy) {
        (Err(Contradiction), Policy::StepUp(policy)) if !policy.observe => "refuse (identity_conflict): 403".to_owned(),
        (subject, policy) => {
            let named = subject.as_ref().ok().and_then(Option::as_ref);
            match named.and_then(|named| word(site, policy, named)) {
                Some(Err(error)) => {
                    story.tell("directory", error.to_string());
                    let observes = matches!(policy, Policy::StepUp(policy) if policy.observe);
                    let open = "forward, since the policy only observes; it would be answered with 503 otherwise";
                    if observes { open } else { "unavailable: 503, since its word might be needed" }.to_owned()
                }
                Some(Ok(entry)) => {
                    let entry = entry.unwrap_or_default();
                    let mut told = listed(&entry);
                    if site.spec.contact_cooldown.is_some() {
                        told.push_str(
                            "one that is new to the account does not count: what is remembered is not asked here",
                        );
                    }
                    story.tell("directory", told);
                    verdict(site, &request, policy, true, &vouched(&entry), risk.score())
                }
                None => verdict(site, &request, policy, named.is_some(), &[], risk.score()),
            }
        }
    };
    story.tell("verdict", verdict);
    story
}

fn name_of(site: &SitePlan, args: &Args) -> String {
    format!("{} ({}:{})", site.spec.key, args.config.display(), site.place.line)
}

fn canonical(request: &CanonicalRequest) -> String {
    let target = String::from_utf8_lossy(&request.target()).into_owned();
    let mut text = format!("{} {}://{}{target}", request.method, request.scheme, request.authority);
    let decoded = request.path.decoded();
    if decoded != request.path.wire() {
        let _ = write!(text, "\nrules see the path {decoded}");
    }
    text
}

fn client(request: &CanonicalRequest) -> String {
    let client = request.client;
    let mut text = client.ip.to_string();
    if client.ip != request.peer {
        let _ = write!(text, ", behind the proxy {}", request.peer);
    }
    if client.uncertain {
        text.push_str(", uncertain: its forwarded headers break off or contradict each other");
    }
    text
}

/// Every rule in order, with hit or miss and its line; `>` marks the first hit, which decides.
fn routes(site: &SitePlan, request: &CanonicalRequest, hit: Option<usize>) -> String {
    let width = site.routes.iter().map(|route| route.place.line.to_string().len()).max().unwrap_or(1);
    let mut text = String::new();
    for (index, route) in site.routes.iter().enumerate() {
        let mark = if hit == Some(index) { '>' } else { ' ' };
        let met = if site.spec.routes.matches(index, request) { "hit " } else { "miss" };
        let (line, policy) = (route.place.line, route.policy.name());
        let _ = writeln!(text, "{mark} {met}  line {line:width$}  {}: {policy}", route.criteria);
    }
    if hit.is_none() {
        let _ = writeln!(text, "> none matches: `default_policy`, {}", site.default.name());
    }
    text
}

/// What the databases say of an address.
fn whereabouts(risk: &AddressRisk, client: &ClientAddress, at: Whereabouts) -> String {
    let mut parts = Vec::new();
    let Named { city, organisation } = risk.named(client);
    parts.extend(at.country.map(|country| country.to_string()));
    parts.extend(city);
    let whose = organisation.map_or_else(String::new, |whose| format!(" ({whose})"));
    parts.extend(at.system.map(|system| format!("AS{system}{whose}")));
    parts.extend(at.position.map(|at| format!("about {:.2}, {:.2}", at.latitude, at.longitude)));
    parts.extend(at.is_hosting.then(|| "hosting".to_owned()));
    parts.extend(at.is_anonymiser.then(|| "anonymiser".to_owned()));
    match parts.is_empty() {
        true if risk.databases.is_empty() => "not known: there is no `risk.geoip`".to_owned(),
        true => "not known to any database".to_owned(),
        false => parts.join(", "),
    }
}

/// The score, and each signal that fired with its points and where they come from.
fn score(plan: &Plan, policy: &Policy, risk: &Risk) -> String {
    let mut text = risk.score().to_string();
    for signal in risk.signals() {
        let place = plan.signals.iter().find(|(name, _)| **name == *signal.name);
        let from = place.map_or_else(|| "by default".to_owned(), |(_, place)| format!("line {}", place.line));
        let _ = write!(text, "\n{signal} ({from})");
    }
    if let Some(list) = &risk.trusted_by {
        let _ = write!(text, "\nnothing about the address counts: it is on the list `{list}`");
    }
    for unseen in unseen(plan, is_form(policy), false) {
        let _ = write!(text, "\nnot known here: {unseen}");
    }
    text
}

/// Two sources name different people, or one names what can be nobody.
struct Contradiction;

/// The subject: given, or named by a header that its peer may set. `Err` when sources contradict each other.
fn subject(site: &SitePlan, request: &CanonicalRequest, asked: &Asked) -> Result<Option<Subject>, Contradiction> {
    let spelled = |subject: Subject| if site.spec.case_insensitive { subject.folded() } else { subject };
    let mut subject = asked.subject.clone().map(spelled);
    for source in &site.spec.sources {
        let Source::Header(header) = source else { continue };
        let named = header.subject(&asked.headers, request.peer).map(|named| named.map(spelled));
        match (&subject, named) {
            (_, Err(_)) => return Err(Contradiction),
            (Some(known), Ok(Some(other))) if *known != other => return Err(Contradiction),
            (None, Ok(named)) => subject = named,
            _ => {}
        }
    }
    Ok(subject)
}

/// What the directory says of the subject, under a policy that goes by it: the only thing that is asked of anybody here.
fn word(site: &SitePlan, policy: &Policy, subject: &Subject) -> Option<Result<Option<Entry>, DirectoryError>> {
    let Policy::StepUp(policy) = policy else { return None };
    policy.recheck()?;
    let asking = async { site.spec.directories.find(subject).await };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let answer = match runtime {
        Ok(runtime) => runtime.block_on(asking),
        Err(error) => Err(DirectoryError::Unreachable(error.to_string())),
    };
    Some(answer.map(|found| found.map(|found| found.entry)))
}

fn vouched(entry: &Entry) -> Vec<Vouched> {
    let at = |listed: &crate::directory::Listed| {
        Some(Vouched { channel: listed.contact.channel(), at: listed.verified_at? })
    };
    entry.contacts.iter().filter_map(at).collect()
}

/// The contacts of a subject, masked, and when each was proved.
fn listed(entry: &Entry) -> String {
    let mut text = String::new();
    for listed in &entry.contacts {
        let _ = write!(text, "{} {}, ", listed.contact.channel(), listed.contact.masked());
        let _ = match listed.verified_at {
            Some(at) => writeln!(text, "proved {}", rfc3339(at)),
            None => writeln!(text, "not proved as far as it says"),
        };
    }
    if text.is_empty() { "knows no contact of this subject\n".to_owned() } else { text }
}

fn subject_text(site: &SitePlan, policy: &Policy, subject: Result<&Option<Subject>, &Contradiction>) -> String {
    match subject {
        Ok(Some(subject)) => subject.as_str().to_owned(),
        Err(Contradiction) => {
            "nobody: two sources name different people, or a header names what can be nobody".to_owned()
        }
        Ok(None) if !matches!(policy, Policy::StepUp(_)) => "none, and none is needed".to_owned(),
        Ok(None) if is_form(policy) => "none: whoever holds the contact in the form".to_owned(),
        Ok(None) if site.spec.sources.iter().any(|source| matches!(source, Source::Ask(_))) => {
            "none: would be asked for an e-mail address".to_owned()
        }
        Ok(None) => match &site.spec.sign_in {
            Some(path) => format!("none: would be sent to {path}"),
            None if site.spec.sources.iter().any(|source| matches!(source, Source::ClientCertificate(_))) => {
                "none: would need a client certificate; `--subject` says whose".to_owned()
            }
            None if site.spec.sources.iter().any(|source| matches!(source, Source::Basic(_))) => {
                "none: would be asked for name and password, which count once the application accepts them".to_owned()
            }
            None => "none: the site has no `sign_in` to send them to".to_owned(),
        },
    }
}
