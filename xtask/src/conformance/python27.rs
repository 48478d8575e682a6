//! A CPython 2.7 with Autobahn|Testsuite, which was never moved to Python 3. No distribution has one any more, so it
//! is looked for and not installed; what the suite stands on comes from PyPI in fixed versions.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::test::machine;

/// The last one that makes environments of 2.7.
const VIRTUALENV: &str = "virtualenv==20.15.1";

/// What to do where there is none.
pub(crate) const HOW: &str =
    "Autobahn|Testsuite needs a CPython 2.7: `pyenv install 2.7.18`, or PYTHON2=/path/to/python2.7";

/// The first CPython 2.7 that works: `PYTHON2`, the search path, or what pyenv has installed.
pub(crate) fn interpreter() -> Option<PathBuf> {
    let named = std::env::var_os("PYTHON2").map(PathBuf::from);
    let candidates = named.into_iter().chain([PathBuf::from("python2.7")]).chain(of_pyenv());
    // pyenv puts a `python2.7` into the path that only complains, so each is asked to do something.
    candidates.into_iter().find(|python| {
        let asked =
            Command::new(python).args(["-c", "import sys, ssl; print(sys.version_info[:2] == (2, 7))"]).output();
        asked.is_ok_and(|output| output.stdout.starts_with(b"True"))
    })
}

/// The suite's program, of an environment in `folder` that holds what `requirements` names.
pub(crate) fn suite(python: &Path, folder: &Path, requirements: &Path) -> Result<PathBuf, String> {
    let program = folder.join("venv/bin/wstest");
    let stamp = folder.join("requirements.done");
    let wanted =
        std::fs::read_to_string(requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    if program.exists() && std::fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(program);
    }
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let tool = folder.join("virtualenv");
    let quiet = ["-m", "pip", "--quiet", "--disable-pip-version-check", "install"];
    machine::succeed(Command::new(python).args(quiet).arg("--target").arg(&tool).arg(VIRTUALENV))?;
    let make = ["-m", "virtualenv", "--quiet", "--no-download"];
    machine::succeed(Command::new(python).env("PYTHONPATH", &tool).args(make).arg(folder.join("venv")))?;
    let inside = folder.join("venv/bin/python");
    machine::succeed(Command::new(inside).args(quiet).arg("--requirement").arg(requirements))?;
    std::fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(program)
}

fn of_pyenv() -> Vec<PathBuf> {
    let root = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv"));
    let Some(root) = root.or(home) else { return Vec::new() };
    let versions = std::fs::read_dir(root.join("versions")).into_iter().flatten().flatten();
    let ours = versions.filter(|entry| entry.file_name().to_string_lossy().starts_with("2.7"));
    ours.map(|entry| entry.path().join("bin/python2.7")).collect()
}
