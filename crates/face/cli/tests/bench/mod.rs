//! A terminal for tests: the command in a fresh home, with nothing of the machine's environment.

use std::path::Path;

use snapbox::cmd::Command;

/// A home with its own state directory, gone when the test ends.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// The folder in which commands run.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder.
    pub(crate) fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path().join(name), content).unwrap();
    }

    /// `gatepost` with these arguments, split at white space.
    pub(crate) fn gatepost(&self, arguments: &str) -> Command {
        Command::new(env!("CARGO_BIN_EXE_gatepost"))
            .env_clear()
            .env("HOME", self.path())
            .env("PATH", "/usr/bin:/bin")
            .current_dir(self.path())
            .args(arguments.split_whitespace())
    }
}
