//! What is kept of a challenge and of a parked request.

use std::time::Duration;

use super::pumping::Tried;
use crate::store::{Budget, Destination, Lock, NewChallenge, SentTo, State};
use crate::words::{ChallengeId, KeyedHash, MessageId, ParkedId, Progress, Reference, Timestamp};

/// What one browser opened. It is named after its first challenge; the browser's name leads to it.
pub(super) type Family = ChallengeId;

#[derive(Debug)]
pub(super) struct KeptChallenge {
    pub family: Family,
    pub subject: KeyedHash,
    pub likeness: KeyedHash,
    pub sealed: Vec<u8>,
    pub reference: Reference,
    pub parked: Option<ParkedId>,
    pub tries: u32,
    pub failed: u32,
    pub ending: Timestamp,
    pub code: Option<KeptCode>,
    pub sends: Vec<KeptSend>,
    pub last_send: u32,
    pub is_passed: bool,
}

#[derive(Debug)]
pub(super) struct KeptCode {
    pub hash: KeyedHash,
    pub sealed: Vec<u8>,
    pub ending: Timestamp,
}

#[derive(Debug)]
pub(super) struct KeptSend {
    pub number: u32,
    pub to: Destination,
    /// When the code may be sent again.
    pub again: Timestamp,
    /// The names of the counts that it counts in.
    pub counted: Vec<String>,
    /// The groups of numbers in which it is a try.
    pub tried: Tried,
    /// The provider and the message that carried it last.
    pub carried: Option<(String, MessageId)>,
    /// How far that message came.
    pub progress: Progress,
}

#[derive(Debug)]
pub(super) struct KeptParked {
    pub family: Family,
    pub subject: KeyedHash,
    /// The challenge that has it.
    pub owner: ChallengeId,
    pub sealed: Vec<u8>,
}

// === impl KeptChallenge ===

impl KeptChallenge {
    pub(super) fn new(new: &NewChallenge<'_>, family: Family, parked: Option<ParkedId>, ending: Timestamp) -> Self {
        Self {
            family,
            subject: new.subject,
            likeness: new.likeness,
            sealed: new.sealed.to_vec(),
            reference: new.reference,
            parked,
            tries: new.tries,
            failed: 0,
            ending,
            code: None,
            sends: Vec::new(),
            last_send: 0,
            is_passed: false,
        }
    }

    /// Where it stands by itself, whatever the lock of its subject.
    pub(super) fn state(&self, now: Timestamp) -> State {
        match &self.code {
            _ if self.is_passed => State::Passed,
            _ if self.failed >= self.tries => State::Locked(Lock::Challenge),
            None => State::Open,
            Some(code) if code.ending <= now => State::Expired,
            Some(_) => State::Sent,
        }
    }

    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        matches!(self.state(now), State::Open | State::Sent)
    }

    pub(super) fn tries_left(&self) -> u32 {
        self.tries.saturating_sub(self.failed)
    }

    pub(super) fn sends(&self) -> Vec<SentTo> {
        let sent = |send: &KeptSend| SentTo {
            send: send.number,
            to: send.to,
            carried: send.carried.clone(),
            progress: send.progress,
        };
        self.sends.iter().map(sent).collect()
    }

    pub(super) fn sent(&self) -> Vec<Destination> {
        self.sends.iter().map(|send| send.to).collect()
    }

    /// The message that carried the last send that has one.
    pub(super) fn message(&self) -> Option<MessageId> {
        self.sends.iter().rev().find_map(|send| send.carried.as_ref()).map(|(_, message)| *message)
    }

    pub(super) fn expires_in(&self, now: Timestamp) -> Duration {
        self.code.as_ref().and_then(|code| code.ending.since(now)).unwrap_or_default()
    }

    pub(super) fn resend_in(&self, now: Timestamp) -> Duration {
        self.sends.last().and_then(|send| send.again.since(now)).unwrap_or_default()
    }

    pub(super) fn size(&self) -> u64 {
        size_of_challenge(&self.sealed)
    }
}

// === impl KeptParked ===

impl KeptParked {
    pub(super) fn size(&self) -> u64 {
        size_of(&self.sealed)
    }
}

/// What a challenge counts for, in bytes.
pub(super) fn size_of_challenge(sealed: &[u8]) -> u64 {
    Budget::CHALLENGE + size_of(sealed)
}

/// What a sealed text counts for, in bytes.
pub(super) fn size_of(sealed: &[u8]) -> u64 {
    u64::try_from(sealed.len()).unwrap_or(u64::MAX)
}
