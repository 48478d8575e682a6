//! `gatepost cert import` and `export`: certificates and bindings from elsewhere, and back.

use std::path::{Path, PathBuf};

use clap::Args;
use gatepost::clock;
use gatepost::model::binding::{Answer, Binding};
use gatepost::model::secret::Secret;
use gatepost::model::terms::ClientCertificate;
use gatepost::store::store::{Store, StoredCertificate};
use gatepost::tls::certificate::Certificate;
use gatepost::tls::error::TlsError;
use gatepost::tls::fitness;
use gatepost::tls::pem;
use serde_json::json;

use super::attached::lists;
use super::bind::{SourceArgs, check_key, directory, fit, keep};
use super::facts::{chain, hex, read};
use super::issue::write_new;
use super::kept;
use super::netsh::entry::Entry;
use super::netsh::{json as netsh_json, labels, text as netsh_text};
use super::pkcs12::{self, Closed};
use crate::error::CliError;
use crate::options::StateArgs;
use crate::passwords::PasswordArgs;
use crate::runtime;
use crate::ui::{self, Ui};

/// What `cert import` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost cert import --cert chain.pem --key key.pem
  gatepost cert import site.pfx                             Asks for the password
  gatepost cert import site.p12 --password-file secret.txt
  gatepost cert import --netsh sslcert.txt --certs exported/

FILE is PKCS #12 (.p12, .pfx) with one private key, or PEM with chain and key. Nothing is asked where its password is empty.

A listing is the output of `netsh http show sslcert`, as text or with `json=enable`. It names certificates by
thumbprint: they have to be kept already, or to lie in --certs as PEM (chain and key in one file, or NAME.pem and
NAME.key). What cannot be imported is listed with the reason; exit code 4 then. Nothing that is bound is replaced.")]
pub struct ImportArgs {
    /// A PKCS #12 file, or a PEM file with chain and key
    #[arg(value_name = "FILE", conflicts_with_all = ["cert", "hash", "netsh"])]
    pub file: Option<PathBuf>,
    /// The password of FILE.
    #[command(flatten)]
    pub password: PasswordArgs,
    /// A certificate to keep, without binding it.
    #[command(flatten)]
    pub source: SourceArgs,
    /// A listing of `netsh http show sslcert`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cert", "hash"], required_unless_present_any = ["cert", "file"])]
    pub netsh: Option<PathBuf>,
    /// With --netsh, where the certificates lie
    #[arg(long, value_name = "DIR", requires = "netsh")]
    pub certs: Option<PathBuf>,
    /// With --netsh, the directory that stands for the central certificate store
    #[arg(long, value_name = "DIR", requires = "netsh")]
    pub dir: Option<PathBuf>,
    /// With --netsh, the authorities (PEM) of clients' certificates, for bindings that ask for one
    #[arg(long, value_name = "FILE", requires = "netsh")]
    pub client_ca: Option<PathBuf>,
    /// With --netsh, revocation lists (PEM or DER), for bindings that hold clients' certificates against some
    #[arg(long = "crl", value_name = "FILE", requires = "netsh")]
    pub revocation_lists: Vec<PathBuf>,
    /// Where they are kept.
    #[command(flatten)]
    pub state: StateArgs,
}

/// What `cert export` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost cert export www.example.com:443 > chain.pem
  gatepost cert export 3f9a --key-out key.pem            The private key goes to a file for its owner alone
  gatepost cert export www.example.com:443 --pkcs12 site.p12
                                                         Chain and key under a password that is asked for

A PKCS #12 file is written with AES-256 and SHA-256: OpenSSL 1.1, Java 8u301, Windows 10 (1709) and newer read it.")]
pub struct ExportArgs {
    /// A binding, or the beginning of a SHA-256 or SHA-1 hash
    #[arg(value_name = "KEY|HASH")]
    pub which: String,
    /// Write the private key into this file, which must not be there yet
    #[arg(long, value_name = "FILE")]
    pub key_out: Option<PathBuf>,
    /// Write certificate, chain and private key into this file (PKCS #12), which must not be there yet
    #[arg(long, value_name = "FILE", conflicts_with = "key_out")]
    pub pkcs12: Option<PathBuf>,
    /// The password of --pkcs12.
    #[command(flatten)]
    pub password: PasswordArgs,
    /// Where they are kept.
    #[command(flatten)]
    pub state: StateArgs,
}

pub(super) fn export(args: &ExportArgs, ui: &Ui) -> Result<(), CliError> {
    let store = runtime::store(&args.state)?;
    let hash = match args.which.parse() {
        Ok(key) => kept::binding(store.as_ref(), &key)?.certificate().map(|certificate| hex(&certificate)),
        Err(_) => Some(args.which.clone()),
    };
    let stored = kept::by_hash(store.as_ref(), &hash.unwrap_or_else(|| args.which.clone()))?;
    if let Some(path) = &args.pkcs12 {
        return export_pkcs12(&stored, path, &args.password, ui);
    }
    if args.password.is_given() {
        return Err(CliError::usage("a password is for PKCS #12", "name the file with `--pkcs12 FILE`"));
    }
    if let Some(path) = &args.key_out {
        write_new(path, pem::key_pem(&stored.key).reveal(), 0o600)?;
    }
    let text: String = stored.chain.iter().map(|der| pem::certificate_pem(der)).collect();
    match ui.is_json() {
        true => ui.json(&json!({ "sha256": hex(&stored.fingerprint), "chain": text })),
        false => ui.out(&text),
    }
}

fn export_pkcs12(stored: &StoredCertificate, path: &Path, password: &PasswordArgs, ui: &Ui) -> Result<(), CliError> {
    let password = password.read_new(&format!("Password for {}", path.display()))?;
    if !password.reveal().is_ascii() {
        ui.warning("Java opens files with a password of ASCII only");
    }
    let file = pkcs12::write(&stored.chain, &stored.key, &password).map_err(|error| closed(path, error))?;
    write_new(path, &file, 0o600)?;
    let (sha256, place) = (hex(&stored.fingerprint), path.display().to_string());
    ui.done(&format!("Certificate {sha256} and its key are in {place}."), &json!({ "sha256": sha256, "pkcs12": place }))
}

pub(super) fn import(args: &ImportArgs, ui: &Ui) -> Result<(), CliError> {
    let store = runtime::store(&args.state)?;
    if args.password.is_given() && args.file.is_none() {
        return Err(CliError::usage("a password is for PKCS #12", "name the file: `gatepost cert import FILE`"));
    }
    if let Some(path) = &args.netsh {
        return listing(args, path, store.as_ref(), ui);
    }
    let found = match &args.file {
        Some(path) => Some(whole(path, &args.password)?),
        None => args.source.find(store.as_ref())?,
    };
    let Some(found) = found else {
        return Err(CliError::usage("nothing to import", "name a file, or a certificate with `--cert FILE`"));
    };
    let sha256 = hex(&found.fingerprint);
    runtime::block_on(keep(store.as_ref(), Some(found)))?;
    ui.done(&format!("Certificate {sha256} is kept."), &json!({ "sha256": sha256, "imported": true }))
}

/// A certificate and its key out of one file, found fit to be bound.
fn whole(path: &Path, password: &PasswordArgs) -> Result<StoredCertificate, CliError> {
    let octets = read(path)?;
    if octets.windows(10).any(|part| part == b"-----BEGIN") {
        if password.is_given() {
            return Err(CliError::usage(
                "PEM is read without a password",
                "leave it out: the key has to be unencrypted",
            ));
        }
        return fit(path, path);
    }
    // Many have an empty one.
    let at_once = if password.is_given() { password.read("")? } else { Secret::from("") };
    let mut opened = pkcs12::read(&octets, &at_once);
    if opened == Err(Closed::Password) && !password.is_given() {
        opened = pkcs12::read(&octets, &password.read(&format!("Password of {}", path.display()))?);
    }
    let (chain, key) = opened.map_err(|error| closed(path, error))?;
    let ready = fitness::server_certificate(chain.clone(), &key, clock::now()).map_err(|unfit| {
        gatepost::Error::from(TlsError::Unfit(unfit)).while_doing(format!("reading {}", path.display()))
    })?;
    Ok(StoredCertificate { fingerprint: ready.facts().fingerprint, chain, key })
}

fn closed(path: &Path, error: Closed) -> CliError {
    match error {
        Closed::Password => CliError::usage(
            format!("the password does not open {}, or it was altered", path.display()),
            "try again: nothing was kept",
        ),
        Closed::Other(detail) => CliError::usage(
            format!("{}: {detail}", path.display()),
            "give PKCS #12 (.p12, .pfx) with one private key and its certificate",
        ),
    }
}

/// One binding of a listing, and why it is not imported if it is not.
struct Outcome {
    key: String,
    wrong: Option<String>,
}

fn listing(args: &ImportArgs, path: &Path, store: &dyn Store, ui: &Ui) -> Result<(), CliError> {
    let text = decode(&read(path)?);
    let unreadable = |detail: String| CliError::Usage {
        detail: format!("{}: {detail}", path.display()),
        hint: Some("give what `netsh http show sslcert` prints on an English system, or with `json=enable`".into()),
    };
    let entries = match text.trim_start().starts_with(['{', '[']) {
        true => netsh_json::read(&text).map_err(unreadable)?,
        false => netsh_text::read(&text),
    };
    if entries.is_empty() {
        return Err(unreadable("there is no binding in it".into()));
    }
    let sources = Sources::new(args)?;
    let outcome = |entry: &Entry| {
        let wrong = import_one(entry, &sources, store).err();
        Outcome { key: entry.name().to_owned(), wrong }
    };
    let outcomes: Vec<Outcome> = entries.iter().map(outcome).collect();
    let failed = outcomes.iter().filter(|outcome| outcome.wrong.is_some()).count();
    if ui.is_json() {
        let row = |one: &Outcome| json!({ "binding": one.key, "imported": one.wrong.is_none(), "reason": one.wrong });
        ui.json(&outcomes.iter().map(row).collect())?;
    } else {
        let row = |one: &Outcome| {
            let said = one.wrong.as_ref().map_or("imported".to_owned(), |wrong| format!("not imported: {wrong}"));
            vec![one.key.clone(), said]
        };
        ui.out(&ui::table(&["BINDING", "OUTCOME"], &outcomes.iter().map(row).collect::<Vec<_>>()))?;
    }
    if failed > 0 {
        let what = format!("way to import {failed} of {} bindings", outcomes.len());
        return Err(CliError::Missing {
            what,
            hint: Some("the table says why; import again when that is there".into()),
        });
    }
    Ok(())
}

/// Where what a listing only names comes from.
struct Sources {
    certificates: Vec<OnDisk>,
    directory: Option<String>,
    authorities: Vec<Vec<u8>>,
    revocation_lists: Vec<String>,
}

/// A certificate in a directory.
struct OnDisk {
    /// Its SHA-1, in hexadecimal.
    thumbprint: String,
    /// The certificate if it is fit to be bound, or why it is not.
    found: Result<StoredCertificate, String>,
}

impl Sources {
    fn new(args: &ImportArgs) -> Result<Self, CliError> {
        Ok(Self {
            certificates: args.certs.as_deref().map(certificates_in).transpose()?.unwrap_or_default(),
            directory: args.dir.as_deref().map(directory).transpose()?,
            revocation_lists: lists(&args.revocation_lists)?,
            authorities: args.client_ca.as_deref().map(chain).transpose()?.unwrap_or_default(),
        })
    }
}

/// The certificates in a directory by thumbprint, each fit to be bound or with the reason why not.
fn certificates_in(dir: &Path) -> Result<Vec<OnDisk>, CliError> {
    let failed = |error: std::io::Error| CliError::io(dir.display().to_string(), &error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_pem = path.extension().is_some_and(|end| end == "pem" || end == "crt" || end == "cer");
        let Some(leaf) =
            is_pem.then(|| chain(&path).ok()).flatten().and_then(|chain| Certificate::parse(chain.first()?).ok())
        else {
            continue;
        };
        let beside = path.with_extension("key");
        let key = if beside.is_file() { &beside } else { &path };
        let fitting = fit(&path, key).map_err(|error| error.to_string());
        found.push(OnDisk { thumbprint: hex(&leaf.thumbprint), found: fitting });
    }
    Ok(found)
}

fn import_one(entry: &Entry, sources: &Sources, store: &dyn Store) -> Result<(), String> {
    let (key, central) = entry.key()?;
    let mut terms = entry.terms()?;
    if terms.client_certificate != ClientCertificate::Off {
        if sources.authorities.is_empty() {
            return Err("it asks clients for certificates: name their authorities with --client-ca".into());
        }
        terms.client_authorities.clone_from(&sources.authorities);
        if terms.checks_revocation() && sources.revocation_lists.is_empty() {
            return Err("it holds clients' certificates against revocation lists: name them with --crl".into());
        }
        if terms.checks_revocation() {
            terms.revocation_lists.clone_from(&sources.revocation_lists);
        }
    }
    let (mut found, mut answer) = (None, None);
    if central {
        let place = sources.directory.clone();
        answer =
            Some(Answer::Directory(place.ok_or("it is a central certificate store: name its directory with --dir")?));
    } else if let Some(hash) = entry.value(labels::HASH) {
        let known = certificate(hash, sources, store)?;
        answer = Some(Answer::Certificate(known.fingerprint));
        found = Some(known);
    }
    let kept = answer.as_ref().and_then(Answer::certificate);
    let answer = if entry.rejects()? { Some(Answer::Reject(kept)) } else { answer };
    let answer = answer.ok_or("it names no certificate")?;
    check_key(&key, &answer).map_err(|error| error.to_string())?;
    let application = entry.application()?;
    let added = runtime::block_on(async {
        let own = store.application().await.map_err(gatepost::Error::from)?;
        let taken = store.bindings().await.map_err(gatepost::Error::from)?;
        if taken.iter().any(|other| other.key == key) {
            return Err(CliError::Exists { what: format!("a binding of {key}"), hint: None });
        }
        keep(store, found).await?;
        let binding = Binding { key, answer, application: application.unwrap_or(own), terms };
        store.add_binding(binding).await.map_err(|error| gatepost::Error::from(error).into())
    });
    added.map_err(|error| error.to_string())
}

fn certificate(hash: &str, sources: &Sources, store: &dyn Store) -> Result<StoredCertificate, String> {
    let wanted = kept::plain_hash(hash);
    if !matches!(wanted.len(), 40 | 64) {
        return Err(format!("`{hash}` is no thumbprint"));
    }
    if let Ok(kept) = kept::by_hash(store, &wanted) {
        return Ok(kept);
    }
    match sources.certificates.iter().find(|one| one.thumbprint == wanted) {
        Some(one) => one.found.clone(),
        None => Err(format!("its certificate {wanted} is not here")),
    }
}

/// PowerShell writes a redirected listing in UTF-16 with a mark in front.
fn decode(octets: &[u8]) -> String {
    match octets {
        [0xff, 0xfe, rest @ ..] => {
            let units: Vec<u16> = rest.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        plain => String::from_utf8_lossy(plain).into_owned(),
    }
}
