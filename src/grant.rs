//! The sealed cookie that carries a browser's proofs, the one by which it is known again, revocation, and the signed assertion.
//!
//! May use: `words`, `seal`, `request`, `store` (its words for revocations). The hot path ends here: a good grant is
//! judged from the cookie and from what this process holds in memory. Start at [`Grant`].

mod assertion;
mod cookie;
mod device;
mod revoked;

pub use assertion::{Assertions, Claims, LIFETIME};
pub use cookie::{Grant, MAX_PROOFS};
pub use device::{Device, Owned};
pub use revoked::{Revoked, SiteRevoked};
