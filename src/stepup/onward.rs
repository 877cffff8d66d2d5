//! After signing in, on to the page that was asked for.
//!
//! The application knows nothing of the page from which a visitor was sent to its sign-in. So the gateway remembers it in a
//! sealed cookie, and sends the browser's first navigation with a subject there: whatever the application's own sign-in
//! looks like, nothing of it is touched. An application that takes an address to return to is told it in `sign_in` instead.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderValue, Method};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::request::{OwnCookie, RequestKind};
use crate::seal::Purpose;
use crate::stepup::{Gateway, Ruling, Site, Visit};
use crate::words::Timestamp;

/// Where a visitor without a subject is sent: a local target, in which `{target}` stands for the page that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn(String);

/// The cookie that remembers the page that was asked for.
pub(super) const ONWARD: OwnCookie = OwnCookie::named("onward");

/// What stands for the page that was asked for.
const TARGET: &str = "{target}";
/// How long it is remembered: as long as somebody may take to find a password.
const REMEMBERED: Duration = Duration::from_secs(15 * 60);
/// The longest target that is remembered, in bytes: the cookie stays below 2 KiB.
const LONGEST: usize = 1024;

// === impl SignIn ===

impl SignIn {
    /// A local target, which the config has checked.
    #[must_use]
    pub const fn new(target: String) -> Self {
        Self(target)
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.split(['?', '#']).next().unwrap_or_default()
    }

    /// Where a visitor is sent who asked for no page.
    #[must_use]
    pub fn start(&self) -> String {
        self.for_page("/")
    }

    /// Whether the application is told the page that was asked for.
    fn tells(&self) -> bool {
        self.0.contains(TARGET)
    }

    /// The target for a visitor who asked for `asked`.
    fn for_page(&self, asked: &str) -> String {
        self.0.replace(TARGET, &utf8_percent_encode(asked, NON_ALPHANUMERIC).to_string())
    }
}

impl fmt::Display for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Gateway {
    /// Where a visitor without a subject is sent, and the cookie that remembers from where. Only the page of a navigation
    /// is one to come back to (R09).
    pub(super) fn sign_in(&self, site: &Site, visit: &Visit) -> (Option<String>, Option<HeaderValue>) {
        let Some(sign_in) = &site.spec.sign_in else { return (None, None) };
        let is_page = visit.request.kind == RequestKind::Navigation && visit.request.method == Method::GET;
        let asked = visit.target();
        if !is_page {
            return (Some(sign_in.start()), None);
        }
        let remembered = !sign_in.tells() && asked.len() <= LONGEST;
        let cookie = remembered.then(|| self.remember(site, visit, &asked)).flatten();
        (Some(sign_in.for_page(&asked)), cookie)
    }

    fn remember(&self, site: &Site, visit: &Visit, asked: &str) -> Option<HeaderValue> {
        let until = self.shared.clock.now().after(REMEMBERED).as_millis().to_le_bytes();
        let plain = [&until[..], asked.as_bytes()].concat();
        let sealed = self.keys.seal(Purpose::Onward, &context(site, visit), &plain, &*self.shared.random);
        ONWARD.set(visit.request.scheme, &URL_SAFE_NO_PAD.encode(sealed), Some(REMEMBERED)).ok()
    }

    /// The page that the browser was on its way to, when it is remembered.
    fn remembered(&self, site: &Site, visit: &Visit) -> Option<String> {
        // Sealing adds a third; a longer text is none of ours and is not worth decoding.
        let value = ONWARD.find(&visit.headers, visit.request.scheme).filter(|value| value.len() <= 2 * LONGEST)?;
        let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
        let plain = self.keys.open(Purpose::Onward, &context(site, visit), &sealed)?;
        let (until, asked) = plain.split_first_chunk::<8>()?;
        let is_good = self.shared.clock.now() <= Timestamp::from_millis(u64::from_le_bytes(*until));
        String::from_utf8(asked.to_vec()).ok().filter(|_| is_good)
    }

    /// The ruling on a navigation of somebody who was sent to sign in: on to the page that was asked for, as soon as it is
    /// known who it is. `None` when the request is none, or is that page: then `forget` tells to drop the cookie.
    pub(super) async fn onward(
        &self,
        site: &Arc<Site>,
        visit: &Visit,
        forget: &mut Option<HeaderValue>,
    ) -> Option<Ruling> {
        if visit.request.kind != RequestKind::Navigation || visit.request.method != Method::GET {
            return None;
        }
        let to = self.remembered(site, visit)?;
        let clear = ONWARD.clear(visit.request.scheme).ok()?;
        let grant = self.grant(site, visit);
        // Whatever goes wrong here, the request is judged as if nothing were remembered.
        self.identify(site, visit, grant.as_ref()).await.ok()?.subject?;
        if to == visit.target() {
            *forget = Some(clear);
            return None;
        }
        Some(Ruling::Onward { to, cookies: vec![clear] })
    }
}

fn context(site: &Site, visit: &Visit) -> Vec<u8> {
    [visit.request.scheme.as_str().as_bytes(), b"://", site.spec.key.as_str().as_bytes()].concat()
}
