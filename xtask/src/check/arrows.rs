//! Arrows run down: `cargo metadata` against `crates/arrows.toml`.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata};
use serde::Deserialize;

use crate::finding::Finding;

/// `crates/arrows.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arrows {
    development: Allowance,
    /// By crate name.
    pub(crate) crates: BTreeMap<String, Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Allowance {
    inside: BTreeSet<String>,
    outside: BTreeSet<String>,
}

/// What one crate may use.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// 1 is the ground; arrows go to lower floors only.
    pub(crate) floor: u32,
    /// Crates of the workspace.
    pub(crate) inside: BTreeSet<String>,
    /// Crates of the registry.
    pub(crate) outside: BTreeSet<String>,
}

/// One dependency as a manifest declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Use {
    user: String,
    used: String,
    /// A dependency of tests and benches only.
    development: bool,
    /// A crate of this workspace.
    inside: bool,
}

/// Every crate of the workspace, and every dependency that their manifests declare.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    crates: BTreeSet<String>,
    uses: Vec<Use>,
}

/// What the manifests say. Optional and platform-bound dependencies count as well.
pub(crate) fn uses(metadata: &Metadata) -> Uses {
    let mut all = Uses::default();
    for package in metadata.workspace_packages() {
        all.crates.insert(package.name.to_string());
        all.uses.extend(package.dependencies.iter().map(|dependency| Use {
            user: package.name.to_string(),
            used: dependency.name.clone(),
            development: dependency.kind == DependencyKind::Development,
            inside: dependency.path.is_some(),
        }));
    }
    all
}

impl Arrows {
    /// Reads the table.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| format!("crates/arrows.toml: {error}"))
    }

    /// Every dependency that the table does not allow, and every row that itself points up.
    pub(crate) fn violations(&self, all: &Uses) -> Vec<Finding> {
        let mut found = self.rows_that_point_up();
        for name in all.crates.iter().filter(|name| !self.crates.contains_key(*name)) {
            found.push(Finding::new(name, "is not in crates/arrows.toml"));
        }
        for name in self.crates.keys().filter(|name| !all.crates.contains(*name)) {
            found.push(Finding::new(name, "is in crates/arrows.toml but not in the workspace"));
        }
        found.extend(all.uses.iter().filter_map(|one| self.violation(one)));
        found
    }

    fn rows_that_point_up(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        for (user, row) in &self.crates {
            for used in &row.inside {
                let why = match self.crates.get(used).map(|target| target.floor) {
                    None => "crates/arrows.toml allows a crate that it does not describe".to_owned(),
                    Some(floor) if floor >= row.floor => {
                        format!("crates/arrows.toml lets floor {} use floor {floor}; arrows go down only", row.floor)
                    }
                    Some(_) => continue,
                };
                found.push(Finding::new(format!("{user} -> {used}"), why));
            }
        }
        found
    }

    fn violation(&self, one: &Use) -> Option<Finding> {
        let row = self.crates.get(&one.user)?;
        let (allowed, shared) = match one.inside {
            true => (&row.inside, &self.development.inside),
            false => (&row.outside, &self.development.outside),
        };
        if allowed.contains(&one.used) || (one.development && shared.contains(&one.used)) {
            return None;
        }
        Some(Finding::new(format!("{} -> {}", one.user, one.used), self.reason(row, one)))
    }

    fn reason(&self, row: &Row, one: &Use) -> String {
        let target = self.crates.get(&one.used).map(|target| target.floor);
        match (one.inside, target) {
            (true, Some(floor)) if floor > row.floor => {
                format!("the arrow runs up, from floor {} to floor {floor}", row.floor)
            }
            (true, Some(floor)) if floor == row.floor => {
                format!("crates of one floor ({floor}) do not know each other")
            }
            (true, _) => "crates/arrows.toml does not allow this arrow".to_owned(),
            (false, _) if one.development => {
                "crates/arrows.toml does not allow this outside crate, not even in tests".to_owned()
            }
            (false, _) => "crates/arrows.toml does not allow this outside crate".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = r#"
        [development]
        inside = ["kit"]
        outside = ["proptest"]
        [crates.model]
        floor = 1
        inside = []
        outside = ["url"]
        [crates.auth]
        floor = 2
        inside = ["model"]
        outside = []
        [crates.tls]
        floor = 2
        inside = ["model"]
        outside = []
        [crates.engine]
        floor = 3
        inside = ["auth"]
        outside = []
        [crates.kit]
        floor = 3
        inside = []
        outside = []
    "#;

    fn arrow(user: &str, used: &str) -> Use {
        Use { user: user.into(), used: used.into(), development: false, inside: true }
    }

    fn outside(user: &str, used: &str) -> Use {
        Use { inside: false, ..arrow(user, used) }
    }

    fn in_tests(one: Use) -> Use {
        Use { development: true, ..one }
    }

    fn judge(one: Use) -> Vec<String> {
        let table = Arrows::parse(TABLE).unwrap();
        let all = Uses { crates: table.crates.keys().cloned().collect(), uses: vec![one] };
        table.violations(&all).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_arrow_is_judged_by_the_table() {
        let nothing: [&str; 0] = [];
        let table: [(Use, &[&str]); 10] = [
            (arrow("auth", "model"), &nothing),
            (outside("model", "url"), &nothing),
            (in_tests(arrow("auth", "kit")), &nothing),
            (in_tests(outside("auth", "proptest")), &nothing),
            (arrow("model", "engine"), &["model -> engine: the arrow runs up, from floor 1 to floor 3"]),
            (arrow("auth", "tls"), &["auth -> tls: crates of one floor (2) do not know each other"]),
            (arrow("engine", "tls"), &["engine -> tls: crates/arrows.toml does not allow this arrow"]),
            (arrow("auth", "kit"), &["auth -> kit: the arrow runs up, from floor 2 to floor 3"]),
            (outside("auth", "tokio"), &["auth -> tokio: crates/arrows.toml does not allow this outside crate"]),
            (
                in_tests(outside("auth", "openssl")),
                &["auth -> openssl: crates/arrows.toml does not allow this outside crate, not even in tests"],
            ),
        ];
        for (one, expected) in table {
            assert_eq!(judge(one.clone()), expected, "{one:?}");
        }
    }

    #[test]
    fn a_table_that_points_up_is_itself_a_violation() {
        let table = Arrows::parse(&TABLE.replace(
            "outside = [\"url\"]",
            "outside = [\"url\"]\n[crates.x]\nfloor = 1\ninside = [\"engine\"]\noutside = []",
        ))
        .unwrap();
        let all = Uses { crates: table.crates.keys().cloned().collect(), uses: vec![] };
        let found: Vec<String> = table.violations(&all).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["x -> engine: crates/arrows.toml lets floor 1 use floor 3; arrows go down only"]);
    }

    #[test]
    fn every_crate_is_described_and_every_description_has_its_crate() {
        let table = Arrows::parse(TABLE).unwrap();
        let mut crates: BTreeSet<String> = table.crates.keys().cloned().collect();
        crates.remove("kit");
        crates.insert("attic".into());
        let found: Vec<String> =
            table.violations(&Uses { crates, uses: vec![] }).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            ["attic: is not in crates/arrows.toml", "kit: is in crates/arrows.toml but not in the workspace"]
        );
    }
}
