//! The `gatepost` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    gatepost_cli::run(std::env::args_os())
}
