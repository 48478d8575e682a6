//! Whose a file or folder is, and who else may touch it.

use std::fmt::Display;
use std::fs::Metadata;
use std::path::Path;

use crate::error::StoreError;

/// Refuses a folder that is not ours or that others may write: they could swap the file in it.
pub(crate) fn check_folder(path: &Path, metadata: &Metadata) -> Result<(), StoreError> {
    if !metadata.is_dir() {
        return Err(unusable(path, "it is not a folder"));
    }
    check_owner(path, metadata)?;
    if shared(metadata, 0o022) {
        return Err(unusable(path, "the folder is writable by group or others; make it 0700"));
    }
    Ok(())
}

/// Refuses a file that is not ours or that others may read or write.
pub(crate) fn check_file(path: &Path, metadata: &Metadata) -> Result<(), StoreError> {
    if !metadata.is_file() {
        return Err(unusable(path, "it is not a regular file"));
    }
    check_owner(path, metadata)?;
    if shared(metadata, 0o077) {
        return Err(unusable(path, "the file is open to group or others; make it 0600"));
    }
    Ok(())
}

pub(crate) fn unusable(path: &Path, detail: impl Display) -> StoreError {
    StoreError::Unusable { path: path.to_owned(), detail: detail.to_string() }
}

#[cfg(unix)]
fn check_owner(path: &Path, metadata: &Metadata) -> Result<(), StoreError> {
    use std::os::unix::fs::MetadataExt;

    let (theirs, ours) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if theirs == ours {
        return Ok(());
    }
    Err(unusable(path, format!("it belongs to user {theirs}, we are user {ours}")))
}

#[cfg(unix)]
fn shared(metadata: &Metadata, mask: u32) -> bool {
    use std::os::unix::fs::MetadataExt;

    metadata.mode() & mask != 0
}

// Elsewhere the access lists of the user's own folder are what protects; there is no mode to read.
#[cfg(not(unix))]
fn check_owner(_: &Path, _: &Metadata) -> Result<(), StoreError> {
    Ok(())
}

#[cfg(not(unix))]
fn shared(_: &Metadata, _: u32) -> bool {
    false
}
