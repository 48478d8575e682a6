//! A file that a session is written to, and the reading of one to play it back.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::bounded::read_bounded;
use crate::error::CliError;
use crate::ws::record::har::{self, Har};
use crate::ws::record::ndjson;
use crate::ws::said::Moment;

/// The largest recording that is read.
const LARGEST: u64 = 256 * 1024 * 1024;

/// A recording that is being written.
#[derive(Debug)]
pub(crate) struct Recorder {
    path: PathBuf,
    to: To,
}

#[derive(Debug)]
enum To {
    /// Nothing happened yet, and what the file held is there still.
    Waiting(Kind, File),
    Har(Har<File>),
    Ndjson(BufWriter<File>),
}

/// The kinds of recordings, by the endings of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Har,
    Ndjson,
}

impl Recorder {
    /// Opens the file of a recording; what it holds stays until the recording [begins](Self::begin).
    pub(crate) fn create(path: &Path) -> Result<Self, CliError> {
        let kind = kind(path)?;
        let failed = |error: std::io::Error| CliError::io(path.display().to_string(), &error);
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map_err(failed)?;
        Ok(Self { path: path.to_owned(), to: To::Waiting(kind, file) })
    }

    /// Begins the recording, if it has not begun. The file can be read by nobody else from here on: what is said may
    /// be secret.
    pub(crate) fn begin(&mut self) -> Result<(), CliError> {
        let To::Waiting(kind, file) = &self.to else { return Ok(()) };
        let begun = file.try_clone().and_then(|file| start(*kind, file));
        self.to = begun.map_err(|error| CliError::io(self.path.display().to_string(), &error))?;
        Ok(())
    }

    /// Writes down what happened; it is in the file when this returns.
    pub(crate) fn write(&mut self, moment: &Moment) -> Result<(), CliError> {
        self.begin()?;
        let written = match &mut self.to {
            To::Waiting(..) => Ok(()),
            To::Har(har) => har.write(moment),
            To::Ndjson(file) => writeln!(file, "{}", ndjson::write(moment)).and_then(|()| file.flush()),
        };
        written.map_err(|error| CliError::io(self.path.display().to_string(), &error))
    }
}

fn start(kind: Kind, file: File) -> std::io::Result<To> {
    // A device or a pipe has no content to lose, and its mode is not ours to change.
    if file.metadata()?.is_file() {
        let mut mode = file.metadata()?.permissions();
        mode.set_mode(0o600);
        file.set_permissions(mode)?;
        file.set_len(0)?;
    }
    Ok(match kind {
        Kind::Har => To::Har(Har::new(file)?),
        Kind::Ndjson => To::Ndjson(BufWriter::new(file)),
    })
}

/// Reads a recording.
pub(crate) fn read(path: &Path) -> Result<Vec<Moment>, CliError> {
    let kind = kind(path)?;
    let name = path.display().to_string();
    let failed = |error: std::io::Error| CliError::io(name.clone(), &error);
    let octets = read_bounded(path, LARGEST).map_err(failed)?;
    let larger = || CliError::usage(format!("{name} is larger than 256 MiB"), "cut it into pieces");
    let hint = "`--record` writes such files; the developer tools of Chromium export HAR";
    let text = String::from_utf8(octets.ok_or_else(larger)?);
    let text = text.map_err(|_| CliError::usage(format!("{name} is not UTF-8"), hint))?;
    match kind {
        Kind::Har => har::read(&text).map_err(|detail| CliError::usage(format!("{name}: {detail}"), hint)),
        Kind::Ndjson => {
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
            let read = lines.map(|(at, line)| ndjson::read(line).map_err(|detail| (at + 1, detail)));
            read.collect::<Result<_, _>>()
                .map_err(|(line, detail)| CliError::usage(format!("{name}:{line}: {detail}"), hint))
        }
    }
}

fn kind(path: &Path) -> Result<Kind, CliError> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("har") => Ok(Kind::Har),
        Some("ndjson" | "jsonl") => Ok(Kind::Ndjson),
        _ => Err(CliError::usage(
            format!("`{}` does not say which kind of recording it is", path.display()),
            "end its name with `.har` or `.ndjson`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::said::{Direction, Said, What};
    use gatepost::model::time::Timestamp;

    #[test]
    fn a_file_that_is_there_keeps_its_content_until_the_start_and_is_ours_alone_from_there() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.har", "a.ndjson"] {
            let path = folder.path().join(name);
            let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            std::fs::write(&path, "from before, and longer than what comes".repeat(100)).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            let mut recorder = Recorder::create(&path).unwrap();
            assert!(std::fs::read_to_string(&path).unwrap().starts_with("from before"), "{name}");
            recorder.begin().unwrap();
            assert_eq!(mode(), 0o600, "{name}");
            let opened = Moment { at: Timestamp::default(), what: What::Opened(Box::default()) };
            recorder.write(&opened).unwrap();
            assert!(!std::fs::read_to_string(&path).unwrap().contains("from before"), "{name}");
            assert!(read(&path).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_is_recorded_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let moment = |said| Moment { at: Timestamp::from_millis(7), what: What::Said(Direction::Out, said) };
        let path = folder.path().join("a.ndjson");
        let mut recorder = Recorder::create(&path).unwrap();
        recorder.write(&moment(Said::Text("a".into()))).unwrap();
        recorder.write(&moment(Said::Ping(vec![1]))).unwrap();
        assert_eq!(read(&path).unwrap(), [moment(Said::Text("a".into())), moment(Said::Ping(vec![1]))]);
        assert!(Recorder::create(&folder.path().join("a.txt")).is_err());
        std::fs::write(&path, "\n{}\n").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("a.ndjson:2: "), "{:?}", read(&path));
    }
}
