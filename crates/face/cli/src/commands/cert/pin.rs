//! `gatepost cert pin`: pins to copy, of a file, a binding, a certificate that is kept, or a server.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use gatepost::model::binding::BindingKey;
use gatepost::store::store::Store;
use gatepost::tls::certificate::Certificate;
use gatepost::tls::verify::pin::Digest;
use serde_json::{Value, json};

use super::facts::{chain, facts};
use super::{kept, live};
use crate::error::CliError;
use crate::options::StateArgs;
use crate::runtime;
use crate::ui::{self, Ui};

/// What `cert pin` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost cert pin www.example.com:443         Of a binding
  gatepost cert pin ./chain.pem                 Of a file
  gatepost cert pin --live example.com          Of a server, and of the authorities behind it
  gatepost get https://example.com/ --pin $(gatepost cert pin --live example.com --only root)

A pin of the key (spki-sha256) stays good when the certificate is renewed with the same key; one of the certificate
(sha256) does not. Pin a second key that lies elsewhere: who loses the only one is locked out.")]
pub struct PinArgs {
    /// A binding, the beginning of a SHA-256 or SHA-1 hash, or a PEM file; with --live a HOST or HOST:PORT
    #[arg(value_name = "KEY|HASH|FILE")]
    pub which: String,
    /// Ask the server of this name instead of the store
    #[arg(long)]
    pub live: bool,
    /// With --live, trust these authorities (PEM) instead of the system's
    #[arg(long, value_name = "FILE", requires = "live")]
    pub ca: Option<PathBuf>,
    /// Print the pin of the key of this one, and nothing else
    #[arg(long, value_enum, value_name = "WHOSE")]
    pub only: Option<Place>,
    /// Where they are kept.
    #[command(flatten)]
    pub state: StateArgs,
}

/// Where a certificate stands in its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Place {
    /// The first
    Leaf,
    /// One between the first and the root
    Issuer,
    /// The last, which has signed itself
    Root,
}

impl Place {
    const fn name(self) -> &'static str {
        match self {
            Self::Leaf => "leaf",
            Self::Issuer => "issuer",
            Self::Root => "root",
        }
    }

    fn of(at: usize, facts: &Certificate) -> Self {
        match at {
            0 => Self::Leaf,
            _ if facts.subject == facts.issuer => Self::Root,
            _ => Self::Issuer,
        }
    }
}

pub(super) fn pin(args: &PinArgs, ui: &Ui) -> Result<(), CliError> {
    if !args.live {
        return print(&kept_chain(args)?, args, ui);
    }
    let seen = live::ask(&args.which, None, args.ca.as_deref())?;
    // What only bears the name of an issuer could be anybody's.
    let proven = if seen.judgement.is_proven { seen.judgement.path.len() } else { 1 };
    print(seen.judgement.path.get(..proven).unwrap_or_default(), args, ui)?;
    seen.refusal.map_or(Ok(()), |error| Err(error.into()))
}

/// The chain of a file, of a binding, or of a certificate that is kept.
fn kept_chain(args: &PinArgs) -> Result<Vec<Vec<u8>>, CliError> {
    let path = Path::new(&args.which);
    if path.is_file() {
        return chain(path);
    }
    let store = runtime::store(&args.state)?;
    match args.which.parse::<BindingKey>() {
        Ok(key) => bound_chain(&key, store.as_ref()),
        Err(_) => Ok(kept::by_hash(store.as_ref(), &args.which)?.chain),
    }
}

fn bound_chain(key: &BindingKey, store: &dyn Store) -> Result<Vec<Vec<u8>>, CliError> {
    let bound = kept::binding(store, key)?.certificate();
    let found = kept::certificates(store)?.into_iter().find(|known| Some(known.fingerprint) == bound);
    found.map(|known| known.chain).ok_or_else(|| {
        CliError::usage(
            format!("{key} is bound to no certificate"),
            "name a file of its directory, or ask it with `--live`",
        )
    })
}

fn print(chain: &[Vec<u8>], args: &PinArgs, ui: &Ui) -> Result<(), CliError> {
    let all = chain.iter().map(|der| facts(der)).collect::<Result<Vec<_>, _>>()?;
    let placed = all.iter().enumerate().map(|(at, facts)| (Place::of(at, facts), facts));
    let wanted: Vec<_> = placed.filter(|(place, _)| args.only.is_none_or(|only| only == *place)).collect();
    if let Some(only) = args.only.filter(|_| wanted.is_empty()) {
        let what = format!("{} in the chain of {}", only.name(), args.which);
        return Err(CliError::Missing { what, hint: Some("without `--only` all are shown".into()) });
    }
    if ui.is_json() {
        return ui.json(&wanted.iter().map(|(place, facts)| as_json(*place, facts)).collect());
    }
    if args.only.is_some() {
        return wanted.iter().try_for_each(|(_, facts)| ui.out(&format!("{}\n", Digest::Spki(facts.spki))));
    }
    let rows: Vec<Vec<String>> = wanted
        .iter()
        .flat_map(|(place, facts)| {
            [Digest::Spki(facts.spki), Digest::Certificate(facts.fingerprint)]
                .map(|pin| vec![place.name().to_owned(), facts.subject.clone(), pin.to_string()])
        })
        .collect();
    ui.out(&ui::table(&["PLACE", "SUBJECT", "PIN"], &rows))
}

fn as_json(place: Place, facts: &Certificate) -> Value {
    json!({
        "place": place.name(),
        "subject": facts.subject,
        "not_after": facts.not_after.to_string(),
        "pin": Digest::Spki(facts.spki).to_string(),
        "certificate_pin": Digest::Certificate(facts.fingerprint).to_string(),
        "curl": format!("sha256//{}", STANDARD.encode(facts.spki)),
    })
}
