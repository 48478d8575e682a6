//! Advisories: no crate in a version that a published one names.

use cargo_metadata::semver::{Version, VersionReq};
use serde::Deserialize;

use crate::deny::crates::{Crate, Origin};
use crate::deny::policy::Ignored;
use crate::finding::Finding;

/// `xtask/advisories.json`: a copy of public data, with its source and licence beside it.
#[derive(Debug, Deserialize)]
pub(crate) struct Advisories {
    date: String,
    advisories: Vec<Advisory>,
}

#[derive(Debug, Deserialize)]
struct Advisory {
    id: String,
    #[serde(rename = "crate")]
    name: String,
    title: String,
    /// `unmaintained`, `unsound` or `notice`; `None` for a vulnerability.
    informational: Option<String>,
    patched: Vec<VersionReq>,
    unaffected: Vec<VersionReq>,
}

impl Advisories {
    /// Reads the list.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| format!("xtask/advisories.json: {error}"))
    }
}

/// Every crate that an advisory names, and every exception that nothing needs any more.
pub(crate) fn violations(policy: &Ignored, known: &Advisories, built: &[Crate]) -> Result<Vec<Finding>, String> {
    let mut hits = Vec::new();
    for one in built.iter().filter(|one| one.origin != Origin::Workspace) {
        let names_it = |advisory: &&Advisory| advisory.name == one.name && advisory.hits(&one.version);
        hits.extend(known.advisories.iter().filter(names_it).map(|advisory| (one, advisory)));
    }
    let is_ignored = |advisory: &Advisory| policy.ignore.iter().any(|ignored| ignored.id == advisory.id);
    let mut found: Vec<Finding> = hits
        .iter()
        .filter(|(_, advisory)| !is_ignored(advisory))
        .map(|(one, advisory)| Finding::new(one.label(), advisory.reason()))
        .collect();
    for ignored in &policy.ignore {
        if !hits.iter().any(|(_, advisory)| advisory.id == ignored.id) {
            let why = format!("deny.toml ignores it, but the list of {} has nothing to ignore", known.date);
            found.push(Finding::new(&ignored.id, why));
        }
    }
    Ok(found)
}

impl Advisory {
    fn hits(&self, version: &Version) -> bool {
        !self.patched.iter().chain(&self.unaffected).any(|range| holds(range, version))
    }

    fn reason(&self) -> String {
        let kind = self.informational.as_deref().unwrap_or("vulnerable");
        let patched: Vec<String> = self.patched.iter().map(ToString::to_string).collect();
        match patched.is_empty() {
            true => format!("{kind}, {}: {} (no patched version)", self.id, self.title),
            false => format!("{kind}, {}: {} (patched: {})", self.id, self.title, patched.join(" or ")),
        }
    }
}

/// A pre-release counts as what it comes before, which `VersionReq` alone would always refuse.
fn holds(range: &VersionReq, version: &Version) -> bool {
    range.matches(version) || range.matches(&Version::new(version.major, version.minor, version.patch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deny::policy::IgnoredAdvisory;

    const LIST: &str = r#"{ "date": "2026-01-01", "advisories": [
        { "id": "A-1", "crate": "a", "title": "reads past the end", "informational": null,
          "patched": [">= 1.2.3", "^0.9.4"], "unaffected": ["< 0.5.0"] },
        { "id": "B-1", "crate": "b", "title": "nobody cares for it", "informational": "unmaintained",
          "patched": [], "unaffected": [] }
    ] }"#;

    fn found(ignore: &[&str], name: &str, version: &str) -> Vec<String> {
        let ignore = ignore.iter().map(|id| IgnoredAdvisory { id: (*id).into(), reason: "because".into() }).collect();
        let known = Advisories::parse(LIST).unwrap();
        let found = violations(&Ignored { ignore }, &known, &[Crate::sample(name, version)]).unwrap();
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_version_is_hit_unless_patched_or_unaffected() {
        let hit =
            |version: &str| format!("a {version}: vulnerable, A-1: reads past the end (patched: >=1.2.3 or ^0.9.4)");
        let table = [
            ("1.2.2", vec![hit("1.2.2")]),
            ("1.2.3", vec![]),
            ("2.0.0", vec![]),
            ("0.9.4", vec![]),
            ("0.9.3", vec![hit("0.9.3")]),
            ("0.4.9", vec![]),
            ("1.3.0-rc.1", vec![]),
        ];
        for (version, expected) in table {
            assert_eq!(found(&[], "a", version), expected, "{version}");
        }
    }

    #[test]
    fn an_ignored_advisory_must_still_be_there_to_ignore() {
        assert_eq!(found(&[], "b", "1.0.0"), ["b 1.0.0: unmaintained, B-1: nobody cares for it (no patched version)"]);
        assert_eq!(found(&["B-1"], "b", "1.0.0"), [""; 0]);
        assert_eq!(
            found(&["B-1"], "c", "1.0.0"),
            ["B-1: deny.toml ignores it, but the list of 2026-01-01 has nothing to ignore"]
        );
    }
}
