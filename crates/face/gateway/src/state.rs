//! The state directory: the store, the keys and the certificates that Gatepost makes for itself.
//!
//! It is readable by its owner alone. A directory that belongs to someone else, or that others may
//! read, is refused: whoever could write there could let himself in.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use gatepost::model::secret::Secret;

use crate::config::layers::Lookup;
use crate::error::GatewayError;

/// The most that a key or token file may hold.
const LONGEST: usize = 64 * 1024;

/// A state directory that was found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    directory: PathBuf,
}

impl State {
    /// Where the state lies if nobody says otherwise: `$XDG_STATE_HOME/gatepost`, else
    /// `~/.local/state/gatepost` (XDG Base Directory 0.8).
    ///
    /// # Errors
    /// [`GatewayError::Homeless`] if the environment names neither.
    pub fn usual_place(environment: Lookup<'_>) -> Result<PathBuf, GatewayError> {
        // The specification: a relative path there is invalid and to be ignored.
        let absolute = |name: &str| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let xdg = absolute("XDG_STATE_HOME");
        let base = xdg.or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
        base.map(|base| base.join("gatepost")).ok_or(GatewayError::Homeless)
    }

    /// Opens the directory, and makes it (mode 0700) if it is not there.
    ///
    /// # Errors
    /// [`GatewayError::State`] if it cannot be made, is no directory, is not ours, or is open to others.
    pub fn open(directory: &Path) -> Result<Self, GatewayError> {
        // What is shown to people must work in another folder, too.
        let directory = &std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
        let wrong =
            |detail: String, hint: Option<String>| GatewayError::State { path: directory.to_owned(), detail, hint };
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(|error| wrong(error.to_string(), Some("name another with `--state DIR`".into())))?;
        let facts = std::fs::metadata(directory).map_err(|error| wrong(error.to_string(), None))?;
        if let Some(own) = own_user()
            && facts.uid() != own
        {
            return Err(wrong("it belongs to another user".into(), Some("name another with `--state DIR`".into())));
        }
        let mode = facts.mode() & 0o777;
        if mode & 0o077 != 0 {
            let hint = format!("others could read or change it: run `chmod 700 {}`", directory.display());
            return Err(wrong(format!("its mode is {mode:04o}, not 0700"), Some(hint)));
        }
        Ok(Self { directory: directory.to_owned() })
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.directory.join("store.db")
    }

    /// The local authority's certificate, for those who want to trust it.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// A token of the local issuer for the demo user.
    #[must_use]
    pub fn demo_token(&self) -> PathBuf {
        self.directory.join("demo.token")
    }

    /// The file of the key that seals secrets.
    #[must_use]
    pub fn seal_key_file(&self) -> PathBuf {
        self.directory.join("seal.key")
    }

    /// The decision log.
    #[must_use]
    pub fn decisions(&self) -> PathBuf {
        self.directory.join("decisions.log")
    }

    /// Writes a file of this directory for its owner alone (mode 0600): all of it, or nothing.
    ///
    /// # Errors
    /// [`GatewayError::State`] with what the system said.
    pub fn write_private(&self, path: &Path, content: &[u8]) -> Result<(), GatewayError> {
        let wrong = |error: std::io::Error| GatewayError::State {
            path: path.to_owned(),
            detail: error.to_string(),
            hint: None,
        };
        let draft = path.with_extension(format!("draft{}", std::process::id()));
        let written = private_file(&draft).and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        });
        let placed = written.and_then(|()| std::fs::rename(&draft, path));
        placed.map_err(|error| {
            // The draft may hold a secret; that it cannot be removed either says nothing new.
            let _ = std::fs::remove_file(&draft);
            wrong(error)
        })
    }
}

fn private_file(path: &Path) -> std::io::Result<std::fs::File> {
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Reads a secret from a file; a line end at its end does not belong to it.
///
/// # Errors
/// What the system said, or that it is empty or holds more than 64 KiB.
pub fn read_secret(path: &Path) -> Result<Secret, String> {
    use std::io::Read;
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut octets = Vec::new();
    let bound = u64::try_from(LONGEST).unwrap_or(u64::MAX) + 1;
    file.take(bound).read_to_end(&mut octets).map_err(|error| error.to_string())?;
    if octets.len() > LONGEST {
        return Err(format!("it holds more than {LONGEST} octets"));
    }
    if octets.ends_with(b"\n") {
        octets.pop();
        if octets.ends_with(b"\r") {
            octets.pop();
        }
    }
    if octets.is_empty() { Err("it is empty".into()) } else { Ok(Secret::new(octets)) }
}

/// The user that this process acts as, where the system tells it without `unsafe`: the owner of our
/// own entry in /proc. Elsewhere the mode alone is looked at.
fn own_user() -> Option<u32> {
    std::fs::metadata("/proc/self").ok().map(|facts| facts.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_place() {
        let at = |xdg: Option<&str>, home: Option<&str>| {
            State::usual_place(&|name: &str| if name == "HOME" { home } else { xdg }.map(str::to_owned))
        };
        assert_eq!(at(Some("/x"), Some("/h")), Ok("/x/gatepost".into()));
        assert_eq!(at(Some("relative"), Some("/h")), Ok("/h/.local/state/gatepost".into()));
        assert_eq!(at(None, None), Err(GatewayError::Homeless));
    }

    #[test]
    fn it_is_made_private_and_refused_when_it_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a/b");
        let state = State::open(&place).unwrap();
        assert_eq!(std::fs::metadata(&place).unwrap().mode() & 0o777, 0o700);
        state.write_private(&state.demo_token(), b"t\r\n").unwrap();
        assert_eq!(std::fs::metadata(state.demo_token()).unwrap().mode() & 0o777, 0o600);
        assert_eq!(read_secret(&state.demo_token()), Ok(Secret::from("t")));
        std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o750)).unwrap();
        let error = State::open(&place).unwrap_err();
        assert!(error.to_string().contains("its mode is 0750, not 0700"), "{error}");
    }

    #[test]
    fn a_file_is_no_directory_and_nothing_is_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f");
        std::fs::write(&file, "\n").unwrap();
        assert!(matches!(State::open(&file), Err(GatewayError::State { .. })));
        assert_eq!(read_secret(&file), Err("it is empty".into()));
    }
}
