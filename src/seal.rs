//! Key ring, sealing, keyed hashes, random codes.
