//! `gatepost credential export` and `import`: from one machine to another, and from a netrc file.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::net::Ipv6Addr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use gatepost::clock;
use gatepost::locker::Locker;
use gatepost::model::credential::Credential;
use gatepost::model::decided::Decided;
use gatepost::model::scope::Scope;
use gatepost::model::url::Url;
use gatepost::store::bundle::{self, MOST_OCTETS};
use gatepost::store::store::StoredCredential;
use serde_json::json;

use crate::error::CliError;
use crate::netrc;
use crate::options::StateArgs;
use crate::passwords::PasswordArgs;
use crate::runtime;
use crate::ui::Ui;

/// What `credential export` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost credential export --out work.bundle                   All; asks for a passphrase twice
  gatepost credential export work bot --out two.bundle --password-file passphrase")]
pub struct ExportArgs {
    /// The credentials' names [default: all]
    pub names: Vec<String>,
    /// The file to write; one that is there stays
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Where the passphrase comes from.
    #[command(flatten)]
    pub passphrase: PasswordArgs,
    /// Where they are kept.
    #[command(flatten)]
    pub state: StateArgs,
}

/// What `credential import` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost credential import work.bundle               Asks for the passphrase
  gatepost credential import work.bundle --skip-existing
  gatepost credential import --netrc ~/.netrc          Each login becomes USER@HOST, for https://HOST")]
pub struct ImportArgs {
    /// The file
    pub file: PathBuf,
    /// It is a netrc file, and no bundle
    #[arg(long, conflicts_with_all = ["password_stdin", "password_env", "password_file"])]
    pub netrc: bool,
    /// Pass over those whose names are taken [default: take none then]
    #[arg(long)]
    pub skip_existing: bool,
    /// Where the passphrase comes from.
    #[command(flatten)]
    pub passphrase: PasswordArgs,
    /// Where they are kept.
    #[command(flatten)]
    pub state: StateArgs,
}

pub(crate) fn export(args: &ExportArgs, ui: &Ui) -> Result<(), CliError> {
    let store = runtime::store(&args.state)?;
    let mut kept = runtime::block_on(async { Ok(store.credentials().await.map_err(gatepost::Error::from)?) })?;
    if let Some(name) = args.names.iter().find(|name| !kept.iter().any(|stored| stored.name == **name)) {
        let hint = Some("`gatepost credential list` shows what there is".into());
        return Err(CliError::Missing { what: format!("credential `{name}`"), hint });
    }
    kept.retain(|stored| args.names.is_empty() || args.names.contains(&stored.name));
    if args.out.exists() {
        return Err(exists(&args.out));
    }
    let passphrase = args.passphrase.read_new("Passphrase of the bundle")?;
    let sealed = bundle::seal(&kept, &passphrase).map_err(gatepost::Error::from)?;
    let mut decided = Decided::new(clock::now(), "export", true, "asked for on the command line");
    let names: Vec<&str> = kept.iter().map(|stored| stored.name.as_str()).collect();
    (decided.who, decided.place) = (Some(runtime::own_user()), Some(format!("credentials {}", names.join(", "))));
    runtime::record(&args.state, decided)?;
    write_new(&args.out, &sealed)?;
    ui.done(
        &format!("{} credentials are in {}.", kept.len(), args.out.display()),
        &json!({ "file": args.out, "credentials": names }),
    )
}

pub(crate) fn import(args: &ImportArgs, ui: &Ui) -> Result<(), CliError> {
    let mut found = match args.netrc {
        true => from_netrc(&args.file, ui)?,
        false => from_bundle(args)?,
    };
    let locker = runtime::locker(&args.state)?;
    let taken = names(&locker)?;
    if args.skip_existing {
        for stored in found.iter().filter(|stored| taken.contains(&stored.name)) {
            ui.note(&format!("{} is there already and stays as it is.", stored.name));
        }
        found.retain(|stored| !taken.contains(&stored.name));
    }
    let names: Vec<String> = found.iter().map(|stored| stored.name.clone()).collect();
    runtime::block_on(async { Ok(locker.add(found).await?) })?;
    ui.done(
        &format!("{} credentials came in; `gatepost credential list` shows them.", names.len()),
        &json!({ "file": args.file, "credentials": names }),
    )
}

fn from_bundle(args: &ImportArgs) -> Result<Vec<StoredCredential>, CliError> {
    let failed = |error: std::io::Error| CliError::io(args.file.display().to_string(), &error);
    let file = std::fs::File::open(&args.file).map_err(failed)?;
    let mut octets = Vec::new();
    let bound = u64::try_from(MOST_OCTETS).unwrap_or(u64::MAX).saturating_add(1);
    file.take(bound).read_to_end(&mut octets).map_err(failed)?;
    if !octets.starts_with(b"GPSB") {
        let hint = "for a netrc file add `--netrc`";
        return Err(CliError::usage(format!("{} is no bundle of credentials", args.file.display()), hint));
    }
    let passphrase = args.passphrase.read("Passphrase of the bundle")?;
    Ok(bundle::open(&octets, &passphrase).map_err(gatepost::Error::from)?)
}

/// The logins of a netrc file, each for its host over TLS. What is for no host of its own stays behind.
fn from_netrc(path: &Path, ui: &Ui) -> Result<Vec<StoredCredential>, CliError> {
    let read = netrc::read(path)?;
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for entry in read.entries() {
        let at = |what: &str| format!("{}:{}: {what}", path.display(), entry.line);
        let Some(machine) = &entry.machine else {
            ui.warning(&at("`default` is for no host, and is left out"));
            continue;
        };
        let Some(url) = at_host(machine) else {
            ui.warning(&at("this is no host, and is left out"));
            continue;
        };
        if entry.login.is_empty() || entry.password.is_empty() {
            ui.warning(&at("without a user or a password it is left out"));
            continue;
        }
        let name = format!("{}@{machine}", entry.login);
        if !seen.insert(name.clone()) {
            ui.warning(&at("the same user of the same host stands above, and this one is left out"));
            continue;
        }
        let credential = Credential::login(entry.login.as_str(), entry.password.clone());
        found.push(StoredCredential { name, credential: credential.within(Scope::of(url.origin())) });
    }
    Ok(found)
}

/// A host over TLS; nothing but a host may stand there.
fn at_host(machine: &str) -> Option<Url> {
    let host = match machine.parse::<Ipv6Addr>() {
        Ok(_) => format!("[{machine}]"),
        Err(_) if machine.contains(['/', '?', '#', '@', ':', '%', '\\']) => return None,
        Err(_) => machine.to_owned(),
    };
    Url::parse(&format!("https://{host}/")).ok()
}

fn names(locker: &Locker) -> Result<BTreeSet<String>, CliError> {
    let all = runtime::block_on(async { Ok(locker.all().await?) })?;
    Ok(all.into_iter().map(|kept| kept.name).collect())
}

/// A file for us alone; one that is there stays.
fn write_new(path: &Path, content: &[u8]) -> Result<(), CliError> {
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => exists(path),
        _ => CliError::io(path.display().to_string(), &error),
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a bundle is none; that it cannot be removed either says nothing new.
        let _ = std::fs::remove_file(path);
    }
    written.map_err(failed)
}

fn exists(path: &Path) -> CliError {
    CliError::Exists { what: path.display().to_string(), hint: Some("name another file with `--out`".into()) }
}
