//! Runs of the suite: by hand over the release build, and the quick one of the test command over what it has built.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::conformance::python27;
use crate::tree::Tree;

const EXAMPLES: [&str; 2] = ["ws_echo_server", "ws_conformance_client"];

/// `cargo xtask conformance [quick|all] [WORDS]`; the words are those of `tests/conformance/run`. Whether all passed.
pub(crate) fn run(tree: &Tree, words: &[&str]) -> Result<bool, String> {
    let (plan, words) = match words {
        [plan @ ("quick" | "all"), words @ ..] => (*plan, words),
        words => ("quick", words),
    };
    let python = python27::interpreter().ok_or(python27::HOW)?;
    let target = target(tree)?;
    build(tree)?;
    let mut harness = harness(tree, &python, plan, &target.join("release"), &target)?;
    let status = harness.args(words).status().map_err(|error| format!("tests/conformance/run: {error}"))?;
    Ok(status.success())
}

/// The quick run as the test command has it. `None`, and why, where no CPython 2.7 is to be found.
pub(crate) fn quick(tree: &Tree) -> Result<Result<Command, &'static str>, String> {
    let Some(python) = python27::interpreter() else { return Ok(Err(python27::HOW)) };
    let target = target(tree)?;
    harness(tree, &python, "quick", &target.join("debug"), &target).map(Ok)
}

fn harness(tree: &Tree, python: &Path, plan: &str, built: &Path, target: &Path) -> Result<Command, String> {
    let requirements = tree.path("tests/conformance/requirements.txt");
    let suite = python27::suite(python, &target.join("conformance-suite"), &requirements)?;
    let mut harness = Command::new("python3");
    harness.arg(tree.path("tests/conformance/run")).arg(plan).arg("--wstest").arg(suite);
    harness.arg("--examples").arg(built.join("examples")).arg("--gatepost").arg(built.join("gatepost"));
    harness.arg("--out").arg(target.join("conformance").join(plan));
    harness.env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(harness)
}

fn build(tree: &Tree) -> Result<(), String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--locked", "--package", "gatepost", "--package", "gatepost-cli", "--bins"]);
    cargo.args(EXAMPLES.iter().flat_map(|name| ["--example", name])).current_dir(&tree.root);
    let status = cargo.status().map_err(|error| format!("cargo build: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("cargo build: {status}")) }
}

fn target(tree: &Tree) -> Result<PathBuf, String> {
    Ok(tree.metadata(&["--no-deps".to_owned()])?.target_directory.into())
}
