//! A directory in LDAP (RFC 4511): OpenLDAP, Active Directory and such.
//!
//! The subject goes into the operator's filter escaped (RFC 4515, section 3; D07). One connection is kept, over which
//! look-ups go side by side; it is made at the first one, and again when it broke.

pub mod settings;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchEntry, SearchOptions, ldap_escape};
use rustls::ClientConfig;
use tokio::sync::Mutex;

use crate::config::SecretText;
use crate::directory::settings::Manner;
use crate::directory::{Directory, DirectoryError, Entry, Field, Reading};
use crate::words::Subject;

/// What a directory in LDAP is made of.
#[derive(Clone)]
pub struct LdapSpec {
    /// `ldap://` or `ldaps://` with a host.
    pub url: String,
    /// Its host and port, for people.
    pub host: String,
    /// Whether the connection is made safe by STARTTLS (RFC 4511, section 4.14).
    pub starttls: bool,
    /// Who vouches for the server; `None` is the system's authorities.
    pub tls: Option<Arc<ClientConfig>>,
    /// Who asks, and the password; `None` is anonymous.
    pub bind: Option<(String, SecretText)>,
    /// Below which entry.
    pub base: String,
    /// How far below.
    pub scope: Scope,
    /// What finds a subject, with `{subject}`.
    pub filter: String,
    /// Which attribute is which field.
    pub attributes: Vec<(Field, String)>,
    /// How long a look-up may take, connecting and all.
    pub timeout: Duration,
    /// How entries are read.
    pub manner: Manner,
}

/// A directory in LDAP.
pub struct LdapDirectory {
    name: String,
    spec: LdapSpec,
    connection: Mutex<Option<Ldap>>,
}

/// Why there is no answer.
enum Failure {
    /// The connection broke, so that another may do.
    Broken(String),
    /// Any other.
    Other(DirectoryError),
}

/// Result codes of RFC 4511, appendix A.1.
mod code {
    pub(super) const SUCCESS: u32 = 0;
    pub(super) const SIZE_LIMIT_EXCEEDED: u32 = 4;
    pub(super) const NO_SUCH_OBJECT: u32 = 32;
    pub(super) const INVALID_CREDENTIALS: u32 = 49;
}

// === impl LdapDirectory ===

impl LdapDirectory {
    /// The directory; nothing is connected to.
    #[must_use]
    pub fn new(spec: LdapSpec) -> Self {
        Self { name: format!("ldap {}", spec.host), spec, connection: Mutex::new(None) }
    }

    async fn entry(&self, subject: &Subject) -> Result<Option<Entry>, DirectoryError> {
        let kept = self.connection.lock().await.clone();
        if let Some(mut ldap) = kept
            && !ldap.is_closed()
        {
            match self.search(&mut ldap, subject).await {
                // The server ended an idle connection: one more try, on a new one.
                Err(Failure::Broken(_)) => {}
                found => return found.map_err(Into::into),
            }
        }
        let mut ldap = self.connect().await?;
        let found = self.search(&mut ldap, subject).await?;
        *self.connection.lock().await = Some(ldap);
        Ok(found)
    }

    async fn connect(&self) -> Result<Ldap, DirectoryError> {
        let mut settings = LdapConnSettings::new().set_starttls(self.spec.starttls);
        if let Some(tls) = &self.spec.tls {
            settings = settings.set_config(Arc::clone(tls));
        }
        let (connection, mut ldap) = LdapConnAsync::with_settings(settings, &self.spec.url)
            .await
            .map_err(|error| DirectoryError::Unreachable(why(&error)))?;
        // Ends when the connection does.
        tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(error = why(&error), "a connection to a directory ended");
            }
        });
        if let Some((dn, password)) = &self.spec.bind {
            let bound = ldap.simple_bind(dn, password.reveal()).await.map_err(Failure::of)?;
            match bound.rc {
                code::SUCCESS => {}
                code::INVALID_CREDENTIALS => {
                    return Err(DirectoryError::Unreachable(
                        "the bind was refused: DN or password are wrong".to_owned(),
                    ));
                }
                code => {
                    return Err(DirectoryError::Unreachable(format!("the bind was refused with the result {code}")));
                }
            }
        }
        Ok(ldap)
    }

    async fn search(&self, ldap: &mut Ldap, subject: &Subject) -> Result<Option<Entry>, Failure> {
        let filter = self.spec.filter.replace(settings::SUBJECT, &ldap_escape(subject.as_str()));
        let attributes: Vec<&str> = self.spec.attributes.iter().map(|(_, name)| name.as_str()).collect();
        // Two are one too many already.
        let limit = SearchOptions::new().sizelimit(2);
        let found = ldap
            .with_search_options(limit)
            .with_timeout(self.spec.timeout)
            .search(&self.spec.base, self.spec.scope, &filter, attributes)
            .await
            .map_err(Failure::of)?;
        match found.1.rc {
            code::SUCCESS => {}
            code::SIZE_LIMIT_EXCEEDED => return Err(Failure::Other(DirectoryError::Ambiguous)),
            code::NO_SUCH_OBJECT => return Err(wrong("the base of the search does not exist".to_owned())),
            code => return Err(wrong(format!("the search was answered with the result {code}"))),
        }
        // Referrals name other servers, which nobody has vouched for: they are not followed.
        let mut entries = found.0.into_iter().filter(|entry| !entry.is_ref() && !entry.is_intermediate());
        let Some(entry) = entries.next() else { return Ok(None) };
        if entries.next().is_some() {
            return Err(Failure::Other(DirectoryError::Ambiguous));
        }
        self.read(subject, &SearchEntry::construct(entry)).map(Some).map_err(Failure::Other)
    }

    fn read(&self, subject: &Subject, entry: &SearchEntry) -> Result<Entry, DirectoryError> {
        // Attributes' names are compared without regard to case (RFC 4512, section 2.5).
        let by_name: HashMap<String, &Vec<String>> =
            entry.attrs.iter().map(|(name, values)| (name.to_ascii_lowercase(), values)).collect();
        let mut fields = Vec::new();
        for (field, name) in &self.spec.attributes {
            let Some(values) = by_name.get(&name.to_ascii_lowercase()) else { continue };
            match field {
                // An entry may have several names; one of them must be the very one that was asked for.
                Field::Subject => {
                    let is_asked = |text: &&String| {
                        Subject::parse(text).is_ok_and(|named| self.spec.manner.is_same(&named, subject))
                    };
                    let named = values.iter().find(is_asked).or_else(|| values.first());
                    fields.extend(named.map(|text| (*field, text.as_str())));
                }
                Field::Id => match values.as_slice() {
                    [id] => fields.push((*field, id.as_str())),
                    _ => return Err(DirectoryError::Wrong("its `id` has several values".to_owned())),
                },
                _ => fields.extend(values.iter().map(|text| (*field, text.as_str()))),
            }
        }
        let mut reading = Reading::new(subject, self.spec.manner.fold, self.spec.manner.country);
        reading.row(&fields)?;
        Ok(reading.told(&self.name).unwrap_or_default())
    }
}

#[async_trait::async_trait]
impl Directory for LdapDirectory {
    fn name(&self) -> &str {
        &self.name
    }

    fn tells_verified(&self) -> bool {
        self.spec.attributes.iter().any(|(field, _)| matches!(field, Field::VerifiedAt(_)))
    }

    async fn find(&self, subject: &Subject) -> Result<Option<Entry>, DirectoryError> {
        let late = |_| DirectoryError::Unreachable("it did not answer in time".to_owned());
        let found = tokio::time::timeout(self.spec.timeout, self.entry(subject)).await.map_err(late);
        if found.is_err() {
            // Whatever hangs on it would keep the next one waiting, too.
            *self.connection.lock().await = None;
        }
        found?
    }
}

impl fmt::Debug for LdapDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LdapDirectory({})", self.name)
    }
}

impl fmt::Debug for LdapSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LdapSpec({})", self.host)
    }
}

// === impl Failure ===

impl Failure {
    fn of(error: LdapError) -> Self {
        match error {
            LdapError::FilterParsing => wrong("the filter cannot be read with this subject".to_owned()),
            error => Self::Broken(why(&error)),
        }
    }
}

impl From<Failure> for DirectoryError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Broken(why) => Self::Unreachable(why),
            Failure::Other(error) => error,
        }
    }
}

fn wrong(why: String) -> Failure {
    Failure::Other(DirectoryError::Wrong(why))
}

/// What went wrong, without what could repeat a name.
fn why(error: &LdapError) -> String {
    match error {
        LdapError::Io { source } => match source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(_) => "TLS failed: is the certificate valid, for this name?".to_owned(),
            None => format!("the connection failed: {}", source.kind()),
        },
        LdapError::Timeout { .. } => "it did not answer in time".to_owned(),
        LdapError::LdapResult { result } => format!("it answered with the result {}", result.rc),
        LdapError::Rustls { .. } | LdapError::DNSName { .. } => {
            "TLS failed: is the certificate valid, for this name?".to_owned()
        }
        _ => "the connection broke off".to_owned(),
    }
}
