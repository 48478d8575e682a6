//! One version of each crate, but for those that `deny.toml` names with a reason.

use std::collections::BTreeMap;

use crate::deny::crates::Crate;
use crate::deny::policy::{Answer, Bans};
use crate::finding::Finding;

/// Every crate that is built in more than one version, and every exception that nothing needs any more.
pub(crate) fn violations(policy: &Bans, built: &[Crate]) -> Result<Vec<Finding>, String> {
    let Answer::Deny = policy.multiple_versions;
    let mut by_name: BTreeMap<&str, Vec<&Crate>> = BTreeMap::new();
    for one in built {
        by_name.entry(&one.name).or_default().push(one);
    }
    let mut found = Vec::new();
    let mut needed = vec![false; policy.skip.len()];
    for versions in by_name.values().filter(|versions| versions.len() > 1) {
        let mut left = Vec::new();
        for one in versions {
            match skip_of(policy, one)? {
                Some(skip) => needed.iter_mut().skip(skip).take(1).for_each(|flag| *flag = true),
                None => left.push(one.version.to_string()),
            }
        }
        if let (Some(one), true) = (versions.first(), left.len() > 1) {
            found.push(Finding::new(&one.name, format!("is built in {} versions: {}", left.len(), left.join(", "))));
        }
    }
    for (skip, _) in policy.skip.iter().zip(needed).filter(|(_, needed)| !needed) {
        found.push(Finding::new(&skip.name, "deny.toml skips it, but it is not built twice"));
    }
    Ok(found)
}

fn skip_of(policy: &Bans, one: &Crate) -> Result<Option<usize>, String> {
    for (at, skip) in policy.skip.iter().enumerate() {
        let (name, range) = skip.parts()?;
        if name == one.name && range.matches(&one.version) {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deny::policy::Named;

    fn found(skip: &[&str], versions: &[&str]) -> Vec<String> {
        let skip = skip.iter().map(|name| Named { name: (*name).into(), reason: "because".into() }).collect();
        let built: Vec<Crate> = versions.iter().map(|version| Crate::sample("a", version)).collect();
        let policy = Bans { multiple_versions: Answer::Deny, deny: vec![], skip };
        violations(&policy, &built).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_second_version_needs_a_reason() {
        assert_eq!(found(&[], &["1.0.0"]), [""; 0]);
        assert_eq!(found(&[], &["1.0.0", "2.0.0"]), ["a: is built in 2 versions: 1.0.0, 2.0.0"]);
        assert_eq!(found(&["a@1.0.0"], &["1.0.0", "2.0.0"]), [""; 0]);
        assert_eq!(found(&["a@1.0.0"], &["1.0.0", "2.0.0", "3.0.0"]), ["a: is built in 2 versions: 2.0.0, 3.0.0"]);
        assert_eq!(found(&["a@1.0.0"], &["2.0.0"]), ["a@1.0.0: deny.toml skips it, but it is not built twice"]);
    }
}
