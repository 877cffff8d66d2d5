//! The config's `admin`.
