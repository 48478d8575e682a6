//! The `gatepost` command, one file a verb.
//!
//! [`args`] says what can be written; `dispatch` finds who does it, in `commands/`; [`ui`] is the one place that prints;
//! [`report`] is the one place where an error becomes an exit code and words.

pub mod args;
mod bounded;
pub mod commands;
mod delivery;
pub mod detour;
mod dispatch;
pub mod error;
mod greeting;
mod hardening;
mod log;
pub mod options;
pub mod passwords;
mod payload;
pub mod reach;
pub mod report;
mod runtime;
pub mod tickets;
pub mod trust;
pub mod ui;
pub mod who;
mod ws;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;
use crate::ui::Ui;

/// Runs the command with these arguments, the program's name first; gives what the process exits with.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    hardening::no_core_files();
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return report::unreadable(&error),
    };
    let ui = Ui::new(&cli.output);
    match dispatch::run(cli.command, &ui) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::report(&error, &ui),
    }
}
