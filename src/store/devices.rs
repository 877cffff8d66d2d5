//! How far the cookie of a device has moved on, and where a subject was last.

use std::time::Duration;

use crate::store::SiteKey;
use crate::words::{DeviceId, KeyedHash};

/// A device that comes along with its cookie, and is to get the next.
#[derive(Debug, Clone, Copy)]
pub struct DeviceTurn<'a> {
    /// The site.
    pub site: &'a SiteKey,
    /// The device.
    pub device: DeviceId,
    /// The generation of its cookie; `None` for a device that is new.
    pub generation: Option<u32>,
    /// For how long the cookie before the newest is one of the same browser, which asked for several pages at once: it gets the
    /// newest, too. Later it is one whose browser never got an answer, or a copy: the newest is then never to come.
    pub grace: Duration,
    /// How long the device is remembered from now.
    pub keep: Duration,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceTurned {
    /// Its cookie has this generation from now on.
    To(u32),
    /// Nothing is known of it.
    Unknown,
    /// Its cookie was copied: it is not one that can come now. So it stays for every copy.
    Stolen,
}

/// Where a subject is now.
#[derive(Debug, Clone, Copy)]
pub struct NewPlace<'a> {
    /// The site.
    pub site: &'a SiteKey,
    /// The subject.
    pub subject: KeyedHash,
    /// The place and the time, sealed.
    pub sealed: &'a [u8],
    /// How long it is kept.
    pub ttl: Duration,
    /// Whether every gateway is to hear that it is another one.
    pub tell: bool,
}
