//! `gatepost cert renew`: the same certificate again, with a new life.

use std::net::SocketAddr;

use clap::Args;
use gatepost::model::binding::BindingKey;
use gatepost::store::store::KnownCertificate;

use super::{acme, kept};
use crate::commands::serve::address;
use crate::error::CliError;
use crate::options::StateArgs;
use crate::runtime;
use crate::ui::Ui;

/// What `cert renew` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost cert renew www.example.com:0                    What is bound there
  gatepost cert renew 3f9a --listen 127.0.0.1:8080         That certificate; the authority's question arrives here

A certificate of an ACME authority is asked for again in the way in which it came (`cert issue --acme`), and the names
are bound to the new one. A gateway that has it in its configuration (`[[acme]]`) does so by itself.")]
pub struct RenewArgs {
    /// A binding, or the beginning of a certificate's SHA-256 or SHA-1 hash
    #[arg(value_name = "KEY|HASH")]
    pub which: String,
    /// Where the authority's question is heard [default: as it was when the certificate was issued]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub listen: Option<SocketAddr>,
    /// Where it is kept.
    #[command(flatten)]
    pub state: StateArgs,
}

pub(super) fn renew(args: &RenewArgs, ui: &Ui) -> Result<(), CliError> {
    let store = runtime::store(&args.state)?;
    let fingerprint = match args.which.parse::<BindingKey>() {
        Ok(key) => {
            let nothing = || {
                CliError::usage(format!("{key} is bound to no certificate"), "`gatepost cert list` shows what is bound")
            };
            kept::binding(store.as_ref(), &key)?.certificate().ok_or_else(nothing)?
        }
        Err(_) => kept::by_hash(store.as_ref(), &args.which)?.fingerprint,
    };
    let mut known = kept::certificates(store.as_ref())?.into_iter();
    let found = known.find(|known: &KnownCertificate| known.fingerprint == fingerprint);
    let found =
        found.ok_or_else(|| CliError::Missing { what: format!("certificate for {}", args.which), hint: None })?;
    if acme::renew(&found, args.listen, store, ui)? {
        return Ok(());
    }
    Err(CliError::usage(
        format!("{} did not come from an ACME authority", args.which),
        "issue or import a new one, and `gatepost cert rebind` it",
    ))
}
