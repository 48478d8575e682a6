//! `gatepost serve`: guards a service with TLS and authentication.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use gatepost::events::Events;
use gatepost_gateway::config::compose::Flags;
use gatepost_gateway::config::value::Upstream;
use gatepost_gateway::daemon::{Daemon, Orders};

use crate::error::CliError;
use crate::options::StateArgs;
use crate::ui::Ui;
use crate::{greeting, log, runtime};

/// What `serve` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost serve                                        The demo, with commands to copy
  gatepost serve --upstream http://127.0.0.1:3000       Guard what listens there
  gatepost serve --config gatepost.toml                 Many routes; reloads when the file changes

SIGHUP reloads, SIGTERM drains, a second SIGTERM ends at once.")]
pub struct ServeArgs {
    /// The configuration file (see `gatepost config show`)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["upstream"])]
    pub config: Option<PathBuf>,
    /// The service to guard, as in http://127.0.0.1:3000 [default: the demo in this process]
    #[arg(long, value_name = "URL")]
    pub upstream: Option<Upstream>,
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:0]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub listen: Option<SocketAddr>,
    /// The certificate chain to show, in PEM [default: one of the local authority]
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// The private key of that certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// Worker threads [default: one for each processor]
    #[arg(long, value_name = "N")]
    pub workers: Option<usize>,
    /// Write the address and the credentials to this file, as JSON, once it listens
    #[arg(long, value_name = "FILE")]
    pub ready: Option<PathBuf>,
    /// Let everybody in, without any proof: for test set-ups only
    #[arg(long)]
    pub danger_no_auth: bool,
    /// Say what happens, on stderr; twice for details
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Where the store, the keys and the local authority are kept.
    #[command(flatten)]
    pub state: StateArgs,
}

/// An address with its port. A name is refused: it may have several addresses, and another one tomorrow.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "write it like `127.0.0.1:8443` or `[::1]:8443`; `0.0.0.0:8443` is every IPv4 address".into())
}

pub(crate) fn run(args: ServeArgs, ui: &Ui) -> Result<(), CliError> {
    log::start(args.verbose);
    let mut flags = Flags {
        listen: args.listen,
        certificate: args.cert.zip(args.key),
        upstream: args.upstream,
        no_auth: args.danger_no_auth,
        ..Flags::default()
    };
    if let Some(workers) = args.workers {
        flags.settings.insert("workers", ("--workers", workers.to_string()));
    }
    let orders = Orders {
        state: runtime::state(&args.state)?,
        document: args.config,
        flags,
        environment: Arc::new(runtime::environment),
        events: Events::default(),
    };
    runtime::block_on(work(orders, args.ready, ui))
}

async fn work(orders: Orders, ready: Option<PathBuf>, ui: &Ui) -> Result<(), CliError> {
    let daemon = Daemon::start(orders).await?;
    if let Some(path) = &ready {
        daemon.ready().write(path)?;
    }
    if ui.is_json() {
        ui.json(&daemon.ready().json())?;
    } else if !ui.is_quiet() {
        ui.out(&greeting::text(daemon.ready(), ui))?;
    }
    daemon.run().await;
    Ok(())
}
