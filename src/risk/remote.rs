//! A list at an address: asked for again and again, with its last good version kept on disk.
//!
//! Whoever can change what an address serves must not be able to lock everybody out, or to empty the list (F03): a version is
//! read whole and compared with the last good one before it takes its place. Nothing here is waited for by a request or by the
//! start of the gateway. Start at [`Remote::renew`]; the server says when.

mod kept;
mod web;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use reqwest::Url;

use crate::risk::pace::Pace;
use crate::risk::remote::kept::{Had, Kept, digest};
use crate::risk::remote::web::Answer;
use crate::risk::{Content, Unreadable};
use crate::seal::Random;
use crate::words::Timestamp;

pub use web::{Web, WebLimits};

/// A list at an address.
#[derive(Debug)]
pub struct Remote {
    name: Arc<str>,
    url: Url,
    content: Content,
    refresh: Duration,
    kept: Kept,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The last good version; `None` is never.
    had: Option<Had>,
    /// Its text, where it could not be kept on disk.
    text: Option<Arc<[u8]>>,
    /// When it is asked for next.
    due: Timestamp,
    /// How often in a row that failed.
    failures: u32,
    is_asking: bool,
}

/// What asking for a list brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// Another version, of this many entries.
    New {
        /// How many.
        entries: usize,
        /// Whether it is on disk for the next start.
        is_kept: bool,
    },
    /// The one that is here.
    Same,
}

/// Why there is no new version of a list. Never says the address itself, which may hold a key.
#[derive(Debug, thiserror::Error)]
pub enum NotFetched {
    /// No answer.
    #[error("{0}")]
    Unreachable(&'static str),
    /// Another answer than a list.
    #[error("it answered {status}")]
    Status {
        /// The status.
        status: StatusCode,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// It is elsewhere.
    #[error("it redirects elsewhere, which is not followed: name the address where it is")]
    Elsewhere,
    /// More than a list can be.
    #[error("it is larger than {0} bytes")]
    TooLarge(usize),
    /// A page for people.
    #[error("it is a web page, and no list")]
    Page,
    /// It cannot be used.
    #[error(transparent)]
    Unusable(#[from] Unreadable),
    /// Nothing is in it.
    #[error("there is nothing in it")]
    Empty,
    /// Too much is gone from it at once.
    #[error("it has {now} entries, and had {before}: so many do not go at once")]
    Shrunk {
        /// Entries of the last good version.
        before: usize,
        /// Entries of this one.
        now: usize,
    },
    /// The task that read it ended early.
    #[error("it could not be read: {0}")]
    Reading(#[from] tokio::task::JoinError),
}

/// How long to wait after a failure that may pass by itself, the first time.
const SOON: Duration = Duration::from_secs(10);
/// The same after one that somebody must put right.
const LATER: Duration = Duration::from_secs(5 * 60);
/// The longest wait after failures. Spamhaus bars who asks more often than hourly
/// (<https://www.spamhaus.org/blocklists/do-not-route-or-peer/>).
const LATEST: Duration = Duration::from_secs(60 * 60);
/// A version that lost more than nine tenths of the last good one, when that had more entries than this, is cut off or emptied
/// by somebody who should not have been able to.
const SMALL: usize = 100;

// === impl Remote ===

impl Remote {
    /// How often a list may be asked for at most: nobody publishes more often, and those who are asked more often bar who asks.
    pub const LEAST: Duration = Duration::from_secs(60);

    /// A list at `url`, of which the last good version is kept in `folder`. Asks nobody.
    #[must_use]
    pub fn new(name: Arc<str>, url: Url, content: Content, refresh: Duration, folder: &Path) -> Self {
        let kept = Kept::new(folder, &url, content);
        let had = kept.had();
        let due = had.as_ref().map_or_else(Timestamp::default, |had| had.checked().after(refresh));
        Self { name, url, content, refresh, kept, state: Mutex::new(State { had, due, ..State::default() }) }
    }

    /// Its name in the config.
    #[must_use]
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Who serves it: for logs, since the rest of the address may hold a key.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Whether both are the same list, kept in the same place.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.url == other.url && self.content == other.content && self.kept == other.kept
    }

    /// The same list under the name and the interval of another config: what is known of it goes along.
    pub(super) fn again(self: &Arc<Self>, under: &Self) -> Arc<Self> {
        let (name, refresh) = (Arc::clone(&under.name), under.refresh);
        if (&self.name, self.refresh) == (&name, refresh) {
            return Arc::clone(self);
        }
        let taken = {
            let state = self.state();
            let due = match &state.had {
                Some(had) if state.failures == 0 => had.checked().after(refresh),
                _ => state.due,
            };
            let (had, text) = (state.had.clone(), state.text.clone());
            State { had, text, due, failures: state.failures, is_asking: false }
        };
        let (url, content, kept) = (self.url.clone(), self.content, self.kept.clone());
        Arc::new(Self { name, url, content, refresh, kept, state: Mutex::new(taken) })
    }

    /// When the last good version was fetched, or found to be the newest still; `None` is never.
    #[must_use]
    pub fn checked(&self) -> Option<Timestamp> {
        self.state().had.as_ref().map(Had::checked)
    }

    /// What tells this version from the next; `None` when there is none.
    pub(super) fn version(&self) -> Option<String> {
        self.state().had.as_ref().map(|had| had.digest.clone())
    }

    /// The last good version, and what tells it from the next; `None` when there is none.
    pub(super) fn read(&self) -> Option<(Vec<u8>, String)> {
        let (had, text) = {
            let state = self.state();
            (state.had.clone()?, state.text.clone())
        };
        if let Some(text) = text {
            return Some((text.to_vec(), had.digest));
        }
        let text = self.kept.text().ok().map(|text| (digest(&text), text));
        match text {
            Some((digest, text)) if digest == had.digest => Some((text, digest)),
            Some((digest, text)) => {
                // Another gateway may keep it in the same place.
                let theirs = self.kept.had().filter(|theirs| theirs.digest == digest);
                match theirs {
                    Some(theirs) => self.state().had = Some(theirs),
                    None => self.forget(),
                }
                self.version().map(|version| (text, version))
            }
            // Whatever happened to the file: it is fetched whole the next time.
            None => {
                self.forget();
                None
            }
        }
    }

    /// What is kept is of no use: it counts as never had, and is asked for at once.
    pub(super) fn forget(&self) {
        let mut state = self.state();
        (state.had, state.text, state.due) = (None, None, Timestamp::default());
    }

    /// Whether it is time to ask for it.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        let state = self.state();
        !state.is_asking && state.due <= now
    }

    /// Asks for a newer version and keeps it, when it is time; `None` when it is not, or it is being asked for. What is wrong
    /// leaves the last good version as it is.
    ///
    /// # Errors
    /// When there is no answer, or none that is a list.
    pub async fn renew(
        self: &Arc<Self>,
        web: &Web,
        now: Timestamp,
        random: &dyn Random,
    ) -> Option<Result<Fetched, NotFetched>> {
        let (asking, had) = self.begin(now)?;
        let fetched = self.fetch(web, had, now).await;
        let wait = match &fetched {
            Ok(_) => self.refresh,
            Err(error) => self.patience(error),
        };
        {
            let mut state = self.state();
            state.failures = if fetched.is_ok() { 0 } else { state.failures.saturating_add(1) };
            state.due = now.after(jittered(wait, random));
        }
        drop(asking);
        Some(fetched)
    }

    async fn fetch(self: &Arc<Self>, web: &Web, had: Option<Had>, now: Timestamp) -> Result<Fetched, NotFetched> {
        let validators = had.as_ref().map(|had| (had.etag.as_deref(), had.modified.as_deref()));
        let (text, etag, modified) = match (web.get(&self.url, validators).await?, had) {
            (Answer::Same, Some(mut had)) => {
                had.checked = now.as_millis();
                let this = Arc::clone(self);
                let (had, _) = tokio::task::spawn_blocking(move || {
                    let is_kept = this.kept.note(&had).is_ok();
                    (had, is_kept)
                })
                .await?;
                self.state().had = Some(had);
                return Ok(Fetched::Same);
            }
            // Nobody asked whether it is the same.
            (Answer::Same, None) => {
                return Err(NotFetched::Status { status: StatusCode::NOT_MODIFIED, retry_after: None });
            }
            (Answer::Text { text, etag, modified }, _) => (text, etag, modified),
        };
        let this = Arc::clone(self);
        tokio::task::spawn_blocking(move || this.take(text, etag, modified, now)).await?
    }

    /// Looks at a new version, and puts it in the place of the last good one.
    fn take(
        &self,
        text: Vec<u8>,
        etag: Option<String>,
        modified: Option<String>,
        now: Timestamp,
    ) -> Result<Fetched, NotFetched> {
        if text.trim_ascii_start().starts_with(b"<") {
            return Err(NotFetched::Page);
        }
        let entries = self.content.count(&text, &Pace::gentle())?;
        if entries == 0 {
            return Err(NotFetched::Empty);
        }
        let before = self.state().had.as_ref().map_or(0, |had| had.entries);
        if before > SMALL && entries < before / 10 {
            return Err(NotFetched::Shrunk { before, now: entries });
        }
        let now = now.as_millis();
        let had = Had { etag, modified, fetched: now, checked: now, entries, digest: digest(&text) };
        let is_kept = self.kept.keep(&text, &had).is_ok();
        let mut state = self.state();
        state.text = (!is_kept).then(|| text.into());
        state.had = Some(had);
        Ok(Fetched::New { entries, is_kept })
    }

    /// Marks it as being asked for, until what comes back is dropped.
    fn begin(self: &Arc<Self>, now: Timestamp) -> Option<(Asking, Option<Had>)> {
        let mut state = self.state();
        if state.is_asking || state.due > now {
            return None;
        }
        state.is_asking = true;
        Some((Asking(Arc::clone(self)), state.had.clone()))
    }

    /// How long to wait after a failure: longer each time.
    fn patience(&self, error: &NotFetched) -> Duration {
        let (first, asked) = match error {
            NotFetched::Unreachable(_) | NotFetched::Reading(_) => (SOON, None),
            NotFetched::Status { status, retry_after } if status.is_server_error() => (SOON, *retry_after),
            NotFetched::Status { retry_after, .. } => (LATER, *retry_after),
            _ => (LATER, None),
        };
        let doubled = first.saturating_mul(1 << self.state().failures.min(16));
        let longest = LATEST.min(self.refresh).max(first);
        doubled.min(longest).max(asked.unwrap_or_default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A list that is being asked for.
struct Asking(Arc<Remote>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.state().is_asking = false;
    }
}

/// About `wait`, a tenth more or less: gateways that were started together must not ask together.
fn jittered(wait: Duration, random: &dyn Random) -> Duration {
    let [byte] = random.bytes::<1>();
    // From 90 % to 110 %, in steps of less than a thousandth.
    let thousandths = 900 + u32::from(byte) * 200 / u32::from(u8::MAX);
    wait.saturating_mul(thousandths) / 1000
}
