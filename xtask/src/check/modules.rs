//! The modules of a crate and which paths each names, read from the text without a compiler.
//!
//! A scan, not a parser: it knows comments, strings, `use` groups and `mod x;`. It does not know inline
//! modules (`mod x { .. }`) or macros. Unit tests, which stand last in a file, are not looked at.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::Source;

/// The names from a crate's root to a module; empty for the root.
pub(crate) type Route = Vec<String>;

/// One file of a crate.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// The file, relative to the work tree.
    pub(crate) path: String,
    /// The file without comments, strings and unit tests.
    pub(crate) code: String,
    /// The modules that it declares with `mod x;`.
    pub(crate) declares: BTreeSet<String>,
    /// The paths it names that start with `crate`, `super` or `self`, groups spelled out.
    pub(crate) names: BTreeSet<Vec<String>>,
}

/// The modules of one crate.
pub(crate) type Modules = BTreeMap<Route, Module>;

/// The crates among `sources`, by their `src` folder. `src/bin` and test files are left out.
pub(crate) fn crates(sources: &[Source]) -> BTreeMap<String, Modules> {
    let mut all: BTreeMap<String, Modules> = BTreeMap::new();
    for source in sources {
        let Some((folder, route)) = place(&source.path) else { continue };
        let code = without_tests(&bare(&source.text));
        let module = Module { path: source.path.clone(), declares: declared(&code), names: named(&code), code };
        all.entry(folder).or_default().entry(route).or_insert(module);
    }
    all
}

/// The module that a path leads to from `from`, and the first name after it.
pub(crate) fn resolve(modules: &Modules, from: &Route, path: &[String]) -> Option<(Route, Option<String>)> {
    let mut at = from.clone();
    let mut rest = path.iter();
    let mut next = rest.next();
    match next.map(String::as_str) {
        Some("crate") => at.clear(),
        Some("self") => {}
        _ => {
            at.pop()?;
        }
    }
    next = rest.next();
    while next.is_some_and(|name| name == "super") {
        at.pop()?;
        next = rest.next();
    }
    while let Some(name) = next {
        let deeper = [at.as_slice(), std::slice::from_ref(name)].concat();
        if !modules.contains_key(&deeper) {
            break;
        }
        at = deeper;
        next = rest.next();
    }
    Some((at, next.cloned()))
}

fn place(path: &str) -> Option<(String, Route)> {
    let (before, inside) = path.strip_suffix(".rs")?.split_once("/src/")?;
    let mut route: Route = inside.split('/').map(str::to_owned).collect();
    if route.first().is_some_and(|name| name == "bin") || route.last().is_some_and(|name| name == "tests") {
        return None;
    }
    if matches!(inside, "lib" | "main") || route.last().is_some_and(|name| name == "mod") {
        route.pop();
    }
    Some((format!("{before}/src"), route))
}

/// The text with comments and what stands between quotes blanked out.
fn bare(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |at| at + 2)
        } else if let Some(length) = quoted(rest, out.chars().next_back()) {
            length
        } else {
            out.push(char);
            rest = rest.split_at(char.len_utf8()).1;
            continue;
        };
        let (gone, after) = rest.split_at(length);
        out.push(' ');
        out.extend(gone.chars().filter(|char| *char == '\n'));
        rest = after;
    }
    out
}

/// The length of a string or character literal that `text` starts with.
fn quoted(text: &str, before: Option<char>) -> Option<usize> {
    if text.starts_with('"') {
        return Some(closed(text, 1, '"'));
    }
    if text.starts_with('\'') {
        let mut chars = text.chars().skip(1);
        let escaped = chars.next() == Some('\\');
        // Anything else is a lifetime or a label.
        return (escaped || chars.next() == Some('\'')).then(|| closed(text, 1, '\''));
    }
    if text.starts_with('r') && !before.is_some_and(is_name) {
        let hashes = text.chars().skip(1).take_while(|char| *char == '#').count();
        if text.chars().nth(1 + hashes) == Some('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let opening = 2 + hashes;
            return Some(text.split_at(opening).1.find(&end).map_or(text.len(), |at| opening + at + end.len()));
        }
    }
    None
}

/// The length up to and with the `end` that no backslash precedes.
fn closed(text: &str, from: usize, end: char) -> usize {
    let mut escaped = false;
    for (at, char) in text.char_indices().filter(|(at, _)| *at >= from) {
        if char == end && !escaped {
            return at + char.len_utf8();
        }
        escaped = char == '\\' && !escaped;
    }
    text.len()
}

fn without_tests(code: &str) -> String {
    code.match_indices("#[cfg(")
        .find(|(at, _)| {
            let rest = code.split_at(*at).1;
            let Some((condition, after)) = rest.split_once(")]") else { return false };
            condition.contains("test") && after.trim_start().starts_with("mod ")
        })
        .map_or_else(|| code.to_owned(), |(at, _)| code.split_at(at).0.to_owned())
}

fn declared(code: &str) -> BTreeSet<String> {
    let declaration = |statement: &str| {
        let mut words = statement.split_whitespace().rev();
        let name = words.next()?;
        (words.next()? == "mod" && name.chars().all(is_name)).then(|| name.to_owned())
    };
    code.split(';').filter_map(declaration).collect()
}

fn named(code: &str) -> BTreeSet<Vec<String>> {
    let mut all = BTreeSet::new();
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            let (before, rest) = code.split_at(at);
            let continues = before.chars().next_back().is_some_and(|char| is_name(char) || char == ':' || char == '$');
            if !continues {
                spell_out(rest, &[], &mut all);
            }
        }
    }
    all
}

/// Adds every path that `text` starts with, behind `before`, and returns what stands after it.
fn spell_out<'a>(text: &'a str, before: &[String], all: &mut BTreeSet<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut inner) = text.strip_prefix('{') {
        while !inner.trim_start().starts_with('}') && !inner.trim().is_empty() {
            let after = spell_out(inner, before, all).trim_start();
            let past = after.find([',', '}']).unwrap_or(after.len());
            inner = after.split_at(past).1.trim_start_matches(',');
        }
        return inner.trim_start().trim_start_matches('}');
    }
    let length = text.find(|char| !is_name(char)).unwrap_or(text.len());
    let (name, after) = text.split_at(length);
    let mut path = before.to_vec();
    if !name.is_empty() && (name != "self" || before.is_empty()) {
        path.push(name.to_owned());
    }
    match after.strip_prefix("::") {
        Some(deeper) if !deeper.starts_with('<') => spell_out(deeper, &path, all),
        _ => {
            all.insert(path);
            after
        }
    }
}

fn is_name(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(code: &str) -> Vec<String> {
        named(&without_tests(&bare(code))).into_iter().map(|path| path.join("::")).collect()
    }

    #[test]
    fn paths_are_found_in_groups_and_in_code_but_not_in_text() {
        let code = r##"
            use crate::a::{self, B, c::{D, E as F}};
            // use crate::comment::X;
            fn f() -> &'static str { let c = '"'; let l = r#"crate::raw::X"#; super::g::h("crate::text::X") }
            pub(in crate::a) struct T<'a>(&'a u8, self::k::L);
            $crate::macros!();
            #[cfg(test)]
            mod tests { use crate::only::tests; }
        "##;
        assert_eq!(
            paths(code),
            ["crate::a", "crate::a::B", "crate::a::c::D", "crate::a::c::E", "self::k::L", "super::g::h"]
        );
    }

    #[test]
    fn only_modules_of_other_files_are_declared() {
        let code = "pub mod a;\n#[path = \"x\"] mod b;\nmod c { fn f() {} }\nlet mod_d = 1; pub(crate) mod e ;";
        assert_eq!(declared(code), ["a", "b", "e"].map(str::to_owned).into());
    }

    #[test]
    fn a_file_has_its_place_in_its_crate() {
        let route = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Route>();
        let table = [
            ("crates/a/src/lib.rs", Some(route(&[]))),
            ("crates/a/src/main.rs", Some(route(&[]))),
            ("crates/a/src/b/mod.rs", Some(route(&["b"]))),
            ("crates/a/src/b/c.rs", Some(route(&["b", "c"]))),
            ("crates/a/src/b/tests.rs", None),
            ("crates/a/src/bin/x.rs", None),
            ("crates/a/tests/x.rs", None),
        ];
        for (path, expected) in table {
            assert_eq!(place(path), expected.map(|route| ("crates/a/src".to_owned(), route)), "{path}");
        }
    }
}
