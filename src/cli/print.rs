//! Writing to standard output.

use std::io::{self, ErrorKind, Write as _};

use crate::cli::Failure;

/// Writes `text` to standard output as it stands. A reader that has read enough (`| head`) is no error.
///
/// # Errors
/// When it cannot be written for another reason, such as a full disk.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Run(format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}
