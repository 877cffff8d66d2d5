//! The command line: one file per command.

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub mod check;
pub mod demo;
pub mod explain;
pub mod routes;
pub mod run;
pub mod schema;

#[derive(Debug, Parser)]
#[command(name = "otpgate", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Demo(demo::Args),
    Check(check::Args),
    Explain(explain::Args),
    Routes(routes::Args),
    Schema(schema::Args),
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let ran = |outcome: Result<(), run::RunError>| match outcome {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            eprintln!("otpgate: {error}");
            Ok(ExitCode::from(1))
        }
    };
    let done = match Cli::parse().command {
        Command::Run(args) => ran(run::run(&args)),
        Command::Demo(args) => ran(demo::run(&args)),
        Command::Check(args) => check::run(&args, &mut out, &mut err),
        Command::Explain(args) => explain::run(&args, &mut out, &mut err),
        Command::Routes(args) => routes::run(&args, &mut out, &mut err),
        Command::Schema(args) => schema::run(&args, &mut out),
    };
    done.unwrap_or(ExitCode::from(1))
}
