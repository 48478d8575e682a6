//! Every rule of `cargo xtask check`, one after the other.

use crate::check::arrows::{self, Arrows};
use crate::check::{circles, files, imports, links, paths};
use crate::finding::Finding;
use crate::tree::Tree;

/// Holds the tree against every rule.
pub(crate) fn run(tree: &Tree) -> Result<Vec<Finding>, String> {
    let table = Arrows::parse(&tree.read("crates/arrows.toml")?)?;
    let metadata = tree.metadata(&["--no-deps".to_owned()])?;
    let sources = tree.sources()?;
    let mut found = table.violations(&arrows::uses(&metadata));
    found.extend(files::violations(&sources));
    found.extend(paths::violations(&sources));
    found.extend(imports::violations(&sources));
    found.extend(circles::violations(&sources));
    found.extend(links::violations(&sources));
    Ok(found)
}
