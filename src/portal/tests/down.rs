//! A store that does not answer.

use std::time::Duration;

use crate::store::{
    Answer, Answered, Bucket, Changes, Charge, Charged, Confirmed, Cursor, DeviceTurn, DeviceTurned, FailureLimits,
    Flag, Found, Grain, Held, Lock, Measure, NewChallenge, NewMark, NewMessage, NewPlace, Opened, Paused, Permit,
    Provers, Raised, Report, Reported, Repriced, Resumable, Revocation, Scope, Seen, SendAsk, Sighting, SiteKey, Spent,
    Store, StoreError, TakenMarks, TakenMessage, Tally, TrackedMessage,
};
use crate::words::{Amount, ChallengeId, KeyedHash, MarkId, MessageId, Reference};

/// A store that does not answer.
#[derive(Debug)]
pub(super) struct Down;

fn down<T>() -> Result<T, StoreError> {
    Err(StoreError::Unreachable("it is switched off".to_owned()))
}

#[async_trait::async_trait]
impl Store for Down {
    async fn open(&self, _: &NewChallenge<'_>) -> Result<Opened, StoreError> {
        down()
    }
    async fn find(&self, _: &SiteKey, _: KeyedHash, _: Option<ChallengeId>) -> Result<Found, StoreError> {
        down()
    }
    async fn permit_send(&self, _: &SendAsk<'_>) -> Result<Permit, StoreError> {
        down()
    }
    async fn give_back(&self, _: &SiteKey, _: ChallengeId, _: u32) -> Result<(), StoreError> {
        down()
    }
    async fn answer(&self, _: &Answer<'_>) -> Result<Answered, StoreError> {
        down()
    }
    async fn spend(&self, _: &SiteKey, _: KeyedHash) -> Result<Option<Confirmed>, StoreError> {
        down()
    }
    async fn resumable(&self, _: &SiteKey, _: KeyedHash) -> Result<Resumable, StoreError> {
        down()
    }
    async fn take(&self, _: &SiteKey, _: KeyedHash) -> Result<bool, StoreError> {
        down()
    }
    async fn bind_session(&self, _: &SiteKey, _: KeyedHash, _: &[u8], _: Duration) -> Result<(), StoreError> {
        down()
    }
    async fn forget_session(&self, _: &SiteKey, _: KeyedHash) -> Result<(), StoreError> {
        down()
    }
    async fn session(&self, _: &SiteKey, _: KeyedHash) -> Result<Option<Vec<u8>>, StoreError> {
        down()
    }
    async fn revoke(&self, _: &Revocation, _: Duration) -> Result<(), StoreError> {
        down()
    }
    async fn revocations(&self) -> Result<Vec<(Revocation, Duration)>, StoreError> {
        down()
    }
    async fn changes(&self, _: Cursor) -> Result<Changes, StoreError> {
        down()
    }
    async fn lock(&self, _: &SiteKey, _: KeyedHash) -> Result<Option<Lock>, StoreError> {
        down()
    }
    async fn unlock(&self, _: &SiteKey, _: KeyedHash, _: &FailureLimits) -> Result<bool, StoreError> {
        down()
    }
    async fn restore(&self, _: &SiteKey, _: Held<'_>) -> Result<(), StoreError> {
        down()
    }
    async fn note(&self, _: Reference, _: &str, _: Duration) -> Result<(), StoreError> {
        down()
    }
    async fn noted(&self, _: Reference) -> Result<Vec<String>, StoreError> {
        down()
    }
    async fn sealed_code(&self, _: &SiteKey, _: KeyedHash, _: ChallengeId) -> Result<Option<Vec<u8>>, StoreError> {
        down()
    }
    async fn track(&self, _: &NewMessage<'_>) -> Result<(), StoreError> {
        down()
    }
    async fn taken(&self, _: &TakenMessage<'_>) -> Result<Option<Repriced>, StoreError> {
        down()
    }
    async fn message(&self, _: MessageId) -> Result<Option<TrackedMessage>, StoreError> {
        down()
    }
    async fn keep_words(&self, _: MessageId, _: &[u8]) -> Result<(), StoreError> {
        down()
    }
    async fn words(&self, _: MessageId) -> Result<Option<Vec<u8>>, StoreError> {
        down()
    }
    async fn take_words(&self, _: MessageId) -> Result<Option<Vec<u8>>, StoreError> {
        down()
    }
    async fn report(&self, _: &Report<'_>) -> Result<Reported, StoreError> {
        down()
    }
    async fn measure(&self, _: &[Measure]) -> Result<(), StoreError> {
        down()
    }
    async fn measured(&self, _: Grain, _: u32) -> Result<Vec<Bucket>, StoreError> {
        down()
    }
    async fn charge(&self, _: &Charge<'_>) -> Result<Charged, StoreError> {
        down()
    }
    async fn correct(&self, _: &SiteKey, _: Amount, _: Amount) -> Result<(), StoreError> {
        down()
    }
    async fn spent(&self, _: &SiteKey) -> Result<Spent, StoreError> {
        down()
    }
    async fn contacts_seen(&self, _: &Sighting<'_>) -> Result<Seen, StoreError> {
        down()
    }
    async fn provers(&self, _: &Provers<'_>) -> Result<u32, StoreError> {
        down()
    }
    async fn paused(&self, _: &Paused<'_>) -> Result<Option<&'static str>, StoreError> {
        down()
    }
    async fn turn_device(&self, _: &DeviceTurn<'_>) -> Result<DeviceTurned, StoreError> {
        down()
    }
    async fn put_place(&self, _: &NewPlace<'_>) -> Result<(), StoreError> {
        down()
    }
    async fn place(&self, _: &SiteKey, _: KeyedHash) -> Result<Option<Vec<u8>>, StoreError> {
        down()
    }
    async fn put_marks(&self, _: &[NewMark<'_>], _: Duration, _: usize) -> Result<usize, StoreError> {
        down()
    }
    async fn take_marks(&self, _: usize, _: Duration) -> Result<TakenMarks, StoreError> {
        down()
    }
    async fn mark_done(&self, _: MarkId) -> Result<(), StoreError> {
        down()
    }
    async fn mark_later(&self, _: MarkId, _: u32, _: Duration) -> Result<(), StoreError> {
        down()
    }
    async fn tally(&self, _: &SiteKey, _: &[Tally]) -> Result<Vec<Raised>, StoreError> {
        down()
    }
    async fn raise(&self, _: &[(&Flag, Duration)]) -> Result<(), StoreError> {
        down()
    }
    async fn flags(&self) -> Result<Vec<(Flag, Duration)>, StoreError> {
        down()
    }
    async fn lift(&self, _: &SiteKey, _: Scope, _: KeyedHash) -> Result<bool, StoreError> {
        down()
    }
    async fn ping(&self) -> Result<(), StoreError> {
        down()
    }
}
