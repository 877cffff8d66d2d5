//! The sealed cookie that carries proofs, and revocation.
