//! `otpgate run`: the gateway itself.

use std::future::Future;
use std::path::PathBuf;

use crate::cli::Failure;
use crate::server::{Server, ServerError};

/// What `run` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The config file
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,
}

/// Why a gateway did not run, or ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    /// It could not be started.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The operating system gave it no threads or signals.
    #[error("the operating system refused: {0}")]
    System(#[from] std::io::Error),
}

/// Runs the gateway of a config until it is told to end.
///
/// # Errors
/// When the config is bad, or the gateway cannot start.
pub fn run(args: &Args) -> Result<(), Failure> {
    log_panics();
    block_on(async {
        let server = Server::start(args.config.clone()).await?;
        server.run().await;
        Ok(())
    })
}

/// Runs a future on a runtime of all cores, and leaves what is still open behind when it ends.
pub(super) fn block_on(future: impl Future<Output = Result<(), RunError>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::run)?;
    let outcome = runtime.block_on(future);
    runtime.shutdown_background();
    outcome.map_err(|error| match error {
        RunError::Server(ServerError::Config(bad)) => Failure::usage(bad),
        other => Failure::run(other),
    })
}

/// A panic ends the request that met it, and nothing else; it must be seen in the log like any other error.
pub(super) fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a bug: a request was ended by a panic; please report it");
    }));
}
