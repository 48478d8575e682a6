//! `gatepost socket resolve`: where a name leads.

use clap::Args;
use gatepost::net::reach::Route;
use gatepost::socket::connect::resolve;
use serde_json::json;

use super::options::{protocols, target};
use crate::error::CliError;
use crate::runtime;
use crate::ui::{self, Ui};

/// What `socket resolve` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost socket resolve example.com:443
  gatepost socket resolve mail.example.com --starttls smtp --json

The order is the system's (RFC 6724). LOCAL is the address that a connection would go out from; nothing is sent.")]
pub struct ResolveArgs {
    /// HOST:PORT; the port may have its name
    #[arg(value_name = "HOST:PORT")]
    pub target: String,
    /// The port of this protocol is the usual one
    #[arg(long, value_name = "PROTOCOL", value_parser = protocols(), ignore_case = true)]
    pub starttls: Option<String>,
}

pub(crate) fn run(args: &ResolveArgs, ui: &Ui) -> Result<(), CliError> {
    let target = target(&args.target, args.starttls.as_deref())?;
    let routes = runtime::block_on(async { Ok(resolve(&format!("{}:{}", target.host(), target.port())).await?) })?;
    let local = |route: &Route| route.local.map(|address| address.to_string());
    if ui.is_json() {
        let route = |route: &Route| json!({ "remote": route.remote.to_string(), "local": local(route) });
        return ui.json(&routes.iter().map(route).collect());
    }
    let row = |route: &Route| vec![route.remote.to_string(), local(route).unwrap_or_else(|| "no way there".to_owned())];
    ui.out(&ui::table(&["REMOTE", "LOCAL"], &routes.iter().map(row).collect::<Vec<_>>()))
}
