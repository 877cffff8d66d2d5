//! The config's `store`.
