//! `otpgate unlock`: a subject may try again, or the contacts that it has now may be used.

use crate::cli::client::{self, Done, Listener, Whom};
use crate::cli::{Failure, print};

/// What `unlock` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    whom: Whom,
    /// End the cool-down of its contacts instead; you vouch that they are the right person's
    #[arg(long)]
    contacts: bool,
    #[command(flatten)]
    listener: Listener,
}

/// Asks a running gateway to unlock a subject, and prints what it did.
///
/// # Errors
/// When the gateway cannot be asked, or refuses.
pub fn run(args: &Args) -> Result<(), Failure> {
    let client = args.listener.client()?;
    let (path, say): (_, fn(&Done) -> String) =
        if args.contacts { ("/trust-contacts", say_contacts) } else { ("/unlock", say) };
    let done = client::wait(client.order(path, &args.whom, say))?;
    if done.iter().any(|done| done.changed) {
        return Ok(());
    }
    let nothing = if args.contacts { "No contact was new" } else { "Nothing was locked" };
    print(&format!("{nothing}. Is the subject spelled exactly as the application spells it?\n"))
}

fn say(done: &Done) -> String {
    let Done { site, changed, reference } = done;
    let happened = if *changed { "unlocked" } else { "was not locked" };
    format!("{site}: {happened} (reference {reference})")
}

fn say_contacts(done: &Done) -> String {
    let Done { site, changed, reference } = done;
    let happened = if *changed { "the contacts of now are used" } else { "no contact was new" };
    format!("{site}: {happened} (reference {reference})")
}
