//! The life of a challenge, pure.
