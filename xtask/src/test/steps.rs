//! The steps of the test command, in their order. Each shares what the earlier ones built: the same profile,
//! the same features (the whole workspace), the same compiler flags.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::finding::{Finding, report};
use crate::test::counts::{Counts, Runner};
use crate::test::outcome::Ending;
use crate::test::{examples, machine, process};
use crate::tree::Tree;
use crate::{check, conformance, deny, generate};

/// What a step leaves: how it ended, and what its runner counted.
type Left = Result<(Ending, Option<Counts>), String>;

/// A step's name and what it does.
pub(crate) type Step = (&'static str, fn(&Tree) -> Left);

/// All of them.
pub(crate) const ALL: [Step; 12] = [
    ("fmt", fmt),
    ("check", arrows_and_files),
    ("deny", crates_of_others),
    ("clippy", clippy),
    ("build", build),
    ("generate", reference),
    ("tests", tests),
    ("doctests", doc_tests),
    ("docs", docs),
    ("examples", examples::run),
    ("autobahn", autobahn),
    ("interop", interop),
];

/// No step takes this long; one that does hangs.
const LIMIT: Duration = Duration::from_secs(20 * 60);

fn fmt(tree: &Tree) -> Left {
    plain(&mut cargo(tree, "fmt --all --check"))
}

fn arrows_and_files(tree: &Tree) -> Left {
    judged("check", &check::rules::run(tree)?)
}

fn crates_of_others(tree: &Tree) -> Left {
    judged("deny", &deny::rules::run(tree)?)
}

fn clippy(tree: &Tree) -> Left {
    plain(&mut cargo(tree, "clippy --locked --workspace --all-targets -- -D warnings"))
}

/// All at once, so that the tests, the examples and the command come from one build.
fn build(tree: &Tree) -> Left {
    plain(&mut cargo(tree, "build --locked --workspace --all-targets"))
}

fn reference(tree: &Tree) -> Left {
    judged("generate --check", &generate::pages::compare(tree, Some(command(tree)?))?)
}

fn tests(tree: &Tree) -> Left {
    let has_nextest = cargo(tree, "nextest --version").output().is_ok_and(|output| output.status.success());
    match has_nextest {
        true => counted(&mut cargo(tree, "nextest run --locked --workspace --no-fail-fast"), Runner::Nextest),
        false => {
            counted(&mut cargo(tree, "test --locked --workspace --lib --bins --tests --no-fail-fast"), Runner::Cargo)
        }
    }
}

fn doc_tests(tree: &Tree) -> Left {
    counted(&mut cargo(tree, "test --locked --workspace --doc --no-fail-fast"), Runner::Cargo)
}

/// Libraries only: the library and the command are both called `gatepost`, and their pages would overwrite each other.
fn docs(tree: &Tree) -> Left {
    plain(cargo(tree, "doc --locked --workspace --no-deps --lib").env("RUSTDOCFLAGS", "-D warnings"))
}

/// Over the examples as they are built for tests, with checks for overflow.
fn autobahn(tree: &Tree) -> Left {
    match conformance::suite::quick(tree)? {
        Ok(mut harness) => counted(&mut harness, Runner::Cases),
        Err(why) if std::env::var_os("CI").is_some() => Err(why.to_owned()),
        Err(why) => Ok((Ending::Skipped(why.to_owned()), None)),
    }
}

fn interop(tree: &Tree) -> Left {
    if let Err(why) = machine::equip() {
        return match std::env::var_os("CI") {
            Some(_) => Err(why),
            None => Ok((Ending::Skipped(why), None)),
        };
    }
    let folder = target(tree)?.join("interop-venv");
    let python = machine::python(&folder, &tree.path("tests/interop/requirements.txt"))?;
    let node = machine::node(&target(tree)?.join("interop-node"), &tree.path("tests/interop/node"))?;
    let mut pytest = Command::new(python);
    pytest.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/interop"]).current_dir(&tree.root);
    pytest.env("GATEPOST_BIN", command(tree)?).env("PYTHONDONTWRITEBYTECODE", "1").env("PATH", machine::search_path());
    pytest.env("NODE_ROOT", node).env("GATEPOST_EXAMPLES", target(tree)?.join("debug/examples"));
    // These would beat the authority that a test names to its client.
    for name in ["CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"] {
        pytest.env_remove(name);
    }
    counted(&mut pytest, Runner::Pytest)
}

fn cargo(tree: &Tree, words: &str) -> Command {
    let mut command = Command::new("cargo");
    command.args(words.split(' ')).current_dir(&tree.root);
    command
}

fn target(tree: &Tree) -> Result<PathBuf, String> {
    Ok(tree.metadata(&["--no-deps".to_owned()])?.target_directory.into())
}

fn command(tree: &Tree) -> Result<PathBuf, String> {
    Ok(target(tree)?.join("debug/gatepost"))
}

fn judged(command: &str, found: &[Finding]) -> Left {
    match report(command, found) {
        true => Ok((Ending::Passed, None)),
        false => Ok((Ending::Failed(format!("{} found", found.len())), None)),
    }
}

fn plain(command: &mut Command) -> Left {
    let ran = process::run(command, LIMIT);
    Ok((ran.failure.map_or(Ending::Passed, Ending::Failed), None))
}

fn counted(command: &mut Command, runner: Runner) -> Left {
    let ran = process::run(command, LIMIT);
    let counts = runner.counts(&ran.lines);
    let ending = match (ran.failure, counts) {
        (Some(how), _) => Ending::Failed(how),
        (None, Some(counts)) if counts.failed == 0 => Ending::Passed,
        (None, Some(_)) => Ending::Failed("the runner ended well, but counted failures".to_owned()),
        (None, None) => Ending::Failed("the runner did not say what it ran".to_owned()),
    };
    Ok((ending, counts))
}
