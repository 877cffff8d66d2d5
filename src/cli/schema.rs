//! `otpgate schema`: the JSON Schema of the config, for editors.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::server::schema;

/// Print the JSON Schema of the config file.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Prints the schema to `out`.
///
/// # Errors
/// When nothing can be written.
pub fn run(_: &Args, out: &mut dyn Write) -> io::Result<ExitCode> {
    writeln!(out, "{:#}", schema())?;
    Ok(ExitCode::SUCCESS)
}
