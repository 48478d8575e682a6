//! Who we say we are by Kerberos, where no password is: shared by every verb that speaks to a server.

use std::path::PathBuf;

use clap::Args;
use gatepost::model::credential::{Credential, Means};
use gatepost::model::url::Url;
use gatepost::policy::credentials::CredentialRules;
use gatepost::policy::hosts::HostRule;

use crate::error::CliError;

/// Whose Kerberos tickets to prove with, by Negotiate.
#[derive(Debug, Args)]
#[group(id = "tickets", multiple = false)]
pub struct TicketArgs {
    /// Whoever you are on this machine, by your Kerberos tickets; the host of the URL learns it, and no other
    #[arg(long, help_heading = "Who you are")]
    pub ambient: bool,
    /// The Kerberos tickets in this file, which `kinit -c FILE` writes
    #[arg(long, value_name = "FILE", help_heading = "Who you are")]
    pub kerberos_cache: Option<PathBuf>,
    /// The key of --principal in this Kerberos keytab
    #[arg(long, value_name = "FILE", requires = "principal", help_heading = "Who you are")]
    pub keytab: Option<PathBuf>,
}

impl TicketArgs {
    /// Who we say we are, if tickets were named.
    pub(crate) fn credential(&self, principal: Option<&str>) -> Option<Credential> {
        if self.ambient {
            return Some(Credential::ambient());
        }
        if let Some(file) = &self.kerberos_cache {
            return Some(Credential::tickets(file));
        }
        let file = self.keytab.as_ref()?;
        Some(Credential::keytab(principal?, file))
    }
}

/// Where this credential may go: who runs this, only the host of `url` may learn, which was named for it.
///
/// # Errors
/// If `url` is none.
pub(crate) fn rules(credential: Option<&Credential>, url: &str) -> Result<CredentialRules, CliError> {
    let is_ambient = credential.is_some_and(|credential| credential.means == Means::Ambient);
    if !is_ambient {
        return Ok(CredentialRules::default());
    }
    let origin = Url::parse(url).map_err(gatepost::Error::from)?.origin();
    Ok(CredentialRules::default().ambient_for(vec![HostRule::of(&origin)]))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use clap::error::ErrorKind;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn one_way_of_saying_who_is_enough() {
        let table = [
            ("--ambient --user ali", ErrorKind::ArgumentConflict),
            ("--ambient --credential work", ErrorKind::ArgumentConflict),
            ("--ambient --kerberos-cache t", ErrorKind::ArgumentConflict),
            ("--kerberos-cache t --keytab k --principal a", ErrorKind::ArgumentConflict),
            ("--kerberos-cache t --token-env T", ErrorKind::ArgumentConflict),
            ("--keytab k --principal a --token-file t", ErrorKind::ArgumentConflict),
            ("--keytab k", ErrorKind::MissingRequiredArgument),
            ("--principal a", ErrorKind::MissingRequiredArgument),
        ];
        for (words, expected) in table {
            let line = format!("gatepost get https://a.test/ {words}");
            assert_eq!(Cli::try_parse_from(line.split(' ')).unwrap_err().kind(), expected, "{words}");
        }
    }

    #[test]
    fn whoever_runs_this_is_for_the_host_of_the_url() {
        let (ambient, tickets) = (Credential::ambient(), Credential::tickets("t"));
        assert!(rules(Some(&ambient), "no url").is_err());
        let named = |credential, url| format!("{:?}", rules(credential, url).unwrap()).contains("a.test");
        assert!(named(Some(&ambient), "https://a.test/x"));
        assert!(!named(Some(&tickets), "https://a.test/x"));
        assert!(!named(None, "https://a.test/x"));
    }
}
