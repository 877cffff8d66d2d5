//! Whether anybody takes mail for a domain.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hickory_resolver::proto::rr::{Name, RData, RecordType};
use moka::Expiry;
use moka::sync::Cache;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::risk::dns::{Dns, Said, Silent};

/// What is known of the domains of e-mail addresses.
#[derive(Debug)]
pub struct MailDomains {
    dns: Arc<Dns>,
    known: Cache<Box<str>, Mail>,
    at_once: Semaphore,
    /// When DNS did not answer in time: it is left alone for a moment, so that not every visitor waits for it.
    tired: Mutex<Option<Instant>>,
}

/// Whether a domain takes mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mail {
    Taken,
    NotTaken,
    Unknown,
}

/// How many domains are remembered.
const REMEMBERED: u64 = 10_000;
/// How many are asked for at once; of those beyond nothing is known.
const AT_ONCE: usize = 64;
/// How long DNS is waited for: a visitor waits, too.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long DNS is left alone that did not answer in that time.
const REST: Duration = Duration::from_secs(10);

// === impl MailDomains ===

impl Default for MailDomains {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl MailDomains {
    /// Asks these name servers, when it is asked.
    #[must_use]
    pub fn new(dns: Arc<Dns>) -> Self {
        let known = Cache::builder().max_capacity(REMEMBERED).expire_after(Lives).build();
        Self { dns, known, at_once: Semaphore::new(AT_ONCE), tired: Mutex::default() }
    }

    pub(in crate::risk) fn is_same(&self, other: &Self) -> bool {
        self.dns.is_same(&other.dns)
    }

    /// Whether it is sure that nobody takes mail for a domain: it does not exist, has neither a mail exchanger nor an address
    /// (RFC 5321, section 5.1), or says itself that it takes none (RFC 7505). Takes a second at most; when DNS does not answer,
    /// nothing is sure.
    pub async fn takes_none(&self, domain: &str) -> bool {
        let domain = domain.trim_end_matches('.').to_lowercase().into_boxed_str();
        if let Some(known) = self.known.get(&domain) {
            return known == Mail::NotTaken;
        }
        let Ok(name) = Name::from_utf8(format!("{domain}.")) else { return false };
        let Ok(_permit) = self.at_once.try_acquire() else { return false };
        if self.is_tired() {
            return false;
        }
        let mail = match timeout(PATIENCE, self.ask(name)).await {
            Ok(said) => said.unwrap_or(Mail::Unknown),
            Err(_) => {
                *self.tired.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                tracing::debug!("DNS did not say in time whether a domain takes mail");
                Mail::Unknown
            }
        };
        self.known.insert(domain, mail);
        mail == Mail::NotTaken
    }

    async fn ask(&self, name: Name) -> Result<Mail, Silent> {
        match self.dns.ask(name.clone(), RecordType::MX).await? {
            Said::NoName(_) => return Ok(Mail::NotTaken),
            Said::Records(records, _) if !records.is_empty() => {
                let is_none = |record: &RData| matches!(record, RData::MX(exchanger) if exchanger.exchange.is_root());
                return Ok(if records.iter().all(is_none) { Mail::NotTaken } else { Mail::Taken });
            }
            Said::Records(..) | Said::NoRecords(_) => {}
        }
        for kind in [RecordType::A, RecordType::AAAA] {
            if let Said::Records(records, _) = self.dns.ask(name.clone(), kind).await?
                && !records.is_empty()
            {
                return Ok(Mail::Taken);
            }
        }
        Ok(Mail::NotTaken)
    }

    fn is_tired(&self) -> bool {
        let tired = self.tired.lock().unwrap_or_else(PoisonError::into_inner);
        tired.is_some_and(|since| since.elapsed() < REST)
    }
}

/// How long what is known of a domain lives: who has just made a domain will make its records soon.
struct Lives;

impl Expiry<Box<str>, Mail> for Lives {
    fn expire_after_create(&self, _: &Box<str>, mail: &Mail, _: Instant) -> Option<Duration> {
        Some(match mail {
            Mail::Taken => Duration::from_secs(3600),
            Mail::NotTaken => Duration::from_secs(300),
            Mail::Unknown => Duration::from_secs(30),
        })
    }
}
