//! An address with a place for the subject: nothing that a subject is called changes whom the request goes to.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::config::is_this_machine;
use crate::words::Subject;

/// An address with a place for the subject, behind its host.
#[derive(Clone)]
pub(in crate::directory) struct Address {
    /// As a URL is written in full, with [`PLACE`] where the subject goes.
    template: String,
    host: String,
}

/// Where the subject goes.
const PLACE: &str = "{subject}";
/// What stands there while the address is looked at: a word that a URL leaves as it is, wherever it stands.
const WORD: &str = "0otpgate0subject0";

/// Letters, digits and the other characters that mean nothing in an address (RFC 3986, section 2.3).
const NOT_UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

// === impl Address ===

impl Address {
    /// The address that `text` is. `https`, or `http` to this machine.
    ///
    /// # Errors
    /// When it is none, or the subject stands where it could change the host. Says nothing of the text, which may hold a
    /// secret.
    pub(in crate::directory) fn parse(text: &str) -> Result<Self, &'static str> {
        let filled = text.trim().replace(PLACE, WORD);
        if filled.contains(['{', '}']) {
            return Err("only `{subject}` can be filled in here");
        }
        let url =
            Url::parse(&filled).map_err(|_| "expected an address such as https://crm.internal/users/{subject}")?;
        let host = url.host_str().unwrap_or_default().to_owned();
        if !(url.scheme() == "https" || url.scheme() == "http" && is_this_machine(&host)) {
            return Err("contacts would be read on the way: write https://");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a user name in an address is easily shown: write `basic: {user: …, password: …}`");
        }
        if host.contains(WORD) || url.fragment().is_some() {
            return Err("`{subject}` stands in the path or in the query, and there is no `#`");
        }
        if !url.as_str().contains(WORD) {
            return Err("`{subject}` is missing: everybody would have the same contacts");
        }
        Ok(Self { template: url.as_str().replace(WORD, PLACE), host })
    }

    /// The address for `subject`; `None` when it would be another one than is written, as for a subject `..`.
    pub(in crate::directory) fn of(&self, subject: &Subject) -> Option<Url> {
        let subject = utf8_percent_encode(subject.as_str(), NOT_UNRESERVED).to_string();
        let text = self.template.replace(PLACE, &subject);
        Url::parse(&text).ok().filter(|url| url.as_str() == text)
    }

    /// The whole of it, with `{subject}` where the subject goes. May hold a secret.
    pub(in crate::directory) fn template(&self) -> &str {
        &self.template
    }

    /// Whom it goes to.
    pub(in crate::directory) fn host(&self) -> &str {
        &self.host
    }
}

/// Shows the host alone: the rest may hold a secret.
impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Address({})", self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str, subject: &str) -> Option<String> {
        Address::parse(address).unwrap().of(&Subject::parse(subject).unwrap()).map(String::from)
    }

    #[test]
    fn d09_a_subject_is_one_segment_or_one_value_whatever_it_is_called() {
        let path = "https://crm.internal/users/{subject}/contacts";
        for (subject, wanted) in [
            ("alice", "https://crm.internal/users/alice/contacts"),
            ("a@b.example", "https://crm.internal/users/a%40b.example/contacts"),
            ("../admin", "https://crm.internal/users/..%2Fadmin/contacts"),
            ("//evil.example", "https://crm.internal/users/%2F%2Fevil.example/contacts"),
            ("@evil.example", "https://crm.internal/users/%40evil.example/contacts"),
            ("%2f..%2f", "https://crm.internal/users/%252f..%252f/contacts"),
            ("%2e%2e", "https://crm.internal/users/%252e%252e/contacts"),
            ("a?b#c", "https://crm.internal/users/a%3Fb%23c/contacts"),
            ("a\\b", "https://crm.internal/users/a%5Cb/contacts"),
            ("a b&c=d", "https://crm.internal/users/a%20b%26c%3Dd/contacts"),
            ("{subject}", "https://crm.internal/users/%7Bsubject%7D/contacts"),
            ("山", "https://crm.internal/users/%E5%B1%B1/contacts"),
        ] {
            assert_eq!(of(path, subject).as_deref(), Some(wanted), "{subject}");
        }
        // Escaped or not, these are no segments of their own.
        assert_eq!(of(path, ".."), None);
        assert_eq!(of(path, "."), None);
        let query = "https://crm.internal?u={subject}&k=1";
        assert_eq!(of(query, "a&k=2#").as_deref(), Some("https://crm.internal/?u=a%26k%3D2%23&k=1"));
        assert_eq!(of(query, "..").as_deref(), Some("https://crm.internal/?u=..&k=1"));
    }

    #[test]
    fn an_address_that_could_be_anybodys_is_refused() {
        for bad in [
            "https://{subject}.internal/",
            "https://crm.internal:{subject}/",
            "https://{subject}@crm.internal/",
            "https://user:password@crm.internal/{subject}",
            "https://crm.internal/#{subject}",
            "https://crm.internal/users",
            "https://crm.internal/{user}/{subject}",
            "http://crm.internal/{subject}",
            "ftp://crm.internal/{subject}",
            "crm.internal/{subject}",
            "",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
        assert!(Address::parse("http://127.0.0.1:8080/{subject}").is_ok());
    }
}
