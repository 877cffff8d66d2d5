//! The verdict, pure.
