//! `gatepost config`: what a configuration says, and whether it can be.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use gatepost_gateway::config::compose::{Config, Flags, compose};
use gatepost_gateway::config::document::Document;
use gatepost_gateway::config::show;
use serde_json::json;

use crate::error::CliError;
use crate::runtime;
use crate::ui::Ui;

/// Check or show a configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check a configuration file without using it
    Check(CheckArgs),
    /// Show each setting with the place that it comes from
    Show(ShowArgs),
}

/// What `config check` takes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  gatepost config check gatepost.toml")]
pub struct CheckArgs {
    /// The configuration file
    pub file: PathBuf,
}

/// What `config show` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost config show                     The defaults, and what GATEPOST_* changes
  gatepost config show gatepost.toml --json")]
pub struct ShowArgs {
    /// The configuration file; the defaults if left out
    pub file: Option<PathBuf>,
}

pub(crate) fn run(command: ConfigCommand, ui: &Ui) -> Result<(), CliError> {
    match command {
        ConfigCommand::Check(args) => check(&args, ui),
        ConfigCommand::Show(args) => print(&args, ui),
    }
}

fn check(args: &CheckArgs, ui: &Ui) -> Result<(), CliError> {
    let config = read(Some(&args.file))?;
    let (routes, listeners) = (config.routes.len(), config.listeners.len());
    if config.danger.no_auth {
        ui.warning("`danger.no_auth` is on: routes with `schemes = []` let everybody in");
    }
    if config.danger.plain_listeners {
        ui.warning("`danger.plain_listeners` is on: listeners with `tls = false` show everything on the way");
    }
    if config.danger.ignore_channel_binding {
        ui.warning("`danger.ignore_channel_binding` is on: a proof of NTLM or Negotiate may be another connection's");
    }
    if config.danger.digest_rfc2069 {
        ui.warning(
            "`danger.digest_rfc2069` is on: Digest takes proofs that whoever stands between may have prepared for",
        );
    }
    if ui.is_json() {
        return ui.json(&json!({ "file": args.file, "good": true, "listeners": listeners, "routes": routes }));
    }
    let many = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    ui.out(&format!("{}: good: {}, {}\n", args.file.display(), many(listeners, "listener"), many(routes, "route")))
}

fn print(args: &ShowArgs, ui: &Ui) -> Result<(), CliError> {
    let config = read(args.file.as_ref())?;
    if ui.is_json() {
        return ui.json(&show::json(&config.entries));
    }
    ui.out(&show::text(&config.entries))
}

fn read(file: Option<&PathBuf>) -> Result<Config, CliError> {
    let document = file.map(|path| Document::read(path)).transpose()?;
    Ok(compose(document.as_ref(), &runtime::environment, &Flags::default())?)
}
