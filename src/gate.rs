//! The verdict, pure: route, subject, score and proofs in; forward, challenge or refuse out.
//!
//! May use: `words`, `request`. No I/O, no clock, no randomness: what a verdict needs is handed in as
//! [`Facts`]. Start at [`judge`]; which policy applies is found by [`Routes::find`].

mod criteria;
mod routes;
pub mod settings;
mod verdict;

pub use criteria::{Criteria, HostPattern, QueryCriterion};
pub use routes::{BadRoute, Route, Routes};
pub use verdict::{CLOCK_SKEW, DIRECTORY_SKEW, Facts, Passage, Verdict, Vouched, Why, judge};
