//! The two stores against each other: random sequences of operations, every answer the same.
