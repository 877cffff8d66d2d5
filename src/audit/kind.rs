//! What can happen: one word each, with the sentence and the advice that a support agent reads.

use std::fmt;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    // Verdicts on a request.
    /// A protected request came without the proof that its policy wants.
    Challenged,
    /// A protected request came without a subject: sent to the application's own sign-in.
    SignIn,
    /// The policy refused the request.
    Refused,
    /// The policy only observes: the request went on, though it would have been stopped.
    Observed,
    /// The request could be read in two ways (400).
    Ambiguous,
    /// No site has this host (421).
    UnknownHost,
    /// Something that the verdict needs was out of order (503).
    Unavailable,

    // Steps of a challenge.
    /// A challenge was opened.
    Opened,
    /// The request was parked with the challenge.
    Parked,
    /// The form has no contact that a code could go to, and its policy wants that one proved.
    BadContact,
    /// The request is too large to be parked.
    TooLarge,
    /// Too much is parked already.
    ParkFull,
    /// The directory knows no contact that the policy accepts.
    NoContact,
    /// A code went out.
    Sent,
    /// No provider took the code.
    SendFailed,
    /// The provider reported that the code arrived.
    Delivered,
    /// The provider reported that the code did not arrive.
    NotDelivered,
    /// A limit on messages is reached.
    TooManySends,
    /// The guard against pumping stopped, or would have stopped, messages to a group of numbers.
    Pumping,
    /// The budget for messages is used up.
    OutOfMoney,
    /// A wrong code came in.
    WrongCode,
    /// No more tries: the challenge or its subject is locked.
    Locked,
    /// The code's time was over.
    Expired,
    /// A right code came in.
    Passed,
    /// The parked request was sent on.
    Resumed,
    /// A confirmation was spent on the one request that it was for.
    Confirmed,
    /// Who was to be told of the proved contact is not told any more.
    NotTold,
    /// The request went on, since the directory says that a contact was proved lately.
    Vouched,

    // Who the visitor is.
    /// The application took a sign-in.
    LoginSeen,
    /// The application took a sign-out.
    LogoutSeen,
    /// The visitor ended the grant.
    LoggedOut,
    /// Two identity sources named different subjects.
    IdentityConflict,
    /// The subject is not the one that the challenge was opened for.
    SubjectMismatch,
    /// The cookie by which a browser is known again was copied: no copy of it counts any more.
    DeviceStolen,

    // What became of an account's contacts.
    /// The directory lists other contacts than before.
    ContactChanged,
    /// A contact from before was told of a change.
    ContactNotice,

    // What the gateway does by itself.
    /// An address was banned for a while.
    Banned,

    // What an operator did.
    /// Every proof of a subject was made void.
    Revoked,
    /// A subject was unlocked.
    Unlocked,
    /// The ban of an address was ended.
    Unbanned,
    /// The contacts that an account has now were taken for old ones.
    ContactsTrusted,
}

/// The words for a [`Kind`].
struct Words {
    name: &'static str,
    /// Past tense, without a subject and without a full stop, so that particulars can follow.
    happened: &'static str,
    /// What a support agent does when this was the last thing that happened.
    next: &'static str,
}

// === impl Kind ===

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 41] = [
        Self::Challenged,
        Self::SignIn,
        Self::Refused,
        Self::Observed,
        Self::Ambiguous,
        Self::UnknownHost,
        Self::Unavailable,
        Self::Opened,
        Self::Parked,
        Self::BadContact,
        Self::TooLarge,
        Self::ParkFull,
        Self::NoContact,
        Self::Sent,
        Self::SendFailed,
        Self::Delivered,
        Self::NotDelivered,
        Self::TooManySends,
        Self::Pumping,
        Self::OutOfMoney,
        Self::WrongCode,
        Self::Locked,
        Self::Expired,
        Self::Passed,
        Self::Resumed,
        Self::Confirmed,
        Self::NotTold,
        Self::Vouched,
        Self::LoginSeen,
        Self::LogoutSeen,
        Self::LoggedOut,
        Self::IdentityConflict,
        Self::SubjectMismatch,
        Self::DeviceStolen,
        Self::ContactChanged,
        Self::ContactNotice,
        Self::Banned,
        Self::Revoked,
        Self::Unlocked,
        Self::Unbanned,
        Self::ContactsTrusted,
    ];

    /// The word in logs, metrics and the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.words().name
    }

    /// What happened, for people: past tense, lower case, no full stop.
    #[must_use]
    pub const fn happened(self) -> &'static str {
        self.words().happened
    }

    /// What a support agent does when this was the last thing that happened.
    #[must_use]
    pub const fn next_step(self) -> &'static str {
        self.words().next
    }

    /// The kind of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    const fn words(self) -> Words {
        let (name, happened, next) = match self {
            Self::Challenged => (
                "challenged",
                "asked for a code",
                "No code was sent under this reference. Ask the visitor to open the page again and to follow it.",
            ),
            Self::SignIn => (
                "sign_in",
                "sent to the application's sign-in, because nobody was signed in",
                "Ask the visitor to sign in to the application and to try again. If they had signed in, the site's \
                 `identity` does not see it: `otpgate explain` shows what it looks at.",
            ),
            Self::Refused => (
                "refused",
                "refused by the policy",
                "No code helps here. If the visitor should have passed, run `otpgate explain` for this address and \
                 change the route, the policy or the list that the reasons name.",
            ),
            Self::Observed => (
                "observed",
                "let through, because the policy only observes; it would have been stopped",
                "Nothing to do: the visitor was not stopped.",
            ),
            Self::Ambiguous => (
                "ambiguous",
                "turned away: the address could be read in two ways",
                "Ask the visitor how they came to this address. If the application makes such addresses itself, see \
                 `paths` of the site.",
            ),
            Self::UnknownHost => (
                "unknown_host",
                "turned away: no site has this host name",
                "Check the address that the visitor uses. If it is right, add its host name to a site's `hosts`.",
            ),
            Self::Unavailable => (
                "unavailable",
                "turned away, because something that the decision needs was out of order",
                "The fault is ours. `/readyz` and the log say what is out of order; ask the visitor to try again once \
                 it is mended.",
            ),
            Self::Opened => (
                "opened",
                "opened a challenge",
                "No code was sent yet. Ask the visitor to choose on the page where the code should go.",
            ),
            Self::Parked => (
                "parked",
                "kept the request, to send it on after the code",
                "No code was sent yet. Ask the visitor to choose on the page where the code should go.",
            ),
            Self::BadContact => (
                "bad_contact",
                "turned away: the form has no contact that a code could go to",
                "Ask the visitor to go back and to correct the number or address; a number is surest with + and the country \
                 code. The reason says what is wrong. If many are turned away, compare `contact.form` of the policy with \
                 the form.",
            ),
            Self::TooLarge => (
                "too_large",
                "not kept: the request is larger than `park.max_body`",
                "Ask the visitor to pass the code on a plain page of the same area first and to send the form then. If \
                 this happens often, raise `challenge.park.max_body`.",
            ),
            Self::ParkFull => (
                "park_full",
                "not kept: too much is kept already",
                "Ask the visitor to finish or close other pages that wait for a code, and to try again.",
            ),
            Self::NoContact => (
                "no_contact",
                "found no contact to send a code to",
                "Make sure first that you speak to the right person. Add a contact for this visitor to the directory, on a \
                 channel that the policy accepts. If the reason is contact_cooldown, there is one that is new: `otpgate \
                 unlock --contacts` ends the wait.",
            ),
            Self::Sent => (
                "sent",
                "sent a code",
                "A code is on its way. Ask the visitor to look into the spam folder and to check the address shown \
                 here; after the wait the page can send it again or another way. Never ask for the code.",
            ),
            Self::SendFailed => (
                "send_failed",
                "could not send a code",
                "No provider took the message. Another channel on the page may work; the operator finds the \
                 provider's answer in the log.",
            ),
            Self::Delivered => (
                "delivered",
                "heard from the provider that the code arrived",
                "The code arrived. Ask the visitor to look at the newest message; of a call, that they took it \
                 themselves. Never ask for the code.",
            ),
            Self::NotDelivered => (
                "not_delivered",
                "heard from the provider that the code did not arrive",
                "Ask the visitor to take another way on the page. The reason says whether sending again to the same \
                 number can help.",
            ),
            Self::TooManySends => (
                "too_many_sends",
                "sent nothing more: a limit on messages is reached",
                "Earlier messages carry codes; the newest may still be good. Otherwise the visitor has to wait until \
                 the limit lets go. The limits are under `limits.sends`.",
            ),
            Self::Pumping => (
                "pumping",
                "sent nothing: hardly any code comes back from numbers like this one",
                "Another channel on the page works. If the visitor is genuine, wait until the pause is over; if many \
                 are, see `limits.pumping`.",
            ),
            Self::OutOfMoney => (
                "out_of_money",
                "sent nothing: the budget for messages is used up",
                "A channel that costs nothing, such as e-mail, still works. The budget is `limits.budget`; look first \
                 at who uses it up.",
            ),
            Self::WrongCode => (
                "wrong_code",
                "took a wrong code",
                "Tries are left. Ask the visitor to type the code of the newest message. Never ask for the code.",
            ),
            Self::Locked => (
                "locked",
                "locked: no more tries",
                "Make sure by other means that you speak to the right person, then unlock with `otpgate unlock`. \
                 Wrong codes that the person knows nothing of are a sign that somebody else has the password.",
            ),
            Self::Expired => (
                "expired",
                "took no code, because its time was over",
                "Ask the visitor to reload the page: it sends a new code, and a form that was sent is not lost.",
            ),
            Self::Passed => (
                "passed",
                "passed with the right code",
                "Nothing to do: the code was right. If the visitor is asked again, cookies may be blocked.",
            ),
            Self::Resumed => (
                "resumed",
                "sent the kept request on to the application",
                "Nothing to do: the visitor passed, and the application has the request.",
            ),
            Self::Confirmed => (
                "confirmed",
                "let the one confirmed request through",
                "Nothing to do: the request was confirmed, and the application has it.",
            ),
            Self::NotTold => (
                "not_told",
                "gave up telling the directory or the webhook that the contact was proved",
                "Nothing to do for the visitor, who passed. The reason says who was not told and why; the operator can note \
                 by hand that the contact is good.",
            ),
            Self::Vouched => (
                "vouched",
                "let through without a code: the directory says that a contact was proved lately",
                "Nothing to do: no code was needed. When the policy's `recheck` is over, the visitor is asked again.",
            ),
            Self::LoginSeen => ("login_seen", "saw a sign-in to the application", "Nothing to do."),
            Self::LogoutSeen => ("logout_seen", "saw a sign-out of the application", "Nothing to do."),
            Self::LoggedOut => (
                "logged_out",
                "ended the grant at the visitor's wish",
                "Nothing to do: the next protected request asks for a new code.",
            ),
            Self::IdentityConflict => (
                "identity_conflict",
                "refused: two identity sources named different people",
                "Ask the visitor to sign out of the application and to sign in again. If it comes back, the operator \
                 should compare the site's `identity` sources.",
            ),
            Self::SubjectMismatch => (
                "subject_mismatch",
                "refused: another person is signed in than the one the code was for",
                "Ask the visitor to sign in as the person who started, or to start again.",
            ),
            Self::DeviceStolen => (
                "device_stolen",
                "found a copy of the cookie by which the visitor's browser is known",
                "Somebody may have had the visitor's cookies, and so their sign-in: let them sign out everywhere in the \
                 application, change the password, and look for malware. Every copy is void already; their browser is a new one \
                 until the next code.",
            ),
            Self::ContactChanged => (
                "contact_changed",
                "saw other contacts in the directory than before",
                "A contact that is new gets no code until the site's `contact_cooldown` is over; until then the code goes to \
                 an older one. Make sure by other means that you speak to the right person: if they changed it, `otpgate \
                 unlock --contacts` ends the wait; if not, somebody else has their password: put the contact right, revoke, \
                 and then do the same.",
            ),
            Self::ContactNotice => (
                "contact_notice",
                "told a contact from before that a contact of the account was changed",
                "The reason names the provider that took the notice, or says why none did. Whoever got it and changed \
                 nothing should change their password.",
            ),
            Self::Banned => (
                "banned",
                "banned the address for a while, for what came from it",
                "The ban ends by itself, and whoever has proved who they are goes on. If it is the address of many who mean no \
                 harm, `otpgate unlock --address` ends it at once; put that address on a list with `action: allow` then.",
            ),
            Self::Revoked => (
                "revoked",
                "made every earlier proof void, by an operator",
                "Nothing to do: the next protected request asks for a new code.",
            ),
            Self::Unlocked => {
                ("unlocked", "unlocked by an operator", "Ask the visitor to open the page again: it takes codes now.")
            }
            Self::Unbanned => (
                "unbanned",
                "ended the ban of the address, by an operator",
                "Ask the visitor to open the page again. The address is banned anew if as much comes from it again.",
            ),
            Self::ContactsTrusted => (
                "contacts_trusted",
                "took the contacts of now for old ones, by an operator",
                "Ask the visitor to open the page again: codes go to the contacts of now.",
            ),
        };
        Words { name, happened, next }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
