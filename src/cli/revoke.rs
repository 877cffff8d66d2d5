//! `otpgate revoke`: what a subject proved no longer counts.

use crate::cli::Failure;
use crate::cli::client::{self, Done, Listener, Whom};

/// What `revoke` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    listener: Listener,
}

/// Asks a running gateway to make a subject's proofs void, and prints what it did.
///
/// # Errors
/// When the gateway cannot be asked, or refuses.
pub fn run(args: &Args) -> Result<(), Failure> {
    let client = args.listener.client()?;
    client::wait(client.order("/revoke", args.whom.order(), args.whom.site.as_deref(), say)).map(drop)
}

fn say(Done { site, reference, .. }: &Done) -> String {
    format!("{site}: proofs of this subject are void from now on (reference {reference})")
}
