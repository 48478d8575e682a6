//! `gatepost user`: who may come in.

use clap::{Args, Subcommand};
use gatepost::auth::password::{self, Cost};
use gatepost::auth::record::Kind;
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
  gatepost user add ali --ntlm                 Lets ali use NTLM beside Basic
  printf %s \"$SECRET\" | gatepost user add ali --password-stdin")]
pub struct AddArgs {
    /// The user's name
    #[arg(value_parser = name)]
    pub name: String,
    /// Keep the password itself, sealed, for schemes that compute with it (WSSE)
    #[arg(long)]
    pub recoverable: bool,
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
    let records = args.ntlm.then(|| record(&args.name, &Kind::NtHash, &secret)).transpose()?.into_iter().collect();
    let secret = args.recoverable.then_some(secret);
    let user = User { name: args.name.clone(), password_hash, secret, records };
    runtime::block_on(async { store.add_user(user).await.map_err(|error| gatepost::Error::from(error).into()) })?;
    ui.done(&format!("User {} may come in.", args.name), &json!({ "user": args.name, "added": true }))
}

/// What is kept of the password for one scheme.
fn record(user: &str, kind: &Kind, password: &Secret) -> Result<UserRecord, CliError> {
    let secret = kind.compute(user, password);
    let secret = secret.ok_or_else(|| CliError::usage("the password is not text in UTF-8", "NTLM knows no other"))?;
    Ok(UserRecord { kind: kind.key(), alias: kind.alias(user), secret })
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
        let row =
            |user: &User| json!({ "name": user.name, "recoverable": user.secret.is_some(), "ntlm": has_nt_hash(user) });
        return ui.json(&users.iter().map(row).collect());
    }
    let rows: Vec<Vec<String>> = users.iter().map(|user| vec![user.name.clone(), may_use(user).to_owned()]).collect();
    ui.out(&ui::table(&["NAME", "MAY USE"], &rows))
}

fn may_use(user: &User) -> &'static str {
    match (&user.secret, has_nt_hash(user)) {
        (Some(_), _) => "all schemes",
        (None, true) => "Basic, NTLM",
        (None, false) => "Basic",
    }
}

fn has_nt_hash(user: &User) -> bool {
    let kind = Kind::NtHash.key();
    user.records.iter().any(|record| record.kind == kind)
}

fn remove(args: &RemoveArgs, ui: &Ui) -> Result<(), CliError> {
    let store = runtime::store(&args.state)?;
    runtime::block_on(async {
        store.remove_user(&args.name).await.map_err(|error| gatepost::Error::from(error).into())
    })?;
    ui.done(&format!("User {} is gone.", args.name), &json!({ "user": args.name, "removed": true }))
}
