//! The page of schemes: one row for each file of `gatepost-auth`'s `schemes/`, in the order of `ALL`.

use crate::tree::Source;

const FOLDER: &str = "crates/pure/auth/src/schemes/";

/// The page.
pub(crate) fn page(sources: &[Source]) -> Result<String, String> {
    let registry = sources.iter().find(|source| source.path == format!("{FOLDER}mod.rs"));
    let order = registry.map(|source| source.text.split_once("ALL").map_or("", |(_, after)| after)).unwrap_or_default();
    let mut rows: Vec<(usize, String)> = Vec::new();
    for source in sources {
        let Some(module) = source.path.strip_prefix(FOLDER).and_then(|rest| rest.strip_suffix(".rs")) else { continue };
        if let Some(name) = named(&source.text) {
            let place = order.find(&format!("{module}::")).unwrap_or(usize::MAX);
            rows.push((place, row(&name, &source.text)));
        }
    }
    rows.sort();
    let rows: Vec<String> = rows.into_iter().map(|(_, row)| row).collect();
    Ok(format!(
        "# Schemes\n\nEvery scheme works at both ends: the client proves with it, the gateway verifies it.\n\n\
         | scheme | strength | what it is |\n|---|---|---|\n{}",
        rows.concat()
    ))
}

fn row(name: &str, text: &str) -> String {
    let doc: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//! ")).collect();
    let strength = body(text, "fn strength").and_then(|body| body.split_once("Strength::")).map(|(_, after)| after);
    let strength: String = strength.unwrap_or_default().chars().take_while(|char| char.is_alphanumeric()).collect();
    format!("| {name} | {strength} | {} |\n", doc.join(" ").replace('|', "\\|"))
}

/// What `fn name` returns. A file without one is not a scheme but a part of one.
fn named(text: &str) -> Option<String> {
    let body = body(text, "fn name(&self)")?.trim();
    // Either the name itself, or the constant that holds it.
    let (_, after) = if body.starts_with('"') { ("", body) } else { text.split_once(&format!("const {body}: "))? };
    after.split('"').nth(1).map(str::to_owned)
}

fn body<'a>(text: &'a str, head: &str) -> Option<&'a str> {
    let (_, after) = text.split_once(head)?;
    let (_, body) = after.split_once('{')?;
    body.split_once('}').map(|(body, _)| body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_stand_in_their_declared_order() {
        let source = |name: &str, text: &str| Source { path: format!("{FOLDER}{name}.rs"), text: text.into() };
        let scheme = |name: &str, strength: &str| {
            format!(
                "//! {name}, as its RFC says.\n//! Both ends.\n\nimpl Scheme for X {{\n    fn name(&self) -> &'static str {{\n        \
                 \"{name}\"\n    }}\n    fn strength(&self) -> Strength {{\n        Strength::{strength}\n    }}\n}}\n"
            )
        };
        let sources = [
            source("basic", &scheme("Basic", "Plain")),
            source(
                "bearer",
                &format!("{}const NAME: &str = \"Bearer\";\n", scheme("Bearer", "Token").replace("\"Bearer\"", "NAME")),
            ),
            source("dialect", "//! A part.\npub struct Dialect;\n"),
            source("mod", "//! All.\npub static ALL: &[&dyn Scheme] = &[&bearer::Bearer, &basic::Basic];\n"),
        ];
        let page = page(&sources).unwrap();
        let rows: Vec<&str> = page.lines().skip(6).collect();
        assert_eq!(
            rows,
            [
                "| Bearer | Token | Bearer, as its RFC says. Both ends. |",
                "| Basic | Plain | Basic, as its RFC says. Both ends. |"
            ]
        );
    }
}
