//! A listing as text.

use super::entry::Entry;
use super::labels::{ADDRESS, EXTENDED, HOST, STORE};

/// The column in which values begin, where the label leaves room.
const WIDTH: usize = 28;

/// Reads the bindings of a listing. Empty if there is none, as in a listing in another language than English.
pub(crate) fn read(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for line in text.lines().map(str::trim) {
        let Some((label, value)) = split(line) else { continue };
        let begins =
            [ADDRESS, HOST, STORE].iter().any(|key| key.eq_ignore_ascii_case(label)) || label.starts_with("Scoped");
        if begins {
            entries.push(Entry::default());
        }
        if let Some(entry) = entries.last_mut() {
            entry.lines.push((label.to_owned(), value.to_owned()));
        }
    }
    entries
}

/// The label and the value; a label may have a colon of its own, but no blank in front of it.
fn split(line: &str) -> Option<(&str, &str)> {
    if line.strip_suffix(':') == Some(EXTENDED) {
        return Some((EXTENDED, ""));
    }
    let (label, value) = line.split_once(" : ").or_else(|| line.strip_suffix(" :").map(|label| (label, "")))?;
    Some((label.trim(), value.trim()))
}

/// Writes bindings as a listing.
pub(crate) fn write(bindings: &[Vec<(String, String)>]) -> String {
    let mut text = "\nSSL Certificate bindings:\n-------------------------\n\n".to_owned();
    for lines in bindings {
        for (label, value) in lines {
            text.push_str(&line(label, value));
        }
        text.push('\n');
    }
    text
}

/// One line of it.
pub(crate) fn line(label: &str, value: &str) -> String {
    if label == EXTENDED {
        return format!(" {label}:\n");
    }
    format!("    {label:WIDTH$} : {value}\n")
}
