//! A store that does not answer.

use std::time::Duration;

use crate::store::{
    Answer, Answered, Changes, Confirmed, Cursor, FailureLimits, Found, Held, Lock, NewChallenge, Opened, Permit,
    Resumable, Revocation, SendAsk, SiteKey, Store, StoreError,
};
use crate::words::{ChallengeId, KeyedHash, Reference};

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
    async fn ping(&self) -> Result<(), StoreError> {
        down()
    }
}
