//! The store of several gateways.
