//! The log: `tracing`, with pingora's and other libraries' `log` records in it.

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use crate::server::{LogFormat, LogPlan};

type Boxed = Box<dyn Layer<Registry> + Send + Sync>;

/// The process' log, whose format and level a reload can change.
pub struct Log(Option<reload::Handle<Boxed, Registry>>);

impl Log {
    /// Starts the log of this process, on standard error. One process has one log: a second call changes nothing.
    #[must_use]
    pub fn start(plan: &LogPlan) -> Self {
        let (layer, handle) = reload::Layer::new(layer(plan));
        let started = tracing_subscriber::registry().with(layer).try_init().is_ok();
        Self(started.then_some(handle))
    }

    /// Logs by `plan` from now on.
    pub fn change(&self, plan: &LogPlan) {
        if let Some(handle) = &self.0
            && let Err(error) = handle.reload(layer(plan))
        {
            tracing::warn!(%error, "the log's settings could not be changed");
        }
    }
}

fn layer(plan: &LogPlan) -> Boxed {
    // A wrong level was refused with the config; libraries are held to warnings unless the operator names them.
    let filter = EnvFilter::try_new(format!("warn,otpgate={}", plan.level))
        .or_else(|_| EnvFilter::try_new(&plan.level))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt::layer().with_writer(std::io::stderr);
    match plan.format {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_filter(filter).boxed(),
        LogFormat::Text => lines.with_ansi(false).with_filter(filter).boxed(),
    }
}
