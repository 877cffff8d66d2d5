//! `otpgate unlock`: a subject may try again.

use crate::cli::client::{self, Done, Listener, Whom};
use crate::cli::{Failure, print};

/// What `unlock` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    listener: Listener,
}

/// Asks a running gateway to unlock a subject, and prints what it did.
///
/// # Errors
/// When the gateway cannot be asked, or refuses.
pub fn run(args: &Args) -> Result<(), Failure> {
    let client = args.listener.client()?;
    let done = client::wait(client.order("/unlock", &args.whom, say))?;
    if done.iter().any(|done| done.changed) {
        return Ok(());
    }
    print("Nothing was locked. Is the subject spelled exactly as the application spells it?\n")
}

fn say(done: &Done) -> String {
    let Done { site, changed, reference } = done;
    let happened = if *changed { "unlocked" } else { "was not locked" };
    format!("{site}: {happened} (reference {reference})")
}
