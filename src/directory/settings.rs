//! The config's `directory`.
