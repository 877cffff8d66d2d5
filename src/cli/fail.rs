//! How a command fails: a text on standard error, and an exit code.

use std::io::Write as _;
use std::process::ExitCode;

use clap::error::ErrorKind;

use crate::cli::print;

/// Why a command failed: one or two lines that say what to do. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The config or the command line is wrong: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// It failed at run time: exit code 1.
    #[error("{0}")]
    Run(String),
}

// === impl Failure ===

impl Failure {
    /// The config or the command line is wrong.
    pub fn usage(text: impl ToString) -> Self {
        Self::Usage(text.to_string())
    }

    /// It failed at run time.
    pub fn run(text: impl ToString) -> Self {
        Self::Run(text.to_string())
    }

    /// Writes the text to standard error and gives the exit code.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        complain(&self.to_string());
        ExitCode::from(match self {
            Self::Usage(_) => 2,
            Self::Run(_) => 1,
        })
    }
}

/// Answers what clap made of the command line: the help or version that was asked for, or what is wrong.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match print(&error.render().to_string()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.report(),
        },
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = write!(std::io::stderr(), "{}", error.render());
            ExitCode::from(2)
        }
        _ => Failure::Usage(shortened(&error.render().to_string())).report(),
    }
}

/// clap's paragraphs in two lines: what is wrong, and how it should be.
fn shortened(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let mut lines = Vec::new();
    for paragraph in text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
        let line = paragraph.split('\n').map(str::trim).collect::<Vec<_>>().join(" ");
        if !line.starts_with("For more information") {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// Nothing can be done when standard error is closed.
fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "otpgate: {text}");
}

#[cfg(test)]
mod tests;
