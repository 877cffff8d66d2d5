//! `otpgate explain`: what becomes of one request, and why, without sending it; or of all requests of an access log.

mod chart;
mod log;
mod policy;
mod replay;
mod report;
mod story;
mod unseen;

use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::check::BAD;
use crate::cli::explain::story::{Asked, explain};
use crate::gate::HostPattern;
use crate::server::{Plan, SitePlan, plan};

/// Explain what becomes of a request: its site, every rule with hit or miss, and the verdict.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The config file.
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,
    /// The address that connects: the client's, or its proxy's.
    #[arg(long, value_name = "ADDRESS", default_value = "192.0.2.1")]
    pub ip: IpAddr,
    /// Who the application says the visitor is.
    #[arg(long, value_name = "SUBJECT")]
    pub subject: Option<String>,
    /// The method.
    #[arg(long, value_name = "METHOD", default_value = "GET")]
    pub method: String,
    /// A header, such as `Cookie: a=b`; may be repeated. Without a `User-Agent` it is a browser's.
    #[arg(long = "header", value_name = "HEADER")]
    pub headers: Vec<String>,
    /// An access log instead, combined or JSON; `-` reads standard input.
    #[arg(long, value_name = "LOG", conflicts_with_all = ["url", "subject", "headers", "ip", "method"])]
    pub replay: Option<PathBuf>,
    /// The host whose site the log is of; by default what each line says.
    #[arg(long, value_name = "HOST", requires = "replay", conflicts_with = "url")]
    pub site: Option<String>,
    /// A policy for all its requests, whatever the routes say.
    #[arg(long, value_name = "POLICY", requires = "replay", conflicts_with = "url")]
    pub policy: Option<String>,
    /// A glob: only these paths of the log.
    #[arg(long, value_name = "GLOB", requires = "replay", conflicts_with = "url")]
    pub path: Option<String>,
    /// Where to draw a histogram of scores and verdicts.
    #[arg(long, value_name = "FILE", requires = "replay", conflicts_with = "url")]
    pub svg: Option<PathBuf>,
    /// The address of the request, such as `https://shop.example.com/account`.
    #[arg(value_name = "URL", required_unless_present = "replay")]
    pub url: Option<String>,
}

/// Prints the explanation to `out`, or the error to `err`.
///
/// # Errors
/// When nothing can be written.
pub fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    let mut plan = match plan(&args.config) {
        Ok(plan) => plan,
        Err(error) => {
            writeln!(err, "{error}")?;
            return Ok(ExitCode::from(BAD));
        }
    };
    if let Some(log) = &args.replay {
        // A log does not keep every header: that one is not in it says nothing.
        plan.scoring.rules.retain(|rule| !rule.misses_headers());
        return replay::run(&plan, args, log, out, err);
    }
    match Asked::new(args) {
        Ok(asked) => {
            out.write_all(explain(&plan, args, &asked).to_string().as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(wrong) => {
            writeln!(err, "{wrong}")?;
            Ok(ExitCode::from(BAD))
        }
    }
}

/// The site of a host: its very name first, then the longest wildcard.
fn site_of<'p>(plan: &'p Plan, host: &str) -> Option<&'p SitePlan> {
    let patterns = plan.sites.iter().flat_map(|site| site.spec.hosts.iter().map(move |pattern| (pattern, site)));
    patterns
        .filter(|(pattern, _)| pattern.matches(host))
        .max_by_key(|(pattern, _)| match pattern {
            HostPattern::Exact(_) => usize::MAX,
            HostPattern::Below(suffix) => suffix.len(),
        })
        .map(|(_, site)| site)
}
