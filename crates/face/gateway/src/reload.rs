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
    /// The stamp of the configuration file. Take it before the file is read: a change while it is
    /// read is then noticed after.
    pub(crate) fn of(document: Option<&Path>) -> Self {
        let files: Vec<PathBuf> = document.map(Path::to_owned).into_iter().collect();
        let seen = files.iter().map(|file| stamp(file)).collect();
        Self { files, seen }
    }

    /// Adds those of every file that the configuration names for TLS, or for the certificates of clients, before they are read.
    ///
    /// A JWK Set is not among them: the library reads it again by itself.
    pub(crate) fn and_those_of(mut self, config: &Config) -> Self {
        for listener in &config.listeners {
            if let Protection::Files { certificate, key, clients } = &listener.protection {
                self.files.extend([certificate, key].into_iter().chain(clients.files()).cloned());
            }
        }
        self.files.extend(config.routes.iter().flat_map(|route| route.clients.files()).cloned());
        let known = self.seen.len();
        self.seen.extend(self.files.iter().skip(known).map(|file| stamp(file)));
        self
    }

    /// Whether any of the files looks different now; it is remembered how, so that a bad file is
    /// complained about once.
    pub(crate) fn changed(&mut self) -> bool {
        let now: Vec<_> = self.files.iter().map(|file| stamp(file)).collect();
        std::mem::replace(&mut self.seen, now) != self.seen
    }
}

/// What of a new configuration is not in force yet, in words.
pub(crate) fn waiting(started: &Config, config: &Config) -> &'static str {
    let of = |config: &Config| {
        (config.limits.clone(), config.drain_time, config.workers, config.store.clone(), config.decision_bytes)
    };
    if of(started) == of(config) {
        return "";
    }
    "; open listeners keep their limits, and workers, store and log wait for a restart"
}

fn stamp(file: &Path) -> Option<(SystemTime, u64)> {
    let facts = std::fs::metadata(file).ok()?;
    Some((facts.modified().ok()?, facts.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_while_a_file_is_read_is_noticed_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gatepost.toml");
        std::fs::write(&file, "before").unwrap();
        let mut stamps = Stamps::of(Some(&file));
        std::fs::write(&file, "and after").unwrap();
        assert!(stamps.changed());
        assert!(!stamps.changed());
        std::fs::remove_file(&file).unwrap();
        assert!(stamps.changed());
    }
}
