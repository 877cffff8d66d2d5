//! `otpgate routes`: every route of a config in a table, in the order in which they are tried.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::check::BAD;
use crate::server::{Plan, SitePlan, plan};

/// List every route of a config file, in the order in which they are tried.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The config file.
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,
}

/// A row of the table: site, line, criteria, policy.
type Row = [String; 4];

/// The widest table that a terminal shows without breaking lines.
const WIDTH: usize = 100;
/// The narrowest that the criteria get.
const LEAST: usize = 24;

/// Prints the table to `out`, or the error to `err`.
///
/// # Errors
/// When nothing can be written.
pub fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    match plan(&args.config) {
        Ok(plan) => {
            out.write_all(table(&plan).as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            writeln!(err, "{error}")?;
            Ok(ExitCode::from(BAD))
        }
    }
}

fn table(plan: &Plan) -> String {
    let mut rows: Vec<Row> = vec![["SITE", "LINE", "CRITERIA", "POLICY"].map(str::to_owned)];
    rows.extend(plan.sites.iter().flat_map(rows_of));
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|text| length(text)).max().unwrap_or(0);
    let (site, line, policy) = (width(0), width(1), width(3));
    let criteria = WIDTH.saturating_sub(site + line + policy + 6).clamp(LEAST, width(2).max(LEAST));
    let mut text = String::new();
    for [first, number, wanted, name] in &rows {
        // What does not fit goes on below, under its own column.
        for (index, piece) in broken(wanted, criteria).iter().enumerate() {
            let (first, number, name) =
                if index == 0 { (first.as_str(), number.as_str(), name.as_str()) } else { ("", "", "") };
            let row = format!("{first:site$}  {number:>line$}  {piece:criteria$}  {name}");
            text.push_str(row.trim_end());
            text.push('\n');
        }
    }
    text
}

fn rows_of(site: &SitePlan) -> Vec<Row> {
    let name = site.spec.key.to_string();
    let mut rows: Vec<Row> = site
        .routes
        .iter()
        .map(|route| {
            [name.clone(), route.place.line.to_string(), route.criteria.clone(), route.policy.name().to_owned()]
        })
        .collect();
    rows.push([name, "-".to_owned(), "everything else".to_owned(), site.default.name().to_owned()]);
    rows
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// The text in pieces of at most `width` characters, broken at spaces where there are any.
fn broken(text: &str, width: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for word in text.split(' ') {
        let Some(last) = pieces.last_mut() else { break };
        if last.is_empty() {
            last.push_str(word);
        } else if length(last) + 1 + length(word) <= width {
            last.push(' ');
            last.push_str(word);
        } else {
            pieces.push(word.to_owned());
        }
    }
    pieces
}
