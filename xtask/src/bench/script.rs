//! `cargo xtask bench slow|corpus`: what needs the release build and a script, and says by its exit code what came of it.

use std::process::Command;

use crate::bench::build;
use crate::tree::Tree;

/// Builds the command and runs `benches/NAME/run` with it. `words` are the script's own. Whether it was content.
pub(crate) fn run(tree: &Tree, name: &str, words: &[&str]) -> Result<bool, String> {
    let gatepost = build::release(tree)?;
    let script = tree.path(&format!("benches/{name}/run"));
    let status = Command::new("python3").arg(&script).args(words).env("GATEPOST_BIN", gatepost).status();
    status.map(|status| status.success()).map_err(|error| format!("{}: {error}", script.display()))
}
