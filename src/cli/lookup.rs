//! `otpgate lookup`: the story of a reference.

use crate::cli::client::{self, Listener};
use crate::cli::{Failure, print};
use crate::words::Reference;

/// What `lookup` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The reference that the visitor reads out, such as K7QF-2M9X
    #[arg(value_name = "REFERENCE")]
    reference: String,
    /// Print the events as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    listener: Listener,
}

/// Asks a running gateway what happened under a reference, and prints it.
///
/// # Errors
/// When the reference is none or unknown, or the gateway cannot be asked.
pub fn run(args: &Args) -> Result<(), Failure> {
    let reference = Reference::parse(&args.reference).map_err(|_| {
        Failure::usage("this is no reference: one has eight letters and digits, such as K7QF-2M9X; ask for it again")
    })?;
    let client = args.listener.client()?;
    let accept = if args.json { "application/json" } else { "text/plain" };
    let mut story = client::wait(client.read(&format!("/lookup/{reference}"), accept))?;
    if !story.ends_with('\n') {
        story.push('\n');
    }
    print(&story)
}
