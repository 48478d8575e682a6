//! `config show`: each value with its source, for people and for programs.

use serde_json::{Value, json};

use crate::config::source::Entry;

/// The settings as aligned lines: name, value, source.
#[must_use]
pub fn text(entries: &[Entry]) -> String {
    let width = |of: fn(&Entry) -> &str| entries.iter().map(|entry| of(entry).chars().count()).max().unwrap_or(0);
    let (names, values) = (width(|entry| &entry.name), width(|entry| &entry.value).min(48));
    let line = |entry: &Entry| format!("{:names$}  {:values$}  # {}\n", entry.name, entry.value, entry.source);
    entries.iter().map(line).collect()
}

/// The settings as a JSON array of `{ name, value, source }`.
#[must_use]
pub fn json(entries: &[Entry]) -> Value {
    let row = |entry: &Entry| json!({ "name": entry.name, "value": entry.value, "source": entry.source.to_string() });
    entries.iter().map(row).collect()
}
