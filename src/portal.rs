//! The code pages and JSON endpoints.
