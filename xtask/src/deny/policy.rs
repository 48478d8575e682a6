//! `deny.toml`, the part of it that this program obeys.

use cargo_metadata::semver::VersionReq;
use serde::Deserialize;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Policy {
    pub(crate) graph: Graph,
    pub(crate) licenses: Licences,
    pub(crate) advisories: Ignored,
    pub(crate) bans: Bans,
    /// Only the default registry is allowed; `refused.rs` has no other answer.
    #[expect(dead_code, reason = "that it parses as `deny` is all")]
    pub(crate) sources: Sources,
}

/// What is built.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Graph {
    /// Target triples.
    pub(crate) targets: Vec<String>,
}

/// SPDX names that may be in a build.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Licences {
    pub(crate) allow: Vec<String>,
}

/// Advisories that do not reach us.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ignored {
    pub(crate) ignore: Vec<IgnoredAdvisory>,
}

/// One of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IgnoredAdvisory {
    pub(crate) id: String,
    pub(crate) reason: String,
}

/// Crates and versions that may not be in a build.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Bans {
    pub(crate) multiple_versions: Answer,
    pub(crate) deny: Vec<Named>,
    pub(crate) skip: Vec<Named>,
}

/// A crate, with `@VERSION` or `:RANGE` behind its name where only some versions are meant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    #[serde(rename = "crate")]
    pub(crate) name: String,
    pub(crate) reason: String,
}

/// What to do where a rule is broken. There is one answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answer {
    /// It is a finding.
    Deny,
}

/// Where crates may come from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Sources {
    #[expect(dead_code, reason = "that it parses as `deny` is all")]
    pub(crate) unknown_registry: Answer,
    #[expect(dead_code, reason = "that it parses as `deny` is all")]
    pub(crate) unknown_git: Answer,
}

impl Policy {
    /// Reads the file. Every exception must say why.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let policy: Self = toml::from_str(text).map_err(|error| format!("deny.toml: {error}"))?;
        let named = policy.bans.deny.iter().chain(&policy.bans.skip).map(|one| (&one.name, &one.reason));
        let ignored = policy.advisories.ignore.iter().map(|one| (&one.id, &one.reason));
        match named.chain(ignored).find(|(_, reason)| reason.trim().is_empty()) {
            Some((name, _)) => Err(format!("deny.toml: {name} has no reason")),
            None => Ok(policy),
        }
    }
}

impl Named {
    /// The crate's name and the versions meant.
    pub(crate) fn parts(&self) -> Result<(&str, VersionReq), String> {
        let (name, range) = match (self.name.split_once('@'), self.name.split_once(':')) {
            (Some((name, version)), _) => (name, format!("={version}")),
            (None, Some((name, range))) => (name, range.to_owned()),
            (None, None) => (self.name.as_str(), "*".to_owned()),
        };
        let range = range.parse().map_err(|error| format!("deny.toml: {}: {error}", self.name))?;
        Ok((name, range))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_named_with_or_without_versions() {
        for (text, name, range) in [("h2", "h2", "*"), ("h2@0.4.1", "h2", "=0.4.1"), ("h2:<0.4.16", "h2", "<0.4.16")] {
            let named = Named { name: text.into(), reason: "because".into() };
            assert_eq!(named.parts(), Ok((name, range.parse().unwrap())), "{text}");
        }
    }

    #[test]
    fn an_exception_without_a_reason_is_refused() {
        let text = "graph.targets = []\nlicenses.allow = []\nadvisories.ignore = [{ id = \"X-1\", reason = \" \" }]\n\
                    sources.unknown-registry = \"deny\"\nsources.unknown-git = \"deny\"\n\
                    [bans]\nmultiple-versions = \"deny\"\ndeny = []\nskip = []\n";
        assert_eq!(Policy::parse(text).unwrap_err(), "deny.toml: X-1 has no reason");
    }
}
