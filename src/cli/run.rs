//! `otpgate run`: the gateway.

use std::path::PathBuf;

use crate::cli::Failure;
use crate::server;

/// What `run` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The config
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,
}

/// Runs a gateway until it is told to end.
///
/// # Errors
/// When the config is bad, or the gateway cannot start.
pub fn run(args: &Args) -> Result<(), Failure> {
    server::plan(&args.config).map_err(Failure::usage)?;
    Err(Failure::run("not there yet"))
}
