//! What delivery is made of: valid by construction, with nothing connected yet.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::words::Channel;

/// Every provider, and which of them serve which channel.
#[derive(Debug, Clone, Default)]
pub struct DeliverySpec {
    /// The providers.
    pub providers: Vec<ProviderSpec>,
    /// Names of providers by channel, in the order in which they are tried.
    pub channels: Vec<(Channel, Vec<Arc<str>>)>,
}

/// A provider.
#[derive(Debug, Clone)]
pub struct ProviderSpec {
    /// Its name in the config.
    pub name: Arc<str>,
    /// What it is.
    pub kind: ProviderKind,
    /// How long one attempt may take.
    pub timeout: Duration,
}

/// The kinds of provider.
#[derive(Debug, Clone)]
pub enum ProviderKind {
    /// E-mail over SMTP.
    Smtp(SmtpSpec),
    /// Sends nothing: keeps messages where the log and the admin page show them. Serves every channel.
    Outbox,
}

/// An SMTP server and how to speak to it.
#[derive(Debug, Clone)]
pub struct SmtpSpec {
    /// The address, `smtp://` or `smtps://`, with its credentials.
    pub url: url::Url,
    /// The sender, such as `Shop <no-reply@example.com>`.
    pub from: lettre::message::Mailbox,
    /// A PEM file of certificates to trust besides the system's.
    pub ca: Option<PathBuf>,
    /// Whether the server's certificate is verified.
    pub verify: bool,
}

/// Why an SMTP provider cannot be. Never carries a password.
#[derive(Debug, thiserror::Error)]
pub enum BadSmtp {
    /// Not `smtp://` or `smtps://` with a host.
    #[error("not an SMTP address: write smtps://user:password@host or smtp://host:587")]
    Url,
    /// Not a mailbox.
    #[error("not a sender: write `Name <name@example.com>`")]
    From,
}

impl SmtpSpec {
    /// Reads the address and the sender.
    ///
    /// # Errors
    /// When either is malformed.
    pub fn parse(url: &str, from: &str, ca: Option<PathBuf>, verify: bool) -> Result<Self, BadSmtp> {
        let url = url::Url::parse(url).map_err(|_| BadSmtp::Url)?;
        let from = from.parse().map_err(|_| BadSmtp::From)?;
        Ok(Self { url, from, ca, verify })
    }
}
