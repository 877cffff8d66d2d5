//! What a challenge is about, as the store keeps it sealed.

use serde::{Deserialize, Serialize};

use crate::words::{Channel, Contact, KeyedHash, Language, Origin, ParkedId, SendWhen, Subject, Timestamp};

/// What a challenge is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Particulars {
    subject: String,
    /// The directory's own name for whom the subject is, where it has one.
    #[serde(default)]
    pub account: Option<String>,
    /// What tells the directory that knows the subject from the site's others, as the conductor writes it.
    #[serde(default)]
    pub known_by: Option<String>,
    /// The policy that asked, by name.
    pub policy: String,
    /// Who is challenged, and how they are told.
    pub asked: Asked,
    /// The method of the interrupted request.
    pub method: String,
    /// Its target: path and query as they go over the wire.
    pub target: String,
    /// Where the browser goes after it: a local target, kept here and never in a parameter (R01–R08).
    pub return_to: String,
    /// For a policy that confirms each request: what the confirmation is bound to, but for the browser.
    pub binding: Option<KeyedHash>,
    /// Where codes can go, in the order of the policy's channels.
    pub contacts: Vec<Reach>,
    /// Whether these are contacts that the subject had before, since those of now are too fresh.
    #[serde(default)]
    pub is_earlier: bool,
    /// When a contact that is too fresh may be used, where there is no other.
    #[serde(default)]
    pub usable_at: Option<Timestamp>,
    /// In which language the subject wants to be spoken to, by the directory.
    pub language: Option<Language>,
    /// When the first code goes out.
    pub send: SendWhen,
    /// The application's session when it was asked, hashed.
    pub app_session: Option<KeyedHash>,
    /// The request that was parked with it, whichever challenge has it by now.
    pub parked: Option<ParkedId>,
    /// For a contact that stands in the request's own form.
    #[serde(default)]
    pub form: Option<FromForm>,
}

/// What is besides to be known of a challenge whose contact stands in the request's own form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FromForm {
    /// Whether an identity source named the subject; else it is whoever holds the contact.
    pub is_named: bool,
    /// Where the form can be corrected: a local target.
    pub back: Option<String>,
}

/// Who is challenged, and how they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asked {
    /// A person, by a page.
    Page,
    /// An API client, by JSON.
    Api,
    /// A person whom no source names yet: the page asks for an address first.
    Nobody,
    /// An address that was typed and is allowed.
    Typed,
    /// An address that was typed and is not allowed: nothing is ever sent, and no code is right (O25).
    Decoy,
}

/// A contact of a challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    channel: Channel,
    address: String,
    label: Option<String>,
}

// === impl Particulars ===

impl Particulars {
    /// What a challenge of `subject` is about; the fields are filled in by the caller.
    #[must_use]
    pub fn of(subject: &Subject, policy: &str, asked: Asked) -> Self {
        Self {
            subject: subject.as_str().to_owned(),
            account: None,
            known_by: None,
            policy: policy.to_owned(),
            asked,
            method: String::new(),
            target: String::new(),
            return_to: String::new(),
            binding: None,
            contacts: Vec::new(),
            is_earlier: false,
            usable_at: None,
            language: None,
            send: SendWhen::OnArrival,
            app_session: None,
            parked: None,
            form: None,
        }
    }

    /// The subject; `None` when it is nobody yet.
    #[must_use]
    pub fn subject(&self) -> Option<Subject> {
        if self.asked == Asked::Nobody { None } else { Subject::parse(&self.subject).ok() }
    }

    /// By whom counters and locks go: the directory's own name for whom the subject is, else the subject; `None` when it
    /// is nobody yet.
    #[must_use]
    pub fn counted(&self) -> Option<Subject> {
        let subject = self.subject()?;
        self.account.as_deref().and_then(|account| Subject::parse(account).ok()).or(Some(subject))
    }

    /// The same particulars for somebody else: the address that was typed.
    #[must_use]
    pub fn for_typed(&self, subject: &Subject, allowed: bool, contact: &Contact) -> Self {
        Self {
            subject: subject.as_str().to_owned(),
            account: None,
            known_by: None,
            asked: if allowed { Asked::Typed } else { Asked::Decoy },
            contacts: vec![Reach::new(contact)],
            is_earlier: false,
            usable_at: None,
            ..self.clone()
        }
    }

    /// The contacts, parsed.
    #[must_use]
    pub fn contacts(&self) -> Vec<Contact> {
        self.contacts.iter().filter_map(Reach::contact).collect()
    }

    /// The subject that an identity source must name for the challenge to be this visitor's; `None` when none may name any.
    #[must_use]
    pub fn named(&self) -> Option<Subject> {
        self.subject().filter(|_| self.form.as_ref().is_none_or(|form| form.is_named))
    }

    /// Whether the visitor typed an address because nobody knew who it is: whether it may be used is nobody's business (O25).
    #[must_use]
    pub const fn is_typed(&self) -> bool {
        matches!(self.asked, Asked::Typed | Asked::Decoy)
    }

    /// Who vouches for its contacts. The operator does so for the addresses that visitors who are asked may type, too.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        if self.form.is_some() { Origin::Typed } else { Origin::Directory }
    }

    /// Whether messages are to addresses that a visitor typed, under the tight limits for them.
    #[must_use]
    pub const fn is_limited(&self) -> bool {
        self.is_typed() || self.form.is_some()
    }

    /// The path of the interrupted request, without its query: what a page may show.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or("/")
    }

    /// The sealed form's plain text.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads [`Particulars::encode`] back.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

// === impl Reach ===

impl Reach {
    /// A contact as it is kept.
    #[must_use]
    pub fn new(contact: &Contact) -> Self {
        Self {
            channel: contact.channel(),
            address: contact.reveal().to_owned(),
            label: contact.label().map(str::to_owned),
        }
    }

    /// The contact; `None` when it can be none.
    #[must_use]
    pub fn contact(&self) -> Option<Contact> {
        let contact = Contact::parse(self.channel, &self.address).ok()?;
        Some(match &self.label {
            Some(label) => contact.labelled(label),
            None => contact,
        })
    }
}
