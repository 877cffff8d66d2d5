//! The config's `risk.lists`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Fault, Period, Placed, Surroundings, is_this_machine};
use crate::risk::finding::worth;
use crate::risk::{AddressList, ContactList, Content, ListFile, ListKind, Means, Remote, Source};

/// A list of what is known to be bad, or good.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct ListSettings {
    /// Its name in logs.
    pub name: Placed<String>,
    /// What it is of.
    pub kind: ListKindSettings,
    /// Its file, or the address from which it is fetched (`https://`, or `http://` on this machine): one entry a line, `#` begins
    /// a comment.
    pub source: Placed<String>,
    /// What being on it is worth, 0 to 100. Not with `action`.
    pub points: Option<Placed<u8>>,
    /// For networks and autonomous systems, instead of points: `deny` is the highest score, `allow` makes every finding about
    /// the address count for nothing.
    pub action: Option<Placed<ActionSettings>>,
    /// How often an address is asked for a newer version, a tenth more or less: a minute at least, since nobody publishes more
    /// often and those who are asked more often bar who asks. Default: 12h.
    pub refresh: Option<Placed<Period>>,
}

/// What being on a list does.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionSettings {
    /// No finding about the address counts.
    Allow,
    /// The highest score.
    Deny,
}

/// What a list is of.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListKindSettings {
    /// Networks and addresses: plain, FireHOL netset, Spamhaus DROP as text or JSON, Tor's exit list, CSV.
    Network,
    /// Autonomous systems: `AS64496`.
    Asn,
    /// Domains of e-mail addresses, such as disposable ones, each with everything below it.
    EmailDomain,
    /// Phone numbers in E.164, such as disposable ones.
    Phone,
}

/// How often lists are asked for: twice a day, since Spamhaus asks for once a day and never more than hourly, and FireHOL's are
/// made anew once a day or so.
const REFRESH: Duration = Duration::from_secs(12 * 60 * 60);

// === impl ListSettings ===

impl ListSettings {
    /// The list, if it is one of contacts.
    pub(super) fn of_contacts(&self, cache: &Path, around: &Surroundings<'_>) -> Result<Option<ContactList>, Fault> {
        let kind = match self.kind {
            ListKindSettings::EmailDomain => ListKind::EmailDomain,
            ListKindSettings::Phone => ListKind::Phone,
            ListKindSettings::Network | ListKindSettings::Asn => return Ok(None),
        };
        if let Some(action) = &self.action {
            return Err(action.fault("an action is for lists of networks: give `points`"));
        }
        let name = self.name()?;
        let Some(points) = &self.points else { return Err(self.name.fault("what is being on it worth? add `points`")) };
        let source = self.source(Content::Contacts(kind), cache, around)?;
        let list = ContactList::open(name, kind, worth(Some(points), 0)?, source)
            .map_err(|error| self.source.fault(format!("`{}`: {error}", self.source.value)))?;
        Ok(Some(list))
    }

    /// The list and its file, if it is one of addresses.
    pub(super) fn of_addresses(&self, cache: &Path, around: &Surroundings<'_>) -> Result<Option<ListFile>, Fault> {
        if matches!(self.kind, ListKindSettings::EmailDomain | ListKindSettings::Phone) {
            return Ok(None);
        }
        let means = match (&self.points, &self.action) {
            (Some(points), None) => Means::Points(worth(Some(points), 0)?),
            (None, Some(action)) => match action.value {
                ActionSettings::Allow => Means::Allow,
                ActionSettings::Deny => Means::Deny,
            },
            (Some(_), Some(action)) => return Err(action.fault("give `points` or an `action`, not both")),
            (None, None) => {
                return Err(self.name.fault("what does being on it do? add `points`, or `action: allow` or `deny`"));
            }
        };
        let content = match self.kind {
            ListKindSettings::Asn => Content::Systems,
            _ => ListFile::networks(means),
        };
        let list = AddressList { name: self.name()?.into(), means };
        Ok(Some(ListFile::new(list, content, self.source(content, cache, around)?)))
    }

    fn name(&self) -> Result<&str, Fault> {
        match self.name.value.trim() {
            "" => Err(self.name.fault("a list needs a name")),
            name => Ok(name),
        }
    }

    fn source(&self, content: Content, cache: &Path, around: &Surroundings<'_>) -> Result<Source, Fault> {
        let written = self.source.value.trim();
        if !written.contains("://") {
            if let Some(refresh) = &self.refresh {
                return Err(refresh.fault("a file is read again when it changes: leave `refresh` out"));
            }
            return Ok(Source::file(around.path(written.as_ref())));
        }
        let url = Url::parse(written).ok().filter(|url| match url.scheme() {
            "https" => url.has_host(),
            "http" => url.host_str().is_some_and(is_this_machine),
            _ => false,
        });
        let Some(url) = url else {
            let wrong = "expected a file, or an address that begins with `https://` (`http://` on this machine alone)";
            return Err(self.source.fault(wrong));
        };
        let refresh = self.refresh.map_or(REFRESH, |refresh| refresh.value.0);
        match &self.refresh {
            Some(written) if refresh < Remote::LEAST => Err(written
                .fault("expected `1m` or more: nobody publishes more often, and publishers bar who asks too often")),
            _ => Ok(Source::remote(Arc::new(Remote::new(self.name()?.into(), url, content, refresh, cache)))),
        }
    }
}
