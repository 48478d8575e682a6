//! `gatepost cert bind`, `rebind` and `unbind`: what answers where.

use std::path::{Path, PathBuf};

use clap::Args;
use gatepost::clock;
use gatepost::model::application::ApplicationId;
use gatepost::model::binding::{Answer, Binding, BindingKey};
use gatepost::model::terms::Terms;
use gatepost::store::store::{KnownCertificate, Owner, Store, StoredCertificate};
use gatepost::tls::certificate::{Certificate, fingerprint};
use gatepost::tls::error::TlsError;
use gatepost::tls::fitness;
use serde_json::json;

use super::attached::{check_staple, place};
use super::facts::{hex, read};
use super::kept;
use super::terms::TermsArgs;
use crate::error::CliError;
use crate::options::StateArgs;
use crate::runtime;
use crate::ui::Ui;

/// What `cert bind` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost cert bind www.example.com:443 --cert chain.pem --key key.pem
  gatepost cert bind 0.0.0.0:443 --cert both.pem --min-tls 1.3
  gatepost cert bind '*.old.example.com:443' --reject
  gatepost cert bind --dir /etc/gatepost/certs --port 443

A KEY is `ip:port`, `host:port`, `*.domain:port` or `*:port`; port 0 is any port. A running gateway shows what is
bound at the next handshake. With --dir, each host has a file: `www.example.com.pem`, or `_.example.com.pem` for every
name one label below, with chain and key.")]
pub struct BindArgs {
    /// Where it answers
    #[arg(value_name = "KEY", required_unless_present = "port")]
    pub key: Option<BindingKey>,
    /// With --dir instead of a KEY: every name at this port
    #[arg(long, value_name = "N", requires = "dir", conflicts_with = "key")]
    pub port: Option<u16>,
    /// With what.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Show the certificates of this directory, a file for each host
    #[arg(long, value_name = "DIR", conflicts_with_all = ["cert", "hash"])]
    pub dir: Option<PathBuf>,
    /// End connections before a certificate is shown
    #[arg(long, conflicts_with = "dir")]
    pub reject: bool,
    /// Whose it is: a UUID, or a name that stands for one [default: this installation]
    #[arg(long, value_name = "UUID|NAME", value_parser = application)]
    pub app: Option<ApplicationId>,
    /// On which terms.
    #[command(flatten)]
    pub terms: TermsArgs,
    /// Where it is kept.
    #[command(flatten)]
    pub state: StateArgs,
}

/// Where a certificate comes from.
#[derive(Debug, Args)]
pub struct SourceArgs {
    /// The certificate and its chain (PEM), the certificate first
    #[arg(long, value_name = "FILE", conflicts_with = "hash")]
    pub cert: Option<PathBuf>,
    /// The private key (PEM, unencrypted) [default: the same file]
    #[arg(long = "key", value_name = "FILE", requires = "cert", id = "key_file")]
    pub private_key: Option<PathBuf>,
    /// A certificate that is kept already, by SHA-256 or SHA-1
    #[arg(long, value_name = "HASH")]
    pub hash: Option<String>,
}

/// What `cert rebind` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost cert rebind www.example.com:443 --cert new.pem --key new.key
  gatepost cert rebind www.example.com:443 --cert new.pem --if-hash 3f9a...   Only if that one is bound still
  gatepost cert rebind www.example.com:443 --min-tls 1.3                      Other terms

The swap is one step: no connection is dropped, and the next handshake shows the new certificate. What is not given
stays: a binding that rejects goes on to reject. Exit code 5: something else is bound by now.")]
pub struct RebindArgs {
    /// Where it answers
    #[arg(value_name = "KEY")]
    pub key: BindingKey,
    /// With what.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Only if this certificate is bound, by SHA-256 or SHA-1
    #[arg(long, value_name = "HASH")]
    pub if_hash: Option<String>,
    /// On which terms.
    #[command(flatten)]
    pub terms: TermsArgs,
    /// Where it is kept.
    #[command(flatten)]
    pub state: StateArgs,
}

/// What `cert unbind` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost cert unbind www.example.com:443
  gatepost cert unbind 0.0.0.0:443 --app Web         What that application has bound
  gatepost cert unbind 0.0.0.0:443 --force           Whosever it is")]
pub struct UnbindArgs {
    /// Where it answers
    #[arg(value_name = "KEY")]
    pub key: BindingKey,
    /// Whose it has to be [default: this installation]
    #[arg(long, value_name = "UUID|NAME", value_parser = application)]
    pub app: Option<ApplicationId>,
    /// Also if it belongs to another application
    #[arg(long)]
    pub force: bool,
    /// Where it is kept.
    #[command(flatten)]
    pub state: StateArgs,
}

/// A UUID, or the one that stands for a name.
pub(super) fn application(text: &str) -> Result<ApplicationId, String> {
    if text.is_empty() {
        return Err("a UUID or a name".into());
    }
    Ok(text.parse().unwrap_or_else(|_| ApplicationId::named(fingerprint(text.as_bytes()))))
}

pub(super) fn bind(args: &BindArgs, ui: &Ui) -> Result<(), CliError> {
    let key = args.key.clone().unwrap_or(BindingKey::Any { port: args.port.unwrap_or_default() });
    let store = runtime::store(&args.state)?;
    let terms = args.terms.apply(Terms::default())?;
    let found = args.source.find(store.as_ref())?;
    let certificate = found.as_ref().map(|stored| stored.fingerprint);
    let answer = match (&args.dir, args.reject, certificate) {
        (Some(dir), ..) => Answer::Directory(directory(dir)?),
        (None, true, kept) => Answer::Reject(kept),
        (None, false, Some(certificate)) => Answer::Certificate(certificate),
        (None, false, None) => {
            return Err(CliError::usage(
                "nothing to bind",
                "name a certificate with `--cert FILE`, `--dir DIR` or `--reject`",
            ));
        }
    };
    check_key(&key, &answer)?;
    check_staple(&terms, found.as_ref().map(|stored| stored.chain.as_slice()))?;
    let bound = runtime::block_on(async {
        let own = store.application().await.map_err(gatepost::Error::from)?;
        let binding = Binding { key, answer, application: args.app.unwrap_or(own), terms };
        // Before a key is kept for nothing.
        let taken = store.bindings().await.map_err(gatepost::Error::from)?;
        if taken.iter().any(|other| other.key == binding.key) {
            let hint = "`gatepost cert rebind` replaces what is bound".to_owned();
            return Err(CliError::Exists { what: format!("a binding of {}", binding.key), hint: Some(hint) });
        }
        keep(store.as_ref(), found.clone()).await?;
        store.add_binding(binding.clone()).await.map_err(gatepost::Error::from)?;
        Ok(binding)
    })?;
    warn_of_names(&bound, found.as_ref(), ui);
    said(&bound, "bound", ui)
}

pub(super) fn rebind(args: &RebindArgs, ui: &Ui) -> Result<(), CliError> {
    let store = runtime::store(&args.state)?;
    let found = args.source.find(store.as_ref())?;
    let before = kept::binding(store.as_ref(), &args.key)?;
    let expected = before.certificate();
    if let Some(wanted) = &args.if_hash {
        let is_it = kept::certificates(store.as_ref())?
            .into_iter()
            .any(|known| Some(known.fingerprint) == expected && kept::has_hash(&known, wanted));
        if !is_it {
            let found = expected.map_or_else(|| "no certificate".to_owned(), |bound| hex(&bound));
            let what = format!("{} is bound to {found} by now: that", args.key);
            return Err(CliError::Exists { what, hint: Some("look at it again, and decide anew".into()) });
        }
    }
    let answer = match (&found, &before.answer) {
        // A renewal puts a certificate in, and does not open what was closed.
        (Some(stored), Answer::Reject(_)) => Answer::Reject(Some(stored.fingerprint)),
        (Some(stored), _) => Answer::Certificate(stored.fingerprint),
        (None, answer) => answer.clone(),
    };
    check_key(&args.key, &answer)?;
    let bound = Binding { answer, terms: args.terms.apply(before.terms.clone())?, ..before.clone() };
    let chain = chain_of(&bound, found.as_ref(), store.as_ref())?;
    match check_staple(&bound.terms, chain.as_deref()) {
        // What was stapled to the one before is not this one's; a renewal does not wait for that.
        Err(error) if !args.terms.names_staple() => ui.warning(&format!("{error}: nothing is stapled until then")),
        checked => checked?,
    }
    runtime::block_on(async {
        keep(store.as_ref(), found.clone()).await?;
        store.update_binding(bound.clone(), &before).await.map_err(|error| gatepost::Error::from(error).into())
    })?;
    warn_of_names(&bound, found.as_ref(), ui);
    said(&bound, "rebound", ui)
}

pub(super) fn unbind(args: &UnbindArgs, ui: &Ui) -> Result<(), CliError> {
    let store = runtime::store(&args.state)?;
    runtime::block_on(async {
        let own = store.application().await.map_err(gatepost::Error::from)?;
        let owner = if args.force { Owner::Anyone } else { Owner::Is(args.app.unwrap_or(own)) };
        store.remove_binding(&args.key, owner).await.map_err(|error| gatepost::Error::from(error).into())
    })?;
    ui.done(&format!("{} is bound no more.", args.key), &json!({ "binding": args.key.to_string(), "removed": true }))
}

impl SourceArgs {
    /// The certificate that was named, found fit; `None` if none was.
    pub(super) fn find(&self, store: &dyn Store) -> Result<Option<StoredCertificate>, CliError> {
        match (&self.cert, &self.hash) {
            (Some(cert), _) => fit(cert, self.private_key.as_deref().unwrap_or(cert)).map(Some),
            (None, Some(hash)) => kept::by_hash(store, hash).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// Reads a certificate and its key, and looks whether they are fit to be bound.
pub(super) fn fit(cert: &Path, key: &Path) -> Result<StoredCertificate, CliError> {
    let ready = fitness::from_pem(&read(cert)?, &read(key)?, clock::now());
    let (ready, chain, key) = ready.map_err(|unfit| {
        gatepost::Error::from(TlsError::Unfit(unfit)).while_doing(format!("reading {}", cert.display()))
    })?;
    Ok(StoredCertificate { fingerprint: ready.facts().fingerprint, chain, key })
}

pub(super) async fn keep(store: &dyn Store, found: Option<StoredCertificate>) -> Result<(), CliError> {
    match found {
        Some(certificate) => {
            store.put_certificate(certificate).await.map_err(|error| gatepost::Error::from(error).into())
        }
        None => Ok(()),
    }
}

/// A directory, as a running gateway finds it.
pub(super) fn directory(dir: &Path) -> Result<String, CliError> {
    let place = place(dir)?;
    match Path::new(&place).is_dir() {
        true => Ok(place),
        false => Err(CliError::Io { what: dir.display().to_string(), detail: "it is no directory".into() }),
    }
}

/// A certificate for every name there is would be shown to clients that believe to be elsewhere.
pub(super) fn check_key(key: &BindingKey, answer: &Answer) -> Result<(), CliError> {
    match (key, answer) {
        (BindingKey::Any { .. }, Answer::Certificate(_)) => Err(CliError::usage(
            format!("{key} takes a directory, or rejects; a certificate answers for its own names"),
            "bind it to `0.0.0.0:PORT` or `[::]:PORT`: it is shown there for every name that it covers",
        )),
        (BindingKey::Address(_), Answer::Directory(_)) => {
            Err(CliError::usage("a directory answers by name", "bind it to `*:PORT`, or to `host:PORT`"))
        }
        _ => Ok(()),
    }
}

/// The chain that a binding shows, if it shows one.
fn chain_of(
    bound: &Binding,
    found: Option<&StoredCertificate>,
    store: &dyn Store,
) -> Result<Option<Vec<Vec<u8>>>, CliError> {
    if let Some(stored) = found {
        return Ok(Some(stored.chain.clone()));
    }
    let is_it = |known: &KnownCertificate| Some(known.fingerprint) == bound.certificate();
    Ok(kept::certificates(store)?.into_iter().find(is_it).map(|known| known.chain))
}

fn warn_of_names(bound: &Binding, found: Option<&StoredCertificate>, ui: &Ui) {
    let facts = found.and_then(|stored| Certificate::parse(stored.chain.first()?).ok());
    let (BindingKey::Host { host, .. }, Answer::Certificate(_), Some(facts)) = (&bound.key, &bound.answer, facts)
    else {
        return;
    };
    if !facts.covers(host) && !facts.dns_names.contains(host) {
        ui.warning(&format!(
            "the certificate is for {}, not for {host}: clients will refuse it",
            facts.names().join(", ")
        ));
    }
}

fn said(bound: &Binding, what: &str, ui: &Ui) -> Result<(), CliError> {
    let to = match &bound.answer {
        Answer::Certificate(certificate) => format!("certificate {}", hex(certificate)),
        Answer::Reject(_) => "the end of the connection".to_owned(),
        Answer::Directory(path) => format!("the directory {path}"),
    };
    let value = json!({
        "binding": bound.key.to_string(),
        "certificate": bound.certificate().map(|certificate| hex(&certificate)),
        "application": bound.application.to_string(),
        what: true,
    });
    ui.done(&format!("{} is {what} to {to}.", bound.key), &value)
}
