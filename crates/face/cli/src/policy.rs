//! A policy file: where credentials may go, as TOML. Every rule in it can only forbid, with one exception that it has to
//! spell out: where the system's own identity may go.

use std::path::Path;

use gatepost::auth::schemes;
use gatepost::client::session::SessionBuilder;
use gatepost::policy::credentials::{CredentialRules, HostAllow, HostDeny, IntranetOnly, SchemesAt};
use gatepost::policy::hosts::HostRule;
use gatepost_gateway::config::document::Document;
use gatepost_gateway::error::GatewayError;
use serde::Deserialize;
use toml::Spanned;

use crate::error::CliError;

/// What is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PolicySpec {
    only_hosts: Option<Vec<Spanned<String>>>,
    never_hosts: Vec<Spanned<String>>,
    intranet_only: bool,
    intranet_hosts: Vec<Spanned<String>>,
    ambient_hosts: Vec<Spanned<String>>,
    schemes: Option<Vec<Spanned<String>>>,
    at: Vec<AtSpec>,
}

/// What holds at some hosts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AtSpec {
    hosts: Vec<Spanned<String>>,
    schemes: Vec<Spanned<String>>,
}

/// Lays the policy of a file on a session.
pub(crate) fn apply(path: &Path, builder: SessionBuilder) -> Result<SessionBuilder, CliError> {
    let document = Document::read(path)?;
    Ok(laid(&document, builder)?)
}

fn laid(document: &Document, mut builder: SessionBuilder) -> Result<SessionBuilder, GatewayError> {
    let spec: PolicySpec = document.read_as()?;
    let ambient = hosts(document, &spec.ambient_hosts)?;
    builder = builder.credential_rules(CredentialRules::default().ambient_to(ambient));
    if let Some(only) = &spec.only_hosts {
        builder = builder.policy(HostAllow { hosts: hosts(document, only)? });
    }
    if !spec.never_hosts.is_empty() {
        builder = builder.policy(HostDeny { hosts: hosts(document, &spec.never_hosts)? });
    }
    if spec.intranet_only {
        builder = builder.policy(IntranetOnly { domains: hosts(document, &spec.intranet_hosts)? });
    } else if let Some(first) = spec.intranet_hosts.first() {
        let problem = "`intranet_hosts` says what else is inside: it needs `intranet_only = true`";
        return Err(document.wrong(&first.span(), problem));
    }
    if let Some(named) = &spec.schemes {
        builder = builder.policy(SchemesAt { hosts: None, schemes: known(document, named)? });
    }
    for at in &spec.at {
        let hosts = Some(hosts(document, &at.hosts)?);
        builder = builder.policy(SchemesAt { hosts, schemes: known(document, &at.schemes)? });
    }
    Ok(builder)
}

fn hosts(document: &Document, written: &[Spanned<String>]) -> Result<Vec<HostRule>, GatewayError> {
    let rule = |text: &Spanned<String>| {
        let wrong = |_| {
            let problem = format!("`{}` names no host", text.get_ref());
            match document.wrong(&text.span(), problem) {
                GatewayError::Setting { place, problem, .. } => {
                    let hint = Some("write `host`, `host:port`, `*.domain` or `[ipv6]:port`".into());
                    GatewayError::Setting { place, problem, hint }
                }
                other => other,
            }
        };
        text.get_ref().parse().map_err(wrong)
    };
    written.iter().map(rule).collect()
}

/// Names of schemes; one that nobody knows is a slip, and would forbid more than was meant.
fn known(document: &Document, written: &[Spanned<String>]) -> Result<Vec<String>, GatewayError> {
    let name = |text: &Spanned<String>| match schemes::by_name(text.get_ref()) {
        Some(scheme) => Ok(scheme.name().to_owned()),
        None => Err(document.wrong(&text.span(), format!("there is no scheme `{}`", text.get_ref()))),
    };
    written.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use gatepost::Session;
    use gatepost::model::credential::Credential;

    use super::*;

    fn document(text: &str) -> Document {
        Document::new(Path::new("policy.toml"), text)
    }

    /// What is said at an address, by Basic and by WSSE.
    fn verdicts(policy: &str, url: &str) -> [String; 2] {
        let session = laid(&document(policy), Session::builder()).unwrap().build().unwrap();
        let explanation = session.explain(url, Some(&Credential::login("ali", "s"))).unwrap();
        ["Basic", "WSSE"].map(|name| {
            let prospect = explanation.server.iter().find(|prospect| prospect.scheme == name).unwrap();
            prospect.verdict().to_string()
        })
    }

    #[test]
    fn each_rule_forbids_what_it_says() {
        let allowed = "allowed: no policy forbids it";
        let table = [
            ("", "https://h/", allowed, allowed),
            ("only_hosts = ['h']", "https://h/", allowed, allowed),
            (
                "only_hosts = ['*.h']",
                "https://h/",
                "denied: host-allow: h is not on the list of hosts",
                "denied: host-allow",
            ),
            (
                "only_hosts = []",
                "https://h/",
                "denied: host-allow: h is not on the list of hosts",
                "denied: host-allow",
            ),
            ("never_hosts = ['h:443']", "https://h/", "denied: host-deny: ", "denied: host-deny: "),
            ("never_hosts = ['h:443']", "https://h:444/", allowed, allowed),
            ("intranet_only = true", "https://wiki/", allowed, allowed),
            (
                "intranet_only = true",
                "https://a.com/",
                "denied: intranet-only: a.com is not inside",
                "denied: intranet-only",
            ),
            ("intranet_only = true\nintranet_hosts = ['*.com']", "https://a.com/", allowed, allowed),
            ("schemes = ['wsse']", "https://h/", "denied: schemes-at: Basic is not on the list of schemes", allowed),
            ("[[at]]\nhosts = ['h']\nschemes = ['Basic']", "https://h/", allowed, "denied: schemes-at: WSSE"),
            ("[[at]]\nhosts = ['h']\nschemes = ['Basic']", "https://i/", allowed, allowed),
            (
                "",
                "http://h/",
                "denied: no-clear-secret: Basic would",
                "denied: only-secure: the connection is in the clear",
            ),
        ];
        for (policy, url, basic, wsse) in table {
            let [found_basic, found_wsse] = verdicts(policy, url);
            assert!(
                found_basic.starts_with(basic) && found_wsse.starts_with(wsse),
                "{policy} {url}: {found_basic} {found_wsse}"
            );
        }
    }

    #[test]
    fn what_cannot_be_meant_is_told_with_its_place() {
        let table = [
            ("only_host = []", "policy.toml:1:1", "unknown key `only_host`"),
            ("only_hosts = 'h'", "policy.toml:1:14", "expected a list"),
            ("\nnever_hosts = ['a', 'https://h']", "policy.toml:2:21", "`https://h` names no host"),
            ("schemes = ['Basik']", "policy.toml:1:12", "there is no scheme `Basik`"),
            ("[[at]]\nhosts = ['h']", "policy.toml:1:1", "missing field `schemes`"),
            ("intranet_hosts = ['h']", "policy.toml:1:19", "`intranet_hosts` says"),
        ];
        for (text, place, problem) in table {
            let error = laid(&document(text), Session::builder()).unwrap_err().to_string();
            assert!(error.contains(place) && error.contains(problem), "{text}: {error}");
        }
    }
}
