//! What a config means: parsed, checked and compiled, with nothing started.

mod listeners;
mod oddities;
mod sites;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error as ValueError, StrDeserializer};

use crate::admin::AdminToken;
use crate::config::{self, ConfigError, Credential, Fault, Place, Placed, Surroundings, Warning};
use crate::delivery::DeliverySpec;
use crate::delivery::settings::ProviderSettings;
use crate::gate::settings::Policies;
use crate::proxy::UpstreamSpec;
use crate::request::TrustedProxies;
use crate::risk::{Field, Scoring};
use crate::seal::{KeyRing, Secret};
use crate::server::settings::{LogFormatSettings, LogSettings, Settings};
use crate::stepup::{ChallengeRules, SiteSpec};
use crate::store::settings::StoreAddress;
use crate::words::{Channel, Policy};

/// What a config means: parsed, checked and compiled, with nothing started.
#[derive(Debug)]
pub struct Plan {
    /// Where visitors connect, at least one.
    pub listeners: Vec<ListenerPlan>,
    /// Peers whose forwarded headers are believed.
    pub trusted: TrustedProxies,
    /// Where the store is.
    pub store: StoreAddress,
    /// The key ring.
    pub keys: KeyRing,
    /// How challenges are put.
    pub rules: ChallengeRules,
    /// What makes a score.
    pub scoring: Scoring,
    /// The signals whose points stand in the config, and where: for `explain`.
    pub signals: Vec<(String, Place)>,
    /// The policies, used or not: for `explain`.
    pub policies: Policies,
    /// The sites, at least one.
    pub sites: Vec<SitePlan>,
    /// How codes reach people.
    pub delivery: DeliverySpec,
    /// The admin listener.
    pub admin: Option<AdminPlan>,
    /// What is logged.
    pub log: LogPlan,
    /// What is odd about the config, in the order of the file.
    pub warnings: Vec<Warning>,
}

/// Where visitors connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerPlan {
    /// The address.
    pub address: SocketAddr,
    /// Certificates, one per name; none is plain HTTP.
    pub tls: Vec<CertificateFiles>,
    /// The certificates of clients that are taken; none asks for none.
    pub clients: Option<ClientFiles>,
    /// The most that a request's headers may take, in bytes.
    pub max_header: usize,
}

/// The files of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate and those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Which certificates of clients are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFiles {
    /// Who signs them, at least one.
    pub authorities: Vec<PathBuf>,
    /// Which of them are revoked.
    pub revoked: Vec<PathBuf>,
    /// Whether a client without one is turned away.
    pub required: bool,
}

/// A site and its application.
#[derive(Debug)]
pub struct SitePlan {
    /// The site.
    pub spec: SiteSpec,
    /// Its application.
    pub upstream: UpstreamSpec,
    /// Where its routes stand in the config, in the order of `spec.routes`: for `explain` and `routes`.
    pub routes: Vec<RoutePlan>,
    /// The policy of a request that no route matches.
    pub default: Policy,
    /// Where the site stands in the config.
    pub place: Place,
}

/// A route as the config has it.
#[derive(Debug, Clone)]
pub struct RoutePlan {
    /// Where it stands.
    pub place: Place,
    /// Its criteria, in a line for people.
    pub criteria: String,
    /// The policy that applies.
    pub policy: Policy,
}

/// The admin listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminPlan {
    /// Its address.
    pub address: SocketAddr,
    /// The bearer token; none only on a loopback address.
    pub token: Option<AdminToken>,
}

/// What is logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPlan {
    /// How log lines look.
    pub format: LogFormat,
    /// Directives for the filter of `tracing`.
    pub level: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// A JSON object per line.
    Json,
    /// Text for people.
    Text,
}

/// Collects what is odd.
#[derive(Debug, Default)]
struct Notes(Vec<(Place, String)>);

/// Reads the config at `path` and compiles what it means. Reads the files that it names, opens no connection and
/// starts nothing.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn plan(path: &Path) -> Result<Plan, ConfigError> {
    plan_with(path, &|name| std::env::var(name).ok())
}

/// The same, with environment variables out of `variable`.
///
/// # Errors
/// As [`plan`].
pub fn plan_with(path: &Path, variable: &dyn Fn(&str) -> Option<String>) -> Result<Plan, ConfigError> {
    let around = Surroundings::of(path, variable);
    let mut notes = Notes::default();
    let compiled = config::text_of(path)
        .and_then(|text| config::read::<Settings>(&text))
        .and_then(|settings| compile(&settings, &around, &mut notes));
    let mut plan = compiled.map_err(|fault| fault.of(path))?;
    notes.0.sort_by_key(|(place, _)| *place);
    plan.warnings = notes.0.into_iter().map(|(place, text)| Warning { file: path.to_owned(), place, text }).collect();
    Ok(plan)
}

fn compile(settings: &Settings, around: &Surroundings<'_>, notes: &mut Notes) -> Result<Plan, Fault> {
    let mut delivery = settings.delivery.spec(around)?;
    delivery.currency = settings.limits.currency()?;
    delivery.public_url = settings.public_url.as_ref().map(public_url).transpose()?;
    if delivery.public_url.is_none() {
        pages(settings)?;
        calls(settings)?;
    }
    let served: Vec<Channel> = delivery.channels.iter().map(|spec| spec.channel).collect();
    let policies = Policies::new(&settings.policies, &served)?;
    let listeners = listeners::listeners(&settings.listeners, around)?;
    let plan = Plan {
        trusted: TrustedProxies::new(settings.trusted_proxies.iter().map(|network| network.value.0)),
        store: store(settings.store.as_ref(), around)?,
        keys: keys(&settings.secrets, around)?,
        rules: rules(settings)?,
        scoring: settings.risk.scoring(around)?,
        signals: settings.risk.places(),
        sites: sites::sites(settings, &policies, around, notes)?,
        policies,
        delivery,
        admin: listeners::admin(settings.admin.as_ref(), &listeners, around)?,
        listeners,
        log: log(&settings.log)?,
        warnings: Vec::new(),
    };
    countries(settings, &plan.scoring)?;
    oddities::note(settings, &plan, notes);
    Ok(plan)
}

/// Routes can go by countries only where something says where an address is.
fn countries(settings: &Settings, scoring: &Scoring) -> Result<(), Fault> {
    let routes = settings.sites.iter().flat_map(|site| site.routes.iter());
    let asked = routes.flat_map(|route| route.value.countries.iter()).next();
    match asked.filter(|_| !scoring.address.tells(Field::Country)) {
        Some(country) => {
            Err(country.fault("nothing says which country an address is in: add `risk: {geoip: {country: …}}`"))
        }
        None => Ok(()),
    }
}

/// A provider says at `public_url` that an address was proved on its page, unless it may be asked.
fn pages(settings: &Settings) -> Result<(), Fault> {
    for name in settings.delivery.hosted.iter().flat_map(|hosted| hosted.used()) {
        if let Some(ProviderSettings::GetOtp(getotp)) = settings.delivery.providers.get(&name.value)
            && !getotp.poll.is_some_and(|poll| poll.value)
        {
            let wrong = format!("`{}` says at `public_url` that an address was proved: add `public_url`", name.value);
            return Err(name.fault(wrong));
        }
    }
    Ok(())
}

/// What a call says is fetched at `public_url`, with those who take none of it with the call.
fn calls(settings: &Settings) -> Result<(), Fault> {
    for name in settings.delivery.voice.iter().flat_map(|voice| voice.used()) {
        let provider = settings.delivery.providers.get(&name.value);
        if matches!(provider, Some(ProviderSettings::Twilio(_) | ProviderSettings::Plivo(_))) {
            return Err(
                name.fault(format!("`{}` fetches at `public_url` what a call says: add `public_url`", name.value))
            );
        }
    }
    Ok(())
}

fn store(written: Option<&Placed<Credential>>, around: &Surroundings<'_>) -> Result<StoreAddress, Fault> {
    let Some(written) = written else { return Ok(StoreAddress::Memory) };
    let text = written.reveal(around)?;
    let text: StrDeserializer<'_, ValueError> = text.reveal().into_deserializer();
    StoreAddress::deserialize(text).map_err(|error| written.fault(error.to_string()))
}

/// Scheme, host and port, and nothing else: providers sign the addresses below it as they were told them.
fn public_url(written: &Placed<String>) -> Result<String, Fault> {
    let wrong = || written.fault("expected an address such as https://otp.example.com, without a path");
    let url = url::Url::parse(written.value.trim()).map_err(|_| wrong())?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none();
    if plain { Ok(url.origin().ascii_serialization()) } else { Err(wrong()) }
}

fn keys(secrets: &[Placed<Credential>], around: &Surroundings<'_>) -> Result<KeyRing, Fault> {
    let secret = |written: &Placed<Credential>| {
        let text = written.reveal(around)?;
        Secret::parse(text.reveal()).map_err(|bad| written.fault(bad.to_string()))
    };
    let secrets: Vec<Secret> = secrets.iter().map(secret).collect::<Result<_, _>>()?;
    KeyRing::new(&secrets).map_err(|bad| Fault::new(bad.to_string()).at(Place::START))
}

fn rules(settings: &Settings) -> Result<ChallengeRules, Fault> {
    let challenge = &settings.challenge;
    Ok(ChallengeRules {
        shape: challenge.shape()?,
        ttl: challenge.ttl()?,
        tries: challenge.tries()?,
        resend: challenge.resend()?,
        max_body: challenge.max_body()?,
        park_ttl: challenge.park_ttl()?,
        budget: challenge.budget()?,
        limits: settings.limits.limits()?,
    })
}

fn log(settings: &LogSettings) -> Result<LogPlan, Fault> {
    let format = match settings.format {
        LogFormatSettings::Json => LogFormat::Json,
        LogFormatSettings::Text => LogFormat::Text,
    };
    let Some(level) = &settings.level else { return Ok(LogPlan { format, level: "info".to_owned() }) };
    let text = level.value.trim();
    // A single word that is no level would be the name of a module.
    let known = text.contains('=') || ["off", "error", "warn", "info", "debug", "trace"].contains(&text);
    match tracing_subscriber::EnvFilter::builder().parse(text) {
        Ok(_) if known => Ok(LogPlan { format, level: text.to_owned() }),
        _ => Err(level.fault("expected a level: `error`, `warn`, `info`, `debug` or `trace`")),
    }
}

// === impl Notes ===

impl Notes {
    fn add(&mut self, place: Place, text: impl Into<String>) {
        self.0.push((place, text.into()));
    }
}
