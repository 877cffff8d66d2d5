//! Health, metrics and the admin API, on a listener of their own.
