//! `gatepost user`: who may come in.

use clap::{Args, Subcommand};
use gatepost::auth::digest::algorithm::Algorithm;
use gatepost::auth::password::{self, Cost};
use gatepost::auth::record::Kind;
use gatepost::auth::settings::Settings;
use gatepost::clock;
use gatepost::model::secret::Secret;
use gatepost::store::store::{User, UserRecord};
use serde_json::json;

use crate::error::CliError;
use crate::options::StateArgs;
use crate::passwords::PasswordArgs;
use crate::runtime;
use crate::ui::{self, Ui};

/// Manage the users that may come in.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add a user; the password is asked for on the terminal
    Add(AddArgs),
    /// List the users
    List(ListArgs),
    /// Remove a user
    Remove(RemoveArgs),
}

/// What `user add` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost user add ali
  gatepost user add ali --recoverable          Lets ali use every scheme
  gatepost user add ali --digest               Lets ali use Digest; the password is not kept
  gatepost user add ali --digest=SHA-256,MD5 --realm staff
  gatepost user add ali --ntlm                 Lets ali use NTLM; the password is not kept
  printf %s \"$SECRET\" | gatepost user add ali --password-stdin")]
pub struct AddArgs {
    /// The user's name
    #[arg(value_parser = name)]
    pub name: String,
    /// Keep the password itself, sealed, for schemes that compute with it (WSSE, Digest)
    #[arg(long)]
    pub recoverable: bool,
    /// Keep what Digest computes with, sealed, for these algorithms [default: SHA-256]
    #[arg(long, value_name = "ALGORITHM", num_args = 0..=1, require_equals = true, default_missing_value = "SHA-256",
        value_delimiter = ',', value_parser = algorithm)]
    pub digest: Vec<Algorithm>,
    /// The realm that this is for: `auth.realm` of the configuration
    #[arg(long, value_name = "REALM", default_value_t = Settings::default().realm, requires = "digest", value_parser = realm)]
    pub realm: String,
    /// Keep the password's NT hash, sealed: what NTLM computes with, alone and inside Negotiate
    #[arg(long)]
    pub ntlm: bool,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordArgs,
    /// Where it is kept.
    #[command(flatten)]
    pub state: StateArgs,
}

/// What `user list` takes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  gatepost user list\n  gatepost user list --json")]
pub struct ListArgs {
    /// Where they are kept.
    #[command(flatten)]
    pub state: StateArgs,
}

/// What `user remove` takes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  gatepost user remove ali")]
pub struct RemoveArgs {
    /// The user's name
    pub name: String,
    /// Where it is kept.
    #[command(flatten)]
    pub state: StateArgs,
}

/// A user name that every scheme can carry: RFC 7617 §2 bars the colon, and control characters.
pub(crate) fn name(text: &str) -> Result<String, String> {
    match text.split_once(':') {
        Some(_) => {
            Err("a user name has no colon, and a password is never an argument: everyone on this machine could read it"
                .into())
        }
        None if text.is_empty() || text.chars().any(char::is_control) => Err("a name of visible characters".into()),
        None => Ok(text.to_owned()),
    }
}

/// An algorithm of Digest. A session's needs what its function needs.
fn algorithm(text: &str) -> Result<Algorithm, String> {
    let known = || format!("one of {}", Algorithm::ALL.map(Algorithm::name).join(", "));
    Algorithm::by_name(text).ok_or_else(known)
}

/// A realm as a challenge can name it.
fn realm(text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("a realm of visible characters".into());
    }
    Ok(text.to_owned())
}

/// What single schemes compute with in the place of this password.
fn records(args: &AddArgs, password: &Secret) -> Result<Vec<UserRecord>, CliError> {
    let digest =
        args.digest.iter().map(|algorithm| Kind::DigestHa1 { hash: algorithm.hash, realm: args.realm.clone() });
    let mut records: Vec<UserRecord> = Vec::new();
    for kind in digest.chain(args.ntlm.then_some(Kind::NtHash)) {
        let key = kind.key();
        if records.iter().any(|record| record.kind == key) {
            continue;
        }
        // A password that is no text has no NT hash.
        let secret = kind.compute(&args.name, password);
        let secret = secret.ok_or_else(|| CliError::usage("the password is not UTF-8", "leave `--ntlm` out"))?;
        records.push(UserRecord { kind: key, alias: kind.alias(&args.name), secret });
    }
    Ok(records)
}

pub(crate) fn run(command: UserCommand, ui: &Ui) -> Result<(), CliError> {
    match command {
        UserCommand::Add(args) => add(&args, ui),
        UserCommand::List(args) => list(&args, ui),
        UserCommand::Remove(args) => remove(&args, ui),
    }
}

fn add(args: &AddArgs, ui: &Ui) -> Result<(), CliError> {
    let store = runtime::store(&args.state)?;
    let secret = args.password.read_new(&format!("Password for {}", args.name))?;
    let entropy = clock::entropy()?;
    let salt = entropy.first_chunk().copied().unwrap_or([0; 16]);
    let password_hash = password::hash(&secret, &salt, Cost::default()).map_err(gatepost::Error::from)?;
    let records = records(args, &secret)?;
    let user = User { name: args.name.clone(), password_hash, secret: args.recoverable.then_some(secret), records };
    runtime::block_on(async { store.add_user(user).await.map_err(|error| gatepost::Error::from(error).into()) })?;
    ui.done(&format!("User {} may come in.", args.name), &json!({ "user": args.name, "added": true }))
}

fn list(args: &ListArgs, ui: &Ui) -> Result<(), CliError> {
    let store = runtime::store(&args.state)?;
    let names =
        runtime::block_on(async { store.user_names().await.map_err(|error| gatepost::Error::from(error).into()) })?;
    let mut users = Vec::new();
    for name in names {
        let user =
            runtime::block_on(async { store.user(&name).await.map_err(|error| gatepost::Error::from(error).into()) })?;
        users.extend(user);
    }
    if ui.is_json() {
        let rows = users.iter().map(|user| {
            let records: Vec<&str> = user.records.iter().map(|record| record.kind.as_str()).collect();
            json!({ "name": user.name, "recoverable": user.secret.is_some(), "records": records })
        });
        return ui.json(&rows.collect());
    }
    let rows: Vec<Vec<String>> = users.iter().map(|user| vec![user.name.clone(), may_use(user)]).collect();
    ui.out(&ui::table(&["NAME", "MAY USE"], &rows))
}

/// Which schemes this user's records are enough for.
fn may_use(user: &User) -> String {
    if user.secret.is_some() {
        return "all schemes".to_owned();
    }
    let digest: Vec<&str> = user.records.iter().filter_map(|record| record.kind.strip_prefix("digest ")).collect();
    let digest = match digest.as_slice() {
        [] => "not WSSE, not Digest".to_owned(),
        kinds => format!("not WSSE; Digest with {}", kinds.join(", ")),
    };
    let nt_hash = Kind::NtHash.key();
    let may_ntlm = user.records.iter().any(|record| record.kind == nt_hash);
    if may_ntlm { format!("{digest}; NTLM") } else { digest }
}

fn remove(args: &RemoveArgs, ui: &Ui) -> Result<(), CliError> {
    let store = runtime::store(&args.state)?;
    runtime::block_on(async {
        store.remove_user(&args.name).await.map_err(|error| gatepost::Error::from(error).into())
    })?;
    ui.done(&format!("User {} is gone.", args.name), &json!({ "user": args.name, "removed": true }))
}
