//! The work tree that the rules look at: its root, its files, its cargo metadata.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use cargo_metadata::{Metadata, MetadataCommand};

/// The work tree of the project.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The folder with the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
}

/// A file of the project that is text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Relative to the root, with `/` between folders.
    pub(crate) path: String,
    /// What stands in it.
    pub(crate) text: String,
}

impl Tree {
    /// The tree that `cargo` runs this program for, or that it was built from.
    pub(crate) fn open() -> Result<Self, String> {
        let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let here = PathBuf::from(here);
        let root = here.parent().ok_or("xtask has no parent folder")?;
        Ok(Self { root: root.to_path_buf() })
    }

    /// A path below the root.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// The text of a file below the root.
    pub(crate) fn read(&self, relative: &str) -> Result<String, String> {
        std::fs::read_to_string(self.path(relative)).map_err(|error| format!("{relative}: {error}"))
    }

    /// `cargo metadata` of the whole workspace. `options` are further arguments, such as `--filter-platform`.
    pub(crate) fn metadata(&self, options: &[String]) -> Result<Metadata, String> {
        let mut options = options.to_vec();
        options.push("--locked".to_owned());
        MetadataCommand::new()
            .manifest_path(self.path("Cargo.toml"))
            .other_options(options)
            .exec()
            .map_err(|error| format!("cargo metadata: {error}"))
    }

    /// The names and versions that are truly compiled for `targets`, tests included.
    ///
    /// `cargo metadata` does not do: it also lists optional crates that only a weak feature (`x?/y`) names.
    pub(crate) fn compiled(&self, targets: &[String]) -> Result<BTreeSet<(String, String)>, String> {
        let mut cargo = Command::new("cargo");
        cargo.args(["tree", "--workspace", "--locked", "--prefix=none", "--format={p}"]).current_dir(&self.root);
        cargo.args(targets.iter().map(|target| format!("--target={target}")));
        let listing = cargo.output().map_err(|error| format!("cargo tree: {error}"))?;
        if !listing.status.success() {
            return Err(format!("cargo tree: {}", String::from_utf8_lossy(&listing.stderr).trim()));
        }
        let pair = |line: &str| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
        };
        Ok(String::from_utf8_lossy(&listing.stdout).lines().filter_map(pair).collect())
    }

    /// Every text file that git knows or would take up, sorted by path.
    pub(crate) fn sources(&self) -> Result<Vec<Source>, String> {
        let listing = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(&self.root)
            .output()
            .map_err(|error| format!("git ls-files: {error}"))?;
        if !listing.status.success() {
            return Err(format!("git ls-files: {}", String::from_utf8_lossy(&listing.stderr).trim()));
        }
        let names = String::from_utf8_lossy(&listing.stdout).into_owned();
        let mut paths: Vec<&str> = names.split('\0').filter(|name| !name.is_empty()).collect();
        paths.sort_unstable();
        paths.dedup();
        Ok(paths.into_iter().filter_map(|path| self.text(path)).collect())
    }

    /// `None` for what is not text, and for a file that is deleted but still in the index.
    fn text(&self, path: &str) -> Option<Source> {
        let text = std::fs::read_to_string(self.path(path)).ok()?;
        Some(Source { path: path.to_owned(), text })
    }
}
