//! Assembles a running gateway.
