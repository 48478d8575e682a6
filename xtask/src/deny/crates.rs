//! The crates that end up in a build.

use std::collections::{BTreeSet, HashSet};

use cargo_metadata::Metadata;
use cargo_metadata::semver::Version;

/// One crate of the dependency graph, ours or another's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) version: Version,
    /// The SPDX expression of its manifest.
    pub(crate) licence: Option<String>,
    /// Where it comes from.
    pub(crate) origin: Origin,
}

/// Where a crate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// This workspace.
    Workspace,
    /// The registry that cargo uses when none is named.
    DefaultRegistry,
    /// Another registry, a git repository or a folder outside the workspace.
    Other(String),
}

impl Crate {
    /// `name version`, as findings call it.
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.name, self.version)
    }
}

/// The packages among `metadata` that `compiled` names, sorted by name and version.
pub(crate) fn built(metadata: &Metadata, compiled: &BTreeSet<(String, String)>) -> Vec<Crate> {
    let members: HashSet<_> = metadata.workspace_members.iter().collect();
    let mut all: Vec<Crate> = metadata
        .packages
        .iter()
        .filter(|package| compiled.contains(&(package.name.to_string(), package.version.to_string())))
        .map(|package| Crate {
            name: package.name.to_string(),
            version: package.version.clone(),
            licence: package.license.clone(),
            origin: match &package.source {
                Some(source) if source.is_crates_io() => Origin::DefaultRegistry,
                Some(source) => Origin::Other(source.repr.clone()),
                None if members.contains(&package.id) => Origin::Workspace,
                None => Origin::Other(package.manifest_path.to_string()),
            },
        })
        .collect();
    all.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    all
}

#[cfg(test)]
impl Crate {
    /// A crate of the default registry under the licence MIT.
    pub(crate) fn sample(name: &str, version: &str) -> Self {
        Self {
            name: name.into(),
            version: version.parse().unwrap(),
            licence: Some("MIT".into()),
            origin: Origin::DefaultRegistry,
        }
    }
}
