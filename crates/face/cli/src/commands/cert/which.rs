//! `gatepost cert which`: which binding answers a client, and why.

use std::net::IpAddr;

use clap::Args;
use gatepost::model::event::one_line;
use gatepost::tls::lookup::Outcome;
use gatepost_gateway::certificates::Shelf;
use gatepost_gateway::config::listener::Protection;
use serde_json::json;

use super::facts::hex;
use crate::error::CliError;
use crate::options::StateArgs;
use crate::runtime;
use crate::ui::{self, Ui};

/// What `cert which` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost cert which www.example.com --ip 192.0.2.1 --port 443
  gatepost cert which --ip 192.0.2.1           A client that names nobody

The order: the exact name, a wildcard for one label, a directory for any name, the exact address, any address; at each,
the port before any port. Exit code 4: nothing answers.")]
pub struct WhichArgs {
    /// The name that the client asks for (SNI)
    #[arg(value_name = "HOST")]
    pub host: Option<String>,
    /// The address that it reaches
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub ip: IpAddr,
    /// The port that it reaches
    #[arg(long, value_name = "N", default_value_t = 443)]
    pub port: u16,
    /// Where bindings are kept.
    #[command(flatten)]
    pub state: StateArgs,
}

pub(super) fn which(args: &WhichArgs, ui: &Ui) -> Result<(), CliError> {
    let store = runtime::store(&args.state)?;
    let mut shelf = Shelf::new(store);
    let table = runtime::block_on(async { Ok(shelf.table(&Protection::Bindings).await?) })?.unwrap_or_default();
    for wrong in shelf.take_wrong() {
        ui.warning(&wrong);
    }
    let looks = table.explain(args.host.as_deref(), args.ip, args.port);
    let local = std::net::SocketAddr::new(args.ip, args.port);
    let shown = table.find(local, args.host.as_deref()).map(|certificate| certificate.facts());
    let pick = looks.last().filter(|look| matches!(look.outcome, Outcome::Answers | Outcome::Rejects));
    if ui.is_json() {
        let look = |look: &gatepost::tls::lookup::Look| json!({ "rule": look.rule.to_string(), "binding": look.key.to_string(), "outcome": look.outcome.to_string() });
        ui.json(&json!({
            "binding": pick.map(|pick| pick.key.to_string()),
            "rule": pick.map(|pick| pick.rule.to_string()),
            "rejects": pick.is_some_and(|pick| pick.outcome == Outcome::Rejects),
            "sha256": shown.map(|facts| hex(&facts.fingerprint)),
            "names": shown.map(gatepost::tls::certificate::Certificate::names),
            "asked": looks.iter().map(look).collect::<Vec<_>>(),
        }))?;
    } else {
        let rows: Vec<Vec<String>> = looks
            .iter()
            .map(|look| vec![look.key.to_string(), look.rule.to_string(), look.outcome.to_string()])
            .collect();
        ui.out(&ui::table(&["BINDING", "RULE", "OUTCOME"], &rows))?;
        if let Some(facts) = shown {
            ui.out(&format!("\n{} {}\n", hex(&facts.fingerprint), one_line(&facts.names().join(", "))))?;
        }
    }
    match pick {
        Some(_) => Ok(()),
        None => Err(CliError::Missing {
            what: format!(
                "binding that answers {} at {local}",
                args.host.as_deref().unwrap_or("a client without a name")
            ),
            hint: Some("`gatepost cert bind` makes one".into()),
        }),
    }
}
