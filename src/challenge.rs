//! The life of a challenge, pure: what it is about, what it parks, and what it is bound to.
//!
//! May use: `words`, `seal`, `request`, `directory` and `store` (their words). Counting, comparing and locking are the store's, since they
//! must be atomic; here is what the store keeps sealed. Start at [`Particulars`].

mod cooldown;
mod parked;
mod particulars;
pub mod settings;

pub use cooldown::fresh_for;
pub use parked::{Parked, digest};
pub use particulars::{Asked, FromForm, Particulars, Reach};
