//! Who we say we are by Kerberos, where no password is: shared by every verb that speaks to a server.

use std::path::PathBuf;

use clap::Args;
use gatepost::model::credential::{Credential, Means};
use gatepost::model::url::Origin;
use gatepost::policy::credentials::CredentialRules;
use gatepost::policy::hosts::HostRule;

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

/// Where this credential may go: who runs this, only the host at `origin` may learn, which was named for it.
pub(crate) fn rules(credential: Option<&Credential>, origin: &Origin) -> CredentialRules {
    match credential {
        Some(Credential { means: Means::Ambient, .. }) => {
            CredentialRules::default().ambient_for(vec![HostRule::of(origin)])
        }
        _ => CredentialRules::default(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use clap::error::ErrorKind;
    use gatepost::model::url::Url;

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
        let origin = Url::parse("https://a.test/x").unwrap().origin();
        let named = |credential| format!("{:?}", rules(credential, &origin)).contains("a.test");
        assert!(named(Some(&ambient)));
        assert!(!named(Some(&tickets)) && !named(None));
    }
}
