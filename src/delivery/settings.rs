//! The config's `delivery`.

mod bird;
mod channel;
pub mod common;
mod getotp;
mod http;
mod messagebird;
mod plivo;
mod smtp;
mod twilio;
mod vonage;

use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

pub use self::bird::BirdSettings;
pub use self::channel::{BestSettings, ChannelSettings, CountriesSettings, CountrySettings, StrategySettings};
use self::common::provider_settings;
pub use self::getotp::GetOtpSettings;
pub use self::http::{ErrorSettings, HttpSettings, ReceiptsSettings, SignatureSettings, StatesSettings};
pub use self::messagebird::MessageBirdSettings;
pub use self::plivo::PlivoSettings;
pub use self::smtp::SmtpSettings;
pub use self::twilio::TwilioSettings;
pub use self::vonage::{VonageApi, VonageSettings, VonageSignature};
use crate::config::{Fault, Named, Placed, Surroundings};
use crate::delivery::{DeliverySpec, ProviderKind, ProviderSpec, Templates};
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
    /// Who has a page of its own on which visitors prove an address.
    pub hosted: Option<ChannelSettings>,
    /// A folder with templates and sentences of messages that take the place of the built-in ones, such as `sms.de.txt`
    /// and `de.yaml`.
    pub templates: Option<Placed<PathBuf>>,
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
    Outbox(OutboxSettings),
    /// Vonage: its SMS API, its Messages API and its Voice API.
    Vonage(Box<VonageSettings>),
    /// MessageBird, the classic API.
    MessageBird(MessageBirdSettings),
    /// Bird, the Channels API.
    Bird(BirdSettings),
    /// GetOTP: carries our codes.
    GetOtp(GetOtpSettings),
    /// Any provider that takes a request over HTTP.
    Http(Box<HttpSettings>),
    /// Twilio: text messages and calls.
    Twilio(Box<TwilioSettings>),
    /// Plivo: text messages and calls.
    Plivo(Box<PlivoSettings>),
}

provider_settings! {
    /// Sends nothing: keeps messages where the log and the admin page show them.
    OutboxSettings {}
}

// === impl DeliverySettings ===

impl DeliverySettings {
    /// What delivery is made of.
    ///
    /// # Errors
    /// When a provider cannot be, is unknown, or cannot serve its channel, or a template of messages is bad.
    pub fn spec(&self, around: &Surroundings<'_>) -> Result<DeliverySpec, Fault> {
        let mut spec = DeliverySpec::default();
        if let Some(folder) = &self.templates {
            let templates = Templates::load(&around.path(&folder.value));
            let templates = templates.map_err(|bad| folder.fault(bad.within(&folder.value).to_string()))?;
            spec.templates = Arc::new(templates);
        }
        for (name, provider) in self.providers.iter() {
            spec.providers.push(provider.spec(name, around)?);
        }
        for (channel, settings) in self.channels() {
            spec.channels.push(settings.spec(channel, &spec.providers, &self.providers)?);
        }
        Ok(spec)
    }

    /// The channels that are served, and by whom.
    pub fn channels(&self) -> impl Iterator<Item = (Channel, &ChannelSettings)> {
        let all = [
            (Channel::Email, &self.email),
            (Channel::Sms, &self.sms),
            (Channel::Voice, &self.voice),
            (Channel::Hosted, &self.hosted),
        ];
        all.into_iter().filter_map(|(channel, settings)| settings.as_ref().map(|settings| (channel, settings)))
    }
}

// === impl ProviderSettings ===

impl ProviderSettings {
    fn spec(&self, name: &Placed<String>, around: &Surroundings<'_>) -> Result<ProviderSpec, Fault> {
        // Its name stands in the address of its receipts.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !(1..=32).contains(&name.value.len()) || !name.value.bytes().all(is_plain) {
            return Err(name.fault("expected a name of letters, digits, - and _, at most 32: it stands in addresses"));
        }
        let (kind, common) = match self {
            Self::Smtp(smtp) => (ProviderKind::Smtp(smtp.spec(around)?), smtp.common().common()?),
            Self::Vonage(vonage) => {
                (ProviderKind::Vonage(Box::new(vonage.spec(name, around)?)), vonage.common().common()?)
            }
            Self::MessageBird(bird) => (ProviderKind::MessageBird(bird.spec(around)?), bird.common().common()?),
            Self::Bird(bird) => (ProviderKind::Bird(bird.spec(around)?), bird.common().common()?),
            Self::GetOtp(getotp) => (
                ProviderKind::GetOtp(getotp.spec(around).map_err(|fault| fault.at(name.place))?),
                getotp.common().common()?,
            ),
            Self::Http(http) => (ProviderKind::Http(Box::new(http.spec(around)?)), http.common().common()?),
            Self::Outbox(outbox) => {
                if let Some(base_url) = &outbox.base_url {
                    return Err(base_url.fault("`outbox` has no base_url: it sends nothing"));
                }
                (ProviderKind::Outbox, outbox.common().common()?)
            }
            Self::Twilio(twilio) => (ProviderKind::Twilio(twilio.spec(around)?), twilio.common().common()?),
            Self::Plivo(plivo) => (ProviderKind::Plivo(plivo.spec(around)?), plivo.common().common()?),
        };
        Ok(ProviderSpec { name: name.value.as_str().into(), kind, common })
    }
}
