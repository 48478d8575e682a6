//! `gatepost auth`: the schemes that this build speaks, from the registry.

use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use gatepost::auth::scheme::{Scheme, Strength};
use gatepost::auth::schemes;
use serde_json::json;

use crate::error::CliError;
use crate::ui::{self, Ui};

/// Show the authentication schemes.
#[derive(Debug, Subcommand)]
pub enum AuthCommand {
    /// List the schemes, with what each one protects
    #[command(after_help = "Examples:\n  gatepost auth schemes\n  gatepost auth schemes --json")]
    Schemes,
}

/// The names of the schemes, for arguments that take one. What is shown in the handshake goes with no request.
pub(crate) fn scheme_names() -> PossibleValuesParser {
    let spoken = schemes::ALL.iter().filter(|scheme| !scheme.fields().is_empty());
    PossibleValuesParser::new(spoken.map(|scheme| scheme.name()))
}

pub(crate) fn run(command: &AuthCommand, ui: &Ui) -> Result<(), CliError> {
    match command {
        AuthCommand::Schemes => list(ui),
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
