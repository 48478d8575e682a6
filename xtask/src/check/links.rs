//! Every relative link of a Markdown file leads to a file or folder that is there.

use std::collections::BTreeSet;

use crate::finding::Finding;
use crate::tree::Source;

/// Every link that leads nowhere. Only files that are text can be linked to; the project has no others.
pub(crate) fn violations(sources: &[Source]) -> Vec<Finding> {
    let places = places(sources);
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| source.path.ends_with(".md")) {
        for (number, line) in source.text.lines().enumerate() {
            for target in targets(line) {
                if !places.contains(&resolved(&source.path, target)) {
                    let place = format!("{}:{}", source.path, number + 1);
                    found.push(Finding::new(place, format!("the link to `{target}` leads nowhere")));
                }
            }
        }
    }
    found
}

/// All files, and all folders that hold one.
fn places(sources: &[Source]) -> BTreeSet<String> {
    let mut all = BTreeSet::from([String::new()]);
    for source in sources {
        all.insert(source.path.clone());
        all.extend(source.path.match_indices('/').map(|(at, _)| source.path.split_at(at).0.to_owned()));
    }
    all
}

/// The targets of `[text](target)` in a line that are paths, without what follows `#`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split([')', ' ']).next()?.split('#').next()?;
        (!target.is_empty() && !target.contains(':')).then_some(target)
    })
}

fn resolved(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match part {
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_link_is_caught() {
        let source = |path: &str, text: &str| Source { path: path.into(), text: text.into() };
        let sources = [
            source("README.md", "[a](docs/a.md) [b](docs/#top) [c](https://host/x) [d](#here) ![e](gone.png)"),
            source("docs/a.md", "text\n[up](../README.md#two) [away](missing.md)"),
        ];
        let found: Vec<String> = violations(&sources).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "README.md:1: the link to `gone.png` leads nowhere",
                "docs/a.md:2: the link to `missing.md` leads nowhere"
            ]
        );
    }
}
