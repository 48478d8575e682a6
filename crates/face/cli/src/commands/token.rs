//! `gatepost token`: bearer tokens of the local issuer.

use std::time::Duration;

use clap::{Args, Subcommand};
use gatepost::clock;
use gatepost_gateway::config::value::Period;
use gatepost_gateway::issuer::Issuer;
use serde_json::json;

use crate::commands::user;
use crate::error::CliError;
use crate::options::StateArgs;
use crate::runtime;
use crate::ui::Ui;

/// The longest that a token may live: 30 days. Nothing takes a token back before its end.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// Issue bearer tokens of the local issuer.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Issue a token (JWT) for a user
    Issue(IssueArgs),
}

/// What `token issue` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost token issue --user ali > ali.token
  gatepost token issue --user ali --lifetime 10m --audience https://example.com")]
pub struct IssueArgs {
    /// Whom the token speaks for
    #[arg(long, value_parser = user::name)]
    pub user: String,
    /// How long it is good
    #[arg(long, value_name = "TIME", default_value = "1h")]
    pub lifetime: Period,
    /// Whom it is meant for [default: the local gateway]
    #[arg(long)]
    pub audience: Option<String>,
    /// Where the issuer's key is kept.
    #[command(flatten)]
    pub state: StateArgs,
}

pub(crate) fn run(command: TokenCommand, ui: &Ui) -> Result<(), CliError> {
    match command {
        TokenCommand::Issue(args) => issue(&args, ui),
    }
}

fn issue(args: &IssueArgs, ui: &Ui) -> Result<(), CliError> {
    let Period(lifetime) = args.lifetime;
    if lifetime > LONGEST || lifetime.is_zero() {
        return Err(CliError::usage(
            "a token lives from 1 ms to 30 days",
            "nothing takes a token back before its end: keep it short",
        ));
    }
    let store = runtime::store(&args.state)?;
    let token = runtime::block_on(async {
        let issuer = Issuer::open(store.as_ref(), clock::now()).await?;
        Ok(issuer.issue(&args.user, args.audience.as_deref(), clock::now(), lifetime)?)
    })?;
    let text = token.value.reveal_text().unwrap_or_default();
    if ui.is_json() {
        return ui.json(&json!({ "token": text, "expires": token.expires.map(|end| end.to_string()) }));
    }
    ui.out(&format!("{text}\n"))
}
