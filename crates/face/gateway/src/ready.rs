//! What one has to know to use a gateway that has started: for people, and as a file for scripts.

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
    /// script that waits for the file never reads half of it.
    ///
    /// # Errors
    /// [`GatewayError::State`] with what the system said.
    pub fn write(&self, path: &Path) -> Result<(), GatewayError> {
        let draft = path.with_extension(format!("draft{}", std::process::id()));
        // Whatever lies there is not ours: written through, it could have other readers or be a link.
        let _ = std::fs::remove_file(&draft);
        let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft);
        let written = file.and_then(|mut file| writeln!(file, "{:#}", self.json()));
        written.and_then(|()| std::fs::rename(&draft, path)).map_err(|error| {
            // It may hold the password; that it cannot be removed either says nothing new.
            let _ = std::fs::remove_file(&draft);
            GatewayError::State { path: path.to_owned(), detail: error.to_string(), hint: None }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_file_that_lies_in_the_way_gets_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (folder.path().join("ready.json"), folder.path().join("elsewhere"));
        std::fs::write(&elsewhere, "theirs").unwrap();
        symlink(&elsewhere, path.with_extension(format!("draft{}", std::process::id()))).unwrap();
        let ready = Ready {
            url: "https://localhost:1/".into(),
            authority: None,
            user: Some("demo".into()),
            password: Some("open sesame".into()),
            token: None,
            target: String::new(),
            schemes: Vec::new(),
            demo: true,
        };
        ready.write(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), "theirs");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(std::fs::read_to_string(&path).unwrap().contains("open sesame"));
    }
}
