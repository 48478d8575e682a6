//! The page of error codes: every `GP-AREA-NNN` that the sources name, with the variant that bears it.

use std::collections::BTreeMap;

use crate::tree::Source;

/// What the page says about one code.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Entry {
    /// What the `#[error]` attribute prints.
    message: String,
    /// The variant's doc comment.
    meaning: String,
    /// Who is to blame.
    blame: String,
    /// Where it is defined.
    path: String,
}

/// The page, or the first code that stands for two things.
pub(crate) fn page(sources: &[Source]) -> Result<String, String> {
    let mut all: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for source in sources.iter().filter(|source| source.path.starts_with("crates/") && source.path.contains("/src/")) {
        for (code, entries) in coded(source) {
            if let Some(other) = all.get(&code).and_then(|there| there.first()) {
                return Err(format!("{code} stands in {} and in {}", other.path, source.path));
            }
            all.insert(code, entries);
        }
    }
    let mut text = String::from(
        "# Error codes\n\nCodes are stable: a code never changes what it stands for. `blame` is who can mend it, and decides \
         the status that the gateway answers with and the exit code of the command.\n\n\
         | code | blame | message | meaning |\n|---|---|---|---|\n",
    );
    for (code, entries) in &all {
        for entry in entries {
            let message = entry.message.replace('|', "\\|");
            text.push_str(&format!(
                "| {code} | {} | {message} | {} |\n",
                entry.blame,
                entry.meaning.replace('|', "\\|")
            ));
        }
    }
    Ok(text)
}

/// The codes of one file, each with the variants that bear it.
fn coded(source: &Source) -> BTreeMap<String, Vec<Entry>> {
    let code = selfish(source.text.split("#[cfg(test)]").next().unwrap_or_default());
    let mut all: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for (at, _) in code.match_indices("\"GP-") {
        let (before, rest) = code.split_at(at);
        let Some(name) = rest.split('"').nth(1).filter(|name| is_code(name)) else { continue };
        let entries = all.entry(name.to_owned()).or_default();
        let described = variants(before).into_iter().filter_map(|variant| describe(source, &code, &variant));
        entries.extend(described);
        if entries.is_empty() {
            let meaning = format!("See `{}`.", source.path);
            entries.push(Entry { meaning, path: source.path.clone(), ..Entry::default() });
        }
    }
    all
}

/// The text with every enum of the file called `Self` where a variant is named, as most files do themselves.
fn selfish(text: &str) -> String {
    let names = text.lines().filter_map(|line| line.split_once("enum ")?.1.split([' ', '<']).next());
    names.fold(text.to_owned(), |text, name| text.replace(&format!(" {name}::"), " Self::"))
}

fn is_code(text: &str) -> bool {
    let mut parts = text.split('-');
    let (head, area, number) = (parts.next(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    head == Some("GP")
        && parts.next().is_none()
        && !area.is_empty()
        && area.chars().all(|char| char.is_ascii_uppercase())
        && number.len() == 3
        && number.chars().all(|char| char.is_ascii_digit())
}

/// The variants of the match arm whose pattern `text` ends with (`Self::A { .. } | Self::B =>`).
fn variants(text: &str) -> Vec<String> {
    let Some(pattern) = text.trim_end().strip_suffix("=>") else { return Vec::new() };
    let start = ["\",", "{\n", "),", "}\n"].iter().filter_map(|end| pattern.rfind(end)).max().unwrap_or(0);
    let names = pattern.split_at(start).1.split("Self::").skip(1);
    names.map(|rest| rest.chars().take_while(|char| char.is_alphanumeric()).collect()).collect()
}

fn describe(source: &Source, code: &str, variant: &str) -> Option<Entry> {
    let lines: Vec<&str> = code.lines().collect();
    let places = lines.iter().enumerate().filter(|(_, line)| declares(line, variant));
    let entries = places.map(|(at, _)| entry(source, code, variant, lines.split_at(at).0));
    // A name may stand in two enums of the file. The one that prints a message is the error.
    entries.max_by_key(|entry| !entry.message.is_empty())
}

fn entry(source: &Source, code: &str, variant: &str, before: &[&str]) -> Entry {
    let above: Vec<&str> = before.iter().rev().take_while(|line| !ends_variant(line)).copied().collect();
    let in_order = || above.iter().rev().map(|line| line.trim());
    let meaning: Vec<&str> = in_order().filter_map(|line| line.strip_prefix("///")).map(str::trim).collect();
    let attribute: Vec<&str> = in_order().filter(|line| !line.starts_with("///")).collect();
    Entry {
        message: message(&attribute.join(" ")),
        meaning: unlinked(&meaning.join(" ")),
        blame: blame(code, variant),
        path: source.path.clone(),
    }
}

/// The text without its links to code, which lead nowhere in a book: `[Limits](gatepost_model::Limits)` is `Limits`.
fn unlinked(text: &str) -> String {
    let mut parts = text.split("](");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(')') {
            Some((target, after)) if target.contains("::") => {
                if let Some(at) = out.rfind('[') {
                    out.remove(at);
                }
                out.push_str(after);
            }
            _ => {
                out.push_str("](");
                out.push_str(part);
            }
        }
    }
    out
}

/// `Variant,`, `Variant {` or `Variant(` at the depth of an enum's variants.
fn declares(line: &str, variant: &str) -> bool {
    let rest = line.strip_prefix("    ").and_then(|line| line.strip_prefix(variant));
    rest.is_some_and(|rest| rest.starts_with([',', ' ', '(']))
}

fn ends_variant(line: &str) -> bool {
    let line = line.trim_end();
    line.ends_with('{')
        || matches!(line, "    }," | "    ),")
        || (line.ends_with(',') && !line.trim_start().starts_with("///") && !line.starts_with("        "))
}

/// The text of `#[error("..")]`.
fn message(attributes: &str) -> String {
    let Some((_, after)) = attributes.split_once("#[error(") else { return String::new() };
    if after.starts_with("transparent") {
        return "as the error inside says".to_owned();
    }
    let Some((_, quoted)) = after.split_once('"') else { return String::new() };
    let mut text = String::new();
    let mut escaped = false;
    for char in quoted.chars() {
        match char {
            '"' if !escaped => break,
            '\\' if !escaped => escaped = true,
            _ => {
                escaped = false;
                text.push(char);
            }
        }
    }
    text
}

/// The `Blame::X` of the first match arm that names the variant, or of a body without arms.
fn blame(code: &str, variant: &str) -> String {
    let body = code
        .split_once("fn blame")
        .and_then(|(_, rest)| rest.split_once('{'))
        .map(|(_, body)| body)
        .unwrap_or_default();
    let body = body.split("\n    }").next().unwrap_or_default();
    let arm = body.split("Self::").skip_while(|rest| !names(rest, variant)).find(|rest| rest.contains("=>"));
    let after = match arm.and_then(|rest| rest.split_once("=>")) {
        Some((_, after)) => after,
        None if !body.contains("=>") => body,
        None => body.rsplit_once("_ =>").map(|(_, after)| after).unwrap_or_default(),
    };
    let name = after.split_once("Blame::").map(|(_, name)| name).unwrap_or_default();
    name.chars().take_while(|char| char.is_alphanumeric()).collect()
}

fn names(rest: &str, variant: &str) -> bool {
    rest.strip_prefix(variant).is_some_and(|after| !after.starts_with(|char: char| char.is_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERRORS: &str = r#"//! Doc.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It cannot be [opened](std::fs::File::open)
    /// or written.
    #[error("the store {path} cannot be \"used\"", path = path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
    },
    /// Another process holds it.
    #[error("locked")]
    Locked,
    /// Gone.
    #[error(transparent)]
    Gone(#[from] Other),
}
impl Fault for StoreError {
    fn blame(&self) -> Blame {
        match self {
            Self::Locked => Blame::Caller,
            Self::Unusable { .. } | Self::Gone(_) => Blame::Environment,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Unusable { .. } => "GP-STORE-001",
            Self::Locked | Self::Gone(_) => "GP-STORE-002",
        }
    }
}
#[cfg(test)]
mod tests { const X: &str = "GP-STORE-999"; }
"#;

    #[test]
    fn a_code_is_told_with_its_variant() {
        let source = Source { path: "crates/io/store/src/error.rs".into(), text: ERRORS.into() };
        let page = page(&[source]).unwrap();
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| GP")).collect();
        assert_eq!(
            rows,
            [
                "| GP-STORE-001 | Environment | the store {path} cannot be \"used\" | It cannot be opened or written. |",
                "| GP-STORE-002 | Caller | locked | Another process holds it. |",
                "| GP-STORE-002 | Environment | as the error inside says | Gone. |",
            ]
        );
    }

    #[test]
    fn a_code_stands_for_one_thing() {
        let source = |path: &str| Source { path: path.into(), text: "//! D.\nconst A: &str = \"GP-A-001\";".into() };
        assert_eq!(
            page(&[source("crates/a/src/a.rs"), source("crates/b/src/b.rs")]).unwrap_err(),
            "GP-A-001 stands in crates/a/src/a.rs and in crates/b/src/b.rs"
        );
    }
}
