//! The verdict itself.

use std::sync::Arc;
use std::time::Duration;

use crate::words::{Binding, Channel, ContactRule, KeyedHash, Origin, Policy, Proof, StepUp, Timestamp};

/// How far a proof may lie in the future: what the clocks of two gateways may differ by.
pub const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// How far the time of a directory's may lie in the future: the clock of whoever wrote it is not ours.
pub const DIRECTORY_SKEW: Duration = Duration::from_secs(60);

/// A contact of which the directory says when it was last proved to be the subject's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vouched {
    /// Its channel.
    pub channel: Channel,
    /// When it was proved.
    pub at: Timestamp,
}

/// What a verdict is made of.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The policy of the route.
    pub policy: &'a Policy,
    /// Whether it is known who asks: an identity source named a subject, or the contact to be proved stands for one.
    pub has_subject: bool,
    /// The proofs of that subject's good grant.
    pub proofs: &'a [Proof],
    /// What the directory vouches for, of that subject's contacts that may be used; nothing when it was not asked.
    pub vouched: &'a [Vouched],
    /// The contact that stands in the request's own form, hashed: what `contact: {form: …}` wants to be proved.
    pub wanted: Option<KeyedHash>,
    /// A confirmation of this very request that was spent for it.
    pub confirmed: bool,
    /// The score, 0 to 100.
    pub score: u8,
    /// Whether that is all that speaks against the request. Of whom something could not be found out, the score may be higher:
    /// being low lets nobody pass then (I2).
    pub is_whole: bool,
    /// The application's session now, hashed.
    pub app_session: Option<KeyedHash>,
    /// The client's network now, hashed.
    pub network: KeyedHash,
    /// The present.
    pub now: Timestamp,
}

/// What the gate decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// The request goes on.
    Forward(Passage<'a>),
    /// Something must be proved first.
    Challenge(Why),
    /// The request is refused.
    Refuse(Why),
}

/// By what right a request goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage<'a> {
    /// Its route asks for nothing.
    Bypass,
    /// Its score is below the policy's threshold.
    LowScore,
    /// This proof.
    Proof(&'a Proof),
    /// The directory's word that this contact was proved lately.
    Vouched(Vouched),
    /// A confirmation of this very request.
    Confirmed,
    /// The policy only observes; this is what it would have decided.
    Observed(Why),
}

/// Why a request does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The policy is `deny`.
    Denied,
    /// The score reaches the policy's `deny_at`.
    HighScore,
    /// No identity source names a subject.
    NoSubject,
    /// The subject has proved nothing that this policy accepts.
    NoProof,
    /// The proofs on the right channels are too old.
    TooOld,
    /// The proofs are bound to another session of the application, or another network.
    Unbound,
    /// Every single request is to be confirmed.
    Confirm,
}

/// Judges a request. The three answers are the only ones there are: whatever could not be found out must be handed in
/// as "nothing proved".
#[must_use]
pub fn judge<'a>(facts: &Facts<'a>) -> Verdict<'a> {
    let policy = match facts.policy {
        Policy::Bypass => return Verdict::Forward(Passage::Bypass),
        Policy::Deny => return Verdict::Refuse(Why::Denied),
        Policy::StepUp(policy) => policy,
    };
    match weigh(policy, facts) {
        Verdict::Challenge(why) | Verdict::Refuse(why) if policy.observe => Verdict::Forward(Passage::Observed(why)),
        verdict => verdict,
    }
}

fn weigh<'a>(policy: &Arc<StepUp>, facts: &Facts<'a>) -> Verdict<'a> {
    let policy = policy.at(facts.score);
    if facts.score >= policy.deny_at {
        return Verdict::Refuse(Why::HighScore);
    }
    if facts.is_whole && facts.score < policy.challenge_at {
        return Verdict::Forward(Passage::LowScore);
    }
    if !facts.has_subject {
        return Verdict::Challenge(Why::NoSubject);
    }
    if policy.confirms_each_request() {
        return if facts.confirmed { Verdict::Forward(Passage::Confirmed) } else { Verdict::Challenge(Why::Confirm) };
    }
    let mut why = Why::NoProof;
    for proof in facts.proofs {
        match shortcoming(policy, proof, facts) {
            None => return Verdict::Forward(Passage::Proof(proof)),
            Some(Why::NoProof) => {}
            Some(closer) => why = closer,
        }
    }
    match policy.recheck().and_then(|within| good_word(policy, within, facts)) {
        Some(vouched) => Verdict::Forward(Passage::Vouched(vouched)),
        None => Verdict::Challenge(why),
    }
}

/// The latest of what the directory vouches for that is on the policy's channels and proved `within` the last so long.
fn good_word(policy: &StepUp, within: Duration, facts: &Facts<'_>) -> Option<Vouched> {
    let is_recent = |at: Timestamp| match facts.now.since(at) {
        Some(age) => age <= within,
        None => facts.now.after(DIRECTORY_SKEW) >= at,
    };
    let good =
        facts.vouched.iter().filter(|vouched| policy.channels.contains(vouched.channel) && is_recent(vouched.at));
    good.max_by_key(|vouched| vouched.at).copied()
}

/// What keeps `proof` from satisfying `policy`, if anything.
fn shortcoming(policy: &StepUp, proof: &Proof, facts: &Facts<'_>) -> Option<Why> {
    if !proof.channels().all(|channel| policy.accepts(channel)) || !is_wanted(policy, proof, facts) {
        return Some(Why::NoProof);
    }
    let age = match facts.now.since(proof.at) {
        Some(age) => age,
        None if facts.now.after(CLOCK_SKEW) >= proof.at => Duration::ZERO,
        None => return Some(Why::TooOld),
    };
    if age > policy.max_age {
        return Some(Why::TooOld);
    }
    let same_session = proof.app_session.is_some() && proof.app_session == facts.app_session;
    if policy.binds(Binding::AppSession) && !same_session {
        return Some(Why::Unbound);
    }
    if policy.binds(Binding::Network) && proof.network != facts.network {
        return Some(Why::Unbound);
    }
    None
}

/// Whether it is the contact of `proof` that `policy` wants to be proved. Of a contact in the request's own form all that
/// counts is that a code came back from this very one, so that one of the directory's will do; a typed one is never one of
/// the directory's (I7).
fn is_wanted(policy: &StepUp, proof: &Proof, facts: &Facts<'_>) -> bool {
    match policy.contact {
        ContactRule::Directory | ContactRule::Recheck(_) => proof.origin == Origin::Directory,
        ContactRule::Form(_) => facts.wanted == Some(proof.contact),
    }
}

// === impl Verdict ===

impl Verdict<'_> {
    /// Whether nothing but a proof is missing, of somebody who is known: another word for the subject may help then.
    #[must_use]
    pub const fn lacks_proof(&self) -> bool {
        match self {
            Self::Challenge(why) | Self::Forward(Passage::Observed(why)) => {
                matches!(why, Why::NoProof | Why::TooOld | Why::Unbound)
            }
            Self::Forward(_) | Self::Refuse(_) => false,
        }
    }
}

// === impl Why ===

impl Why {
    /// The word for logs and for `explain`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::HighScore => "high_score",
            Self::NoSubject => "no_subject",
            Self::NoProof => "no_proof",
            Self::TooOld => "too_old",
            Self::Unbound => "unbound",
            Self::Confirm => "confirm",
        }
    }
}

#[cfg(test)]
mod tests;
