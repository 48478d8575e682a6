//! The verbs, one file each, always of the same shape: the arguments, then what they do.

pub mod auth;
pub mod cert;
pub mod completions;
pub mod config;
pub mod credential;
pub mod get;
pub mod man;
pub mod serve;
pub mod token;
pub mod user;

use crate::args::Command;
use crate::error::CliError;
use crate::ui::Ui;

/// Does what was asked for.
pub(crate) fn run(command: Command, ui: &Ui) -> Result<(), CliError> {
    match command {
        Command::Serve(args) => serve::run(*args, ui),
        Command::Get(args) => get::run(*args, ui),
        Command::Credential(command) => credential::run(command, ui),
        Command::User(command) => user::run(command, ui),
        Command::Cert(command) => cert::run(command, ui),
        Command::Token(command) => token::run(command, ui),
        Command::Config(command) => config::run(command, ui),
        Command::Auth(command) => auth::run(&command, ui),
        Command::Completions(args) => completions::run(&args, ui),
        Command::Man(args) => man::run(&args, ui),
    }
}
