//! `otpgate unlock`: a subject may try again, the contacts that it has now may be used, or an address is banned no longer.

use std::net::IpAddr;

use serde_json::json;

use crate::cli::client::{self, Done, Listener};
use crate::cli::{Failure, print};

/// What `unlock` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    whom: Whom,
    /// Only on the site with this host name
    #[arg(long, value_name = "HOST")]
    site: Option<String>,
    /// End the cool-down of its contacts instead; you vouch that they are the right person's
    #[arg(long, conflicts_with = "address")]
    contacts: bool,
    #[command(flatten)]
    listener: Listener,
}

/// Whom it is about: a subject or an address.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Whom {
    /// The subject, exactly as the application names it; letter case counts
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// Or the address that the gateway banned; `otpgate bans` shows them
    #[arg(long, value_name = "ADDRESS")]
    address: Option<IpAddr>,
}

/// Asks a running gateway to unlock a subject or an address, and prints what it did.
///
/// # Errors
/// When the gateway cannot be asked, or refuses.
pub fn run(args: &Args) -> Result<(), Failure> {
    let client = args.listener.client()?;
    let site = args.site.as_deref();
    let (path, key, whom, say): (_, _, _, fn(&Done) -> String) = match (&args.whom.subject, args.whom.address) {
        (_, Some(address)) => ("/lift-ban", "address", address.to_string(), say_address),
        (subject, None) => {
            let subject = subject.clone().unwrap_or_default();
            match args.contacts {
                true => ("/trust-contacts", "subject", subject, say_contacts),
                false => ("/unlock", "subject", subject, say),
            }
        }
    };
    let done = client::wait(client.order(path, json!({key: whom}), site, say))?;
    if done.iter().any(|done| done.changed) {
        return Ok(());
    }
    print(match (path, args.contacts) {
        ("/lift-ban", _) => "Nothing was banned. `otpgate bans` shows the addresses that are.\n",
        (_, true) => "No contact was new. Is the subject spelled exactly as the application spells it?\n",
        (_, false) => "Nothing was locked. Is the subject spelled exactly as the application spells it?\n",
    })
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

fn say_address(done: &Done) -> String {
    let Done { site, changed, reference } = done;
    let happened = if *changed { "banned no longer" } else { "was not banned" };
    format!("{site}: {happened} (reference {reference})")
}
