//! `otpgate check`: reads a config as `run` would, and starts nothing.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::server::{Plan, plan};
use crate::words::Policy;

/// Check a config file, and say what is odd about it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The config file.
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,
}

/// The exit code for a bad config or a bad command line.
pub(super) const BAD: u8 = 2;

/// Prints warnings and a summary to `out`, or the error to `err`.
///
/// # Errors
/// When nothing can be written.
pub fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    let plan = match plan(&args.config) {
        Ok(plan) => plan,
        Err(error) => {
            writeln!(err, "{error}")?;
            return Ok(ExitCode::from(BAD));
        }
    };
    for warning in &plan.warnings {
        writeln!(out, "{warning}")?;
    }
    writeln!(out, "{}: ok, {}", args.config.display(), summary(&plan))?;
    Ok(ExitCode::SUCCESS)
}

fn summary(plan: &Plan) -> String {
    let routes: usize = plan.sites.iter().map(|site| site.routes.len()).sum();
    let applied = plan.sites.iter().flat_map(|site| site.spec.routes.policies());
    let policies: BTreeSet<&str> =
        applied.filter(|policy| matches!(policy, Policy::StepUp(_))).map(Policy::name).collect();
    let mut parts =
        vec![count(plan.sites.len(), "site"), count(routes, "route"), count_of(policies.len(), "policy", "policies")];
    if !plan.warnings.is_empty() {
        parts.push(count(plan.warnings.len(), "warning"));
    }
    parts.join(", ")
}

fn count(number: usize, one: &str) -> String {
    count_of(number, one, &format!("{one}s"))
}

fn count_of(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}
