//! The root of the config: one key for each room.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::admin::settings::AdminSettings;
use crate::challenge::settings::{ChallengeSettings, LimitsSettings};
use crate::config::{Address, Credential, Many, Named, Network, NotYet, Period, Placed, Size};
use crate::delivery::settings::DeliverySettings;
use crate::directory::settings::{SiteDirectorySettings, VerifiedSettings};
use crate::gate::settings::{Definitions, PolicySettings, RouteSettings};
use crate::identity::settings::IdentitySettings;
use crate::portal::settings::PortalSettings;
use crate::proxy::settings::UpstreamSettings;
use crate::risk::settings::RiskSettings;
use crate::words::Country;

/// The config of otpgate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where visitors connect.
    pub listeners: Many<Placed<ListenerSettings>>,
    /// Peers whose forwarded headers are believed. Default: none.
    #[serde(default)]
    pub trusted_proxies: Many<Placed<Network>>,
    /// What remembers challenges and counters: `memory`, `redis://…` or `rediss://…`. Default: memory.
    pub store: Option<Placed<Credential>>,
    /// Base64 of 32 random bytes each, made by `otpgate keygen`; the first seals, all open.
    #[serde(default)]
    pub secrets: Many<Placed<Credential>>,
    /// Where providers reach this gateway from outside, such as `https://otp.example.com`: they send receipts there, and
    /// fetch what calls say. Its host serves these, whether or not a site has it. Default: none, and nothing of them.
    pub public_url: Option<Placed<String>>,
    /// What routes refer to by name.
    #[serde(default)]
    pub definitions: Definitions,
    /// Policies by name, beside `bypass`, `deny` and `otp`.
    #[serde(default)]
    pub policies: Named<PolicySettings>,
    /// The sites.
    pub sites: Many<SiteSettings>,
    /// How codes reach people.
    #[serde(default)]
    pub delivery: DeliverySettings,
    /// How challenges are put.
    #[serde(default)]
    pub challenge: ChallengeSettings,
    /// Limits on messages and on wrong codes.
    #[serde(default)]
    pub limits: LimitsSettings,
    /// What makes the score of a request.
    #[serde(default)]
    pub risk: RiskSettings,
    /// The gateway's own pages.
    #[serde(default)]
    pub portal: PortalSettings,
    /// The listener of health, metrics and the admin API. Default: none.
    pub admin: Option<AdminSettings>,
    /// What is logged.
    #[serde(default)]
    pub log: LogSettings,
}

/// Where visitors connect.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListenerSettings {
    /// The address.
    pub address: Placed<Address>,
    /// Certificates, one per name. Default: none, plain HTTP.
    #[serde(default)]
    pub tls: Many<CertificateSettings>,
    /// Certificates that visitors show. Default: nobody is asked for one.
    pub client_certificates: Option<Placed<ClientCertificatesSettings>>,
    /// Whether a PROXY header comes first. Only false is available yet.
    pub proxy_protocol: Option<Placed<bool>>,
    /// The most that a request's headers may take, 4KiB to 256KiB. Default 32KiB.
    pub max_header_size: Option<Placed<Size>>,
}

/// A certificate and its key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateSettings {
    /// A PEM file: the certificate, then those that vouch for it.
    pub certificate: Placed<PathBuf>,
    /// A PEM file: its private key.
    pub key: Placed<PathBuf>,
}

/// Certificates that visitors show (mutual TLS). The files are read again when they change.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificatesSettings {
    /// PEM files: the authorities that sign them. Whatever else these sign for clients, or for no use in particular, is taken,
    /// too.
    pub ca: Many<Placed<PathBuf>>,
    /// PEM files: lists of revoked certificates (CRL). With any, each certificate must be covered by one that has not run
    /// out, up to the authority. Default: none is revoked.
    #[serde(default)]
    pub crl: Many<Placed<PathBuf>>,
    /// Whether a visitor without a certificate is turned away in the handshake. Default: false.
    pub required: Option<Placed<bool>>,
}

/// A site: host names, an upstream, its routes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteSettings {
    /// Its host names; `*.example.com` is every name below.
    pub hosts: Many<Placed<String>>,
    /// Its application.
    pub upstream: UpstreamSettings,
    /// How the subject is learned, in order.
    #[serde(default)]
    pub identity: Many<Placed<IdentitySettings>>,
    /// Where a visitor without a subject is sent from a protected route, and from there on to the page that was asked for.
    /// `{target}` in its query stands for that page, for applications that take it.
    pub sign_in: Option<Placed<String>>,
    /// What maps a subject to contacts, in order.
    #[serde(default)]
    pub directory: Many<Placed<SiteDirectorySettings>>,
    /// For how long a contact that is new to an account gets no code, 1m to 30d; the contacts that the account had before are
    /// told of the change. Default: new contacts are used at once, and nobody is told.
    pub contact_cooldown: Option<Placed<Period>>,
    /// Who is told of each contact that a visitor proved. Default: nobody but directories that want to be.
    pub verified: Option<VerifiedSettings>,
    /// Whether subjects that differ by case alone are one. Default exact.
    #[serde(default)]
    pub subjects: SubjectsSettings,
    /// Where telephone numbers without a country code are from, such as MY. Default: such numbers are skipped.
    pub country: Option<Placed<Country>>,
    /// How paths are read. Default strict.
    #[serde(default)]
    pub paths: PathsSettings,
    /// The policy of a request that no route matches. Default bypass: what no route names works as without a gateway.
    pub default_policy: Option<Placed<String>>,
    /// Decide and log, but forward, whatever the policies are. Default false.
    #[serde(default)]
    pub observe: bool,
    /// Its routes; the first match wins.
    #[serde(default)]
    pub routes: Many<Placed<RouteSettings>>,
}

/// Whether subjects that differ by case alone are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectsSettings {
    /// They are two.
    #[default]
    Exact,
    /// They are one.
    CaseInsensitive,
}

/// How paths are read.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum PathsSettings {
    /// What an upstream could read in another way is refused.
    #[default]
    Strict,
    #[schemars(skip)]
    Lenient(NotYet),
    #[schemars(skip)]
    Php(NotYet),
}

/// What is logged.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    /// JSON, a line per event, or text for people. Default json.
    #[serde(default)]
    pub format: LogFormatSettings,
    /// `error`, `warn`, `info`, `debug` or `trace`, or directives such as `info,otpgate::audit=off`. Default info.
    pub level: Option<Placed<String>>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormatSettings {
    /// A JSON object per line.
    #[default]
    Json,
    /// Text for people.
    Text,
}

/// The JSON Schema of the config.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Settings);
    schema.insert("title".to_owned(), "otpgate".into());
    schema.to_value()
}
