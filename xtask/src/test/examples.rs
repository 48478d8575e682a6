//! The examples of the workspace's crates, each run to its end.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use cargo_metadata::TargetKind;

use crate::test::counts::Counts;
use crate::test::outcome::Ending;
use crate::test::process;
use crate::tree::Tree;

/// How long an example may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs every example that was built.
pub(crate) fn run(tree: &Tree) -> Result<(Ending, Option<Counts>), String> {
    let built = built(tree)?;
    if built.is_empty() {
        return Ok((Ending::Skipped("there are none".to_owned()), None));
    }
    let failed: Vec<String> = built.iter().filter_map(failure).collect();
    let counts =
        Counts { passed: built.len().saturating_sub(failed.len()) as u64, failed: failed.len() as u64, skipped: 0 };
    match failed.is_empty() {
        true => Ok((Ending::Passed, Some(counts))),
        false => Ok((Ending::Failed(failed.join(", ")), Some(counts))),
    }
}

fn built(tree: &Tree) -> Result<Vec<PathBuf>, String> {
    let metadata = tree.metadata(&["--no-deps".to_owned()])?;
    let folder = metadata.target_directory.join("debug/examples");
    let targets = metadata.packages.iter().flat_map(|package| &package.targets);
    let examples = targets.filter(|target| target.kind.contains(&TargetKind::Example));
    Ok(examples.map(|target| folder.join(&target.name).into()).collect())
}

fn failure(program: &PathBuf) -> Option<String> {
    let how = process::run(&mut Command::new(program), LIMIT).failure?;
    Some(format!("{}: {how}", program.file_name().unwrap_or_default().to_string_lossy()))
}
