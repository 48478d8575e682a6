//! No file speaks of one machine: no absolute path of somebody's home or work folder.

use crate::finding::Finding;
use crate::tree::Source;

/// Folders that exist on the machine of whoever wrote the line. In pieces, so that this file passes.
const PRIVATE: [&str; 4] =
    [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

/// Every line with such a path in any text file.
pub(crate) fn violations(sources: &[Source]) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in sources {
        for (number, line) in source.text.lines().enumerate() {
            for folder in PRIVATE.iter().filter(|folder| stands_in(line, folder)) {
                let place = format!("{}:{}", source.path, number + 1);
                found.push(Finding::new(place, format!("an absolute path of one machine (`{folder}`)")));
            }
        }
    }
    found
}

/// A path of a URL (`https://host/wo.../`) or a longer path (`target/wo.../`) is not one of a machine.
fn stands_in(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|head| head.chars().next_back());
        !before.is_some_and(|char| char.is_alphanumeric() || "-_.}*~$".contains(char))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_that_starts_there_is_caught() {
        let folder = PRIVATE[0];
        let table = [
            (format!("see {folder}notes"), true),
            (format!("{folder}notes"), true),
            (format!("\"{folder}\""), true),
            (format!("https://host{folder}notes"), false),
            (format!("${{HOME}}{folder}notes"), false),
            ("nothing here".to_owned(), false),
        ];
        for (line, expected) in table {
            let source = Source { path: "a.md".into(), text: format!("first\n{line}\n") };
            let places: Vec<String> = violations(&[source]).into_iter().map(|finding| finding.place).collect();
            assert_eq!(places, if expected { vec!["a.md:2"] } else { vec![] }, "{line}");
        }
    }
}
