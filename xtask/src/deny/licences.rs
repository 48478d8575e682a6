//! Licences: each crate's SPDX expression must be satisfiable with the allowed ones.

use crate::deny::crates::{Crate, Origin};
use crate::deny::policy::Licences;
use crate::finding::Finding;

/// Every crate of others whose licence is missing, unreadable or not allowed, and every allowance that nothing needs.
pub(crate) fn violations(policy: &Licences, built: &[Crate]) -> Result<Vec<Finding>, String> {
    let mut found = Vec::new();
    for one in built.iter().filter(|one| one.origin != Origin::Workspace) {
        let Some(licence) = &one.licence else {
            found.push(Finding::new(one.label(), "names no licence"));
            continue;
        };
        match satisfied(licence, &policy.allow) {
            Some(true) => {}
            Some(false) => found.push(Finding::new(one.label(), format!("the licence `{licence}` is not allowed"))),
            None => found.push(Finding::new(one.label(), format!("`{licence}` is not an SPDX expression"))),
        }
    }
    Ok(found)
}

/// Can `expression` be met with the `allowed` licences? `None` where it cannot be read.
///
/// The older `MIT/Apache-2.0` is read as `OR`. `OR` binds looser than `AND` (SPDX 2.3, annex D.4).
fn satisfied(expression: &str, allowed: &[String]) -> Option<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader { words: &words, allowed };
    let met = reader.any()?;
    reader.words.is_empty().then_some(met)
}

struct Reader<'a> {
    words: &'a [&'a str],
    allowed: &'a [String],
}

impl Reader<'_> {
    fn any(&mut self) -> Option<bool> {
        let mut met = self.all()?;
        while self.takes("OR") {
            met |= self.all()?;
        }
        Some(met)
    }

    fn all(&mut self) -> Option<bool> {
        let mut met = self.one()?;
        while self.takes("AND") {
            met &= self.one()?;
        }
        Some(met)
    }

    fn one(&mut self) -> Option<bool> {
        if self.takes("(") {
            let met = self.any()?;
            return self.takes(")").then_some(met);
        }
        let mut name = self.next().filter(|word| !matches!(*word, "OR" | "AND" | "WITH" | ")"))?.to_owned();
        if self.takes("WITH") {
            name = format!("{name} WITH {}", self.next()?);
        }
        Some(self.allowed.contains(&name))
    }

    fn next(&mut self) -> Option<&str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    fn takes(&mut self, word: &str) -> bool {
        let here = self.words.first() == Some(&word);
        if here {
            self.next();
        }
        here
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_met_or_not() {
        let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
        let table = [
            ("MIT", Some(true)),
            ("GPL-3.0", Some(false)),
            ("GPL-3.0 OR MIT", Some(true)),
            ("GPL-3.0/MIT", Some(true)),
            ("GPL-3.0 AND MIT", Some(false)),
            ("ISC AND (GPL-3.0 OR MIT)", Some(true)),
            ("GPL-3.0 OR ISC AND MIT", Some(true)),
            ("Apache-2.0", Some(false)),
            ("Apache-2.0 WITH LLVM-exception", Some(true)),
            ("MIT OR", None),
            ("(MIT", None),
            ("MIT ISC", None),
            ("", None),
        ];
        for (expression, expected) in table {
            assert_eq!(satisfied(expression, &allowed), expected, "{expression}");
        }
    }

    #[test]
    fn a_crate_without_a_licence_is_caught() {
        let nameless = Crate { licence: None, ..Crate::sample("a", "1.0.0") };
        let found = violations(&Licences { allow: vec!["MIT".into()] }, &[nameless, Crate::sample("b", "1.0.0")]);
        assert_eq!(found, Ok(vec![Finding::new("a 1.0.0", "names no licence")]));
    }
}
