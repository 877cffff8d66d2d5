//! The config's `upstream`.
