//! What happened, for whom, why.
