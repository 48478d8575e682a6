//! The generated pages, and whether those in the tree are what would be written now.

use std::path::PathBuf;

use crate::check::arrows::Arrows;
use crate::finding::Finding;
use crate::generate::{arrows, commands, errors, schemes};
use crate::tree::Tree;

const FOLDER: &str = "docs/book/src/reference";
const NOTICE: &str = "<!-- Written by `cargo xtask generate`. Do not edit. -->\n\n";

/// A page, or why it cannot be written.
type Page = (&'static str, Result<String, String>);

/// Writes every page; `binary` is the built command, which is built where none is given. A page that cannot be made is a finding, and the others are still written.
pub(crate) fn write(tree: &Tree, binary: Option<PathBuf>) -> Result<Vec<Finding>, String> {
    std::fs::create_dir_all(tree.path(FOLDER)).map_err(|error| format!("{FOLDER}: {error}"))?;
    let mut found = Vec::new();
    for (name, page) in pages(tree, binary)? {
        let path = format!("{FOLDER}/{name}");
        match page {
            Ok(text) => std::fs::write(tree.path(&path), text).map_err(|error| format!("{path}: {error}"))?,
            Err(why) => found.push(Finding::new(path, why)),
        }
    }
    Ok(found)
}

/// A finding for each page that is not in the tree as it would be written now.
pub(crate) fn compare(tree: &Tree, binary: Option<PathBuf>) -> Result<Vec<Finding>, String> {
    let mut found = Vec::new();
    for (name, page) in pages(tree, binary)? {
        let path = format!("{FOLDER}/{name}");
        let why = match (page, tree.read(&path)) {
            (Ok(text), Ok(there)) if text == there => continue,
            (Ok(_), _) => "is stale; run `cargo xtask generate`".to_owned(),
            (Err(why), _) => why,
        };
        found.push(Finding::new(path, why));
    }
    Ok(found)
}

fn pages(tree: &Tree, binary: Option<PathBuf>) -> Result<Vec<Page>, String> {
    let sources = tree.sources()?;
    let table = Arrows::parse(&tree.read("crates/arrows.toml")?)?;
    let noticed = |page: Result<String, String>| page.map(|text| format!("{NOTICE}{text}"));
    Ok(vec![
        ("commands.md", noticed(commands::page(tree, binary))),
        ("errors.md", noticed(errors::page(&sources))),
        ("schemes.md", noticed(schemes::page(&sources))),
        ("crates.md", noticed(Ok(arrows::page(&table)))),
    ])
}
