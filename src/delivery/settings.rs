//! The config's `delivery`.
