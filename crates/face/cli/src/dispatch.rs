//! From what was written to the one who does it.

use clap::CommandFactory;

use crate::args::{Cli, Command};
use crate::commands::{
    auth, cert, completions, config, credential, get, log, man, serve, socket, state, token, user, ws,
};
use crate::error::CliError;
use crate::ui::Ui;

/// Does what was asked for.
pub(crate) fn run(command: Command, ui: &Ui) -> Result<(), CliError> {
    match command {
        Command::Serve(args) => serve::run(*args, ui),
        Command::Get(args) => get::run(*args, ui),
        Command::Ws(args) => ws::run(*args, ui),
        Command::Socket(command) => socket::run(command, ui),
        Command::Credential(command) => credential::run(command, ui),
        Command::User(command) => user::run(command, ui),
        Command::Cert(command) => cert::run(command, ui),
        Command::Token(command) => token::run(command, ui),
        Command::Config(command) => config::run(command, ui),
        Command::Auth(command) => auth::run(*command, ui),
        Command::Log(command) => log::run(&command, ui),
        Command::State(command) => state::run(&command, ui),
        Command::Completions(args) => completions::run(&args, Cli::command(), ui),
        Command::Man(args) => man::run(&args, Cli::command(), ui),
    }
}
