//! No circles between the files of a crate.
//!
//! A file leads to the files whose items it names, and to the modules that it declares. So a child that
//! imports from the `mod.rs` above it closes a circle, and that is meant.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::check::modules::{self, Modules};
use crate::finding::Finding;
use crate::tree::Source;

/// File to files.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// One finding for each knot of files that lead to each other, with the shortest way around.
pub(crate) fn violations(sources: &[Source]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (folder, modules) in modules::crates(sources) {
        let graph = graph(&modules);
        let mut seen = BTreeSet::new();
        for file in graph.keys() {
            if seen.contains(file) {
                continue;
            }
            let Some(circle) = shortest_circle(&graph, file) else { continue };
            seen.extend(knot(&graph, file));
            let names: Vec<&str> = circle.iter().map(|path| short(&folder, path)).collect();
            found.push(Finding::new(folder.clone(), format!("a circle of files: {}", names.join(" -> "))));
        }
    }
    found
}

fn graph(modules: &Modules) -> Graph {
    let mut graph = Graph::new();
    for (route, module) in modules {
        let mut targets = BTreeSet::new();
        for path in &module.names {
            if let Some((target, _)) = modules::resolve(modules, route, path) {
                targets.extend(modules.get(&target).map(|target| target.path.clone()));
            }
        }
        for name in &module.declares {
            let child = [route.as_slice(), std::slice::from_ref(name)].concat();
            targets.extend(modules.get(&child).map(|child| child.path.clone()));
        }
        targets.remove(&module.path);
        graph.insert(module.path.clone(), targets);
    }
    graph
}

/// The files that `file` leads to and that lead back.
fn knot(graph: &Graph, file: &str) -> Vec<String> {
    reached(graph, file).into_iter().filter(|other| reached(graph, other).contains(file)).collect()
}

fn reached(graph: &Graph, from: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut todo = vec![from.to_owned()];
    while let Some(file) = todo.pop() {
        for next in graph.get(&file).into_iter().flatten() {
            if seen.insert(next.clone()) {
                todo.push(next.clone());
            }
        }
    }
    seen
}

/// The way from `file` back to `file` over the fewest others, both ends named.
fn shortest_circle(graph: &Graph, file: &str) -> Option<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut todo = VecDeque::from([vec![file.to_owned()]]);
    while let Some(way) = todo.pop_front() {
        for next in way.last().and_then(|last| graph.get(last)).into_iter().flatten() {
            let longer = [way.as_slice(), std::slice::from_ref(next)].concat();
            if next == file {
                return Some(longer);
            }
            if seen.insert(next.clone()) {
                todo.push_back(longer);
            }
        }
    }
    None
}

fn short<'a>(folder: &str, path: &'a str) -> &'a str {
    path.strip_prefix(folder).map_or(path, |rest| rest.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let source = |(path, text): &(&str, &str)| Source { path: format!("c/src/{path}"), text: (*text).into() };
        let sources: Vec<Source> = files.iter().map(source).collect();
        violations(&sources).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_circle_is_caught_once() {
        let files = [
            ("lib.rs", "mod a;\nmod b;\nmod c;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "use super::c::C;"),
            ("c.rs", "fn f() { crate::a::g() }"),
        ];
        assert_eq!(found(&files), ["c/src: a circle of files: a.rs -> b.rs -> c.rs -> a.rs"]);
    }

    #[test]
    fn a_child_that_imports_from_its_parent_closes_a_circle() {
        let files = [
            ("lib.rs", "pub mod a;"),
            ("a/mod.rs", "mod one;\nmod two;\npub struct Parent;"),
            ("a/one.rs", "use super::Parent;"),
            ("a/two.rs", "use super::one::One;"),
        ];
        assert_eq!(found(&files), ["c/src: a circle of files: a/mod.rs -> a/one.rs -> a/mod.rs"]);
    }

    #[test]
    fn a_straight_crate_has_none() {
        let files = [
            ("lib.rs", "pub mod a;\npub mod b;\npub use a::A;"),
            ("a.rs", "use crate::b::B;\n#[cfg(test)]\nmod tests { use super::*; use crate::A; }"),
            ("b.rs", "pub struct B;"),
        ];
        assert_eq!(found(&files), [""; 0]);
    }
}
