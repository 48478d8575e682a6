//! Who we say we are, and what advice to give if that is refused: shared by every verb that speaks to a server.
//!
//! The order of the sources: what is named (`--credential`, a token, Kerberos tickets, `--user` with its password); then what is kept for the
//! address (`--stored`, then `--netrc`); then the terminal (`--user` alone, `--ask`).

use std::path::PathBuf;

use clap::Args;
use gatepost::locker;
use gatepost::model::credential::Credential;
use gatepost::model::scope::Scope;
use gatepost::model::url::Url;
use gatepost::netrc::Netrc;
use gatepost::store::store::StoredCredential;
use gatepost_gateway::state::read_secret;

use crate::commands::user;
use crate::error::CliError;
use crate::netrc;
use crate::options::StateArgs;
use crate::passwords::{self, PasswordArgs};
use crate::runtime;
use crate::scheme_names::scheme_names;
use crate::tickets::TicketArgs;

/// Who we say we are.
#[derive(Debug, Args)]
pub struct WhoArgs {
    /// The one scheme to use [default: the strongest on offer]
    #[arg(long, value_name = "SCHEME", value_parser = scheme_names(), ignore_case = true, help_heading = "Who you are")]
    pub auth: Option<String>,
    /// The user name; the password is asked for on the terminal
    #[arg(long, value_name = "NAME", value_parser = user::name, conflicts_with_all = ["credential", "token_env", "token_file", "tickets"], help_heading = "Who you are")]
    pub user: Option<String>,
    /// A stored credential (see `gatepost credential`)
    #[arg(long, value_name = "NAME", conflicts_with = "tickets", help_heading = "Who you are")]
    pub credential: Option<String>,
    /// Whichever stored credential is kept for the address, of --user if that is given
    #[arg(long, conflicts_with_all = ["credential", "token_env", "token_file", "tickets"], help_heading = "Who you are")]
    pub stored: bool,
    /// The login for the host in $NETRC or ~/.netrc, of --user if that is given
    #[arg(long, conflicts_with_all = ["credential", "token_env", "token_file", "tickets"], help_heading = "Who you are")]
    pub netrc: bool,
    /// The same from this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["netrc", "credential", "token_env", "token_file", "tickets"], help_heading = "Who you are")]
    pub netrc_file: Option<PathBuf>,
    /// Ask for user and password on the terminal, if nothing else says who you are
    #[arg(long, conflicts_with_all = ["credential", "token_env", "token_file", "tickets"], help_heading = "Who you are")]
    pub ask: bool,
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

/// Who we say we are.
#[derive(Debug, Default)]
pub(crate) struct Who {
    /// What was named: it goes before all that is kept.
    pub(crate) named: Option<Found>,
    /// What is kept for some addresses.
    pub(crate) kept: Kept,
}

/// A credential, and where it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// As in `--user` or `the stored credential work`.
    pub(crate) source: String,
    pub(crate) credential: Credential,
}

/// Credentials that are looked up for each address.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    stored: Vec<StoredCredential>,
    netrc: Option<(PathBuf, Netrc)>,
    user: Option<String>,
}

impl WhoArgs {
    /// Who we say we are at this address, or at those of a script if there is none. Asks for a password where one is
    /// needed.
    pub(crate) fn resolve(&self, url: Option<&str>) -> Result<Who, CliError> {
        if let Some(named) = self.named()? {
            return Ok(Who { named: Some(named), kept: Kept::default() });
        }
        let kept = self.kept()?;
        let url = url.map(Url::parse).transpose().map_err(gatepost::Error::from)?;
        let found = match &url {
            Some(url) => !kept.at(url)?.is_empty(),
            // A script has many addresses: what is kept is looked up for each, and nothing is asked in between.
            None => self.stored || self.netrc || self.netrc_file.is_some(),
        };
        if found {
            return Ok(Who { named: None, kept });
        }
        Ok(Who { named: self.asked(url.as_ref())?, kept })
    }

    fn named(&self) -> Result<Option<Found>, CliError> {
        let found = |source: String, credential| Ok(Some(Found { source, credential }));
        if let Some(name) = &self.credential {
            let locker = runtime::locker(&self.state)?;
            let revealed = runtime::block_on(async { Ok(locker.reveal(name).await) })?;
            let credential = revealed.map_err(|error| match error.is_missing() {
                true => missing(name),
                false => error.into(),
            })?;
            return found(format!("the stored credential {name}"), credential);
        }
        if let Some(name) = &self.token_env {
            return found(format!("${name}"), Credential::token(passwords::from_environment(name)?));
        }
        if let Some(path) = &self.token_file {
            let token =
                read_secret(path).map_err(|detail| CliError::Io { what: path.display().to_string(), detail })?;
            return found(path.display().to_string(), Credential::token(token));
        }
        if let Some(credential) = self.tickets.credential(self.principal.as_deref()) {
            return found("Kerberos".into(), credential);
        }
        match &self.user {
            Some(user) if self.password.is_given() => {
                let password = self.password.read("")?;
                found("--user".into(), Credential::login(user.as_str(), password))
            }
            None if self.password.is_given() => Err(CliError::usage("a password without a user", "add `--user NAME`")),
            _ => Ok(None),
        }
    }

    fn kept(&self) -> Result<Kept, CliError> {
        let stored = match self.stored {
            true => {
                let store = runtime::store(&self.state)?;
                runtime::block_on(async { Ok(store.credentials().await.map_err(gatepost::Error::from)?) })?
            }
            false => Vec::new(),
        };
        let path = match (&self.netrc_file, self.netrc) {
            (Some(path), _) => Some(path.clone()),
            (None, true) => Some(netrc::usual_place()?),
            (None, false) => None,
        };
        let netrc = path.map(|path| Ok::<_, CliError>((path.clone(), netrc::read(&path)?))).transpose()?;
        Ok(Kept { stored, netrc, user: self.user.clone() })
    }

    /// What the terminal says.
    fn asked(&self, url: Option<&Url>) -> Result<Option<Found>, CliError> {
        let (source, user) = match &self.user {
            Some(user) => ("--user", user.clone()),
            None if self.ask => {
                let place = url.map_or_else(|| "the servers of the scripts".into(), |url| url.origin().to_string());
                let user = passwords::name_from_terminal(&format!("User for {place}"))?;
                ("--ask", user::name(&user).map_err(|detail| CliError::usage(detail, "try again"))?)
            }
            None => return Ok(None),
        };
        let password = self.password.read(&format!("Password for {user}"))?;
        Ok(Some(Found { source: source.into(), credential: Credential::login(user, password) }))
    }
}

impl Kept {
    /// What is kept for this address.
    pub(crate) fn at(&self, url: &Url) -> Result<Vec<Found>, CliError> {
        let stored = locker::choose(self.stored.clone(), url, self.user.as_deref());
        let hint = "name one with `--credential NAME`, or whose it is with `--user NAME`";
        let stored = stored.map_err(|error| CliError::usage(error.to_string(), hint))?;
        if !stored.is_empty() {
            let found = |stored: StoredCredential| Found {
                source: format!("the stored credential {}", stored.name),
                credential: stored.credential,
            };
            return Ok(stored.into_iter().map(found).collect());
        }
        let Some((path, netrc)) = &self.netrc else { return Ok(Vec::new()) };
        let found = |credential| Found { source: path.display().to_string(), credential };
        Ok(netrc.credential(url, self.user.as_deref()).map(found).into_iter().collect())
    }
}

impl Who {
    /// What is said at this address, the first first.
    pub(crate) fn at(&self, url: &str) -> Result<Vec<Found>, CliError> {
        if let Some(named) = &self.named {
            return Ok(vec![named.clone()]);
        }
        self.kept.at(&Url::parse(url).map_err(gatepost::Error::from)?)
    }
}

fn missing(name: &str) -> CliError {
    let hint = Some("`gatepost credential list` shows what there is".into());
    CliError::Missing { what: format!("credential `{name}`"), hint }
}

/// What to try if a server refuses who we are.
pub(crate) fn advice(url: &str, found: &[Found]) -> String {
    let Some(Found { credential, .. }) = found.first() else {
        return "say who you are with `--user`, `--credential` or `--token-file`".into();
    };
    let outside = |scope: &&Scope| Url::parse(url).is_ok_and(|url| scope.covers(&url).is_none());
    match credential.scope.as_ref().filter(outside) {
        Some(scope) => format!("the credential was not sent: it is kept for {scope} and goes nowhere else"),
        None => {
            let place = url.split('?').next().unwrap_or_default();
            format!("check the user, the password and the scheme; `gatepost auth explain {place}` says what is sent")
        }
    }
}
