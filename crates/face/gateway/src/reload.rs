//! When to reload: a signal, or a file that changed.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::config::compose::Config;
use crate::config::listener::Protection;

/// How often files are looked at.
pub(crate) const EVERY: Duration = Duration::from_secs(1);

/// How files looked when they were read: modification time and length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamps {
    files: Vec<PathBuf>,
    seen: Vec<Option<(SystemTime, u64)>>,
}

impl Stamps {
    /// The stamps of the configuration file and of every file that it names for TLS.
    ///
    /// A JWK Set is not among them: the library reads it again by itself.
    pub(crate) fn of(document: Option<&Path>, config: &Config) -> Self {
        let mut files: Vec<PathBuf> = document.map(Path::to_owned).into_iter().collect();
        for listener in &config.listeners {
            if let Protection::Files { certificate, key } = &listener.protection {
                files.extend([certificate.clone(), key.clone()]);
            }
        }
        let seen = files.iter().map(|file| stamp(file)).collect();
        Self { files, seen }
    }

    /// Whether any of the files looks different now; it is remembered how, so that a bad file is
    /// complained about once.
    pub(crate) fn changed(&mut self) -> bool {
        let now: Vec<_> = self.files.iter().map(|file| stamp(file)).collect();
        std::mem::replace(&mut self.seen, now) != self.seen
    }
}

fn stamp(file: &Path) -> Option<(SystemTime, u64)> {
    let facts = std::fs::metadata(file).ok()?;
    Some((facts.modified().ok()?, facts.len()))
}
