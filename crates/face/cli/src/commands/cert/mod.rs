//! `gatepost cert`: certificates, and what they are bound to.

mod acme;
mod attached;
mod bind;
pub(crate) mod facts;
mod issue;
mod kept;
mod live;
mod local;
mod netsh;
mod pin;
mod pkcs12;
mod renew;
mod show;
mod terms;
mod transfer;
mod which;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use gatepost::clock;
use gatepost::model::binding::{Answer, Binding, BindingKey};
use gatepost::tls::certificate::Certificate;

use self::facts::{facts, from_file, hex, to_json};
use crate::commands::socket;
use crate::error::CliError;
use crate::options::StateArgs;
use crate::runtime;
use crate::ui::{self, Ui};

/// Manage certificates and what they are bound to.
#[derive(Debug, Subcommand)]
pub enum CertCommand {
    /// Bind a certificate to an address or a name
    Bind(Box<bind::BindArgs>),
    /// Replace what is bound, in one step
    Rebind(Box<bind::RebindArgs>),
    /// Remove a binding; the certificate stays
    Unbind(bind::UnbindArgs),
    /// List the bindings: which certificate answers where
    List(ListArgs),
    /// Show a binding, a certificate, or what a server shows
    Show(ShowArgs),
    /// Say which binding answers a client, and why
    Which(which::WhichArgs),
    /// Issue a certificate of the local authority, or have an ACME authority issue one
    Issue(Box<issue::IssueArgs>),
    /// Issue or fetch a certificate anew, and show it wherever the one before is bound
    Renew(renew::RenewArgs),
    /// Print pins of a file, a binding or a server
    Pin(pin::PinArgs),
    /// Keep a certificate, or import bindings
    Import(Box<transfer::ImportArgs>),
    /// Print a certificate that is kept
    Export(transfer::ExportArgs),
}

/// What `cert list` takes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  gatepost cert list\n  gatepost cert list --json")]
pub struct ListArgs {
    /// Where they are kept.
    #[command(flatten)]
    pub state: StateArgs,
}

/// What `cert show` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost cert show localhost:0          A binding, as `netsh http show sslcert` orders it
  gatepost cert show --netsh              All bindings, as that command prints them
  gatepost cert show 3f9a                 A certificate, by the beginning of its SHA-256 or SHA-1
  gatepost cert show ./server.pem         A file
  gatepost cert show --live example.com:443
                                          What a server shows: chain, everything wrong with it, pins to copy
  gatepost cert show --live mail.example.com --starttls smtp
                                          The same of a server that speaks in the clear at first")]
pub struct ShowArgs {
    /// A binding, the beginning of a SHA-256 or SHA-1 hash, or a PEM file; with --live a HOST or HOST:PORT
    #[arg(value_name = "KEY|HASH|FILE", required_unless_present = "netsh")]
    pub which: Option<String>,
    /// Print bindings (all, or this one) as `netsh http show sslcert` does
    #[arg(long, conflicts_with = "live")]
    pub netsh: bool,
    /// Ask the server of this name instead of the store
    #[arg(long)]
    pub live: bool,
    /// With --live, ask for TLS in the words of this protocol
    #[arg(long, value_name = "PROTOCOL", value_parser = socket::options::protocols(), ignore_case = true, requires = "live")]
    pub starttls: Option<String>,
    /// With --live, trust these authorities (PEM) instead of the system's
    #[arg(long, value_name = "FILE", requires = "live")]
    pub ca: Option<PathBuf>,
    /// Where they are kept.
    #[command(flatten)]
    pub state: StateArgs,
}

pub(crate) fn run(command: CertCommand, ui: &Ui) -> Result<(), CliError> {
    match command {
        CertCommand::Bind(args) => bind::bind(&args, ui),
        CertCommand::Rebind(args) => bind::rebind(&args, ui),
        CertCommand::Unbind(args) => bind::unbind(&args, ui),
        CertCommand::List(args) => list(&args, ui),
        CertCommand::Show(args) => show(&args, ui),
        CertCommand::Which(args) => which::which(&args, ui),
        CertCommand::Issue(args) => issue::issue(&args, ui),
        CertCommand::Renew(args) => renew::renew(&args, ui),
        CertCommand::Pin(args) => pin::pin(&args, ui),
        CertCommand::Import(args) => transfer::import(&args, ui),
        CertCommand::Export(args) => transfer::export(&args, ui),
    }
}

fn list(args: &ListArgs, ui: &Ui) -> Result<(), CliError> {
    let store = runtime::store(&args.state)?;
    let mut rows = Vec::new();
    for binding in kept::bindings(store.as_ref())? {
        let leaf = show::leaf(&binding, store.as_ref())?;
        rows.push((binding, leaf));
    }
    if ui.is_json() {
        return ui.json(&rows.iter().map(|(binding, leaf)| show::as_json(binding, leaf.as_ref())).collect());
    }
    let row = |(binding, leaf): &(Binding, Option<Certificate>)| {
        let names = || leaf.as_ref().map(|leaf| leaf.names().join(", ")).unwrap_or_default();
        let shown = match &binding.answer {
            Answer::Certificate(_) => names(),
            Answer::Reject(_) => "(rejects)".to_owned(),
            Answer::Directory(path) => format!("(directory) {path}"),
        };
        let until = leaf.as_ref().map(|leaf| leaf.not_after.to_string()).unwrap_or_default();
        let mark = leaf.as_ref().map(|leaf| hex(&leaf.fingerprint).chars().take(16).collect()).unwrap_or_default();
        vec![binding.key.to_string(), shown, until, mark]
    };
    ui.out(&ui::table(&["BINDING", "NAMES", "UNTIL", "FINGERPRINT"], &rows.iter().map(row).collect::<Vec<_>>()))
}

fn show(args: &ShowArgs, ui: &Ui) -> Result<(), CliError> {
    let which = args.which.as_deref().unwrap_or_default();
    if args.live {
        return live::show(which, args.starttls.as_deref(), args.ca.as_deref(), ui);
    }
    let path = Path::new(which);
    if path.is_file() {
        return certificate(&from_file(path)?, ui);
    }
    let store = runtime::store(&args.state)?;
    let bindings = kept::bindings(store.as_ref())?;
    // A name without a port is enough where one binding has it.
    let key: Option<BindingKey> = which.parse().ok();
    let is_it = |binding: &&Binding| {
        key.as_ref() == Some(&binding.key)
            || matches!(&binding.key, BindingKey::Host { host, .. } if host.eq_ignore_ascii_case(which))
    };
    match (bindings.iter().find(is_it), key) {
        _ if args.netsh && args.which.is_none() => show::listing(&bindings, store.as_ref(), ui),
        (Some(found), _) if args.netsh => show::listing(std::slice::from_ref(found), store.as_ref(), ui),
        (Some(found), _) => show::binding(found, store.as_ref(), ui),
        (None, Some(key)) => Err(kept::unbound(&key)),
        (None, None) => {
            let stored = kept::by_hash(store.as_ref(), which)?;
            certificate(&facts(stored.chain.first().map_or(&[], Vec::as_slice))?, ui)
        }
    }
}

fn certificate(facts: &Certificate, ui: &Ui) -> Result<(), CliError> {
    if ui.is_json() {
        return ui.json(&to_json(facts));
    }
    let valid = if facts.is_valid_at(clock::now()) { "now" } else { "not now" };
    let lines = [
        ("Subject", facts.subject.clone()),
        ("Issuer", facts.issuer.clone()),
        ("Names", facts.names().join(", ")),
        ("Valid", format!("{valid}: {} to {}", facts.not_before, facts.not_after)),
        ("Key", format!("{} {} bits", facts.key_kind, facts.key_bits)),
        ("Authority", if facts.is_ca { "yes" } else { "no" }.to_owned()),
        ("SHA-256", hex(&facts.fingerprint)),
        ("SHA-1", hex(&facts.thumbprint)),
        ("SPKI pin", hex(&facts.spki)),
    ];
    lines.iter().try_for_each(|(name, value)| ui.out(&ui.fact(name, value)))
}
