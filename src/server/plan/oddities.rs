//! What is odd about a config: lawful, but rarely meant.

mod logins;

use std::time::Duration;

use crate::config::{Network, Placed};
use crate::delivery::SiteName;
use crate::delivery::settings::ProviderSettings;
use crate::directory::Directory as _;
use crate::gate::settings::RouteSettings;
use crate::identity::settings::{HeaderSettings, IdentitySettings};
use crate::risk::{Finding, Scoring};
use crate::server::plan::{Notes, Plan, SitePlan};
use crate::server::settings::{Settings, SiteSettings};
use crate::words::{Channel, Clock as _, ContactRule, Policy, StepUp, SystemClock, Timestamp};

/// Notes everything that an operator will want to hear of.
pub(super) fn note(settings: &Settings, plan: &Plan, notes: &mut Notes) {
    entrances(settings, notes);
    policies(settings, plan, notes);
    findings(plan, notes);
    delivery(settings, notes);
    money(settings, plan, notes);
    feeds(settings, plan, SystemClock.now(), notes);
    messages(settings, plan, notes);
    if let Some(ttl) = settings.challenge.ttl.filter(|ttl| ttl.value.0 < Duration::from_secs(30)) {
        notes.add(ttl.place, "codes live too short a time: most messages take longer to arrive and to be read");
    }
    for (site, plan) in settings.sites.iter().zip(&plan.sites) {
        if let Some(verify) = site.upstream.verify.filter(|verify| !verify.value) {
            notes.add(verify.place, "the servers' certificates are not verified: anybody between could pose as them");
        }
        for source in site.identity.iter() {
            if let IdentitySettings::Header(header) = &source.value {
                self::header(header, settings, notes);
            }
        }
        if let Some(verified) = site.verified.as_ref().filter(|_| site.directory.is_empty()) {
            let text = "no `directory` vouches for a contact of this site: the webhook will never be told of one";
            notes.add(verified.webhook.place, text);
        }
        logins::note(site, plan, notes);
        passable(site, plan, notes);
        for (route, planned) in site.routes.iter().zip(&plan.routes) {
            self::route(&route.value, planned.policy == Policy::Bypass, settings, notes);
            if route.value.methods.is_empty() {
                whole_page(&planned.policy, &route.value.policy, notes);
            }
        }
    }
}

/// Listeners, proxies, the store and the admin listener.
fn entrances(settings: &Settings, notes: &mut Notes) {
    if settings.store.is_none() {
        let text = "no `store`: challenges and counters live in this process and end with it; \
                    name a Redis, or write `store: memory` if that is meant";
        notes.add(crate::config::Place::START, text);
    }
    for listener in settings.listeners.iter().map(|listener| &listener.value) {
        let alone = settings.trusted_proxies.is_empty();
        if listener.tls.is_empty() && alone && !listener.address.value.0.ip().is_loopback() {
            // C13
            let text = "plain HTTP: codes and cookies can be read on the way, and no cookie is `Secure`; \
                        add `tls`, or name the proxy that ends TLS in `trusted_proxies`";
            notes.add(listener.address.place, text);
        }
    }
    let mut sources = settings.sites.iter().flat_map(|site| site.identity.iter());
    let by_certificate = sources.any(|source| matches!(source.value, IdentitySettings::ClientCertificate(_)));
    for clients in settings.listeners.iter().filter_map(|listener| listener.value.client_certificates.as_ref()) {
        if !by_certificate && !clients.value.required.is_some_and(|required| required.value) {
            let text = "visitors are asked for certificates that nothing comes of: no `identity` of a site is \
                        `client_certificate`, and none is `required`";
            notes.add(clients.place, text);
        }
    }
    if let Some(url) = settings.public_url.as_ref().filter(|url| is_clear(&url.value)) {
        notes.add(url.place, "plain HTTP: receipts, and what calls say, can be read and held back on the way");
    }
    for network in settings.trusted_proxies.iter().filter(|network| network.value.0.prefix() == 0) {
        notes.add(network.place, "everybody is trusted: any visitor can claim any address");
    }
    if let Some(admin) = settings.admin.as_ref().filter(|admin| !admin.address.value.0.ip().is_loopback()) {
        notes.add(admin.address.place, "the admin listener is plain HTTP: its token can be read on the way");
    }
}

/// Whether an address goes over the network without TLS.
fn is_clear(url: &str) -> bool {
    url::Url::parse(url.trim()).is_ok_and(|url| {
        let is_near = match url.host() {
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            None => false,
        };
        url.scheme() == "http" && !is_near
    })
}

/// Policies that nobody uses, or that never ask.
fn policies(settings: &Settings, plan: &Plan, notes: &mut Notes) {
    let mut used: Vec<&str> = Vec::new();
    used.extend(plan.sites.iter().flat_map(step_ups).map(|policy| &*policy.name));
    for (name, policy) in settings.policies.iter() {
        if !used.contains(&name.value.as_str()) {
            notes.add(name.place, format!("no route uses the policy `{}`", name.value));
        }
        let is_form = policy.contact.as_ref().is_some_and(|contact| contact.value.form.is_some());
        let is_scored = plan.scoring.is_on() || (is_form && plan.scoring.contact.is_on());
        if let Some(at) = policy.challenge_at.filter(|at| at.value > 0 && !is_scored) {
            let text = "nothing under `risk` says anything of addresses, so this policy asks only for what the gateway itself \
                        has seen: add `risk.geoip` or `risk.lists`";
            notes.add(at.place, text);
        }
    }
}

/// Findings that are worth something by the config, and that nothing can find.
fn findings(plan: &Plan, notes: &mut Notes) {
    let Scoring { points, subject, contact, .. } = &plan.scoring;
    for finding in Finding::ALL.into_iter().filter(|&finding| points.counts(finding)) {
        let wanting = match finding {
            Finding::ImpossibleTravel | Finding::CountryChanged if !subject.knows_places => "geoip: {country: …}",
            Finding::PhoneCountry if !contact.knows_countries => "geoip: {country: …}",
            Finding::AsnChanged if !subject.knows_systems => "geoip: {asn: …}",
            Finding::NewDevice if subject.remember.is_zero() => "devices: {remember: 180d}",
            _ => continue,
        };
        if let Some((name, place)) = plan.signals.iter().find(|(name, _)| name == finding.as_str()) {
            notes.add(*place, format!("`{name}` is never found: add `{wanting}` under `risk`"));
        }
    }
}

const fn is_form(policy: &StepUp) -> bool {
    matches!(policy.contact, ContactRule::Form(_))
}

fn step_ups(site: &SitePlan) -> impl Iterator<Item = &StepUp> {
    let policies = site.spec.routes.policies().filter_map(|policy| match policy {
        Policy::StepUp(policy) => Some(&**policy),
        Policy::Bypass | Policy::Deny => None,
    });
    policies
        .flat_map(|policy| std::iter::once(policy).chain(policy.escalation.as_ref().map(|escalation| &*escalation.to)))
}

/// Zones with a list of connections that should not send mail themselves
/// (<https://www.spamhaus.org/faqs/dnsbl-usage/>): nearly everybody at home has one.
const HOMES: [&str; 2] = ["zen.spamhaus.org", "zen.dq.spamhaus.net"];

/// Databases that are old, and lists that have never been had.
fn feeds(settings: &Settings, plan: &Plan, now: Timestamp, notes: &mut Notes) {
    let geoip = &settings.risk.geoip;
    for database in plan.scoring.databases().filter(|database| database.is_old(now)) {
        let written = match database.name {
            "country" => &geoip.country,
            "asn" => &geoip.asn,
            "city" => &geoip.city,
            _ => &geoip.anonymous,
        };
        let Some(written) = written else { continue };
        let text = format!(
            "`{}` was built {} days ago: addresses have moved since; `otpgate geoip update` makes new ones of countries and systems",
            written.value,
            database.days(now)
        );
        notes.add(written.place, text);
    }
    for list in settings.risk.dns_lists.iter().filter(|list| list.answers.is_empty()) {
        let zone = list.zone.value.trim().trim_matches('.').to_ascii_lowercase();
        if HOMES.iter().any(|homes| zone.ends_with(homes)) {
            let text = "this zone also lists home connections, which should not send mail (127.0.0.10 and .11), and they are visitors: \
                        add `answers: [127.0.0.2, 127.0.0.3, 127.0.0.4/30, 127.0.0.9]`";
            notes.add(list.zone.place, text);
        }
    }
    for list in plan.scoring.lists().filter(|list| list.updated.is_none()) {
        let mut lists = settings.risk.lists.iter();
        if let Some(written) = lists.find(|written| written.name.value.trim() == &*list.name) {
            let text =
                format!("the list `{}` has never been fetched: nothing is on it until the gateway has it", list.name);
            notes.add(written.source.place, text);
        }
    }
}

/// A budget that nothing is counted against.
fn money(settings: &Settings, plan: &Plan, notes: &mut Notes) {
    let budget = &settings.limits.budget;
    let Some(limit) = budget.per_day.or(budget.per_hour) else { return };
    let mut all = plan.delivery.providers.iter().map(|provider| &provider.common);
    if all.all(|common| common.price.is_none() && common.prices.is_empty()) {
        let text =
            "no provider has `prices`: what a message costs is known only after some receipts told it, if they do";
        notes.add(limit.place, text);
    }
}

fn delivery(settings: &Settings, notes: &mut Notes) {
    let reachable = settings.listeners.iter().any(|listener| !listener.value.address.value.0.ip().is_loopback());
    for (name, provider) in settings.delivery.providers.iter() {
        let mut channels = settings.delivery.channels();
        let serves = channels.any(|(_, channel)| channel.used().any(|used| used.value == name.value));
        if !serves {
            notes.add(name.place, format!("the provider `{}` serves no channel", name.value));
        }
        match provider {
            ProviderSettings::Smtp(smtp) => {
                if let Some(verify) = smtp.verify.filter(|verify| !verify.value) {
                    notes.add(
                        verify.place,
                        "the server's certificate is not verified: anybody between could read codes",
                    );
                }
            }
            ProviderSettings::GetOtp(getotp) => {
                if let Some(poll) = getotp.poll.filter(|poll| poll.value) {
                    let text = "asked what became of its page, GetOTP does not say which address was proved: whoever \
                                changes it there passes";
                    notes.add(poll.place, text);
                }
                let digits = settings.challenge.digits.map_or(6, |digits| digits.value);
                if let Some(key) = getotp.api_key.as_ref().filter(|_| digits > 8) {
                    notes.add(key.place, format!("GetOTP carries codes of 8 digits at most, and these have {digits}"));
                }
            }
            ProviderSettings::Http(http) if is_clear(http.url.value.written()) => {
                notes.add(http.url.place, "plain HTTP: codes and secrets can be read on the way; write https://");
            }
            ProviderSettings::Outbox(_) if serves && reachable => {
                let text = format!("`{}` sends nothing: visitors get no code, and codes stand in the log", name.value);
                notes.add(name.place, text);
            }
            _ => {}
        }
    }
}

/// Text messages that take more than one part: each is paid for.
fn messages(settings: &Settings, plan: &Plan, notes: &mut Notes) {
    let rules = &plan.rules;
    let by_sms = |site: &&SitePlan| step_ups(site).any(|policy| policy.channels.contains(Channel::Sms));
    let mut told: Vec<String> = Vec::new();
    for site in plan.sites.iter().filter(by_sms).filter(|_| settings.delivery.sms.is_some()) {
        let named = site.spec.hosts.iter().map(|host| SiteName::new(&site.spec.name, host.name()));
        let Some(name) = named.max_by_key(|name| name.host().len()) else { continue };
        let long = plan.delivery.templates.long_sms(&name, rules.shape.digits(), rules.ttl);
        let mut ours: Vec<String> = Vec::new();
        for sms in long {
            match (&sms.file, &settings.delivery.templates) {
                (Some(file), Some(folder)) => {
                    if !told.contains(file) {
                        let host = name.host();
                        notes.add(folder.place, format!("`{file}`: a text message of `{host}` takes {sms}"));
                        told.push(file.clone());
                    }
                }
                _ => ours.push(sms.to_string()),
            }
        }
        if !ours.is_empty() {
            let text = format!("a text message of `{}` takes {}", name.host(), ours.join(", "));
            notes.add(site.place, format!("{text}; each part is paid for"));
        }
    }
}

fn header(header: &HeaderSettings, settings: &Settings, notes: &mut Notes) {
    for from in header.from.iter() {
        if from.value.0.prefix() == 0 {
            notes.add(from.place, format!("anybody can set `{}` and be whom they like", header.name.value));
        } else if !settings.trusted_proxies.iter().any(|trusted| holds(trusted, from)) {
            let text =
                format!("`{}` is not in `trusted_proxies`: all visitors behind it count as one address", from.value.0);
            notes.add(from.place, text);
        }
    }
}

fn holds(wide: &Placed<Network>, narrow: &Placed<Network>) -> bool {
    let (wide, narrow) = (wide.value.0, narrow.value.0);
    wide.prefix() <= narrow.prefix() && wide.contains(narrow.ip())
}

/// A policy for the contact in a form, where more than the form is sent.
fn whole_page(policy: &Policy, name: &Placed<String>, notes: &mut Notes) {
    if let Policy::StepUp(policy) = policy
        && let ContactRule::Form(field) = &policy.contact
    {
        let text = format!(
            "`{}` wants `{field}` in every request: a page is opened only by an address without a query; add `methods: POST`",
            policy.name
        );
        notes.add(name.place, text);
    }
}

/// Whether anybody can get through what is protected.
fn passable(site: &SiteSettings, plan: &SitePlan, notes: &mut Notes) {
    if !plan.spec.routes.protect_anything() {
        notes.add(plan.place, "nothing of this site is protected: every route bypasses");
    }
    if site.observe && plan.spec.routes.protect_anything() {
        notes.add(plan.place, "this site only observes: nothing of it is protected until `observe` is gone");
    }
    if let (Some(name), true) = (&site.default_policy, plan.spec.routes.protect_anything()) {
        whole_page(&plan.default, name, notes);
    }
    // Whoever types a contact into a form need not be known.
    let Some(policy) = step_ups(plan).find(|policy| !is_form(policy)) else { return };
    let asks = site.identity.iter().any(|source| matches!(source.value, IdentitySettings::Ask(_)));
    let others = site.identity.iter().any(|source| !matches!(source.value, IdentitySettings::Ask(_)));
    if site.identity.is_empty() {
        let text = format!("no `identity` says who a visitor is: nobody can pass the policy `{}`", policy.name);
        notes.add(plan.place, text);
    } else if others && site.directory.is_empty() {
        notes.add(plan.place, "no `directory` knows where codes go: nobody who signs in can pass");
    }
    let rechecks = step_ups(plan).find(|policy| policy.recheck().is_some());
    if let Some(policy) = rechecks.filter(|_| !plan.spec.directories.iter().any(|known| known.tells_verified())) {
        let text = format!(
            "no `directory` says when a contact was proved (`verified_at`), so `{}` asks for a code as if it had no `recheck`",
            policy.name
        );
        notes.add(plan.place, text);
    }
    let by_login = site.identity.iter().any(|source| matches!(source.value, IdentitySettings::Login(_)));
    if by_login && !asks && site.sign_in.is_none() {
        let text = "no `sign_in`: a visitor who has not signed in is refused instead of being sent to the login page";
        notes.add(plan.place, text);
    }
    if asks
        && !others
        && let Some(policy) =
            step_ups(plan).find(|policy| !policy.channels.contains(Channel::Email) && !is_form(policy))
    {
        let text = format!("visitors who are asked have an e-mail address only: none can pass `{}`", policy.name);
        notes.add(plan.place, text);
    }
}

/// The endings of scripts that serve whatever stands behind them: `/index.php/anything` is `/index.php`.
const SCRIPTS: [&str; 6] = [".php", ".cgi", ".pl", ".asp", ".aspx", ".jsp"];

fn route(route: &RouteSettings, bypasses: bool, settings: &Settings, notes: &mut Notes) {
    for glob in route.path.iter().filter(|_| !bypasses) {
        let text = glob.value.trim_end_matches('/').to_ascii_lowercase();
        if SCRIPTS.iter().any(|ending| text.ends_with(ending)) {
            let path = glob.value.trim_end_matches('/');
            let warning = format!("`{path}/anything` reaches the same script and is not matched: write `{path}/**`");
            notes.add(glob.place, warning);
        }
    }
    for regex in route.path_regex.iter() {
        let pattern = regex.value.trim_start_matches('^');
        if pattern.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '-') {
            // P24
            let warning = "an expression matches the whole path, which begins with `/`: this one never matches";
            notes.add(regex.place, warning);
        } else if bypasses && (pattern.starts_with(".*") || pattern.starts_with("/.*") && pattern.len() > 3) {
            let warning = "this opens every path that holds the rest of the expression, wherever it stands";
            notes.add(regex.place, warning);
        }
    }
    let loopback = settings.listeners.iter().all(|listener| listener.value.address.value.0.ip().is_loopback());
    let (networks, countries) = (route.networks.first(), route.countries.first());
    let by_address = networks.map(|network| network.place).or_else(|| countries.map(|country| country.place));
    if let Some(place) = by_address.filter(|_| loopback && settings.trusted_proxies.is_empty()) {
        let warning = "behind a proxy every visitor has the proxy's address: name it in `trusted_proxies`";
        notes.add(place, warning);
    }
}
