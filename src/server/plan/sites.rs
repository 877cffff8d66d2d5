//! Sites: hosts, identity sources, directories and routes put together.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;

use crate::config::{Fault, Period, Placed, Surroundings};
use crate::directory::Directories;
use crate::directory::settings::Manner;
use crate::gate::HostPattern;
use crate::gate::settings::{Policies, RouteSettings, Rule, Rules, host_pattern};
use crate::identity::Source;
use crate::identity::settings::IdentitySettings;
use crate::request::{CanonicalPath, IdentityHeaders, PathRules};
use crate::server::plan::{Notes, RoutePlan, SitePlan};
use crate::server::settings::{Settings, SiteSettings, SubjectsSettings};
use crate::stepup::{SignIn, SiteSpec};
use crate::store::SiteKey;
use crate::words::{Binding, Policy};

pub(super) fn sites(
    settings: &Settings,
    policies: &Policies,
    around: &Surroundings<'_>,
    notes: &mut Notes,
) -> Result<Vec<SitePlan>, Fault> {
    let mut known: Vec<(HostPattern, u32)> = Vec::new();
    let mut plans = Vec::new();
    for site in settings.sites.iter() {
        let hosts = hosts(site, &mut known)?;
        plans.push(plan(site, hosts, settings, policies, around, notes)?);
    }
    Ok(plans)
}

/// The host names of a site; none may be another site's, or stand twice.
fn hosts(site: &SiteSettings, known: &mut Vec<(HostPattern, u32)>) -> Result<Vec<HostPattern>, Fault> {
    let mut hosts = Vec::new();
    for host in site.hosts.iter() {
        let pattern = host_pattern(host)?;
        if let Some((_, line)) = known.iter().find(|(known, _)| *known == pattern) {
            return Err(host.fault(format!("the host `{}` stands in line {line} already", host.value)));
        }
        known.push((pattern.clone(), host.place.line));
        hosts.push(pattern);
    }
    Ok(hosts)
}

fn plan(
    site: &SiteSettings,
    hosts: Vec<HostPattern>,
    settings: &Settings,
    policies: &Policies,
    around: &Surroundings<'_>,
    notes: &mut Notes,
) -> Result<SitePlan, Fault> {
    let observing = site.observe.then(|| policies.observing());
    let policies = observing.as_ref().unwrap_or(policies);
    let place = site.hosts.first().map_or(crate::config::Place::START, |host| host.place);
    let first = site.hosts.first().map_or("", |host| host.value.as_str());
    let default = match &site.default_policy {
        Some(name) => policies.find(name)?,
        // The application works as it did; what is to be protected is named.
        None => Policy::Bypass,
    };
    let rules = Rules::new(&site.routes, default.clone(), policies, &settings.definitions)?;
    route_hosts(&site.routes, &rules.rules, &hosts)?;
    bindings(site, &default)?;
    for (route, rule) in site.routes.iter().zip(&rules.rules) {
        session_bound(site, &route.value.policy, &rule.route.policy)?;
    }
    certificates(site, settings)?;
    let sources: Vec<Source> = site.identity.iter().map(|source| source.source(around)).collect::<Result<_, _>>()?;
    let case_insensitive = site.subjects == SubjectsSettings::CaseInsensitive;
    let manner = Manner { fold: case_insensitive, country: site.country.as_ref().map(|country| country.value) };
    let mut directories = Vec::new();
    for directory in site.directory.iter() {
        let made = directory.value.load(around, manner)?;
        made.warnings.into_iter().for_each(|warning| notes.add(directory.place, warning));
        directories.push((made.directory, made.keep));
    }
    let portal = &settings.portal;
    let name = portal.name.as_ref().map_or(first, |name| name.value.trim());
    let spec = SiteSpec {
        hosts,
        key: SiteKey::new(&first.to_ascii_lowercase()),
        name: if name.is_empty() { first.into() } else { name.into() },
        support: portal.support.as_ref().map(support).transpose()?,
        routes: rules.routes,
        observe: site.observe,
        identity_headers: identity_headers(&sources),
        sources,
        sign_in: site.sign_in.as_ref().map(local_target).transpose()?.map(SignIn::new),
        directories: Directories::kept(directories),
        contact_cooldown: site.contact_cooldown.as_ref().map(cooldown).transpose()?,
        webhook: site.verified.as_ref().map(|verified| verified.load(around)).transpose()?.map(Arc::new),
        case_insensitive,
        country: manner.country,
    };
    let routes = rules.rules.into_iter().map(|rule| RoutePlan {
        place: rule.place,
        criteria: rule.criteria,
        policy: rule.route.policy,
    });
    Ok(SitePlan { spec, upstream: site.upstream.spec()?, routes: routes.collect(), default, place })
}

/// A route for a host that the site does not have is never reached.
fn route_hosts(settings: &[Placed<RouteSettings>], rules: &[Rule], hosts: &[HostPattern]) -> Result<(), Fault> {
    for (route, rule) in settings.iter().zip(rules) {
        for (written, pattern) in route.value.host.iter().zip(&rule.route.criteria.hosts) {
            if !hosts.iter().any(|host| overlap(host, pattern)) {
                return Err(written.fault(format!("the site has no host `{}`", written.value)));
            }
        }
    }
    Ok(())
}

fn overlap(one: &HostPattern, other: &HostPattern) -> bool {
    match (one, other) {
        (HostPattern::Below(a), HostPattern::Below(b)) => a.ends_with(b.as_str()) || b.ends_with(a.as_str()),
        (HostPattern::Exact(name), pattern) | (pattern, HostPattern::Exact(name)) => pattern.matches(name),
    }
}

fn bindings(site: &SiteSettings, default: &Policy) -> Result<(), Fault> {
    site.default_policy.as_ref().map_or(Ok(()), |name| session_bound(site, name, default))
}

/// A proof that is bound to the application's session can only be had where that session is known.
fn session_bound(site: &SiteSettings, name: &Placed<String>, policy: &Policy) -> Result<(), Fault> {
    let bound = matches!(policy, Policy::StepUp(policy) if policy.binds(Binding::AppSession));
    let known = site
        .identity
        .iter()
        .any(|source| matches!(source.value, IdentitySettings::Login(_) | IdentitySettings::Whoami(_)));
    if bound && !known {
        return Err(name.fault(format!(
            "`{}` binds to the application's session, but no `login` or `whoami` of this site names its cookie: nobody could pass",
            name.value
        )));
    }
    Ok(())
}

/// A certificate can only name somebody where a listener takes any.
fn certificates(site: &SiteSettings, settings: &Settings) -> Result<(), Fault> {
    let mut sources = site.identity.iter();
    let Some(source) = sources.find(|source| matches!(source.value, IdentitySettings::ClientCertificate(_))) else {
        return Ok(());
    };
    if settings.listeners.iter().any(|listener| listener.value.client_certificates.is_some()) {
        return Ok(());
    }
    Err(source.fault("no listener takes certificates of clients: add `client_certificates` to one with `tls`"))
}

fn identity_headers(sources: &[Source]) -> IdentityHeaders {
    sources.iter().fold(IdentityHeaders::new(), |headers, source| match source {
        Source::Header(header) => headers.owned_by(HeaderName::clone(&header.name), header.from.clone()),
        Source::Login(_)
        | Source::Jwt(_)
        | Source::Ask(_)
        | Source::Whoami(_)
        | Source::Basic(_)
        | Source::ClientCertificate(_) => headers,
    })
}

/// A path of the site, with a query perhaps: never another host, however a browser reads it (R01).
fn local_target(target: &Placed<String>) -> Result<String, Fault> {
    let text = target.value.as_str();
    let path = text.split('?').next().unwrap_or_default();
    if text.replace("{target}", "").contains(['{', '}']) || path.contains('{') {
        return Err(target.fault("only `{target}`, in the query, stands for something: the page that was asked for"));
    }
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains(['\\', '#']);
    if !text.starts_with('/') || text.starts_with("//") || !plain {
        return Err(target.fault("expected a path of the site, such as `/login`"));
    }
    let canonical = target.parse(|_| CanonicalPath::parse(path.as_bytes(), PathRules::default()))?;
    if canonical.wire() == path {
        Ok(text.to_owned())
    } else {
        Err(target.fault(format!("write the path as `{}`", canonical.wire())))
    }
}

fn cooldown(time: &Placed<Period>) -> Result<Duration, Fault> {
    let known = Duration::from_secs(60)..=Duration::from_secs(30 * 24 * 60 * 60);
    if known.contains(&time.value.0) { Ok(time.value.0) } else { Err(time.fault("expected 1m to 30d")) }
}

/// A line that a page can show.
fn support(text: &Placed<String>) -> Result<Arc<str>, Fault> {
    let line = text.value.trim();
    if line.is_empty() || line.chars().any(char::is_control) || line.chars().count() > 300 {
        return Err(text.fault("expected one line of at most 300 characters"));
    }
    Ok(line.into())
}
