//! The pingora adapter.
