//! `gatepost cert`: certificates, and what they are bound to.

mod facts;
mod live;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use gatepost::clock;
use gatepost::store::store::{Store, StoredCertificate};
use gatepost::tls::certificate::Certificate;
use serde_json::json;

use self::facts::{facts, from_file, hex, to_json};
use crate::error::CliError;
use crate::options::StateArgs;
use crate::runtime;
use crate::ui::{self, Ui};

/// Show certificates and their bindings.
#[derive(Debug, Subcommand)]
pub enum CertCommand {
    /// List the bindings: which certificate answers where
    List(ListArgs),
    /// Show a certificate
    Show(ShowArgs),
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
  gatepost cert show localhost:0          The certificate of a binding
  gatepost cert show 3f9a                 By the beginning of its fingerprint
  gatepost cert show ./server.pem         A file
  gatepost cert show --live example.com:443
                                          What a server shows: chain, everything wrong with it, pins to copy")]
pub struct ShowArgs {
    /// A binding, the beginning of a SHA-256 fingerprint, or a PEM file; with --live HOST[:PORT]
    #[arg(value_name = "NAME|FINGERPRINT|FILE")]
    pub which: String,
    /// Ask the server of this name instead of the store
    #[arg(long)]
    pub live: bool,
    /// With --live, trust these authorities (PEM) instead of the system's
    #[arg(long, value_name = "FILE", requires = "live")]
    pub ca: Option<PathBuf>,
    /// Where they are kept.
    #[command(flatten)]
    pub state: StateArgs,
}

pub(crate) fn run(command: CertCommand, ui: &Ui) -> Result<(), CliError> {
    match command {
        CertCommand::List(args) => list(&args, ui),
        CertCommand::Show(args) => show(&args, ui),
    }
}

fn list(args: &ListArgs, ui: &Ui) -> Result<(), CliError> {
    let bound = bound(runtime::store(&args.state)?.as_ref())?;
    if ui.is_json() {
        let row = |(key, facts): &(String, Certificate)| {
            let mut row = to_json(facts);
            row["binding"] = json!(key);
            row
        };
        return ui.json(&bound.iter().map(row).collect());
    }
    let row = |(key, facts): &(String, Certificate)| {
        vec![
            key.clone(),
            facts.names().join(", "),
            facts.not_after.to_string(),
            hex(&facts.fingerprint).chars().take(16).collect(),
        ]
    };
    ui.out(&ui::table(&["BINDING", "NAMES", "UNTIL", "FINGERPRINT"], &bound.iter().map(row).collect::<Vec<_>>()))
}

fn show(args: &ShowArgs, ui: &Ui) -> Result<(), CliError> {
    if args.live {
        return live::show(&args.which, args.ca.as_deref(), ui);
    }
    let path = Path::new(&args.which);
    let facts = if path.is_file() { from_file(path)? } else { kept(args)? };
    if ui.is_json() {
        return ui.json(&to_json(&facts));
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
        ("SPKI pin", hex(&facts.spki)),
    ];
    lines.iter().try_for_each(|(name, value)| ui.out(&format!("{} {value}\n", ui.bold(&format!("{name:<10}")))))
}

/// All bindings with the facts of their certificates.
fn bound(store: &dyn Store) -> Result<Vec<(String, Certificate)>, CliError> {
    runtime::block_on(async {
        let mut bound = Vec::new();
        for binding in store.bindings().await.map_err(gatepost::Error::from)? {
            let Some(certificate) = binding.certificate() else { continue };
            let stored = store.certificate(certificate).await.map_err(gatepost::Error::from)?;
            if let Some(StoredCertificate { chain, .. }) = stored {
                bound.push((binding.key.to_string(), facts(chain.first().map_or(&[], Vec::as_slice))?));
            }
        }
        Ok(bound)
    })
}

fn kept(args: &ShowArgs) -> Result<Certificate, CliError> {
    let wanted = args.which.to_ascii_lowercase();
    let fingerprint = wanted.replace(':', "");
    let by_fingerprint = fingerprint.len() >= 4 && fingerprint.bytes().all(|b| b.is_ascii_hexdigit());
    let found = bound(runtime::store(&args.state)?.as_ref())?.into_iter().find(|(key, facts)| {
        *key == wanted
            || key.rsplit_once(':').is_some_and(|(host, _)| host == wanted)
            || by_fingerprint && hex(&facts.fingerprint).starts_with(&fingerprint)
    });
    let hint = Some("`gatepost cert list` shows what is bound; a file is named by its path".into());
    found
        .map(|(_, facts)| facts)
        .ok_or_else(|| CliError::Missing { what: format!("certificate `{}`", args.which), hint })
}
