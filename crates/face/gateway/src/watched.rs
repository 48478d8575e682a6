//! A file that is read when it looks different, and what was good in it last.

use std::fs::{metadata, symlink_metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How a file looked: inode, length, and both times with their nanoseconds.
pub(crate) type Stamp = (u64, u64, i64, i64, i64, i64);

/// How a file looks; a link that leads nowhere, how the link does. `None` if there is nothing.
pub(crate) fn stamp(path: &Path) -> Option<Stamp> {
    let facts = metadata(path).or_else(|_| symlink_metadata(path)).ok()?;
    Some((facts.ino(), facts.len(), facts.mtime(), facts.mtime_nsec(), facts.ctime(), facts.ctime_nsec()))
}

/// One file.
#[derive(Debug)]
pub(crate) struct Watched<T> {
    path: PathBuf,
    /// How it looked last, `None` if there was nothing; nothing before the first time.
    stamp: Option<Option<Stamp>>,
    good: Option<T>,
}

/// What a look brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing new.
    Same,
    /// Something that is good.
    Good,
    /// Something that is not: what was good stays, and this is what is wrong, with the file.
    Bad(String),
}

impl<T> Watched<T> {
    /// The file at `path`. Nothing is read yet.
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), stamp: None, good: None }
    }

    /// Reads it if it looks different from last time.
    pub(crate) fn look(&mut self, read: impl FnOnce(&Path) -> Result<T, String>) -> Look {
        let stamp = stamp(&self.path);
        if self.stamp == Some(stamp) {
            return Look::Same;
        }
        self.stamp = Some(stamp);
        match read(&self.path) {
            Ok(good) => {
                self.good = Some(good);
                Look::Good
            }
            Err(detail) => Look::Bad(format!("{}: {detail}", self.path.display())),
        }
    }

    /// What was good in it last.
    pub(crate) fn good(&self) -> Option<&T> {
        self.good.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_good_stays_and_what_is_bad_is_said_once() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        let read = |path: &Path| {
            let text = std::fs::read_to_string(path).map_err(|_| "it is away".to_owned())?;
            text.parse::<u32>().map_err(|_| "no number".to_owned())
        };
        let mut file = Watched::new(&path);
        let bad = |detail: &str| Look::Bad(format!("{}: {detail}", path.display()));
        assert_eq!([file.look(read), file.look(read)], [bad("it is away"), Look::Same]);
        std::fs::write(&path, "7").unwrap();
        assert_eq!(([file.look(read), file.look(read)], file.good()), ([Look::Good, Look::Same], Some(&7)));
        std::fs::write(&path, "seven").unwrap();
        assert_eq!(([file.look(read), file.look(read)], file.good()), ([bad("no number"), Look::Same], Some(&7)));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(([file.look(read), file.look(read)], file.good()), ([bad("it is away"), Look::Same], Some(&7)));
    }
}
