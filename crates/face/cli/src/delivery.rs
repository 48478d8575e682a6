//! Where an answer goes: stdout, a file with a progress bar, or one JSON document.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use gatepost::net::body::Body;
use http::header::{CONTENT_LENGTH, HeaderMap};
use http::{Response, response};
use http_body_util::BodyExt;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::error::CliError;
use crate::ui::Ui;

/// How much of a body goes into a JSON document.
const LONGEST: usize = 16 * 1024 * 1024;

/// How many names for a draft are tried.
const MOST_DRAFTS: u32 = 16;

/// What is wanted of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    /// The file for the body; stdout if `None`.
    pub(crate) output: Option<PathBuf>,
    /// Whether the head is printed, too.
    pub(crate) include: bool,
    /// What was asked for, for the progress bar.
    pub(crate) of: String,
}

/// Delivers an answer. A body that breaks off is an error, and its file does not appear.
pub(crate) async fn deliver(response: Response<Body>, delivery: &Delivery, ui: &Ui) -> Result<(), CliError> {
    let (head, body) = response.into_parts();
    if let Some(path) = &delivery.output {
        let length = head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let written = to_file(body, path, progress(length, &delivery.of, ui)).await?;
        if ui.is_json() {
            return ui.json(&json!({ "status": head.status.as_u16(), "headers": fields(&head.headers), "file": path, "octets": written }));
        }
        return if delivery.include { ui.out(&head_text(&head)) } else { Ok(()) };
    }
    if ui.is_json() {
        let octets = body.collect(LONGEST).await.map_err(gatepost::Error::from)?;
        let body = String::from_utf8_lossy(&octets);
        return ui.json(&json!({ "status": head.status.as_u16(), "headers": fields(&head.headers), "body": body }));
    }
    if delivery.include {
        ui.out(&head_text(&head))?;
    }
    each(body, |octets| ui.octets(octets)).await
}

/// Gives each piece of a body to `take`.
async fn each(mut body: Body, mut take: impl FnMut(&[u8]) -> Result<(), CliError>) -> Result<(), CliError> {
    while let Some(frame) = body.frame().await {
        if let Ok(octets) = frame.map_err(gatepost::Error::from)?.into_data() {
            take(&octets)?;
        }
    }
    Ok(())
}

/// Writes a body beside `path` and puts it there when it is whole. What is there and no file, such as a device or a
/// pipe, is written into: put in its place, the file would end it.
async fn to_file(body: Body, path: &Path, progress: ProgressBar) -> Result<u64, CliError> {
    let failed = |error: std::io::Error| CliError::io(path.display().to_string(), &error);
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
        let written = copy(body, file, path, &progress).await;
        progress.finish_and_clear();
        return written.map(|(written, _)| written);
    }
    let (part, file) = draft(path).map_err(failed)?;
    let taken = copy(body, file, path, &progress).await;
    let whole = taken.and_then(|(written, file)| {
        file.sync_all().and_then(|()| std::fs::rename(&part, path)).map_err(failed)?;
        Ok(written)
    });
    progress.finish_and_clear();
    if whole.is_err() {
        // The error is told; that the rest of the file cannot be removed either would only hide it.
        let _ = std::fs::remove_file(&part);
    }
    whole
}

/// A new file beside `path`. One that is there is not ours: it may be a link that somebody else put there.
fn draft(path: &Path) -> std::io::Result<(PathBuf, File)> {
    let mut tried = 0;
    loop {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}-{tried}.part", std::process::id()));
        let part = path.with_file_name(name);
        match OpenOptions::new().write(true).create_new(true).open(&part) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && tried < MOST_DRAFTS => tried += 1,
            opened => return opened.map(|file| (part, file)),
        }
    }
}

async fn copy(body: Body, mut file: File, path: &Path, progress: &ProgressBar) -> Result<(u64, File), CliError> {
    let mut written = 0;
    each(body, |octets| {
        written += u64::try_from(octets.len()).unwrap_or(u64::MAX);
        progress.set_position(written);
        file.write_all(octets).map_err(|error| CliError::io(path.display().to_string(), &error))
    })
    .await?;
    Ok((written, file))
}

/// A bar on a terminal, nothing elsewhere.
fn progress(length: Option<u64>, of: &str, ui: &Ui) -> ProgressBar {
    if ui.is_quiet() || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match length {
        Some(length) => {
            (ProgressBar::new(length), "{msg} {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left")
        }
        None => (ProgressBar::new_spinner(), "{msg} {spinner} {bytes}, {bytes_per_sec}"),
    };
    let name = of.split('?').next().unwrap_or_default().rsplit('/').find(|part| !part.is_empty()).unwrap_or_default();
    bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(name.to_owned())
}

fn head_text(head: &response::Parts) -> String {
    let mut text = format!("{:?} {}\n", head.version, head.status);
    for (name, value) in &head.headers {
        text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    }
    text + "\n"
}

fn fields(headers: &HeaderMap) -> Value {
    let values = |name| {
        let all: Vec<_> = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        if let [one] = all.as_slice() { json!(one) } else { json!(all) }
    };
    Value::Object(headers.keys().map(|name| (name.to_string(), values(name))).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileTypeExt, symlink};

    use super::*;

    async fn put(path: &Path) -> Result<u64, CliError> {
        to_file(Body::from("whole"), path, ProgressBar::hidden()).await
    }

    #[tokio::test]
    async fn what_is_no_file_is_written_into_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let link = folder.path().join("link");
        symlink(&pipe, &link).unwrap();
        for path in [&pipe, &link] {
            let from = pipe.clone();
            let reader = std::thread::spawn(move || std::fs::read_to_string(from).unwrap());
            assert_eq!(put(path).await, Ok(5));
            assert!(std::fs::metadata(path).unwrap().file_type().is_fifo(), "{}", path.display());
            assert_eq!(reader.join().unwrap(), "whole");
        }
        assert!(put(folder.path()).await.is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[tokio::test]
    async fn a_link_that_lies_in_the_way_gets_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (folder.path().join("out"), folder.path().join("elsewhere"));
        std::fs::write(&elsewhere, "theirs").unwrap();
        for name in ["out.part".to_owned(), format!("out.{}-0.part", std::process::id())] {
            symlink(&elsewhere, folder.path().join(name)).unwrap();
        }
        for before in [false, true] {
            assert_eq!((path.exists(), put(&path).await), (before, Ok(5)));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "whole");
        }
        assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), "theirs");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4);
    }
}
