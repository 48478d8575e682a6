//! `cargo xtask bench ws`: our WebSockets beside those of other libraries, by `benches/ws`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tree::Tree;

/// Builds the echo servers, measures, prints the tables, and leaves the figures in `target/bench/ws.json`.
/// `words` are the harness' own. Whether our own server did all of its work.
#[expect(clippy::print_stdout, reason = "where the figures lie is what this command says at its end")]
pub(crate) fn run(tree: &Tree, words: &[&str]) -> Result<bool, String> {
    let folder: PathBuf = tree.metadata(&["--no-deps".to_owned()])?.target_directory.join("bench").into();
    let program = build(tree, &folder.join("wsecho"))?;
    let figures = folder.join("ws.json");
    let mut harness = Command::new("python3");
    harness.arg(tree.path("benches/ws/run")).arg("--wsecho").arg(program).arg("--json").arg(&figures).args(words);
    let status = harness.status().map_err(|error| format!("benches/ws/run: {error}"))?;
    println!("\nfigures: {}", figures.display());
    Ok(status.success())
}

/// The peers are no part of the workspace: nothing that we ship is built on them.
fn build(tree: &Tree, target: &Path) -> Result<PathBuf, String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--locked", "--manifest-path"]).arg(tree.path("benches/ws/wsecho/Cargo.toml"));
    let status = cargo.arg("--target-dir").arg(target).status().map_err(|error| format!("cargo build: {error}"))?;
    if status.success() { Ok(target.join("release/wsecho")) } else { Err(format!("cargo build of wsecho: {status}")) }
}
