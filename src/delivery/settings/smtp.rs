//! The settings of an SMTP server.

use std::path::PathBuf;

use crate::config::{Credential, Fault, Placed, Surroundings};
use crate::delivery::settings::common::provider_settings;
use crate::delivery::{BadSmtp, SmtpSpec};

provider_settings! {
    /// An SMTP server.
    SmtpSettings {
        /// `smtps://user:password@host` is implicit TLS; `smtp://host:587` insists on STARTTLS except to a loopback
        /// address.
        url: Placed<Credential>,
        /// The sender, such as `Shop <no-reply@example.com>`.
        from: Placed<String>,
        /// A PEM file of certificates to trust besides the system's.
        ca: Option<Placed<PathBuf>>,
        /// Whether the server's certificate is verified. Default true.
        verify: Option<Placed<bool>>,
    }
}

// === impl SmtpSettings ===

impl SmtpSettings {
    pub(super) fn spec(&self, around: &Surroundings<'_>) -> Result<SmtpSpec, Fault> {
        if let Some(base_url) = &self.base_url {
            return Err(base_url.fault("`smtp` has no base_url: its `url` says where the server is"));
        }
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
}
