//! `gatepost cert renew`: the same certificate again, with a new life.

use std::net::SocketAddr;

use clap::Args;
use gatepost::model::binding::BindingKey;
use gatepost::store::store::{KnownCertificate, Store};

use super::{acme, kept, local};
use crate::commands::serve::address;
use crate::error::CliError;
use crate::options::StateArgs;
use crate::runtime;
use crate::ui::Ui;

/// What `cert renew` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost cert renew www.example.com:443              What is bound there
  gatepost cert renew 3f9a --days 30                   That certificate
  gatepost cert renew 3f9a --listen 127.0.0.1:8080     Its ACME authority's question arrives here

A certificate of the local authority is issued anew, with a new key, for the same names and as long as before. Every
binding that shows it shows the new one from the next handshake on, on its terms; no connection is dropped. The one
before stays in the store. A certificate of an ACME authority is asked for again in the way in which it came
(`cert issue --acme`), and the names are bound to the new one; a gateway that has it in its configuration (`[[acme]]`)
does so by itself. Exit code 5: a binding has changed meanwhile.")]
pub struct RenewArgs {
    /// A binding, or the beginning of a certificate's SHA-256 or SHA-1 hash
    #[arg(value_name = "KEY|HASH")]
    pub which: String,
    /// How many days it is good [default: as many as before]; never longer than the authority
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: Option<u32>,
    /// Where an ACME authority's question is heard [default: as it was when the certificate was issued]
    #[arg(long, value_name = "ADDRESS", value_parser = address, conflicts_with = "days")]
    pub listen: Option<SocketAddr>,
    /// Where it is kept.
    #[command(flatten)]
    pub state: StateArgs,
}

pub(super) fn renew(args: &RenewArgs, ui: &Ui) -> Result<(), CliError> {
    let store = runtime::store(&args.state)?;
    let found = find(&args.which, store.as_ref())?;
    // Each kind of issuer answers whether the certificate is one of its own.
    if local::renew(&found, args.days, store.as_ref(), ui)? {
        return Ok(());
    }
    if acme::renew(&found, args.listen, store, ui)? {
        return Ok(());
    }
    Err(CliError::usage(
        format!("{} was issued neither by the local authority nor by an ACME authority", args.which),
        "get a new one from whoever issued it, and `gatepost cert rebind` it",
    ))
}

/// The certificate that is bound there, or that has that hash.
fn find(which: &str, store: &dyn Store) -> Result<KnownCertificate, CliError> {
    let fingerprint = match which.parse::<BindingKey>() {
        Ok(key) => kept::binding(store, &key)?.certificate().ok_or_else(|| {
            CliError::usage(format!("{key} is bound to no certificate"), "`gatepost cert list` shows what is bound")
        })?,
        Err(_) => kept::by_hash(store, which)?.fingerprint,
    };
    let found = kept::certificates(store)?.into_iter().find(|known| known.fingerprint == fingerprint);
    found.ok_or_else(|| CliError::Missing { what: format!("certificate for {which}"), hint: None })
}
