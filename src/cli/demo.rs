//! `otpgate demo`: a small application with the gateway in front of it.

use crate::cli::Failure;

/// What `demo` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The port to listen on
    #[arg(short, long, value_name = "PORT")]
    pub port: Option<u16>,
}

/// Runs the demo until it is told to end.
///
/// # Errors
/// When it cannot start.
pub fn run(_args: &Args) -> Result<(), Failure> {
    Err(Failure::run("not there yet"))
}
