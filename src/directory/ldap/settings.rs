//! The config of a directory in LDAP.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ldap3::Scope;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Credential, Fault, Many, Period, Placed, SecretText, Surroundings, is_this_machine};
use crate::directory::Field;
use crate::directory::ldap::LdapSpec;
use crate::directory::settings::{Manner, within};
use crate::words::Channel;

/// LDAP: OpenLDAP, Active Directory and such.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LdapSettings {
    /// `ldaps://host`, or `ldap://host`, which is made safe by STARTTLS except to a loopback address.
    pub url: Placed<String>,
    /// Who asks. Default: nobody, anonymously.
    pub bind: Option<Placed<BindSettings>>,
    /// Below which entry people are, such as `ou=people,dc=example,dc=com`.
    pub base: Placed<String>,
    /// How far below. Default subtree.
    #[serde(default)]
    pub scope: ScopeSettings,
    /// What finds a subject, such as `(&(objectClass=person)(uid={subject}))`; the subject is escaped.
    pub filter: Placed<String>,
    /// Which attribute is which field.
    pub attributes: AttributeSettings,
    /// A PEM file: who vouches for the server. Default: the system's authorities.
    pub ca: Option<Placed<PathBuf>>,
    /// How long a look-up may take, connecting and all, 100ms to 30s. Default 2s.
    pub timeout: Option<Placed<Period>>,
}

/// Who asks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BindSettings {
    /// The entry.
    pub dn: Placed<String>,
    /// Its password.
    pub password: Placed<Credential>,
}

/// How far below the base.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScopeSettings {
    /// At any depth.
    #[default]
    Subtree,
    /// Just below.
    One,
    /// The base itself.
    Base,
}

/// Which attribute is which field. Default: none.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttributeSettings {
    /// The name, as the application spells it: an entry is refused that has another spelling. LDAP finds names without
    /// regard to case.
    pub subject: Option<Placed<String>>,
    /// What never changes and never means somebody else, such as entryUUID.
    pub id: Option<Placed<String>>,
    /// E-mail addresses.
    #[serde(default)]
    pub email: Many<Placed<String>>,
    /// Numbers for text messages.
    #[serde(default)]
    pub sms: Many<Placed<String>>,
    /// Numbers for calls.
    #[serde(default)]
    pub voice: Many<Placed<String>>,
    /// In which language the subject wants to be spoken to.
    pub language: Option<Placed<String>>,
    /// Where it lives.
    pub country: Option<Placed<String>>,
    /// When the entry was changed, such as modifyTimestamp.
    pub changed_at: Option<Placed<String>>,
}

/// What stands for the subject in a filter.
pub(super) const SUBJECT: &str = "{subject}";
/// How long a look-up may take when the config does not say.
const TIMEOUT: Duration = Duration::from_secs(2);

// === impl LdapSettings ===

impl LdapSettings {
    /// What is meant, and what is odd about it.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn spec(&self, around: &Surroundings<'_>, manner: Manner) -> Result<(LdapSpec, Vec<String>), Fault> {
        let (host, starttls) = self.server()?;
        let attributes = self.attributes.fields()?;
        let mut odd = Vec::new();
        if self.attributes.subject.is_none() && self.attributes.id.is_none() {
            odd.push(
                "`attributes` tells neither `subject` nor `id`: LDAP finds names without regard to case, so `Bob` and \
                 `bob` would be two for the limits and one for the directory. Add subject: uid"
                    .to_owned(),
            );
        }
        let spec = LdapSpec {
            url: self.url.value.trim().to_owned(),
            host,
            starttls,
            tls: self.ca.as_ref().map(|file| authorities(file, around)).transpose()?,
            bind: self.bind.as_ref().map(|bind| bind.value.who(around)).transpose()?,
            base: self.base.value.clone(),
            scope: match self.scope {
                ScopeSettings::Subtree => Scope::Subtree,
                ScopeSettings::One => Scope::OneLevel,
                ScopeSettings::Base => Scope::Base,
            },
            filter: self.filter()?,
            attributes,
            timeout: within(self.timeout, TIMEOUT)?,
            manner,
        };
        Ok((spec, odd))
    }

    /// Host and port for people, and whether the connection is made safe by STARTTLS.
    fn server(&self) -> Result<(String, bool), Fault> {
        let wrong = || self.url.fault("expected `ldaps://host` or `ldap://host`, without a path");
        let url = url::Url::parse(self.url.value.trim()).map_err(|_| wrong())?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && matches!(url.path(), "" | "/");
        let starttls = match url.scheme() {
            "ldaps" => false,
            // With authorities of its own, even a loopback server is asked to prove itself.
            "ldap" => !is_this_machine(host) || self.ca.is_some(),
            _ => return Err(wrong()),
        };
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        if plain { Ok((format!("{host}{port}"), starttls)) } else { Err(wrong()) }
    }

    fn filter(&self) -> Result<String, Fault> {
        let text = self.filter.value.trim();
        if !text.contains(SUBJECT) {
            return Err(self.filter.fault("the filter names nobody: write `{subject}` where the name goes"));
        }
        let tried = text.replace(SUBJECT, "x");
        if tried.contains(['{', '}']) {
            return Err(self.filter.fault("only `{subject}` stands for something in a filter"));
        }
        ldap3::parse_filter(&tried).map_err(|_| {
            self.filter.fault("expected a filter (RFC 4515) such as (&(objectClass=person)(uid={subject}))")
        })?;
        Ok(text.to_owned())
    }
}

/// Trusts the authorities of a file and no others.
fn authorities(file: &Placed<PathBuf>, around: &Surroundings<'_>) -> Result<Arc<ClientConfig>, Fault> {
    let shown = file.value.display();
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(around.path(&file.value))
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|_| file.fault(format!("`{shown}` cannot be read as certificates in PEM")))?;
    for certificate in certificates {
        roots.add(certificate).map_err(|_| file.fault(format!("`{shown}` has a certificate that cannot be used")))?;
    }
    if roots.is_empty() {
        return Err(file.fault(format!("`{shown}` has no certificate in PEM")));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| file.fault("TLS cannot be set up"))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

// === impl BindSettings ===

impl BindSettings {
    fn who(&self, around: &Surroundings<'_>) -> Result<(String, SecretText), Fault> {
        let dn = self.dn.value.trim();
        if dn.is_empty() {
            return Err(self.dn.fault("expected the DN of an entry, or no `bind` at all"));
        }
        let password = self.password.reveal(around)?;
        // A DN with an empty password is an unauthenticated bind, which many servers let succeed (RFC 4513, 5.1.2).
        if password.reveal().is_empty() {
            return Err(self.password.fault("the password is empty"));
        }
        Ok((dn.to_owned(), password))
    }
}

// === impl AttributeSettings ===

impl AttributeSettings {
    fn fields(&self) -> Result<Vec<(Field, String)>, Fault> {
        let single = [
            (Field::Subject, &self.subject),
            (Field::Id, &self.id),
            (Field::Language, &self.language),
            (Field::Country, &self.country),
            (Field::ChangedAt(None), &self.changed_at),
        ];
        let several = [(Channel::Email, &self.email), (Channel::Sms, &self.sms), (Channel::Voice, &self.voice)];
        let single = single.into_iter().flat_map(|(field, written)| written.iter().map(move |name| (field, name)));
        let several = several
            .into_iter()
            .flat_map(|(channel, written)| written.iter().map(move |name| (Field::Contact(channel), name)));
        single.chain(several).map(|(field, name)| Ok((field, attribute(name)?))).collect()
    }
}

/// The name of an attribute, with its options (RFC 4512, section 2.5).
fn attribute(name: &Placed<String>) -> Result<String, Fault> {
    let text = name.value.trim();
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-;.".contains(&byte);
    if text.is_empty() || !text.bytes().all(valid) {
        return Err(name.fault("expected the name of an attribute, such as `mail`"));
    }
    Ok(text.to_owned())
}
