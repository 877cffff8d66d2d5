//! What an HTTP directory is told of a contact that was proved: a JSON text with places to fill in.

use std::time::{Duration, UNIX_EPOCH};

use http::Method;

use super::address::Address;
use crate::config::SecretText;
use crate::directory::Mark;

/// The request that tells a directory of a proved contact.
#[derive(Clone)]
pub struct MarkSpec {
    pub(in crate::directory) method: Method,
    pub(in crate::directory) address: Address,
    pub(in crate::directory) body: Body,
}

/// A JSON text in which `{contact}`, `{channel}`, `{verified_at}` and `{subject}` are filled in, each within a text of it.
#[derive(Clone)]
pub(in crate::directory) struct Body(SecretText);

/// What is told unless the operator writes something else.
const USUAL: &str =
    r#"{"subject": "{subject}", "contact": "{contact}", "channel": "{channel}", "verified_at": "{verified_at}"}"#;

/// The places, in the order in which [`Body::filled`] takes their values.
const PLACES: [&str; 4] = ["{subject}", "{contact}", "{channel}", "{verified_at}"];

// === impl Body ===

impl Body {
    /// The body that `text` is.
    ///
    /// # Errors
    /// When, filled in, it is no JSON: says nothing of the text, which may hold a secret.
    pub(in crate::directory) fn parse(text: SecretText) -> Result<Self, &'static str> {
        let body = Self(text);
        // Outside of a text, an escaped quotation mark is no JSON.
        let filled = body.fill(["\"", "\"", "\"", "\""]);
        match serde_json::from_str::<serde::de::IgnoredAny>(&filled) {
            Ok(_) => Ok(body),
            Err(_) => {
                Err("expected a JSON text, with `{contact}`, `{channel}`, `{verified_at}` and `{subject}` in quotes")
            }
        }
    }

    /// The body that tells of `mark`.
    pub(in crate::directory) fn of(&self, mark: &Mark) -> String {
        let at = UNIX_EPOCH + Duration::from_secs(mark.at.as_secs());
        let at = humantime::format_rfc3339_seconds(at).to_string();
        self.fill([mark.subject.as_str(), mark.contact.reveal(), mark.contact.channel().as_str(), &at])
    }

    /// One walk over the text: what is filled in is never looked at again.
    fn fill(&self, values: [&str; 4]) -> String {
        let (mut filled, mut rest) = (String::new(), self.0.reveal());
        while let Some(at) = rest.find('{') {
            let (before, behind) = rest.split_at(at);
            filled.push_str(before);
            match PLACES.iter().zip(values).find(|(place, _)| behind.starts_with(**place)) {
                Some((place, value)) => {
                    let quoted = serde_json::to_string(value).unwrap_or_default();
                    filled.push_str(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default());
                    rest = behind.get(place.len()..).unwrap_or_default();
                }
                None => {
                    filled.push('{');
                    rest = behind.get(1..).unwrap_or_default();
                }
            }
        }
        filled.push_str(rest);
        filled
    }
}

impl Default for Body {
    fn default() -> Self {
        Self(USUAL.to_owned().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{Channel, Contact, Subject, Timestamp};

    fn mark(subject: &str) -> Mark {
        let contact = Contact::parse(Channel::Sms, "+60123456789").unwrap();
        Mark { subject: Subject::parse(subject).unwrap(), contact, at: Timestamp::from_millis(1_795_780_800_123) }
    }

    #[test]
    fn what_is_filled_in_adds_no_member() {
        let filled = Body::default().of(&mark("a\", \"admin\": \"{contact}\\"));
        let json: serde_json::Value = serde_json::from_str(&filled).unwrap();
        assert_eq!(json["subject"], "a\", \"admin\": \"{contact}\\");
        assert_eq!((&json["contact"], &json["channel"]), (&"+60123456789".into(), &"sms".into()));
        assert_eq!(json["verified_at"], "2026-11-27T12:00:00Z");
        assert_eq!(json.as_object().unwrap().len(), 4);
    }

    #[test]
    fn a_body_that_is_no_json_is_refused() {
        for bad in ["", "{", "{\"a\": {contact}}", "contact={contact}", "{\"a\": \"{contact}\"} x"] {
            assert!(Body::parse(bad.to_owned().into()).is_err(), "{bad}");
        }
        for good in ["{}", "{\"phone\": {\"number\": \"{contact}\", \"ok\": true}}", "[\"{contact} {verified_at}\"]"] {
            assert!(Body::parse(good.to_owned().into()).is_ok(), "{good}");
        }
    }
}
