//! What delivery is made of: valid by construction, with nothing connected yet.

pub(in crate::delivery) mod bird;
pub(in crate::delivery) mod getotp;
pub(in crate::delivery) mod http;
pub(in crate::delivery) mod messagebird;
mod plivo;
mod twilio;
pub(in crate::delivery) mod vonage;

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use percent_encoding::percent_decode_str;

pub use self::bird::BirdSpec;
pub use self::getotp::GetOtpSpec;
pub use self::http::HttpSpec;
pub use self::messagebird::MessageBirdSpec;
pub use self::plivo::PlivoSpec;
pub use self::twilio::TwilioSpec;
pub use self::vonage::VonageSpec;
use crate::delivery::Templates;
use crate::request::Authority;
use crate::words::{Amount, Channel, Country, Currency};

/// Every provider, and which of them serve which channel.
#[derive(Debug, Clone)]
pub struct DeliverySpec {
    /// The providers.
    pub providers: Vec<ProviderSpec>,
    /// The channels that are served.
    pub channels: Vec<ChannelSpec>,
    /// Where providers send receipts and fetch what calls say: `public_url`, without a `/` at the end.
    pub public_url: Option<String>,
    /// The currency of prices and budgets.
    pub currency: Currency,
    /// What messages say.
    pub templates: Arc<Templates>,
}

/// A provider.
#[derive(Debug, Clone)]
pub struct ProviderSpec {
    /// Its name in the config.
    pub name: Arc<str>,
    /// What it is.
    pub kind: ProviderKind,
    /// What every provider has.
    pub common: Common,
}

/// What every provider has.
#[derive(Debug, Clone)]
pub struct Common {
    /// How long one attempt may take, from the first byte to the last answer.
    pub timeout: Duration,
    /// How many messages may be on their way to it at a time; at least 1.
    pub max_in_flight: usize,
    /// Where it is, instead of where the vendor is: `https://host` with at most a path, without a `/` at the end.
    pub base_url: Option<String>,
    /// The only countries it is used for; empty for all.
    pub countries: Vec<Country>,
    /// The only numbers it is used for, by their first digits without `+`; empty for all.
    pub networks: Vec<String>,
    /// What a part of a message costs, by country.
    pub prices: Vec<(Country, Amount)>,
    /// What a part of a message costs anywhere else; `None` when nobody knows.
    pub price: Option<Amount>,
}

/// How the providers of a channel are chosen.
#[derive(Debug, Clone)]
pub struct ChannelSpec {
    /// The channel.
    pub channel: Channel,
    /// The providers, in the order in which `priority` tries them.
    pub providers: Vec<Arc<str>>,
    /// How one is chosen.
    pub strategy: Strategy,
    /// What is different for a country.
    pub countries: Vec<(Country, CountrySpec)>,
    /// The only countries to which messages go; empty for all.
    pub allow: Vec<Country>,
    /// Countries to which none go.
    pub deny: Vec<Country>,
}

/// What is different for a country.
#[derive(Debug, Clone, Default)]
pub struct CountrySpec {
    /// Other providers, in another order.
    pub providers: Option<Vec<Arc<str>>>,
    /// Another strategy.
    pub strategy: Option<Strategy>,
}

/// How a provider is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Strategy {
    /// In the order in which they are named.
    #[default]
    Priority,
    /// The cheapest first.
    Cheapest,
    /// The one whose codes come back most often, measured.
    Best(BestRules),
}

/// How `best` chooses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BestRules {
    /// The share of codes that come back, 0 to 1: a provider surely below it is used only when none is above.
    pub floor: f64,
    /// The share of messages, 0 to 1, that go to any other provider above the floor, so that all stay measured.
    pub explore: f64,
}

/// The kinds of provider.
#[derive(Debug, Clone)]
pub enum ProviderKind {
    /// E-mail over SMTP.
    Smtp(SmtpSpec),
    /// Vonage: its SMS API, its Messages API and its Voice API.
    Vonage(Box<VonageSpec>),
    /// MessageBird, the classic API.
    MessageBird(MessageBirdSpec),
    /// Bird, the Channels API.
    Bird(BirdSpec),
    /// GetOTP.
    GetOtp(GetOtpSpec),
    /// Any that takes a request over HTTP.
    Http(Box<HttpSpec>),
    /// Sends nothing: keeps messages where the log and the admin page show them. Has no page of its own.
    /// Twilio.
    Twilio(TwilioSpec),
    /// Plivo.
    Plivo(PlivoSpec),
    /// Sends nothing: keeps messages where the log and the admin page show them. Serves every channel.
    Outbox,
}

/// An SMTP server and how to speak to it. `Debug` hides the password, and nothing displays it.
#[derive(Clone)]
pub struct SmtpSpec {
    /// A name or an address, an IPv6 one without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) credentials: Option<Credentials>,
    /// The sender.
    pub(super) from: Mailbox,
    /// A PEM file of certificates to trust besides the system's.
    pub(super) ca: Option<PathBuf>,
    /// Whether the server's certificate is verified.
    pub(super) verify: bool,
}

/// How a connection is made safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// TLS from the first byte: `smtps://`.
    Implicit,
    /// STARTTLS, or no message: `smtp://`.
    StartTls,
    /// STARTTLS if the server offers it: `smtp://` to a loopback address, where nobody can listen in.
    StartTlsIfOffered,
}

/// Why a provider cannot be. Never carries a password.
#[derive(Debug, thiserror::Error)]
pub enum BadSmtp {
    /// Not `smtp://` or `smtps://`.
    #[error("not an SMTP address: write smtps://user:password@mail.example.com, or smtp:// for STARTTLS")]
    Scheme,
    /// No host, a malformed one, or something behind it.
    #[error(
        "not an SMTP address: write a host name and at most a port behind the user and password, such as \
         smtps://user:password@mail.example.com:465"
    )]
    Host,
    /// A user name without a password or the other way round, or bytes that no text has.
    #[error("not a user name and password: write both as user:password before the @, with %40 for @ in the user name")]
    Credentials,
    /// Not a mailbox.
    #[error("not a sender: write `Name <name@example.com>`, the name in quotes if it has a comma, a colon or an @")]
    From,
    /// Certificates to trust, and the order to trust any.
    #[error("`ca` is of no use with `verify: false`: leave `verify` out")]
    CaUnused,
    /// A file of certificates that cannot be read.
    #[error("the certificates in {0} cannot be read: {1}")]
    Ca(PathBuf, String),
    /// TLS that cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// Why delivery cannot be set up. Never carries a secret.
#[derive(Debug, thiserror::Error)]
pub enum BadDelivery {
    /// An SMTP server.
    #[error(transparent)]
    Smtp(#[from] BadSmtp),
    /// The client of providers.
    #[error("the client of providers cannot be set up: {0}")]
    Client(#[from] reqwest::Error),
    /// A provider's settings that only turn out to be bad when it is made, such as a key that is none.
    #[error("the provider `{0}` cannot be set up: {1}")]
    Provider(Arc<str>, String),
    /// A channel names a provider that is none.
    #[error("{0} names the provider `{1}`, and there is none of this name: add it under `providers`")]
    NoSuchProvider(Channel, Arc<str>),
    /// A channel names a provider of another kind.
    #[error("the provider `{1}` cannot carry {0}: name another")]
    CannotServe(Channel, Arc<str>),
}

// === impl DeliverySpec ===

impl Default for DeliverySpec {
    fn default() -> Self {
        Self {
            providers: Vec::new(),
            channels: Vec::new(),
            public_url: None,
            currency: Currency::USD,
            templates: Arc::default(),
        }
    }
}

// === impl Common ===

impl Default for Common {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            max_in_flight: 256,
            base_url: None,
            countries: Vec::new(),
            networks: Vec::new(),
            prices: Vec::new(),
            price: None,
        }
    }
}

// === impl ChannelSpec ===

impl ChannelSpec {
    /// A channel with these providers, in this order.
    pub fn new(channel: Channel, providers: impl IntoIterator<Item = Arc<str>>) -> Self {
        Self {
            channel,
            providers: providers.into_iter().collect(),
            strategy: Strategy::default(),
            countries: Vec::new(),
            allow: Vec::new(),
            deny: Vec::new(),
        }
    }
}

// === impl BestRules ===

impl Default for BestRules {
    fn default() -> Self {
        Self { floor: 0.0, explore: 0.01 }
    }
}

// === impl ProviderKind ===

impl ProviderKind {
    /// Whether providers of this kind can carry messages on `channel`.
    #[must_use]
    pub fn serves(&self, channel: Channel) -> bool {
        match self {
            Self::Smtp(_) => matches!(channel, Channel::Email),
            Self::Vonage(spec) => spec.serves(channel),
            Self::MessageBird(spec) => spec.serves(channel),
            Self::Bird(spec) => spec.serves(channel),
            Self::GetOtp(spec) => spec.serves(channel),
            Self::Http(spec) => spec.serves(channel),
            Self::Twilio(account) => account.serves(channel),
            Self::Plivo(account) => account.serves(channel),
            Self::Outbox => channel != Channel::Hosted,
        }
    }

    /// What its settings lack before it can carry messages on `channel`; `None` when nothing does, or nothing would help.
    #[must_use]
    pub fn lacks(&self, channel: Channel) -> Option<&'static str> {
        match self {
            Self::Vonage(spec) => spec.lacks(channel),
            Self::GetOtp(spec) => spec.lacks(channel),
            _ => None,
        }
    }
}

// === impl SmtpSpec ===

impl SmtpSpec {
    /// Reads the address and the sender. The ports that are meant without one are 465 for `smtps` (RFC 8314, 3.3) and
    /// 587 for `smtp` (RFC 6409, 3.1).
    ///
    /// The user name and password end at the last `@` and are percent-decoded, so that a password from a secret may
    /// hold `@`, `:`, `/`, `?` and `#` as they are; only a `%` that two hexadecimal digits follow is written `%25`.
    ///
    /// # Errors
    /// When either is malformed, or `ca` and `verify` contradict each other.
    pub fn parse(url: &str, from: &str, ca: Option<PathBuf>, verify: bool) -> Result<Self, BadSmtp> {
        let (scheme, rest) = url.trim().split_once("://").ok_or(BadSmtp::Scheme)?;
        let is_implicit = match scheme.to_ascii_lowercase().as_str() {
            "smtps" => true,
            "smtp" => false,
            _ => return Err(BadSmtp::Scheme),
        };
        let (credentials, server) = match rest.rsplit_once('@') {
            Some((credentials, server)) => (Some(parse_credentials(credentials)?), server),
            None => (None, rest),
        };
        let server = server.strip_suffix('/').unwrap_or(server);
        let authority = Authority::parse(server.as_bytes()).map_err(|_| BadSmtp::Host)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let security = match is_implicit {
            true => Security::Implicit,
            false if is_loopback(&host) => Security::StartTlsIfOffered,
            false => Security::StartTls,
        };
        let port = authority.port().unwrap_or(if is_implicit { 465 } else { 587 });
        if ca.is_some() && !verify {
            return Err(BadSmtp::CaUnused);
        }
        Ok(Self { host, port, security, credentials, from: parse_from(from)?, ca, verify })
    }

    /// The file of certificates to trust besides the system's.
    #[must_use]
    pub fn ca(&self) -> Option<&Path> {
        self.ca.as_deref()
    }
}

fn parse_credentials(text: &str) -> Result<Credentials, BadSmtp> {
    let (user, password) = text.split_once(':').ok_or(BadSmtp::Credentials)?;
    let decoded = |part: &str| -> Result<String, BadSmtp> {
        let text = percent_decode_str(part).decode_utf8().map_err(|_| BadSmtp::Credentials)?;
        // A NUL would end the user name in AUTH PLAIN (RFC 4616, 2).
        if text.is_empty() || text.contains(char::is_control) {
            Err(BadSmtp::Credentials)
        } else {
            Ok(text.into_owned())
        }
    };
    Ok(Credentials::new(decoded(user)?, decoded(password)?))
}

fn parse_from(text: &str) -> Result<Mailbox, BadSmtp> {
    let from: Mailbox = text.trim().parse().map_err(|_| BadSmtp::From)?;
    let name_is_plain = from.name.as_deref().is_none_or(|name| !name.contains(char::is_control));
    // An address in other letters needs a server with SMTPUTF8, which few are.
    if name_is_plain && from.email.user().is_ascii() && from.email.domain().is_ascii() {
        Ok(from)
    } else {
        Err(BadSmtp::From)
    }
}

/// Whether `host` is this machine whatever any name server says (RFC 6761, 6.3, for `localhost`).
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

impl fmt::Debug for SmtpSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpSpec")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .field("signs_in", &self.credentials.is_some())
            .field("ca", &self.ca)
            .field("verify", &self.verify)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
