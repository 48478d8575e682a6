//! The page of crates: `crates/arrows.toml` as a picture and a table.

use std::fmt::Write as _;

use crate::check::arrows::Arrows;

/// The page.
pub(crate) fn page(table: &Arrows) -> String {
    let mut text = String::from(
        "# Crates and arrows\n\nWho may use whom, as `crates/arrows.toml` says and `cargo xtask check` enforces. \
         Arrows go down only.\n\n```mermaid\nflowchart TD\n",
    );
    let mut rows: Vec<_> = table.crates.iter().collect();
    rows.sort_by_key(|(name, row)| (std::cmp::Reverse(row.floor), *name));
    for (name, row) in &rows {
        for used in &row.inside {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "    {name} --> {used}");
        }
    }
    text.push_str("```\n\n| floor | crate | may use inside | may use outside |\n|---|---|---|---|\n");
    for (name, row) in &rows {
        let inside: Vec<&str> = row.inside.iter().map(String::as_str).collect();
        let outside: Vec<&str> = row.outside.iter().map(String::as_str).collect();
        let _ = writeln!(text, "| {} | {name} | {} | {} |", row.floor, inside.join(", "), outside.join(", "));
    }
    text
}
