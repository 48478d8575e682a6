//! `gatepost auth`: the schemes that this build speaks, from the registry, and what would be said of us where.

mod explain;

use clap::Subcommand;
use gatepost::auth::scheme::{Scheme, Strength};
use gatepost::auth::schemes;
use serde_json::json;

use crate::error::CliError;
use crate::ui::{self, Ui};

/// Show the authentication schemes, and what would be said of you where.
#[derive(Debug, Subcommand)]
pub enum AuthCommand {
    /// List the schemes, with what each one protects
    #[command(after_help = "Examples:\n  gatepost auth schemes\n  gatepost auth schemes --json")]
    Schemes,
    /// Say who you would be at an address, by which scheme, and why; nothing is sent
    Explain(Box<explain::ExplainArgs>),
}

pub(crate) fn run(command: AuthCommand, ui: &Ui) -> Result<(), CliError> {
    match command {
        AuthCommand::Schemes => list(ui),
        AuthCommand::Explain(args) => explain::run(&args, ui),
    }
}

fn list(ui: &Ui) -> Result<(), CliError> {
    if ui.is_json() {
        let row = |scheme: &&'static dyn Scheme| json!({ "name": scheme.name(), "strength": word(scheme.strength()), "fields": scheme.fields() });
        return ui.json(&schemes::ALL.iter().map(row).collect());
    }
    let row = |scheme: &&'static dyn Scheme| {
        vec![scheme.name().to_owned(), meaning(scheme.strength()).to_owned(), scheme.fields().join(", ")]
    };
    ui.out(&ui::table(
        &["SCHEME", "WHAT GOES OVER THE WIRE", "FIELDS"],
        &schemes::ALL.iter().map(row).collect::<Vec<_>>(),
    ))
}

fn word(strength: Strength) -> &'static str {
    match strength {
        Strength::Clear => "clear",
        Strength::Digest => "digest",
        Strength::Token => "token",
        Strength::Key => "key",
        _ => "other",
    }
}

fn meaning(strength: Strength) -> &'static str {
    match strength {
        Strength::Clear => "the secret itself, at each request",
        Strength::Digest => "a digest of the secret",
        Strength::Token => "a token that ends",
        Strength::Key => "a proof made with a key",
        _ => "see the manual",
    }
}
