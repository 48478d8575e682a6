//! `gatepost socket`: TCP connections by hand and in pipes, with TLS at once, by STARTTLS, or not at all.

mod connect;
mod facts;
mod listen;
pub(crate) mod options;
mod passing;
mod pipe;
mod protect;
mod resolve;

use clap::Subcommand;

use crate::error::CliError;
use crate::ui::Ui;

/// Connect, listen and pass octets on, with TLS at once or by STARTTLS.
#[derive(Debug, Subcommand)]
pub enum SocketCommand {
    /// Connect, and carry stdin there and what comes to stdout
    Connect(Box<connect::ConnectArgs>),
    /// Listen, and carry what comes to stdout, back, or on to another server
    Listen(Box<listen::ListenArgs>),
    /// List the addresses of a name, in the order in which they are tried
    Resolve(resolve::ResolveArgs),
}

pub(crate) fn run(command: SocketCommand, ui: &Ui) -> Result<(), CliError> {
    match command {
        SocketCommand::Connect(args) => connect::run(&args, ui),
        SocketCommand::Listen(args) => listen::run(*args, *ui),
        SocketCommand::Resolve(args) => resolve::run(&args, ui),
    }
}
