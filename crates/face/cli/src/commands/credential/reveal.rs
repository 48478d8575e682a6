//! `gatepost credential reveal`: the one way to see a secret again, and the record of it.

use std::io::IsTerminal;

use clap::Args;
use gatepost::clock;
use gatepost::model::decided::Decided;
use gatepost::model::event::one_line;
use gatepost::model::scope::Scope;
use serde_json::json;

use crate::error::CliError;
use crate::options::StateArgs;
use crate::ui::Ui;
use crate::{passwords, runtime};

/// What `credential reveal` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost credential reveal work                 Asks first
  gatepost credential reveal work --yes | wl-copy
  gatepost log decisions                          Shows who looked, and when")]
pub struct RevealArgs {
    /// The credential's name
    pub name: String,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Where it is kept.
    #[command(flatten)]
    pub state: StateArgs,
}

pub(crate) fn run(args: &RevealArgs, ui: &Ui) -> Result<(), CliError> {
    let locker = runtime::locker(&args.state)?;
    let credential = runtime::block_on(async { Ok(locker.reveal(&args.name).await?) })?;
    if !args.yes {
        let scope = credential.scope.as_ref().map_or_else(|| "no address".to_owned(), Scope::to_string);
        let whose = if credential.user.is_empty() { "a bare token" } else { credential.user.as_str() };
        ask(&one_line(&format!("Show the secret of {}, {whose}, for {scope}?", args.name)))?;
    }
    let mut decided = Decided::new(clock::now(), "reveal", true, "asked for on the command line");
    (decided.who, decided.place) = (Some(runtime::own_user()), Some(format!("credential {}", args.name)));
    // First the record, then the secret: without the one there is not the other.
    runtime::record(&args.state, decided)?;
    if ui.is_json() {
        let secret = String::from_utf8_lossy(credential.secret.reveal());
        return ui.json(&json!({ "name": args.name, "user": credential.user, "secret": secret }));
    }
    ui.octets(credential.secret.reveal())?;
    // A pipe gets the secret and nothing else.
    if std::io::stdout().is_terminal() { ui.out("\n") } else { Ok(()) }
}

fn ask(question: &str) -> Result<(), CliError> {
    if !passwords::is_somebody_there() {
        return Err(CliError::usage("there is no terminal to ask on", "add `--yes` to see it all the same"));
    }
    match passwords::confirm(question)? {
        true => Ok(()),
        false => Err(CliError::usage("nothing was shown", "answer `y` to see it")),
    }
}
