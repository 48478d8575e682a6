//! The release build of the command.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::tree::Tree;

/// Builds the command as it is released, and says where it is.
pub(crate) fn release(tree: &Tree) -> Result<PathBuf, String> {
    build(tree, None)?;
    Ok(tree.metadata(&["--no-deps".to_owned()])?.target_directory.join("release/gatepost").into())
}

/// How long that takes when nothing is built yet. The crates must have been downloaded before.
pub(crate) fn cold(tree: &Tree) -> Result<Duration, String> {
    let folder: PathBuf = tree.metadata(&["--no-deps".to_owned()])?.target_directory.join("bench-cold").into();
    clear(&folder)?;
    let start = Instant::now();
    build(tree, Some(&folder))?;
    let took = start.elapsed();
    clear(&folder)?;
    Ok(took)
}

fn build(tree: &Tree, folder: Option<&Path>) -> Result<(), String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--locked", "--package", "gatepost-cli"]).current_dir(&tree.root);
    if let Some(folder) = folder {
        cargo.arg("--target-dir").arg(folder);
    }
    let status = cargo.status().map_err(|error| format!("cargo build: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("cargo build: {status}")) }
}

fn clear(folder: &Path) -> Result<(), String> {
    match folder.exists() {
        true => std::fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display())),
        false => Ok(()),
    }
}
