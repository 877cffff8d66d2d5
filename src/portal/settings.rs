//! The config's `portal`.
