//! The `otpgate` command.

fn main() {}
