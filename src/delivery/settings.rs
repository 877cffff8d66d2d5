//! The config's `delivery`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Credential, Fault, Many, Named, NotYet, Period, Placed, Surroundings, unknown};
use crate::delivery::{BadSmtp, DeliverySpec, ProviderKind, ProviderSpec, SmtpSpec};
use crate::words::Channel;

/// Providers, and which of them serve which channel.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliverySettings {
    /// The providers by name.
    #[serde(default)]
    pub providers: Named<ProviderSettings>,
    /// Who carries e-mails.
    pub email: Option<ChannelSettings>,
    /// Who carries text messages.
    pub sms: Option<ChannelSettings>,
    /// Who makes voice calls.
    pub voice: Option<ChannelSettings>,
}

/// The providers of a channel.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelSettings {
    /// Their names, in the order in which they are tried.
    pub providers: Many<Placed<String>>,
    /// How one is chosen. Default: priority, the order of `providers`.
    #[serde(default)]
    pub strategy: Strategy,
    #[schemars(skip)]
    #[allow(missing_docs)]
    pub countries: Option<NotYet>,
}

/// How a provider is chosen.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Strategy {
    /// In the order in which they are named.
    #[default]
    Priority,
    #[schemars(skip)]
    Cheapest(NotYet),
    #[schemars(skip)]
    Best(NotYet),
}

/// A provider: a service that carries codes.
#[derive(Debug, Deserialize, JsonSchema)]
// The reader's own way to read `type`, which keeps places; the schema shows what it means.
#[serde(rename = "$typed", rename_all = "lowercase")]
#[schemars(rename = "ProviderSettings", tag = "type")]
#[allow(missing_docs)]
pub enum ProviderSettings {
    /// E-mail over SMTP.
    Smtp(SmtpSettings),
    /// Sends nothing: keeps messages where the log and the admin page show them.
    Outbox,
    #[schemars(skip)]
    Twilio(NotYet),
    #[schemars(skip)]
    Vonage(NotYet),
    #[schemars(skip)]
    Plivo(NotYet),
    #[schemars(skip)]
    MessageBird(NotYet),
    #[schemars(skip)]
    GetOtp(NotYet),
    #[schemars(skip)]
    Http(NotYet),
}

/// An SMTP server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SmtpSettings {
    /// `smtps://user:password@host` is implicit TLS; `smtp://host:587` insists on STARTTLS except to a loopback address.
    pub url: Placed<Credential>,
    /// The sender, such as `Shop <no-reply@example.com>`.
    pub from: Placed<String>,
    /// How long one attempt may take. Default 10s.
    pub timeout: Option<Placed<Period>>,
    /// A PEM file of certificates to trust besides the system's.
    pub ca: Option<Placed<PathBuf>>,
    /// Whether the server's certificate is verified. Default true.
    pub verify: Option<Placed<bool>>,
}

/// How long one attempt may take when the provider does not say: a visitor waits for it.
const TIMEOUT: Duration = Duration::from_secs(10);

// === impl DeliverySettings ===

impl DeliverySettings {
    /// What delivery is made of.
    ///
    /// # Errors
    /// When a provider cannot be, is unknown, or cannot serve its channel.
    pub fn spec(&self, around: &Surroundings<'_>) -> Result<DeliverySpec, Fault> {
        let mut spec = DeliverySpec::default();
        for (name, provider) in self.providers.iter() {
            spec.providers.push(provider.spec(&name.value, around)?);
        }
        for (channel, settings) in self.channels() {
            let mut names: Vec<Arc<str>> = Vec::new();
            for name in settings.providers.iter() {
                let Some(provider) = spec.providers.iter().find(|provider| *provider.name == *name.value) else {
                    return Err(name.fault(unknown("provider", &name.value, self.providers.names())));
                };
                if matches!(provider.kind, ProviderKind::Smtp(_)) && channel != Channel::Email {
                    return Err(name.fault(format!("`{}` carries e-mail only", name.value)));
                }
                if names.contains(&provider.name) {
                    return Err(name.fault(format!("`{}` stands here twice", name.value)));
                }
                names.push(Arc::clone(&provider.name));
            }
            spec.channels.push((channel, names));
        }
        Ok(spec)
    }

    /// The channels that are served, and by whom.
    pub fn channels(&self) -> impl Iterator<Item = (Channel, &ChannelSettings)> {
        let all = [(Channel::Email, &self.email), (Channel::Sms, &self.sms), (Channel::Voice, &self.voice)];
        all.into_iter().filter_map(|(channel, settings)| settings.as_ref().map(|settings| (channel, settings)))
    }
}

// === impl ProviderSettings ===

impl ProviderSettings {
    fn spec(&self, name: &str, around: &Surroundings<'_>) -> Result<ProviderSpec, Fault> {
        let (kind, timeout) = match self {
            Self::Smtp(smtp) => (ProviderKind::Smtp(smtp.spec(around)?), smtp.timeout()?),
            Self::Outbox => (ProviderKind::Outbox, TIMEOUT),
            Self::Twilio(never)
            | Self::Vonage(never)
            | Self::Plivo(never)
            | Self::MessageBird(never)
            | Self::GetOtp(never)
            | Self::Http(never) => match *never {},
        };
        Ok(ProviderSpec { name: name.into(), kind, timeout })
    }
}

// === impl SmtpSettings ===

impl SmtpSettings {
    fn spec(&self, around: &Surroundings<'_>) -> Result<SmtpSpec, Fault> {
        let url = self.url.reveal(around)?;
        let ca = self.ca.as_ref().map(|path| around.path(&path.value));
        if let (Some(path), Some(file)) = (&self.ca, &ca) {
            std::fs::metadata(file)
                .map_err(|error| path.fault(format!("`{}` cannot be read: {error}", path.value.display())))?;
        }
        let verify = self.verify.is_none_or(|verify| verify.value);
        SmtpSpec::parse(url.reveal(), &self.from.value, ca, verify).map_err(|bad| {
            let place = match (&bad, &self.ca) {
                (BadSmtp::From, _) => self.from.place,
                (BadSmtp::CaUnused, Some(ca)) => ca.place,
                _ => self.url.place,
            };
            Fault::new(bad.to_string()).at(place)
        })
    }

    fn timeout(&self) -> Result<Duration, Fault> {
        match self.timeout {
            Some(Placed { value: Period(time), .. })
                if (Duration::from_secs(1)..=Duration::from_secs(60)).contains(&time) =>
            {
                Ok(time)
            }
            Some(timeout) => Err(timeout.fault("expected a time from 1s to 60s: a visitor waits for it")),
            None => Ok(TIMEOUT),
        }
    }
}
