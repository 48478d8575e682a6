//! The decision log: a file of lines, one JSON object each, that only grows until it gives way to a new one.
//!
//! Several processes write it: each takes the file's lock for one write. When it has reached its bound, it takes the
//! name `….1`, in the place of the one before, so that at most twice the bound is kept.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use gatepost_model::decided::Decided;
use gatepost_model::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::owner::{check_file, unusable};

/// Octets after which the file gives way to a new one.
pub const USUAL_SIZE: u64 = 16 * 1024 * 1024;
/// The most of a text that a line holds, in characters: a stranger chose it.
const LONGEST_TEXT: usize = 512;
/// The most that a line may be long when it is read.
const LONGEST_LINE: u64 = 64 * 1024;
/// How often a writer looks for the file that has the name.
const TRIES: usize = 16;

/// A line.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    time: String,
    subject: String,
    allowed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    who: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scheme: Option<String>,
    reason: String,
}

/// The end of the log at which one writes.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    size: u64,
}

impl Journal {
    /// The log at `path`, mode 0600; it is made if it is not there. It gives way to a new one after `size` octets.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] if it is not ours, open to others, or cannot be written.
    pub fn open(path: &Path, size: u64) -> Result<Self, StoreError> {
        Ok(Self { path: path.to_owned(), file: file(path)?, size })
    }

    /// Writes these decisions, all with one write. They survive `kill -9`; a failure of the machine only after
    /// [`sync`](Self::sync).
    ///
    /// # Errors
    /// [`StoreError::Unusable`] with what the system said.
    pub fn write(&mut self, decisions: &[Decided]) -> Result<(), StoreError> {
        let mut text = Vec::new();
        for decided in decisions {
            serde_json::to_writer(&mut text, &line(decided)).map_err(|error| unusable(&self.path, error))?;
            text.push(b'\n');
        }
        self.take()?;
        let failed = |error: std::io::Error| unusable(&self.path, error);
        let torn = ends_within_a_line(&self.file).map_err(failed)?;
        if torn {
            // Somebody was ended in the middle of a line: it stays one line that cannot be read.
            text.insert(0, b'\n');
        }
        let written = (&self.file).write_all(&text);
        self.file.unlock().map_err(failed)?;
        written.map_err(failed)
    }

    /// Makes what was written last.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] with what the system said.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(|error| unusable(&self.path, error))
    }

    /// Locks the file that has the name now; one that has reached its bound gives way first.
    fn take(&mut self) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            self.file.lock().map_err(|error| unusable(&self.path, error))?;
            if !has_name(&self.file, &self.path) {
                // Another process has put a new one there. The lock goes with the file.
                self.file = file(&self.path)?;
                continue;
            }
            let length = self.file.metadata().map_err(|error| unusable(&self.path, error))?.len();
            if length < self.size {
                return Ok(());
            }
            fs::rename(&self.path, before(&self.path)).map_err(|error| unusable(&self.path, error))?;
            self.file = file(&self.path)?;
        }
        Err(unusable(&self.path, "other processes replace it without end"))
    }
}

/// The log as one reads it, from its beginning on, and what is added while one reads.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    file: Option<BufReader<File>>,
    /// A line that is not at its end yet.
    begun: Vec<u8>,
}

impl Reader {
    /// The log at `path`, together with the one that gave way to it. One that is not there is empty.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] if it cannot be read.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let earlier = before(path);
        let first = if earlier.exists() { opened(&earlier)? } else { opened(path)? };
        Ok(Self { path: path.to_owned(), file: first, begun: Vec::new() })
    }

    /// The next decision that has been written; `None` if there is none yet. A line that cannot be read is passed over.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] with what the system said.
    pub fn read(&mut self) -> Result<Option<Decided>, StoreError> {
        loop {
            let Some(file) = &mut self.file else {
                self.file = opened(&self.path)?;
                if self.file.is_none() {
                    return Ok(None);
                }
                continue;
            };
            let room = LONGEST_LINE.saturating_sub(u64::try_from(self.begun.len()).unwrap_or(u64::MAX));
            let read = file.by_ref().take(room).read_until(b'\n', &mut self.begun);
            let read = read.map_err(|error| unusable(&self.path, error))?;
            if self.begun.ends_with(b"\n") || room == 0 {
                let line = std::mem::take(&mut self.begun);
                if let Some(decided) = parsed(&line) {
                    return Ok(Some(decided));
                }
                continue;
            }
            if read > 0 {
                continue;
            }
            // Its end. If another file has the name by now, nothing more comes here.
            if has_name(file.get_ref(), &self.path) || !self.path.exists() {
                return Ok(None);
            }
            self.file = None;
            self.begun.clear();
        }
    }
}

fn line(decided: &Decided) -> Line {
    let cut = |text: &str| text.chars().take(LONGEST_TEXT).collect::<String>();
    Line {
        time: decided.at.to_string(),
        subject: cut(&decided.subject),
        allowed: decided.allowed,
        who: decided.who.as_deref().map(cut),
        from: decided.from,
        place: decided.place.as_deref().map(cut),
        scheme: decided.scheme.as_deref().map(cut),
        reason: cut(&decided.reason),
    }
}

fn parsed(text: &[u8]) -> Option<Decided> {
    let Line { time, subject, allowed, who, from, place, scheme, reason } = serde_json::from_slice(text).ok()?;
    let at = Timestamp::parse_rfc3339(&time)?;
    Some(Decided { at, subject: subject.into(), allowed, who, from, place, scheme, reason })
}

/// What the log was called before it gave way.
fn before(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    PathBuf::from(name)
}

/// The file at `path` to write at its end, made for us alone if it is not there.
fn file(path: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.append(true).read(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(|error| unusable(path, error))?;
    let metadata = file.metadata().map_err(|error| unusable(path, error))?;
    check_file(path, &metadata)?;
    Ok(file)
}

fn opened(path: &Path) -> Result<Option<BufReader<File>>, StoreError> {
    match File::open(path) {
        Ok(file) => Ok(Some(BufReader::new(file))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(path, error)),
    }
}

fn ends_within_a_line(mut file: &File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(unix)]
fn has_name(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let same = |a: &fs::Metadata, b: &fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    file.metadata().is_ok_and(|ours| fs::metadata(path).is_ok_and(|theirs| same(&ours, &theirs)))
}

// Elsewhere a file that is open cannot be renamed away.
#[cfg(not(unix))]
fn has_name(_: &File, _: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(number: i64) -> Decided {
        let mut decided = Decided::new(Timestamp::from_secs(1_700_000_000 + number), "authentication", false, "why");
        decided.who = Some(format!("ali {number}\n\u{202e}"));
        decided.from = Some([127, 0, 0, 1].into());
        decided
    }

    fn all(reader: &mut Reader) -> Vec<Decided> {
        std::iter::from_fn(|| reader.read().unwrap()).collect()
    }

    #[test]
    fn what_is_written_is_read_and_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decisions.log");
        let mut reader = Reader::open(&path).unwrap();
        assert_eq!(all(&mut reader), []);
        let mut journal = Journal::open(&path, USUAL_SIZE).unwrap();
        journal.write(&[decided(1), decided(2)]).unwrap();
        journal.sync().unwrap();
        assert_eq!(all(&mut reader), [decided(1), decided(2)]);
        let whole = Decided { place: Some("h/x".into()), scheme: Some("Basic".into()), ..decided(3) };
        journal.write(std::slice::from_ref(&whole)).unwrap();
        assert_eq!((all(&mut reader), all(&mut reader)), (vec![whole], vec![]));
        let long = Decided { reason: "x".repeat(100_000), ..decided(4) };
        journal.write(&[long]).unwrap();
        assert_eq!(all(&mut reader)[0].reason.len(), LONGEST_TEXT);
    }

    #[test]
    fn a_full_log_gives_way_and_nothing_is_lost_on_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decisions.log");
        let mut journals = [0, 1].map(|_| Journal::open(&path, 1000).unwrap());
        let mut reader = Reader::open(&path).unwrap();
        for number in 0..100 {
            journals[usize::from(number % 3 == 0)].write(&[decided(number)]).unwrap();
            assert_eq!(all(&mut reader), [decided(number)]);
        }
        let files: Vec<u64> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).collect();
        assert!(files.len() == 2 && files.iter().all(|length| *length < 1400), "{files:?}");
        let last = all(&mut Reader::open(&path).unwrap());
        assert!(last.len() >= 5 && last.last() == Some(&decided(99)), "{}", last.len());
    }

    #[test]
    fn a_torn_line_costs_itself_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decisions.log");
        let mut journal = Journal::open(&path, USUAL_SIZE).unwrap();
        journal.write(&[decided(1)]).unwrap();
        (&journal.file).write_all(b"{\"time\":\"2023").unwrap();
        journal.write(&[decided(2)]).unwrap();
        (&journal.file).write_all(&[b'x'; 200_000]).unwrap();
        journal.write(&[decided(3)]).unwrap();
        assert_eq!(all(&mut Reader::open(&path).unwrap()), [decided(1), decided(2), decided(3)]);
    }
}
