//! `gatepost cert issue`: a certificate of the local authority, or of an ACME authority.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use gatepost::clock;
use gatepost::tls::certificate::Certificate;
use gatepost::tls::pem;
use gatepost_gateway::first_run;
use serde_json::json;

use super::acme::{self, AcmeArgs};
use super::facts::hex;
use crate::error::CliError;
use crate::options::StateArgs;
use crate::runtime;
use crate::ui::Ui;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What `cert issue` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost cert issue api.test 127.0.0.1 --out certs
  gatepost cert issue ali@example.com --client --days 30
  gatepost cert issue --acme letsencrypt --names example.com,www.example.com --email ops@example.com --agree-tos
  gatepost cert issue db.corp --acme https://ca.corp/directory --ca-file corp.pem --challenge http-01 --agree-tos

Writes NAME.pem (the certificate and its authority) and NAME.key (for its owner alone). It is good where the local
authority is trusted: `ca.pem` in the state directory.

With --acme, the certificate is kept in the store and its names are bound to it, at every port. For the proof that the
names are ours, the authority asks at port 443 or 80 of each name; `gatepost cert renew` asks again.")]
pub struct IssueArgs {
    /// DNS names and IP addresses; with --client also mail addresses
    #[arg(value_name = "NAME", required_unless_present = "acme_names")]
    pub names: Vec<String>,
    /// How many days it is good; never longer than the authority
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: u32,
    /// For a client, and not for a server
    #[arg(long)]
    pub client: bool,
    /// The directory for the files; it is made if it is not there
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
    /// Of whom, if not of the local authority.
    #[command(flatten)]
    pub acme: AcmeArgs,
    /// Where the authority is kept.
    #[command(flatten)]
    pub state: StateArgs,
}

pub(super) fn issue(args: &IssueArgs, ui: &Ui) -> Result<(), CliError> {
    let store = runtime::store(&args.state)?;
    if let Some(directory) = &args.acme.acme {
        let names = [args.names.as_slice(), args.acme.names.as_slice()].concat();
        return acme::issue(&args.acme, directory, &names, store, ui);
    }
    let now = clock::now();
    let authority = runtime::block_on(async { Ok(first_run::authority(store.as_ref(), now).await?) })?;
    let life = DAY * args.days;
    let issued = match args.client {
        true => authority.issue_client(&args.names, now, life),
        false => authority.issue_server(&args.names, now, life),
    };
    let issued = issued.map_err(gatepost::Error::from)?;
    let stem = args.names.first().map(|name| file_stem(name)).unwrap_or_default();
    let (cert, key) = (args.out.join(format!("{stem}.pem")), args.out.join(format!("{stem}.key")));
    let chain: String = issued.chain.iter().map(|der| pem::certificate_pem(der)).collect();
    std::fs::create_dir_all(&args.out).map_err(|error| CliError::io(args.out.display().to_string(), &error))?;
    write_pair((&cert, chain.as_bytes()), (&key, pem::key_pem(&issued.key).reveal()))?;
    let facts = Certificate::parse(issued.chain.first().map_or(&[], Vec::as_slice)).map_err(gatepost::Error::from)?;
    let value = json!({
        "certificate": cert.display().to_string(),
        "key": key.display().to_string(),
        "sha256": hex(&facts.fingerprint),
        "not_after": facts.not_after.to_string(),
    });
    ui.done(&format!("{} and {} are good until {}.", cert.display(), key.display(), facts.not_after), &value)
}

/// Writes a certificate and its key, neither of which is there yet: both or none, so that it can be tried again.
fn write_pair(cert: (&Path, &[u8]), key: (&Path, &[u8])) -> Result<(), CliError> {
    // A link that leads nowhere is in the way as well.
    if let Some(taken) = [cert.0, key.0].into_iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(taken_already(taken));
    }
    write_new(key.0, key.1, 0o600)?;
    write_new(cert.0, cert.1, 0o644).inspect_err(|_| {
        // That it cannot be removed says nothing that the first error does not.
        let _ = std::fs::remove_file(key.0);
    })
}

fn taken_already(path: &Path) -> CliError {
    CliError::Exists {
        what: path.display().to_string(),
        hint: Some("name another directory or file, or move that one away".into()),
    }
}

/// Writes a file that is not there yet. What could not be written whole is removed.
pub(super) fn write_new(path: &Path, content: &[u8], mode: u32) -> Result<(), CliError> {
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = opened.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => taken_already(path),
        _ => CliError::io(path.display().to_string(), &error),
    })?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(|error| {
        let _ = std::fs::remove_file(path);
        CliError::io(path.display().to_string(), &error)
    })
}

/// As the files of a certificate directory are called; an IPv6 address has no colons there.
fn file_stem(name: &str) -> String {
    let name = name.strip_prefix("*.").map_or_else(|| name.to_owned(), |domain| format!("_.{domain}"));
    name.replace([':', '/'], "-").to_ascii_lowercase()
}
