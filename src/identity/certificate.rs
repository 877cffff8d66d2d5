//! The `client_certificate` source: the name in the certificate that the visitor's TLS connection was made with.
//!
//! Whether a certificate is good is decided before anything is read here: by the listener, in the handshake. A name that
//! the certificate has twice, or that two programs could read differently, is nobody's.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use crate::words::{BadSubject, EmailAddress, Subject, Timestamp};

/// Names the subject by the visitor's certificate.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificate {
    /// Which of its names: the one e-mail address, host name or URI among the alternative names, or the one common name.
    pub name: NameKind,
}

/// Which of a certificate's names is the subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NameKind {
    /// The one e-mail address among the alternative names (`rfc822Name`).
    Email,
    /// The one host name there (`dNSName`).
    Dns,
    /// The one URI there, such as a SPIFFE ID.
    Uri,
    /// The one common name of the certificate's subject.
    CommonName,
}

/// The names in a certificate, and until when it holds. A name that cannot be read is `None`.
#[derive(Clone)]
pub struct CertificateNames {
    emails: Vec<Option<String>>,
    hosts: Vec<Option<String>>,
    uris: Vec<Option<String>>,
    common: Vec<Option<String>>,
    /// When it was not valid yet.
    from: Timestamp,
    /// When it is valid no more.
    until: Timestamp,
}

/// The tags of alternative names (RFC 5280, section 4.2.1.6).
const EMAIL: u32 = 1;
const HOST: u32 = 2;
const URI: u32 = 6;

// === impl ClientCertificate ===

impl ClientCertificate {
    /// The subject that the certificate names; `None` when it has no name of this kind.
    ///
    /// # Errors
    /// When it has several, or one that can be nobody's: then nobody is believed (H05, H18).
    pub fn subject(&self, names: &CertificateNames) -> Result<Option<Subject>, BadSubject> {
        let text = match names.all(self.name) {
            [] => return Ok(None),
            [Some(text)] => text,
            _ => return Err(BadSubject::Control),
        };
        let is_good = match self.name {
            NameKind::Email => EmailAddress::parse(text).is_ok(),
            NameKind::Dns => !text.contains('*') && is_plain(text),
            NameKind::Uri => is_plain(text),
            NameKind::CommonName => true,
        };
        // One issuer may have given one name to one person, and the same with a space to another.
        if is_good && text.trim() == text { Subject::parse(text).map(Some) } else { Err(BadSubject::Control) }
    }
}

/// Whether a name is what an IA5String may be made of, in sight.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

// === impl CertificateNames ===

impl CertificateNames {
    /// The names in a certificate in DER; `None` when it is none, or could be read in two ways.
    #[must_use]
    pub fn parse(der: &[u8]) -> Option<Self> {
        let (rest, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let common = certificate.subject().iter_common_name().map(|name| name.as_str().ok().map(str::to_owned));
        let validity = certificate.validity();
        let mut names = Self {
            emails: Vec::new(),
            hosts: Vec::new(),
            uris: Vec::new(),
            common: common.collect(),
            from: moment(validity.not_before.timestamp()),
            until: moment(validity.not_after.timestamp()),
        };
        names.alternatives(&certificate)?;
        Some(names)
    }

    fn alternatives(&mut self, certificate: &X509Certificate<'_>) -> Option<()> {
        // An error is two of these extensions, or one that cannot be read.
        let Some(extension) = certificate.subject_alternative_name().ok()? else { return Some(()) };
        for name in &extension.value.general_names {
            match name {
                GeneralName::RFC822Name(text) => self.emails.push(Some((*text).to_owned())),
                GeneralName::DNSName(text) => self.hosts.push(Some((*text).to_owned())),
                GeneralName::URI(text) => self.uris.push(Some((*text).to_owned())),
                GeneralName::Invalid(tag, _) if tag.0 == EMAIL => self.emails.push(None),
                GeneralName::Invalid(tag, _) if tag.0 == HOST => self.hosts.push(None),
                GeneralName::Invalid(tag, _) if tag.0 == URI => self.uris.push(None),
                _ => {}
            }
        }
        Some(())
    }

    fn all(&self, kind: NameKind) -> &[Option<String>] {
        match kind {
            NameKind::Email => &self.emails,
            NameKind::Dns => &self.hosts,
            NameKind::Uri => &self.uris,
            NameKind::CommonName => &self.common,
        }
    }

    /// Whether the certificate is within its time.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.from <= now && now <= self.until
    }
}

impl fmt::Debug for CertificateNames {
    /// Without the names (I9).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertificateNames")
    }
}

/// The moment this many seconds after 1970; before that, 1970.
fn moment(seconds: i64) -> Timestamp {
    Timestamp::default().after(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
}
