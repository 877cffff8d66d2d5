//! The directory of sites whose subjects are addresses: the subject is its own contact.

use crate::directory::{Directory, DirectoryError, Entry};
use crate::words::{Channel, Contact, Subject};

/// Knows every subject that is an e-mail address, or a telephone number in E.164.
///
/// A number must be written as it is sent to: with blanks or brackets in it, one telephone would be several subjects to
/// count by (I4).
#[derive(Debug, Clone, Copy, Default)]
pub struct IdentityDirectory;

#[async_trait::async_trait]
impl Directory for IdentityDirectory {
    fn name(&self) -> &str {
        "identity"
    }

    async fn find(&self, subject: &Subject) -> Result<Option<Entry>, DirectoryError> {
        let on = |channel| Contact::parse(channel, subject.as_str()).ok();
        let contacts: Vec<_> = [Channel::Email, Channel::Sms, Channel::Voice]
            .into_iter()
            .filter_map(on)
            .filter(|contact| contact.reveal() == subject.as_str())
            .map(Into::into)
            .collect();
        Ok((!contacts.is_empty()).then(|| Entry { contacts, ..Entry::default() }))
    }

    fn tells_verified(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contacts(subject: &str) -> Option<Vec<String>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let entry = runtime.block_on(IdentityDirectory.find(&Subject::parse(subject).unwrap())).unwrap()?;
        Some(entry.contacts().map(|contact| format!("{} {}", contact.channel(), contact.reveal())).collect())
    }

    #[test]
    fn a_subject_that_is_an_address_is_its_own_contact() {
        assert_eq!(contacts("alice@example.com").unwrap(), ["email alice@example.com"]);
        assert_eq!(contacts("+60123456789").unwrap(), ["sms +60123456789", "voice +60123456789"]);
    }

    #[test]
    fn any_other_subject_is_unknown() {
        for subject in
            ["alice", "60123456789", "+60 12-345 6789", "a@b.example,c@d.example", "Alice <a@b.example>", "+1", "@"]
        {
            assert_eq!(contacts(subject), None, "{subject}");
        }
    }
}
