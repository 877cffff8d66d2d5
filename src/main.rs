//! The `otpgate` command: see [`otpgate::cli`].

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Everything that speaks TLS takes the process's provider and panics without one. One that is there already will do.
    drop(rustls::crypto::ring::default_provider().install_default());
    otpgate::cli::main()
}
