//! Import from the defining module, never from a re-export of a `lib.rs` or `mod.rs`.

use crate::check::modules::{self, Modules};
use crate::finding::Finding;
use crate::tree::Source;

/// Every path inside a crate that names a re-export of one of the crate's own folders.
pub(crate) fn violations(sources: &[Source]) -> Vec<Finding> {
    modules::crates(sources).values().flat_map(in_crate).collect()
}

fn in_crate(modules: &Modules) -> Vec<Finding> {
    let mut found = Vec::new();
    for (route, module) in modules {
        for path in &module.names {
            let Some((target, Some(item))) = modules::resolve(modules, route, path) else { continue };
            let Some(holder) = modules.get(&target) else { continue };
            if target != *route && is_folder(&holder.path) && !defines(&holder.code, &item) && item != "*" {
                let why = format!("`{}` is a re-export; import it from the module that defines it", path.join("::"));
                found.push(Finding::new(&module.path, why));
            }
        }
    }
    found
}

fn is_folder(path: &str) -> bool {
    ["/lib.rs", "/main.rs", "/mod.rs"].iter().any(|end| path.ends_with(end))
}

/// Does the code hold `struct item`, `fn item` and the like?
fn defines(code: &str, item: &str) -> bool {
    const KINDS: [&str; 11] =
        ["const", "enum", "fn", "macro", "macro_rules!", "mod", "static", "struct", "trait", "type", "union"];
    let words: Vec<&str> = code
        .split(|char: char| !(char.is_alphanumeric() || char == '_' || char == '!'))
        .filter(|word| !word.is_empty())
        .collect();
    words.windows(2).any(|pair| matches!(pair, [kind, name] if KINDS.contains(kind) && *name == item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_from_a_re_export_is_caught() {
        let source = |path: &str, text: &str| Source { path: path.into(), text: text.into() };
        let sources = [
            source(
                "a/src/lib.rs",
                "pub mod challenge;\npub mod use_it;\npub use challenge::Challenge;\npub const ALL: u8 = 1;",
            ),
            source("a/src/challenge.rs", "pub struct Challenge;"),
            source("a/src/use_it.rs", "use crate::{Challenge, ALL, challenge::Challenge as Good};"),
        ];
        let found: Vec<String> = violations(&sources).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            ["a/src/use_it.rs: `crate::Challenge` is a re-export; import it from the module that defines it"]
        );
    }
}
