//! The netrc file on the disk: where it lies, and who else may read it.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use gatepost::model::secret::Secret;
use gatepost::netrc::{MOST_OCTETS, Netrc};

use crate::error::CliError;
use crate::runtime;

/// `$NETRC`, else `~/.netrc`.
pub(crate) fn usual_place() -> Result<PathBuf, CliError> {
    let named = runtime::environment("NETRC").map(PathBuf::from);
    let home = || runtime::environment("HOME").map(|home| PathBuf::from(home).join(".netrc"));
    let nowhere = || CliError::usage("there is no home with a `.netrc`", "name the file with `--netrc-file FILE`");
    named.or_else(home).ok_or_else(nowhere)
}

/// Reads the file. One that others may read is refused: its passwords are theirs by now.
pub(crate) fn read(path: &Path) -> Result<Netrc, CliError> {
    let shown = path.display().to_string();
    let facts = std::fs::metadata(path).map_err(|error| CliError::io(shown.clone(), &error))?;
    if facts.mode() & 0o077 != 0 {
        let hint = format!("run `chmod 600 {shown}`");
        return Err(CliError::usage(format!("{shown} is open to others, and passwords stand in it"), hint));
    }
    if facts.len() > u64::try_from(MOST_OCTETS).unwrap_or(u64::MAX) {
        return Err(CliError::Io { what: shown, detail: format!("it holds more than {MOST_OCTETS} octets") });
    }
    let text = std::fs::read(path).map(Secret::new).map_err(|error| CliError::io(shown.clone(), &error))?;
    let text =
        text.reveal_text().ok_or_else(|| CliError::Io { what: shown.clone(), detail: "it is not UTF-8".into() })?;
    Netrc::parse(text).map_err(|error| CliError::Io { what: shown, detail: error.to_string() })
}
