//! The command line: one file per command.
//!
//! Each command has its `Args` and a `run` that prints to standard output what was asked for, and nothing else. What
//! goes wrong is a [`Failure`]: one or two lines on standard error that say what to do, and an exit code. Start at
//! [`main`].

pub mod bans;
pub mod check;
mod client;
pub mod demo;
pub mod explain;
mod fail;
pub mod geoip;
pub mod keygen;
pub mod lookup;
mod print;
pub mod revoke;
pub mod routes;
pub mod run;
pub mod schema;
pub mod unlock;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use fail::Failure;
pub use print::print;

/// Asks for a one-time code in front of a web application that knows nothing of it
#[derive(Debug, Parser)]
#[command(name = "otpgate", version, subcommand_value_name = "COMMAND", after_help = START_HERE)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the gateway
    #[command(after_help = RUN)]
    Run(run::Args),
    /// Start a small application with otpgate in front of it, to try things out
    #[command(after_help = DEMO)]
    Demo(demo::Args),
    /// Say what is wrong with a config
    #[command(after_help = CHECK)]
    Check(check::Args),
    /// Say what would become of a request, or of those in an access log, and why
    #[command(after_help = EXPLAIN)]
    Explain(explain::Args),
    /// List the routes of every site, in the order in which they are tried
    #[command(after_help = ROUTES)]
    Routes(routes::Args),
    /// Make a secret for a config
    #[command(after_help = KEYGEN)]
    Keygen(keygen::Args),
    /// Print the JSON Schema of the config, for an editor
    #[command(after_help = SCHEMA)]
    Schema(schema::Args),
    /// Build databases that say where addresses are
    #[command(after_help = GEOIP)]
    Geoip(geoip::Args),
    /// Unlock a subject after too many wrong codes, or end the ban of an address
    #[command(after_help = UNLOCK)]
    Unlock(unlock::Args),
    /// List the addresses that are banned for a while
    #[command(after_help = BANS)]
    Bans(bans::Args),
    /// Make void what a subject has proved, so that it is asked for a code again
    #[command(after_help = REVOKE)]
    Revoke(revoke::Args),
    /// Tell what happened under the reference that a visitor reads out
    #[command(after_help = LOOKUP)]
    Lookup(lookup::Args),
}

// clap folds no lines in this build: these texts stand as they are printed, at most 100 characters wide.

const START_HERE: &str = "\
Start here:
  otpgate demo                     see it work, with nothing to set up
  otpgate keygen                   make the secret that a config needs
  otpgate check -c otpgate.yaml    find what is wrong with a config
  otpgate run -c otpgate.yaml      start the gateway

`otpgate COMMAND --help` shows examples.
Exit codes: 0 done, 1 it failed, 2 the config or the command line is wrong.";

const RUN: &str = "\
Serves until it is told to end: SIGTERM lets open requests finish. SIGHUP reads the config again; a bad
one changes nothing.

Example:
  otpgate run -c /etc/otpgate/otpgate.yaml";

const DEMO: &str = "\
Needs nothing but this program, and prints what to open in a browser. Nothing is sent: every code goes to
an outbox, a page that it names.

Example:
  otpgate demo";

const CHECK: &str = "\
Reads the config as `run` would, starts nothing, and names the first error with its place, and every
warning.

Example:
  otpgate check -c otpgate.yaml && systemctl reload otpgate";

const EXPLAIN: &str = "\
Shows the site, every rule with hit or miss and its line in the config, who the visitor is, and the
verdict. Nothing is sent anywhere.

Examples:
  otpgate explain -c otpgate.yaml https://shop.example.com/account
  otpgate explain -c otpgate.yaml --subject alice@example.com --method POST https://shop.example.com/transfer
  otpgate explain -c otpgate.yaml --replay access.log --policy browsing --path '/catalogue/**' --svg scores.svg

With --replay, whoever would be asked for a code is taken to be signed in and to answer it.";

const ROUTES: &str = "\
Example:
  otpgate routes -c otpgate.yaml";

const KEYGEN: &str = "\
Prints 32 random bytes in base64 and nothing else, for `secrets` in the config. They are kept nowhere.

Examples:
  otpgate keygen
  export OTPGATE_SECRET=\"$(otpgate keygen)\"";

const SCHEMA: &str = "\
Example:
  otpgate schema > otpgate.schema.json
and then, as the first line of the config:
  # yaml-language-server: $schema=otpgate.schema.json";

const GEOIP: &str = "\
Example:
  otpgate geoip update --folder /etc/otpgate/geoip";

const UNLOCK: &str = "\
Forgets the subject's wrong codes, on every site or on one, so that it may try again at once. Asks a
running gateway through its admin listener. With --contacts, codes go at once to the contacts that the
directory lists now, and those from before are forgotten. With --address, an address that the gateways
banned may come again at once, and what came from it is forgotten.

Examples:
  otpgate unlock --subject alice@example.com -c otpgate.yaml
  otpgate unlock --contacts --subject alice@example.com -c otpgate.yaml
  otpgate unlock --address 203.0.113.9 -c otpgate.yaml
  otpgate unlock --subject alice@example.com --site shop.example.com --admin http://10.0.0.5:9180";

const BANS: &str = "\
Lists what the gateways themselves banned, by `risk.bans` of the config, and when each ban ends. What is
on a list of `risk.lists` is not here. `otpgate unlock --address` ends a ban. Asks a running gateway
through its admin listener.

Example:
  otpgate bans -c otpgate.yaml";

const REVOKE: &str = "\
Holds within two seconds on every gateway, on every site or on one. It signs nobody out of the
application and locks nobody. Asks a running gateway through its admin listener.

Examples:
  otpgate revoke --subject alice@example.com -c otpgate.yaml
  otpgate revoke --subject alice@example.com --site shop.example.com --admin http://10.0.0.5:9180";

const LOOKUP: &str = "\
Tells it step by step, with what to do next. Letters may be small and the hyphen may be left out; O, I
and L are read as 0, 1 and 1. Asks a running gateway through its admin listener.

Examples:
  otpgate lookup K7QF-2M9X -c otpgate.yaml
  otpgate lookup k7qf2m9x --admin http://10.0.0.5:9180";

/// Runs the command that the process's arguments name, and says how it ended.
#[must_use]
pub fn main() -> ExitCode {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(error) => return fail::usage(&error),
    };
    let ended = match &line.command {
        Command::Run(args) => run::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Check(args) => told(|out, wrong| check::run(args, out, wrong)),
        Command::Explain(args) => told(|out, wrong| explain::run(args, out, wrong)),
        Command::Routes(args) => told(|out, wrong| routes::run(args, out, wrong)),
        Command::Keygen(args) => keygen::run(args),
        Command::Schema(args) => told(|out, _| schema::run(args, out)),
        Command::Geoip(args) => geoip::run(args),
        Command::Unlock(args) => unlock::run(args),
        Command::Bans(args) => bans::run(args),
        Command::Revoke(args) => revoke::run(args),
        Command::Lookup(args) => lookup::run(args),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Runs a command that says on its second writer what is wrong with the config or the command line.
fn told(run: impl FnOnce(&mut dyn Write, &mut dyn Write) -> io::Result<ExitCode>) -> Result<(), Failure> {
    let (mut out, mut wrong) = (Vec::new(), Vec::new());
    run(&mut out, &mut wrong).map_err(Failure::run)?;
    match String::from_utf8_lossy(&wrong).trim_end() {
        "" => print(&String::from_utf8_lossy(&out)),
        wrong => Err(Failure::usage(wrong)),
    }
}
