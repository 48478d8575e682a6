//! Where an answer goes: stdout, a file with a progress bar, or one JSON document.

use std::io::{IsTerminal, Write};
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

/// Writes a body beside `path` and puts it there when it is whole.
async fn to_file(body: Body, path: &Path, progress: ProgressBar) -> Result<u64, CliError> {
    let failed = |error: std::io::Error| CliError::io(path.display().to_string(), &error);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let mut file = std::fs::File::create(&part).map_err(failed)?;
    let mut written = 0;
    let taken = each(body, |octets| {
        written += u64::try_from(octets.len()).unwrap_or(u64::MAX);
        progress.set_position(written);
        file.write_all(octets).map_err(failed)
    });
    let whole = taken.await.and_then(|()| file.sync_all().and_then(|()| std::fs::rename(&part, path)).map_err(failed));
    progress.finish_and_clear();
    if whole.is_err() {
        // The error is told; that the rest of the file cannot be removed either would only hide it.
        let _ = std::fs::remove_file(&part);
    }
    whole.map(|()| written)
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
