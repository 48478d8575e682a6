//! What can be written on the command line. The doc comments are the help text.

use clap::{Parser, Subcommand};

use crate::commands::{
    auth, cert, completions, config, credential, get, log, man, serve, socket, state, token, user, ws,
};
use crate::options::Output;

/// Secures connections and authenticates requests, both ways.
#[derive(Debug, Parser)]
#[command(name = "gatepost", version, max_term_width = 100, arg_required_else_help = true, after_help = AFTER_HELP)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How to say it.
    #[command(flatten)]
    pub output: Output,
}

/// Examples, and what the exit codes mean.
const AFTER_HELP: &str = "\
Examples:
  gatepost serve                                    A guarded demo, with commands to copy
  gatepost serve --upstream http://127.0.0.1:3000   Guard a real service
  gatepost get https://localhost:8443/ --user ali   A request that answers challenges

Exit codes:
  0  done                             8   authentication refused
  1  an HTTP error, with --fail;      9   no WebSocket was opened
     a script or a --count failed     10  TLS failed
  2  wrong usage                      11  a WebSocket was closed for a reason (not 1000)
  3  wrong configuration              12  out of time
  4  there is no such thing           13  a connection ended without a close
  5  it exists already                70  a bug in gatepost
  6  this machine: port, file, network
  7  the other end broke a rule";

/// The verbs, in the order of the help.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Guard a service with TLS and authentication
    Serve(Box<serve::ServeArgs>),
    /// Send a request and answer challenges
    Get(Box<get::GetArgs>),
    /// Talk over a WebSocket, by hand, in pipes and in scripts
    Ws(Box<ws::WsArgs>),
    /// Connect, listen and pass octets on, with TLS at once or by STARTTLS
    #[command(subcommand)]
    Socket(socket::SocketCommand),
    /// Manage the credentials that `get` and `ws` use
    #[command(subcommand)]
    Credential(credential::CredentialCommand),
    /// Manage the users that may come in
    #[command(subcommand)]
    User(user::UserCommand),
    /// Manage certificates and what they are bound to
    #[command(subcommand)]
    Cert(cert::CertCommand),
    /// Issue bearer tokens of the local issuer
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Check or show a configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Show the authentication schemes, and what would be said of you where
    #[command(subcommand)]
    Auth(Box<auth::AuthCommand>),
    /// Read the decision log
    #[command(subcommand)]
    Log(log::LogCommand),
    /// Manage the state directory: its sealing key
    #[command(subcommand)]
    State(state::StateCommand),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
    /// Write the manual pages
    #[command(hide = true)]
    Man(man::ManArgs),
}
