//! New files that only we may read, and that have their name only when they are whole.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::StoreError;
use crate::owner::unusable;

/// Writes a file of this content that only we may read; one that is there by now stays.
pub(crate) fn publish(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let draft = fresh_sibling(path)?;
    let mut file = create_private(&draft)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(|error| unusable(&draft, error))?;
    settle_name(&draft, path)
}

/// A name beside `path` that nobody else uses.
pub(crate) fn fresh_sibling(path: &Path) -> Result<PathBuf, StoreError> {
    let number = getrandom::u64().map_err(|error| unusable(path, error))?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{number:016x}"));
    Ok(PathBuf::from(name))
}

/// Gives the finished file at `from` its name, unless something has that name already, and makes
/// that last. `from` is gone in either case.
pub(crate) fn settle_name(from: &Path, path: &Path) -> Result<(), StoreError> {
    let linked = fs::hard_link(from, path);
    fs::remove_file(from).map_err(|error| unusable(from, error))?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(unusable(path, error)),
        _ => {}
    }
    sync_folder_of(path)
}

/// Gives the finished file at `from` the name of another one, which is gone then, and makes that last.
pub(crate) fn replace(from: &Path, path: &Path) -> Result<(), StoreError> {
    fs::rename(from, path).map_err(|error| unusable(from, error))?;
    sync_folder_of(path)
}

fn sync_folder_of(path: &Path) -> Result<(), StoreError> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => sync_folder(folder),
        None => Ok(()),
    }
}

/// Opens a new file that only we may read.
pub(crate) fn create_private(path: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| unusable(path, error))
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| unusable(folder, error))
}

// Elsewhere a folder cannot be opened as a file, and the system orders its changes itself.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> Result<(), StoreError> {
    Ok(())
}
