//! Does what was typed behind a slash.

use std::path::Path;

use gatepost::model::event::one_line;

use crate::error::CliError;
use crate::ws::chronicle::Chronicle;
use crate::ws::said::{Opened, Said};
use crate::ws::slash::{self, Typed};
use crate::ws::source;

/// Does it; gives what is to be said, if anything. What fails is told, and the session goes on.
pub(crate) fn obey(typed: Typed, chronicle: &mut Chronicle) -> Result<Option<Said>, CliError> {
    let answer = match typed {
        Typed::Nothing => return Ok(None),
        Typed::Say(said) => return Ok(Some(said)),
        Typed::File { path, binary } => match source::file(&path, binary) {
            Ok(said) => return Ok(Some(said)),
            Err(error) => format!("error: {error}"),
        },
        Typed::Headers => chronicle.opened().map_or_else(String::new, headers),
        Typed::Auth => chronicle.opened().map_or_else(String::new, proof),
        Typed::Save(path) => saved(&path, chronicle),
        Typed::Help => slash::help(),
    };
    chronicle.answer(&answer)?;
    Ok(None)
}

fn saved(path: &Path, chronicle: &Chronicle) -> String {
    match chronicle.save(path) {
        Ok(count) => format!("{count} moments are in {}", path.display()),
        Err(error) => format!("error: {error}"),
    }
}

fn headers(opened: &Opened) -> String {
    let line = |mark: &str, (name, value): &(String, String)| format!("{mark} {name}: {}\n", one_line(value));
    let mut text: String = opened.request.iter().map(|field| line(">", field)).collect();
    text.push_str(&format!("< {} over {}\n", opened.status, opened.protocol));
    text.extend(opened.response.iter().map(|field| line("<", field)));
    text.trim_end().to_owned()
}

fn proof(opened: &Opened) -> String {
    let secured = opened.tls.as_deref().map_or_else(|| "nothing: it is in the clear".to_owned(), str::to_owned);
    let proved = opened.proof.as_deref().unwrap_or("nobody: no proof was asked for, or none was given");
    format!("secured by {secured}\nproved as  {proved}")
}
