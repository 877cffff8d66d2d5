//! Who proved a contact lately.

use std::time::Duration;

use crate::store::SiteKey;
use crate::words::KeyedHash;

/// A question after those who proved a contact.
#[derive(Debug, Clone)]
pub struct Provers<'a> {
    /// The site.
    pub site: &'a SiteKey,
    /// The contact.
    pub contact: KeyedHash,
    /// Who asks.
    pub by: KeyedHash,
    /// Whether the one who asks proved it just now.
    pub note: bool,
    /// How long ago the others may have proved it.
    pub within: Duration,
}

// === impl Provers ===

impl Provers<'_> {
    /// How many are kept of one contact, the newest.
    pub const MOST: u32 = 32;
}
