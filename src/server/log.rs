//! The log: `tracing`, with the warnings in it that pingora and other libraries give to `log`.

use tracing_subscriber::layer::{Layered, SubscriberExt as _};
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use crate::server::{LogFormat, LogPlan};

/// What is below the lines: the filter, for all of them.
type Filtered = Layered<reload::Layer<EnvFilter, Registry>, Registry>;
type Lines = Box<dyn Layer<Filtered> + Send + Sync>;

/// The process' log, whose format and level a reload can change.
pub struct Log(Option<Handles>);

/// The filter is a layer of its own: one that is tied to the lines cannot be put in the place of another.
struct Handles {
    filter: reload::Handle<EnvFilter, Registry>,
    lines: reload::Handle<Lines, Filtered>,
}

impl Log {
    /// Starts the log of this process, on standard error. One process has one log: a second call changes nothing.
    #[must_use]
    pub fn start(plan: &LogPlan) -> Self {
        let (filter, filter_handle) = reload::Layer::new(filter(plan));
        let (lines, lines_handle) = reload::Layer::new(lines(plan));
        let subscriber = tracing_subscriber::registry().with(filter).with(lines);
        let started = tracing::subscriber::set_global_default(subscriber).is_ok();
        if started && log::set_logger(&Libraries).is_ok() {
            log::set_max_level(log::LevelFilter::Warn);
        }
        Self(started.then_some(Handles { filter: filter_handle, lines: lines_handle }))
    }

    /// Logs by `plan` from now on.
    pub fn change(&self, plan: &LogPlan) {
        let Some(handles) = &self.0 else { return };
        if let Err(error) = handles.filter.reload(filter(plan)).and_then(|()| handles.lines.reload(lines(plan))) {
            tracing::warn!(%error, "the log's settings could not be changed");
        }
    }
}

/// A wrong level was refused with the config; libraries are held to warnings unless the operator names them.
fn filter(plan: &LogPlan) -> EnvFilter {
    EnvFilter::try_new(format!("warn,otpgate={}", plan.level))
        .or_else(|_| EnvFilter::try_new(&plan.level))
        .unwrap_or_else(|_| EnvFilter::new("info"))
}

fn lines(plan: &LogPlan) -> Lines {
    let lines = fmt::layer().with_writer(std::io::stderr);
    match plan.format {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).boxed(),
        LogFormat::Text => lines.with_ansi(false).boxed(),
    }
}

/// Hands on what libraries log: the library and the line, and not the paths of the machine that it was built on.
struct Libraries;

impl log::Log for Libraries {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        let (library, line) = (record.target(), record.args());
        match record.level() {
            log::Level::Error => tracing::error!(target: "library", library, "{line}"),
            log::Level::Warn => tracing::warn!(target: "library", library, "{line}"),
            log::Level::Info | log::Level::Debug | log::Level::Trace => {}
        }
    }

    fn flush(&self) {}
}
