//! `gatepost credential`: what `get` may say of us, and where.

mod bundle;
mod reveal;

use clap::{Args, Subcommand};
use gatepost::locker::Kept;
use gatepost::model::credential::Credential;
use gatepost::model::scope::Scope;
use gatepost::model::url::Url;
use gatepost::store::store::StoredCredential;
use serde_json::json;

use crate::commands::user;
use crate::error::CliError;
use crate::options::StateArgs;
use crate::passwords::PasswordArgs;
use crate::runtime;
use crate::scheme_names::scheme_names;
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
    /// Print the secret of a credential; the decision log tells of it
    Reveal(reveal::RevealArgs),
    /// Write credentials into a sealed file, for another machine
    Export(bundle::ExportArgs),
    /// Take credentials out of a sealed file, or out of a netrc file
    Import(bundle::ImportArgs),
}

/// What `credential add` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost credential add work --user ali --scope https://example.com/api
  gatepost credential add bot --scheme Bearer --scope https://example.com --password-env TOKEN
  gatepost credential add old --user ali --scope https://example.com/app/login --like-dotnet")]
pub struct AddArgs {
    /// The credential's name
    pub name: String,
    /// The user name; left out for a bare token
    #[arg(long, value_parser = user::name)]
    pub user: Option<String>,
    /// Where it may go: an origin and, perhaps, a path
    #[arg(long, value_name = "URL")]
    pub scope: String,
    /// Read --scope as .NET's CredentialCache does: up to its last slash
    #[arg(long)]
    pub like_dotnet: bool,
    /// The one scheme that it may be used with
    #[arg(long, value_parser = scheme_names(), ignore_case = true)]
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
#[command(after_help = "\
Examples:
  gatepost credential list
  gatepost credential list --resource https://example.com/api/v1   The most exact first
  gatepost credential list --user ali --json")]
pub struct ListArgs {
    /// Only those that may go to this address, the most exact first
    #[arg(long, value_name = "URL")]
    pub resource: Option<String>,
    /// Only those of this user
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
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
        CredentialCommand::Reveal(args) => reveal::run(&args, ui),
        CredentialCommand::Export(args) => bundle::export(&args, ui),
        CredentialCommand::Import(args) => bundle::import(&args, ui),
    }
}

fn add(args: AddArgs, ui: &Ui) -> Result<(), CliError> {
    let scope = Scope::parse(&args.scope).map_err(gatepost::Error::from)?;
    let scope = if args.like_dotnet { like_dotnet(&args.scope)? } else { scope };
    let locker = runtime::locker(&args.state)?;
    let secret = args.password.read_new(&format!("Secret of {}", args.name))?;
    let user = args.user.unwrap_or_default();
    let mut credential = Credential::login(user, secret).within(scope);
    // A credential without a user is a token, and only Bearer sends those.
    credential.scheme = args.scheme.or_else(|| credential.user.is_empty().then(|| "Bearer".to_owned()));
    let stored = StoredCredential { name: args.name.clone(), credential };
    runtime::block_on(async { Ok(locker.add(vec![stored]).await?) })?;
    let name = &args.name;
    ui.done(
        &format!("Use it with `gatepost get --credential {name} URL`."),
        &json!({ "credential": name, "added": true }),
    )
}

/// What .NET's `CredentialCache` compares of a path: all up to its last slash, so that `/foo` stands for `/` and `/foo/`
/// for `/foo`. It goes by segment here and keeps the case.
fn like_dotnet(text: &str) -> Result<Scope, CliError> {
    let url = Url::parse(text).map_err(gatepost::Error::from)?;
    let folder = url.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    Ok(Scope::parse(&format!("{}{folder}", url.origin())).map_err(gatepost::Error::from)?)
}

fn list(args: &ListArgs, ui: &Ui) -> Result<(), CliError> {
    let locker = runtime::locker(&args.state)?;
    let url = args.resource.as_deref().map(Url::parse).transpose().map_err(gatepost::Error::from)?;
    let mut kept = runtime::block_on(async {
        Ok(match &url {
            Some(url) => locker.by_resource(url).await?,
            None => locker.all().await?,
        })
    })?;
    kept.retain(|kept| args.user.as_ref().is_none_or(|user| *user == kept.user));
    if ui.is_json() {
        let row = |kept: &Kept| {
            let Kept { name, user, scheme, scope } = kept;
            json!({ "name": name, "user": user, "scheme": scheme, "scope": scope.as_ref().map(Scope::to_string) })
        };
        return ui.json(&kept.iter().map(row).collect());
    }
    let row = |kept: &Kept| {
        let user = if kept.user.is_empty() { "-" } else { &kept.user };
        let scheme = kept.scheme.as_deref().unwrap_or("any");
        let scope = kept.scope.as_ref().map_or_else(|| "-".to_owned(), Scope::to_string);
        vec![kept.name.clone(), user.to_owned(), scheme.to_owned(), scope]
    };
    ui.out(&ui::table(&["NAME", "USER", "SCHEME", "SCOPE"], &kept.iter().map(row).collect::<Vec<_>>()))
}

fn remove(args: &RemoveArgs, ui: &Ui) -> Result<(), CliError> {
    let locker = runtime::locker(&args.state)?;
    runtime::block_on(async { Ok(locker.remove(&args.name).await?) })?;
    ui.done(&format!("Credential {} is gone.", args.name), &json!({ "credential": args.name, "removed": true }))
}
