//! Every rule of `cargo xtask deny`, one after the other.

use crate::deny::advisories::{self, Advisories};
use crate::deny::policy::Policy;
use crate::deny::{crates, duplicates, licences, refused};
use crate::finding::Finding;
use crate::tree::Tree;

/// Holds the crates that are built for the targets of `deny.toml` against it.
pub(crate) fn run(tree: &Tree) -> Result<Vec<Finding>, String> {
    let policy = Policy::parse(&tree.read("deny.toml")?)?;
    let known = Advisories::parse(&tree.read("xtask/advisories.json")?)?;
    // Without the filter cargo would fetch the crates of every platform there is.
    let filter = policy.graph.targets.iter().map(|target| format!("--filter-platform={target}"));
    let metadata = tree.metadata(&filter.collect::<Vec<_>>())?;
    let built = crates::built(&metadata, &tree.compiled(&policy.graph.targets)?);
    let mut found = licences::violations(&policy.licenses, &built)?;
    found.extend(advisories::violations(&policy.advisories, &known, &built)?);
    found.extend(duplicates::violations(&policy.bans, &built)?);
    found.extend(refused::violations(&policy, &built)?);
    Ok(found)
}
