//! `otpgate keygen`: a secret for a config.

use crate::cli::{Failure, print};
use crate::seal::{Secret, SystemRandom};

/// What `keygen` takes: nothing.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Prints one secret and nothing else.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(_args: &Args) -> Result<(), Failure> {
    print(&format!("{}\n", Secret::generate(&SystemRandom::new())))
}
