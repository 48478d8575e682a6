//! What one has to know to use a gateway that has started: for people, and as a file for scripts.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use gatepost::model::secret::Secret;
use serde_json::{Value, json};

use crate::error::GatewayError;

/// The facts of a gateway that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// Where it listens first, as one would type it.
    pub url: String,
    /// The certificate of the local authority, if that is what its listener shows.
    pub authority: Option<PathBuf>,
    /// The demo user, if there is one.
    pub user: Option<String>,
    /// The demo user's password, if it can be recovered.
    pub password: Option<Secret>,
    /// A file with a bearer token of the demo user.
    pub token: Option<PathBuf>,
    /// What stands behind it, in words.
    pub target: String,
    /// The schemes of the first route; empty if it is open.
    pub schemes: Vec<&'static str>,
    /// Whether the demo is behind it, with its WebSocket echo.
    pub demo: bool,
}

impl Ready {
    /// The facts as JSON: `url`, `ca`, `user`, `password`, `console`. Holds the password.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "url": self.url,
            "ca": self.authority,
            "user": self.user,
            "password": self.password.as_ref().and_then(Secret::reveal_text),
            "token_file": self.token,
            "console": Value::Null,
        })
    }

    /// Writes the JSON to `path`, for the owner alone (mode 0600): whole, or not at all, so that a
    /// script that waits for the file never reads half of it. What is there and no file, such as a device or a pipe,
    /// is written into and stays as it is.
    ///
    /// # Errors
    /// [`GatewayError::State`] with what the system said.
    pub fn write(&self, path: &Path) -> Result<(), GatewayError> {
        let special = std::fs::metadata(path).is_ok_and(|found| !found.is_file());
        let written = if special { self.write_through(path) } else { self.as_a_new_file(path) };
        written.map_err(|error| GatewayError::State { path: path.to_owned(), detail: error.to_string(), hint: None })
    }

    fn write_through(&self, path: &Path) -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(path)?;
        // In one piece: whoever reads the other end of a pipe gets it whole.
        file.write_all(format!("{:#}\n", self.json()).as_bytes())
    }

    fn as_a_new_file(&self, path: &Path) -> std::io::Result<()> {
        let draft = path.with_extension(format!("draft{}", std::process::id()));
        // Whatever lies there is not ours: written through, it could have other readers or be a link.
        let _ = std::fs::remove_file(&draft);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        let written = writeln!(file, "{:#}", self.json()).and_then(|()| std::fs::rename(&draft, path));
        if written.is_err() {
            // It may hold the password; that it cannot be removed either says nothing new.
            let _ = std::fs::remove_file(&draft);
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

    use super::*;

    fn ready() -> Ready {
        Ready {
            url: "https://localhost:1/".into(),
            authority: None,
            user: Some("demo".into()),
            password: Some("open sesame".into()),
            token: None,
            target: String::new(),
            schemes: Vec::new(),
            demo: true,
        }
    }

    #[test]
    fn a_file_that_lies_in_the_way_gets_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (folder.path().join("ready.json"), folder.path().join("elsewhere"));
        std::fs::write(&elsewhere, "theirs").unwrap();
        symlink(&elsewhere, path.with_extension(format!("draft{}", std::process::id()))).unwrap();
        ready().write(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), "theirs");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(std::fs::read_to_string(&path).unwrap().contains("open sesame"));
    }

    #[test]
    fn a_pipe_is_written_into_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let from = pipe.clone();
        let reader = std::thread::spawn(move || std::fs::read_to_string(from).unwrap());
        ready().write(&pipe).unwrap();
        assert!(std::fs::metadata(&pipe).unwrap().file_type().is_fifo());
        assert_eq!(reader.join().unwrap(), format!("{:#}\n", ready().json()));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
