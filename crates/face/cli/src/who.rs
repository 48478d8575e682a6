//! Who we say we are, and what advice to give if that is refused: shared by every verb that speaks to a server.

use std::path::PathBuf;

use clap::Args;
use gatepost::model::credential::Credential;
use gatepost::model::scope::Scope;
use gatepost::model::url::Url;
use gatepost_gateway::state::read_secret;

use crate::commands::{auth, user};
use crate::error::CliError;
use crate::options::StateArgs;
use crate::passwords::{self, PasswordArgs};
use crate::runtime;
use crate::tickets::TicketArgs;

/// Who we say we are.
#[derive(Debug, Args)]
pub struct WhoArgs {
    /// The one scheme to use [default: the strongest on offer]
    #[arg(long, value_name = "SCHEME", value_parser = auth::scheme_names(), ignore_case = true, help_heading = "Who you are")]
    pub auth: Option<String>,
    /// The user name; the password is asked for on the terminal
    #[arg(long, value_name = "NAME", value_parser = user::name, conflicts_with_all = ["credential", "token_env", "token_file", "tickets"], help_heading = "Who you are")]
    pub user: Option<String>,
    /// A stored credential (see `gatepost credential`)
    #[arg(long, value_name = "NAME", conflicts_with = "tickets", help_heading = "Who you are")]
    pub credential: Option<String>,
    /// A bearer token from an environment variable
    #[arg(long, value_name = "NAME", conflicts_with_all = ["credential", "token_file", "tickets"], help_heading = "Who you are")]
    pub token_env: Option<String>,
    /// A bearer token from a file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["credential", "tickets"], help_heading = "Who you are")]
    pub token_file: Option<PathBuf>,
    /// Whose Kerberos tickets to prove with.
    #[command(flatten)]
    pub tickets: TicketArgs,
    /// Whose key in --keytab, as in svc@EXAMPLE.COM
    #[arg(long, value_name = "NAME", requires = "keytab", help_heading = "Who you are")]
    pub principal: Option<String>,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordArgs,
    /// Where stored credentials are.
    #[command(flatten)]
    pub state: StateArgs,
}

impl WhoArgs {
    /// Who we say we are, if anybody. Asks for a password where one is needed.
    pub(crate) fn credential(&self) -> Result<Option<Credential>, CliError> {
        if let Some(name) = &self.credential {
            let store = runtime::store(&self.state)?;
            let stored = runtime::block_on(async { Ok(store.credential(name).await.map_err(gatepost::Error::from)?) })?;
            let hint = Some("`gatepost credential list` shows what there is".into());
            let missing = CliError::Missing { what: format!("credential `{name}`"), hint };
            return stored.map(|stored| Some(stored.credential)).ok_or(missing);
        }
        if let Some(name) = &self.token_env {
            return Ok(Some(Credential::token(passwords::from_environment(name)?)));
        }
        if let Some(path) = &self.token_file {
            let token =
                read_secret(path).map_err(|detail| CliError::Io { what: path.display().to_string(), detail })?;
            return Ok(Some(Credential::token(token)));
        }
        if let Some(credential) = self.tickets.credential(self.principal.as_deref()) {
            return Ok(Some(credential));
        }
        let Some(user) = &self.user else {
            if self.password.is_given() {
                return Err(CliError::usage("a password without a user", "add `--user NAME`"));
            }
            return Ok(None);
        };
        Ok(Some(Credential::login(user.as_str(), self.password.read(&format!("Password for {user}"))?)))
    }
}

/// What to try if a server refuses who we are.
pub(crate) fn advice(url: &str, credential: Option<&Credential>) -> String {
    let Some(credential) = credential else {
        return "say who you are with `--user`, `--credential` or `--token-file`".into();
    };
    let outside = |scope: &&Scope| Url::parse(url).is_ok_and(|url| scope.covers(&url).is_none());
    match credential.scope.as_ref().filter(outside) {
        Some(scope) => format!("the credential was not sent: it is kept for {scope} and goes nowhere else"),
        None => "check the user, the password and the scheme".into(),
    }
}
