//! `gatepost user`: who may come in.

use clap::{Args, Subcommand};
use gatepost::auth::password::{self, Cost};
use gatepost::clock;
use gatepost::store::store::User;
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
  gatepost user add ali --recoverable          Lets ali use WSSE too
  printf %s \"$SECRET\" | gatepost user add ali --password-stdin")]
pub struct AddArgs {
    /// The user's name
    #[arg(value_parser = name)]
    pub name: String,
    /// Keep the password itself, sealed, for schemes that compute with it (WSSE)
    #[arg(long)]
    pub recoverable: bool,
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
    let user = User {
        name: args.name.clone(),
        password_hash,
        secret: args.recoverable.then_some(secret),
        records: Vec::new(),
    };
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
        users.push((name, user.is_some_and(|user| user.secret.is_some())));
    }
    if ui.is_json() {
        let rows = users.iter().map(|(name, recoverable)| json!({ "name": name, "recoverable": recoverable }));
        return ui.json(&rows.collect());
    }
    let rows: Vec<Vec<String>> = users
        .into_iter()
        .map(|(name, recoverable)| vec![name, if recoverable { "all schemes" } else { "not WSSE" }.to_owned()])
        .collect();
    ui.out(&ui::table(&["NAME", "MAY USE"], &rows))
}

fn remove(args: &RemoveArgs, ui: &Ui) -> Result<(), CliError> {
    let store = runtime::store(&args.state)?;
    runtime::block_on(async {
        store.remove_user(&args.name).await.map_err(|error| gatepost::Error::from(error).into())
    })?;
    ui.done(&format!("User {} is gone.", args.name), &json!({ "user": args.name, "removed": true }))
}
