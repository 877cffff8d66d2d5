//! Making an entry of what a directory says: fields with texts, row by row.
//!
//! What cannot be used of a row is left out with a warning, since one bad number must not lock a subject out; what makes
//! it unclear who is meant is an error.

use std::time::UNIX_EPOCH;

use crate::directory::{DirectoryError, Entry, Listed};
use crate::words::{Channel, Contact, Country, Subject, Timestamp};

/// What a row can say of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// Who is meant, as the directory spells it.
    Subject,
    /// The directory's own name for whom it is.
    Id,
    /// A contact on this channel.
    Contact(Channel),
    /// A telephone number for text messages and for calls.
    Phone,
    /// What the contact on this channel is called; without a channel, every contact of the row.
    Label(Option<Channel>),
    /// When the contact on this channel was proved; without a channel, every contact of the row.
    VerifiedAt(Option<Channel>),
    /// When the contact on this channel was changed; without a channel, every contact of the row.
    ChangedAt(Option<Channel>),
    /// In which language the subject wants to be spoken to.
    Language,
    /// Where it lives.
    Country,
}

/// An entry in the making.
#[derive(Debug)]
pub struct Reading<'a> {
    asked: &'a Subject,
    /// Whether subjects are case-insensitive.
    fold: bool,
    country: Option<Country>,
    entry: Option<Entry>,
    warnings: Vec<String>,
    /// Rows of several people came: no row makes that good.
    is_unclear: bool,
}

/// The longest label, in characters: it stands on a button.
const LABEL: usize = 40;

// === impl Field ===

impl Field {
    /// The field of this name: `subject`, `id`, `email`, `sms`, `voice`, `phone`, `language`, `country`, and `label`,
    /// `verified_at` and `changed_at`, alone or behind a channel and `_`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let channel = |name: &str| name.parse().ok().filter(|&channel| channel != Channel::Hosted);
        match name {
            "subject" => Some(Self::Subject),
            "id" => Some(Self::Id),
            "phone" => Some(Self::Phone),
            "language" => Some(Self::Language),
            "country" => Some(Self::Country),
            "label" => Some(Self::Label(None)),
            "verified_at" => Some(Self::VerifiedAt(None)),
            "changed_at" => Some(Self::ChangedAt(None)),
            _ => match name.split_once('_') {
                None => channel(name).map(Self::Contact),
                Some((of, "label")) => channel(of).map(|of| Self::Label(Some(of))),
                Some((of, "verified_at")) => channel(of).map(|of| Self::VerifiedAt(Some(of))),
                Some((of, "changed_at")) => channel(of).map(|of| Self::ChangedAt(Some(of))),
                Some(_) => None,
            },
        }
    }
}

// === impl Reading ===

impl<'a> Reading<'a> {
    /// Starts to read what is known of `asked`. Numbers without a country code are of `country`. With `fold`, subjects are
    /// case-insensitive.
    #[must_use]
    pub const fn new(asked: &'a Subject, fold: bool, country: Option<Country>) -> Self {
        Self { asked, fold, country, entry: None, warnings: Vec::new(), is_unclear: false }
    }

    /// Takes a row. A field may come several times, for several contacts on one channel; empty texts are none.
    ///
    /// # Errors
    /// When the row is of another subject, or names another `id` than the rows before it: whose contacts these are is
    /// unclear then (H19).
    pub fn row(&mut self, fields: &[(Field, &str)]) -> Result<(), DirectoryError> {
        let outcome = if self.is_unclear { Err(DirectoryError::Ambiguous) } else { self.take(fields) };
        self.is_unclear = outcome.is_err();
        outcome
    }

    fn take(&mut self, fields: &[(Field, &str)]) -> Result<(), DirectoryError> {
        let said = || fields.iter().map(|(field, text)| (*field, text.trim())).filter(|(_, text)| !text.is_empty());
        let mut id = None;
        for (field, text) in said() {
            match field {
                Field::Subject if !self.is_asked(text) => return Err(DirectoryError::Ambiguous),
                Field::Id => {
                    let named = Subject::parse(text)
                        .map_err(|_| DirectoryError::Wrong("its `id` cannot be the name of anybody".to_owned()))?;
                    id = Some(named);
                }
                _ => {}
            }
        }
        if self.entry.as_ref().is_some_and(|entry| entry.id != id) {
            return Err(DirectoryError::Ambiguous);
        }
        let mut entry = self.entry.take().unwrap_or_default();
        entry.id = id;
        for (field, text) in said() {
            match field {
                Field::Language => match text.parse() {
                    Ok(language) => entry.language = Some(language),
                    Err(_) => self.warn("`language` is no language tag such as en or pt-BR, and left out"),
                },
                Field::Country => match text.to_ascii_uppercase().parse() {
                    Ok(country) => entry.country = Some(country),
                    Err(_) => self.warn("`country` is no country such as MY, and left out"),
                },
                _ => {}
            }
        }
        // The subject's own country tells what a number without a country code means, before the site's does.
        let country = entry.country.or(self.country);
        for (field, text) in said() {
            let channels: &[Channel] = match field {
                Field::Contact(Channel::Email) => &[Channel::Email],
                Field::Contact(Channel::Sms) => &[Channel::Sms],
                Field::Contact(Channel::Voice) => &[Channel::Voice],
                Field::Phone => &[Channel::Sms, Channel::Voice],
                _ => &[],
            };
            for &channel in channels {
                self.contact(&mut entry, channel, text, country, fields);
            }
        }
        self.entry = Some(entry);
        Ok(())
    }

    /// The entry, if there was any row, and what is odd about it: which contacts were skipped, and why. Warnings carry
    /// nobody's contact or name.
    #[must_use]
    pub fn finish(self) -> (Option<Entry>, Vec<String>) {
        (self.entry, self.warnings)
    }

    /// The entry, if there was any row; what is odd about it is logged under the directory's name.
    pub(super) fn told(self, directory: &str) -> Option<Entry> {
        let (entry, warnings) = self.finish();
        warnings.iter().for_each(|warning| tracing::warn!(directory, "{warning}"));
        entry
    }

    /// What is odd about the rows since it was last asked for.
    pub(super) fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    fn is_asked(&self, text: &str) -> bool {
        let Ok(subject) = Subject::parse(text) else { return false };
        subject == *self.asked || self.fold && subject.folded() == self.asked.folded()
    }

    fn contact(
        &mut self,
        entry: &mut Entry,
        channel: Channel,
        text: &str,
        country: Option<Country>,
        fields: &[(Field, &str)],
    ) {
        let contact = match Contact::parse_in(channel, text, country) {
            Ok(contact) => contact,
            Err(error) => return self.warn(&format!("`{channel}` is {error}. This contact is skipped")),
        };
        if entry.contacts().any(|known| known.is_same(&contact)) {
            return;
        }
        // What is said of this channel counts for more than what is said of the whole row.
        let said = |kind: fn(Option<Channel>) -> Field| {
            let of = |wanted: Field| fields.iter().find(|(field, _)| *field == wanted).map(|(_, text)| text.trim());
            of(kind(Some(channel))).or_else(|| of(kind(None))).filter(|text| !text.is_empty())
        };
        let (label, verified, changed) = (said(Field::Label), said(Field::VerifiedAt), said(Field::ChangedAt));
        let contact = match label {
            Some(label) if label.chars().count() > LABEL || label.contains(char::is_control) => {
                self.warn(&format!("the label is longer than {LABEL} characters or no line of text, and left out"));
                contact
            }
            Some(label) => contact.labelled(label),
            None => contact,
        };
        let (verified_at, changed_at) = (self.moment("verified_at", verified), self.moment("changed_at", changed));
        entry.contacts.push(Listed { contact, verified_at, changed_at });
    }

    fn moment(&mut self, what: &str, text: Option<&str>) -> Option<Timestamp> {
        let text = text?;
        let moment = moment(text);
        if moment.is_none() {
            self.warn(&format!("`{what}` is no time such as 2026-11-27T12:00:00Z or 1795780800, and left out"));
        }
        moment
    }

    fn warn(&mut self, text: &str) {
        if self.warnings.iter().all(|known| known != text) {
            self.warnings.push(text.to_owned());
        }
    }
}

/// A moment as directories write it: seconds since 1970, RFC 3339 with or without its `T` and its offset (UTC then), or
/// LDAP's Generalized Time in UTC (RFC 4517, section 3.3.13).
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Some(plain) = text.strip_suffix('Z').filter(|plain| plain.len() == 14) {
        let part = |from: usize, to: usize| plain.get(from..to);
        let (date, time) = ((part(0, 4)?, part(4, 6)?, part(6, 8)?), (part(8, 10)?, part(10, 12)?, part(12, 14)?));
        return moment(&format!("{}-{}-{}T{}:{}:{}Z", date.0, date.1, date.2, time.0, time.1, time.2));
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        return text.parse::<u64>().ok()?.checked_mul(1000).map(Timestamp::from_millis);
    }
    let (plain, ahead) = offset(text)?;
    let plain = plain.get(..19)?;
    let local = humantime::parse_rfc3339_weak(plain).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let seconds = i64::try_from(local.as_secs()).ok()?.checked_sub(ahead)?;
    u64::try_from(seconds).ok()?.checked_mul(1000).map(Timestamp::from_millis)
}

/// A time without its offset, and by how many seconds that is ahead of UTC.
fn offset(text: &str) -> Option<(&str, i64)> {
    if let Some(plain) = text.strip_suffix(['Z', 'z']) {
        return Some((plain, 0));
    }
    let Some(at) = text.rfind(['+', '-']).filter(|&at| at >= 19) else { return Some((text, 0)) };
    let (plain, offset) = (text.get(..at)?, text.get(at + 1..)?);
    let digits: String = offset.chars().filter(char::is_ascii_digit).collect();
    let (hours, minutes) = match digits.len() {
        2 => (digits.parse::<i64>().ok()?, 0),
        4 => (digits.get(..2)?.parse::<i64>().ok()?, digits.get(2..)?.parse::<i64>().ok()?),
        _ => return None,
    };
    let seconds = hours * 3600 + minutes * 60;
    Some((plain.trim_end(), if text.as_bytes().get(at) == Some(&b'-') { -seconds } else { seconds }))
}

#[cfg(test)]
mod tests;
