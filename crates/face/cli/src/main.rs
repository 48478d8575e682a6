//! The `gatepost` command.

use std::process::ExitCode;

/// Why another than the system's, and for what is written in C as well: docs/decisions/0001-dependencies.md.
#[global_allocator]
static MEMORY: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    gatepost_cli::run(std::env::args_os())
}
