//! Crates and versions that `deny.toml` refuses by name, and origins other than the default registry.

use crate::deny::crates::{Crate, Origin};
use crate::deny::policy::Policy;
use crate::finding::Finding;

/// Every crate that is refused by name, by version or by where it comes from.
pub(crate) fn violations(policy: &Policy, built: &[Crate]) -> Result<Vec<Finding>, String> {
    let mut found: Vec<Finding> = built.iter().filter_map(stranger).collect();
    for refused in &policy.bans.deny {
        let (name, range) = refused.parts()?;
        let hits = built.iter().filter(|one| one.name == name && range.matches(&one.version));
        found.extend(hits.map(|one| Finding::new(one.label(), format!("is refused: {}", refused.reason))));
    }
    Ok(found)
}

fn stranger(one: &Crate) -> Option<Finding> {
    match &one.origin {
        Origin::Other(origin) => Some(Finding::new(one.label(), format!("comes from {origin}"))),
        Origin::Workspace | Origin::DefaultRegistry => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
        graph.targets = []
        licenses.allow = []
        advisories.ignore = []
        sources = { unknown-registry = "deny", unknown-git = "deny" }
        [bans]
        multiple-versions = "deny"
        skip = []
        deny = [
          { crate = "h2:<0.4.16", reason = "the floor" },
          { crate = "openssl", reason = "rustls" },
        ]
    "#;

    #[test]
    fn a_floor_a_name_and_an_origin_refuse() {
        let policy = Policy::parse(POLICY).unwrap();
        let git = Crate { origin: Origin::Other("git+https://host/x".into()), ..Crate::sample("x", "1.0.0") };
        let table = [
            (Crate::sample("h2", "0.4.16"), None),
            (Crate::sample("h2", "0.4.15"), Some("h2 0.4.15: is refused: the floor")),
            (Crate::sample("openssl", "0.10.0"), Some("openssl 0.10.0: is refused: rustls")),
            (git, Some("x 1.0.0: comes from git+https://host/x")),
        ];
        for (one, expected) in table {
            let found: Vec<String> =
                violations(&policy, std::slice::from_ref(&one)).unwrap().iter().map(ToString::to_string).collect();
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{one:?}");
        }
    }
}
