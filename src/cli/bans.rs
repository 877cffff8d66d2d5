//! `otpgate bans`: which addresses the gateway itself bans at present.

use std::time::Duration;

use serde::Deserialize;

use crate::audit::printable;
use crate::cli::client::{self, Listener};
use crate::cli::{Failure, print};

/// What `bans` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    listener: Listener,
}

/// A ban, as the admin listener tells it.
#[derive(Debug, Deserialize)]
struct Ban {
    site: String,
    address: Option<String>,
    reason: String,
    count: u32,
    within_seconds: u64,
    ends_in_seconds: u64,
}

/// Asks a running gateway for its bans, and prints a line for each.
///
/// # Errors
/// When the gateway cannot be asked, or refuses.
pub fn run(args: &Args) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct Answer {
        bans: Vec<Ban>,
    }
    let client = args.listener.client()?;
    let text = client::wait(client.read("/bans", "application/json"))?;
    let Answer { bans } = serde_json::from_str(&text).map_err(|_| client.stranger("something else"))?;
    if bans.is_empty() {
        return print("No address is banned.\n");
    }
    print(&bans.iter().map(|ban| format!("{}\n", printable(&say(ban), 500))).collect::<String>())
}

fn say(Ban { site, address, reason, count, within_seconds, ends_in_seconds }: &Ban) -> String {
    let time = |seconds: u64| humantime::format_duration(Duration::from_secs(seconds)).to_string();
    let address = address.as_deref().unwrap_or("an address under other secrets");
    format!("{site}: {address}, {reason}: {count} within {}, ends in {}", time(*within_seconds), time(*ends_in_seconds))
}
