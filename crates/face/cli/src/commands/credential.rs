//! `gatepost credential`: what `get` may say of us, and where.

use clap::{Args, Subcommand};
use gatepost::model::credential::Credential;
use gatepost::model::scope::Scope;
use gatepost::store::store::StoredCredential;
use serde_json::json;

use crate::commands::{auth, user};
use crate::error::CliError;
use crate::options::StateArgs;
use crate::passwords::PasswordArgs;
use crate::runtime;
use crate::ui::{self, Ui};

/// Manage the credentials that `get` uses.
#[derive(Debug, Subcommand)]
pub enum CredentialCommand {
    /// Add a credential; its secret is asked for on the terminal
    Add(AddArgs),
    /// List the credentials, without their secrets
    List(ListArgs),
    /// Remove a credential
    Remove(RemoveArgs),
}

/// What `credential add` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost credential add work --user ali --scope https://example.com/api
  gatepost credential add bot --scheme Bearer --scope https://example.com --password-env TOKEN")]
pub struct AddArgs {
    /// The credential's name
    pub name: String,
    /// The user name; left out for a bare token
    #[arg(long, value_parser = user::name)]
    pub user: Option<String>,
    /// Where it may go: an origin and, perhaps, a path
    #[arg(long, value_name = "URL")]
    pub scope: String,
    /// The one scheme that it may be used with
    #[arg(long, value_parser = auth::scheme_names(), ignore_case = true)]
    pub scheme: Option<String>,
    /// Where the secret comes from.
    #[command(flatten)]
    pub password: PasswordArgs,
    /// Where it is kept.
    #[command(flatten)]
    pub state: StateArgs,
}

/// What `credential list` takes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  gatepost credential list\n  gatepost credential list --json")]
pub struct ListArgs {
    /// Where they are kept.
    #[command(flatten)]
    pub state: StateArgs,
}

/// What `credential remove` takes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  gatepost credential remove work")]
pub struct RemoveArgs {
    /// The credential's name
    pub name: String,
    /// Where it is kept.
    #[command(flatten)]
    pub state: StateArgs,
}

pub(crate) fn run(command: CredentialCommand, ui: &Ui) -> Result<(), CliError> {
    match command {
        CredentialCommand::Add(args) => add(args, ui),
        CredentialCommand::List(args) => list(&args, ui),
        CredentialCommand::Remove(args) => remove(&args, ui),
    }
}

fn add(args: AddArgs, ui: &Ui) -> Result<(), CliError> {
    let scope = Scope::parse(&args.scope).map_err(gatepost::Error::from)?;
    let store = runtime::store(&args.state)?;
    let secret = args.password.read_new(&format!("Secret of {}", args.name))?;
    let user = args.user.unwrap_or_default();
    let mut credential = Credential::login(user, secret).within(scope);
    // A credential without a user is a token, and only Bearer sends those.
    credential.scheme = args.scheme.or_else(|| credential.user.is_empty().then(|| "Bearer".to_owned()));
    let stored = StoredCredential { name: args.name.clone(), credential };
    runtime::block_on(async {
        store.add_credential(stored).await.map_err(|error| gatepost::Error::from(error).into())
    })?;
    let name = &args.name;
    ui.done(
        &format!("Use it with `gatepost get --credential {name} URL`."),
        &json!({ "credential": name, "added": true }),
    )
}

fn list(args: &ListArgs, ui: &Ui) -> Result<(), CliError> {
    let store = runtime::store(&args.state)?;
    let kept =
        runtime::block_on(async { store.credentials().await.map_err(|error| gatepost::Error::from(error).into()) })?;
    if ui.is_json() {
        let row = |stored: &StoredCredential| {
            let Credential { user, scheme, scope, .. } = &stored.credential;
            json!({ "name": stored.name, "user": user, "scheme": scheme, "scope": scope.as_ref().map(Scope::to_string) })
        };
        return ui.json(&kept.iter().map(row).collect());
    }
    let row = |stored: &StoredCredential| {
        let Credential { user, scheme, scope, .. } = &stored.credential;
        let user = if user.is_empty() { "-" } else { user };
        let scheme = scheme.as_deref().unwrap_or("any");
        let scope = scope.as_ref().map_or_else(|| "-".to_owned(), Scope::to_string);
        vec![stored.name.clone(), user.to_owned(), scheme.to_owned(), scope]
    };
    ui.out(&ui::table(&["NAME", "USER", "SCHEME", "SCOPE"], &kept.iter().map(row).collect::<Vec<_>>()))
}

fn remove(args: &RemoveArgs, ui: &Ui) -> Result<(), CliError> {
    let store = runtime::store(&args.state)?;
    runtime::block_on(async {
        store.remove_credential(&args.name).await.map_err(|error| gatepost::Error::from(error).into())
    })?;
    ui.done(&format!("Credential {} is gone.", args.name), &json!({ "credential": args.name, "removed": true }))
}
