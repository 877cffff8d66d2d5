//! The outbox: a provider that sends nothing and keeps messages where the log and the admin page show them.

/// The last messages of every `outbox` provider. Lives as long as the process.
#[derive(Debug, Default)]
pub struct Outbox {}
